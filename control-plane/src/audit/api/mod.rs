//! `/api/v1/audit`

use axum::{
    Json,
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use muster_base::UnixMs;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{AuditRow, Chain, Filter, Outcome, Scope};
use crate::{
    access::{self, Caller},
    app::App,
    error::Error,
    http::{
        extract::Query,
        page::{Page, PageQuery},
        problem::{ApiResult, Problem},
    },
};

/// The filter among the fields of a query: `serde(flatten)` does not work with query strings.
macro_rules! filter {
    ($query:ident) => {
        Filter {
            actor: $query.actor,
            operation: $query.operation,
            object_kind: $query.object_kind,
            object_id: $query.object_id,
            outcome: $query.outcome,
            from: $query.from,
            to: $query.to,
            ..Filter::default()
        }
    };
}

/// This room's routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(export))
        .routes(routes!(verify))
}

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// `org` (by default) or `platform`.
    #[serde(default)]
    #[param(inline)]
    scope: Scope,
    /// Only what this actor did: an id, or the super administrator's account.
    actor: Option<String>,
    /// Only this operation.
    operation: Option<String>,
    /// Only objects of this kind.
    object_kind: Option<String>,
    /// Only this object.
    object_id: Option<String>,
    /// `done`, `refused` or `failed`.
    #[param(inline)]
    outcome: Option<Outcome>,
    /// At this time or later.
    from: Option<UnixMs>,
    /// Before this time.
    to: Option<UnixMs>,
    /// How many items, 1–500; 50 by default.
    limit: Option<u16>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// `org` (by default) or `platform`.
    #[serde(default)]
    #[param(inline)]
    scope: Scope,
    /// Only what this actor did: an id, or the super administrator's account.
    actor: Option<String>,
    /// Only this operation.
    operation: Option<String>,
    /// Only objects of this kind.
    object_kind: Option<String>,
    /// Only this object.
    object_id: Option<String>,
    /// `done`, `refused` or `failed`.
    #[param(inline)]
    outcome: Option<Outcome>,
    /// At this time or later.
    from: Option<UnixMs>,
    /// Before this time.
    to: Option<UnixMs>,
}

/// The audit log, newest first. Whoever is narrowed to some objects sees what is about those and what they did. Archived rows are in the export only.
#[utoipa::path(get, path = "/api/v1/audit", operation_id = "listAudit", tag = "audit", params(ListQuery),
    responses((status = 200, body = Page<AuditRow>), (status = 403, body = Problem)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> ApiResult<Json<Page<AuditRow>>> {
    let page = PageQuery::new(query.limit, query.cursor);
    let filter = filter!(query);
    Ok(Json(
        super::list(&app, &caller, (query.scope, &filter), &page).await?,
    ))
}

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ScopeQuery {
    /// `org` (by default) or `platform`.
    #[serde(default)]
    #[param(inline)]
    scope: Scope,
}

/// The audit log as JSON lines, oldest first, with the rows that are archived.
#[utoipa::path(get, path = "/api/v1/audit/export", operation_id = "exportAudit", tag = "audit", params(ExportQuery),
    responses((status = 200, content_type = "application/jsonl", body = String), (status = 403, body = Problem),
        (status = 409, body = Problem)))]
async fn export(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ExportQuery>,
) -> ApiResult<Response> {
    let filter = filter!(query);
    let lines = lines(app, caller, query.scope, filter).await?;
    // Compression asks once more after the end.
    let body = Body::from_stream(lines.map_err(std::io::Error::other).fuse());
    let headers = [
        (header::CONTENT_TYPE, "application/jsonl"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"muster-audit.jsonl\"",
        ),
    ];
    Ok((headers, body).into_response())
}

/// The rows in pieces; before each, the caller is asked again whether they may see it.
async fn lines(
    app: App,
    caller: Caller,
    scope: Scope,
    filter: Filter,
) -> Result<impl Stream<Item = Result<String, Error>>, Error> {
    let first = super::list_from(&app, &caller, (scope, &filter), 0).await?;
    Ok(stream::unfold(
        (app, caller, filter, first),
        move |(app, caller, filter, batch)| async move {
            let last = batch.last().map(|row: &AuditRow| row.seq)?;
            let next = async {
                let caller = access::ask_again(&app, &caller).await?;
                super::list_from(&app, &caller, (scope, &filter), last).await
            };
            let next = next.await;
            let text: String = batch
                .iter()
                .filter_map(|row| serde_json::to_string(row).ok())
                .map(|line| line + "\n")
                .collect();
            Some(match next {
                Ok(next) => (Ok(text), (app, caller, filter, next)),
                Err(error) => (Err(error), (app, caller, filter, Vec::new())),
            })
        },
    ))
}

/// Whether a log's hash chain holds.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Verification {
    /// Whether every row is there and unchanged.
    intact: bool,
    /// Rows that hold.
    rows: i64,
    /// How many of them are archived.
    archived: i64,
    /// Number of the first row that is missing or changed.
    #[schema(required)]
    first_broken: Option<i64>,
    /// Whether it is a file of the archive that can't be read.
    archive_unreadable: bool,
}

impl Verification {
    const fn broken(first: i64, archive_unreadable: bool) -> Self {
        Self {
            intact: false,
            rows: first - 1,
            archived: 0,
            first_broken: Some(first),
            archive_unreadable,
        }
    }
}

/// Checks the audit log's hash chain, through archive and table.
#[utoipa::path(get, path = "/api/v1/audit/verify", operation_id = "verifyAudit", tag = "audit", params(ScopeQuery),
    responses((status = 200, body = Verification), (status = 403, body = Problem)))]
async fn verify(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ScopeQuery>,
) -> ApiResult<Json<Verification>> {
    Ok(Json(match super::verify(&app, &caller, query.scope).await? {
        Chain::Intact { rows, archived } => Verification {
            intact: true,
            rows,
            archived,
            first_broken: None,
            archive_unreadable: false,
        },
        Chain::Broken { first } => Verification::broken(first, false),
        Chain::Unreadable { first, .. } => Verification::broken(first, true),
    }))
}
