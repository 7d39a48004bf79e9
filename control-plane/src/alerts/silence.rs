//! Silences: alerts that match are not told, from then until then. A maintenance window is one that begins later, or comes
//! again every week until it ends ([`super::silence_repeat`]). What still fires at the end of an occurrence is told then.
//!
//! When one counts is worked out when it is read, once for the occurrence that is on or comes next: a round compares times.

use muster_base::{AlertRuleId, AlertSilenceId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    AlertsError,
    check::Severity,
    fields::Fields,
    limits,
    selector::AlertHosts,
    silence_repeat::{Occurrence, Repeat},
    store,
};
use crate::{
    access::{Caller, ObjectKind, Operation},
    app::App,
    audit::{self, Entry},
    fleet::{self, HostPlace},
    http::page::{Cursor, Page, PageQuery},
    in_tx,
};

/// Which alerts: those that pass everything that is given; all of the org, if nothing is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(as = AlertMatchers)]
pub struct Matchers {
    /// Of one of these rules.
    pub rules: Vec<AlertRuleId>,
    /// Of these hosts.
    pub hosts: AlertHosts,
    /// Of one of these severities.
    pub severities: Vec<Severity>,
}

impl Matchers {
    pub(super) fn match_alert(&self, rule: AlertRuleId, severity: Severity, host: &HostPlace) -> bool {
        (self.rules.is_empty() || self.rules.contains(&rule))
            && (self.severities.is_empty() || self.severities.contains(&severity))
            && self.hosts.select(host)
    }
}

/// Whether a silence counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AlertSilenceState)]
pub enum SilenceState {
    /// Not yet, or not until it comes again.
    Scheduled,
    /// Now.
    Active,
    /// Never again.
    Ended,
}

/// A silence.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AlertSilence)]
pub struct Silence {
    /// Id.
    pub id: AlertSilenceId,
    /// Which alerts.
    pub matchers: Matchers,
    /// From when.
    pub starts_at: UnixMs,
    /// Until when.
    pub ends_at: UnixMs,
    /// When it counts in between; null: all the time.
    #[schema(required)]
    pub repeats: Option<Repeat>,
    /// Of one that comes again: the time that it counts for now, or next; null if there is none any more.
    #[schema(required)]
    pub occurrence: Option<Occurrence>,
    /// Why.
    pub reason: String,
    /// Whether it counts now.
    pub state: SilenceState,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: UnixMs,
}

/// A silence to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewAlertSilence {
    /// Which alerts; all of the org by default.
    #[serde(default)]
    pub matchers: Matchers,
    /// From when; now by default.
    pub starts_at: Option<UnixMs>,
    /// Until when: a year at most, or five of one that comes again.
    pub ends_at: UnixMs,
    /// When it counts in between, every week; all the time by default.
    pub repeats: Option<Repeat>,
    /// Why.
    pub reason: String,
}

/// Which silences.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SilenceQuery {
    /// Only those that have not ended.
    #[serde(default)]
    pub open: bool,
    /// How many items, 1–500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

impl Silence {
    /// Works out where it stands at this time.
    pub(super) fn stand(mut self, now: UnixMs) -> Self {
        let span = (self.starts_at, self.ends_at);
        self.occurrence = self
            .repeats
            .as_ref()
            .and_then(|repeat| repeat.occurrence(span, now));
        self.state = match (&self.repeats, self.occurrence) {
            (Some(_), None) => SilenceState::Ended,
            (Some(_), Some(Occurrence { from: Some(_), .. })) => SilenceState::Scheduled,
            (None, _) if now >= self.ends_at => SilenceState::Ended,
            (None, _) if now < self.starts_at => SilenceState::Scheduled,
            (None, _) | (Some(_), Some(Occurrence { from: None, .. })) => SilenceState::Active,
        };
        self
    }

    /// Whether it counts at a time after it was read.
    pub(super) fn counts_at(&self, now: UnixMs) -> bool {
        let is_within = |from: UnixMs, to: UnixMs| from <= now && now < to;
        match (&self.repeats, self.occurrence) {
            (None, _) => is_within(self.starts_at, self.ends_at),
            (Some(_), Some(next)) if now < next.to => next.from.is_none_or(|from| from <= now),
            // That one is over, and silences were not read again since.
            (Some(repeat), Some(_)) => repeat
                .occurrence((self.starts_at, self.ends_at), now)
                .is_some_and(|next| next.from.is_none()),
            (Some(_), None) => false,
        }
    }
}

/// Newest first.
pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: SilenceQuery,
) -> Result<Page<Silence>, AlertsError> {
    caller.require(Operation::AlertRead)?;
    let page = PageQuery::new(query.limit, query.cursor);
    let after = page.cursor::<AlertSilenceId>()?;
    let now = app.clock.now();
    let rows = store::silence::list(&app.db, caller.org(), query.open, after, page.fetch(), now).await?;
    Ok(page.page(rows, |row| Cursor::of(&row.id)))
}

pub(super) async fn create(app: &App, caller: &Caller, new: NewAlertSilence) -> Result<Silence, AlertsError> {
    caller.require(Operation::AlertSilence)?;
    let now = app.clock.now();
    let starts_at = new.starts_at.unwrap_or(now);
    check(&new, starts_at, now)?;
    may_silence(app, caller, &new.matchers).await?;
    let silence = Silence {
        id: app.clock.new_id(),
        matchers: new.matchers,
        starts_at,
        ends_at: new.ends_at,
        repeats: new.repeats,
        occurrence: None,
        reason: new.reason.trim().to_owned(),
        state: SilenceState::Scheduled,
        created_by: caller.actor.name(),
        created_at: now,
    }
    .stand(now);
    let org = caller.org();
    in_tx!(app.db, |tx| {
        if store::silence::count_open(tx, org, now).await? >= limits::SILENCES {
            return Err(AlertsError::TooMany {
                what: "silences",
                most: limits::SILENCES,
            });
        }
        store::silence::insert(tx, org, &silence).await?;
        let entry = Entry::done(Operation::AlertSilence, "alertSilence", silence.id).after(&silence);
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    app.alerts.wake();
    Ok(silence)
}

/// Ends it now.
pub(super) async fn end(app: &App, caller: &Caller, id: AlertSilenceId) -> Result<(), AlertsError> {
    caller.require(Operation::AlertSilence)?;
    let (org, now) = (caller.org(), app.clock.now());
    let before = store::silence::find(&app.db, org, id, now)
        .await?
        .ok_or(AlertsError::NotFound("silence"))?;
    may_silence(app, caller, &before.matchers).await?;
    in_tx!(app.db, |tx| {
        if !store::silence::end(tx, org, id, now).await? {
            return Err(AlertsError::SilenceEnded);
        }
        let entry = Entry::done(Operation::AlertSilence, "alertSilence", id)
            .before(&before)
            .detail("ended");
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    app.alerts.wake();
    Ok(())
}

/// Hosts that are named must be in reach; whatever else it matches is for those who reach all.
async fn may_silence(app: &App, caller: &Caller, matchers: &Matchers) -> Result<(), AlertsError> {
    if !matchers.hosts.names_hosts() {
        caller.require_all(Operation::AlertSilence, ObjectKind::Hosts)?;
        return Ok(());
    }
    if caller.scope().is_whole() {
        return Ok(());
    }
    let places = fleet::host_places(app, Some(caller.org())).await?;
    for id in &matchers.hosts.ids {
        let mut all = places.values().flatten();
        let host = all
            .find(|place| place.id == *id)
            .ok_or(AlertsError::NotFound("host"))?;
        caller.require_on(Operation::AlertSilence, &host.object())?;
    }
    Ok(())
}

fn check(new: &NewAlertSilence, starts_at: UnixMs, now: UnixMs) -> Result<(), AlertsError> {
    let mut fields = Fields::default();
    new.matchers.hosts.check(&mut fields);
    fields.count("matchers.rules", new.matchers.rules.len(), limits::NAMES);
    fields.count("matchers.severities", new.matchers.severities.len(), 3);
    fields.check(new.ends_at > now, "endsAt", "must be in the future");
    fields.check(new.ends_at > starts_at, "endsAt", "must be after startsAt");
    let (days, within) = match &new.repeats {
        None => (limits::SILENCE_DAYS, "must be within a year"),
        Some(_) => (limits::REPEATED_SILENCE_DAYS, "must be within five years"),
    };
    let most = now.plus_ms(days * UnixMs::DAY);
    fields.check(new.ends_at <= most, "endsAt", within);
    if let Some(repeat) = &new.repeats {
        repeat.check(&mut fields);
        let comes = repeat.weekly.is_empty() || repeat.occurrence((starts_at, new.ends_at), now).is_some();
        fields.check(comes, "endsAt", "must be after a time at which it counts");
    }
    fields.check(!new.reason.trim().is_empty(), "reason", crate::flaw::Flaw::Needed);
    fields.line("reason", new.reason.trim(), 500);
    fields.finish()
}
