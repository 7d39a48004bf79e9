//! `/api/v1/alerts`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::AlertId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    alerts::{
        acknowledge::{self, Acknowledgement},
        alert::{self, Alert, AlertQuery},
    },
    app::App,
    http::{
        extract::{Json as Body, Path, Query},
        page::Page,
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(acknowledge, take_back))
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

/// Says that somebody sees to an alert that fires: it is not told again before it is over, and not escalated.
#[utoipa::path(post, path = "/api/v1/alerts/{id}/acknowledge", operation_id = "acknowledgeAlert", tag = "alerts",
    params(("id" = AlertId, Path)), request_body = Acknowledgement,
    responses((status = 200, body = Alert), (status = 409, body = Problem)))]
async fn acknowledge(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<AlertId>,
    Body(input): Body<Acknowledgement>,
) -> ApiResult<Json<Alert>> {
    Ok(Json(acknowledge::acknowledge(&app, &caller, id, input).await?))
}

/// Takes that back: it is told and escalated as if nobody had.
#[utoipa::path(delete, path = "/api/v1/alerts/{id}/acknowledge", operation_id = "takeBackAlertAcknowledgement", tag = "alerts",
    params(("id" = AlertId, Path)), responses((status = 204), (status = 409, body = Problem)))]
async fn take_back(State(app): State<App>, caller: Caller, Path(id): Path<AlertId>) -> ApiResult<StatusCode> {
    acknowledge::take_back(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
