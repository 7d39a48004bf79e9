//! `/api/v1/secrets/providers`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::SecretProviderId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    http::{
        extract,
        page::{Page, PageQuery},
        problem::ApiResult,
    },
    secrets::provider::{self, NewSecretProvider, SecretProvider, SecretProviderPatch, SecretProviderTest},
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(test))
}

/// Providers of secrets, by name.
#[utoipa::path(get, path = "/api/v1/secrets/providers", operation_id = "listSecretProviders", tag = "secrets",
    params(PageQuery), responses((status = 200, body = Page<SecretProvider>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    extract::Query(query): extract::Query<PageQuery>,
) -> ApiResult<Json<Page<SecretProvider>>> {
    Ok(Json(provider::list(&app, &caller, &query).await?))
}

/// Makes a provider; the client's secret is never shown again.
#[utoipa::path(post, path = "/api/v1/secrets/providers", operation_id = "createSecretProvider", tag = "secrets",
    request_body = NewSecretProvider, responses((status = 201, body = SecretProvider), (status = 409)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    extract::Json(new): extract::Json<NewSecretProvider>,
) -> ApiResult<(StatusCode, Json<SecretProvider>)> {
    Ok((
        StatusCode::CREATED,
        Json(provider::create(&app, &caller, new).await?),
    ))
}

/// A provider of secrets.
#[utoipa::path(get, path = "/api/v1/secrets/providers/{id}", operation_id = "getSecretProvider", tag = "secrets",
    params(("id" = SecretProviderId, Path)), responses((status = 200, body = SecretProvider)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<SecretProviderId>,
) -> ApiResult<Json<SecretProvider>> {
    Ok(Json(provider::get(&app, &caller, id).await?))
}

/// Changes a provider. Its groups are synced anew.
#[utoipa::path(patch, path = "/api/v1/secrets/providers/{id}", operation_id = "updateSecretProvider",
    tag = "secrets", params(("id" = SecretProviderId, Path)), request_body = SecretProviderPatch,
    responses((status = 200, body = SecretProvider), (status = 409)))]
async fn update(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<SecretProviderId>,
    extract::Json(patch): extract::Json<SecretProviderPatch>,
) -> ApiResult<Json<SecretProvider>> {
    Ok(Json(provider::update(&app, &caller, id, patch).await?))
}

/// Deletes a provider that no group is synced from.
#[utoipa::path(delete, path = "/api/v1/secrets/providers/{id}", operation_id = "deleteSecretProvider",
    tag = "secrets", params(("id" = SecretProviderId, Path)), responses((status = 204), (status = 409)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<SecretProviderId>,
) -> ApiResult<StatusCode> {
    provider::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Signs in at the provider and counts the secrets there; changes nothing.
#[utoipa::path(post, path = "/api/v1/secrets/providers/{id}/test", operation_id = "testSecretProvider",
    tag = "secrets", params(("id" = SecretProviderId, Path)), responses((status = 200, body = SecretProviderTest), (status = 502)))]
async fn test(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<SecretProviderId>,
) -> ApiResult<Json<SecretProviderTest>> {
    Ok(Json(provider::test(&app, &caller, id).await?))
}
