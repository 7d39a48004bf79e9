//! The one source of time and of ids. A [`Clock`] is passed to whoever needs one; nothing else asks the system.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use uuid::{Builder, Uuid};

use crate::{UnixMs, random_array};

/// Tells the time and makes ids. Cheap to clone; clones share a manual clock's hands.
#[derive(Clone)]
pub struct Clock(Kind);

#[derive(Clone)]
enum Kind {
    System,
    Fast {
        began: Instant,
        epoch_ms: i64,
        factor: u32,
    },
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The system's clock.
    pub const fn system() -> Self {
        Self(Kind::System)
    }

    /// A clock that starts at `start`, in the past, and runs `factor` times as fast as real time until it has caught
    /// up; from then on it is the system's: a day in minutes, for demos, and never a time that has not come.
    pub fn fast(start: UnixMs, factor: u32) -> Self {
        Self(Kind::Fast {
            began: Instant::now(),
            epoch_ms: start.0,
            factor: factor.max(1),
        })
    }

    /// A clock that only moves when it is told to, for tests.
    pub fn manual(start: UnixMs) -> Self {
        Self(Kind::Manual(Arc::new(AtomicI64::new(start.0))))
    }

    /// Wall-clock time.
    pub fn now(&self) -> UnixMs {
        UnixMs(match &self.0 {
            Kind::System => system_ms(),
            Kind::Fast {
                began,
                epoch_ms,
                factor,
            } => fast_ms(*began, *epoch_ms, *factor).min(system_ms()),
            Kind::Manual(ms) => ms.load(Ordering::SeqCst),
        })
    }

    /// How long to really sleep so that `span` passes on this clock. A manual clock's spans pass at once.
    pub fn real_duration(&self, span: Duration) -> Duration {
        match &self.0 {
            Kind::Fast {
                began,
                epoch_ms,
                factor,
            } if fast_ms(*began, *epoch_ms, *factor) < system_ms() => span / *factor,
            Kind::System | Kind::Fast { .. } => span,
            Kind::Manual(_) => Duration::ZERO,
        }
    }

    /// Moves a manual clock; on any other it does nothing.
    pub fn advance(&self, ms: i64) {
        if let Kind::Manual(now) = &self.0 {
            now.fetch_add(ms, Ordering::SeqCst);
        }
    }

    /// A new id of any kind: a UUIDv7 with this clock's time.
    pub fn new_id<T: From<Uuid>>(&self) -> T {
        let ms = u64::try_from(self.now().0).unwrap_or(0);
        T::from(Builder::from_unix_timestamp_millis(ms, &random_array()).into_uuid())
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Kind::System => "Clock(system)",
            Kind::Fast { .. } => "Clock(fast)",
            Kind::Manual(_) => "Clock(manual)",
        })
    }
}

fn fast_ms(began: Instant, epoch_ms: i64, factor: u32) -> i64 {
    let elapsed = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
    epoch_ms.saturating_add(elapsed.saturating_mul(i64::from(factor)))
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn system_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HostId;

    #[test]
    fn ids_carry_the_clock_s_time_and_sort_by_it() {
        let clock = Clock::manual(UnixMs(1_000));
        let first: HostId = clock.new_id();
        clock.advance(1);
        let second: HostId = clock.new_id();
        assert!(first < second);
        assert_eq!(first.as_uuid().get_version_num(), 7);
    }

    #[test]
    fn a_fast_clock_hurries_through_the_past_and_stops_hurrying_when_it_is_now() {
        let system = Clock::system();
        let behind = Clock::fast(system.now().plus_ms(-UnixMs::DAY), 60);
        assert!(behind.now() < system.now());
        assert_eq!(
            behind.real_duration(Duration::from_mins(1)),
            Duration::from_secs(1)
        );
        let ahead = Clock::fast(system.now().plus_ms(UnixMs::DAY), 60);
        assert!(ahead.now() <= system.now());
        assert_eq!(
            ahead.real_duration(Duration::from_mins(1)),
            Duration::from_mins(1)
        );
    }

    #[test]
    fn clones_of_a_manual_clock_share_its_hands() {
        let clock = Clock::manual(UnixMs(0));
        clock.clone().advance(7);
        assert_eq!(clock.now(), UnixMs(7));
    }
}
