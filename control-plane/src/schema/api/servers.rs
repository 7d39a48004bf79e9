//! `/api/v1/schema/servers`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::ServerId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    http::{
        extract::{Json as Body, Path, Query},
        page::{Page, PageQuery},
        problem::{ApiResult, Problem},
    },
    schema::{NewServer, Server, ServerPatch, ServerTest, TestRequest, server, server_test},
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(test))
}

/// Database servers, oldest first.
#[utoipa::path(get, path = "/api/v1/schema/servers", operation_id = "listDatabaseServers", tag = "schema",
    params(PageQuery), responses((status = 200, body = Page<Server>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<Server>>> {
    Ok(Json(server::list(&app, &caller, &query).await?))
}

/// Adds a database server.
#[utoipa::path(post, path = "/api/v1/schema/servers", operation_id = "createDatabaseServer", tag = "schema",
    request_body = NewServer, responses((status = 201, body = Server), (status = 409, body = Problem),
    (status = 422, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(new): Body<NewServer>,
) -> ApiResult<(StatusCode, Json<Server>)> {
    let server = server::create(&app, &caller, new).await?;
    Ok((StatusCode::CREATED, Json(server)))
}

/// A database server.
#[utoipa::path(get, path = "/api/v1/schema/servers/{id}", operation_id = "getDatabaseServer", tag = "schema",
    params(("id" = ServerId, Path)), responses((status = 200, body = Server), (status = 404, body = Problem)))]
async fn get(State(app): State<App>, caller: Caller, Path(id): Path<ServerId>) -> ApiResult<Json<Server>> {
    Ok(Json(server::get(&app, &caller, id).await?))
}

/// Changes a database server.
#[utoipa::path(patch, path = "/api/v1/schema/servers/{id}", operation_id = "updateDatabaseServer", tag = "schema",
    params(("id" = ServerId, Path)), request_body = ServerPatch, responses((status = 200, body = Server),
    (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ServerId>,
    Body(patch): Body<ServerPatch>,
) -> ApiResult<Json<Server>> {
    Ok(Json(server::update(&app, &caller, id, patch).await?))
}

/// Removes a database server. What was released and executed on it stays on record.
#[utoipa::path(delete, path = "/api/v1/schema/servers/{id}", operation_id = "deleteDatabaseServer", tag = "schema",
    params(("id" = ServerId, Path)), responses((status = 204), (status = 404, body = Problem),
    (status = 409, body = Problem)))]
async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<ServerId>) -> ApiResult<StatusCode> {
    server::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Has the server's agent connect to it; answers when it has, or could not.
#[utoipa::path(post, path = "/api/v1/schema/servers/{id}/test", operation_id = "testDatabaseServer", tag = "schema",
    params(("id" = ServerId, Path)), request_body = TestRequest, responses((status = 200, body = ServerTest),
    (status = 404, body = Problem), (status = 502, body = Problem)))]
async fn test(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ServerId>,
    Body(request): Body<TestRequest>,
) -> ApiResult<Json<ServerTest>> {
    Ok(Json(server_test::test(&app, &caller, id, request).await?))
}
