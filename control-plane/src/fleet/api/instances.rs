//! `/api/v1/instances`

use axum::{
    Json,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
};
use muster_base::InstanceId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    fleet::{
        instance::{self, ImportedInstances, Instance, InstanceQuery},
        instance_edit::{self, InstancePatch},
        instance_import::{self, InstanceImport},
    },
    http::{
        extract::{Json as Body, Path, Query},
        page::Page,
        problem::{ApiResult, Problem},
    },
};

/// Some thousand instances as clouds tell them.
const BODY_BYTES: usize = 8 << 20;

pub(super) fn router() -> OpenApiRouter<App> {
    let import = OpenApiRouter::new()
        .routes(routes!(import))
        .layer(DefaultBodyLimit::max(BODY_BYTES));
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, edit, delete))
        .merge(import)
}

/// Instances by name: what clouds say of machines, and which host each is.
#[utoipa::path(get, path = "/api/v1/instances", operation_id = "listInstances", tag = "hosts", params(InstanceQuery),
    responses((status = 200, body = Page<Instance>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<InstanceQuery>,
) -> ApiResult<Json<Page<Instance>>> {
    Ok(Json(instance::list(&app, &caller, query).await?))
}

/// Imports instances, from JSON or CSV. One that is known by its provider and id is changed; nothing is removed. All are
/// taken, or none.
#[utoipa::path(post, path = "/api/v1/instances/import", operation_id = "importInstances", tag = "hosts",
    request_body = InstanceImport,
    responses((status = 200, body = ImportedInstances), (status = 409, body = Problem), (status = 413, body = Problem),
        (status = 422, body = Problem)))]
async fn import(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<InstanceImport>,
) -> ApiResult<Json<ImportedInstances>> {
    Ok(Json(instance_import::import(&app, &caller, body).await?))
}

/// One instance.
#[utoipa::path(get, path = "/api/v1/instances/{id}", operation_id = "getInstance", tag = "hosts", params(("id" = InstanceId, Path)),
    responses((status = 200, body = Instance), (status = 404, body = Problem)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<InstanceId>,
) -> ApiResult<Json<Instance>> {
    Ok(Json(instance::get(&app, &caller, id).await?))
}

/// Writes by hand what is known of an instance: its name, how it is paid, when it ends. It shows instead of what was
/// imported, or told by the cloud.
#[utoipa::path(patch, path = "/api/v1/instances/{id}", operation_id = "updateInstance", tag = "hosts", params(("id" = InstanceId, Path)),
    request_body = InstancePatch,
    responses((status = 200, body = Instance), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn edit(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<InstanceId>,
    Body(body): Body<InstancePatch>,
) -> ApiResult<Json<Instance>> {
    Ok(Json(instance_edit::edit(&app, &caller, id, body).await?))
}

/// Forgets an instance. The host that it is stays; the next import, or its agent, may bring it back.
#[utoipa::path(delete, path = "/api/v1/instances/{id}", operation_id = "deleteInstance", tag = "hosts", params(("id" = InstanceId, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<InstanceId>) -> ApiResult<StatusCode> {
    instance::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
