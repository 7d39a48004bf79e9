//! `/api/v1/keys`: for the super administrator.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    fleet::rotation::{self, FleetKeyKind, FleetKeysStatus},
    http::{
        extract::{Json as Body, Path},
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(status))
        .routes(routes!(rotate))
        .routes(routes!(advance))
        .routes(routes!(retire))
}

/// The fleet's CAs and signing keys, and how far a rotation is. No key is shown.
#[utoipa::path(get, path = "/api/v1/keys", operation_id = "getKeys", tag = "keys",
    responses((status = 200, body = FleetKeysStatus), (status = 403, body = Problem)))]
async fn status(State(app): State<App>, caller: Caller) -> ApiResult<Json<FleetKeysStatus>> {
    Ok(Json(rotation::status(&app, &caller).await?))
}

/// Begins the rotation of the CA (`ca`) or of the key that signs work orders (`signing`).
#[utoipa::path(post, path = "/api/v1/keys/{kind}/rotate", operation_id = "rotateKey", tag = "keys",
    params(("kind" = inline(FleetKeyKind), Path)),
    responses((status = 200, body = FleetKeysStatus), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn rotate(
    State(app): State<App>,
    caller: Caller,
    Path(kind): Path<FleetKeyKind>,
) -> ApiResult<Json<FleetKeysStatus>> {
    Ok(Json(rotation::rotate(&app, &caller, kind).await?))
}

/// Lets the announced CA issue certificates now.
#[utoipa::path(post, path = "/api/v1/keys/ca/advance", operation_id = "advanceCa", tag = "keys",
    responses((status = 200, body = FleetKeysStatus), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn advance(State(app): State<App>, caller: Caller) -> ApiResult<Json<FleetKeysStatus>> {
    Ok(Json(rotation::advance(&app, &caller).await?))
}

/// How a rotation ends.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Retirement {
    /// Also if hosts still have certificates of this CA; they must join anew.
    #[serde(default)]
    force: bool,
}

/// Ends a rotation now: the older key counts no more.
#[utoipa::path(post, path = "/api/v1/keys/{kind}/retire", operation_id = "retireKey", tag = "keys",
    params(("kind" = inline(FleetKeyKind), Path)), request_body = Retirement,
    responses((status = 200, body = FleetKeysStatus), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn retire(
    State(app): State<App>,
    caller: Caller,
    Path(kind): Path<FleetKeyKind>,
    Body(body): Body<Retirement>,
) -> ApiResult<Json<FleetKeysStatus>> {
    Ok(Json(rotation::retire(&app, &caller, kind, body.force).await?))
}
