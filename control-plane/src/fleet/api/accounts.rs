//! `/api/v1/hosts/{id}/accounts`

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use muster_base::{HostAccountId, HostId};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    fleet::account::{self, HostAccount, HostAccountInput, RevealedHostAccount},
    http::{
        extract::{Json as Body, Path, Query},
        page::{Page, PageQuery},
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(replace, delete))
        .routes(routes!(reveal))
}

/// The accounts that people sign in to a host with, by name, without their passwords.
#[utoipa::path(get, path = "/api/v1/hosts/{id}/accounts", operation_id = "listHostAccounts", tag = "hosts",
    params(("id" = HostId, Path), PageQuery),
    responses((status = 200, body = Page<HostAccount>), (status = 404, body = Problem)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<HostId>,
    Query(page): Query<PageQuery>,
) -> ApiResult<Json<Page<HostAccount>>> {
    Ok(Json(account::list(&app, &caller, id, &page).await?))
}

/// Enters an account of a host.
#[utoipa::path(post, path = "/api/v1/hosts/{id}/accounts", operation_id = "createHostAccount", tag = "hosts",
    params(("id" = HostId, Path)), request_body = HostAccountInput,
    responses((status = 201, body = HostAccount), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<HostId>,
    Body(input): Body<HostAccountInput>,
) -> ApiResult<(StatusCode, Json<HostAccount>)> {
    let made = account::create(&app, &caller, id, input).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Changes an account; its password stays if it is left out.
#[utoipa::path(put, path = "/api/v1/hosts/{id}/accounts/{accountId}", operation_id = "replaceHostAccount", tag = "hosts",
    params(("id" = HostId, Path), ("accountId" = HostAccountId, Path)), request_body = HostAccountInput,
    responses((status = 200, body = HostAccount), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    Path(ids): Path<(HostId, HostAccountId)>,
    Body(input): Body<HostAccountInput>,
) -> ApiResult<Json<HostAccount>> {
    Ok(Json(account::replace(&app, &caller, ids, input).await?))
}

/// Forgets an account and its password.
#[utoipa::path(delete, path = "/api/v1/hosts/{id}/accounts/{accountId}", operation_id = "deleteHostAccount", tag = "hosts",
    params(("id" = HostId, Path), ("accountId" = HostAccountId, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path((host, id)): Path<(HostId, HostAccountId)>,
) -> ApiResult<StatusCode> {
    account::delete(&app, &caller, host, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows an account's password, and puts on record that it did.
#[utoipa::path(post, path = "/api/v1/hosts/{id}/accounts/{accountId}/reveal", operation_id = "revealHostAccount",
    tag = "hosts", params(("id" = HostId, Path), ("accountId" = HostAccountId, Path)),
    responses((status = 200, body = RevealedHostAccount), (status = 404, body = Problem)))]
async fn reveal(
    State(app): State<App>,
    caller: Caller,
    Path((host, id)): Path<(HostId, HostAccountId)>,
) -> ApiResult<impl IntoResponse> {
    let revealed = account::reveal(&app, &caller, host, id).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(revealed)))
}
