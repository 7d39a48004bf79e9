//! `/api/v1/api-keys`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::{ApiKeyId, ExposeSecret};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::{
        Caller,
        api_key::{self, ApiKey, KeyRotation, NewApiKey},
    },
    app::App,
    http::{
        extract::{Json as Body, OptionalJson, Path, Query},
        page::{Page, PageQuery},
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(revoke))
        .routes(routes!(rotate))
}

/// A new key with its text, which is never shown again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CreatedKey {
    #[serde(flatten)]
    api_key: ApiKey,
    /// `dw_…`
    key: String,
}

/// The org's API keys; members see their own.
#[utoipa::path(get, path = "/api/v1/api-keys", operation_id = "listApiKeys", tag = "people", params(PageQuery),
    responses((status = 200, body = Page<ApiKey>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<ApiKey>>> {
    Ok(Json(api_key::list(&app, &caller, &query).await?))
}

/// Makes an API key of one's own.
#[utoipa::path(post, path = "/api/v1/api-keys", operation_id = "createApiKey", tag = "people", request_body = NewApiKey,
    responses((status = 201, body = CreatedKey), (status = 422, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<NewApiKey>,
) -> ApiResult<(StatusCode, Json<CreatedKey>)> {
    let (api_key, key) = api_key::create(&app, &caller, body).await?;
    Ok((
        StatusCode::CREATED,
        Json(CreatedKey {
            api_key,
            key: key.expose_secret().to_owned(),
        }),
    ))
}

/// Replaces an API key of one's own by a new one.
#[utoipa::path(post, path = "/api/v1/api-keys/{id}/rotate", operation_id = "rotateApiKey", tag = "people",
    params(("id" = ApiKeyId, Path)), request_body = Option<KeyRotation>,
    responses((status = 201, body = CreatedKey), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn rotate(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ApiKeyId>,
    OptionalJson(body): OptionalJson<KeyRotation>,
) -> ApiResult<(StatusCode, Json<CreatedKey>)> {
    let (api_key, key) = api_key::rotate(&app, &caller, id, body).await?;
    let key = key.expose_secret().to_owned();
    Ok((StatusCode::CREATED, Json(CreatedKey { api_key, key })))
}

/// Withdraws an API key.
#[utoipa::path(delete, path = "/api/v1/api-keys/{id}", operation_id = "revokeApiKey", tag = "people",
    params(("id" = ApiKeyId, Path)), responses((status = 204), (status = 404, body = Problem)))]
async fn revoke(State(app): State<App>, caller: Caller, Path(id): Path<ApiKeyId>) -> ApiResult<StatusCode> {
    api_key::revoke(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
