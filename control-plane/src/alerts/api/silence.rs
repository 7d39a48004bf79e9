//! `/api/v1/alerts/silences`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::AlertSilenceId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    alerts::silence::{self, NewAlertSilence, Silence, SilenceQuery},
    app::App,
    http::{
        extract::{Json as Body, Path, Query},
        page::Page,
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(end))
}

/// Silences, newest first.
#[utoipa::path(get, path = "/api/v1/alerts/silences", operation_id = "listAlertSilences", tag = "alerts",
    params(SilenceQuery), responses((status = 200, body = Page<Silence>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<SilenceQuery>,
) -> ApiResult<Json<Page<Silence>>> {
    Ok(Json(silence::list(&app, &caller, query).await?))
}

/// Keeps alerts that match from being told, now or in a maintenance window, which may come again every week. They fire all the same, and those that still
/// do when it ends are told then.
#[utoipa::path(post, path = "/api/v1/alerts/silences", operation_id = "createAlertSilence", tag = "alerts",
    request_body = NewAlertSilence, responses((status = 201, body = Silence), (status = 409, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(new): Body<NewAlertSilence>,
) -> ApiResult<(StatusCode, Json<Silence>)> {
    let made = silence::create(&app, &caller, new).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Ends a silence now; it stays in the list.
#[utoipa::path(delete, path = "/api/v1/alerts/silences/{id}", operation_id = "endAlertSilence", tag = "alerts",
    params(("id" = AlertSilenceId, Path)), responses((status = 204), (status = 409, body = Problem)))]
async fn end(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<AlertSilenceId>,
) -> ApiResult<StatusCode> {
    silence::end(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
