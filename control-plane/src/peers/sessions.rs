//! Which hosts are connected where: telling of those here, and reading of those elsewhere.

use std::{
    collections::{BTreeSet, HashMap},
    net::SocketAddr,
    time::Duration,
};

use muster_base::{HostId, SessionId, UnixMs};
use muster_identity::keys::KeyId;
use sqlx::PgPool;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, sleep, timeout_at},
};
use tracing::warn;

use super::{
    message::{self, Message},
    planes,
    store::{
        bus,
        session::{self, Over, SessionRow},
    },
};
use crate::{
    app::App,
    db::{DbError, Tx},
    fleet,
    link::{Elsewhere, Here, LinkEvent, Presence},
};

/// Comings and goings of so long a time are written together.
const GATHER: Duration = Duration::from_millis(50);
/// Hosts in one statement, and in one transaction.
const PAGE: usize = 2_000;
const RETRY: Duration = Duration::from_secs(1);
/// How old a report may be when it is read: it waits to be written, and then to be read, three seconds each ([`super::EVERY`]).
const READ_LATE_MS: i64 = 6 * UnixMs::SECOND;
/// Rows of control planes that were silent for so long are deleted.
const ORPHANED_MS: i64 = UnixMs::HOUR;

/// What is to be written.
#[derive(Debug, Default)]
struct Changes {
    hosts: BTreeSet<HostId>,
    /// Some were missed: everything that is here is written.
    all: bool,
}

impl Changes {
    fn note(&mut self, event: Result<LinkEvent, RecvError>) {
        match event {
            Ok(LinkEvent::Connected { host, .. } | LinkEvent::Disconnected { host, .. }) => {
                self.hosts.insert(host);
            }
            Err(RecvError::Lagged(_)) => self.all = true,
            // The link is gone, and so are we in a moment.
            Err(RecvError::Closed) => {}
        }
    }
}

/// Writes comings and goings of hosts here until the process stops; then they are gone.
pub(super) async fn write(app: App) {
    let stopping = app.tasks.stopping();
    let mut events = app.links.events();
    // What came before this task did.
    let mut changes = Changes {
        all: true,
        ..Changes::default()
    };
    loop {
        let wrote = stopping.run_until_cancelled(flush(&app, &changes)).await;
        match wrote {
            None => break,
            Some(Ok(())) => changes = Changes::default(),
            Some(Err(error)) => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "other control planes can't be told which hosts are here; trying again"
                );
                changes.all = true;
                if stopping.run_until_cancelled(sleep(RETRY)).await.is_none() {
                    break;
                }
                continue;
            }
        }
        if stopping
            .run_until_cancelled(gather(&mut events, &mut changes))
            .await
            .is_none()
        {
            break;
        }
    }
    if let Err(error) = forget(&app).await {
        warn!(
            error = &error as &dyn std::error::Error,
            "can't say that no host is here any more"
        );
    }
}

async fn gather(events: &mut Receiver<LinkEvent>, changes: &mut Changes) {
    changes.note(events.recv().await);
    let end = Instant::now() + GATHER;
    while changes.hosts.len() < PAGE {
        match timeout_at(end, events.recv()).await {
            Ok(event) => changes.note(event),
            Err(_) => return,
        }
    }
}

async fn flush(app: &App, changes: &Changes) -> Result<(), DbError> {
    if changes.all {
        return flush_all(app).await;
    }
    let (mut fresh, mut gone) = (Vec::new(), Vec::new());
    for host in &changes.hosts {
        match app.links.here_of(*host) {
            Some(here) if here.is_told => {}
            Some(here) => fresh.push(here),
            None => gone.push(*host),
        }
    }
    put(app, &fresh, &gone).await
}

/// Writes sessions that have just begun, deletes those that ended, and says so. One that had to wait, and whose host has begun
/// another one elsewhere meanwhile, is not written: it is told all the same, and ends when that one is read.
async fn put(app: &App, fresh: &[Here], gone: &[HostId]) -> Result<(), DbError> {
    if fresh.is_empty() && gone.is_empty() {
        return Ok(());
    }
    let Tx::Postgres(mut tx) = app.db.begin().await? else {
        return Ok(());
    };
    for page in fresh.chunks(PAGE) {
        session::upsert(&mut tx, &rows(app, page), Over::Older).await?;
    }
    if !gone.is_empty() {
        session::delete(&mut tx, app.peers.id(), gone).await?;
    }
    let hosts = fresh.iter().map(|here| here.host).chain(gone.iter().copied());
    let said: Vec<_> = message::pages(hosts)
        .filter_map(|hosts| Message::Sessions(hosts).sealed(app.peers.id()).ok())
        .collect();
    bus::say_in(&mut tx, &said).await?;
    tx.commit().await.map_err(DbError::from)?;
    for here in fresh {
        app.links.told(here.host, here.presence.session);
    }
    Ok(())
}

/// Everything that is here, after something was missed. The others see it with their next look at all rows.
async fn flush_all(app: &App) -> Result<(), DbError> {
    let (told, fresh): (Vec<_>, Vec<_>) = app.links.here().into_iter().partition(|here| here.is_told);
    put(app, &fresh, &[]).await?;
    let Tx::Postgres(mut tx) = app.db.begin().await? else {
        return Ok(());
    };
    for page in told.chunks(PAGE) {
        session::upsert(&mut tx, &rows(app, page), Over::Own).await?;
    }
    let hosts: Vec<_> = told.iter().chain(&fresh).map(|here| here.host).collect();
    session::delete_all_but(&mut tx, app.peers.id(), &hosts).await?;
    Ok(tx.commit().await?)
}

async fn forget(app: &App) -> Result<(), DbError> {
    let Tx::Postgres(mut tx) = app.db.begin().await? else {
        return Ok(());
    };
    session::delete_all_but(&mut tx, app.peers.id(), &[]).await?;
    Ok(tx.commit().await?)
}

fn rows(app: &App, sessions: &[Here]) -> Vec<SessionRow> {
    sessions.iter().map(|here| row(app, here)).collect()
}

fn row(app: &App, here: &Here) -> SessionRow {
    let keys: Vec<_> = here.signing_keys.iter().map(hex::encode).collect();
    SessionRow {
        host_id: here.host,
        org_id: here.org,
        plane_id: app.peers.id(),
        session_id: here.presence.session,
        address: here.presence.address.to_string(),
        version: i64::from(here.version),
        signing_keys: keys.join(","),
        connected_at: here.presence.connected_at,
        last_report_at: here.presence.last_report_at,
        began: Some(here.began),
    }
}

/// What the table says of when hosts here reported last and which keys they believe.
#[derive(Debug, Default)]
pub(super) struct Written(HashMap<HostId, (SessionId, UnixMs, String)>);

/// Writes of the hosts here what changed since the last time.
pub(super) async fn refresh(app: &App, written: &mut Written) -> Result<(), DbError> {
    let rows = rows(app, &app.links.here());
    // Nobody reads when hosts reported last where there is no other control plane.
    let is_read = app.peers.planes().any_alive(Instant::now());
    let state = |row: &SessionRow| {
        let reported = if is_read { row.last_report_at } else { UnixMs(0) };
        (row.session_id, reported, row.signing_keys.clone())
    };
    let changed: Vec<_> = rows
        .iter()
        .filter(|row| written.0.get(&row.host_id) != Some(&state(row)))
        .cloned()
        .collect();
    for page in changed.chunks(PAGE) {
        let Tx::Postgres(mut tx) = app.db.begin().await? else {
            return Ok(());
        };
        // Not over others' rows: who has taken one over has the host. A row that somebody deleted is there again.
        session::upsert(&mut tx, page, Over::Own).await?;
        tx.commit().await?;
        // A session that ended meanwhile may have had its row deleted before this wrote it again.
        let hosts = page.iter().map(|row| row.host_id);
        let gone: Vec<_> = hosts.filter(|host| !app.links.is_here(*host)).collect();
        put(app, &[], &gone).await?;
    }
    written.0 = rows.iter().map(|row| (row.host_id, state(row))).collect();
    Ok(())
}

/// Reads which hosts are elsewhere.
pub(super) async fn read_all(app: &App, pool: &PgPool) -> Result<(), DbError> {
    let read_at = Instant::now();
    let rows = session::elsewhere(pool, app.peers.id()).await?;
    let now = app.clock.now();
    let mut elsewhere = HashMap::with_capacity(rows.len());
    for row in rows.into_iter().filter(|row| is_alive(app, row)) {
        give_way(app, &row, read_at).await;
        if let Some(known) = known(&row, now) {
            elsewhere.insert(row.host_id, known);
        }
    }
    app.links.set_elsewhere(elsewhere);
    Ok(())
}

/// Reads where these hosts are.
pub(super) async fn read(app: &App, pool: &PgPool, hosts: &[HostId]) -> Result<(), DbError> {
    let read_at = Instant::now();
    let rows = session::of_hosts(pool, hosts).await?;
    let is_new = |row: &SessionRow| row.plane_id != app.peers.id() && !app.peers.planes().knows(row.plane_id);
    if rows.iter().any(is_new) {
        planes::read(app, pool).await?;
    }
    let now = app.clock.now();
    let mut found = HashMap::new();
    for row in rows
        .into_iter()
        .filter(|row| row.plane_id != app.peers.id() && is_alive(app, row))
    {
        give_way(app, &row, read_at).await;
        if let Some(known) = known(&row, now) {
            found.insert(row.host_id, known);
        }
    }
    app.links
        .put_elsewhere(hosts.iter().map(|host| (*host, found.remove(host))));
    Ok(())
}

/// Deletes what was left behind.
pub(super) async fn tidy(app: &App, pool: &PgPool) -> Result<(), DbError> {
    session::delete_orphans(pool, app.clock.now().plus_ms(-ORPHANED_MS)).await
}

fn is_alive(app: &App, row: &SessionRow) -> bool {
    app.peers.planes().is_alive(row.plane_id, Instant::now())
}

/// A session here whose row another control plane has taken over is the older one: it ends.
async fn give_way(app: &App, row: &SessionRow, read_at: Instant) {
    let Some(older) = app.links.give_way(row.host_id, row.connected_at, read_at) else {
        return;
    };
    warn!(
        host.id = %row.host_id, session.id = %row.session_id,
        plane.name = app.peers.name_of(row.plane_id).unwrap_or_default(),
        "a newer session of the host at another control plane takes over"
    );
    if let Ok(newer) = row.address.parse::<SocketAddr>() {
        fleet::note_takeover(app, row.org_id, row.host_id, older, newer).await;
    }
}

/// A row as the link keeps it; nothing if it can't be read.
fn known(row: &SessionRow, now: UnixMs) -> Option<Elsewhere> {
    let keys = row.signing_keys.split(',').filter(|key| !key.is_empty());
    let keys = keys.map(|key| {
        let mut id = KeyId::default();
        hex::decode_to_slice(key, &mut id).ok()?;
        Some(id)
    });
    Some(Elsewhere {
        plane: row.plane_id,
        presence: Presence {
            session: row.session_id,
            address: row.address.parse().ok()?,
            connected_at: row.connected_at,
            // As fresh as it may be by now, that a host is not silent because its news takes a detour.
            last_report_at: row
                .last_report_at
                .plus_ms(READ_LATE_MS)
                .min(now.max(row.last_report_at)),
        },
        reported_at: row.last_report_at,
        version: u16::try_from(row.version).ok()?,
        signing_keys: keys.collect::<Option<_>>()?,
    })
}
