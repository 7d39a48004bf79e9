//! `/api/v1/orders`

use std::{convert::Infallible, time::Duration};

use axum::{
    Json,
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use futures_util::{Stream, StreamExt as _};
use muster_base::{HostId, OrderId};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::{self, Caller},
    app::App,
    http::{
        extract::{Path, Query},
        page::{Page, PageQuery},
        problem::{ApiResult, Problem},
    },
    work::{self, Order, OrderNews, WorkError},
};

const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(events))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only this host's.
    host: Option<HostId>,
    /// How many items, 1–500; 50 by default.
    limit: Option<u16>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
}

/// The org's work orders, newest first.
#[utoipa::path(get, path = "/api/v1/orders", operation_id = "listOrders", tag = "orders", params(ListQuery),
    responses((status = 200, body = Page<Order>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> ApiResult<Json<Page<Order>>> {
    let page = PageQuery::new(query.limit, query.cursor);
    Ok(Json(work::list(&app, &caller, query.host, &page).await?))
}

/// A work order.
#[utoipa::path(get, path = "/api/v1/orders/{id}", operation_id = "getOrder", tag = "orders",
    params(("id" = OrderId, Path)), responses((status = 200, body = Order), (status = 404, body = Problem)))]
async fn get(State(app): State<App>, caller: Caller, Path(id): Path<OrderId>) -> ApiResult<Json<Order>> {
    Ok(Json(work::get(&app, &caller, id).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// Only events after this `seq`.
    after: Option<i64>,
}

/// A work order's events as they come, from the beginning until its end: `event: event` with what the host said and
/// its `seq` as the id, `event: order` with the order at each change of its state.
#[utoipa::path(get, path = "/api/v1/orders/{id}/events", operation_id = "followOrder", tag = "orders",
    params(("id" = OrderId, Path), EventsQuery),
    responses((status = 200, body = OrderNews, content_type = "text/event-stream"), (status = 404, body = Problem)))]
async fn events(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<OrderId>,
    Query(query): Query<EventsQuery>,
) -> ApiResult<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    work::get(&app, &caller, id).await?;
    let refused = access::until_refused(app.clone(), caller, move |app, caller| async move {
        work::get(&app, &caller, id).await.is_ok()
    });
    let news = work::follow(&app, id, query.after.unwrap_or(-1)).map(|news| Ok(sse_event(news)));
    let news = news.take_until(Box::pin(refused));
    Ok(Sse::new(news).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

fn sse_event(news: Result<OrderNews, WorkError>) -> Event {
    let (name, id, data) = match &news {
        Ok(OrderNews::Event(event)) => ("event", Some(event.seq), serde_json::to_string(event)),
        Ok(OrderNews::Order(order)) => ("order", None, serde_json::to_string(order)),
        // The reader connects again and goes on where it was.
        Err(_) => ("error", None, Ok(String::new())),
    };
    let event = Event::default().event(name).data(data.unwrap_or_default());
    match id {
        Some(id) => event.id(id.to_string()),
        None => event,
    }
}
