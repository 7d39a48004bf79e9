//! `/api/v1/containers` and `/api/v1/hosts/{id}/containers/{name}`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::HostId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    containers::{
        action::{self, Action, Ordered, Stop},
        list::{self, ContainerQuery, FleetContainer},
    },
    http::{
        extract::{OptionalJson, Path, Query},
        page::Page,
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(start))
        .routes(routes!(stop))
        .routes(routes!(restart))
}

/// Containers of all hosts, by name and host.
#[utoipa::path(get, path = "/api/v1/containers", operation_id = "listContainers", tag = "containers",
    params(ContainerQuery),
    responses((status = 200, body = Page<FleetContainer>), (status = 422, body = Problem)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ContainerQuery>,
) -> ApiResult<Json<Page<FleetContainer>>> {
    Ok(Json(list::list(&app, &caller, query).await?))
}

/// A container as its host's engine last described it.
#[utoipa::path(get, path = "/api/v1/hosts/{id}/containers/{name}", operation_id = "getContainer", tag = "containers",
    params(("id" = HostId, Path), ("name" = String, Path)),
    responses((status = 200, body = FleetContainer), (status = 404, body = Problem)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path((id, name)): Path<(HostId, String)>,
) -> ApiResult<Json<FleetContainer>> {
    Ok(Json(list::get(&app, &caller, id, &name).await?))
}

/// Starts a container, unless it runs. The order says what becomes of it.
#[utoipa::path(post, path = "/api/v1/hosts/{id}/containers/{name}/start", operation_id = "startContainer",
    tag = "containers", params(("id" = HostId, Path), ("name" = String, Path)),
    responses((status = 202, body = Ordered), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn start(
    State(app): State<App>,
    caller: Caller,
    Path((id, name)): Path<(HostId, String)>,
) -> ApiResult<(StatusCode, Json<Ordered>)> {
    let ordered = action::act(&app, &caller, (id, &name), Action::Start, &Stop::default()).await?;
    Ok((StatusCode::ACCEPTED, Json(ordered)))
}

/// Stops a container, if it runs. The order says what becomes of it.
#[utoipa::path(post, path = "/api/v1/hosts/{id}/containers/{name}/stop", operation_id = "stopContainer",
    tag = "containers", params(("id" = HostId, Path), ("name" = String, Path)), request_body = Option<Stop>,
    responses((status = 202, body = Ordered), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn stop(
    State(app): State<App>,
    caller: Caller,
    Path((id, name)): Path<(HostId, String)>,
    OptionalJson(how): OptionalJson<Stop>,
) -> ApiResult<(StatusCode, Json<Ordered>)> {
    let ordered = action::act(&app, &caller, (id, &name), Action::Stop, &how).await?;
    Ok((StatusCode::ACCEPTED, Json(ordered)))
}

/// Stops a container, if it runs, and starts it. The order says what becomes of it.
#[utoipa::path(post, path = "/api/v1/hosts/{id}/containers/{name}/restart", operation_id = "restartContainer",
    tag = "containers", params(("id" = HostId, Path), ("name" = String, Path)), request_body = Option<Stop>,
    responses((status = 202, body = Ordered), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn restart(
    State(app): State<App>,
    caller: Caller,
    Path((id, name)): Path<(HostId, String)>,
    OptionalJson(how): OptionalJson<Stop>,
) -> ApiResult<(StatusCode, Json<Ordered>)> {
    let ordered = action::act(&app, &caller, (id, &name), Action::Restart, &how).await?;
    Ok((StatusCode::ACCEPTED, Json(ordered)))
}
