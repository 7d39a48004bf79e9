//! `/api/v1/join-tokens`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::JoinTokenId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    fleet::join_token::{self, IssuedJoinToken, JoinTokenInfo, NewJoinToken},
    http::{
        extract::{Json as Body, Path, Query},
        page::{Page, PageQuery},
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(withdraw))
}

/// Join tokens that can still be used, newest first.
#[utoipa::path(get, path = "/api/v1/join-tokens", operation_id = "listJoinTokens", tag = "hosts", params(PageQuery),
    responses((status = 200, body = Page<JoinTokenInfo>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<JoinTokenInfo>>> {
    Ok(Json(join_token::list(&app, &caller, &query).await?))
}

/// Makes a join token. It is shown in this answer and never again.
#[utoipa::path(post, path = "/api/v1/join-tokens", operation_id = "createJoinToken", tag = "hosts", request_body = NewJoinToken,
    responses((status = 201, body = IssuedJoinToken), (status = 422, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<NewJoinToken>,
) -> ApiResult<(StatusCode, Json<IssuedJoinToken>)> {
    Ok((
        StatusCode::CREATED,
        Json(join_token::create(&app, &caller, body).await?),
    ))
}

/// Withdraws a join token. Hosts that joined with it stay.
#[utoipa::path(delete, path = "/api/v1/join-tokens/{id}", operation_id = "withdrawJoinToken", tag = "hosts",
    params(("id" = JoinTokenId, Path)), responses((status = 204), (status = 404, body = Problem)))]
async fn withdraw(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<JoinTokenId>,
) -> ApiResult<StatusCode> {
    join_token::withdraw(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
