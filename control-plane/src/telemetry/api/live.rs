//! `/api/v1/hosts/{id}/live`

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use futures_util::{Stream, stream};
use muster_base::HostId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    http::{
        extract::{Path, Query},
        problem::{ApiResult, Problem},
    },
    telemetry::live::{self, LiveQuery, LiveSample},
};

const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(follow))
}

/// A host's readings as they are taken, `event: sample`, for a quarter of an hour at most.
#[utoipa::path(get, path = "/api/v1/hosts/{id}/live", operation_id = "followHostReadings", tag = "readings",
    params(("id" = HostId, Path), LiveQuery),
    responses((status = 200, body = LiveSample, content_type = "text/event-stream"),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn follow(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<HostId>,
    Query(asked): Query<LiveQuery>,
) -> ApiResult<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let samples = live::live(&app, &caller, id, &asked).await?;
    let events = stream::unfold(samples, async |mut samples| {
        let sample = samples.recv().await?;
        let data = serde_json::to_string(&sample).unwrap_or_default();
        Some((Ok(Event::default().event("sample").data(data)), samples))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}
