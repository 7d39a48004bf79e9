//! A cancel that meets a worker whose resident is gone.
//!
//! A worker outlives the resident that started it, and then nobody can talk to it: the order that it has in hand is
//! handed to a second worker, which waits in line behind the first. A cancel reaches only the second. It asks the
//! first through the journal, where every worker looks from time to time, and answers with what became of the order.

use std::{io, path::Path, time::Duration};

use muster_base::{OrderId, UnixMs};
use muster_identity::order::OrderHead;
use muster_protocol::latest::{OrderOutcome, OrderStatus};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::lane::{self, Held, Lane};
use crate::orders::{
    journal::{End, Journal, Started},
    sequence::Sequences,
};

/// How soon a worker hears of a cancel that reached another one.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What a cancel found while its order waited in line.
pub(super) enum InLine {
    /// Nobody had begun the order, and nobody will.
    Never(Box<OrderOutcome>),
    /// Whoever had it in hand is done with it, or dead: it is ours to answer or to end.
    Ours(Held),
}

/// Cancels an order that waits for its lane in `dir`.
pub(super) async fn in_line(
    dir: &Path,
    lane: Lane,
    journal: &Journal,
    head: &OrderHead,
    now: UnixMs,
) -> io::Result<InLine> {
    let started = Started {
        at: now,
        sequence: head.sequence,
    };
    // Its first line keeps everybody else from starting the order.
    if let Some(mut log) = journal.start(head.order, started)? {
        Sequences::new(dir).take(head.sequence)?;
        let outcome = Box::new(OrderOutcome {
            status: OrderStatus::Cancelled,
            started_at: now,
            ended_at: now,
            error: Some("cancelled while it waited for another order; nothing was changed".to_owned()),
            digest: None,
            server_version: None,
            events: 0,
        });
        log.end(End::Outcome(outcome.clone()))?;
        return Ok(InLine::Never(outcome));
    }
    journal.ask_to_cancel(head.order)?;
    let held = lane::take(dir, lane, &CancellationToken::new()).await?;
    held.map(InLine::Ours)
        .ok_or_else(|| io::ErrorKind::Interrupted.into())
}

/// Passes on what another worker asks through the journal. Does not end.
pub(super) async fn watch(journal: &Journal, order: OrderId, cancel: &CancellationToken) {
    while !journal.is_cancel_asked(order) {
        sleep(LOOK_AGAIN).await;
    }
    cancel.cancel();
    std::future::pending::<()>().await;
}
