//! `/api/v1/schema/policies`

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    http::{
        extract::{Json as Body, Path},
        problem::{ApiResult, Problem},
    },
    schema::{EnvironmentPolicies, EnvironmentPolicy, LintRules, PolicyBody, lint_rules, policy},
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, set))
        .routes(routes!(rules))
}

/// What each environment asks of a release, in the environments' order.
#[utoipa::path(get, path = "/api/v1/schema/policies", operation_id = "listEnvironmentPolicies", tag = "schema",
    responses((status = 200, body = EnvironmentPolicies)))]
async fn list(State(app): State<App>, caller: Caller) -> ApiResult<Json<EnvironmentPolicies>> {
    Ok(Json(policy::list(&app, &caller).await?))
}

/// Lint's rules, which each environment's policy may set.
#[utoipa::path(get, path = "/api/v1/schema/lint-rules", operation_id = "listLintRules", tag = "schema",
    responses((status = 200, body = LintRules)))]
async fn rules(caller: Caller) -> ApiResult<Json<LintRules>> {
    Ok(Json(lint_rules::list(&caller)?))
}

/// What an environment asks of a release: which flow decides what, and whether authors may decide their own.
#[utoipa::path(get, path = "/api/v1/schema/policies/{environment}", operation_id = "getEnvironmentPolicy",
    tag = "schema", params(("environment" = String, Path, description = "The environment's name")),
    responses((status = 200, body = EnvironmentPolicy), (status = 404, body = Problem)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(environment): Path<String>,
) -> ApiResult<Json<EnvironmentPolicy>> {
    Ok(Json(policy::get(&app, &caller, &environment).await?))
}

/// Replaces what an environment asks of a release. Tickets that are open keep their steps.
#[utoipa::path(put, path = "/api/v1/schema/policies/{environment}", operation_id = "setEnvironmentPolicy",
    tag = "schema", params(("environment" = String, Path, description = "The environment's name")),
    request_body = PolicyBody, responses((status = 200, body = EnvironmentPolicy), (status = 403, body = Problem),
    (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn set(
    State(app): State<App>,
    caller: Caller,
    Path(environment): Path<String>,
    Body(body): Body<PolicyBody>,
) -> ApiResult<Json<EnvironmentPolicy>> {
    Ok(Json(policy::set(&app, &caller, &environment, body).await?))
}
