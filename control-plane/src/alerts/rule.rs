//! Rules: what is looked at, when it fires, who hears of it.

use muster_base::{AlertReceiverId, AlertRuleId, OrgId, UnixMs};
use muster_metrics::Series;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    AlertsError,
    check::{AlertKind, Check, Severity},
    fields::Fields,
    limits,
    notice::{self, Telling},
    selector::AlertHosts,
    state::{Reason, Say, Timing},
    store,
};
use crate::{
    access::{Caller, ObjectKind, Operation},
    app::App,
    audit::{self, Entry},
    db::{DbError, Tx},
    flaw::Flaw,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
};

/// A rule, as people write it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AlertRuleInput {
    /// Unique in the org.
    pub name: String,
    /// Whether it is held against the readings.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// How bad it is.
    #[serde(default)]
    pub severity: Severity,
    /// What it looks at.
    pub check: Check,
    /// On which hosts.
    #[serde(default)]
    pub hosts: AlertHosts,
    /// On which containers, for their series: names, or the start of names and `*`. All, if there are none.
    #[serde(default)]
    pub containers: Vec<String>,
    /// It fires when it is so for this many seconds; 60 by default.
    #[serde(default = "minute")]
    #[schema(minimum = 0, maximum = 604_800)]
    pub for_s: i64,
    /// It is over when it has been all right for this many seconds; 120 by default.
    #[serde(default = "two_minutes")]
    #[schema(minimum = 0, maximum = 604_800)]
    pub resolve_after_s: i64,
    /// What still fires is told again after this many seconds; 4 hours by default, 0: never.
    #[serde(default = "four_hours")]
    #[schema(minimum = 0, maximum = 604_800)]
    pub repeat_s: i64,
    /// Whether those who may change alerts, and reach the host, hear of it in their inbox.
    #[serde(default = "yes")]
    pub inbox: bool,
    /// Who else hears of it.
    #[serde(default)]
    pub receivers: Vec<AlertReceiverId>,
    /// If nobody acknowledges it for this many seconds after it was first told, `escalateTo` hears of it; 0, the default: never.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 604_800)]
    pub escalate_after_s: i64,
    /// Who hears of it then, and when it is over.
    #[serde(default)]
    pub escalate_to: Vec<AlertReceiverId>,
    /// What whoever hears of it should know: what to do, where to look.
    #[serde(default)]
    pub note: String,
}

const fn yes() -> bool {
    true
}

const fn minute() -> i64 {
    60
}

const fn two_minutes() -> i64 {
    120
}

const fn four_hours() -> i64 {
    4 * 3_600
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlertRule {
    /// Id.
    pub id: AlertRuleId,
    /// What people wrote.
    #[serde(flatten)]
    pub rule: AlertRuleInput,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: UnixMs,
    /// Last change.
    pub updated_at: UnixMs,
}

impl AlertRuleInput {
    /// Its kind.
    pub(super) fn kind(&self) -> AlertKind {
        match self.check {
            Check::Threshold { .. } => AlertKind::Threshold,
            Check::HostDown {} => AlertKind::HostDown,
            Check::DiskFull { .. } => AlertKind::DiskFull,
            Check::ContainerRestarting { .. } => AlertKind::ContainerRestarting,
            Check::CertificateExpiring { .. } => AlertKind::CertificateExpiring,
        }
    }

    pub(super) fn timing(&self) -> Timing {
        Timing {
            for_ms: self.for_s * UnixMs::SECOND,
            resolve_ms: self.resolve_after_s * UnixMs::SECOND,
            repeat_ms: self.repeat_s * UnixMs::SECOND,
            escalate_ms: self.escalate_after_s * UnixMs::SECOND,
        }
    }

    fn check(&self) -> Result<(), AlertsError> {
        let mut fields = Fields::default();
        fields.name(&self.name);
        match &self.check {
            Check::Threshold {
                series, threshold, ..
            } => {
                let known = series.parse::<Series>();
                fields.check(known.is_ok(), "check.series", Flaw::NoSuch("series"));
                let usable = threshold.is_finite() && threshold.abs() <= 1e18;
                fields.check(usable, "check.threshold", "must be a number up to 10^18");
            }
            Check::HostDown {} => {}
            Check::ContainerRestarting { times, minutes } => {
                fields.range("check.times", *times, 1, limits::MOST_RESTARTS);
                fields.range("check.minutes", *minutes, 1, limits::MOST_MINUTES);
            }
            Check::DiskFull { hours } | Check::CertificateExpiring { hours } => {
                fields.range("check.hours", *hours, 1, limits::MOST_HOURS);
            }
        }
        self.hosts.check(&mut fields);
        fields.count("containers", self.containers.len(), limits::NAMES);
        for name in &self.containers {
            fields.line("containers", name, 256);
        }
        for (field, value) in [
            ("forS", self.for_s),
            ("resolveAfterS", self.resolve_after_s),
            ("repeatS", self.repeat_s),
            ("escalateAfterS", self.escalate_after_s),
        ] {
            fields.range(field, value, 0, limits::LONGEST_S);
        }
        for (field, value) in [
            ("repeatS", self.repeat_s),
            ("escalateAfterS", self.escalate_after_s),
        ] {
            fields.check(value == 0 || value >= 60, field, "must be 0 or at least 60");
        }
        fields.count("receivers", self.receivers.len(), limits::RULE_RECEIVERS);
        fields.count("escalateTo", self.escalate_to.len(), limits::RULE_RECEIVERS);
        let named = self.escalate_after_s == 0 || !self.escalate_to.is_empty();
        fields.check(named, "escalateTo", Flaw::Needed);
        fields.line("note", &self.note, limits::NOTE);
        fields.finish()
    }
}

pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: &PageQuery,
) -> Result<Page<AlertRule>, AlertsError> {
    caller.require(Operation::AlertRead)?;
    let after = query.cursor::<String>()?.unwrap_or_default();
    let rows = store::rule::list(&app.db, caller.org(), &after, query.fetch()).await?;
    Ok(query.page(rows, |row| Cursor::of(&row.rule.name)))
}

pub(super) async fn get(app: &App, caller: &Caller, id: AlertRuleId) -> Result<AlertRule, AlertsError> {
    caller.require(Operation::AlertRead)?;
    find(app, caller.org(), id).await
}

async fn find(app: &App, org: OrgId, id: AlertRuleId) -> Result<AlertRule, AlertsError> {
    let found = store::rule::find(&app.db, org, id).await?;
    found.ok_or(AlertsError::NotFound("alert rule"))
}

/// Rules see every host of the org: they are for those whose permissions are not narrowed.
pub(super) fn may_write(caller: &Caller) -> Result<(), AlertsError> {
    caller.require(Operation::AlertWrite)?;
    caller.require_all(Operation::AlertWrite, ObjectKind::Hosts)?;
    Ok(())
}

pub(super) async fn create(
    app: &App,
    caller: &Caller,
    input: AlertRuleInput,
) -> Result<AlertRule, AlertsError> {
    may_write(caller)?;
    input.check()?;
    let (org, now) = (caller.org(), app.clock.now());
    let rule = AlertRule {
        id: app.clock.new_id(),
        rule: input,
        created_by: caller.actor.name(),
        created_at: now,
        updated_at: now,
    };
    in_tx!(app.db, |tx| {
        if store::rule::count(tx, org).await? >= limits::RULES {
            return Err(AlertsError::TooMany {
                what: "alert rules",
                most: limits::RULES,
            });
        }
        store::rule::insert(tx, org, &rule)
            .await
            .map_err(|error| taken(error, &rule.rule.name))?;
        name_receivers(tx, org, &rule).await?;
        let entry = Entry::done(Operation::AlertWrite, "alertRule", rule.id).after(&rule);
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    app.alerts.wake();
    Ok(rule)
}

/// Puts another rule in its place. What fires by a check that is another now, or that is switched off, is over.
pub(super) async fn replace(
    app: &App,
    caller: &Caller,
    id: AlertRuleId,
    input: AlertRuleInput,
) -> Result<AlertRule, AlertsError> {
    may_write(caller)?;
    let org = caller.org();
    let before = find(app, org, id).await?;
    input.check()?;
    let telling = Telling::of(app, org).await?;
    let after = AlertRule {
        rule: input,
        updated_at: app.clock.now(),
        ..before.clone()
    };
    let over = !after.rule.enabled || after.rule.check != before.rule.check;
    in_tx!(app.db, |tx| {
        let found = store::rule::update(tx, org, &after)
            .await
            .map_err(|error| taken(error, &after.rule.name))?;
        if !found {
            return Err(AlertsError::NotFound("alert rule"));
        }
        name_receivers(tx, org, &after).await?;
        if over {
            end_all(app, tx, &telling, (org, &before)).await?;
        } else {
            store::alert::rename(tx, (org, id), &after.rule.name, after.rule.severity).await?;
        }
        let entry = Entry::done(Operation::AlertWrite, "alertRule", id)
            .before(&before)
            .after(&after);
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    app.alerts.wake();
    app.notify.wake();
    Ok(after)
}

pub(super) async fn delete(app: &App, caller: &Caller, id: AlertRuleId) -> Result<(), AlertsError> {
    may_write(caller)?;
    let org = caller.org();
    let before = find(app, org, id).await?;
    let telling = Telling::of(app, org).await?;
    in_tx!(app.db, |tx| {
        if !store::rule::delete(tx, org, id).await? {
            return Err(AlertsError::NotFound("alert rule"));
        }
        end_all(app, tx, &telling, (org, &before)).await?;
        let entry = Entry::done(Operation::AlertWrite, "alertRule", id).before(&before);
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    app.alerts.wake();
    app.notify.wake();
    Ok(())
}

/// Ends what the rule found, and tells those who were told of it.
async fn end_all(
    app: &App,
    tx: &mut Tx,
    telling: &Telling,
    (org, rule): (OrgId, &AlertRule),
) -> Result<(), AlertsError> {
    let ended = store::alert::end_of_rule(tx, (org, rule.id), Reason::RuleChanged, app.clock.now()).await?;
    let told: Vec<_> = ended
        .into_iter()
        .filter(|alert| alert.open.told_at.is_some())
        .collect();
    let items: Vec<_> = told
        .iter()
        .map(|alert| notice::Item {
            alert: alert.id,
            key: &alert.key,
            host_name: &alert.host_name,
            place: None,
            value: None,
            escalated: alert.open.escalated_at.is_some(),
        })
        .collect();
    notice::tell(app, tx, telling, rule, Say::Over, &items).await
}

/// Keeps which receivers the rule names; all must be the org's.
async fn name_receivers(tx: &mut Tx, org: OrgId, rule: &AlertRule) -> Result<(), AlertsError> {
    store::rule::clear_receivers(tx, rule.id).await?;
    let named = [
        ("receivers", &rule.rule.receivers),
        ("escalateTo", &rule.rule.escalate_to),
    ];
    for (field, receivers) in named {
        for receiver in receivers {
            if !store::rule::add_receiver(tx, org, rule.id, *receiver).await? {
                return Err(AlertsError::invalid(field, Flaw::NoSuch("receiver")));
            }
        }
    }
    Ok(())
}

fn taken(error: DbError, name: &str) -> AlertsError {
    if error.violates_unique("alert_rules", &["org_id", "name"]) {
        return AlertsError::NameTaken {
            what: "alert rule",
            name: name.to_owned(),
        };
    }
    error.into()
}
