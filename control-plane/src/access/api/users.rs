//! `/api/v1/users`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::UserId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::{
        Identity,
        user::{self, NewUser, User, UserPatch},
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
}

/// All users, newest first. Super administrator only.
#[utoipa::path(get, path = "/api/v1/users", operation_id = "listUsers", tag = "people", params(PageQuery),
    responses((status = 200, body = Page<User>)))]
async fn list(
    State(app): State<App>,
    who: Identity,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<User>>> {
    Ok(Json(user::list(&app, &who, &query).await?))
}

/// Adds a user. Super administrator only.
#[utoipa::path(post, path = "/api/v1/users", operation_id = "createUser", tag = "people", request_body = NewUser,
    responses((status = 201, body = User), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn create(
    State(app): State<App>,
    who: Identity,
    Body(body): Body<NewUser>,
) -> ApiResult<(StatusCode, Json<User>)> {
    Ok((StatusCode::CREATED, Json(user::create(&app, &who, body).await?)))
}

/// Changes a user: status, name for others, password. Super administrator only.
#[utoipa::path(patch, path = "/api/v1/users/{id}", operation_id = "updateUser", tag = "people", params(("id" = UserId, Path)),
    request_body = UserPatch, responses((status = 200, body = User), (status = 404, body = Problem)))]
async fn update(
    State(app): State<App>,
    who: Identity,
    Path(id): Path<UserId>,
    Body(body): Body<UserPatch>,
) -> ApiResult<Json<User>> {
    Ok(Json(user::update(&app, &who, id, body).await?))
}
