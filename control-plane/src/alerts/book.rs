//! Everything that a round needs to know beside the readings: read in four queries, and kept until somebody changes
//! something or half a minute has passed.

use std::{
    collections::{BTreeMap, HashMap},
    str::FromStr as _,
};

use muster_base::{AlertRuleId, HostId, OrgId, UnixMs};
use muster_metrics::{CATALOGUE, Kind, Series};

use super::{
    AlertsError,
    alert::{Key, OpenAlert},
    check::{AlertKind, Check, Comparison},
    rule::AlertRule,
    silence::Silence,
    store,
};
use crate::{
    app::App,
    fleet::{self, HostPlace},
};

/// By org; those without rules and open alerts are not in it.
pub(super) type Book = BTreeMap<OrgId, OrgBook>;

/// What is known of one org.
#[derive(Debug, Default)]
pub(super) struct OrgBook {
    pub(super) watches: Vec<Watch>,
    pub(super) hosts: HashMap<HostId, WatchedHost>,
    pub(super) silences: Vec<Silence>,
    pub(super) open: HashMap<Key, OpenAlert>,
    /// Which watches look at a kind of series, by its number.
    pub(super) by_kind: Vec<Vec<usize>>,
}

/// A rule, ready to be held against readings.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) rule: AlertRule,
    pub(super) look: Look,
}

/// What it looks at.
#[derive(Debug)]
pub(super) enum Look {
    Threshold(Series, Comparison, f64),
    HostDown,
    DiskFull(f64),
    /// So many times within so many milliseconds.
    Restarts(i64, i64),
    /// Within so many hours.
    Certificate(f64),
}

/// A host with the watches that select it.
#[derive(Debug)]
pub(super) struct WatchedHost {
    pub(super) place: HostPlace,
    /// A bit for each watch.
    selected: Vec<u64>,
}

impl WatchedHost {
    pub(super) fn is_selected_by(&self, watch: usize) -> bool {
        self.selected
            .get(watch / 64)
            .is_some_and(|word| word & (1 << (watch % 64)) != 0)
    }

    pub(super) fn is_selected_by_any(&self) -> bool {
        self.selected.iter().any(|word| *word != 0)
    }
}

impl OrgBook {
    pub(super) fn watch(&self, rule: AlertRuleId) -> Option<(usize, &Watch)> {
        let mut all = self.watches.iter().enumerate();
        all.find(|(_, watch)| watch.rule.id == rule)
    }

    /// The silence that matches, if one does now.
    pub(super) fn silence(&self, rule: &AlertRule, host: &HostPlace, now: UnixMs) -> Option<&Silence> {
        self.silences.iter().find(|silence| {
            silence.counts_at(now) && silence.matchers.match_alert(rule.id, rule.rule.severity, host)
        })
    }

    /// Prepares rules and hosts.
    pub(super) fn new(rules: Vec<AlertRule>, places: Vec<HostPlace>) -> Self {
        let watches: Vec<_> = rules.into_iter().filter_map(Watch::new).collect();
        let mut by_kind = vec![Vec::new(); CATALOGUE.len()];
        for (number, watch) in watches.iter().enumerate() {
            let kind = match &watch.look {
                Look::Threshold(series, ..) => series.kind(),
                Look::DiskFull(_) => Kind::DISK_AVAILABLE,
                Look::Restarts(..) => Kind::CONTAINER_RESTARTS,
                Look::HostDown | Look::Certificate(_) => continue,
            };
            if let Some(list) = by_kind.get_mut(usize::from(kind.code())) {
                list.push(number);
            }
        }
        let watched = |place: HostPlace| {
            let mut selected = vec![0_u64; watches.len().div_ceil(64)];
            for (number, watch) in watches.iter().enumerate() {
                if watch.rule.rule.hosts.select(&place) {
                    selected[number / 64] |= 1 << (number % 64);
                }
            }
            (place.id, WatchedHost { place, selected })
        };
        let hosts = places.into_iter().map(watched).collect();
        Self {
            watches,
            hosts,
            by_kind,
            ..Self::default()
        }
    }
}

impl Watch {
    /// None for a rule that this version can't read: it was checked when it was written.
    fn new(rule: AlertRule) -> Option<Self> {
        let look = match &rule.rule.check {
            Check::Threshold {
                series,
                comparison,
                threshold,
            } => Look::Threshold(Series::from_str(series).ok()?, *comparison, *threshold),
            Check::HostDown {} => Look::HostDown,
            Check::DiskFull { hours } => Look::DiskFull(*hours as f64),
            Check::ContainerRestarting { times, minutes } => {
                Look::Restarts(*times, minutes.saturating_mul(UnixMs::MINUTE))
            }
            Check::CertificateExpiring { hours } => Look::Certificate(*hours as f64),
        };
        Some(Self { rule, look })
    }

    /// Whether there is nothing to say of it while its host is down.
    pub(super) fn is_of_readings(&self) -> bool {
        match self.rule.rule.kind() {
            AlertKind::Threshold | AlertKind::DiskFull | AlertKind::ContainerRestarting => true,
            AlertKind::HostDown | AlertKind::CertificateExpiring => false,
        }
    }
}

/// Reads it.
pub(super) async fn read(app: &App) -> Result<Book, AlertsError> {
    let mut rules = BTreeMap::<OrgId, Vec<AlertRule>>::new();
    for (org, rule) in store::rule::list_enabled(&app.db).await? {
        rules.entry(org).or_default().push(rule);
    }
    let open = store::alert::list_open(&app.db).await?;
    if rules.is_empty() && open.is_empty() {
        return Ok(Book::new());
    }
    let mut places = fleet::host_places(app, None).await?;
    for alert in &open {
        rules.entry(alert.org).or_default();
    }
    let mut book: Book = rules
        .into_iter()
        .map(|(org, rules)| (org, OrgBook::new(rules, places.remove(&org).unwrap_or_default())))
        .collect();
    for (org, silence) in store::silence::list_open(&app.db, app.clock.now()).await? {
        if let Some(org) = book.get_mut(&org) {
            org.silences.push(silence);
        }
    }
    put_open(&mut book, open);
    Ok(book)
}

/// Reads the open alerts again.
pub(super) async fn read_open(app: &App, book: &mut Book) -> Result<(), AlertsError> {
    let open = store::alert::list_open(&app.db).await?;
    put_open(book, open);
    Ok(())
}

fn put_open(book: &mut Book, open: Vec<OpenAlert>) {
    for org in book.values_mut() {
        org.open.clear();
    }
    for alert in open {
        if let Some(org) = book.get_mut(&alert.org) {
            org.open.insert(alert.key.clone(), alert);
        }
    }
}
