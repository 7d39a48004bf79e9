//! `/api/v1/applications`

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use muster_base::ApplicationId;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::idempotency_key;
use crate::{
    access::Caller,
    app::App,
    delivery::{
        application::{self, Application, ApplicationPatch, NewApplication},
        deployment::Deployment,
        import::{self, ImportSecrets, Imported},
        stats::{self, DeploymentStats, StatsQuery},
        token::{self, NewWebhookToken, WebhookToken},
        tracked::{self, TrackedDeployment},
        trigger::{self, Accepted, NewDeployment},
    },
    http::{
        extract,
        page::{Page, PageQuery},
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(rotate_token))
        .routes(routes!(deploy))
        .routes(routes!(report_tracked))
        .routes(routes!(import_secrets))
        .routes(routes!(get_stats))
}

/// Applications, by name.
#[utoipa::path(get, path = "/api/v1/applications", operation_id = "listApplications", tag = "delivery",
    params(PageQuery), responses((status = 200, body = Page<Application>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    extract::Query(query): extract::Query<PageQuery>,
) -> ApiResult<Json<Page<Application>>> {
    Ok(Json(application::list(&app, &caller, &query).await?))
}

/// Registers an application.
#[utoipa::path(post, path = "/api/v1/applications", operation_id = "createApplication", tag = "delivery",
    request_body = NewApplication, responses((status = 201, body = Application), (status = 409, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    extract::Json(new): extract::Json<NewApplication>,
) -> ApiResult<(StatusCode, Json<Application>)> {
    Ok((
        StatusCode::CREATED,
        Json(application::create(&app, &caller, new).await?),
    ))
}

/// An application.
#[utoipa::path(get, path = "/api/v1/applications/{id}", operation_id = "getApplication", tag = "delivery",
    params(("id" = ApplicationId, Path)), responses((status = 200, body = Application)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<ApplicationId>,
) -> ApiResult<Json<Application>> {
    Ok(Json(application::get(&app, &caller, id).await?))
}

/// Changes an application. What runs stays as it is until the next deployment.
#[utoipa::path(patch, path = "/api/v1/applications/{id}", operation_id = "updateApplication", tag = "delivery",
    params(("id" = ApplicationId, Path)), request_body = ApplicationPatch,
    responses((status = 200, body = Application), (status = 409, body = Problem)))]
async fn update(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<ApplicationId>,
    extract::Json(patch): extract::Json<ApplicationPatch>,
) -> ApiResult<Json<Application>> {
    Ok(Json(application::update(&app, &caller, id, patch).await?))
}

/// Deletes an application with its variables, tokens and deployments. What runs on hosts goes on running.
#[utoipa::path(delete, path = "/api/v1/applications/{id}", operation_id = "deleteApplication", tag = "delivery",
    params(("id" = ApplicationId, Path)), responses((status = 204), (status = 409, body = Problem)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<ApplicationId>,
) -> ApiResult<StatusCode> {
    application::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a new webhook token, shown this once; the one before works on for a while.
#[utoipa::path(post, path = "/api/v1/applications/{id}/webhook-token", operation_id = "rotateWebhookToken",
    tag = "delivery", params(("id" = ApplicationId, Path)), request_body = Option<NewWebhookToken>,
    responses((status = 200, body = WebhookToken)))]
async fn rotate_token(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<ApplicationId>,
    extract::OptionalJson(wanted): extract::OptionalJson<NewWebhookToken>,
) -> ApiResult<impl IntoResponse> {
    let token = token::rotate(&app, &caller, id, wanted).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(token)))
}

/// Deploys a version. A call with the header `Idempotency-Key` of an earlier one is that one.
#[utoipa::path(post, path = "/api/v1/applications/{id}/deployments", operation_id = "createDeployment",
    tag = "delivery", params(("id" = ApplicationId, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = NewDeployment, responses((status = 202, body = Accepted), (status = 409, body = Problem)))]
async fn deploy(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<ApplicationId>,
    headers: HeaderMap,
    extract::Json(new): extract::Json<NewDeployment>,
) -> ApiResult<(StatusCode, Json<Accepted>)> {
    let made = trigger::deploy(&app, &caller, id, new, idempotency_key(&headers)).await?;
    Ok((StatusCode::ACCEPTED, Json(made.accepted())))
}

/// Puts a deployment on record that another system did. A call with the header `Idempotency-Key` of an earlier one is that
/// one.
#[utoipa::path(post, path = "/api/v1/applications/{id}/tracked-deployments", operation_id = "reportDeployment",
    tag = "delivery", params(("id" = ApplicationId, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = TrackedDeployment, responses((status = 201, body = Deployment), (status = 409, body = Problem)))]
async fn report_tracked(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<ApplicationId>,
    headers: HeaderMap,
    extract::Json(told): extract::Json<TrackedDeployment>,
) -> ApiResult<(StatusCode, Json<Deployment>)> {
    let made = tracked::report(&app, &caller, id, told, idempotency_key(&headers)).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Makes a variable for each secret of a group, unless there is one of that name.
#[utoipa::path(post, path = "/api/v1/applications/{id}/import-secrets", operation_id = "importSecrets",
    tag = "delivery", params(("id" = ApplicationId, Path)), request_body = ImportSecrets,
    responses((status = 200, body = Imported)))]
async fn import_secrets(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<ApplicationId>,
    extract::Json(wanted): extract::Json<ImportSecrets>,
) -> ApiResult<Json<Imported>> {
    Ok(Json(import::import(&app, &caller, id, wanted).await?))
}

/// How an application's deployments went.
#[utoipa::path(get, path = "/api/v1/applications/{id}/stats", operation_id = "getApplicationStats",
    tag = "delivery", params(("id" = ApplicationId, Path), StatsQuery),
    responses((status = 200, body = DeploymentStats)))]
async fn get_stats(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<ApplicationId>,
    extract::Query(query): extract::Query<StatsQuery>,
) -> ApiResult<Json<DeploymentStats>> {
    Ok(Json(stats::get(&app, &caller, id, query).await?))
}
