//! `/api/v1/users`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::UserId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::{
        Identity,
        user::{self, NewUser, User, UserPatch},
        user_list::{self, UserQuery},
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
        .routes(routes!(get, update))
}

/// The users of the platforms that the caller administers, newest first.
#[utoipa::path(get, path = "/api/v1/users", operation_id = "listUsers", tag = "people", params(UserQuery),
    responses((status = 200, body = Page<User>), (status = 403, body = Problem)))]
async fn list(
    State(app): State<App>,
    who: Identity,
    Query(query): Query<UserQuery>,
) -> ApiResult<Json<Page<User>>> {
    Ok(Json(user_list::list(&app, &who, query).await?))
}

/// Adds a user. For the administrators of the platform.
#[utoipa::path(post, path = "/api/v1/users", operation_id = "createUser", tag = "people", request_body = NewUser,
    responses((status = 201, body = User), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn create(
    State(app): State<App>,
    who: Identity,
    Body(body): Body<NewUser>,
) -> ApiResult<(StatusCode, Json<User>)> {
    Ok((StatusCode::CREATED, Json(user::create(&app, &who, body).await?)))
}

/// A user, for the administrators of their platform.
#[utoipa::path(get, path = "/api/v1/users/{id}", operation_id = "getUser", tag = "people",
    params(("id" = UserId, Path)), responses((status = 200, body = User), (status = 404, body = Problem)))]
async fn get(State(app): State<App>, who: Identity, Path(id): Path<UserId>) -> ApiResult<Json<User>> {
    Ok(Json(user::get_for(&app, &who, id).await?))
}

/// Changes a user: status, names, addresses, role, password. For the managers of their platform.
#[utoipa::path(patch, path = "/api/v1/users/{id}", operation_id = "updateUser", tag = "people", params(("id" = UserId, Path)),
    request_body = UserPatch, responses((status = 200, body = User), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
async fn update(
    State(app): State<App>,
    who: Identity,
    Path(id): Path<UserId>,
    Body(body): Body<UserPatch>,
) -> ApiResult<Json<User>> {
    Ok(Json(user::update(&app, &who, id, body).await?))
}
