//! Several control planes on one PostgreSQL database: what each of them knows of the others, and how they tell one another.
//!
//! Agents are spread over them, people and CI call any of them. The tables are shared anyway; this room is about what else
//! a process holds. With SQLite there is one control plane: everything here stays in memory, and nothing runs.
//!
//! # Data
//! | where | what |
//! |---|---|
//! | `control_planes` | who serves: a sign of life every three seconds, and where the others reach its door. The keys room tells in the same rows which master keys each has |
//! | `host_sessions` | which host is connected to which of them, since when, from where, speaking which protocol version, believing which signing keys; when it reported last, written every three seconds in one statement for all hosts |
//! | channel `muster` | what happened, for whoever waits ([`message::Message`]): small JSON by `NOTIFY`, with the sender's run |
//!
//! # What is shared, and how
//! | what | how the others know | what fails, and what happens then |
//! |---|---|---|
//! | orders submitted, cancelled | message *work* when the transaction is committed; the dispatcher looks once a second | a lost message costs a second |
//! | who drives an order | the one that has its host's session, nobody else: others neither send it nor mark it as waiting | a host that moves in the middle is driven twice for a moment: its journal answers the second, rows are locked, and what is said of an earlier sequence number changes nothing |
//! | news of orders and deployments for people who watch | message *orders*, *deployments*; each reader looks once a second | a second |
//! | who is connected where | `host_sessions`, message *sessions* with the hosts whose rows changed; all rows are read every three seconds | up to three seconds |
//! | two sessions of one host | the one that began last, by the database's clock, has the host, however late its row is written; the other's control plane reads that, ends it, logs it and leaves an audit row | up to three seconds of two sessions |
//! | agents that are all at one of them after another was away | who has clearly more than its share sends some idle ones elsewhere, a few at each look ([`balance`]) | an agent that knows no other address comes back, and is left alone for a day |
//! | a control plane that is killed | no sign of life for ten seconds, by the clock of whoever looks: its hosts count as offline unless they are back elsewhere; its next run says so at once ([`succeed`]) | its rows are deleted an hour later |
//! | newest readings (alerts, values, Prometheus, lists) | every three seconds one query for the hosts elsewhere that reported since | three seconds older than here |
//! | removed hosts | message *removed*; the door looks once a second | a second |
//! | the fleet's keys | message *keys*; looked at once a second | a second |
//! | alert rules, silences, acknowledgements | message *alerts*; read again every half minute | an alert may be told by whoever has not read a silence yet |
//! | steps of an alert, letters, jobs, rollouts, waves | rows with versions, claims and locks in their rooms | |
//! | permissions, sessions of people, secrets | never kept in memory: read with each request | |
//! | live views, logs, catalogues, counted rows of a host elsewhere | a stream between the two control planes' doors ([`crate::link`]), with certificates on both sides | a problem that says so |
//! | tokens, codes and invitations, what a deployment waits for | rows | |
//! | sign-in throttles, seats of exports and live views, limits of webhook calls | not shared: each control plane counts by itself | with n of them, n times as many; which numbers, ARCHITECTURE.md says |
//! | the sums on the page of storage, figures under `/metrics` | not shared: of each control plane | |
//! | files | not shared by this room: their place must be a bucket or a shared folder | a download finds no bytes |
//!
//! # Fails how
//! The listening connection is lost: it is opened again with back-off, and everything is looked at anew, because messages
//! may be lost. A message that can't be read (of a newer version) is passed over. The database is away: presence stays as it
//! was read last; when it is back, nobody counts as dead before they had time for a sign of life.
//!
//! # Invariants
//! - Nothing is decided by a message: it only says where to look.
//! - No query per host, and none at all in [`crate::link::Links`]'s answers.
//! - Liveness is counted by the clock of who looks, from when a row was last seen to change: clocks may differ.

mod balance;
mod bus;
pub(crate) mod message;
mod planes;
mod predecessor;
mod readings;
mod sessions;
mod store;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use muster_base::{Clock, DeploymentId, OrderId, OrgId};
use sqlx::PgPool;
use tokio::{
    sync::Notify,
    time::{Instant, MissedTickBehavior, interval},
};
use uuid::Uuid;

pub use self::predecessor::succeed;
use self::{balance::Balance, message::Message, planes::Planes, readings::Fetched, sessions::Written};
use crate::{
    app::App,
    db::{Db, DbError},
};

/// Between two looks at the tables, and two signs of life.
const EVERY: Duration = Duration::from_secs(3);
/// Looks between two searches for rows that nobody needs.
const TIDY_EVERY: u32 = 100;
/// Things to tell that wait at most; who misses one looks by itself a second later.
const MOST_UNSAID: usize = 10_000;

/// This process among those that share its database. Cheap to clone.
#[derive(Clone)]
pub struct Peers(Arc<Inner>);

struct Inner {
    id: Uuid,
    /// Whether others may use the database, too.
    is_shared: bool,
    unsaid: Mutex<Unsaid>,
    say: Notify,
    planes: Mutex<Planes>,
}

/// What is to be told, each thing once.
#[derive(Debug, Default)]
struct Unsaid {
    /// Those without ids.
    plain: Vec<Message>,
    orders: BTreeSet<OrderId>,
    deployments: BTreeSet<DeploymentId>,
}

impl Peers {
    /// A run of the process on this database.
    pub fn new(db: &Db, clock: &Clock) -> Self {
        // Only its uniqueness counts: an id of any kind will do.
        let id: OrgId = clock.new_id();
        Self(Arc::new(Inner {
            id: *id.as_uuid(),
            is_shared: matches!(db, Db::Postgres(_)),
            unsaid: Mutex::default(),
            say: Notify::new(),
            planes: Mutex::default(),
        }))
    }

    /// This run's id in `control_planes`.
    pub(crate) fn id(&self) -> Uuid {
        self.0.id
    }

    /// Orders were submitted or cancelled.
    pub(crate) fn tell_work(&self) {
        self.tell(|unsaid| unsaid.add(Message::Work));
    }

    /// There is news of an order.
    pub(crate) fn tell_order(&self, order: OrderId) {
        self.tell(|unsaid| add(&mut unsaid.orders, order));
    }

    /// There is news of a deployment.
    pub(crate) fn tell_deployment(&self, deployment: DeploymentId) {
        self.tell(|unsaid| add(&mut unsaid.deployments, deployment));
    }

    /// A host was removed.
    pub(crate) fn tell_removed(&self) {
        self.tell(|unsaid| unsaid.add(Message::Removed));
    }

    /// The fleet's keys changed.
    pub(crate) fn tell_keys(&self) {
        self.tell(|unsaid| unsaid.add(Message::Keys));
    }

    /// Rules, silences or acknowledgements changed.
    pub(crate) fn tell_alerts(&self) {
        self.tell(|unsaid| unsaid.add(Message::Alerts));
    }

    /// Where another control plane's door is; `None` if it does not serve (any more) or has none.
    pub(crate) fn address_of(&self, plane: Uuid) -> Option<String> {
        self.planes().address_of(plane, Instant::now())
    }

    /// What another control plane is called.
    pub(crate) fn name_of(&self, plane: Uuid) -> Option<String> {
        self.planes().name_of(plane)
    }

    fn tell(&self, what: impl FnOnce(&mut Unsaid)) {
        if !self.0.is_shared || !self.planes().any_alive(Instant::now()) {
            return;
        }
        what(&mut self.unsaid());
        self.0.say.notify_one();
    }

    fn unsaid(&self) -> MutexGuard<'_, Unsaid> {
        self.0.unsaid.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn planes(&self) -> MutexGuard<'_, Planes> {
        self.0.planes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add<T: Ord>(set: &mut BTreeSet<T>, one: T) {
    if set.len() < MOST_UNSAID {
        set.insert(one);
    }
}

impl Unsaid {
    fn add(&mut self, message: Message) {
        if !self.plain.contains(&message) {
            self.plain.push(message);
        }
    }

    fn drain(&mut self) -> Vec<Message> {
        let Self {
            mut plain,
            orders,
            deployments,
        } = std::mem::take(self);
        plain.extend(message::pages(orders).map(Message::Orders));
        plain.extend(message::pages(deployments).map(Message::Deployments));
        plain
    }
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers")
            .field("id", &self.0.id)
            .finish_non_exhaustive()
    }
}

/// Begins to tell the others and to hear them. Once the door is open, so that they can be told where it is.
pub fn start(app: &App) {
    let Db::Postgres(pool) = app.db.clone() else {
        return;
    };
    let tasks = &app.tasks;
    tasks.keep("tell control planes", bus::speak(app.clone(), pool.clone()));
    tasks.keep("hear control planes", bus::hear(app.clone(), pool.clone()));
    tasks.keep("hosts' sessions", sessions::write(app.clone()));
    tasks.keep("control planes", watch(app.clone(), pool));
}

/// Gives signs of life and looks for the others' until the process stops.
async fn watch(app: App, pool: PgPool) {
    let stopping = app.tasks.stopping();
    let mut every = interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut written, mut fetched) = (Written::default(), Fetched::default());
    let mut balance = Balance::default();
    let mut looks = 0_u32;
    let mut is_well = true;
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = stopping.cancelled() => return,
        }
        let looked = async {
            look(&app, &pool, &mut written, &mut fetched).await?;
            balance.look(&app, Instant::now());
            if looks.is_multiple_of(TIDY_EVERY) {
                sessions::tidy(&app, &pool).await?;
            }
            Ok::<_, DbError>(())
        };
        let looked = stopping.run_until_cancelled(looked).await;
        looks = looks.wrapping_add(1);
        match looked {
            Some(Err(error)) if is_well => {
                is_well = false;
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "can't look for other control planes"
                );
            }
            Some(Err(_)) | None => {}
            Some(Ok(())) => is_well = true,
        }
    }
}

/// One look: a sign of life, the others', what changed of hosts here, and what there is of hosts elsewhere.
async fn look(app: &App, pool: &PgPool, written: &mut Written, fetched: &mut Fetched) -> Result<(), DbError> {
    planes::look(app, pool).await?;
    sessions::refresh(app, written).await?;
    sessions::read_all(app, pool).await?;
    readings::read(app, fetched).await
}
