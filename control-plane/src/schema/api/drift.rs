//! `/api/v1/schema/drift`, and what else looks at a server's own databases

use axum::{Json, extract::State};
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
    schema::{DatabaseDrift, DriftQuery, ImportedDdl, SyncRequest, drift, take_over},
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, check))
        .routes(routes!(sync))
        .routes(routes!(take_over_database))
}

/// Databases of servers, and how each compared with what should be there when it was last looked at.
#[utoipa::path(get, path = "/api/v1/schema/drift", operation_id = "listDrift", tag = "schema", params(PageQuery),
    responses((status = 200, body = Page<DatabaseDrift>), (status = 422, body = Problem)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<DatabaseDrift>>> {
    Ok(Json(drift::list(&app, &caller, &query).await?))
}

/// A database of a server, and what was different when it was last looked at.
#[utoipa::path(get, path = "/api/v1/schema/servers/{id}/drift", operation_id = "getDrift", tag = "schema",
    params(("id" = ServerId, Path), DriftQuery), responses((status = 200, body = DatabaseDrift),
    (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ServerId>,
    Query(query): Query<DriftQuery>,
) -> ApiResult<Json<DatabaseDrift>> {
    Ok(Json(drift::get(&app, &caller, id, &query).await?))
}

/// Has the server's agent read a database, and compares it with what should be there.
#[utoipa::path(post, path = "/api/v1/schema/servers/{id}/drift", operation_id = "checkDrift", tag = "schema",
    params(("id" = ServerId, Path)), request_body = DriftQuery, responses((status = 200, body = DatabaseDrift),
    (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem),
    (status = 502, body = Problem)))]
async fn check(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ServerId>,
    Body(query): Body<DriftQuery>,
) -> ApiResult<Json<DatabaseDrift>> {
    Ok(Json(drift::check(&app, &caller, id, &query).await?))
}

/// Has the server's agent read a database: its tables and views as documents beside those of the design. Changes nothing.
#[utoipa::path(post, path = "/api/v1/schema/servers/{id}/sync", operation_id = "syncDatabase", tag = "schema",
    params(("id" = ServerId, Path)), request_body = SyncRequest, responses((status = 200, body = ImportedDdl),
    (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem),
    (status = 502, body = Problem)))]
async fn sync(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ServerId>,
    Body(request): Body<SyncRequest>,
) -> ApiResult<Json<ImportedDdl>> {
    Ok(Json(take_over::sync(&app, &caller, id, request).await?))
}

/// Notes that what is in the database is what is designed: the next change is computed from that, and drift told against it.
/// Refused where anything is different.
#[utoipa::path(post, path = "/api/v1/schema/servers/{id}/take-over", operation_id = "takeOverDatabase", tag = "schema",
    params(("id" = ServerId, Path)), request_body = SyncRequest, responses((status = 200, body = DatabaseDrift),
    (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem),
    (status = 502, body = Problem)))]
async fn take_over_database(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ServerId>,
    Body(request): Body<SyncRequest>,
) -> ApiResult<Json<DatabaseDrift>> {
    Ok(Json(take_over::take_over(&app, &caller, id, request).await?))
}
