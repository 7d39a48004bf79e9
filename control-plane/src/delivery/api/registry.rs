//! `/api/v1/registries`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::RegistryId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    delivery::{
        registry::{self, NewRegistry, Registry, RegistryPatch, RegistryTest},
        registry_content::{self, RegistryRepository, RegistryTag, TagQuery},
    },
    http::{
        extract,
        page::{Page, PageQuery},
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(test))
        .routes(routes!(list_repositories))
        .routes(routes!(list_tags))
}

/// Registries, by name.
#[utoipa::path(get, path = "/api/v1/registries", operation_id = "listRegistries", tag = "delivery",
    params(PageQuery), responses((status = 200, body = Page<Registry>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    extract::Query(query): extract::Query<PageQuery>,
) -> ApiResult<Json<Page<Registry>>> {
    Ok(Json(registry::list(&app, &caller, &query).await?))
}

/// Registers a registry; its credentials are never shown again.
#[utoipa::path(post, path = "/api/v1/registries", operation_id = "createRegistry", tag = "delivery",
    request_body = NewRegistry, responses((status = 201, body = Registry), (status = 409, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    extract::Json(new): extract::Json<NewRegistry>,
) -> ApiResult<(StatusCode, Json<Registry>)> {
    Ok((
        StatusCode::CREATED,
        Json(registry::create(&app, &caller, new).await?),
    ))
}

/// A registry.
#[utoipa::path(get, path = "/api/v1/registries/{id}", operation_id = "getRegistry", tag = "delivery",
    params(("id" = RegistryId, Path)), responses((status = 200, body = Registry)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<RegistryId>,
) -> ApiResult<Json<Registry>> {
    Ok(Json(registry::get(&app, &caller, id).await?))
}

/// Changes a registry.
#[utoipa::path(patch, path = "/api/v1/registries/{id}", operation_id = "updateRegistry", tag = "delivery",
    params(("id" = RegistryId, Path)), request_body = RegistryPatch,
    responses((status = 200, body = Registry), (status = 409, body = Problem)))]
async fn update(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<RegistryId>,
    extract::Json(patch): extract::Json<RegistryPatch>,
) -> ApiResult<Json<Registry>> {
    Ok(Json(registry::update(&app, &caller, id, patch).await?))
}

/// Deletes a registry that no application uses.
#[utoipa::path(delete, path = "/api/v1/registries/{id}", operation_id = "deleteRegistry", tag = "delivery",
    params(("id" = RegistryId, Path)), responses((status = 204), (status = 409, body = Problem)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<RegistryId>,
) -> ApiResult<StatusCode> {
    registry::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Does the v2 handshake with the registry and its credentials.
#[utoipa::path(post, path = "/api/v1/registries/{id}/test", operation_id = "testRegistry", tag = "delivery",
    params(("id" = RegistryId, Path)), responses((status = 200, body = RegistryTest), (status = 502, body = Problem)))]
async fn test(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<RegistryId>,
) -> ApiResult<Json<RegistryTest>> {
    Ok(Json(registry::test(&app, &caller, id).await?))
}

/// The registry's repositories, read now, in its own order. Many registries don't tell.
#[utoipa::path(get, path = "/api/v1/registries/{id}/repositories", operation_id = "listRegistryRepositories",
    tag = "delivery", params(("id" = RegistryId, Path), PageQuery),
    responses((status = 200, body = Page<RegistryRepository>), (status = 502, body = Problem)))]
async fn list_repositories(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<RegistryId>,
    extract::Query(query): extract::Query<PageQuery>,
) -> ApiResult<Json<Page<RegistryRepository>>> {
    Ok(Json(
        registry_content::list_repositories(&app, &caller, id, &query).await?,
    ))
}

/// A repository's tags and what they point to, read now, in the registry's own order.
#[utoipa::path(get, path = "/api/v1/registries/{id}/tags", operation_id = "listRegistryTags", tag = "delivery",
    params(("id" = RegistryId, Path), TagQuery),
    responses((status = 200, body = Page<RegistryTag>), (status = 502, body = Problem)))]
async fn list_tags(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<RegistryId>,
    extract::Query(query): extract::Query<TagQuery>,
) -> ApiResult<Json<Page<RegistryTag>>> {
    Ok(Json(registry_content::list_tags(&app, &caller, id, query).await?))
}
