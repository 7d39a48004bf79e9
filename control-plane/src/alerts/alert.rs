//! Alerts as people see them.

use muster_base::{AlertId, AlertRuleId, AlertSilenceId, HostId, OrgId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    AlertsError,
    check::{AlertKind, Severity},
    state::{AlertState, Open, Reason},
    store,
};
use crate::{
    access::{Caller, Operation},
    app::App,
    fleet,
    http::page::{Cursor, Page, PageQuery},
};

/// What an alert is of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) rule: AlertRuleId,
    pub(super) host: HostId,
    /// Empty for the host's own.
    pub(super) container: String,
    /// Empty where the rule has none.
    pub(super) series: String,
}

/// An open alert as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OpenAlert {
    pub(super) id: AlertId,
    pub(super) org: OrgId,
    pub(super) key: Key,
    pub(super) host_name: String,
    pub(super) version: i64,
    pub(super) open: Open,
}

/// One time that a rule found something.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// Id.
    pub id: AlertId,
    /// The rule; it may be gone.
    pub rule_id: AlertRuleId,
    /// Its name.
    pub rule_name: String,
    /// Its kind.
    pub kind: AlertKind,
    /// How bad it is.
    pub severity: Severity,
    /// The host; it may be gone.
    pub host_id: HostId,
    /// Its name.
    pub host_name: String,
    /// The container, if it is one's.
    #[schema(required)]
    pub container: Option<String>,
    /// The series; null for hosts that are down.
    #[schema(required)]
    pub series: Option<String>,
    /// Where it stands.
    pub state: AlertState,
    /// The newest value while it is open, else the last: in the series' unit, seconds for hosts that are down, hours until a
    /// disk is full or a certificate ends, restarts of a container that restarts.
    #[schema(required)]
    pub value: Option<f64>,
    /// Since when it is so.
    pub pending_since: UnixMs,
    /// When it began to fire.
    #[schema(required)]
    pub fired_at: Option<UnixMs>,
    /// Since when it has been all right, before that is believed.
    #[schema(required)]
    pub clearing_since: Option<UnixMs>,
    /// Since when there are no readings that could say whether it still is so.
    #[schema(required)]
    pub no_data_since: Option<UnixMs>,
    /// When it was last told.
    #[schema(required)]
    pub told_at: Option<UnixMs>,
    /// Since when somebody sees to it.
    #[schema(required)]
    pub acknowledged_at: Option<UnixMs>,
    /// Who.
    #[schema(required)]
    pub acknowledged_by: Option<String>,
    /// What they said.
    #[schema(required)]
    pub acknowledgement: Option<String>,
    /// When others were told because nobody did.
    #[schema(required)]
    pub escalated_at: Option<UnixMs>,
    /// When it was over.
    #[schema(required)]
    pub resolved_at: Option<UnixMs>,
    /// Why it was over.
    #[schema(required, inline)]
    pub reason: Option<Reason>,
    /// The silence that keeps it from being told.
    #[schema(required)]
    pub silenced_by: Option<AlertSilenceId>,
    /// Whether it is quiet because its host is down.
    pub inhibited: bool,
}

/// Which of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum AlertView {
    /// Those that are pending or fire.
    #[default]
    Active,
    /// Those that fire.
    Firing,
    /// Those that are pending.
    Pending,
    /// Those that are over.
    History,
}

/// Which alerts.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AlertQuery {
    /// `active` by default.
    #[param(inline)]
    pub view: Option<AlertView>,
    /// Only those of this rule.
    pub rule: Option<AlertRuleId>,
    /// Only those of this host.
    pub host: Option<HostId>,
    /// Only those of this severity.
    #[param(inline)]
    pub severity: Option<Severity>,
    /// How many items, 1–500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

/// What the database filters by.
#[derive(Debug, Default)]
pub(super) struct Filter {
    pub(super) view: AlertView,
    pub(super) rule: Option<AlertRuleId>,
    pub(super) host: Option<HostId>,
    pub(super) severity: Option<Severity>,
    /// JSON array of the hosts in reach; all, if none.
    pub(super) in_reach: Option<String>,
}

/// Alerts of the hosts in reach, newest first.
pub(super) async fn list(app: &App, caller: &Caller, query: AlertQuery) -> Result<Page<Alert>, AlertsError> {
    caller.require(Operation::AlertRead)?;
    let page = PageQuery::new(query.limit, query.cursor);
    let after = page.cursor::<AlertId>()?;
    let filter = Filter {
        view: query.view.unwrap_or_default(),
        rule: query.rule,
        host: query.host,
        severity: query.severity,
        in_reach: in_reach(app, caller).await?,
    };
    let rows = store::alert::list(&app.db, caller.org(), &filter, after, page.fetch()).await?;
    let page = page.page(rows, |row| Cursor::of(&row.id));
    Ok(page.map(|alert| seen_now(app, alert)))
}

/// An alert of a host in reach.
pub(super) async fn get(app: &App, caller: &Caller, id: AlertId) -> Result<Alert, AlertsError> {
    caller.require(Operation::AlertRead)?;
    find(app, caller, id).await
}

/// The alert, if its host is in reach.
pub(super) async fn find(app: &App, caller: &Caller, id: AlertId) -> Result<Alert, AlertsError> {
    let in_reach = in_reach(app, caller).await?;
    let found = store::alert::find(&app.db, caller.org(), in_reach, id).await?;
    let alert = found.ok_or(AlertsError::NotFound("alert"))?;
    Ok(seen_now(app, alert))
}

async fn in_reach(app: &App, caller: &Caller) -> Result<Option<String>, AlertsError> {
    let hosts = fleet::hosts_in_reach(app, caller).await?;
    Ok(hosts.map(|hosts| serde_json::to_string(&hosts).unwrap_or_else(|_| "[]".to_owned())))
}

/// Adds what the last round saw.
fn seen_now(app: &App, mut alert: Alert) -> Alert {
    if alert.state == AlertState::Resolved {
        return alert;
    }
    if let Some(seen) = app.alerts.seen(alert.id) {
        alert.value = seen.value.or(alert.value);
        alert.silenced_by = seen.silenced_by;
        alert.inhibited = seen.inhibited;
    }
    alert
}
