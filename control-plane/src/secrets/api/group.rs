//! `/api/v1/secrets/groups`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::SecretGroupId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    http::{
        extract,
        page::{Page, PageQuery},
        problem::{ApiResult, Problem},
    },
    secrets::{NewSecretGroup, SecretGroup, SecretGroupPatch, group},
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
}

/// Secret groups, by name.
#[utoipa::path(get, path = "/api/v1/secrets/groups", operation_id = "listSecretGroups", tag = "secrets",
    params(PageQuery), responses((status = 200, body = Page<SecretGroup>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    extract::Query(query): extract::Query<PageQuery>,
) -> ApiResult<Json<Page<SecretGroup>>> {
    Ok(Json(group::list(&app, &caller, &query).await?))
}

/// Makes a secret group.
#[utoipa::path(post, path = "/api/v1/secrets/groups", operation_id = "createSecretGroup", tag = "secrets",
    request_body = NewSecretGroup, responses((status = 201, body = SecretGroup), (status = 409, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    extract::Json(new): extract::Json<NewSecretGroup>,
) -> ApiResult<(StatusCode, Json<SecretGroup>)> {
    Ok((
        StatusCode::CREATED,
        Json(group::create(&app, &caller, new).await?),
    ))
}

/// A secret group.
#[utoipa::path(get, path = "/api/v1/secrets/groups/{id}", operation_id = "getSecretGroup", tag = "secrets",
    params(("id" = SecretGroupId, Path)), responses((status = 200, body = SecretGroup)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<SecretGroupId>,
) -> ApiResult<Json<SecretGroup>> {
    Ok(Json(group::get(&app, &caller, id).await?))
}

/// Changes a secret group.
#[utoipa::path(patch, path = "/api/v1/secrets/groups/{id}", operation_id = "updateSecretGroup", tag = "secrets",
    params(("id" = SecretGroupId, Path)), request_body = SecretGroupPatch,
    responses((status = 200, body = SecretGroup), (status = 409, body = Problem)))]
async fn update(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<SecretGroupId>,
    extract::Json(patch): extract::Json<SecretGroupPatch>,
) -> ApiResult<Json<SecretGroup>> {
    Ok(Json(group::update(&app, &caller, id, patch).await?))
}

/// Deletes a secret group that is empty.
#[utoipa::path(delete, path = "/api/v1/secrets/groups/{id}", operation_id = "deleteSecretGroup", tag = "secrets",
    params(("id" = SecretGroupId, Path)), responses((status = 204), (status = 409, body = Problem)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<SecretGroupId>,
) -> ApiResult<StatusCode> {
    group::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
