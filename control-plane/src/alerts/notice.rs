//! Telling: one message for what a rule found in one round, to inboxes and receivers.

use std::{collections::BTreeMap, fmt::Write as _};

use muster_base::{AlertId, AlertReceiverId, OrgId, UnixMs, UserId};
use muster_metrics::{Series, Unit};
use serde::Serialize;

use super::{
    AlertsError,
    alert::Key,
    check::AlertKind,
    limits,
    receiver::{self, AlertReceiver},
    rule::AlertRule,
    state::Say,
    store,
};
use crate::{
    access::{self, AlertNews, Asked, Decision, Operation, Permissions},
    app::App,
    db::Tx,
    fleet::HostPlace,
    notify::{self, Template},
};

/// What an alert says is worth nothing after this.
const LIFE_MS: i64 = UnixMs::DAY;
/// Alerts that a webhook gets in one call; the number of all is told, too.
const LISTED: usize = 50;

/// Who there is to tell in an org.
pub(super) struct Telling {
    receivers: Vec<AlertReceiver>,
    audience: Vec<(UserId, Permissions)>,
    org: OrgId,
}

/// An alert that is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) alert: AlertId,
    pub(super) key: &'a Key,
    pub(super) host_name: &'a str,
    /// Where the host is; none if it is gone.
    pub(super) place: Option<&'a HostPlace>,
    pub(super) value: Option<f64>,
    /// Whether others were told because nobody acknowledged it.
    pub(super) escalated: bool,
}

/// An alert as webhooks get it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed<'a> {
    id: AlertId,
    host_id: muster_base::HostId,
    host: &'a str,
    container: Option<&'a str>,
    series: Option<&'a str>,
    value: Option<f64>,
}

impl Telling {
    /// Reads who there is. Not in a transaction: it asks several tables.
    pub(super) async fn of(app: &App, org: OrgId) -> Result<Self, AlertsError> {
        let receivers = store::receiver::list(&app.db, org, "", limits::RECEIVERS).await?;
        Ok(Self {
            receivers,
            audience: access::alert_audience(app, org).await?,
            org,
        })
    }
}

/// Tells of alerts of one rule, in the transaction that writes that they were told.
pub(super) async fn tell(
    app: &App,
    tx: &mut Tx,
    telling: &Telling,
    rule: &AlertRule,
    say: Say,
    items: &[Item<'_>],
) -> Result<(), AlertsError> {
    if items.is_empty() {
        return Ok(());
    }
    let template = match say {
        Say::Fires => Template::AlertFires,
        Say::Escalates => Template::AlertEscalates,
        Say::Silent => Template::AlertSilent,
        Say::Over => Template::AlertOver,
    };
    if say == Say::Escalates {
        return tell_receivers(app, tx, telling, rule, (template, &rule.rule.escalate_to), items).await;
    }
    if rule.rule.inbox {
        tell_inboxes(app, tx, telling, rule, template, items).await?;
    }
    tell_receivers(app, tx, telling, rule, (template, &rule.rule.receivers), items).await?;
    if say == Say::Fires {
        return Ok(());
    }
    // Whoever was told because nobody acknowledged it hears how it goes on; once, if they hear of it anyway.
    let theirs: Vec<_> = items.iter().copied().filter(|item| item.escalated).collect();
    let others: Vec<_> = rule
        .rule
        .escalate_to
        .iter()
        .copied()
        .filter(|id| !rule.rule.receivers.contains(id))
        .collect();
    tell_receivers(app, tx, telling, rule, (template, &others), &theirs).await
}

async fn tell_receivers(
    app: &App,
    tx: &mut Tx,
    telling: &Telling,
    rule: &AlertRule,
    (template, to): (Template, &[AlertReceiverId]),
    items: &[Item<'_>],
) -> Result<(), AlertsError> {
    if items.is_empty() {
        return Ok(());
    }
    let what = what(rule.rule.kind(), items);
    let expires = app.clock.now().plus_ms(LIFE_MS);
    let enabled = telling.receivers.iter().filter(|receiver| receiver.enabled);
    for receiver in enabled.filter(|receiver| to.contains(&receiver.id)) {
        for letter in receiver::letters(receiver, template, expires) {
            let letter = letter
                .with("rule", &rule.rule.name)
                .with("ruleId", rule.id.to_string())
                .with("severity", rule.rule.severity.word(receiver.language))
                .with("level", rule.rule.severity.as_str())
                .with("what", &what)
                .with("note", &rule.rule.note)
                .with("count", items.len().to_string())
                .with("alerts", listed(items))
                .with("address", format!("{}/alerts", app.config.base_url()));
            notify::post(app, tx, letter).await?;
        }
    }
    Ok(())
}

/// Everybody hears of the hosts that they reach; those who reach the same hear the same.
async fn tell_inboxes(
    app: &App,
    tx: &mut Tx,
    telling: &Telling,
    rule: &AlertRule,
    template: Template,
    items: &[Item<'_>],
) -> Result<(), AlertsError> {
    let mut groups = BTreeMap::<Vec<usize>, Vec<UserId>>::new();
    for (user, permissions) in &telling.audience {
        let reached = (0..items.len()).filter(|item| match items[*item].place {
            Some(place) => {
                let object = place.object();
                permissions.decide(Asked::BuiltIn(Operation::AlertWrite), Some(&object)) == Decision::Allowed
            }
            // A host that is gone is nobody's but theirs who reach all.
            None => permissions.scope.is_whole(),
        });
        groups.entry(reached.collect()).or_default().push(*user);
    }
    for (reached, users) in groups.into_iter().filter(|(reached, _)| !reached.is_empty()) {
        let theirs: Vec<_> = reached.iter().map(|item| items[*item]).collect();
        let tip = theirs
            .first()
            .map(|item| item.alert.to_string())
            .unwrap_or_default();
        let news = AlertNews {
            org: telling.org,
            template,
            rule: &rule.rule.name,
            severity: rule.rule.severity.as_str(),
            what: &what(rule.rule.kind(), &theirs),
            note: &rule.rule.note,
            tip: &tip,
        };
        access::tell_of_alert(app, tx, &users, &news, |language| {
            rule.rule.severity.word(language)
        })
        .await?;
    }
    Ok(())
}

/// The first hosts with what was read there, and the number of the rest: in no language.
fn what(kind: AlertKind, items: &[Item<'_>]) -> String {
    let mut text = String::new();
    for (number, item) in items.iter().enumerate() {
        let one = one(kind, item);
        let rest = items.len() - number;
        if number > 0 && text.chars().count() + one.chars().count() + 2 > limits::WHAT {
            // A text that is written can't fail.
            write!(text, " + {rest}").ok();
            break;
        }
        if number > 0 {
            text.push_str(", ");
        }
        text.push_str(&one);
    }
    text
}

fn one(kind: AlertKind, item: &Item<'_>) -> String {
    let mut text = item.host_name.to_owned();
    if !item.key.container.is_empty() {
        text.push('/');
        text.push_str(&item.key.container);
    }
    let value = item.value.map(|value| match kind {
        AlertKind::Threshold => shown(&item.key.series, value),
        AlertKind::HostDown => format!("{value:.0} s"),
        AlertKind::DiskFull | AlertKind::CertificateExpiring => format!("{value:.1} h"),
        AlertKind::ContainerRestarting => format!("{value:.0}"),
    });
    let said: Vec<&str> = [
        Some(item.key.series.as_str()).filter(|series| !series.is_empty()),
        value.as_deref(),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !said.is_empty() {
        // A text that is written can't fail.
        write!(text, " ({})", said.join(" ")).ok();
    }
    text
}

/// A value with its unit.
fn shown(series: &str, value: f64) -> String {
    let unit = series
        .parse::<Series>()
        .ok()
        .and_then(|series| series.kind().info())
        .map_or(Unit::Count, |info| info.unit);
    match unit {
        Unit::BasisPoints => format!("{value:.1} %"),
        Unit::Hundredths => format!("{value:.2}"),
        Unit::Bytes => bytes(value),
        Unit::BytesPerSecond => format!("{}/s", bytes(value)),
        Unit::PerSecond => format!("{value:.0}/s"),
        Unit::Count | Unit::Code => format!("{value:.0}"),
    }
}

fn bytes(value: f64) -> String {
    let mut value = value;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value.abs() < 1_024.0 {
            return format!("{value:.1} {unit}");
        }
        value /= 1_024.0;
    }
    format!("{value:.1} TiB")
}

fn listed(items: &[Item<'_>]) -> String {
    let given = |text: &'_ str| (!text.is_empty()).then(|| text.to_owned());
    let listed: Vec<_> = items
        .iter()
        .take(LISTED)
        .map(|item| {
            let (container, series) = (given(&item.key.container), given(&item.key.series));
            serde_json::to_value(Listed {
                id: item.alert,
                host_id: item.key.host,
                host: item.host_name,
                container: container.as_deref(),
                series: series.as_deref(),
                value: item.value,
            })
        })
        .filter_map(Result::ok)
        .collect();
    serde_json::Value::Array(listed).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(container: &str, series: &str) -> Key {
        let clock = muster_base::Clock::system();
        Key {
            rule: clock.new_id(),
            host: clock.new_id(),
            container: container.to_owned(),
            series: series.to_owned(),
        }
    }

    fn item<'a>(key: &'a Key, host_name: &'a str, value: f64) -> Item<'a> {
        Item {
            alert: muster_base::Clock::system().new_id(),
            key,
            host_name,
            place: None,
            value: Some(value),
            escalated: false,
        }
    }

    #[test]
    fn a_message_names_hosts_containers_and_values() {
        let keys = [
            key("", "cpu.total"),
            key("shop", "container.memory.used"),
            key("", ""),
            key("", "disk./var.available"),
        ];
        let say = |kind, index: usize, value| what(kind, &[item(&keys[index], "web-1", value)]);
        assert_eq!(say(AlertKind::Threshold, 0, 97.25), "web-1 (cpu.total 97.2 %)");
        assert_eq!(
            say(AlertKind::Threshold, 1, 1.5 * 1024.0 * 1024.0),
            "web-1/shop (container.memory.used 1.5 MiB)"
        );
        assert_eq!(say(AlertKind::HostDown, 2, 61.0), "web-1 (61 s)");
        assert_eq!(
            say(AlertKind::DiskFull, 3, 3.12),
            "web-1 (disk./var.available 3.1 h)"
        );
    }

    #[test]
    fn many_hosts_are_counted_and_the_message_stays_short() {
        let key = key("", "cpu.total");
        let names: Vec<_> = (0..500).map(|number| format!("web-{number}")).collect();
        let items: Vec<_> = names.iter().map(|name| item(&key, name, 99.0)).collect();
        let text = what(AlertKind::Threshold, &items);
        assert!(text.chars().count() <= limits::WHAT + 10, "{text}");
        let rest: usize = text.rsplit(" + ").next().unwrap().parse().unwrap();
        assert_eq!(rest + text.matches("web-").count(), 500);
        assert_eq!(listed(&items).matches("hostId").count(), LISTED);
    }
}
