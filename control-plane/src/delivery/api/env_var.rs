//! `/api/v1/env-vars`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::EnvVarId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    delivery::env_var::{self, EnvVar, EnvVarFilter, EnvVarPatch, NewEnvVar},
    http::{
        extract,
        page::Page,
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
}

/// Variables, oldest first; the global ones too.
#[utoipa::path(get, path = "/api/v1/env-vars", operation_id = "listEnvVars", tag = "delivery",
    params(EnvVarFilter), responses((status = 200, body = Page<EnvVar>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    extract::Query(filter): extract::Query<EnvVarFilter>,
) -> ApiResult<Json<Page<EnvVar>>> {
    Ok(Json(env_var::list(&app, &caller, filter).await?))
}

/// Makes a variable.
#[utoipa::path(post, path = "/api/v1/env-vars", operation_id = "createEnvVar", tag = "delivery",
    request_body = NewEnvVar, responses((status = 201, body = EnvVar), (status = 409, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    extract::Json(new): extract::Json<NewEnvVar>,
) -> ApiResult<(StatusCode, Json<EnvVar>)> {
    Ok((
        StatusCode::CREATED,
        Json(env_var::create(&app, &caller, new).await?),
    ))
}

/// A variable.
#[utoipa::path(get, path = "/api/v1/env-vars/{id}", operation_id = "getEnvVar", tag = "delivery",
    params(("id" = EnvVarId, Path)), responses((status = 200, body = EnvVar)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<EnvVarId>,
) -> ApiResult<Json<EnvVar>> {
    Ok(Json(env_var::get(&app, &caller, id).await?))
}

/// Changes a variable's value.
#[utoipa::path(patch, path = "/api/v1/env-vars/{id}", operation_id = "updateEnvVar", tag = "delivery",
    params(("id" = EnvVarId, Path)), request_body = EnvVarPatch,
    responses((status = 200, body = EnvVar), (status = 409, body = Problem)))]
async fn update(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<EnvVarId>,
    extract::Json(patch): extract::Json<EnvVarPatch>,
) -> ApiResult<Json<EnvVar>> {
    Ok(Json(env_var::update(&app, &caller, id, patch).await?))
}

/// Deletes a variable.
#[utoipa::path(delete, path = "/api/v1/env-vars/{id}", operation_id = "deleteEnvVar", tag = "delivery",
    params(("id" = EnvVarId, Path)), responses((status = 204)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<EnvVarId>,
) -> ApiResult<StatusCode> {
    env_var::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
