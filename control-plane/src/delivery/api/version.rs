//! `/api/v1/applications/{id}/versions`, and `/webhook/version`

use axum::{
    Json,
    extract::{DefaultBodyLimit, State},
    http::HeaderMap,
};
use muster_base::ApplicationId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    delivery::{
        version::{self, BuildLog, RegistryRead, Version, VersionPage, VersionQuery},
        version_read,
        version_report::{self, BuildReport, WebhookReport},
    },
    http::{
        ClientIp, extract,
        problem::{ApiResult, Problem},
    },
};

/// A report with its log, as JSON.
const BODY_BYTES: usize = 1024 * 1024;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, report))
        .routes(routes!(log))
        .routes(routes!(read))
        .routes(routes!(webhook))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
}

/// An application's versions, newest first: what CI reported, what the registry had when it was last read, what was
/// deployed.
#[utoipa::path(get, path = "/api/v1/applications/{id}/versions", operation_id = "listVersions", tag = "delivery",
    params(("id" = ApplicationId, Path), VersionQuery), responses((status = 200, body = VersionPage)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<ApplicationId>,
    extract::Query(query): extract::Query<VersionQuery>,
) -> ApiResult<Json<VersionPage>> {
    Ok(Json(version::list(&app, &caller, id, query).await?))
}

/// A version.
#[utoipa::path(get, path = "/api/v1/applications/{id}/versions/{version}", operation_id = "getVersion",
    tag = "delivery", params(("id" = ApplicationId, Path), ("version" = String, Path)),
    responses((status = 200, body = Version)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    extract::Path((id, version)): extract::Path<(ApplicationId, String)>,
) -> ApiResult<Json<Version>> {
    Ok(Json(version::get(&app, &caller, id, &version).await?))
}

/// CI reports a version's build. `building` starts the report anew; what another leaves out stays as it was.
#[utoipa::path(put, path = "/api/v1/applications/{id}/versions/{version}", operation_id = "reportVersion",
    tag = "delivery", params(("id" = ApplicationId, Path), ("version" = String, Path)), request_body = BuildReport,
    responses((status = 200, body = Version)))]
async fn report(
    State(app): State<App>,
    caller: Caller,
    extract::Path((id, version)): extract::Path<(ApplicationId, String)>,
    extract::Json(said): extract::Json<BuildReport>,
) -> ApiResult<Json<Version>> {
    Ok(Json(
        version_report::put(&app, &caller, id, &version, &said).await?,
    ))
}

/// The log of a version's build.
#[utoipa::path(get, path = "/api/v1/applications/{id}/versions/{version}/log", operation_id = "getBuildLog",
    tag = "delivery", params(("id" = ApplicationId, Path), ("version" = String, Path)),
    responses((status = 200, body = BuildLog)))]
async fn log(
    State(app): State<App>,
    caller: Caller,
    extract::Path((id, version)): extract::Path<(ApplicationId, String)>,
) -> ApiResult<Json<BuildLog>> {
    Ok(Json(version::log(&app, &caller, id, &version).await?))
}

/// Reads the application's registry, so that the list of versions has what is there now. Who asks again within five
/// seconds gets what was read.
#[utoipa::path(post, path = "/api/v1/applications/{id}/read-registry", operation_id = "readRegistry",
    tag = "delivery", params(("id" = ApplicationId, Path)), responses((status = 200, body = RegistryRead)))]
async fn read(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<ApplicationId>,
) -> ApiResult<Json<RegistryRead>> {
    Ok(Json(version_read::read(&app, &caller, id).await?))
}

/// CI reports a version's build with the application's token; needs no other credentials.
#[utoipa::path(post, path = "/webhook/version", operation_id = "webhookVersion", tag = "delivery", security(()),
    request_body = WebhookReport, responses((status = 200, body = Version), (status = 401, body = Problem),
        (status = 429, body = Problem)))]
async fn webhook(
    State(app): State<App>,
    ClientIp(ip): ClientIp,
    headers: HeaderMap,
    extract::RawJson { value: call, bytes }: extract::RawJson<WebhookReport>,
) -> ApiResult<Json<Version>> {
    let proof = super::proof(&headers, &bytes);
    Ok(Json(version_report::by_webhook(&app, ip, &call, proof).await?))
}
