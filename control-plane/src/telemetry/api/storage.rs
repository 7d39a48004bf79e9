//! `/api/v1/metrics/storage` and `/api/v1/metrics/retention`

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    http::{
        extract::{Json as Body, Query},
        problem::{ApiResult, Problem},
    },
    telemetry::{
        keeping::{self, Retention, WantedDays},
        storage::{self, ReadingsStorage, StorageQuery},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(used))
        .routes(routes!(retention, set_retention))
}

/// The room that the org's readings take, and the hosts that take the most of it. Added up once a minute.
#[utoipa::path(get, path = "/api/v1/metrics/storage", operation_id = "getReadingsStorage", tag = "readings",
    params(StorageQuery), responses((status = 200, body = ReadingsStorage), (status = 422, body = Problem)))]
async fn used(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<StorageQuery>,
) -> ApiResult<Json<ReadingsStorage>> {
    Ok(Json(storage::storage(&app, &caller, &query).await?))
}

/// For how long the org keeps its readings.
#[utoipa::path(get, path = "/api/v1/metrics/retention", operation_id = "getReadingsRetention", tag = "readings",
    responses((status = 200, body = Retention)))]
async fn retention(State(app): State<App>, caller: Caller) -> ApiResult<Json<Retention>> {
    Ok(Json(keeping::get(&app, &caller).await?))
}

/// Changes for how long the org keeps its readings: not longer than the configuration says. What is older is deleted within
/// the hour and does not come back.
#[utoipa::path(put, path = "/api/v1/metrics/retention", operation_id = "setReadingsRetention", tag = "readings",
    request_body = WantedDays, responses((status = 200, body = Retention), (status = 422, body = Problem)))]
async fn set_retention(
    State(app): State<App>,
    caller: Caller,
    Body(wanted): Body<WantedDays>,
) -> ApiResult<Json<Retention>> {
    Ok(Json(keeping::set(&app, &caller, wanted).await?))
}
