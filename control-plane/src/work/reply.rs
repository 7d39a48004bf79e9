//! What a host says, stored: each reply in one transaction, together with what its room makes of it.

use muster_base::OrderId;
use muster_protocol::latest::{OrderEvent, OrderOutcome, OrderRefusal, OrderReply};

use super::{
    Order, OrderState,
    store::{self, order::End},
    told,
};
use crate::{
    access::Caller,
    app::App,
    audit,
    db::{DbError, Tx},
    in_tx,
};

/// An order that is sealed anew this often has a host whose key changes faster than orders travel.
const MAX_RESEALS: i64 = 3;

/// What comes after a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// More replies.
    Listen,
    /// The order is back in the queue.
    Again,
    /// Nothing.
    Ended,
}

/// Stores a reply to an order that was sent under this sequence number. Storing it twice changes nothing.
pub(super) async fn store(
    app: &App,
    (id, sent): (OrderId, Option<i64>),
    reply: OrderReply,
) -> Result<Next, DbError> {
    let Some(reply) = told::kept(reply) else {
        return Ok(Next::Listen);
    };
    let (order, next) = in_tx!(app.db, |tx| {
        let Some(order) = store::order::lock(tx, &app.db, id).await? else {
            return Ok(Next::Ended);
        };
        if order.state.is_end() {
            return Ok(Next::Ended);
        }
        // Another control plane had the host before, or after: it has sealed and sent the order anew meanwhile.
        if matches!(reply, OrderReply::Refused(_)) && order.sequence != sent {
            return Ok(Next::Ended);
        }
        match reply {
            OrderReply::Accepted => (accepted(app, tx, order).await?, Next::Listen),
            OrderReply::Event(event) => (happened(app, tx, order, &event).await?, Next::Listen),
            OrderReply::Outcome(outcome) => (ended(app, tx, order, &outcome).await?, Next::Ended),
            OrderReply::Refused(refusal) => refused(app, tx, order, &refusal).await?,
        }
    });
    app.work.tell(id);
    if let Some(listener) = app.work.listener(order.kind) {
        listener.committed(app, &order);
    }
    Ok(next)
}

async fn accepted(app: &App, tx: &mut Tx, order: Order) -> Result<Order, DbError> {
    if order.state != OrderState::Sent {
        return Ok(order);
    }
    let now = app.clock.now();
    store::order::set_accepted(tx, order.id, now).await?;
    let order = Order {
        state: OrderState::Accepted,
        accepted_at: Some(now),
        ..order
    };
    moved(app, tx, &order).await?;
    Ok(order)
}

async fn happened(app: &App, tx: &mut Tx, order: Order, event: &OrderEvent) -> Result<Order, DbError> {
    if store::event::insert(tx, order.id, event).await?
        && let Some(listener) = app.work.listener(order.kind)
    {
        listener.event(app, tx, &order, event).await?;
    }
    Ok(order)
}

async fn ended(app: &App, tx: &mut Tx, order: Order, outcome: &OrderOutcome) -> Result<Order, DbError> {
    let record = End {
        error: outcome.error.as_deref(),
        outcome: Some(outcome),
        refusal: None,
    };
    end(app, tx, order, outcome.status.into(), &record).await
}

async fn refused(
    app: &App,
    tx: &mut Tx,
    order: Order,
    refusal: &OrderRefusal,
) -> Result<(Order, Next), DbError> {
    // Whatever was accepted has begun; a host that refuses it now contradicts itself, and nothing is signed anew.
    let never_accepted = order.accepted_at.is_none();
    if matches!(refusal, OrderRefusal::SealedForOldKey) && never_accepted && order.reseals < MAX_RESEALS {
        store::order::set_unsealed(tx, order.id).await?;
        let order = Order {
            state: OrderState::Queued,
            sequence: None,
            ..order
        };
        moved(app, tx, &order).await?;
        return Ok((order, Next::Again));
    }
    let message = explain(refusal);
    let agent = Caller::agent(order.host_id, order.org, None);
    let entry = audit::Entry::refused("order:accept", "order", order.id).detail(message.clone());
    audit::record(app, tx, &agent, Some(order.org), entry).await?;
    let state = match refusal {
        OrderRefusal::Expired => OrderState::Expired,
        OrderRefusal::BadSignature
        | OrderRefusal::BadDigest
        | OrderRefusal::WrongHost
        | OrderRefusal::Replay
        | OrderRefusal::Unreadable
        | OrderRefusal::SealedForOldKey
        | OrderRefusal::Policy { .. } => OrderState::Refused,
    };
    let record = End {
        error: Some(&message),
        refusal: Some(refusal),
        outcome: None,
    };
    Ok((end(app, tx, order, state, &record).await?, Next::Ended))
}

/// Ends an order that has not ended, and tells its room.
pub(super) async fn end(
    app: &App,
    tx: &mut Tx,
    order: Order,
    state: OrderState,
    end: &End<'_>,
) -> Result<Order, DbError> {
    let now = app.clock.now();
    store::order::set_ended(tx, order.id, state, end, now).await?;
    let order = Order {
        state,
        ended_at: Some(now),
        started_at: end.outcome.map(|o| o.started_at),
        error: end.error.map(str::to_owned),
        digest: end.outcome.and_then(|o| o.digest.clone()),
        server_version: end.outcome.and_then(|o| o.server_version.clone()),
        ..order
    };
    moved(app, tx, &order).await?;
    Ok(order)
}

/// Tells the order's room that its state changed.
pub(super) async fn moved(app: &App, tx: &mut Tx, order: &Order) -> Result<(), DbError> {
    match app.work.listener(order.kind) {
        Some(listener) => listener.moved(app, tx, order).await,
        None => Ok(()),
    }
}

fn explain(refusal: &OrderRefusal) -> String {
    match refusal {
        OrderRefusal::BadSignature => {
            "the host refused the order: its signature does not hold, or its key is not one that the host pinned".to_owned()
        }
        OrderRefusal::BadDigest => "the host refused the order: it is not what was signed".to_owned(),
        OrderRefusal::WrongHost => "the host refused the order: it is for another host".to_owned(),
        OrderRefusal::Expired => "the host refused the order: its time has passed, or the host's clock is wrong".to_owned(),
        OrderRefusal::Replay => "the host refused the order: its sequence number was seen before".to_owned(),
        OrderRefusal::Unreadable => "the host can't read the order: upgrade its agent".to_owned(),
        OrderRefusal::SealedForOldKey => "the host can't open the order's secrets: join it anew".to_owned(),
        OrderRefusal::Policy { rule, message } => {
            format!("the host's own policy forbids it ({rule}): {message}")
        }
    }
}
