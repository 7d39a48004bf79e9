//! `/api/v1/applications/{id}/webhook-guards`, `/api/v1/applications/{id}/webhook-refusals`

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use muster_base::ApplicationId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    delivery::webhook_guard::{self, WebhookGuard, WebhookGuardPatch, WebhookRefusal, WebhookSecret},
    http::{
        extract,
        page::Page,
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(set))
        .routes(routes!(make_secret))
        .routes(routes!(refusals))
}

/// What webhook calls need beside their token, by environment; one that wants nothing more may be missing.
#[utoipa::path(get, path = "/api/v1/applications/{id}/webhook-guards", operation_id = "listWebhookGuards",
    tag = "delivery", params(("id" = ApplicationId, Path)), responses((status = 200, body = Page<WebhookGuard>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<ApplicationId>,
) -> ApiResult<Json<Page<WebhookGuard>>> {
    let items = webhook_guard::list(&app, &caller, id).await?;
    Ok(Json(Page {
        items,
        next_cursor: None,
    }))
}

/// Sets whence may be called, or ends that calls must be signed.
#[utoipa::path(patch, path = "/api/v1/applications/{id}/webhook-guards/{name}", operation_id = "setWebhookGuard",
    tag = "delivery", params(("id" = ApplicationId, Path), ("name" = String, Path)), request_body = WebhookGuardPatch,
    responses((status = 200, body = WebhookGuard), (status = 422, body = Problem)))]
async fn set(
    State(app): State<App>,
    caller: Caller,
    extract::Path((id, name)): extract::Path<(ApplicationId, String)>,
    extract::Json(patch): extract::Json<WebhookGuardPatch>,
) -> ApiResult<Json<WebhookGuard>> {
    Ok(Json(webhook_guard::set(&app, &caller, id, &name, patch).await?))
}

/// Makes a new signing secret, shown this once. From now on calls must be signed with it; the one before ends at once.
#[utoipa::path(post, path = "/api/v1/applications/{id}/webhook-guards/{name}/secret",
    operation_id = "makeWebhookSecret", tag = "delivery",
    params(("id" = ApplicationId, Path), ("name" = String, Path)),
    responses((status = 201, body = WebhookSecret)))]
async fn make_secret(
    State(app): State<App>,
    caller: Caller,
    extract::Path((id, name)): extract::Path<(ApplicationId, String)>,
) -> ApiResult<impl IntoResponse> {
    let secret = webhook_guard::make_secret(&app, &caller, id, &name).await?;
    Ok((
        StatusCode::CREATED,
        [(header::CACHE_CONTROL, "no-store")],
        Json(secret),
    ))
}

/// The last webhook calls that were refused, and why: who called was not told.
#[utoipa::path(get, path = "/api/v1/applications/{id}/webhook-refusals", operation_id = "listWebhookRefusals",
    tag = "delivery", params(("id" = ApplicationId, Path)), responses((status = 200, body = Page<WebhookRefusal>)))]
async fn refusals(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<ApplicationId>,
) -> ApiResult<Json<Page<WebhookRefusal>>> {
    let items = webhook_guard::refusals(&app, &caller, id).await?;
    Ok(Json(Page {
        items,
        next_cursor: None,
    }))
}
