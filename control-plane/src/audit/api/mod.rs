//! `/api/v1/audit`

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::AuditRow;
use crate::{
    access::Caller,
    app::App,
    http::{
        page::{Page, PageQuery},
        problem::ApiResult,
    },
};

/// This room's routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(verify))
}

/// The audit log, newest first.
#[utoipa::path(get, path = "/api/v1/audit", operation_id = "listAudit", tag = "audit", params(PageQuery),
    responses((status = 200, body = Page<AuditRow>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<AuditRow>>> {
    Ok(Json(super::list(&app, &caller, &query).await?))
}

/// Whether the log's hash chain holds.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Verification {
    /// Whether every row is there and unchanged.
    intact: bool,
    /// Rows that hold.
    rows: i64,
    /// Number of the first row that is missing or changed.
    first_broken: Option<i64>,
}

/// Checks the audit log's hash chain.
#[utoipa::path(get, path = "/api/v1/audit/verify", operation_id = "verifyAudit", tag = "audit",
    responses((status = 200, body = Verification)))]
async fn verify(State(app): State<App>, caller: Caller) -> ApiResult<Json<Verification>> {
    Ok(Json(match super::verify(&app, &caller).await? {
        Ok(rows) => Verification {
            intact: true,
            rows,
            first_broken: None,
        },
        Err(broken) => Verification {
            intact: false,
            rows: broken - 1,
            first_broken: Some(broken),
        },
    }))
}
