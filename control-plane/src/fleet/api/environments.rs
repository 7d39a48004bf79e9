//! `/api/v1/environments`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::EnvironmentId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    fleet::environment::{self, Environment, EnvironmentPatch, NewEnvironment},
    http::{
        extract::{Json as Body, Path, Query},
        page::{Page, PageQuery},
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
}

/// Environments in their order.
#[utoipa::path(get, path = "/api/v1/environments", operation_id = "listEnvironments", tag = "hosts", params(PageQuery),
    responses((status = 200, body = Page<Environment>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<Environment>>> {
    Ok(Json(environment::list(&app, &caller, &query).await?))
}

/// Makes an environment.
#[utoipa::path(post, path = "/api/v1/environments", operation_id = "createEnvironment", tag = "hosts", request_body = NewEnvironment,
    responses((status = 201, body = Environment), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<NewEnvironment>,
) -> ApiResult<(StatusCode, Json<Environment>)> {
    Ok((
        StatusCode::CREATED,
        Json(environment::create(&app, &caller, body).await?),
    ))
}

/// One environment.
#[utoipa::path(get, path = "/api/v1/environments/{id}", operation_id = "getEnvironment", tag = "hosts", params(("id" = EnvironmentId, Path)),
    responses((status = 200, body = Environment), (status = 404, body = Problem)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<EnvironmentId>,
) -> ApiResult<Json<Environment>> {
    Ok(Json(environment::get(&app, &caller, id).await?))
}

/// Changes an environment.
#[utoipa::path(patch, path = "/api/v1/environments/{id}", operation_id = "updateEnvironment", tag = "hosts", params(("id" = EnvironmentId, Path)),
    request_body = EnvironmentPatch,
    responses((status = 200, body = Environment), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<EnvironmentId>,
    Body(body): Body<EnvironmentPatch>,
) -> ApiResult<Json<Environment>> {
    Ok(Json(environment::update(&app, &caller, id, body).await?))
}

/// Deletes an environment that nothing refers to.
#[utoipa::path(delete, path = "/api/v1/environments/{id}", operation_id = "deleteEnvironment", tag = "hosts", params(("id" = EnvironmentId, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<EnvironmentId>,
) -> ApiResult<StatusCode> {
    environment::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
