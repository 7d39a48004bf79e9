//! `/api/v1/alerts/rules`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::AlertRuleId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    alerts::rule::{self, AlertRule, AlertRuleInput},
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
        .routes(routes!(get, replace, delete))
}

/// Rules, by name.
#[utoipa::path(get, path = "/api/v1/alerts/rules", operation_id = "listAlertRules", tag = "alerts",
    params(PageQuery), responses((status = 200, body = Page<AlertRule>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<AlertRule>>> {
    Ok(Json(rule::list(&app, &caller, &query).await?))
}

/// Makes a rule; it is held against the readings from now on.
#[utoipa::path(post, path = "/api/v1/alerts/rules", operation_id = "createAlertRule", tag = "alerts",
    request_body = AlertRuleInput, responses((status = 201, body = AlertRule), (status = 409, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(input): Body<AlertRuleInput>,
) -> ApiResult<(StatusCode, Json<AlertRule>)> {
    let made = rule::create(&app, &caller, input).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// A rule.
#[utoipa::path(get, path = "/api/v1/alerts/rules/{id}", operation_id = "getAlertRule", tag = "alerts",
    params(("id" = AlertRuleId, Path)), responses((status = 200, body = AlertRule)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<AlertRuleId>,
) -> ApiResult<Json<AlertRule>> {
    Ok(Json(rule::get(&app, &caller, id).await?))
}

/// Puts another rule in its place. What fires by a check that is another now, or that is switched off, is over.
#[utoipa::path(put, path = "/api/v1/alerts/rules/{id}", operation_id = "replaceAlertRule", tag = "alerts",
    params(("id" = AlertRuleId, Path)), request_body = AlertRuleInput,
    responses((status = 200, body = AlertRule), (status = 409, body = Problem)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<AlertRuleId>,
    Body(input): Body<AlertRuleInput>,
) -> ApiResult<Json<AlertRule>> {
    Ok(Json(rule::replace(&app, &caller, id, input).await?))
}

/// Deletes a rule; what it found is over, and stays in the history.
#[utoipa::path(delete, path = "/api/v1/alerts/rules/{id}", operation_id = "deleteAlertRule", tag = "alerts",
    params(("id" = AlertRuleId, Path)), responses((status = 204)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<AlertRuleId>,
) -> ApiResult<StatusCode> {
    rule::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
