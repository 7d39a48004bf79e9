//! `POST /api/v1/deployments/{id}/…`: what is done to a deployment that waits or runs.

use axum::{Json, extract::State, http::StatusCode};
use muster_base::DeploymentId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    delivery::{
        approval::{self, Verdict},
        deployment::Deployment,
        steer::{self, CallOff},
        window::{self, StartDeployment},
    },
    http::{extract, problem::ApiResult},
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(start))
        .routes(routes!(cancel))
}

/// Approves of a deployment that waits for it; not for whoever asked for it.
#[utoipa::path(post, path = "/api/v1/deployments/{id}/approve", operation_id = "approveDeployment",
    tag = "delivery", params(("id" = DeploymentId, Path)), request_body = Option<Verdict>,
    responses((status = 202, body = Deployment), (status = 409)))]
async fn approve(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<DeploymentId>,
    extract::OptionalJson(verdict): extract::OptionalJson<Verdict>,
) -> ApiResult<(StatusCode, Json<Deployment>)> {
    let deployment = approval::approve(&app, &caller, id, verdict).await?;
    Ok((StatusCode::ACCEPTED, Json(deployment)))
}

/// Ends a deployment that waits for approval.
#[utoipa::path(post, path = "/api/v1/deployments/{id}/reject", operation_id = "rejectDeployment", tag = "delivery",
    params(("id" = DeploymentId, Path)), request_body = Option<Verdict>,
    responses((status = 200, body = Deployment), (status = 409)))]
async fn reject(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<DeploymentId>,
    extract::OptionalJson(verdict): extract::OptionalJson<Verdict>,
) -> ApiResult<Json<Deployment>> {
    Ok(Json(approval::reject(&app, &caller, id, verdict).await?))
}

/// Asks no further batch of hosts until somebody says "go on".
#[utoipa::path(post, path = "/api/v1/deployments/{id}/pause", operation_id = "pauseDeployment", tag = "delivery",
    params(("id" = DeploymentId, Path)), responses((status = 202, body = Deployment), (status = 409)))]
async fn pause(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<DeploymentId>,
) -> ApiResult<(StatusCode, Json<Deployment>)> {
    Ok((StatusCode::ACCEPTED, Json(steer::pause(&app, &caller, id).await?)))
}

/// Goes on with a paused deployment; with one that has ended and left hosts undone, by a new one on those hosts, which is
/// the answer.
#[utoipa::path(post, path = "/api/v1/deployments/{id}/resume", operation_id = "resumeDeployment", tag = "delivery",
    params(("id" = DeploymentId, Path)), responses((status = 202, body = Deployment), (status = 409)))]
async fn resume(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<DeploymentId>,
) -> ApiResult<(StatusCode, Json<Deployment>)> {
    Ok((
        StatusCode::ACCEPTED,
        Json(steer::resume(&app, &caller, id).await?),
    ))
}

/// Begins a deployment that waits for a window of its environment at once, with a reason.
#[utoipa::path(post, path = "/api/v1/deployments/{id}/start", operation_id = "startDeployment", tag = "delivery",
    params(("id" = DeploymentId, Path)), request_body = StartDeployment,
    responses((status = 202, body = Deployment), (status = 409)))]
async fn start(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<DeploymentId>,
    extract::Json(request): extract::Json<StartDeployment>,
) -> ApiResult<(StatusCode, Json<Deployment>)> {
    Ok((
        StatusCode::ACCEPTED,
        Json(window::start_now(&app, &caller, id, request).await?),
    ))
}

/// Calls a deployment off. One that runs ends when its hosts have put things back; with `rollBack` those that are done
/// already go back, too.
#[utoipa::path(post, path = "/api/v1/deployments/{id}/cancel", operation_id = "cancelDeployment", tag = "delivery",
    params(("id" = DeploymentId, Path)), request_body = Option<CallOff>,
    responses((status = 202, body = Deployment), (status = 409)))]
async fn cancel(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<DeploymentId>,
    extract::OptionalJson(how): extract::OptionalJson<CallOff>,
) -> ApiResult<(StatusCode, Json<Deployment>)> {
    Ok((
        StatusCode::ACCEPTED,
        Json(steer::cancel(&app, &caller, id, how).await?),
    ))
}
