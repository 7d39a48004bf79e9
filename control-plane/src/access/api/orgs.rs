//! `/api/v1/orgs` and `/api/v1/org`

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::{
        Caller, Identity,
        org::{self, NewOrg, Org, OrgPatch},
    },
    app::App,
    http::{
        extract::Json as Body,
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(get, update))
}

/// Makes an org with its owner. Super administrator only.
#[utoipa::path(post, path = "/api/v1/orgs", operation_id = "createOrg", tag = "people", request_body = NewOrg,
    responses((status = 201, body = Org), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn create(
    State(app): State<App>,
    who: Identity,
    Body(body): Body<NewOrg>,
) -> ApiResult<(StatusCode, Json<Org>)> {
    Ok((StatusCode::CREATED, Json(org::create(&app, &who, body).await?)))
}

/// The chosen org.
#[utoipa::path(get, path = "/api/v1/org", operation_id = "getOrg", tag = "people",
    responses((status = 200, body = Org)))]
async fn get(State(app): State<App>, caller: Caller) -> ApiResult<Json<Org>> {
    Ok(Json(org::get(&app, &caller).await?))
}

/// Changes the chosen org.
#[utoipa::path(patch, path = "/api/v1/org", operation_id = "updateOrg", tag = "people", request_body = OrgPatch,
    responses((status = 200, body = Org), (status = 403, body = Problem)))]
async fn update(State(app): State<App>, caller: Caller, Body(body): Body<OrgPatch>) -> ApiResult<Json<Org>> {
    Ok(Json(org::update(&app, &caller, body).await?))
}
