//! Remote write: readings go on to a Prometheus, VictoriaMetrics, Mimir or whatever else takes that protocol.
//!
//! `[remote_write]` in the configuration names one receiver for the installation; the orgs it gets readings of are told apart by the
//! label `org`. Names and units are those that are scraped ([`super::names`]).
//!
//! - **At least once, from what is stored.** `remote_written` has a row for each host: up to when its samples were taken by the
//!   receiver. A [`turn`](Writer::turn) reads what is stored beyond it, sends it, and only then moves it on. A kill or a
//!   failure in between sends the same samples again, which the receiver drops. A host begins with its newest sample at the time.
//! - **Nothing is queued.** The store is the queue: one request of some 10,000 readings is in memory, whatever waits. What is older
//!   than raw samples are kept (7 days by default) when the receiver comes back is lost to it.
//! - **One process of several** does a turn: whoever takes the interval of 15 seconds.
//! - **A receiver that is away** (or answers 5xx, 429, 401, 403, 404) is asked again, at longer and longer intervals up to five
//!   minutes. What it refuses (any other 4xx) it would refuse again: it is left out, counted and said.
//! - With each turn go `muster_host_up` and `muster_host_info` as they are then.

mod backlog;
mod message;
mod send;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

use muster_base::{HostId, OrgId, UnixMs};
use tracing::{info, warn};

use self::{
    backlog::{Batch, Behind},
    message::Message,
    send::{Outcome, Receiver},
};
use crate::{
    access,
    app::{App, Figure},
    config::RemoteWriteConfig,
    db::DbError,
    fleet::{self, HostPlace},
    in_tx, schedule,
    telemetry::{TelemetryError, store},
};

const JOB: &str = "telemetry.remote-write";
const EVERY_MS: i64 = 15 * UnixMs::SECOND;
/// How often it is asked whether the interval is free.
const TICK: Duration = Duration::from_secs(5);
/// Requests of a turn: a receiver that was away long is caught up with over several.
const REQUESTS: usize = 200;
const LONGEST_PAUSE_MS: i64 = 5 * UnixMs::MINUTE;

/// What was done, for `/metrics`.
#[derive(Debug, Default)]
pub struct RemoteWrite {
    sent: AtomicU64,
    refused: AtomicU64,
    failures: AtomicU64,
    behind_ms: AtomicI64,
}

impl RemoteWrite {
    /// This part's own figures.
    pub fn figures(&self) -> Vec<Figure> {
        let figure = |name, help, value: f64| Figure { name, help, value };
        vec![
            figure(
                "muster_remote_write_readings_total",
                "Readings that the receiver of remote write took",
                self.sent.load(Ordering::Relaxed) as f64,
            ),
            figure(
                "muster_remote_write_refused_total",
                "Readings that the receiver of remote write refused for good",
                self.refused.load(Ordering::Relaxed) as f64,
            ),
            figure(
                "muster_remote_write_failures_total",
                "Requests of remote write that are made again",
                self.failures.load(Ordering::Relaxed) as f64,
            ),
            figure(
                "muster_remote_write_behind_seconds",
                "How far the host that is behind most is behind its newest sample",
                self.behind_ms.load(Ordering::Relaxed) as f64 / 1_000.0,
            ),
        ]
    }
}

/// Starts the task, if a receiver is configured.
pub(in crate::telemetry) fn start(app: &App) {
    let Some(config) = app.config.remote_write.clone() else {
        return;
    };
    let task = app.clone();
    app.tasks.keep("remote-write", async move {
        let stopping = task.tasks.stopping();
        let mut writer = Writer::new(&task, config);
        loop {
            tokio::select! {
                () = writer.tick() => {}
                () = stopping.cancelled() => break,
            }
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                () = stopping.cancelled() => break,
            }
        }
    });
}

/// What goes on between turns.
pub(super) struct Writer {
    app: App,
    config: RemoteWriteConfig,
    receiver: Receiver,
    failures: u32,
    /// Not before this time.
    pause_until: UnixMs,
}

/// What a turn came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Everything that is stored was taken, or as much as one turn sends.
    Done,
    /// The receiver did not take it; nothing is lost.
    Later,
}

impl Writer {
    pub(super) fn new(app: &App, config: RemoteWriteConfig) -> Self {
        Self {
            app: app.clone(),
            receiver: Receiver::new(&config),
            config,
            failures: 0,
            pause_until: UnixMs(i64::MIN),
        }
    }

    async fn tick(&mut self) {
        if self.app.clock.now() < self.pause_until {
            return;
        }
        let turned = match schedule::take(&self.app, JOB, EVERY_MS).await {
            Ok(true) => self.turn().await,
            Ok(false) => return,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = turned {
            warn!(
                error = &error as &dyn std::error::Error,
                "readings could not be read for remote write; trying again"
            );
        }
    }

    /// Sends what is stored and was not taken yet.
    pub(super) async fn turn(&mut self) -> Result<Turn, TelemetryError> {
        let app = self.app.clone();
        let orgs = self.orgs().await?;
        let places = places(&app, &orgs).await?;
        for _ in 0..REQUESTS {
            let behind = behind(&app, &places).await?;
            let most = behind.iter().map(Behind::ms).max().unwrap_or_default();
            app.remote_write.behind_ms.store(most, Ordering::Relaxed);
            if behind.is_empty() {
                break;
            }
            let batch = backlog::next(&app, &behind).await?;
            if !self.write(&places, &orgs, batch).await? {
                return Ok(Turn::Later);
            }
        }
        let mut present = Message::default();
        for (host, place) in &places {
            present.add_host(&app, (*host, place), &orgs[&place.0]);
        }
        Ok(if self.send(&present).await {
            Turn::Done
        } else {
            Turn::Later
        })
    }

    /// Whose readings are sent, with what each is called.
    async fn orgs(&self) -> Result<HashMap<OrgId, String>, TelemetryError> {
        let all = access::org_slugs(&self.app).await?;
        let wanted =
            |slug: &str| self.config.orgs.is_empty() || self.config.orgs.iter().any(|org| org == slug);
        let mut times = HashMap::<String, usize>::new();
        for (_, slug) in &all {
            *times.entry(slug.clone()).or_default() += 1;
        }
        let wanted = all.into_iter().filter(|(_, slug)| wanted(slug));
        // A slug is an org's own in its platform only.
        let named = |(id, slug): (OrgId, String)| match times.get(&slug) {
            Some(1) => (id, slug),
            _ => (id, id.to_string()),
        };
        Ok(wanted.map(named).collect())
    }

    /// Sends a batch and keeps how far that brings its hosts; false if it is to be sent again.
    async fn write(
        &mut self,
        places: &Places,
        orgs: &HashMap<OrgId, String>,
        batch: Batch,
    ) -> Result<bool, TelemetryError> {
        let mut message = Message::default();
        for (host, at, sample) in &batch.samples {
            if let Some((org, place)) = places.get(host) {
                message.add_sample(&orgs[org], &place.name, (*at, sample));
            }
        }
        if !message.is_empty() && !self.send(&message).await {
            return Ok(false);
        }
        let keep = async || -> Result<(), DbError> {
            in_tx!(self.app.telemetry_db, |tx| {
                store::remote::advance(tx, &batch.until).await?;
            });
            Ok(())
        };
        keep().await?;
        Ok(true)
    }

    /// Whether it was taken, or refused for good.
    async fn send(&mut self, message: &Message) -> bool {
        let figures = &self.app.remote_write;
        let readings = message.readings();
        match self.receiver.send(message).await {
            Outcome::Taken => {
                figures.sent.fetch_add(readings, Ordering::Relaxed);
                if self.failures > 0 {
                    info!("the receiver of remote write takes readings again");
                }
                self.failures = 0;
                true
            }
            Outcome::Refused(why) => {
                figures.refused.fetch_add(readings, Ordering::Relaxed);
                warn!(
                    readings,
                    "the receiver of remote write refuses readings, which are left out: {why}"
                );
                true
            }
            Outcome::Later(why) => {
                figures.failures.fetch_add(1, Ordering::Relaxed);
                if self.failures == 0 {
                    warn!("the receiver of remote write takes nothing; trying again: {why}");
                }
                self.failures = self.failures.saturating_add(1);
                let pause = EVERY_MS.saturating_mul(1 << self.failures.min(8)) / 2;
                self.pause_until = self.app.clock.now().plus_ms(pause.min(LONGEST_PAUSE_MS));
                false
            }
        }
    }
}

/// Where hosts are, by id.
type Places = HashMap<HostId, (OrgId, HostPlace)>;

async fn places(app: &App, orgs: &HashMap<OrgId, String>) -> Result<Places, TelemetryError> {
    let fail = |error: fleet::FleetError| TelemetryError::Caller(Box::new(error.into()));
    let places = fleet::host_places(app, None).await.map_err(fail)?;
    let wanted = places.into_iter().filter(|(org, _)| orgs.contains_key(org));
    let all = wanted.flat_map(|(org, places)| places.into_iter().map(move |place| (place.id, (org, place))));
    Ok(all.collect())
}

/// The hosts that have newer samples than were taken, those that are behind most first. One that is new here begins with
/// its newest sample.
async fn behind(app: &App, places: &Places) -> Result<Vec<Behind>, TelemetryError> {
    let known: HashMap<HostId, UnixMs> = store::remote::list(&app.telemetry_db)
        .await?
        .into_iter()
        .collect();
    let (mut behind, mut new) = (Vec::new(), Vec::new());
    for (host, (org, _)) in places {
        let Some((_, newest)) = app.ingest.latest().find(*host) else {
            continue;
        };
        let until = known.get(host).copied().unwrap_or_else(|| {
            let before = newest.plus_ms(-1);
            new.push((*host, before));
            before
        });
        if until < newest {
            behind.push(Behind {
                host: *host,
                org: *org,
                until,
                newest,
            });
        }
    }
    if !new.is_empty() {
        let keep = async || -> Result<(), DbError> {
            in_tx!(app.telemetry_db, |tx| {
                store::remote::begin(tx, &new).await?;
            });
            Ok(())
        };
        keep().await?;
    }
    behind.sort_by_key(|one| (one.until, one.host));
    Ok(behind)
}
