//! `/api/v1/alerts`

use axum::{Json, extract::State};
use muster_base::AlertId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    alerts::alert::{self, Alert, AlertQuery},
    app::App,
    http::{
        extract::{Path, Query},
        page::Page,
        problem::ApiResult,
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get))
}

/// Alerts of the hosts in reach, newest first: those that are open, or those that are over.
#[utoipa::path(get, path = "/api/v1/alerts", operation_id = "listAlerts", tag = "alerts", params(AlertQuery),
    responses((status = 200, body = Page<Alert>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<AlertQuery>,
) -> ApiResult<Json<Page<Alert>>> {
    Ok(Json(alert::list(&app, &caller, query).await?))
}

/// An alert.
#[utoipa::path(get, path = "/api/v1/alerts/{id}", operation_id = "getAlert", tag = "alerts",
    params(("id" = AlertId, Path)), responses((status = 200, body = Alert)))]
async fn get(State(app): State<App>, caller: Caller, Path(id): Path<AlertId>) -> ApiResult<Json<Alert>> {
    Ok(Json(alert::get(&app, &caller, id).await?))
}
