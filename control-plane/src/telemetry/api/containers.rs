//! `/api/v1/hosts/{id}/containers`

use axum::{Json, extract::State, response::Response};
use muster_base::HostId;
use muster_metrics::Subject;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    http::{
        extract::{Path, Query},
        page::{Page, PageQuery},
        problem::{ApiResult, Problem},
    },
    telemetry::{
        container::{self, Container},
        query::{self, ExportQuery, Metrics, MetricsQuery},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(metrics))
        .routes(routes!(export))
}

/// A host's containers as its engine last described them, by name.
#[utoipa::path(get, path = "/api/v1/hosts/{id}/containers", operation_id = "listHostContainers", tag = "readings",
    params(("id" = HostId, Path), PageQuery),
    responses((status = 200, body = Page<Container>), (status = 404, body = Problem)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<HostId>,
    Query(page): Query<PageQuery>,
) -> ApiResult<Json<Page<Container>>> {
    Ok(Json(container::list(&app, &caller, id, &page).await?))
}

/// A container's readings over time.
#[utoipa::path(get, path = "/api/v1/hosts/{id}/containers/{name}/metrics", operation_id = "getContainerMetrics",
    tag = "readings", params(("id" = HostId, Path), ("name" = String, Path), MetricsQuery),
    responses((status = 200, body = Metrics), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn metrics(
    State(app): State<App>,
    caller: Caller,
    Path((id, name)): Path<(HostId, String)>,
    Query(asked): Query<MetricsQuery>,
) -> ApiResult<Json<Metrics>> {
    let subject = Subject::Container(name.into());
    Ok(Json(query::metrics(&app, &caller, id, subject, &asked).await?))
}

/// A container's readings as a table, oldest first.
#[utoipa::path(get, path = "/api/v1/hosts/{id}/containers/{name}/metrics/export",
    operation_id = "exportContainerMetrics", tag = "readings",
    params(("id" = HostId, Path), ("name" = String, Path), ExportQuery),
    responses((status = 200, content((String = "text/csv"), (String = "application/jsonl"),
        (String = "application/vnd.apache.parquet"))),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn export(
    State(app): State<App>,
    caller: Caller,
    Path((id, name)): Path<(HostId, String)>,
    Query(asked): Query<ExportQuery>,
) -> ApiResult<Response> {
    super::metrics::table(&app, caller, id, Subject::Container(name.into()), &asked).await
}
