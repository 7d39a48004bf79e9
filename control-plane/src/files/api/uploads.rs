//! `/api/v1/files/uploads`

use axum::{Json, body::Body as Raw, extract::State, http::StatusCode};
use muster_base::UploadId;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    files::{
        FileItem, complete, piece,
        upload::{self, Upload, UploadBody},
    },
    http::{
        extract::{Json as Body, Path, Query},
        page::{Page, PageQuery},
        problem::{ApiResult, Problem},
    },
};

/// `PUT …/content?…`
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PieceQuery {
    /// How many bytes of the file come before this piece; needed: the upload's `position`.
    #[param(minimum = 0)]
    offset: Option<u64>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, begin))
        .routes(routes!(get, cancel))
        .routes(routes!(put))
        .routes(routes!(complete))
}

/// One's own uploads that are not complete, the newest first.
#[utoipa::path(get, path = "/api/v1/files/uploads", operation_id = "listUploads", tag = "files", params(PageQuery),
    responses((status = 200, body = Page<Upload>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> ApiResult<Json<Page<Upload>>> {
    Ok(Json(upload::list(&app, &caller, page).await?))
}

/// Begins an upload. Its pieces follow, and then its completion makes the file; until then nobody sees it.
#[utoipa::path(post, path = "/api/v1/files/uploads", operation_id = "beginUpload", tag = "files",
    request_body = UploadBody,
    responses((status = 201, body = Upload), (status = 409, body = Problem), (status = 422, body = Problem),
        (status = 502, body = Problem)))]
async fn begin(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<UploadBody>,
) -> ApiResult<(StatusCode, Json<Upload>)> {
    let upload = upload::begin(&app, &caller, body).await?;
    Ok((StatusCode::CREATED, Json(upload)))
}

/// An upload of one's own; `position` says where to go on.
#[utoipa::path(get, path = "/api/v1/files/uploads/{id}", operation_id = "getUpload", tag = "files",
    params(("id" = UploadId, Path)), responses((status = 200, body = Upload), (status = 404, body = Problem)))]
async fn get(State(app): State<App>, caller: Caller, Path(id): Path<UploadId>) -> ApiResult<Json<Upload>> {
    Ok(Json(upload::get(&app, &caller, id).await?))
}

/// Gives an upload up.
#[utoipa::path(delete, path = "/api/v1/files/uploads/{id}", operation_id = "cancelUpload", tag = "files",
    params(("id" = UploadId, Path)), responses((status = 204), (status = 404, body = Problem)))]
async fn cancel(State(app): State<App>, caller: Caller, Path(id): Path<UploadId>) -> ApiResult<StatusCode> {
    upload::cancel(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends the next piece: its bytes as they are, 64 KiB to 4 MiB; the last one may be smaller. When the answer comes they
/// are stored. If `offset` is not where the upload is, 409 says where that is.
#[utoipa::path(put, path = "/api/v1/files/uploads/{id}/content", operation_id = "putPiece", tag = "files",
    params(("id" = UploadId, Path), PieceQuery),
    request_body(content = String, content_type = "application/octet-stream"),
    responses((status = 200, body = Upload), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 413, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem),
        (status = 502, body = Problem)))]
async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UploadId>,
    Query(query): Query<PieceQuery>,
    body: Raw,
) -> ApiResult<Json<Upload>> {
    let bytes = body.into_data_stream();
    Ok(Json(piece::put(&app, &caller, id, query.offset, bytes).await?))
}

/// Completes an upload whose bytes are all there and have the hash that was said: this makes the file. Asked again, it
/// answers the same.
#[utoipa::path(post, path = "/api/v1/files/uploads/{id}/complete", operation_id = "completeUpload", tag = "files",
    params(("id" = UploadId, Path)),
    responses((status = 201, body = FileItem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn complete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UploadId>,
) -> ApiResult<(StatusCode, Json<FileItem>)> {
    let item = complete::complete(&app, &caller, id).await?;
    Ok((StatusCode::CREATED, Json(item)))
}
