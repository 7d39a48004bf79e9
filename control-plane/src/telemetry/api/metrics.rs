//! `/api/v1/hosts/{id}/metrics` and `/api/v1/metrics`

use std::io;

use axum::{
    Json,
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use futures_util::{TryStreamExt as _, stream};
use muster_base::HostId;
use muster_metrics::Subject;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    error::Error,
    http::{
        extract::{Path, Query},
        feed::feed,
        problem::{ApiResult, Problem},
    },
    telemetry::{
        annotation::{self, AnnotationQuery, Annotations},
        query::{self, ExportQuery, Metrics, MetricsQuery},
        stored::{self, Stored},
        values::{self, FleetValues, SeriesInfo, ValuesQuery},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(host))
        .routes(routes!(export))
        .routes(routes!(host_stored))
        .routes(routes!(host_annotations))
        .routes(routes!(fleet))
        .routes(routes!(series))
}

/// A host's readings over time.
#[utoipa::path(get, path = "/api/v1/hosts/{id}/metrics", operation_id = "getHostMetrics", tag = "readings",
    params(("id" = HostId, Path), MetricsQuery),
    responses((status = 200, body = Metrics), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn host(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<HostId>,
    Query(asked): Query<MetricsQuery>,
) -> ApiResult<Json<Metrics>> {
    Ok(Json(
        query::metrics(&app, &caller, id, Subject::Host, &asked).await?,
    ))
}

/// A host's readings as a table, oldest first.
#[utoipa::path(get, path = "/api/v1/hosts/{id}/metrics/export", operation_id = "exportHostMetrics", tag = "readings",
    params(("id" = HostId, Path), ExportQuery),
    responses((status = 200, content((String = "text/csv"), (String = "application/jsonl"),
        (String = "application/vnd.apache.parquet"))),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn export(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<HostId>,
    Query(asked): Query<ExportQuery>,
) -> ApiResult<Response> {
    table(&app, caller, id, Subject::Host, &asked).await
}

/// The answer that a table is sent in.
pub(super) async fn table(
    app: &App,
    caller: Caller,
    host: HostId,
    subject: Subject,
    asked: &ExportQuery,
) -> ApiResult<Response> {
    let export = query::begin_export(app, caller, host, subject, asked).await?;
    let pieces = stream::try_unfold(export, |mut export| async move {
        let piece = export.next().await.map_err(Error::from)?;
        Ok::<_, Error>(piece.map(|piece| (piece, export)))
    });
    let cut = || io::Error::from(io::ErrorKind::TimedOut);
    let pieces = pieces.map_err(io::Error::other);
    let body = Body::from_stream(feed(app, "export", pieces, std::future::pending(), cut));
    let name = format!(
        "attachment; filename=\"muster-{host}.{}\"",
        asked.format.extension()
    );
    let headers = [
        (header::CONTENT_TYPE, asked.format.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, body).into_response())
}

/// How much is stored of a host's readings.
#[utoipa::path(get, path = "/api/v1/hosts/{id}/metrics/stored", operation_id = "getHostMetricsStored", tag = "readings",
    params(("id" = HostId, Path)),
    responses((status = 200, body = Stored), (status = 404, body = Problem)))]
async fn host_stored(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<HostId>,
) -> ApiResult<Json<Stored>> {
    Ok(Json(stored::stored(&app, &caller, id).await?))
}

/// What happened to a host in a time: deployments and releases that began there, alerts that fired.
#[utoipa::path(get, path = "/api/v1/hosts/{id}/annotations", operation_id = "listHostAnnotations", tag = "readings",
    params(("id" = HostId, Path), AnnotationQuery),
    responses((status = 200, body = Annotations), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn host_annotations(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<HostId>,
    Query(asked): Query<AnnotationQuery>,
) -> ApiResult<Json<Annotations>> {
    Ok(Json(annotation::list(&app, &caller, id, &asked).await?))
}

/// Present values of every host, or of the top ones.
#[utoipa::path(get, path = "/api/v1/metrics/latest", operation_id = "getLatestMetrics", tag = "readings",
    params(ValuesQuery), responses((status = 200, body = FleetValues), (status = 422, body = Problem)))]
async fn fleet(
    State(app): State<App>,
    caller: Caller,
    Query(asked): Query<ValuesQuery>,
) -> ApiResult<Json<FleetValues>> {
    Ok(Json(values::fleet(&app, &caller, &asked).await?))
}

/// Every kind of series: name, unit, meaning.
#[utoipa::path(get, path = "/api/v1/metrics/series", operation_id = "listSeries", tag = "readings",
    responses((status = 200, body = Vec<SeriesInfo>)))]
async fn series(_caller: Caller) -> Json<Vec<SeriesInfo>> {
    Json(values::catalogue())
}
