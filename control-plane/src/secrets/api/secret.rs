//! `/api/v1/secrets`

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use muster_base::SecretId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    http::{
        extract,
        page::Page,
        problem::{ApiResult, Problem},
    },
    secrets::{
        NewSecret, RevealedSecret, Secret, SecretPatch, SecretVersion,
        secret::{self, Reveal, SecretFilter, SecretRollback},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(versions))
        .routes(routes!(rollback))
        .routes(routes!(reveal))
}

/// Secrets without their values, oldest first.
#[utoipa::path(get, path = "/api/v1/secrets", operation_id = "listSecrets", tag = "secrets", params(SecretFilter),
    responses((status = 200, body = Page<Secret>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    extract::Query(filter): extract::Query<SecretFilter>,
) -> ApiResult<Json<Page<Secret>>> {
    Ok(Json(secret::list(&app, &caller, filter).await?))
}

/// Makes a secret.
#[utoipa::path(post, path = "/api/v1/secrets", operation_id = "createSecret", tag = "secrets",
    request_body = NewSecret, responses((status = 201, body = Secret), (status = 409, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    extract::Json(new): extract::Json<NewSecret>,
) -> ApiResult<(StatusCode, Json<Secret>)> {
    Ok((
        StatusCode::CREATED,
        Json(secret::create(&app, &caller, new).await?),
    ))
}

/// A secret without its value.
#[utoipa::path(get, path = "/api/v1/secrets/{id}", operation_id = "getSecret", tag = "secrets",
    params(("id" = SecretId, Path)), responses((status = 200, body = Secret)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<SecretId>,
) -> ApiResult<Json<Secret>> {
    Ok(Json(secret::get(&app, &caller, id).await?))
}

/// Changes a secret; a new value makes a new version.
#[utoipa::path(patch, path = "/api/v1/secrets/{id}", operation_id = "updateSecret", tag = "secrets",
    params(("id" = SecretId, Path)), request_body = SecretPatch,
    responses((status = 200, body = Secret), (status = 409, body = Problem)))]
async fn update(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<SecretId>,
    extract::Json(patch): extract::Json<SecretPatch>,
) -> ApiResult<Json<Secret>> {
    Ok(Json(secret::update(&app, &caller, id, patch).await?))
}

/// Deletes a secret that nothing refers to.
#[utoipa::path(delete, path = "/api/v1/secrets/{id}", operation_id = "deleteSecret", tag = "secrets",
    params(("id" = SecretId, Path)), responses((status = 204), (status = 409, body = Problem)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<SecretId>,
) -> ApiResult<StatusCode> {
    secret::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A secret's versions without their values, newest first.
#[utoipa::path(get, path = "/api/v1/secrets/{id}/versions", operation_id = "listSecretVersions", tag = "secrets",
    params(("id" = SecretId, Path)), responses((status = 200, body = Page<SecretVersion>)))]
async fn versions(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<SecretId>,
) -> ApiResult<Json<Page<SecretVersion>>> {
    let items = secret::versions(&app, &caller, id).await?;
    Ok(Json(Page {
        items,
        next_cursor: None,
    }))
}

/// Makes an earlier version's value the newest version.
#[utoipa::path(post, path = "/api/v1/secrets/{id}/rollback", operation_id = "rollbackSecret", tag = "secrets",
    params(("id" = SecretId, Path)), request_body = SecretRollback,
    responses((status = 200, body = Secret), (status = 409, body = Problem)))]
async fn rollback(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<SecretId>,
    extract::Json(wanted): extract::Json<SecretRollback>,
) -> ApiResult<Json<Secret>> {
    Ok(Json(secret::rollback(&app, &caller, id, wanted.version).await?))
}

/// Shows a secret's value, and puts on record that it did.
#[utoipa::path(post, path = "/api/v1/secrets/{id}/reveal", operation_id = "revealSecret", tag = "secrets",
    params(("id" = SecretId, Path), Reveal), responses((status = 200, body = RevealedSecret)))]
async fn reveal(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<SecretId>,
    extract::Query(wanted): extract::Query<Reveal>,
) -> ApiResult<impl IntoResponse> {
    let revealed = secret::reveal(&app, &caller, id, wanted).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(revealed)))
}
