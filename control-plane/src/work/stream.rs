//! An order's events as they come, for people who watch.

use std::time::Duration;

use futures_util::{Stream, stream};
use muster_base::OrderId;
use serde::Serialize;
use tokio::{sync::broadcast, time::timeout};
use utoipa::ToSchema;

use super::{Order, StoredEvent, WorkError, store};
use crate::app::App;

const BATCH: i64 = 200;
/// Another control plane may have stored something: look at least this often.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Something new about an order.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", tag = "type", content = "data")]
pub enum OrderNews {
    /// The order as it is now: at first, and at each change of its state.
    Order(Box<Order>),
    /// The host said something.
    Event(StoredEvent),
}

struct Follow {
    app: App,
    id: OrderId,
    heard: broadcast::Receiver<OrderId>,
    after: i64,
    last: Option<Order>,
    pending: std::vec::IntoIter<OrderNews>,
    ended: bool,
}

/// Everything about an order from the event after `after` (-1: from the beginning) on, until its end.
pub fn follow(
    app: &App,
    id: OrderId,
    after: i64,
) -> impl Stream<Item = Result<OrderNews, WorkError>> + Send + use<> {
    let start = Follow {
        heard: app.work.news.subscribe(),
        app: app.clone(),
        id,
        after,
        last: None,
        pending: Vec::new().into_iter(),
        ended: false,
    };
    stream::unfold(start, async |mut follow| {
        let news = follow.next().await?;
        Some((news, follow))
    })
}

impl Follow {
    async fn next(&mut self) -> Option<Result<OrderNews, WorkError>> {
        loop {
            if let Some(news) = self.pending.next() {
                return Some(Ok(news));
            }
            if self.ended {
                return None;
            }
            match self.look().await {
                Ok(news) if news.is_empty() && !self.ended => self.wait().await,
                Ok(news) => self.pending = news.into_iter(),
                Err(e) => {
                    self.ended = true;
                    return Some(Err(e));
                }
            }
        }
    }

    /// The order is read before its events: the end is only told when every event was.
    async fn look(&mut self) -> Result<Vec<OrderNews>, WorkError> {
        let order = store::order::find(&self.app.db, self.id)
            .await?
            .ok_or(WorkError::NoOrder)?;
        let events = store::event::list(&self.app.db, self.id, self.after, BATCH).await?;
        let complete = i64::try_from(events.len()).unwrap_or(BATCH) < BATCH;
        self.after = events.last().map_or(self.after, |event| event.seq);
        let mut news: Vec<_> = events.into_iter().map(OrderNews::Event).collect();
        let ended = order.state.is_end() && complete;
        if (complete || !order.state.is_end()) && self.last.as_ref() != Some(&order) {
            news.push(OrderNews::Order(Box::new(order.clone())));
            self.last = Some(order);
        }
        self.ended = ended;
        Ok(news)
    }

    async fn wait(&mut self) {
        let stopping = self.app.tasks.stopping();
        let (id, heard) = (self.id, &mut self.heard);
        let ours = async {
            // An error means that we missed some, or that the process stops: look again either way.
            while heard.recv().await.is_ok_and(|told| told != id) {}
        };
        tokio::select! {
            // Nobody to wait for: the time is up, or there is news.
            _ = timeout(LOOK_AGAIN, ours) => {}
            () = stopping.cancelled() => self.ended = true,
        }
    }
}
