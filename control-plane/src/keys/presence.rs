//! A serving control plane's part: it reads the keys again when they change, tells which it has, and seals anew.

use std::{os::unix::fs::MetadataExt, time::Duration};

use muster_base::UnixMs;
use serde::Serialize;
use tokio::time::sleep;
use tracing::{error, info, warn};
use uuid::Uuid;

use super::{Source, rewrap, store};
use crate::{
    app::App,
    db::{Db, DbError},
    in_tx,
};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// So many looks between two signs of life.
const TELL_EVERY: u32 = 5;
/// So many looks between two searches for values of an older key, beside those after a change.
const REWRAP_EVERY: u32 = 60;
/// Who was not seen for so long does not serve any more.
const GONE_MS: i64 = UnixMs::MINUTE;
/// Who was seen since serves, as far as clocks agree.
const SERVES_MS: i64 = 15 * UnixMs::SECOND;

/// A control plane that serves this database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plane {
    /// Of this run of it.
    pub id: Uuid,
    /// `machine/process`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Since when.
    pub started_at: UnixMs,
    /// When it last said so.
    pub seen_at: UnixMs,
    /// Ids of the master keys it has; it seals with the first.
    pub master_keys: Vec<String>,
}

/// Those that serve now.
pub(super) async fn planes(db: &Db, now: UnixMs) -> Result<Vec<Plane>, DbError> {
    store::plane::list(db, now.plus_ms(-GONE_MS)).await
}

/// Watches the keys until the process stops.
pub fn start(app: &App) {
    let app = app.clone();
    app.clone()
        .tasks
        .keep("master key", async move { watch(&app).await });
}

async fn watch(app: &App) {
    let mut plane = Plane {
        id: app.peers.id(),
        name: own_name(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: app.clock.now(),
        seen_at: app.clock.now(),
        master_keys: Vec::new(),
    };
    let stopping = app.tasks.stopping();
    // They may have changed since this process read them at its start: the first look reads them again.
    let mut seen = None;
    let mut looks = 0_u32;
    loop {
        let now = stamp(app.keys.source());
        let changed = now != seen && reload(app);
        seen = now;
        if changed || looks.is_multiple_of(TELL_EVERY) {
            report("tell which keys are here", tell(app, &mut plane).await);
        }
        if changed || looks.is_multiple_of(REWRAP_EVERY) {
            report("seal anew", seal_anew(app).await);
        }
        looks = looks.wrapping_add(1);
        tokio::select! {
            () = sleep(LOOK_EVERY) => {}
            () = stopping.cancelled() => break,
        }
    }
    report("say goodbye", leave(app, &plane).await);
}

fn reload(app: &App) -> bool {
    match app.keys.reload() {
        Ok(true) => {
            info!(keys.current = app.keys.id(), keys.all = ?app.keys.ring().ids(), "the master keys changed");
            true
        }
        Ok(false) => false,
        Err(cause) => {
            error!(
                error = &cause as &dyn std::error::Error,
                "the master keys can't be read again; going on with those that were read"
            );
            false
        }
    }
}

async fn tell(app: &App, plane: &mut Plane) -> Result<(), DbError> {
    plane.seen_at = app.clock.now();
    plane.master_keys = app.keys.ring().ids();
    // A file belongs to one control plane at a time: rows of earlier runs are of those that were killed.
    let gone = match &app.db {
        Db::Sqlite(_) => plane.started_at,
        Db::Postgres(_) => plane.seen_at.plus_ms(-UnixMs::DAY),
    };
    in_tx!(app.db, |tx| {
        store::plane::delete_unseen(tx, gone).await?;
        store::plane::upsert(tx, plane).await?;
    });
    Ok(())
}

async fn leave(app: &App, plane: &Plane) -> Result<(), DbError> {
    in_tx!(app.db, |tx| store::plane::delete(tx, plane.id).await?);
    Ok(())
}

async fn seal_anew(app: &App) -> Result<(), DbError> {
    if app.keys.ring().all().count() < 2 {
        return Ok(());
    }
    let done = rewrap::rewrap(&app.db, &app.keys).await?;
    if done.values > 0 {
        info!(keys.current = app.keys.id(), values = done.values, "sealed anew");
    }
    if done.damaged > 0 {
        error!(values = done.damaged, "values that their own key does not open");
    }
    Ok(())
}

fn report(what: &str, done: Result<(), DbError>) {
    if let Err(cause) = done {
        warn!(error = &cause as &dyn std::error::Error, "can't {what} now");
    }
}

/// Changes when the file is replaced or written to.
fn stamp(source: &Source) -> Option<(u64, i64, i64, u64)> {
    match source {
        Source::File(path) => {
            let about = std::fs::metadata(path).ok()?;
            Some((about.ino(), about.mtime(), about.mtime_nsec(), about.size()))
        }
        Source::Environment | Source::Credential(_) | Source::Memory => None,
    }
}

/// What this process is called: `machine/process`.
pub(crate) fn own_name() -> String {
    format!("{}/{}", machine(), std::process::id())
}

/// Those others that serve this database with master keys that are not known here, and do not know ours: none of them could read
/// what the other seals.
pub async fn strangers(app: &App) -> Result<Vec<Plane>, DbError> {
    let ring = app.keys.ring();
    let (own, current) = (ring.ids(), ring.current.id().to_owned());
    let others = store::plane::list(&app.db, app.clock.now().plus_ms(-SERVES_MS)).await?;
    let is_stranger = |plane: &Plane| {
        let theirs = plane.master_keys.first();
        plane.id != app.peers.id()
            && !plane.master_keys.contains(&current)
            && theirs.is_none_or(|theirs| !own.contains(theirs))
    };
    Ok(others.into_iter().filter(is_stranger).collect())
}

fn machine() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

/// Says what the app's process would have said by now.
#[cfg(test)]
pub(super) async fn tell_for_tests(app: &App) {
    forget_for_tests(app).await;
    let mut plane = Plane {
        id: Uuid::nil(),
        name: "test".to_owned(),
        version: String::new(),
        started_at: app.clock.now(),
        seen_at: app.clock.now(),
        master_keys: Vec::new(),
    };
    tell(app, &mut plane).await.unwrap();
}

/// As if nobody served.
#[cfg(test)]
pub(super) async fn forget_for_tests(app: &App) {
    let forget = async || -> Result<(), DbError> {
        in_tx!(app.db, |tx| store::plane::delete_unseen(
            tx,
            app.clock.now().plus_ms(1)
        )
        .await?);
        Ok(())
    };
    forget().await.unwrap();
}
