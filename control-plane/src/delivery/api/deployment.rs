//! `/api/v1/deployments`

use std::convert::Infallible;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{
        IntoResponse,
        sse::{self, KeepAlive, Sse},
    },
};
use futures_util::StreamExt;
use muster_base::DeploymentId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    delivery::{
        deployment::{self, Deployment, DeploymentFilter},
        deployment_detail::{self, DeploymentDetail},
        events::{self, Event},
        trigger::{self, Accepted, RollbackTo},
    },
    http::{
        extract,
        page::Page,
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(log))
        .routes(routes!(redeploy))
        .routes(routes!(rollback))
}

/// Deployments, newest first.
#[utoipa::path(get, path = "/api/v1/deployments", operation_id = "listDeployments", tag = "delivery",
    params(DeploymentFilter), responses((status = 200, body = Page<Deployment>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    extract::Query(filter): extract::Query<DeploymentFilter>,
) -> ApiResult<Json<Page<Deployment>>> {
    Ok(Json(deployment::list(&app, &caller, filter).await?))
}

/// A deployment with its hosts and steps.
#[utoipa::path(get, path = "/api/v1/deployments/{id}", operation_id = "getDeployment", tag = "delivery",
    params(("id" = DeploymentId, Path)), responses((status = 200, body = DeploymentDetail)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<DeploymentId>,
) -> ApiResult<Json<DeploymentDetail>> {
    Ok(Json(deployment_detail::get(&app, &caller, id).await?))
}

/// A deployment's events from the first on, then live: `status`, `step`, `log`, `host` where it ended on a host or the host
/// went back, and `end` when it has ended.
/// A reconnecting reader goes on after `Last-Event-ID`.
#[utoipa::path(get, path = "/api/v1/deployments/{id}/log", operation_id = "followDeployment", tag = "delivery",
    params(("id" = DeploymentId, Path), ("Last-Event-ID" = Option<i64>, Header)),
    responses((status = 200, content_type = "text/event-stream", body = String)))]
async fn log(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<DeploymentId>,
    headers: HeaderMap,
) -> ApiResult<impl IntoResponse> {
    let seen = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let events = events::follow(&app, &caller, id, seen.unwrap_or(0)).await?;
    Ok(Sse::new(events.map(|event| Ok::<_, Infallible>(sent(&event)))).keep_alive(KeepAlive::default()))
}

fn sent(event: &Event) -> sse::Event {
    sse::Event::default()
        .event(event.kind.as_str())
        .id(event.seq.to_string())
        .data(&event.data)
}

/// Deploys the same version, with the same digest and settings, again.
#[utoipa::path(post, path = "/api/v1/deployments/{id}/redeploy", operation_id = "redeploy", tag = "delivery",
    params(("id" = DeploymentId, Path)), responses((status = 202, body = Accepted), (status = 409, body = Problem)))]
async fn redeploy(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<DeploymentId>,
) -> ApiResult<(StatusCode, Json<Accepted>)> {
    let made = trigger::redeploy(&app, &caller, id).await?;
    Ok((StatusCode::ACCEPTED, Json(made.accepted())))
}

/// Goes back to `to`; without it, to this deployment if it succeeded and is not what runs now, else to the last that
/// succeeded before it.
#[utoipa::path(post, path = "/api/v1/deployments/{id}/rollback", operation_id = "rollbackDeployment",
    tag = "delivery", params(("id" = DeploymentId, Path)), request_body = Option<RollbackTo>,
    responses((status = 202, body = Accepted), (status = 409, body = Problem)))]
async fn rollback(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<DeploymentId>,
    extract::OptionalJson(wanted): extract::OptionalJson<RollbackTo>,
) -> ApiResult<(StatusCode, Json<Accepted>)> {
    let made = trigger::rollback(&app, &caller, id, wanted).await?;
    Ok((StatusCode::ACCEPTED, Json(made.accepted())))
}
