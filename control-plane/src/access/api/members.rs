//! `/api/v1/members`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::UserId;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::{
        Caller, Role,
        member::{self, Member, MemberQuery, NewMember},
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
        .routes(routes!(list, add))
        .routes(routes!(set_role, remove))
}

/// The org's members.
#[utoipa::path(get, path = "/api/v1/members", operation_id = "listMembers", tag = "people", params(MemberQuery),
    responses((status = 200, body = Page<Member>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<MemberQuery>,
) -> ApiResult<Json<Page<Member>>> {
    Ok(Json(member::list(&app, &caller, query).await?))
}

/// Adds a user of the platform to the org.
#[utoipa::path(post, path = "/api/v1/members", operation_id = "addMember", tag = "people", request_body = NewMember,
    responses((status = 201, body = Member), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn add(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<NewMember>,
) -> ApiResult<(StatusCode, Json<Member>)> {
    Ok((StatusCode::CREATED, Json(member::add(&app, &caller, body).await?)))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RoleBody {
    role: Role,
}

/// Changes a member's role; OWNER transfers the ownership.
#[utoipa::path(patch, path = "/api/v1/members/{userId}", operation_id = "setMemberRole", tag = "people",
    params(("userId" = UserId, Path)), request_body = RoleBody,
    responses((status = 200, body = Member), (status = 409, body = Problem)))]
async fn set_role(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<UserId>,
    Body(body): Body<RoleBody>,
) -> ApiResult<Json<Member>> {
    Ok(Json(member::set_role(&app, &caller, user, body.role).await?))
}

/// Removes a member, or leaves the org.
#[utoipa::path(delete, path = "/api/v1/members/{userId}", operation_id = "removeMember", tag = "people",
    params(("userId" = UserId, Path)), responses((status = 204), (status = 409, body = Problem)))]
async fn remove(State(app): State<App>, caller: Caller, Path(user): Path<UserId>) -> ApiResult<StatusCode> {
    member::remove(&app, &caller, user).await?;
    Ok(StatusCode::NO_CONTENT)
}
