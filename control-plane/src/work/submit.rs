//! What rooms and people do with orders.

use muster_base::{HostId, OrderId, OrgId};
use muster_protocol::latest::OrderPayload;
use uuid::Uuid;

use super::{
    NewOrder, Order, OrderKind, OrderState, StoredEvent, WorkError, reach, reply,
    store::{self, order::End},
};
use crate::{
    access::{Caller, Operation},
    app::App,
    db::{DbError, Tx},
    http::page::{Cursor, Page, PageQuery},
};

/// Queues an order in the room's own transaction. Call [`super::Work::wake`] after its commit.
pub async fn submit(app: &App, tx: &mut Tx, new: NewOrder) -> Result<OrderId, WorkError> {
    let (order, payload) = made(app, new)?;
    store::order::insert(tx, &order, &payload).await?;
    Ok(order.id)
}

/// Queues many orders at once, as [`submit`] does one; their ids, in the same order.
pub async fn submit_many(app: &App, tx: &mut Tx, new: Vec<NewOrder>) -> Result<Vec<OrderId>, WorkError> {
    let made = new.into_iter().map(|new| made(app, new));
    let orders = made.collect::<Result<Vec<_>, _>>()?;
    store::order::insert_many(tx, &orders).await?;
    Ok(orders.iter().map(|(order, _)| order.id).collect())
}

/// How many of an org's orders of a kind have not ended.
pub async fn count_open(tx: &mut Tx, org: OrgId, kind: OrderKind) -> Result<i64, DbError> {
    store::order::count_open(tx, org, kind).await
}

/// The order, and its payload as it is stored.
fn made(app: &App, new: NewOrder) -> Result<(Order, Vec<u8>), WorkError> {
    let payload = muster_protocol::encode(&new.payload).map_err(WorkError::TooLarge)?;
    let order = Order {
        id: app.clock.new_id(),
        org: new.org,
        host_id: new.host,
        kind: OrderKind::of(&new.payload),
        subject_id: subject(&new),
        state: OrderState::Queued,
        approvals: new.approvals,
        created_by: new.created_by,
        created_at: app.clock.now(),
        not_before: new.not_before,
        expires_at: new.expires,
        sequence: None,
        sent_at: None,
        accepted_at: None,
        started_at: None,
        ended_at: None,
        cancel_requested_at: None,
        error: None,
        digest: None,
        server_version: None,
        reseals: 0,
    };
    Ok((order, payload))
}

/// Stops an order in the room's own transaction: at once if it was not handed over (the room's
/// [`super::Listener::moved`] is called in this transaction), else by asking the host. Call [`super::Work::wake`]
/// after the commit. `by` is for people.
pub async fn cancel(app: &App, tx: &mut Tx, id: OrderId, by: &str) -> Result<(), WorkError> {
    let order = store::order::lock(tx, &app.db, id)
        .await?
        .ok_or(WorkError::NoOrder)?;
    if order.state.is_end() {
        return Err(WorkError::Ended);
    }
    store::order::set_cancel_requested(tx, id, by, app.clock.now()).await?;
    if order.state.is_before_hand_over() {
        let end = End {
            error: Some("cancelled before it was handed over; nothing was changed"),
            ..End::default()
        };
        reply::end(app, tx, order, OrderState::Cancelled, &end).await?;
    }
    Ok(())
}

/// Takes back an order that was not handed over, in the room's own transaction: `None` if it was, or has ended. The room
/// knows, and is not told by [`super::Listener::moved`]. Hand what is returned to [`told`] after the commit.
pub async fn take_back(app: &App, tx: &mut Tx, id: OrderId, why: &str) -> Result<Option<Order>, DbError> {
    let order = store::order::lock(tx, &app.db, id).await?;
    let Some(order) = order.filter(|order| order.state.is_before_hand_over()) else {
        return Ok(None);
    };
    let end = End {
        error: Some(why),
        ..End::default()
    };
    let now = app.clock.now();
    store::order::set_ended(tx, id, OrderState::Cancelled, &end, now).await?;
    Ok(Some(Order {
        state: OrderState::Cancelled,
        ended_at: Some(now),
        error: Some(why.to_owned()),
        ..order
    }))
}

/// Takes back those of these orders that were not handed over, at once; which ones that were. The room knows, and is not
/// told. Call [`told_of`] after the commit.
pub async fn take_back_many(
    app: &App,
    tx: &mut Tx,
    ids: &[OrderId],
    why: &str,
) -> Result<Vec<OrderId>, DbError> {
    store::order::cancel_many(tx, ids, why, app.clock.now()).await
}

/// Tells whoever watches these orders of a change that is committed.
pub fn told_of(app: &App, ids: &[OrderId]) {
    for id in ids {
        app.work.tell(*id);
    }
}

/// Ends every order of a host that is removed, in the transaction that removes it: nobody will ever do them. Hand what
/// is returned to [`told`] after the commit.
pub async fn end_for_removed_host(app: &App, tx: &mut Tx, host: HostId) -> Result<Vec<Order>, DbError> {
    let mut ended = Vec::new();
    for id in store::order::list_open_of_host(tx, host).await? {
        if let Some(order) = store::order::lock(tx, &app.db, id).await?
            && !order.state.is_end()
        {
            ended.push(end_without_host(app, tx, order).await?);
        }
    }
    Ok(ended)
}

/// Ends an order whose host was removed: what it never got was never begun; what it has, only a look can tell.
pub(super) async fn end_without_host(app: &App, tx: &mut Tx, order: Order) -> Result<Order, DbError> {
    let (state, why) = if order.state.is_before_hand_over() {
        (
            OrderState::Failed,
            "the host was removed from the fleet; nothing was changed",
        )
    } else {
        (
            OrderState::NeedsAttention,
            "the host was removed from the fleet while it had the order; look at the host",
        )
    };
    let end = End {
        error: Some(why),
        ..End::default()
    };
    reply::end(app, tx, order, state, &end).await
}

/// Tells whoever watches, and the order's room, of a change that is committed.
pub fn told(app: &App, order: &Order) {
    app.work.tell(order.id);
    if let Some(listener) = app.work.listener(order.kind) {
        listener.committed(app, order);
    }
}

/// Those of these orders that have not ended and that nobody has asked to stop, for the rooms.
pub async fn list_unstopped(app: &App, ids: &[OrderId]) -> Result<Vec<OrderId>, DbError> {
    store::order::list_unstopped(&app.db, ids).await
}

/// The order, for the rooms; they decide who may see it.
pub async fn find(app: &App, id: OrderId) -> Result<Option<Order>, WorkError> {
    Ok(store::order::find(&app.db, id).await?)
}

/// An order of the caller's org.
pub async fn get(app: &App, caller: &Caller, id: OrderId) -> Result<Order, WorkError> {
    caller.require(Operation::OrderRead)?;
    let order = store::order::find(&app.db, id)
        .await?
        .filter(|order| order.org == caller.org())
        .ok_or(WorkError::NoOrder)?;
    reach::require(app, caller, &order).await?;
    Ok(order)
}

/// The org's orders, newest first; of one host, or all.
pub async fn list(
    app: &App,
    caller: &Caller,
    host: Option<HostId>,
    query: &PageQuery,
) -> Result<Page<Order>, WorkError> {
    caller.require(Operation::OrderRead)?;
    let before = query.cursor::<OrderId>()?;
    let reach = reach::Reach::of(app, caller).await?;
    let rows = store::order::list(&app.db, caller.org(), host, &reach, before, query.fetch()).await?;
    Ok(query.page(rows, |order| Cursor::of(&order.id)))
}

/// What the host has said of an order after `after` (-1: everything), in order; at most `limit`.
pub async fn events(app: &App, id: OrderId, after: i64, limit: i64) -> Result<Vec<StoredEvent>, WorkError> {
    Ok(store::event::list(&app.db, id, after, limit).await?)
}

/// What an order asks the host for, as it is stored.
/// An order's payload as it was submitted.
pub(crate) async fn payload(app: &App, id: OrderId) -> Result<Vec<u8>, WorkError> {
    Ok(store::order::payload(&app.db, id).await?)
}

const fn subject(new: &NewOrder) -> Uuid {
    match &new.payload {
        OrderPayload::Deploy(spec) => *spec.deployment.as_uuid(),
        OrderPayload::Handover(spec) => *spec.deploy.deployment.as_uuid(),
        OrderPayload::FullDeploy(spec) => *spec.deploy.deployment.as_uuid(),
        OrderPayload::Sql(spec) => *spec.execution.as_uuid(),
        OrderPayload::GuardedSql(held) => *held.spec.execution.as_uuid(),
        OrderPayload::TestServer(target) => *target.server.as_uuid(),
        OrderPayload::Container(_) => *new.host.as_uuid(),
        OrderPayload::File(order) => *order.send.as_uuid(),
    }
}
