//! One look at one org: what is seen of everything that its rules watch. No clock, no database: one walk over each host's
//! newest sample, whatever the number of rules.

use std::collections::{HashMap, HashSet};

use muster_base::{HostId, UnixMs};
use muster_metrics::{Sample, Series, Subject};

use super::{
    alert::Key,
    book::{Look, OrgBook, WatchedHost},
    restarts::Restarts,
    selector,
    state::{Reason, Seen},
    trend::Trend,
};
use crate::telemetry::{self, Reading};

/// What is remembered of readings, for rules that look at more than the newest.
#[derive(Debug, Default)]
pub(super) struct Trends {
    /// Free space of file systems over the last hours.
    disks: HashMap<(HostId, Box<str>), Trend>,
    /// Restarts of containers in the last day.
    restarts: HashMap<(HostId, Box<str>), Restarts>,
}

impl Trends {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Forgets all hosts but these.
    pub(super) fn retain_hosts(&mut self, is_there: impl Fn(&HostId) -> bool) {
        self.disks.retain(|(host, _), _| is_there(host));
        self.restarts.retain(|(host, _), _| is_there(host));
    }
}

/// What is known of the moment.
pub(super) struct Moment<'a> {
    pub(super) now: UnixMs,
    /// Since when hosts could connect to this process.
    pub(super) started: UnixMs,
    /// After so long without a word a host is silent.
    pub(super) silence_ms: i64,
    /// When a host that is connected last reported.
    pub(super) connected: &'a dyn Fn(HostId) -> Option<UnixMs>,
    /// The newest samples.
    pub(super) readings: &'a HashMap<HostId, Reading>,
}

/// Hosts have so long to come back after a start.
pub(super) const GRACE_MS: i64 = 90 * UnixMs::SECOND;

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// With values. Of what is all right only that of which there is an open alert.
    pub(super) seen: HashMap<Key, (Seen, Option<f64>)>,
    /// Hosts that are down, of which a rule says so.
    pub(super) down: HashSet<HostId>,
}

/// Whether a host is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum There {
    Yes,
    No { for_ms: i64 },
    Unknown,
}

/// Looks.
pub(super) fn look(book: &OrgBook, trends: &mut Trends, moment: &Moment<'_>) -> Looked {
    let mut looked = Looked::default();
    for host in book.hosts.values().filter(|host| host.is_selected_by_any()) {
        look_for(book, host, moment, &mut looked);
        if let Some(sample) = fresh(moment, host.place.id) {
            walk(book, host, sample, trends, &mut looked);
        }
    }
    for key in book.open.keys() {
        if !looked.seen.contains_key(key) {
            looked.seen.insert(key.clone(), (unseen(book, key, moment), None));
        }
    }
    looked
}

impl Moment<'_> {
    fn in_grace(&self) -> bool {
        self.now.ms_since(self.started) < GRACE_MS
    }

    fn there(&self, host: &WatchedHost) -> There {
        let connected = (self.connected)(host.place.id);
        let reading = self.readings.get(&host.place.id).map(|reading| reading.heard);
        let Some(heard) = [connected, reading, host.place.last_seen_at]
            .into_iter()
            .flatten()
            .max()
        else {
            return There::Unknown;
        };
        let for_ms = self.now.ms_since(heard);
        if connected.is_some() || for_ms <= self.silence_ms {
            There::Yes
        } else if self.in_grace() {
            There::Unknown
        } else {
            There::No { for_ms }
        }
    }
}

/// The newest sample, if the host still sends.
fn fresh<'a>(moment: &Moment<'a>, host: HostId) -> Option<&'a Sample> {
    let reading = moment.readings.get(&host)?;
    (moment.now.ms_since(reading.heard) <= moment.silence_ms).then_some(&*reading.sample)
}

fn look_for(book: &OrgBook, host: &WatchedHost, moment: &Moment<'_>, looked: &mut Looked) {
    let watching = book.watches.iter().enumerate();
    for (_, watch) in watching.filter(|(number, _)| host.is_selected_by(*number)) {
        let certificate = match watch.look {
            Look::HostDown => None,
            Look::Certificate(hours) => Some(hours),
            Look::Threshold(..) | Look::DiskFull(_) | Look::Restarts(..) => continue,
        };
        let key = Key {
            rule: watch.rule.id,
            host: host.place.id,
            container: String::new(),
            series: String::new(),
        };
        if let Some(hours) = certificate {
            let left = host.place.certificate_expires_at.ms_since(moment.now) as f64 / UnixMs::HOUR as f64;
            let seen = if left <= hours { Seen::Wrong } else { Seen::Right };
            if seen == Seen::Wrong || book.open.contains_key(&key) {
                looked.seen.insert(key, (seen, Some(left.max(0.0))));
            }
            continue;
        }
        let seen = match moment.there(host) {
            There::Yes if !book.open.contains_key(&key) => continue,
            There::Yes => (Seen::Right, Some(0.0)),
            There::Unknown => (Seen::Unknown, None),
            There::No { for_ms } => {
                looked.down.insert(host.place.id);
                (Seen::Wrong, Some((for_ms / UnixMs::SECOND) as f64))
            }
        };
        looked.seen.insert(key, seen);
    }
}

fn walk(book: &OrgBook, host: &WatchedHost, sample: &Sample, trends: &mut Trends, looked: &mut Looked) {
    for (subject, series, stored) in sample.iter() {
        let Some(watching) = book.by_kind.get(usize::from(series.kind().code())) else {
            continue;
        };
        for number in watching
            .iter()
            .copied()
            .filter(|number| host.is_selected_by(*number))
        {
            let watch = &book.watches[number];
            let value = telemetry::shown(series, stored);
            let (seen, value) = match &watch.look {
                Look::Threshold(wanted, comparison, threshold) => {
                    if !wanted.selects(series) || !selects(&watch.rule.rule.containers, subject) {
                        continue;
                    }
                    let wrong = comparison.holds(value, *threshold);
                    (if wrong { Seen::Wrong } else { Seen::Right }, Some(value))
                }
                Look::DiskFull(hours) => full(trends, host.place.id, series, (sample.at, value), *hours),
                Look::Restarts(times, within_ms) => {
                    if !selects(&watch.rule.rule.containers, subject) {
                        continue;
                    }
                    restarting(
                        trends,
                        host.place.id,
                        subject,
                        (sample.at, stored),
                        (*times, *within_ms),
                    )
                }
                Look::HostDown | Look::Certificate(_) => continue,
            };
            let key = Key {
                rule: watch.rule.id,
                host: host.place.id,
                container: subject.name().to_owned(),
                series: series.to_string(),
            };
            if seen == Seen::Wrong || book.open.contains_key(&key) {
                looked.seen.insert(key, (seen, value));
            }
        }
    }
}

fn selects(containers: &[String], subject: &Subject) -> bool {
    match subject {
        Subject::Host => true,
        Subject::Container(name) => selector::names(containers, name),
    }
}

fn full(
    trends: &mut Trends,
    host: HostId,
    series: &Series,
    (at, free): (UnixMs, f64),
    hours: f64,
) -> (Seen, Option<f64>) {
    let trend = trends.disks.entry((host, series.instance().into())).or_default();
    trend.add(at, free);
    match trend.hours_left() {
        None => (Seen::Unknown, None),
        Some(left) if left <= hours => (Seen::Wrong, Some(left)),
        Some(left) => (Seen::Right, Some(left).filter(|left| left.is_finite())),
    }
}

fn restarting(
    trends: &mut Trends,
    host: HostId,
    subject: &Subject,
    (at, count): (UnixMs, i64),
    (times, within_ms): (i64, i64),
) -> (Seen, Option<f64>) {
    let restarts = trends.restarts.entry((host, subject.name().into())).or_default();
    restarts.add(at, count);
    let seen = restarts.within(within_ms);
    let value = Some(seen.times as f64);
    if seen.times >= times {
        (Seen::Wrong, value)
    } else if seen.is_whole {
        (Seen::Right, value)
    } else {
        (Seen::Unknown, value)
    }
}

/// What to think of an open alert of which nothing was seen.
fn unseen(book: &OrgBook, key: &Key, moment: &Moment<'_>) -> Seen {
    let Some((number, watch)) = book.watch(key.rule) else {
        return Seen::Off(Reason::RuleChanged);
    };
    let Some(host) = book.hosts.get(&key.host) else {
        return Seen::Off(Reason::Gone);
    };
    if !host.is_selected_by(number)
        || !selector::names(&watch.rule.rule.containers, &key.container) && !key.container.is_empty()
    {
        return Seen::Off(Reason::Unselected);
    }
    if fresh(moment, key.host).is_some() {
        Seen::Absent
    } else if moment.in_grace() {
        Seen::Unknown
    } else {
        Seen::Silent
    }
}
