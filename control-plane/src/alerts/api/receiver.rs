//! `/api/v1/alerts/receivers`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::AlertReceiverId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    alerts::receiver::{self, AlertReceiver, AlertReceiverInput, ReceiverTest},
    app::App,
    http::{
        extract::{Json as Body, Path, Query},
        page::{Page, PageQuery},
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, delete))
        .routes(routes!(test))
}

/// Receivers, by name, without addresses of calls and keys.
#[utoipa::path(get, path = "/api/v1/alerts/receivers", operation_id = "listAlertReceivers", tag = "alerts",
    params(PageQuery), responses((status = 200, body = Page<AlertReceiver>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<AlertReceiver>>> {
    Ok(Json(receiver::list(&app, &caller, &query).await?))
}

/// Makes a receiver; its address and key are never shown again.
#[utoipa::path(post, path = "/api/v1/alerts/receivers", operation_id = "createAlertReceiver", tag = "alerts",
    request_body = AlertReceiverInput,
    responses((status = 201, body = AlertReceiver), (status = 409, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(input): Body<AlertReceiverInput>,
) -> ApiResult<(StatusCode, Json<AlertReceiver>)> {
    let made = receiver::create(&app, &caller, input).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// A receiver.
#[utoipa::path(get, path = "/api/v1/alerts/receivers/{id}", operation_id = "getAlertReceiver", tag = "alerts",
    params(("id" = AlertReceiverId, Path)), responses((status = 200, body = AlertReceiver)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<AlertReceiverId>,
) -> ApiResult<Json<AlertReceiver>> {
    Ok(Json(receiver::get(&app, &caller, id).await?))
}

/// Puts another in its place; its address and key stay if they are left out and its kind stays.
#[utoipa::path(put, path = "/api/v1/alerts/receivers/{id}", operation_id = "replaceAlertReceiver", tag = "alerts",
    params(("id" = AlertReceiverId, Path)), request_body = AlertReceiverInput,
    responses((status = 200, body = AlertReceiver), (status = 409, body = Problem)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<AlertReceiverId>,
    Body(input): Body<AlertReceiverInput>,
) -> ApiResult<Json<AlertReceiver>> {
    Ok(Json(receiver::replace(&app, &caller, id, input).await?))
}

/// Deletes a receiver that no rule names.
#[utoipa::path(delete, path = "/api/v1/alerts/receivers/{id}", operation_id = "deleteAlertReceiver", tag = "alerts",
    params(("id" = AlertReceiverId, Path)), responses((status = 204), (status = 409, body = Problem)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<AlertReceiverId>,
) -> ApiResult<StatusCode> {
    receiver::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a test by the same way as alerts, and answers what came of it.
#[utoipa::path(post, path = "/api/v1/alerts/receivers/{id}/test", operation_id = "testAlertReceiver", tag = "alerts",
    params(("id" = AlertReceiverId, Path)),
    responses((status = 200, body = ReceiverTest), (status = 409, body = Problem), (status = 502, body = Problem)))]
async fn test(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<AlertReceiverId>,
) -> ApiResult<Json<ReceiverTest>> {
    Ok(Json(receiver::test(&app, &caller, id).await?))
}
