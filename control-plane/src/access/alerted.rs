//! Who hears of alerts by their inbox: those who may change alerts and reach the host; by mail, too, if they want that
//! (`mailMessages`) and their address was verified.

use muster_base::{OrgId, UnixMs, UserId};

use super::{
    AccessError, Asked, Decision, Operation, Permissions, grant,
    message::{self, Mode, NewMessage, SubMode, Words},
    store,
};
use crate::{
    app::App,
    db::Tx,
    notify::{self, Channel, Language, Letter, Template},
};

/// Mail about an alert is worth nothing when somebody had to find out otherwise.
const MAIL_LIFE_MS: i64 = UnixMs::DAY;

/// What is told of alerts of one rule.
#[derive(Debug, Clone, Copy)]
pub struct AlertNews<'a> {
    /// Whose.
    pub org: OrgId,
    /// Whether they fire, lost their readings, or are over; names the letter, too.
    pub template: Template,
    /// The rule's name.
    pub rule: &'a str,
    /// `info`, `warning` or `critical`.
    pub severity: &'a str,
    /// Which hosts, with their values: in no language.
    pub what: &'a str,
    /// What whoever made the rule wants to be known.
    pub note: &'a str,
    /// What the button acts on.
    pub tip: &'a str,
}

/// Everybody of the org who may change alerts, with what they reach.
pub async fn alert_audience(app: &App, org: OrgId) -> Result<Vec<(UserId, Permissions)>, AccessError> {
    let mut audience = Vec::new();
    for (user, granted) in store::grant::list(&app.db, org).await? {
        let permissions = grant::permissions(granted)?;
        if permissions.decide(Asked::BuiltIn(Operation::AlertWrite), None) == Decision::Allowed {
            audience.push((user, permissions));
        }
    }
    Ok(audience)
}

/// Tells them. The caller wakes the outbox after the commit.
pub async fn tell_of_alert(
    app: &App,
    tx: &mut Tx,
    to: &[UserId],
    news: &AlertNews<'_>,
    severity_in: impl Fn(Language) -> &'static str,
) -> Result<(), AccessError> {
    let AlertNews {
        rule, severity, what, ..
    } = *news;
    let words = match news.template {
        Template::AlertSilent => Words::AlertSilent { rule, severity, what },
        Template::AlertOver => Words::AlertOver { rule, severity, what },
        _ => Words::AlertFires { rule, severity, what },
    };
    let message = NewMessage {
        org: news.org,
        mode: Mode::Alert,
        sub_mode: SubMode::View,
        words,
        tip: news.tip,
    };
    message::send(app, tx, to, &message).await?;
    let expires = app.clock.now().plus_ms(MAIL_LIFE_MS);
    let address = format!("{}/alerts", app.config.base_url());
    for reader in store::user::list_mail_wanted(tx, &app.db, to).await? {
        let language = reader.language();
        let letter = Letter::new(
            Channel::Mail,
            reader.email.as_str(),
            language,
            news.template,
            expires,
        )
        .with("rule", rule)
        .with("severity", severity_in(language))
        .with("what", what)
        .with("note", news.note)
        .with("address", address.as_str());
        notify::post(app, tx, letter.of_platform(reader.platform_id)).await?;
    }
    Ok(())
}
