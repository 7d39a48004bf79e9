//! `/api/v1/applications/{id}/environments/{name}/targets` and `…/reconcile`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::ApplicationId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    delivery::{
        reconcile::{self, Reconcile},
        trigger::Accepted,
        truth_list::{self, DeploymentTarget},
    },
    http::{
        extract,
        page::Page,
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(put_right))
}

/// The hosts that an environment of an application is for, by name: what should run there, what does, and what somebody
/// changed by hand.
#[utoipa::path(get, path = "/api/v1/applications/{id}/environments/{name}/targets", operation_id = "listDeploymentTargets",
    tag = "delivery", params(("id" = ApplicationId, Path), ("name" = String, Path)),
    responses((status = 200, body = Page<DeploymentTarget>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    extract::Path((id, name)): extract::Path<(ApplicationId, String)>,
) -> ApiResult<Json<Page<DeploymentTarget>>> {
    let items = truth_list::list(&app, &caller, id, &name).await?;
    Ok(Json(Page {
        items,
        next_cursor: None,
    }))
}

/// Deploys what succeeded last to the hosts where somebody changed something by hand, and to no others.
#[utoipa::path(post, path = "/api/v1/applications/{id}/environments/{name}/reconcile", operation_id = "reconcile",
    tag = "delivery", params(("id" = ApplicationId, Path), ("name" = String, Path)),
    request_body = Option<Reconcile>,
    responses((status = 202, body = Accepted), (status = 409, body = Problem)))]
async fn put_right(
    State(app): State<App>,
    caller: Caller,
    extract::Path((id, name)): extract::Path<(ApplicationId, String)>,
    extract::OptionalJson(wanted): extract::OptionalJson<Reconcile>,
) -> ApiResult<(StatusCode, Json<Accepted>)> {
    let made = reconcile::by_person(&app, &caller, id, &name, &wanted).await?;
    Ok((StatusCode::ACCEPTED, Json(made.accepted())))
}
