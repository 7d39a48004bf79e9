//! `/api/v1/schema/releases/{id}/rollouts` and `/api/v1/schema/rollouts`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::{ReleaseId, ReleaseRolloutId};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    http::{
        extract::{Json as Body, Path, Query},
        page::{Page, PageQuery},
        problem::{ApiResult, Problem},
    },
    schema::{NewReleaseRollout, ReleaseRollout, ReleaseRolloutDetail, RollingOut, rollout, rollout_start},
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(get))
        .routes(routes!(go_on))
        .routes(routes!(resume))
        .routes(routes!(cancel))
}

/// Executes a release on many of its servers, wave after wave. Whatever does not succeed halts it. Each execution keeps to
/// the environment's maintenance windows.
#[utoipa::path(post, path = "/api/v1/schema/releases/{id}/rollouts", operation_id = "rollReleaseOut", tag = "schema",
    params(("id" = ReleaseId, Path)), request_body = NewReleaseRollout, responses((status = 202, body = RollingOut),
    (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ReleaseId>,
    Body(request): Body<NewReleaseRollout>,
) -> ApiResult<(StatusCode, Json<RollingOut>)> {
    let rolling = rollout_start::create(&app, &caller, id, request).await?;
    Ok((StatusCode::ACCEPTED, Json(rolling)))
}

/// The rollouts of a release, newest first.
#[utoipa::path(get, path = "/api/v1/schema/releases/{id}/rollouts", operation_id = "listReleaseRollouts", tag = "schema",
    params(("id" = ReleaseId, Path), PageQuery), responses((status = 200, body = Page<ReleaseRollout>),
    (status = 404, body = Problem)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ReleaseId>,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<ReleaseRollout>>> {
    Ok(Json(rollout::list(&app, &caller, id, &query).await?))
}

/// A rollout, server by server.
#[utoipa::path(get, path = "/api/v1/schema/rollouts/{id}", operation_id = "getReleaseRollout", tag = "schema",
    params(("id" = ReleaseRolloutId, Path)), responses((status = 200, body = ReleaseRolloutDetail),
    (status = 404, body = Problem)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ReleaseRolloutId>,
) -> ApiResult<Json<ReleaseRolloutDetail>> {
    Ok(Json(rollout::get(&app, &caller, id).await?))
}

/// Has a rollout go on that paused after its first wave.
#[utoipa::path(post, path = "/api/v1/schema/rollouts/{id}/continue", operation_id = "continueReleaseRollout",
    tag = "schema", params(("id" = ReleaseRolloutId, Path)), responses((status = 200, body = ReleaseRolloutDetail),
    (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn go_on(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ReleaseRolloutId>,
) -> ApiResult<Json<ReleaseRolloutDetail>> {
    Ok(Json(rollout::go_on_after_pause(&app, &caller, id).await?))
}

/// Has a rollout go on that halted: servers on which it succeeded are left out, those on which it did not get it again.
#[utoipa::path(post, path = "/api/v1/schema/rollouts/{id}/resume", operation_id = "resumeReleaseRollout",
    tag = "schema", params(("id" = ReleaseRolloutId, Path)), responses((status = 200, body = ReleaseRolloutDetail),
    (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn resume(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ReleaseRolloutId>,
) -> ApiResult<Json<ReleaseRolloutDetail>> {
    Ok(Json(rollout::resume(&app, &caller, id).await?))
}

/// Calls a rollout off: what was not begun never will be, and what runs goes on.
#[utoipa::path(post, path = "/api/v1/schema/rollouts/{id}/cancel", operation_id = "cancelReleaseRollout",
    tag = "schema", params(("id" = ReleaseRolloutId, Path)), responses((status = 200, body = ReleaseRolloutDetail),
    (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ReleaseRolloutId>,
) -> ApiResult<Json<ReleaseRolloutDetail>> {
    Ok(Json(rollout::cancel(&app, &caller, id).await?))
}
