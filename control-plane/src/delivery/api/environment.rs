//! `/api/v1/applications/{id}/environments`

use axum::{Json, extract::State};
use muster_base::ApplicationId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    delivery::environment::{self, EffectiveVariable, EnvironmentState},
    http::{extract, page::Page, problem::ApiResult},
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(preview))
}

/// An application's environments with what is going on in each, by name.
#[utoipa::path(get, path = "/api/v1/applications/{id}/environments", operation_id = "listApplicationEnvironments",
    tag = "delivery", params(("id" = ApplicationId, Path)),
    responses((status = 200, body = Page<EnvironmentState>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<ApplicationId>,
) -> ApiResult<Json<Page<EnvironmentState>>> {
    let items = environment::list(&app, &caller, id).await?;
    Ok(Json(Page {
        items,
        next_cursor: None,
    }))
}

/// The variables that a container would have in an environment now, and where each comes from. Values of secrets are
/// not shown.
#[utoipa::path(get, path = "/api/v1/applications/{id}/environments/{name}/env",
    operation_id = "previewApplicationEnv", tag = "delivery",
    params(("id" = ApplicationId, Path), ("name" = String, Path)),
    responses((status = 200, body = Page<EffectiveVariable>)))]
async fn preview(
    State(app): State<App>,
    caller: Caller,
    extract::Path((id, name)): extract::Path<(ApplicationId, String)>,
) -> ApiResult<Json<Page<EffectiveVariable>>> {
    let items = environment::preview(&app, &caller, id, &name).await?;
    Ok(Json(Page {
        items,
        next_cursor: None,
    }))
}
