//! `/api/v1/files`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::FileId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    files::{
        FileItem,
        folder::{self, DeleteQuery, FilePatch, FolderBody},
        list::{self, FileDetail, FileQuery},
        quota::{self, Usage},
    },
    http::{
        extract::{Json as Body, Path, Query},
        page::Page,
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(usage))
        .routes(routes!(get, update, delete))
}

/// What is in a folder, or at the top: folders first, then by name. With `search`, what is anywhere below it.
#[utoipa::path(get, path = "/api/v1/files", operation_id = "listFiles", tag = "files", params(FileQuery),
    responses((status = 200, body = Page<FileItem>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<FileQuery>,
) -> ApiResult<Json<Page<FileItem>>> {
    Ok(Json(list::list(&app, &caller, query).await?))
}

/// Makes a folder.
#[utoipa::path(post, path = "/api/v1/files", operation_id = "createFolder", tag = "files", request_body = FolderBody,
    responses((status = 201, body = FileItem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<FolderBody>,
) -> ApiResult<(StatusCode, Json<FileItem>)> {
    let item = folder::create(&app, &caller, body).await?;
    Ok((StatusCode::CREATED, Json(item)))
}

/// How much the org has, and how much it may have.
#[utoipa::path(get, path = "/api/v1/files/usage", operation_id = "getFilesUsage", tag = "files",
    responses((status = 200, body = Usage)))]
async fn usage(State(app): State<App>, caller: Caller) -> ApiResult<Json<Usage>> {
    Ok(Json(quota::usage(&app, &caller).await?))
}

/// A file or folder, and the folders that it is in.
#[utoipa::path(get, path = "/api/v1/files/{id}", operation_id = "getFile", tag = "files", params(("id" = FileId, Path)),
    responses((status = 200, body = FileDetail), (status = 404, body = Problem)))]
async fn get(State(app): State<App>, caller: Caller, Path(id): Path<FileId>) -> ApiResult<Json<FileDetail>> {
    Ok(Json(list::get(&app, &caller, id).await?))
}

/// Renames a file or folder, or moves it, with all that is in it.
#[utoipa::path(patch, path = "/api/v1/files/{id}", operation_id = "updateFile", tag = "files",
    params(("id" = FileId, Path)), request_body = FilePatch,
    responses((status = 200, body = FileItem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<FileId>,
    Body(patch): Body<FilePatch>,
) -> ApiResult<Json<FileItem>> {
    Ok(Json(folder::update(&app, &caller, id, patch).await?))
}

/// Deletes a file or a folder. A folder that is not empty goes with all that is in it, if that is said.
#[utoipa::path(delete, path = "/api/v1/files/{id}", operation_id = "deleteFile", tag = "files",
    params(("id" = FileId, Path), DeleteQuery),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<FileId>,
    Query(query): Query<DeleteQuery>,
) -> ApiResult<StatusCode> {
    folder::delete(&app, &caller, id, query).await?;
    Ok(StatusCode::NO_CONTENT)
}
