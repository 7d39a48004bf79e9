//! `/api/v1/prometheus`

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    http::{
        extract::Query,
        problem::{ApiResult, Problem},
    },
    telemetry::prometheus::{self, ExpositionQuery, HostTargetsQuery, TargetGroup},
};

/// The format's version, as Prometheus asks for it.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(metrics))
        .routes(routes!(shards))
        .routes(routes!(hosts))
}

/// The newest readings of the hosts in reach and of their containers, in Prometheus' text format.
#[utoipa::path(get, path = "/api/v1/prometheus/metrics", operation_id = "scrapeFleet", tag = "readings",
    params(ExpositionQuery),
    responses((status = 200, body = String, content_type = "text/plain"), (status = 422, body = Problem)))]
async fn metrics(
    State(app): State<App>,
    caller: Caller,
    Query(asked): Query<ExpositionQuery>,
) -> ApiResult<Response> {
    let text = prometheus::exposition(&app, &caller, &asked).await?;
    Ok(([(header::CONTENT_TYPE, TEXT)], text).into_response())
}

/// The parts that the fleet's readings are scraped in, for Prometheus' HTTP service discovery.
#[utoipa::path(get, path = "/api/v1/prometheus/shards", operation_id = "discoverFleetShards", tag = "readings",
    responses((status = 200, body = Vec<TargetGroup>)))]
async fn shards(State(app): State<App>, caller: Caller) -> ApiResult<Json<Vec<TargetGroup>>> {
    Ok(Json(prometheus::shards(&app, &caller)?))
}

/// The hosts in reach as targets, for Prometheus' HTTP service discovery of exporters on them.
#[utoipa::path(get, path = "/api/v1/prometheus/hosts", operation_id = "discoverHosts", tag = "readings",
    params(HostTargetsQuery), responses((status = 200, body = Vec<TargetGroup>), (status = 422, body = Problem)))]
async fn hosts(
    State(app): State<App>,
    caller: Caller,
    Query(asked): Query<HostTargetsQuery>,
) -> ApiResult<Json<Vec<TargetGroup>>> {
    Ok(Json(prometheus::hosts(&app, &caller, asked).await?))
}
