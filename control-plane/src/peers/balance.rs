//! Spreads agents over the control planes again. An agent stays where it is for as long as it can: when a control plane was
//! away, all of its agents are at the others, and would be for ever.
//!
//! Whoever has clearly more than its share, look after look, sends some of its agents away: a few at a time, those alone that
//! nothing is asked of (no order, no live view, no file), with the goodbye that every agent knows. An agent tries the address that it
//! lost last, and so goes to another one, some tenths of a second later.
//!
//! # Fails how
//! An agent may know no other address, or a balancer in between sends it back: it comes again, and is not asked for a day. When
//! most of those that were asked came back, nobody is asked for an hour. Control planes that count differently for a moment
//! move some agents too many at most: only who has more than its share acts, and stops before it has less.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use muster_base::HostId;
use tokio::time::Instant;
use tracing::info;

use crate::app::App;

/// So many looks in a row it must be too many: one that has just come back may be away again in a moment.
pub(super) const LOOKS: u32 = 5;
/// So many more than its share are no matter.
const SLACK: usize = 2;
/// Likewise, of its share: one in ten.
const SLACK_SHARE: usize = 10;
/// What is too many is sent away over so many looks, ...
const SPREAD: usize = 20;
/// ... and no more than this at one look.
const MOST: usize = 50;
/// An agent is asked once in this time.
const ASK_AGAIN: Duration = Duration::from_hours(24);
/// When it is known where an agent went that was asked.
const ARRIVED: Duration = Duration::from_secs(20);
/// So many must have been asked before it is judged whether it is of any use.
const JUDGED: usize = 3;
const PAUSE: Duration = Duration::from_hours(1);

/// What is known of earlier looks.
#[derive(Debug, Default)]
pub(super) struct Balance {
    /// Looks in a row with too many.
    over: u32,
    pub(super) asked: HashMap<HostId, Instant>,
    /// Asked lately, and whether they went is not known yet.
    leaving: Vec<(HostId, Instant)>,
    /// Of those whose way is known since the last pause.
    went: usize,
    came_back: usize,
    paused_until: Option<Instant>,
}

/// How many hosts to send away at one look.
fn surplus(here: usize, elsewhere: &BTreeMap<uuid::Uuid, usize>) -> usize {
    if elsewhere.is_empty() {
        return 0;
    }
    let all = here + elsewhere.values().sum::<usize>();
    let share = all.div_ceil(elsewhere.len() + 1);
    let excess = here.saturating_sub(share);
    if excess > SLACK.max(share / SLACK_SHARE) {
        excess.div_ceil(SPREAD).min(MOST)
    } else {
        0
    }
}

impl Balance {
    /// Sends some away, if there are too many here.
    pub(super) fn look(&mut self, app: &App, now: Instant) {
        self.judge(app, now);
        let counts = app.links.counts_elsewhere();
        let open = app.peers.planes().open(Instant::now()).into_iter();
        let elsewhere = open
            .map(|plane| (plane, counts.get(&plane).copied().unwrap_or(0)))
            .collect();
        let most = surplus(app.links.online_count(), &elsewhere);
        self.over = if most > 0 { self.over.saturating_add(1) } else { 0 };
        if self.over < LOOKS || self.paused_until.is_some_and(|until| now < until) {
            return;
        }
        self.asked.retain(|_, at| now.duration_since(*at) < ASK_AGAIN);
        let idle = app.links.idle().into_iter();
        let some: Vec<_> = idle
            .filter(|host| !self.asked.contains_key(host))
            .take(most)
            .collect();
        let sent: Vec<_> = some
            .into_iter()
            .filter(|host| app.links.send_elsewhere(*host))
            .collect();
        if !sent.is_empty() {
            info!(
                hosts = sent.len(),
                "agents are sent to control planes that have fewer"
            );
        }
        for host in sent {
            self.asked.insert(host, now);
            self.leaving.push((host, now));
        }
    }

    /// Whether those that were asked went.
    fn judge(&mut self, app: &App, now: Instant) {
        let (known, leaving) = std::mem::take(&mut self.leaving)
            .into_iter()
            .partition::<Vec<_>, _>(|(_, at)| now.duration_since(*at) >= ARRIVED);
        self.leaving = leaving;
        for (host, _) in known {
            if app.links.is_here(host) {
                self.came_back += 1;
            } else {
                self.went += 1;
            }
        }
        if self.came_back + self.went < JUDGED {
            return;
        }
        if self.came_back > self.went {
            info!("agents that were sent to other control planes came back: they are left alone for an hour");
            self.paused_until = Some(now + PAUSE);
        }
        (self.went, self.came_back) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_clearly_more_than_its_share_sends_a_few_away() {
        let others = |counts: &[usize]| {
            let counts = counts.iter().zip(0_u128..);
            counts
                .map(|(count, id)| (uuid::Uuid::from_u128(id), *count))
                .collect()
        };
        for (here, elsewhere, expected) in [
            (5_000, &[][..], 0),
            (0, &[0], 0),
            (3, &[0], 0),
            (6, &[0], 1),
            (5, &[1], 0),
            (50, &[0], 2),
            (10_000, &[0], 50),
            (5_500, &[4_500], 0),
            (5_501, &[4_499], 26),
            (4_500, &[5_500], 0),
            (5_000, &[5_000, 0], 50),
        ] {
            assert_eq!(
                surplus(here, &others(elsewhere)),
                expected,
                "{here} {elsewhere:?}"
            );
        }
    }

    #[test]
    fn whoever_sends_ends_before_it_has_less_than_the_others() {
        let (mut here, mut there, mut looks) = (10_000_usize, 0_usize, 0);
        loop {
            let moved = surplus(here, &BTreeMap::from([(uuid::Uuid::nil(), there)]));
            if moved == 0 {
                break;
            }
            (here, there, looks) = (here - moved, there + moved, looks + 1);
        }
        assert!((5_000..=5_500).contains(&here), "{here}");
        assert!(looks < 150, "{looks} looks of three seconds");
    }
}
