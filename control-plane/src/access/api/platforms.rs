//! `/api/v1/platforms` and `/api/v1/administrators`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::{ModuleId, OperationId, PlatformId, RoleId, UserId};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::{
        Identity,
        administrator::{self, Administrator, NewAdministrator},
        own_operation::{
            self, ModulePatch, NewModule, NewOperation, OperationPatch, OwnModule, OwnOperation,
        },
        own_role::{self, NewRole, OwnRole, RolePatch},
        platform::{self, NewPlatform, Platform, PlatformPatch},
    },
    app::App,
    http::{
        extract::{Json as Body, Path, Query},
        page::{Page, PageQuery},
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(update))
        .routes(routes!(list_modules, create_module))
        .routes(routes!(create_operation))
        .routes(routes!(update_module, delete_module))
        .routes(routes!(update_operation, delete_operation))
        .routes(routes!(list_roles, create_role))
        .routes(routes!(update_role, delete_role))
        .routes(routes!(list_administrators, add_administrator))
        .routes(routes!(remove_administrator))
}

/// The platforms that the caller administers.
#[utoipa::path(get, path = "/api/v1/platforms", operation_id = "listPlatforms", tag = "platforms", params(PageQuery),
    responses((status = 200, body = Page<Platform>), (status = 403, body = Problem)))]
async fn list(
    State(app): State<App>,
    who: Identity,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<Platform>>> {
    Ok(Json(platform::list(&app, &who, &query).await?))
}

/// Makes a platform. Super administrator only.
#[utoipa::path(post, path = "/api/v1/platforms", operation_id = "createPlatform", tag = "platforms",
    request_body = NewPlatform,
    responses((status = 201, body = Platform), (status = 403, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn create(
    State(app): State<App>,
    who: Identity,
    Body(body): Body<NewPlatform>,
) -> ApiResult<(StatusCode, Json<Platform>)> {
    Ok((
        StatusCode::CREATED,
        Json(platform::create(&app, &who, body).await?),
    ))
}

/// Changes a platform, or disables it with all its people. Super administrator only.
#[utoipa::path(patch, path = "/api/v1/platforms/{id}", operation_id = "updatePlatform", tag = "platforms",
    params(("id" = PlatformId, Path)), request_body = PlatformPatch,
    responses((status = 200, body = Platform), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
async fn update(
    State(app): State<App>,
    who: Identity,
    Path(id): Path<PlatformId>,
    Body(body): Body<PlatformPatch>,
) -> ApiResult<Json<Platform>> {
    Ok(Json(platform::update(&app, &who, id, body).await?))
}

/// What a platform adds for the applications that it fronts.
#[derive(Serialize, ToSchema)]
struct OwnModules {
    /// By name.
    items: Vec<OwnModule>,
}

/// A platform's own modules with their operations.
#[utoipa::path(get, path = "/api/v1/platforms/{id}/modules", operation_id = "listPlatformModules", tag = "platforms",
    params(("id" = PlatformId, Path)),
    responses((status = 200, body = OwnModules), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn list_modules(
    State(app): State<App>,
    who: Identity,
    Path(id): Path<PlatformId>,
) -> ApiResult<Json<OwnModules>> {
    let items = own_operation::list_of_platform(&app, &who, id).await?;
    Ok(Json(OwnModules { items }))
}

/// Makes a module of a platform's own.
#[utoipa::path(post, path = "/api/v1/platforms/{id}/modules", operation_id = "createPlatformModule",
    tag = "platforms", params(("id" = PlatformId, Path)), request_body = NewModule,
    responses((status = 201, body = OwnModule), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn create_module(
    State(app): State<App>,
    who: Identity,
    Path(id): Path<PlatformId>,
    Body(body): Body<NewModule>,
) -> ApiResult<(StatusCode, Json<OwnModule>)> {
    let made = own_operation::create_module(&app, &who, id, body).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Renames a module of a platform's own.
#[utoipa::path(patch, path = "/api/v1/platforms/{id}/modules/{moduleId}", operation_id = "updatePlatformModule",
    tag = "platforms", params(("id" = PlatformId, Path), ("moduleId" = ModuleId, Path)), request_body = ModulePatch,
    responses((status = 200, body = OwnModule), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn update_module(
    State(app): State<App>,
    who: Identity,
    Path(ids): Path<(PlatformId, ModuleId)>,
    Body(body): Body<ModulePatch>,
) -> ApiResult<Json<OwnModule>> {
    Ok(Json(own_operation::update_module(&app, &who, ids, body).await?))
}

/// Deletes a module of a platform's own that holds no operation.
#[utoipa::path(delete, path = "/api/v1/platforms/{id}/modules/{moduleId}", operation_id = "deletePlatformModule",
    tag = "platforms", params(("id" = PlatformId, Path), ("moduleId" = ModuleId, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
async fn delete_module(
    State(app): State<App>,
    who: Identity,
    Path(ids): Path<(PlatformId, ModuleId)>,
) -> ApiResult<StatusCode> {
    own_operation::delete_module(&app, &who, ids).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Renames an operation of a platform's own, or moves it into another module.
#[utoipa::path(patch, path = "/api/v1/platforms/{id}/operations/{operationId}",
    operation_id = "updatePlatformOperation", tag = "platforms",
    params(("id" = PlatformId, Path), ("operationId" = OperationId, Path)), request_body = OperationPatch,
    responses((status = 200, body = OwnOperation), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
async fn update_operation(
    State(app): State<App>,
    who: Identity,
    Path(ids): Path<(PlatformId, OperationId)>,
    Body(body): Body<OperationPatch>,
) -> ApiResult<Json<OwnOperation>> {
    Ok(Json(own_operation::update(&app, &who, ids, body).await?))
}

/// Makes an operation of a platform's own.
#[utoipa::path(post, path = "/api/v1/platforms/{id}/operations", operation_id = "createPlatformOperation",
    tag = "platforms", params(("id" = PlatformId, Path)), request_body = NewOperation,
    responses((status = 201, body = OwnOperation), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn create_operation(
    State(app): State<App>,
    who: Identity,
    Path(id): Path<PlatformId>,
    Body(body): Body<NewOperation>,
) -> ApiResult<(StatusCode, Json<OwnOperation>)> {
    let made = own_operation::create(&app, &who, id, body).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Deletes an operation of a platform's own that nothing gives.
#[utoipa::path(delete, path = "/api/v1/platforms/{id}/operations/{operationId}",
    operation_id = "deletePlatformOperation", tag = "platforms",
    params(("id" = PlatformId, Path), ("operationId" = OperationId, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
async fn delete_operation(
    State(app): State<App>,
    who: Identity,
    Path(ids): Path<(PlatformId, OperationId)>,
) -> ApiResult<StatusCode> {
    own_operation::delete(&app, &who, ids).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A platform's roles.
#[derive(Serialize, ToSchema)]
struct PlatformRoles {
    /// By code.
    items: Vec<OwnRole>,
}

/// A platform's roles, which every org of it may give.
#[utoipa::path(get, path = "/api/v1/platforms/{id}/roles", operation_id = "listPlatformRoles", tag = "platforms",
    params(("id" = PlatformId, Path)),
    responses((status = 200, body = PlatformRoles), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn list_roles(
    State(app): State<App>,
    who: Identity,
    Path(id): Path<PlatformId>,
) -> ApiResult<Json<PlatformRoles>> {
    let items = own_role::list_of_platform(&app, &who, id).await?;
    Ok(Json(PlatformRoles { items }))
}

/// Makes a role of a platform.
#[utoipa::path(post, path = "/api/v1/platforms/{id}/roles", operation_id = "createPlatformRole", tag = "platforms",
    params(("id" = PlatformId, Path)), request_body = NewRole,
    responses((status = 201, body = OwnRole), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn create_role(
    State(app): State<App>,
    who: Identity,
    Path(id): Path<PlatformId>,
    Body(body): Body<NewRole>,
) -> ApiResult<(StatusCode, Json<OwnRole>)> {
    let made = own_role::create_for_platform(&app, &who, id, body).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Changes a role of a platform. Whoever has it has the changed one at once.
#[utoipa::path(patch, path = "/api/v1/platforms/{id}/roles/{roleId}", operation_id = "updatePlatformRole",
    tag = "platforms", params(("id" = PlatformId, Path), ("roleId" = RoleId, Path)), request_body = RolePatch,
    responses((status = 200, body = OwnRole), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
async fn update_role(
    State(app): State<App>,
    who: Identity,
    Path(ids): Path<(PlatformId, RoleId)>,
    Body(body): Body<RolePatch>,
) -> ApiResult<Json<OwnRole>> {
    Ok(Json(own_role::update_of_platform(&app, &who, ids, body).await?))
}

/// Deletes a role of a platform that nobody has.
#[utoipa::path(delete, path = "/api/v1/platforms/{id}/roles/{roleId}", operation_id = "deletePlatformRole",
    tag = "platforms", params(("id" = PlatformId, Path), ("roleId" = RoleId, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
async fn delete_role(
    State(app): State<App>,
    who: Identity,
    Path(ids): Path<(PlatformId, RoleId)>,
) -> ApiResult<StatusCode> {
    own_role::delete_of_platform(&app, &who, ids).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Administrators of the platforms that the caller administers.
#[utoipa::path(get, path = "/api/v1/administrators", operation_id = "listAdministrators", tag = "platforms",
    params(PageQuery), responses((status = 200, body = Page<Administrator>), (status = 403, body = Problem)))]
async fn list_administrators(
    State(app): State<App>,
    who: Identity,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<Administrator>>> {
    Ok(Json(administrator::list(&app, &who, &query).await?))
}

/// Binds a user to a platform as manager or operator; managers may add operators.
#[utoipa::path(post, path = "/api/v1/administrators", operation_id = "addAdministrator", tag = "platforms",
    request_body = NewAdministrator,
    responses((status = 201, body = Administrator), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
async fn add_administrator(
    State(app): State<App>,
    who: Identity,
    Body(body): Body<NewAdministrator>,
) -> ApiResult<(StatusCode, Json<Administrator>)> {
    Ok((
        StatusCode::CREATED,
        Json(administrator::add(&app, &who, body).await?),
    ))
}

/// Takes an administrator's platform away.
#[utoipa::path(delete, path = "/api/v1/administrators/{userId}/platforms/{platformId}",
    operation_id = "removeAdministrator", tag = "platforms",
    params(("userId" = UserId, Path), ("platformId" = PlatformId, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn remove_administrator(
    State(app): State<App>,
    who: Identity,
    Path(ids): Path<(UserId, PlatformId)>,
) -> ApiResult<StatusCode> {
    administrator::remove(&app, &who, ids).await?;
    Ok(StatusCode::NO_CONTENT)
}
