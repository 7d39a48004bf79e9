//! How often a container was restarted lately, from a count that the engine keeps.
//!
//! Kept in memory only. After a start of ours nothing is known of the time before: fewer restarts than a rule waits for say
//! nothing until its time has passed, and as many say it at once.

use std::collections::VecDeque;

use muster_base::UnixMs;

use super::limits;

/// Restarts of one container in the last day.
#[derive(Debug, Clone, Default)]
pub(super) struct Restarts {
    /// When, and how many more there were then.
    steps: VecDeque<(UnixMs, i64)>,
    /// First and newest reading: when, and the newest count.
    since: Option<UnixMs>,
    newest: Option<(UnixMs, i64)>,
}

/// Restarts in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lately {
    pub(super) times: i64,
    /// Whether all of the time was seen.
    pub(super) is_whole: bool,
}

impl Restarts {
    /// Takes a reading in. A count that got less is a new container's.
    pub(super) fn add(&mut self, at: UnixMs, count: i64) {
        let more = match self.newest {
            Some((newest, _)) if newest >= at => return,
            Some((_, before)) if count >= before => count - before,
            Some(_) => count,
            None => 0,
        };
        self.since.get_or_insert(at);
        self.newest = Some((at, count));
        if more > 0 {
            self.steps.push_back((at, more));
        }
        let day = at.plus_ms(-limits::MOST_MINUTES * UnixMs::MINUTE);
        let most = usize::try_from(limits::MOST_RESTARTS).unwrap_or(usize::MAX);
        while self.steps.front().is_some_and(|(at, _)| *at < day) || self.steps.len() > most {
            self.steps.pop_front();
        }
    }

    /// Those of the last so many milliseconds.
    pub(super) fn within(&self, ms: i64) -> Lately {
        let Some((now, _)) = self.newest else {
            return Lately {
                times: 0,
                is_whole: false,
            };
        };
        let from = now.plus_ms(-ms);
        let late = self.steps.iter().filter(|(at, _)| *at > from);
        Lately {
            times: late.map(|(_, more)| more).sum(),
            is_whole: self.since.is_some_and(|since| since <= from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(n: i64) -> UnixMs {
        UnixMs(n * UnixMs::MINUTE)
    }

    #[test]
    fn restarts_are_counted_over_a_time() {
        let mut restarts = Restarts::default();
        let lately = |restarts: &Restarts| restarts.within(10 * UnixMs::MINUTE);
        assert!(!lately(&restarts).is_whole);
        restarts.add(minute(0), 7);
        assert_eq!(lately(&restarts).times, 0, "what was before is not known");
        for n in 1..=4 {
            restarts.add(minute(n), 7 + n);
        }
        let seen = lately(&restarts);
        assert_eq!((seen.times, seen.is_whole), (4, false));
        restarts.add(minute(12), 11);
        let seen = lately(&restarts);
        assert_eq!((seen.times, seen.is_whole), (2, true));
        // A new container of that name begins again.
        restarts.add(minute(13), 1);
        assert_eq!(lately(&restarts).times, 2);
        restarts.add(minute(12), 99);
        assert_eq!(lately(&restarts).times, 2, "an older reading changes nothing");
    }

    #[test]
    fn only_so_much_is_remembered() {
        let mut restarts = Restarts::default();
        for n in 0..1_000 {
            restarts.add(UnixMs(n * 1_000), n);
        }
        assert_eq!(restarts.steps.len(), 100);
        restarts.add(minute(3_000), 1_000);
        assert_eq!(restarts.within(UnixMs::DAY).times, 1);
    }
}
