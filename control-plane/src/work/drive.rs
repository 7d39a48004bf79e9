//! One order on its way to its host: handed over if it was not, sent, listened to.

use std::time::Duration;

use muster_base::OrderId;
use muster_identity::order::OrderHead;
use muster_protocol::latest::{OrderPayload, SignedOrder};
use tokio::time::sleep;

use super::{
    Door, Going, Order, OrderKind, OrderState, Replies, SecretsError,
    reply::{self, Next},
    seal::{seal_secrets, sign, sign_again},
    store::{self, order::End},
    submit::{self, told},
};
use crate::{app::App, error::Error, in_tx};

/// An order that its room holds back is asked for again after this.
const HELD_BACK: Duration = Duration::from_secs(5);

/// Drives the order for as long as its host is there and it has not ended.
pub(super) async fn drive(app: &App, door: &dyn Door, id: OrderId) -> Result<(), Error> {
    loop {
        let Some(order) = store::order::find(&app.db, id).await? else {
            return Ok(());
        };
        if order.state.is_end() {
            return Ok(());
        }
        if !door.is_online(order.host_id) {
            if door.is_elsewhere(order.host_id) {
                return Ok(());
            }
            return wait_for_host(app, door, &order).await;
        }
        let signed = match store::order::signed(&app.db, id).await? {
            // Only what one of the fleet's keys signed: rows are not believed.
            Some(signed) if door.has_signed(&signed) => sign_again(signed, &door.signer(order.host_id)),
            Some(signed) => signed,
            None => match hand_over(app, door, &order).await? {
                Some(signed) => signed,
                None => return Ok(()),
            },
        };
        let sequence = sequence_of(&signed);
        let Some(replies) = door.open_order(order.host_id, signed).await else {
            return Ok(());
        };
        if listen(app, (id, sequence), replies).await? != Next::Again {
            return Ok(());
        }
    }
}

/// Asks the host to stop the order.
pub(super) async fn stop(app: &App, door: &dyn Door, id: OrderId) -> Result<(), Error> {
    let Some(order) = store::order::find(&app.db, id).await? else {
        return Ok(());
    };
    if order.state.is_end() || order.state.is_before_hand_over() {
        return Ok(());
    }
    if let Some(replies) = door.cancel_order(order.host_id, id).await {
        listen(app, (id, order.sequence), replies).await?;
    }
    Ok(())
}

/// The sequence number under which the order goes.
fn sequence_of(signed: &SignedOrder) -> Option<i64> {
    let head = OrderHead::from_bytes(&signed.body).ok()?;
    i64::try_from(head.sequence).ok()
}

/// Stores every reply before the next is asked for.
async fn listen(
    app: &App,
    sent: (OrderId, Option<i64>),
    mut replies: Box<dyn Replies>,
) -> Result<Next, Error> {
    let stopping = app.tasks.stopping();
    loop {
        let Some(Some(reply)) = stopping.run_until_cancelled(replies.next()).await else {
            return Ok(Next::Listen);
        };
        let next = reply::store(app, sent, reply).await?;
        if next != Next::Listen {
            replies.stored().await;
            return Ok(next);
        }
    }
}

/// Resolves and seals the secrets, takes a sequence number and signs. `None` if the order ended over it, is held back, or
/// somebody else was faster.
async fn hand_over(app: &App, door: &dyn Door, order: &Order) -> Result<Option<SignedOrder>, Error> {
    let payload = store::order::payload(&app.db, order.id).await?;
    let speaks = door.version(order.host_id);
    if let (Some(version), Ok(wanted)) = (speaks, muster_protocol::decode::<OrderPayload>(&payload))
        && version < OrderKind::since(&wanted)
    {
        return fail(app, order.id, too_old(&wanted)).await;
    }
    match may_go(app, order).await? {
        Going::Goes => {}
        Going::Never(why) => return fail(app, order.id, &why).await,
        Going::Later => return Ok(None),
    }
    let secrets = match app.work.listener(order.kind) {
        Some(listener) => listener.secrets(app, order).await,
        None => Ok(Vec::new()),
    };
    let secrets = match secrets {
        Ok(secrets) => secrets,
        Err(SecretsError::NotNow(e)) => return Err(e.into()),
        Err(SecretsError::Never(why)) => return fail(app, order.id, &why).await,
    };
    let Some(host_key) = door.seal_key(order.org, order.host_id).await? else {
        return fail(app, order.id, "the host was removed from the fleet").await;
    };
    let sealed = match seal_secrets(order, &secrets, &host_key) {
        Ok(sealed) => sealed,
        Err(e) => return fail(app, order.id, &e.to_string()).await,
    };
    drop(secrets);
    let signer = door.signer(order.host_id);
    let signed = in_tx!(app.db, |tx| {
        let Some(order) = store::order::lock(tx, &app.db, order.id).await? else {
            return Ok(None);
        };
        if !order.state.is_before_hand_over() {
            return Ok(None);
        }
        let sequence = store::order::next_sequence(tx, order.host_id).await?;
        match sign(&order, payload, sealed, sequence, &signer) {
            Ok(signed) => {
                let now = app.clock.now();
                store::order::set_sent(tx, order.id, sequence, &signed, now).await?;
                let order = Order {
                    state: OrderState::Sent,
                    sequence: Some(sequence),
                    sent_at: Some(now),
                    ..order
                };
                reply::moved(app, tx, &order).await?;
                Some(signed)
            }
            Err(e) => {
                let why = e.to_string();
                reply::end(app, tx, order, OrderState::Failed, &error(&why)).await?;
                None
            }
        }
    });
    app.work.tell(order.id);
    Ok(signed)
}

/// Why an agent is not sent what it would not do, or would do without what is asked for.
const fn too_old(payload: &OrderPayload) -> &'static str {
    match payload {
        OrderPayload::FullDeploy(_) => {
            "the host's agent is too old for ulimits, log options, extra hosts, a pull policy or a stop signal: upgrade it, \
             or take them out of the container; nothing was changed"
        }
        OrderPayload::GuardedSql(_) => {
            "the host's agent is too old to limit and to keep the rows that a statement changes: upgrade it; nothing was \
             changed"
        }
        OrderPayload::Deploy(_)
        | OrderPayload::Handover(_)
        | OrderPayload::Sql(_)
        | OrderPayload::TestServer(_)
        | OrderPayload::Container(_)
        | OrderPayload::File(_) => {
            "the host's agent is too old to know such orders: upgrade it; nothing was changed"
        }
    }
}

/// What the order's room says. Where that is to wait, so does this, that nobody is asked without a pause.
async fn may_go(app: &App, order: &Order) -> Result<Going, Error> {
    let Some(listener) = app.work.listener(order.kind) else {
        return Ok(Going::Goes);
    };
    // What its host was sent before may be half done there.
    if order.sent_at.is_some() {
        return Ok(Going::Goes);
    }
    let stopping = app.tasks.stopping();
    let asked = stopping.run_until_cancelled(listener.may_go(app, order)).await;
    let going = asked.unwrap_or(Ok(Going::Later))?;
    if going == Going::Later {
        stopping.run_until_cancelled(sleep(HELD_BACK)).await;
    }
    Ok(going)
}

/// Ends an order that can't be handed over.
async fn fail(app: &App, id: OrderId, why: &str) -> Result<Option<SignedOrder>, Error> {
    finish_before_hand_over(app, id, OrderState::Failed, why).await?;
    Ok(None)
}

/// Ends an order that was not handed over.
pub(super) async fn finish_before_hand_over(
    app: &App,
    id: OrderId,
    state: OrderState,
    why: &str,
) -> Result<(), Error> {
    let order = in_tx!(app.db, |tx| {
        let Some(order) = store::order::lock(tx, &app.db, id).await? else {
            return Ok(());
        };
        if !order.state.is_before_hand_over() {
            return Ok(());
        }
        reply::end(app, tx, order, state, &error(why)).await?
    });
    told(app, &order);
    Ok(())
}

/// The host is not here. If it was removed, it never will be.
async fn wait_for_host(app: &App, door: &dyn Door, order: &Order) -> Result<(), Error> {
    if order.state == OrderState::WaitingForHost {
        return Ok(());
    }
    let removed = door.seal_key(order.org, order.host_id).await?.is_none();
    let order = in_tx!(app.db, |tx| {
        let Some(order) = store::order::lock(tx, &app.db, order.id).await? else {
            return Ok(());
        };
        match order.state {
            OrderState::Queued | OrderState::Sent | OrderState::Accepted if removed => {
                submit::end_without_host(app, tx, order).await?
            }
            OrderState::Queued => {
                store::order::set_state(tx, order.id, OrderState::WaitingForHost).await?;
                let order = Order {
                    state: OrderState::WaitingForHost,
                    ..order
                };
                reply::moved(app, tx, &order).await?;
                order
            }
            // Asked again when it is back, or at its end.
            OrderState::WaitingForHost
            | OrderState::Sent
            | OrderState::Accepted
            | OrderState::Done
            | OrderState::RolledBack
            | OrderState::Failed
            | OrderState::Refused
            | OrderState::Cancelled
            | OrderState::Expired
            | OrderState::NeedsAttention => return Ok(()),
        }
    });
    told(app, &order);
    Ok(())
}

fn error(why: &str) -> End<'_> {
    End {
        error: Some(why),
        ..End::default()
    }
}
