//! `/api/v1/secrets/{id}/usage`, `/secrets/groups/{id}/usage`: this room knows what refers to secrets.

use axum::{Json, extract::State};
use muster_base::{SecretGroupId, SecretId};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    delivery::usage::{self, SecretUsage},
    http::{extract, problem::ApiResult},
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(of_secret))
        .routes(routes!(of_group))
}

/// What a change of a secret would reach.
#[utoipa::path(get, path = "/api/v1/secrets/{id}/usage", operation_id = "getSecretUsage", tag = "secrets",
    params(("id" = SecretId, Path)), responses((status = 200, body = SecretUsage)))]
async fn of_secret(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<SecretId>,
) -> ApiResult<Json<SecretUsage>> {
    Ok(Json(usage::of_secret(&app, &caller, id).await?))
}

/// What a change of any secret of a group would reach.
#[utoipa::path(get, path = "/api/v1/secrets/groups/{id}/usage", operation_id = "getSecretGroupUsage",
    tag = "secrets", params(("id" = SecretGroupId, Path)), responses((status = 200, body = SecretUsage)))]
async fn of_group(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<SecretGroupId>,
) -> ApiResult<Json<SecretUsage>> {
    Ok(Json(usage::of_group(&app, &caller, id).await?))
}
