//! `/api/v1/hosts`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::HostId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    fleet::{
        host::{self, Host, HostPatch},
        host_list::{self, HostQuery},
    },
    http::{
        extract::{Json as Body, Path, Query},
        page::Page,
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, update, delete))
}

/// Hosts by name. Hosts are made by joining: see join tokens.
#[utoipa::path(get, path = "/api/v1/hosts", operation_id = "listHosts", tag = "hosts", params(HostQuery),
    responses((status = 200, body = Page<Host>), (status = 422, body = Problem)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<HostQuery>,
) -> ApiResult<Json<Page<Host>>> {
    Ok(Json(host_list::list(&app, &caller, query).await?))
}

/// One host.
#[utoipa::path(get, path = "/api/v1/hosts/{id}", operation_id = "getHost", tag = "hosts", params(("id" = HostId, Path)),
    responses((status = 200, body = Host), (status = 404, body = Problem)))]
async fn get(State(app): State<App>, caller: Caller, Path(id): Path<HostId>) -> ApiResult<Json<Host>> {
    Ok(Json(host::get(&app, &caller, id).await?))
}

/// Changes a host: name, cluster, environment, labels, business status, public address.
#[utoipa::path(patch, path = "/api/v1/hosts/{id}", operation_id = "updateHost", tag = "hosts", params(("id" = HostId, Path)),
    request_body = HostPatch,
    responses((status = 200, body = Host), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<HostId>,
    Body(body): Body<HostPatch>,
) -> ApiResult<Json<Host>> {
    Ok(Json(host::update(&app, &caller, id, body).await?))
}

/// Removes a host. Its connection ends at once and its certificate is refused from then on.
#[utoipa::path(delete, path = "/api/v1/hosts/{id}", operation_id = "deleteHost", tag = "hosts", params(("id" = HostId, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<HostId>) -> ApiResult<StatusCode> {
    host::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
