//! The task that holds rules against readings. A round looks, takes steps, writes them and tells of them in one
//! transaction, and forgets nothing that it has not written.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use muster_base::{AlertId, AlertRuleId, HostId, OrgId, UnixMs};

use super::{
    AlertsError, SeenNow,
    alert::{Key, OpenAlert},
    book::{self, Book, OrgBook, Watch},
    look::{self, Looked, Moment, Trends},
    notice::{self, Item, Telling},
    state::{self, Muted, Next, Open, Reason, Say, Seen},
    store,
};
use crate::{
    app::App,
    db::Tx,
    fleet::{self, HostPlace},
    in_tx,
    telemetry::{self, Reading},
};

/// Between rounds.
const EVERY: Duration = Duration::from_secs(10);
/// Rounds after which rules, hosts and silences are read again, whether or not somebody said that they changed.
const REREAD: u32 = 3;

/// Starts the task.
pub fn start(app: &App) {
    let task = app.clone();
    app.tasks.keep("alerts", async move {
        let stopping = task.tasks.stopping();
        let mut evaluator = Evaluator::new(&task);
        loop {
            let turned = stopping.run_until_cancelled(evaluator.turn()).await;
            if let Some(Err(error)) = &turned {
                evaluator.changed();
                tracing::warn!(
                    error = error as &dyn std::error::Error,
                    "alerts could not be looked for; trying again"
                );
            }
            tokio::select! {
                () = task.alerts.wake.notified() => evaluator.changed(),
                () = tokio::time::sleep(EVERY) => {}
                () = stopping.cancelled() => break,
            }
        }
    });
}

/// What it knows between rounds.
pub(super) struct Evaluator {
    app: App,
    book: Book,
    /// Rounds until the book is read again.
    good_for: u32,
    trends: Trends,
    started: UnixMs,
}

/// A step of one alert.
struct Step<'b> {
    watch: Option<&'b Watch>,
    key: Key,
    before: Option<&'b OpenAlert>,
    id: AlertId,
    host_name: String,
    place: Option<&'b HostPlace>,
    value: Option<f64>,
    next: Next,
}

impl Step<'_> {
    /// Whether there is something to write.
    fn is_change(&self) -> bool {
        match self.next {
            Next::Nothing => false,
            Next::Open(open, _) => self.before.is_none_or(|before| before.open != open),
            Next::Dropped | Next::Resolved(..) => true,
        }
    }

    fn say(&self) -> Option<Say> {
        match self.next {
            Next::Open(_, say) | Next::Resolved(_, say) => say,
            Next::Nothing | Next::Dropped => None,
        }
    }
}

impl Evaluator {
    pub(super) fn new(app: &App) -> Self {
        Self {
            app: app.clone(),
            book: Book::new(),
            good_for: 0,
            trends: Trends::new(),
            started: app.clock.now(),
        }
    }

    /// Has rules, hosts and silences read again.
    pub(super) fn changed(&mut self) {
        self.good_for = 0;
    }

    /// One round.
    pub(super) async fn turn(&mut self) -> Result<(), AlertsError> {
        if self.good_for == 0 {
            self.book = book::read(&self.app).await?;
            self.good_for = REREAD;
            let book = &self.book;
            self.trends
                .retain_hosts(|host| book.values().any(|org| org.hosts.contains_key(host)));
        }
        self.good_for -= 1;
        let now = self.app.clock.now();
        let mut seen_now = HashMap::new();
        let mut written = false;
        for (org, book) in &self.book {
            let looked = look_at(&self.app, (*org, book), &mut self.trends, (self.started, now));
            let steps = steps(&self.app, book, looked, now, &mut seen_now);
            written |= write(&self.app, *org, steps, now).await?;
        }
        self.app.alerts.set_seen(seen_now);
        if written {
            self.app.notify.wake();
            book::read_open(&self.app, &mut self.book).await?;
        }
        Ok(())
    }
}

fn look_at(
    app: &App,
    (org, book): (OrgId, &OrgBook),
    trends: &mut Trends,
    (started, now): (UnixMs, UnixMs),
) -> Looked {
    let readings: HashMap<HostId, Reading> = telemetry::readings_of(app, org)
        .into_iter()
        .map(|reading| (reading.host, reading))
        .collect();
    let connected = |host| app.links.presence(host).map(|presence| presence.last_report_at);
    let moment = Moment {
        now,
        started,
        silence_ms: fleet::silence_ms(app),
        connected: &connected,
        readings: &readings,
    };
    look::look(book, trends, &moment)
}

/// What follows for everything that was seen.
fn steps<'b>(
    app: &App,
    book: &'b OrgBook,
    looked: Looked,
    now: UnixMs,
    seen_now: &mut HashMap<AlertId, SeenNow>,
) -> Vec<Step<'b>> {
    let Looked { seen, down } = looked;
    let mut steps = Vec::new();
    for (key, (seen, value)) in seen {
        let before = book.open.get(&key);
        let watch = book.watch(key.rule).map(|(_, watch)| watch);
        let place = book.hosts.get(&key.host).map(|host| &host.place);
        let silence = watch
            .zip(place)
            .and_then(|(watch, place)| book.silence(&watch.rule, place, now));
        let muted = Muted {
            silenced: silence.is_some(),
            inhibited: down.contains(&key.host) && watch.is_some_and(Watch::is_of_readings),
        };
        // A rule that is gone ended its alerts itself; one that was begun at that moment ends here.
        let (seen, timing) = match watch {
            Some(watch) => (seen, watch.rule.rule.timing()),
            None => (Seen::Off(Reason::RuleChanged), NO_TIMING),
        };
        let next = state::next(before.map(|before| before.open), seen, timing, muted, now);
        let id = before.map_or_else(|| app.clock.new_id(), |before| before.id);
        if matches!(next, Next::Open(..)) {
            seen_now.insert(
                id,
                SeenNow {
                    value,
                    silenced_by: silence.map(|silence| silence.id),
                    inhibited: muted.inhibited,
                },
            );
        }
        let host_name = match (place, before) {
            (Some(place), _) => place.name.clone(),
            (None, Some(before)) => before.host_name.clone(),
            (None, None) => continue,
        };
        let step = Step {
            watch,
            key,
            before,
            id,
            host_name,
            place,
            value,
            next,
        };
        if step.is_change() {
            steps.push(step);
        }
    }
    // By name, so that messages are the same for the same alerts.
    steps.sort_by(|a, b| {
        (&a.host_name, &a.key.container, &a.key.series).cmp(&(&b.host_name, &b.key.container, &b.key.series))
    });
    steps
}

const NO_TIMING: state::Timing = state::Timing {
    for_ms: 0,
    resolve_ms: 0,
    repeat_ms: 0,
    escalate_ms: 0,
};

/// Writes the steps of an org and tells of them; whether there were any.
async fn write(app: &App, org: OrgId, steps: Vec<Step<'_>>, now: UnixMs) -> Result<bool, AlertsError> {
    if steps.is_empty() {
        return Ok(false);
    }
    let telling = if steps.iter().any(|step| step.say().is_some()) {
        Some(Telling::of(app, org).await?)
    } else {
        None
    };
    in_tx!(app.db, |tx| {
        let mut told = BTreeMap::<(AlertRuleId, Say), Vec<&Step<'_>>>::new();
        for step in &steps {
            // Somebody else took this step, and tells of it.
            if !take(tx, org, step, now).await? {
                continue;
            }
            if let Some(say) = step.say() {
                told.entry((step.key.rule, say)).or_default().push(step);
            }
        }
        if let Some(telling) = &telling {
            for ((_, say), steps) in &told {
                tell(app, tx, telling, *say, steps).await?;
            }
        }
    });
    Ok(true)
}

async fn take(tx: &mut Tx, org: OrgId, step: &Step<'_>, now: UnixMs) -> Result<bool, AlertsError> {
    let known = step.before.map(|before| (before.id, before.version));
    Ok(match (step.next, known) {
        (Next::Open(open, _), Some(known)) => store::alert::update(tx, known, &open, step.value).await?,
        (Next::Open(open, _), None) => begin(tx, org, step, open).await?,
        (Next::Dropped, Some(known)) => store::alert::drop_pending(tx, known).await?,
        (Next::Resolved(reason, _), Some(known)) => {
            store::alert::resolve(tx, known, reason, step.value, now).await?
        }
        (Next::Nothing, _) | (Next::Dropped | Next::Resolved(..), None) => false,
    })
}

async fn begin(tx: &mut Tx, org: OrgId, step: &Step<'_>, open: Open) -> Result<bool, AlertsError> {
    let Some(watch) = step.watch else { return Ok(false) };
    let new = store::alert::NewAlert {
        id: step.id,
        org,
        key: &step.key,
        rule_name: &watch.rule.rule.name,
        kind: watch.rule.rule.kind(),
        severity: watch.rule.rule.severity,
        host_name: &step.host_name,
        value: step.value,
        open,
    };
    Ok(store::alert::insert(tx, &new).await?)
}

async fn tell(
    app: &App,
    tx: &mut Tx,
    telling: &Telling,
    say: Say,
    steps: &[&Step<'_>],
) -> Result<(), AlertsError> {
    let Some(watch) = steps.first().and_then(|step| step.watch) else {
        return Ok(());
    };
    let items: Vec<_> = steps
        .iter()
        .map(|step| Item {
            alert: step.id,
            key: &step.key,
            host_name: &step.host_name,
            place: step.place,
            value: step.value,
            escalated: step
                .before
                .is_some_and(|before| before.open.escalated_at.is_some()),
        })
        .collect();
    notice::tell(app, tx, telling, &watch.rule, say, &items).await
}
