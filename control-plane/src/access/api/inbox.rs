//! `/api/v1/messages`, `/api/v1/me/profile`, `/api/v1/departments`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::{DepartmentId, MessageId};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::{
        Caller, Identity, User,
        department::{self, Department, DepartmentBody, Departments},
        message::{self, Message, MessageQuery, Unread},
        profile::{self, ProfilePatch},
    },
    app::App,
    http::{
        Spoken,
        extract::{Json as Body, Path, Query},
        page::Page,
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(unread))
        .routes(routes!(read))
        .routes(routes!(read_all))
        .routes(routes!(get_profile, update_profile))
        .routes(routes!(list_departments, create_department))
        .routes(routes!(update_department, delete_department))
}

/// One's own messages, newest first.
#[utoipa::path(get, path = "/api/v1/messages", operation_id = "listMessages", tag = "people", params(MessageQuery),
    responses((status = 200, body = Page<Message>), (status = 403, body = Problem)))]
async fn list(
    State(app): State<App>,
    who: Identity,
    Query(query): Query<MessageQuery>,
) -> ApiResult<Json<Page<Message>>> {
    Ok(Json(message::list(&app, &who, query).await?))
}

/// How many of one's messages are unread.
#[utoipa::path(get, path = "/api/v1/messages/unread", operation_id = "countUnreadMessages", tag = "people",
    responses((status = 200, body = Unread), (status = 403, body = Problem)))]
async fn unread(State(app): State<App>, who: Identity) -> ApiResult<Json<Unread>> {
    Ok(Json(message::unread(&app, &who).await?))
}

/// Marks a message as read.
#[utoipa::path(post, path = "/api/v1/messages/{id}/read", operation_id = "readMessage", tag = "people",
    params(("id" = MessageId, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn read(State(app): State<App>, who: Identity, Path(id): Path<MessageId>) -> ApiResult<StatusCode> {
    message::read(&app, &who, Some(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Marks all of one's messages as read.
#[utoipa::path(post, path = "/api/v1/messages/read", operation_id = "readAllMessages", tag = "people",
    responses((status = 204), (status = 403, body = Problem)))]
async fn read_all(State(app): State<App>, who: Identity) -> ApiResult<StatusCode> {
    message::read(&app, &who, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One's own profile.
#[utoipa::path(get, path = "/api/v1/me/profile", operation_id = "getMyProfile", tag = "people",
    responses((status = 200, body = User), (status = 403, body = Problem)))]
async fn get_profile(State(app): State<App>, who: Identity) -> ApiResult<Json<User>> {
    Ok(Json(profile::get(&app, &who).await?))
}

/// Changes one's own profile. Another e-mail address or mobile number takes the password again.
#[utoipa::path(patch, path = "/api/v1/me/profile", operation_id = "updateMyProfile", tag = "people",
    request_body = ProfilePatch,
    responses((status = 200, body = User), (status = 403, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn update_profile(
    State(app): State<App>,
    who: Identity,
    Spoken(language): Spoken,
    Body(body): Body<ProfilePatch>,
) -> ApiResult<Json<User>> {
    Ok(Json(profile::update(&app, &who, body, language).await?))
}

/// The org's departments: a tree, as a list.
#[utoipa::path(get, path = "/api/v1/departments", operation_id = "listDepartments", tag = "people",
    responses((status = 200, body = Departments), (status = 403, body = Problem)))]
async fn list_departments(State(app): State<App>, caller: Caller) -> ApiResult<Json<Departments>> {
    Ok(Json(department::list(&app, &caller).await?))
}

/// Makes a department.
#[utoipa::path(post, path = "/api/v1/departments", operation_id = "createDepartment", tag = "people",
    request_body = DepartmentBody,
    responses((status = 201, body = Department), (status = 403, body = Problem), (status = 422, body = Problem)))]
async fn create_department(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<DepartmentBody>,
) -> ApiResult<(StatusCode, Json<Department>)> {
    Ok((
        StatusCode::CREATED,
        Json(department::create(&app, &caller, body).await?),
    ))
}

/// Replaces a department; another parent moves it.
#[utoipa::path(put, path = "/api/v1/departments/{id}", operation_id = "updateDepartment", tag = "people",
    params(("id" = DepartmentId, Path)), request_body = DepartmentBody,
    responses((status = 200, body = Department), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
async fn update_department(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DepartmentId>,
    Body(body): Body<DepartmentBody>,
) -> ApiResult<Json<Department>> {
    Ok(Json(department::update(&app, &caller, id, body).await?))
}

/// Deletes a department that has none below it.
#[utoipa::path(delete, path = "/api/v1/departments/{id}", operation_id = "deleteDepartment", tag = "people",
    params(("id" = DepartmentId, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
async fn delete_department(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DepartmentId>,
) -> ApiResult<StatusCode> {
    department::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
