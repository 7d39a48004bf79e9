//! The dispatcher: sees to it that somebody has each order in hand whose host is here.
//!
//! It takes no input but the tables. A submit, a host that connects, and the clock all wake the same look at them, so
//! that a lost wake costs a second and nothing else.

use std::{sync::Arc, time::Duration};

use muster_base::OrderId;
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::sleep,
};

use super::{Door, Hand, OrderState, door::AgentsDoor, drive, store};
use crate::{app::App, error::Error, fleet::FleetError, link::LinkEvent};

/// How long a wake may be lost for; also how soon another control plane's orders for our hosts are seen.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Orders looked at at once.
const BATCH: i64 = 10_000;

/// Starts the dispatcher. The agents' door is open.
pub async fn start(app: &App) -> Result<(), FleetError> {
    start_with(app, Arc::new(AgentsDoor::new(app).await?));
    Ok(())
}

/// Starts the dispatcher on any door.
pub(super) fn start_with(app: &App, door: Arc<dyn Door>) {
    let worker = app.clone();
    let comings = door.events();
    app.tasks.keep(
        "dispatch orders",
        async move { run(&worker, door, comings).await },
    );
}

async fn run(app: &App, door: Arc<dyn Door>, mut comings: broadcast::Receiver<LinkEvent>) {
    let stopping = app.tasks.stopping();
    while !stopping.is_cancelled() {
        if let Err(e) = look(app, &door).await {
            tracing::warn!(error = %e, "the queue of orders could not be read");
        }
        tokio::select! {
            () = stopping.cancelled() => return,
            () = app.work.wake.notified() => {}
            () = sleep(LOOK_AGAIN) => {}
            event = comings.recv() => match event {
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                // The link is gone; the clock still wakes us.
                Err(RecvError::Closed) => sleep(LOOK_AGAIN).await,
            },
        }
    }
}

/// Takes in hand what nobody has.
pub(super) async fn look(app: &App, door: &Arc<dyn Door>) -> Result<(), Error> {
    let now = app.clock.now();
    for id in store::order::list_overdue(&app.db, now, BATCH).await? {
        let why = "its time passed before its host could be reached; nothing was changed";
        drive::finish_before_hand_over(app, id, OrderState::Expired, why).await?;
    }
    for open in store::order::list_open(&app.db, now, BATCH).await? {
        let online = door.is_online(open.host_id);
        if online || !open.waits {
            take(app, door, open.id, Hand::Drive);
        }
        if open.cancel_requested_at.is_some() && online {
            take(app, door, open.id, Hand::Cancel);
        }
    }
    Ok(())
}

fn take(app: &App, door: &Arc<dyn Door>, id: OrderId, hand: Hand) {
    if !app.work.in_hand().insert((id, hand)) {
        return;
    }
    let (worker, door) = (app.clone(), Arc::clone(door));
    app.tasks.spawn("order", async move {
        let done = match hand {
            Hand::Drive => drive::drive(&worker, &*door, id).await,
            Hand::Cancel => drive::stop(&worker, &*door, id).await,
        };
        if let Err(e) = done {
            tracing::warn!(order.id = %id, error = &e as &dyn std::error::Error, "an order could not be driven; trying again");
        }
        worker.work.in_hand().remove(&(id, hand));
    });
}
