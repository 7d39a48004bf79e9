//! `/api/v1/outbox`

use axum::{Json, extract::State};
use muster_base::LetterId;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    letter::PostedLetter,
    outbox::{self, LetterQuery, OutboxState, TestLetter},
};
use crate::{
    access::Identity,
    app::App,
    http::{
        extract::{Json as Body, Path, Query},
        page::Page,
        problem::{ApiResult, Problem},
    },
};

/// This room's routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(state))
        .routes(routes!(retry))
        .routes(routes!(test))
}

/// Mails and text messages of the platforms that one administers, newest first, without the codes that they carry.
#[utoipa::path(get, path = "/api/v1/outbox", operation_id = "listLetters", tag = "outbox", params(LetterQuery),
    responses((status = 200, body = Page<PostedLetter>), (status = 403, body = Problem)))]
async fn list(
    State(app): State<App>,
    who: Identity,
    Query(query): Query<LetterQuery>,
) -> ApiResult<Json<Page<PostedLetter>>> {
    Ok(Json(outbox::list(&app, &who, query).await?))
}

/// How the outbox does: what waits, since when, and why.
#[utoipa::path(get, path = "/api/v1/outbox/state", operation_id = "getOutboxState", tag = "outbox",
    responses((status = 200, body = OutboxState), (status = 403, body = Problem)))]
async fn state(State(app): State<App>, who: Identity) -> ApiResult<Json<OutboxState>> {
    Ok(Json(outbox::state(&app, &who).await?))
}

/// Sends a letter again that was given up.
#[utoipa::path(post, path = "/api/v1/outbox/{id}/retry", operation_id = "retryLetter", tag = "outbox",
    params(("id" = LetterId, Path)),
    responses((status = 200, body = PostedLetter), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
async fn retry(
    State(app): State<App>,
    who: Identity,
    Path(id): Path<LetterId>,
) -> ApiResult<Json<PostedLetter>> {
    Ok(Json(outbox::retry(&app, &who, id).await?))
}

/// Sends a test mail and answers what came of it: `sent`, or `lastError`.
#[utoipa::path(post, path = "/api/v1/outbox/test", operation_id = "sendTestMail", tag = "outbox",
    request_body = TestLetter,
    responses((status = 200, body = PostedLetter), (status = 403, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn test(
    State(app): State<App>,
    who: Identity,
    Body(body): Body<TestLetter>,
) -> ApiResult<Json<PostedLetter>> {
    Ok(Json(outbox::test(&app, &who, body).await?))
}
