//! `/api/v1/permission-templates` and `/api/v1/roles`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::{RoleId, TemplateId};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::{
        Caller,
        own_role::{self, NewRole, OwnRole, RolePatch},
        template::{self, NewTemplate, Template, TemplatePatch},
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
        .routes(routes!(get, update, remove))
        .routes(routes!(list_roles, create_role))
        .routes(routes!(update_role, remove_role))
}

/// The org's permission templates, by name.
#[utoipa::path(get, path = "/api/v1/permission-templates", operation_id = "listPermissionTemplates",
    tag = "permissions", params(PageQuery), responses((status = 200, body = Page<Template>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<Template>>> {
    Ok(Json(template::list(&app, &caller, &query).await?))
}

/// Makes a permission template.
#[utoipa::path(post, path = "/api/v1/permission-templates", operation_id = "createPermissionTemplate",
    tag = "permissions", request_body = NewTemplate,
    responses((status = 201, body = Template), (status = 403, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<NewTemplate>,
) -> ApiResult<(StatusCode, Json<Template>)> {
    Ok((
        StatusCode::CREATED,
        Json(template::create(&app, &caller, body).await?),
    ))
}

/// A permission template.
#[utoipa::path(get, path = "/api/v1/permission-templates/{id}", operation_id = "getPermissionTemplate",
    tag = "permissions", params(("id" = TemplateId, Path)),
    responses((status = 200, body = Template), (status = 404, body = Problem)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TemplateId>,
) -> ApiResult<Json<Template>> {
    Ok(Json(template::get(&app, &caller, id).await?))
}

/// Changes a permission template, for every member that it is applied to.
#[utoipa::path(patch, path = "/api/v1/permission-templates/{id}", operation_id = "updatePermissionTemplate",
    tag = "permissions", params(("id" = TemplateId, Path)), request_body = TemplatePatch,
    responses((status = 200, body = Template), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TemplateId>,
    Body(body): Body<TemplatePatch>,
) -> ApiResult<Json<Template>> {
    Ok(Json(template::update(&app, &caller, id, body).await?))
}

/// Deletes a permission template that is applied to nobody.
#[utoipa::path(delete, path = "/api/v1/permission-templates/{id}", operation_id = "deletePermissionTemplate",
    tag = "permissions", params(("id" = TemplateId, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn remove(State(app): State<App>, caller: Caller, Path(id): Path<TemplateId>) -> ApiResult<StatusCode> {
    template::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The org's roles and its platform's, beside OWNER, ADMIN, MEMBER and VIEWER.
#[utoipa::path(get, path = "/api/v1/roles", operation_id = "listRoles", tag = "permissions", params(PageQuery),
    responses((status = 200, body = Page<OwnRole>)))]
async fn list_roles(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<OwnRole>>> {
    Ok(Json(own_role::list(&app, &caller, &query).await?))
}

/// Makes a role of the org.
#[utoipa::path(post, path = "/api/v1/roles", operation_id = "createRole", tag = "permissions", request_body = NewRole,
    responses((status = 201, body = OwnRole), (status = 403, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn create_role(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<NewRole>,
) -> ApiResult<(StatusCode, Json<OwnRole>)> {
    Ok((
        StatusCode::CREATED,
        Json(own_role::create(&app, &caller, body).await?),
    ))
}

/// Changes a role of the org, for every member who has it.
#[utoipa::path(patch, path = "/api/v1/roles/{id}", operation_id = "updateRole", tag = "permissions",
    params(("id" = RoleId, Path)), request_body = RolePatch,
    responses((status = 200, body = OwnRole), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn update_role(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<RoleId>,
    Body(body): Body<RolePatch>,
) -> ApiResult<Json<OwnRole>> {
    Ok(Json(own_role::update(&app, &caller, id, body).await?))
}

/// Deletes a role that nobody has.
#[utoipa::path(delete, path = "/api/v1/roles/{id}", operation_id = "deleteRole", tag = "permissions",
    params(("id" = RoleId, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn remove_role(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<RoleId>,
) -> ApiResult<StatusCode> {
    own_role::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
