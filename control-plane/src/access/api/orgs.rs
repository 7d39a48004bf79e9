//! `/api/v1/orgs` and `/api/v1/org`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::OrgId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::{
        Caller, Identity,
        org::{self, ListedOrg, NewOrg, Org, OrgDeletion, OrgPatch, OrgQuery},
        own_org::{self, NewOwnOrg},
    },
    app::App,
    http::{
        extract::{Json as Body, Path, Query},
        page::Page,
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get_one, update_one))
        .routes(routes!(create_own))
        .routes(routes!(get, update, delete))
}

/// The orgs of the platforms that the caller administers, newest first.
#[utoipa::path(get, path = "/api/v1/orgs", operation_id = "listOrgs", tag = "people", params(OrgQuery),
    responses((status = 200, body = Page<ListedOrg>), (status = 403, body = Problem)))]
async fn list(
    State(app): State<App>,
    who: Identity,
    Query(query): Query<OrgQuery>,
) -> ApiResult<Json<Page<ListedOrg>>> {
    Ok(Json(org::list(&app, &who, query).await?))
}

/// Makes an org with its owner. For the administrators of the owner's platform.
#[utoipa::path(post, path = "/api/v1/orgs", operation_id = "createOrg", tag = "people", request_body = NewOrg,
    responses((status = 201, body = Org), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn create(
    State(app): State<App>,
    who: Identity,
    Body(body): Body<NewOrg>,
) -> ApiResult<(StatusCode, Json<Org>)> {
    Ok((StatusCode::CREATED, Json(org::create(&app, &who, body).await?)))
}

/// An org, for the administrators of its platform.
#[utoipa::path(get, path = "/api/v1/orgs/{id}", operation_id = "getOrgById", tag = "people",
    params(("id" = OrgId, Path)),
    responses((status = 200, body = Org), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn get_one(State(app): State<App>, who: Identity, Path(id): Path<OrgId>) -> ApiResult<Json<Org>> {
    Ok(Json(org::get_for(&app, &who, id).await?))
}

/// Changes an org, and tells its members. For the managers of its platform.
#[utoipa::path(patch, path = "/api/v1/orgs/{id}", operation_id = "updateOrgById", tag = "people",
    params(("id" = OrgId, Path)), request_body = OrgPatch,
    responses((status = 200, body = Org), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn update_one(
    State(app): State<App>,
    who: Identity,
    Path(id): Path<OrgId>,
    Body(body): Body<OrgPatch>,
) -> ApiResult<Json<Org>> {
    Ok(Json(org::update_for(&app, &who, id, body).await?))
}

/// Makes an org that the caller owns, where their platform lets its users do that.
#[utoipa::path(post, path = "/api/v1/me/orgs", operation_id = "createMyOrg", tag = "people", request_body = NewOwnOrg,
    responses((status = 201, body = Org), (status = 403, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn create_own(
    State(app): State<App>,
    who: Identity,
    Body(body): Body<NewOwnOrg>,
) -> ApiResult<(StatusCode, Json<Org>)> {
    Ok((
        StatusCode::CREATED,
        Json(own_org::create(&app, &who, body).await?),
    ))
}

/// The chosen org.
#[utoipa::path(get, path = "/api/v1/org", operation_id = "getOrg", tag = "people",
    responses((status = 200, body = Org)))]
async fn get(State(app): State<App>, caller: Caller) -> ApiResult<Json<Org>> {
    Ok(Json(org::get(&app, &caller).await?))
}

/// Deletes the chosen org. Refused while hosts or deployed applications belong to it.
#[utoipa::path(delete, path = "/api/v1/org", operation_id = "deleteOrg", tag = "people", request_body = OrgDeletion,
    responses((status = 204), (status = 403, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<OrgDeletion>,
) -> ApiResult<StatusCode> {
    org::delete(&app, &caller, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes the chosen org, and tells its members.
#[utoipa::path(patch, path = "/api/v1/org", operation_id = "updateOrg", tag = "people", request_body = OrgPatch,
    responses((status = 200, body = Org), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn update(State(app): State<App>, caller: Caller, Body(body): Body<OrgPatch>) -> ApiResult<Json<Org>> {
    Ok(Json(org::update(&app, &caller, body).await?))
}
