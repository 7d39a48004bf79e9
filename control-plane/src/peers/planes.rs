//! Who else serves.

use std::{collections::HashMap, time::Duration};

use muster_base::UnixMs;
use sqlx::PgPool;
use tokio::time::Instant;
use tracing::{info, warn};
use uuid::Uuid;

use super::{
    EVERY,
    store::plane::{self, PlaneRow, Sign},
};
use crate::{app::App, config::as_seen_from_outside, db::DbError, keys};

/// Without a sign of life for so long a control plane was killed.
const GONE_AFTER: Duration = Duration::from_secs(10);
/// One that is met with a sign of life so old (clocks may differ) was killed before.
const LONG_GONE_MS: i64 = 2 * UnixMs::MINUTE;

/// The others, as they were seen last.
#[derive(Debug, Default)]
pub(super) struct Planes {
    seen: HashMap<Uuid, Other>,
    looked: Option<Instant>,
}

#[derive(Debug)]
struct Other {
    name: String,
    seen_at: UnixMs,
    /// When its sign of life last changed, by our clock; none if it was long gone when it was met.
    lives: Option<Instant>,
    /// Whether it lived at the last look.
    was_alive: bool,
    address: Option<String>,
}

/// What a look found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    pub(super) came: Vec<String>,
    pub(super) went: Vec<String>,
}

impl Planes {
    /// Takes in what the table says.
    pub(super) fn observe(&mut self, rows: Vec<PlaneRow>, now: Instant, wall: UnixMs) -> News {
        let mut news = News::default();
        // Whoever did not look for a while can't blame others for having been silent.
        let blind = self
            .looked
            .is_none_or(|looked| now.duration_since(looked) > 2 * EVERY);
        let mut before = std::mem::take(&mut self.seen);
        for row in rows {
            let known = before.remove(&row.id);
            let was_alive = known.as_ref().is_some_and(|seen| seen.was_alive);
            let lives = match &known {
                None if wall.ms_since(row.seen_at) > LONG_GONE_MS => None,
                None => Some(now),
                Some(seen) if seen.seen_at != row.seen_at => Some(now),
                Some(seen) if blind => seen.lives.map(|_| now),
                Some(seen) => seen.lives,
            };
            let mut seen = Other {
                name: row.name,
                seen_at: row.seen_at,
                lives,
                was_alive: false,
                address: row.peer_address,
            };
            seen.was_alive = seen.is_alive(now);
            match (was_alive, seen.was_alive) {
                (false, true) => news.came.push(seen.name.clone()),
                (true, false) => news.went.push(seen.name.clone()),
                (true, true) | (false, false) => {}
            }
            self.seen.insert(row.id, seen);
        }
        // Whose row is gone said goodbye.
        let left = before.into_values().filter(|seen| seen.was_alive);
        news.went.extend(left.map(|seen| seen.name));
        self.looked = Some(now);
        news
    }

    /// Those that serve.
    pub(super) fn is_alive(&self, plane: Uuid, now: Instant) -> bool {
        self.seen.get(&plane).is_some_and(|seen| seen.is_alive(now))
    }

    pub(super) fn knows(&self, plane: Uuid) -> bool {
        self.seen.contains_key(&plane)
    }

    pub(super) fn any_alive(&self, now: Instant) -> bool {
        self.seen.values().any(|seen| seen.is_alive(now))
    }

    /// Those that serve and have an open door.
    pub(super) fn open(&self, now: Instant) -> Vec<Uuid> {
        let open = self
            .seen
            .iter()
            .filter(|(_, seen)| seen.is_alive(now) && seen.address.is_some());
        open.map(|(plane, _)| *plane).collect()
    }

    pub(super) fn address_of(&self, plane: Uuid, now: Instant) -> Option<String> {
        let seen = self.seen.get(&plane).filter(|seen| seen.is_alive(now))?;
        seen.address.clone()
    }

    pub(super) fn name_of(&self, plane: Uuid) -> Option<String> {
        self.seen.get(&plane).map(|seen| seen.name.clone())
    }
}

impl Other {
    fn is_alive(&self, now: Instant) -> bool {
        self.lives
            .is_some_and(|lives| now.duration_since(lives) < GONE_AFTER)
    }
}

/// A sign of life, and a look for the others'.
pub(super) async fn look(app: &App, pool: &PgPool) -> Result<(), DbError> {
    let local = app.links.local_address();
    let configured = app.config.link.peer_address.clone();
    let peer_address = local.map(|local| configured.unwrap_or_else(|| as_seen_from_outside(local)));
    let sign = Sign {
        id: app.peers.id(),
        name: &keys::own_name(),
        now: app.clock.now(),
        master_keys: &app.keys.ring().ids(),
        peer_address: peer_address.as_deref(),
    };
    plane::beat(pool, &sign).await?;
    read(app, pool).await
}

/// Looks for the others.
pub(super) async fn read(app: &App, pool: &PgPool) -> Result<(), DbError> {
    let rows = plane::others(pool, app.peers.id()).await?;
    let news = app.peers.planes().observe(rows, Instant::now(), app.clock.now());
    for name in news.came {
        info!(plane.name = name, "another control plane serves this database");
    }
    for name in news.went {
        warn!(
            plane.name = name,
            "another control plane serves no more: its hosts are offline unless they are back elsewhere"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: UnixMs = UnixMs(1_780_000_000_000);

    fn row(id: u128, seen_at: UnixMs) -> PlaneRow {
        PlaneRow {
            id: Uuid::from_u128(id),
            name: format!("plane-{id}"),
            seen_at,
            peer_address: Some("192.0.2.1:8441".to_owned()),
        }
    }

    #[test]
    fn one_that_is_silent_is_gone_after_ten_seconds_whatever_its_clock_says() {
        let (mut planes, start, id) = (Planes::default(), Instant::now(), Uuid::from_u128(1));
        // Its clock is a minute behind.
        let its = WALL.plus_ms(-UnixMs::MINUTE);
        let after = |s| start + Duration::from_secs(s);
        assert_eq!(planes.observe(vec![row(1, its)], start, WALL).came, ["plane-1"]);
        for s in [3, 6, 9] {
            assert_eq!(planes.observe(vec![row(1, its)], after(s), WALL), News::default());
            assert!(planes.is_alive(id, after(s)));
        }
        assert!(!planes.is_alive(id, after(10)), "also between two looks");
        assert_eq!(planes.address_of(id, after(10)), None);
        let gone = planes.observe(vec![row(1, its)], after(12), WALL);
        assert_eq!(gone.went, ["plane-1"]);
        let back = planes.observe(vec![row(1, its.plus_ms(1))], after(15), WALL);
        assert_eq!(back.came, ["plane-1"]);
        assert_eq!(planes.observe(Vec::new(), after(18), WALL).went, ["plane-1"]);
        assert!(!planes.any_alive(after(18)));
    }

    #[test]
    fn who_could_not_look_blames_nobody_and_old_rows_are_of_the_dead() {
        let (mut planes, start) = (Planes::default(), Instant::now());
        let old = WALL.plus_ms(-UnixMs::HOUR);
        planes.observe(vec![row(1, WALL), row(2, old)], start, WALL);
        assert!(planes.is_alive(Uuid::from_u128(1), start));
        assert!(!planes.is_alive(Uuid::from_u128(2), start));
        // The database was away for a minute: nobody could say anything.
        let later = start + Duration::from_mins(1);
        let rows = vec![row(1, WALL), row(2, old)];
        planes.observe(rows, later, WALL.plus_ms(UnixMs::MINUTE));
        assert!(planes.is_alive(Uuid::from_u128(1), later));
        assert!(!planes.is_alive(Uuid::from_u128(2), later));
    }
}
