//! The dispatcher: sees to it that somebody has each order in hand whose host is here.
//!
//! It takes no input but the tables. A submit, a host that connects, and the clock all wake the same look at them, so
//! that a lost wake costs a second and nothing else.
//!
//! Files for hosts take long: of those a host has a few at a time and the others stay in the queue, so that they don't
//! take up what other orders need, and can still be taken back.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use muster_base::{HostId, OrderId};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::sleep,
};

use super::{
    Door, Hand, OrderState,
    door::AgentsDoor,
    drive,
    store::{self, order::Open},
};
use crate::{app::App, error::Error, fleet::FleetError, link::LinkEvent};

/// How long a wake may be lost for; also how soon another control plane's orders for our hosts are seen.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Orders read at once.
const BATCH: usize = 10_000;
/// Files that a host has at a time: the next is there when one ends.
const FILES_AT_ONCE: usize = 2;

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
    let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
    for id in store::order::list_overdue(&app.db, now, limit).await? {
        let why = "its time passed before it could be handed to its host; nothing was changed";
        drive::finish_before_hand_over(app, id, OrderState::Expired, why).await?;
    }
    let mut files = Files::default();
    let mut after = None;
    loop {
        let page = store::order::list_open(&app.db, now, after, limit).await?;
        for open in &page {
            let online = door.is_online(open.host_id);
            if !online && door.is_elsewhere(open.host_id) {
                continue;
            }
            if open.is_file && !files.may_have(open) {
                continue;
            }
            if online || !open.waits {
                take(app, door, open, Hand::Drive);
            }
            if open.cancel_requested_at.is_some() && online {
                take(app, door, open, Hand::Cancel);
            }
        }
        let Some(last) = page.last().filter(|_| page.len() == BATCH) else {
            break;
        };
        after = Some((last.not_before, last.id));
    }
    // Those that hosts have are counted by now.
    files.add_in_hand(app);
    for open in files.held_back {
        let of_host = files.of_hosts.entry(open.host_id).or_default();
        let online = door.is_online(open.host_id);
        if of_host.len() < FILES_AT_ONCE && (online || !open.waits) && take(app, door, &open, Hand::Drive) {
            of_host.insert(open.id);
        }
    }
    Ok(())
}

/// Files for hosts, as one look sees them.
#[derive(Default)]
struct Files {
    /// What hosts have, or are about to get.
    of_hosts: HashMap<HostId, HashSet<OrderId>>,
    /// What no host has, oldest first.
    held_back: Vec<Open>,
}

impl Files {
    /// Whether its host has it anyway; if not, it is held back.
    fn may_have(&mut self, open: &Open) -> bool {
        if open.is_before_hand_over {
            self.held_back.push(*open);
            return false;
        }
        self.of_hosts.entry(open.host_id).or_default().insert(open.id);
        true
    }

    fn add_in_hand(&mut self, app: &App) {
        for ((id, _), file_for) in &*app.work.in_hand() {
            if let Some(host) = file_for {
                self.of_hosts.entry(*host).or_default().insert(*id);
            }
        }
    }
}

/// Has a task of its own see to the order; false if one does already.
fn take(app: &App, door: &Arc<dyn Door>, open: &Open, hand: Hand) -> bool {
    let id = open.id;
    let file_for = open.is_file.then_some(open.host_id);
    if app.work.in_hand().insert((id, hand), file_for).is_some() {
        return false;
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
        if file_for.is_some() && makes_room(&worker, id).await {
            worker.work.wake_here();
        }
    });
    true
}

/// Whether the next file for its host need not wait for the clock.
async fn makes_room(app: &App, id: OrderId) -> bool {
    match store::order::find(&app.db, id).await {
        Ok(Some(order)) => order.state.is_end() || order.state == OrderState::WaitingForHost,
        Ok(None) => true,
        // The clock wakes it.
        Err(_) => false,
    }
}
