//! `/api/v1/me/permissions`, `/api/v1/members/{userId}/permissions`, `/api/v1/operations`

use axum::{Json, extract::State};
use muster_base::UserId;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::{
        Caller, Module, Role, Standing,
        explain::{self, Explanation, Question},
        member_permission::{self, Effective, MemberPermissions, PermissionsOfMember},
        own_operation::{self, OwnModule},
    },
    app::App,
    http::{
        extract::{Json as Body, Path, Query},
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(mine))
        .routes(routes!(check))
        .routes(routes!(catalogue))
        .routes(routes!(of_member, set))
        .routes(routes!(explain_member))
}

/// What the caller may do in the chosen org, or what their platform's role gives them in none.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MyPermissions {
    /// The org; null for whoever is in none.
    #[schema(required)]
    org_id: Option<muster_base::OrgId>,
    /// Role there; null for the super administrator and whoever is in none.
    #[schema(required)]
    role: Option<Role>,
    #[serde(flatten)]
    #[schema(inline)]
    effective: Effective,
}

/// What the caller may do in the chosen org. Whoever is in no org has what their role in the platform gives of the platform's
/// own operations.
#[utoipa::path(get, path = "/api/v1/me/permissions", operation_id = "getMyPermissions", tag = "permissions",
    responses((status = 200, body = MyPermissions)))]
async fn mine(standing: Standing) -> Json<MyPermissions> {
    Json(MyPermissions {
        org_id: standing.caller().map(Caller::org),
        role: standing.caller().and_then(Caller::role),
        effective: Effective::of(standing.permissions()),
    })
}

/// Whether the caller may do something, built in or one of the platform's own operations.
#[utoipa::path(post, path = "/api/v1/me/permissions/check", operation_id = "checkMyPermission", tag = "permissions",
    request_body = Question,
    responses((status = 200, body = Explanation), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn check(
    State(app): State<App>,
    standing: Standing,
    Body(question): Body<Question>,
) -> ApiResult<Json<Explanation>> {
    Ok(Json(explain::check(&app, &standing, question).await?))
}

/// Every operation that can be given.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Catalogue {
    /// Built-in operations.
    built_in: Vec<BuiltIn>,
    /// The platform's own, by module.
    own: Vec<OwnModule>,
}

/// A built-in operation.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct BuiltIn {
    code: &'static str,
    /// In words.
    name: String,
    module: Module,
    /// The lowest built-in role that has it.
    lowest_role: Role,
}

/// Every operation that can be given, with the module it is in.
#[utoipa::path(get, path = "/api/v1/operations", operation_id = "listOperations", tag = "permissions",
    responses((status = 200, body = Catalogue)))]
async fn catalogue(State(app): State<App>, caller: Caller) -> ApiResult<Json<Catalogue>> {
    let built_in = crate::access::Operation::ALL.iter().map(|operation| BuiltIn {
        code: operation.code(),
        name: operation.name(),
        module: operation.module(),
        lowest_role: operation.lowest_role(),
    });
    Ok(Json(Catalogue {
        built_in: built_in.collect(),
        own: own_operation::list_of_org(&app, &caller).await?,
    }))
}

/// What a member may do, and where it comes from.
#[utoipa::path(get, path = "/api/v1/members/{userId}/permissions", operation_id = "getMemberPermissions",
    tag = "permissions", params(("userId" = UserId, Path)),
    responses((status = 200, body = MemberPermissions), (status = 404, body = Problem)))]
async fn of_member(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<UserId>,
) -> ApiResult<Json<MemberPermissions>> {
    Ok(Json(member_permission::get(&app, &caller, user).await?))
}

/// Applies a template and a role to a member, and grants operations and objects directly. Replaces what was there.
#[utoipa::path(put, path = "/api/v1/members/{userId}/permissions", operation_id = "setMemberPermissions",
    tag = "permissions", params(("userId" = UserId, Path)), request_body = PermissionsOfMember,
    responses((status = 200, body = MemberPermissions), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn set(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<UserId>,
    Body(body): Body<PermissionsOfMember>,
) -> ApiResult<Json<MemberPermissions>> {
    Ok(Json(member_permission::set(&app, &caller, user, body).await?))
}

/// Why a member may or may not do something.
#[utoipa::path(get, path = "/api/v1/members/{userId}/permissions/explain", operation_id = "explainMemberPermission",
    tag = "permissions", params(("userId" = UserId, Path), Question),
    responses((status = 200, body = Explanation), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn explain_member(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<UserId>,
    Query(question): Query<Question>,
) -> ApiResult<Json<Explanation>> {
    Ok(Json(explain::explain(&app, &caller, user, question).await?))
}
