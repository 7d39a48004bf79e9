//! `/api/v1/schema/executions`

use axum::{Json, extract::State};
use muster_base::ExecutionId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    http::{
        extract::{Json as Body, Path, Query},
        page::Page,
        problem::{ApiResult, Problem},
    },
    schema::{Execution, ExecutionDetail, ExecutionQuery, StartRequest, execution, waiting},
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(cancel))
        .routes(routes!(start))
}

/// Executions, newest first.
#[utoipa::path(get, path = "/api/v1/schema/executions", operation_id = "listExecutions", tag = "schema",
    params(ExecutionQuery), responses((status = 200, body = Page<Execution>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ExecutionQuery>,
) -> ApiResult<Json<Page<Execution>>> {
    Ok(Json(execution::list(&app, &caller, query).await?))
}

/// An execution, statement by statement.
#[utoipa::path(get, path = "/api/v1/schema/executions/{id}", operation_id = "getExecution", tag = "schema",
    params(("id" = ExecutionId, Path)), responses((status = 200, body = ExecutionDetail),
    (status = 404, body = Problem)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ExecutionId>,
) -> ApiResult<Json<ExecutionDetail>> {
    Ok(Json(execution::get(&app, &caller, id).await?))
}

/// Stops an execution; the answer is how it stands now, and its end may come a moment later.
#[utoipa::path(post, path = "/api/v1/schema/executions/{id}/cancel", operation_id = "cancelExecution",
    tag = "schema", params(("id" = ExecutionId, Path)), responses((status = 200, body = ExecutionDetail),
    (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ExecutionId>,
) -> ApiResult<Json<ExecutionDetail>> {
    Ok(Json(execution::cancel(&app, &caller, id).await?))
}

/// Begins a waiting execution at once, although its time has not come or no maintenance window is open. Takes
/// `window:override`, unless the environment's policy lets everybody who may execute.
#[utoipa::path(post, path = "/api/v1/schema/executions/{id}/start", operation_id = "startExecution",
    tag = "schema", params(("id" = ExecutionId, Path)), request_body = StartRequest,
    responses((status = 200, body = ExecutionDetail), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn start(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ExecutionId>,
    Body(request): Body<StartRequest>,
) -> ApiResult<Json<ExecutionDetail>> {
    Ok(Json(waiting::start_now(&app, &caller, id, request).await?))
}
