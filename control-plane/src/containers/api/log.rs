//! `/api/v1/hosts/{id}/containers/{name}/log`

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::sse::{Event, KeepAlive, Sse},
};
use futures_util::{Stream, StreamExt as _, stream};
use muster_base::HostId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    containers::log::{self, LogNews, LogQuery},
    http::{
        extract::{Path, Query},
        problem::{ApiResult, Problem},
    },
};

const LAST_ID: &str = "last-event-id";
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(follow))
}

/// What a container writes: `event: line` with the line, and its time in nanoseconds as the id; at last `event: end`
/// with why no more come. For a quarter of an hour at most; a reader goes on by `after` (or `Last-Event-ID`) and the last id.
#[utoipa::path(get, path = "/api/v1/hosts/{id}/containers/{name}/log", operation_id = "followContainerLog",
    tag = "containers", params(("id" = HostId, Path), ("name" = String, Path), LogQuery),
    responses((status = 200, body = LogNews, content_type = "text/event-stream"),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem),
        (status = 502, body = Problem)))]
async fn follow(
    State(app): State<App>,
    caller: Caller,
    Path((id, name)): Path<(HostId, String)>,
    Query(mut query): Query<LogQuery>,
    headers: HeaderMap,
) -> ApiResult<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    // A browser that lost the stream says what it had last.
    let last = headers.get(LAST_ID).and_then(|id| id.to_str().ok()?.parse().ok());
    query.after = query.after.max(last);
    let news = log::follow(&app, &caller, (id, name), query).await?;
    let batches = stream::unfold(news, async |mut news| Some((news.recv().await?, news)));
    let events = batches.flat_map(|batch| stream::iter(batch.into_iter().map(|news| Ok(sse_event(&news)))));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

fn sse_event(news: &LogNews) -> Event {
    match news {
        LogNews::Line(line) => Event::default()
            .event("line")
            .id(line.at_ns.to_string())
            .data(serde_json::to_string(line).unwrap_or_default()),
        LogNews::End(end) => Event::default()
            .event("end")
            .data(serde_json::to_string(end).unwrap_or_default()),
    }
}
