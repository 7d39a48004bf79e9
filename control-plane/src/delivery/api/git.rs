//! `POST /webhook/git/{id}`, `/api/v1/applications/{id}/git-secret`

use axum::{
    Json,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use muster_base::ApplicationId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    delivery::{
        git_hook::{self, GitAnswer},
        repository::{self, GitSecret},
        trigger_try::{self, TriedEvent, TriedOutcome},
    },
    http::{
        ClientIp, extract,
        page::Page,
        problem::{ApiResult, Problem},
    },
};

/// A push of many commits names them all.
const BODY_BYTES: usize = 4 * 1024 * 1024;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(hear))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .routes(routes!(rotate))
        .routes(routes!(try_event))
}

/// Hears a Git host: what was pushed, tagged or merged is deployed where `triggerSpec` fits. Its own signature or token is
/// the only credential. Sent again, it is the same call.
#[utoipa::path(post, path = "/webhook/git/{id}", operation_id = "gitWebhook", tag = "delivery", security(()),
    params(("id" = String, Path)), request_body(content = String, content_type = "application/json"),
    responses((status = 202, body = GitAnswer), (status = 401, body = Problem), (status = 429, body = Problem)))]
async fn hear(
    State(app): State<App>,
    ClientIp(ip): ClientIp,
    extract::Path(id): extract::Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult<(StatusCode, Json<GitAnswer>)> {
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    };
    let answer = git_hook::hear(&app, ip, &id, &header, &body).await?;
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

/// Makes a new secret for the application's Git host, shown this once.
#[utoipa::path(post, path = "/api/v1/applications/{id}/git-secret", operation_id = "rotateGitSecret",
    tag = "delivery", params(("id" = ApplicationId, Path)),
    responses((status = 200, body = GitSecret), (status = 422, body = Problem)))]
async fn rotate(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<ApplicationId>,
) -> ApiResult<impl IntoResponse> {
    let secret = repository::rotate_secret(&app, &caller, id).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(secret)))
}

/// What an event at the Git host would do, by the rules that are kept or by others; nothing is deployed.
#[utoipa::path(post, path = "/api/v1/applications/{id}/try-event", operation_id = "tryEvent", tag = "delivery",
    params(("id" = ApplicationId, Path)), request_body = TriedEvent,
    responses((status = 200, body = Page<TriedOutcome>)))]
async fn try_event(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<ApplicationId>,
    extract::Json(tried): extract::Json<TriedEvent>,
) -> ApiResult<Json<Page<TriedOutcome>>> {
    let items = trigger_try::try_event(&app, &caller, id, tried).await?;
    Ok(Json(Page {
        items,
        next_cursor: None,
    }))
}
