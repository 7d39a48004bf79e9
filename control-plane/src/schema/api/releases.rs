//! `/api/v1/schema/releases`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::ReleaseId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    http::{
        extract::{Json as Body, Path, Query},
        page::{Page, PageQuery},
        problem::{ApiResult, Problem},
    },
    schema::{
        ExecuteRequest, Executing, Release, ReleaseDetail, ReleaseSignature, VouchRequest, execute, release,
        vouching,
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(execute_release))
        .routes(routes!(vouch))
}

/// Releases, newest first.
#[utoipa::path(get, path = "/api/v1/schema/releases", operation_id = "listReleases", tag = "schema",
    params(PageQuery), responses((status = 200, body = Page<Release>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<Release>>> {
    Ok(Json(release::list(&app, &caller, &query).await?))
}

/// A release with its SQL for each server.
#[utoipa::path(get, path = "/api/v1/schema/releases/{id}", operation_id = "getRelease", tag = "schema",
    params(("id" = ReleaseId, Path)), responses((status = 200, body = ReleaseDetail),
    (status = 404, body = Problem)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ReleaseId>,
) -> ApiResult<Json<ReleaseDetail>> {
    Ok(Json(release::get(&app, &caller, id).await?))
}

/// Executes a release on one of its servers, or tries it. While none of the environment's maintenance windows is open it
/// waits for the next one or is refused, as the policy says.
#[utoipa::path(post, path = "/api/v1/schema/releases/{id}/execute", operation_id = "executeRelease", tag = "schema",
    params(("id" = ReleaseId, Path)), request_body = ExecuteRequest, responses((status = 202, body = Executing),
    (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn execute_release(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ReleaseId>,
    Body(request): Body<ExecuteRequest>,
) -> ApiResult<(StatusCode, Json<Executing>)> {
    let executing = execute::execute(&app, &caller, id, request).await?;
    Ok((StatusCode::ACCEPTED, Json(executing)))
}

/// Vouches for a release that was made before releases were signed, and signs it so: for the super administrator, who looked at its
/// SQL and asked those who approved it.
#[utoipa::path(post, path = "/api/v1/schema/releases/{id}/vouch", operation_id = "vouchForRelease", tag = "schema",
    params(("id" = ReleaseId, Path)), request_body = VouchRequest, responses((status = 200, body = ReleaseSignature),
    (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem),
    (status = 429, body = Problem)))]
async fn vouch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ReleaseId>,
    Body(request): Body<VouchRequest>,
) -> ApiResult<Json<ReleaseSignature>> {
    Ok(Json(vouching::vouch(&app, &caller, id, request).await?))
}
