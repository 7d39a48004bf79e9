//! `/api/v1/secrets/groups/{id}/sync` and `/syncs`

use axum::{Json, extract::State};
use muster_base::SecretGroupId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    http::{
        extract,
        page::{Page, PageQuery},
        problem::ApiResult,
    },
    secrets::sync::{self, SecretSyncRun, SyncNow},
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sync_now))
        .routes(routes!(list))
}

/// Syncs a group from its provider now, and answers with what came of it.
#[utoipa::path(post, path = "/api/v1/secrets/groups/{id}/sync", operation_id = "syncSecretGroup", tag = "secrets",
    params(("id" = SecretGroupId, Path)), request_body = Option<SyncNow>,
    responses((status = 200, body = SecretSyncRun), (status = 409), (status = 502)))]
async fn sync_now(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<SecretGroupId>,
    extract::OptionalJson(wanted): extract::OptionalJson<SyncNow>,
) -> ApiResult<Json<SecretSyncRun>> {
    Ok(Json(sync::sync_now(&app, &caller, id, wanted).await?))
}

/// A group's syncs, newest first.
#[utoipa::path(get, path = "/api/v1/secrets/groups/{id}/syncs", operation_id = "listSecretSyncs", tag = "secrets",
    params(("id" = SecretGroupId, Path), PageQuery), responses((status = 200, body = Page<SecretSyncRun>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<SecretGroupId>,
    extract::Query(query): extract::Query<PageQuery>,
) -> ApiResult<Json<Page<SecretSyncRun>>> {
    Ok(Json(sync::list(&app, &caller, id, &query).await?))
}
