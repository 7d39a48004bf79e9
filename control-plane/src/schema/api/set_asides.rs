//! `/api/v1/schema/set-asides`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::SetAsideId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    http::{
        extract::{Path, Query},
        page::Page,
        problem::{ApiResult, Problem},
    },
    schema::{Proposed, SetAside, SetAsideQuery, Wish, set_aside},
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(drop_for_good))
        .routes(routes!(restore))
}

/// Tables and columns that were renamed aside instead of being dropped, and rows that were kept, newest first.
#[utoipa::path(get, path = "/api/v1/schema/set-asides", operation_id = "listSetAsides", tag = "schema",
    params(SetAsideQuery), responses((status = 200, body = Page<SetAside>), (status = 422, body = Problem)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<SetAsideQuery>,
) -> ApiResult<Json<Page<SetAside>>> {
    Ok(Json(set_aside::list(&app, &caller, query).await?))
}

/// Proposes the SQL that drops it for good; a ticket that others approve.
#[utoipa::path(post, path = "/api/v1/schema/set-asides/{id}/drop", operation_id = "dropSetAside", tag = "schema",
    params(("id" = SetAsideId, Path)), responses((status = 201, body = Proposed), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn drop_for_good(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<SetAsideId>,
) -> ApiResult<(StatusCode, Json<Proposed>)> {
    let proposed = set_aside::propose(&app, &caller, id, Wish::Drop).await?;
    Ok((StatusCode::CREATED, Json(proposed)))
}

/// Proposes the SQL that gives it its name again; a ticket that others approve. The design doesn't know of it: sync it then.
#[utoipa::path(post, path = "/api/v1/schema/set-asides/{id}/restore", operation_id = "restoreSetAside", tag = "schema",
    params(("id" = SetAsideId, Path)), responses((status = 201, body = Proposed), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn restore(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<SetAsideId>,
) -> ApiResult<(StatusCode, Json<Proposed>)> {
    let proposed = set_aside::propose(&app, &caller, id, Wish::Restore).await?;
    Ok((StatusCode::CREATED, Json(proposed)))
}
