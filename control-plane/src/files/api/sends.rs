//! `/api/v1/files/sends`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::FileSendId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    files::{
        send::{self, FileSend, FileSendBody, FileSendTarget},
        sent,
    },
    http::{
        extract::{Json as Body, Path, Query},
        page::{Page, PageQuery},
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get))
        .routes(routes!(targets))
        .routes(routes!(cancel))
}

/// What was sent to hosts, newest first.
#[utoipa::path(get, path = "/api/v1/files/sends", operation_id = "listFileSends", tag = "files", params(PageQuery),
    responses((status = 200, body = Page<FileSend>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<FileSend>>> {
    Ok(Json(sent::list(&app, &caller, &query).await?))
}

/// Sends files to hosts: a signed order for each file and host. A host that is away gets its own when it is back, until it
/// expires. The host's own policy says where files may go.
#[utoipa::path(post, path = "/api/v1/files/sends", operation_id = "sendFiles", tag = "files",
    request_body = FileSendBody,
    responses((status = 202, body = FileSend), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<FileSendBody>,
) -> ApiResult<(StatusCode, Json<FileSend>)> {
    let sent = send::send(&app, &caller, body).await?;
    Ok((StatusCode::ACCEPTED, Json(sent)))
}

/// What was sent, and how many hosts have it.
#[utoipa::path(get, path = "/api/v1/files/sends/{id}", operation_id = "getFileSend", tag = "files",
    params(("id" = FileSendId, Path)),
    responses((status = 200, body = FileSend), (status = 404, body = Problem)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<FileSendId>,
) -> ApiResult<Json<FileSend>> {
    Ok(Json(sent::get(&app, &caller, id).await?))
}

/// What became of each file on each host.
#[utoipa::path(get, path = "/api/v1/files/sends/{id}/targets", operation_id = "listFileSendTargets", tag = "files",
    params(("id" = FileSendId, Path), PageQuery),
    responses((status = 200, body = Page<FileSendTarget>), (status = 404, body = Problem)))]
async fn targets(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<FileSendId>,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<FileSendTarget>>> {
    Ok(Json(sent::targets(&app, &caller, id, &query).await?))
}

/// Takes back what no host has got yet.
#[utoipa::path(post, path = "/api/v1/files/sends/{id}/cancel", operation_id = "cancelFileSend", tag = "files",
    params(("id" = FileSendId, Path)),
    responses((status = 200, body = FileSend), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<FileSendId>,
) -> ApiResult<Json<FileSend>> {
    Ok(Json(sent::cancel(&app, &caller, id).await?))
}
