//! Receivers: where alerts are told. Addresses of webhooks and chats hold tokens, so they are credentials: given once, never
//! shown, and only their scheme and host are kept in clear.

use muster_base::{AlertReceiverId, OrgId, SecretString, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    AlertsError,
    address::{Sealed, check, keep, open, sealed},
    check::Severity,
    limits,
    rule::may_write,
    store,
};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    db::DbError,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
    notify::{self, Channel, Language, Letter, Template},
    secrets::{self, CredentialKind},
};

/// A test is worth nothing to whoever does not wait for it.
const TEST_LIFE_MS: i64 = UnixMs::MINUTE;

/// What a receiver is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = AlertReceiverKind)]
pub enum ReceiverKind {
    /// E-mail addresses.
    Mail,
    /// A JSON call, signed if there is a key.
    Webhook,
    /// Slack's incoming webhook, or what is compatible.
    Slack,
    /// A DingTalk group's robot.
    DingTalk,
    /// A Feishu or Lark group's robot.
    Feishu,
    /// A WeCom group's robot.
    WeCom,
}

impl ReceiverKind {
    const ALL: [Self; 6] = [
        Self::Mail,
        Self::Webhook,
        Self::Slack,
        Self::DingTalk,
        Self::Feishu,
        Self::WeCom,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::DingTalk => "dingtalk",
            Self::Feishu => "feishu",
            Self::WeCom => "wecom",
        }
    }

    pub(super) fn read(text: &str) -> Result<Self, DbError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| DbError::Corrupt("alert_receivers.kind".to_owned()))
    }

    /// Whether its calls can be signed.
    pub(super) const fn has_key(self) -> bool {
        match self {
            Self::Webhook | Self::DingTalk | Self::Feishu => true,
            Self::Mail | Self::Slack | Self::WeCom => false,
        }
    }
}

/// A receiver, without its address and key.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlertReceiver {
    /// Id.
    pub id: AlertReceiverId,
    /// Unique in the org.
    pub name: String,
    /// What it is.
    pub kind: ReceiverKind,
    /// What it is written to in.
    pub language: Language,
    /// Whether it is told anything.
    pub enabled: bool,
    /// E-mail addresses, of those that are mail.
    pub addresses: Vec<String>,
    /// Scheme and host of its address, of the others.
    pub place: String,
    /// Whether what it gets is signed.
    pub signed: bool,
    /// What it is told, in the org's own words, with blanks such as `{title}`; null: in Muster's.
    #[schema(required)]
    pub message: Option<String>,
    /// The last test; null before the first, and after a change.
    #[schema(required)]
    pub last_test: Option<ReceiverTest>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: UnixMs,
    /// Last change.
    pub updated_at: UnixMs,
}

/// What a test came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AlertReceiverTest)]
pub struct ReceiverTest {
    /// It was taken.
    pub ok: bool,
    /// Why not; empty if it was.
    pub message: String,
    /// When.
    pub at: UnixMs,
}

/// A receiver, as people write it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AlertReceiverInput {
    /// Unique in the org.
    pub name: String,
    /// What it is.
    pub kind: ReceiverKind,
    /// What it is written to in; English by default.
    #[serde(default)]
    pub language: Language,
    /// Whether it is told anything.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// With `mail`: e-mail addresses.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// With the others: the address to call. May be left out when a receiver changes and keeps it.
    #[schema(value_type = Option<String>, format = Password)]
    pub url: Option<SecretString>,
    /// With `webhook`, `dingtalk` and `feishu`: what calls are signed with. Goes with its address: a new address without a key has
    /// none.
    #[schema(value_type = Option<String>, format = Password)]
    pub key: Option<SecretString>,
    /// What it is told instead of Muster's own words, at most 1,500 characters. It may have these blanks: `{title}` (Muster's first
    /// line: it alone says what happened, whether the alert fires, is over, …), `{rule}`, `{severity}`, `{what}` (hosts and
    /// values), `{note}`, `{count}`, `{address}`.
    pub message: Option<String>,
}

impl AlertReceiverInput {
    /// With lines that end as they do here: a form of a browser ends them with a carriage return besides.
    fn with_plain_lines(self) -> Self {
        Self {
            message: self.message.map(|message| message.replace("\r\n", "\n")),
            ..self
        }
    }
}

const fn yes() -> bool {
    true
}

pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: &PageQuery,
) -> Result<Page<AlertReceiver>, AlertsError> {
    caller.require(Operation::AlertRead)?;
    let after = query.cursor::<String>()?.unwrap_or_default();
    let rows = store::receiver::list(&app.db, caller.org(), &after, query.fetch()).await?;
    Ok(query.page(rows, |row| Cursor::of(&row.name)))
}

async fn find(app: &App, org: OrgId, id: AlertReceiverId) -> Result<AlertReceiver, AlertsError> {
    let found = store::receiver::find(&app.db, org, id).await?;
    found.ok_or(AlertsError::NotFound("receiver"))
}

pub(super) async fn get(
    app: &App,
    caller: &Caller,
    id: AlertReceiverId,
) -> Result<AlertReceiver, AlertsError> {
    caller.require(Operation::AlertRead)?;
    find(app, caller.org(), id).await
}

pub(super) async fn create(
    app: &App,
    caller: &Caller,
    input: AlertReceiverInput,
) -> Result<AlertReceiver, AlertsError> {
    may_write(caller)?;
    let input = input.with_plain_lines();
    let place = check(&input, None)?;
    let (org, now) = (caller.org(), app.clock.now());
    let sealed = sealed(&input, None);
    let receiver = AlertReceiver {
        id: app.clock.new_id(),
        name: input.name,
        kind: input.kind,
        language: input.language,
        enabled: input.enabled,
        addresses: input.addresses,
        place: place.unwrap_or_default(),
        signed: sealed.as_ref().is_some_and(Sealed::is_signed),
        message: input.message.filter(|message| !message.trim().is_empty()),
        last_test: None,
        created_by: caller.actor.name(),
        created_at: now,
        updated_at: now,
    };
    in_tx!(app.db, |tx| {
        if store::receiver::count(tx, org).await? >= limits::RECEIVERS {
            return Err(AlertsError::TooMany {
                what: "receivers",
                most: limits::RECEIVERS,
            });
        }
        store::receiver::insert(tx, org, &receiver)
            .await
            .map_err(|error| taken(error, &receiver.name))?;
        keep(app, tx, org, receiver.id, sealed.as_ref()).await?;
        let entry = Entry::done(Operation::AlertWrite, "alertReceiver", receiver.id).after(&receiver);
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    Ok(receiver)
}

/// Puts another in its place; its address and key stay if they are left out and its kind stays.
pub(super) async fn replace(
    app: &App,
    caller: &Caller,
    id: AlertReceiverId,
    input: AlertReceiverInput,
) -> Result<AlertReceiver, AlertsError> {
    may_write(caller)?;
    let input = input.with_plain_lines();
    let org = caller.org();
    let before = find(app, org, id).await?;
    let known = if before.kind == input.kind {
        open(app, org, id).await?
    } else {
        None
    };
    let place = check(&input, known.as_ref())?;
    let sealed = sealed(&input, known);
    let after = AlertReceiver {
        name: input.name,
        kind: input.kind,
        language: input.language,
        enabled: input.enabled,
        addresses: input.addresses,
        place: match (input.kind, place) {
            (ReceiverKind::Mail, _) => String::new(),
            (_, Some(place)) => place,
            (_, None) => before.place.clone(),
        },
        signed: sealed.as_ref().is_some_and(Sealed::is_signed),
        message: input.message.filter(|message| !message.trim().is_empty()),
        last_test: None,
        updated_at: app.clock.now(),
        ..before.clone()
    };
    in_tx!(app.db, |tx| {
        let found = store::receiver::update(tx, org, &after)
            .await
            .map_err(|error| taken(error, &after.name))?;
        if !found {
            return Err(AlertsError::NotFound("receiver"));
        }
        keep(app, tx, org, id, sealed.as_ref()).await?;
        let entry = Entry::done(Operation::AlertWrite, "alertReceiver", id)
            .before(&before)
            .after(&after);
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    Ok(after)
}

pub(super) async fn delete(app: &App, caller: &Caller, id: AlertReceiverId) -> Result<(), AlertsError> {
    may_write(caller)?;
    let org = caller.org();
    let before = find(app, org, id).await?;
    in_tx!(app.db, |tx| {
        match store::receiver::delete(tx, org, id).await {
            Ok(true) => {}
            Ok(false) => return Err(AlertsError::NotFound("receiver")),
            Err(error) if error.violates_foreign_key() => return Err(AlertsError::ReceiverInUse),
            Err(error) => return Err(error.into()),
        }
        secrets::delete_credential(tx, org, CredentialKind::AlertReceiver, *id.as_uuid()).await?;
        let entry = Entry::done(Operation::AlertWrite, "alertReceiver", id).before(&before);
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    Ok(())
}

/// Sends a test by the same way as alerts, and remembers what came of it.
pub(super) async fn test(
    app: &App,
    caller: &Caller,
    id: AlertReceiverId,
) -> Result<ReceiverTest, AlertsError> {
    may_write(caller)?;
    let org = caller.org();
    let receiver = find(app, org, id).await?;
    let expires = app.clock.now().plus_ms(TEST_LIFE_MS);
    let mut failed = Vec::new();
    for letter in letters(&receiver, Template::AlertTest, expires) {
        let letter = letter
            .with("receiver", &receiver.name)
            .with("by", caller.actor.name())
            .with("rule", &receiver.name)
            .with("severity", Severity::Info.word(receiver.language))
            .with("what", "web-1 (cpu.total 97.2 %)")
            .with("note", "")
            .with("count", "1")
            .with("address", format!("{}/alerts", app.config.base_url()));
        if let Err(why) = notify::post_and_send(app, letter).await? {
            failed.push(why);
        }
    }
    let tested = ReceiverTest {
        ok: failed.is_empty(),
        message: failed.join("; ").chars().take(500).collect(),
        at: app.clock.now(),
    };
    in_tx!(app.db, |tx| {
        store::receiver::set_test(tx, org, id, &tested).await?;
        let detail = if tested.ok { "it works" } else { &tested.message };
        let entry =
            Entry::done(Operation::AlertWrite, "alertReceiver", id).detail(format!("tested: {detail}"));
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    Ok(tested)
}

/// One letter for each address, in the receiver's language; parameters are still to be filled in.
pub(super) fn letters(receiver: &AlertReceiver, template: Template, expires: UnixMs) -> Vec<Letter> {
    let letters = plain_letters(receiver, template, expires);
    match &receiver.message {
        Some(message) => letters.into_iter().map(|letter| letter.worded(message)).collect(),
        None => letters,
    }
}

fn plain_letters(receiver: &AlertReceiver, template: Template, expires: UnixMs) -> Vec<Letter> {
    match receiver.kind {
        ReceiverKind::Mail => receiver
            .addresses
            .iter()
            .map(|address| Letter::new(Channel::Mail, address, receiver.language, template, expires))
            .collect(),
        ReceiverKind::Webhook
        | ReceiverKind::Slack
        | ReceiverKind::DingTalk
        | ReceiverKind::Feishu
        | ReceiverKind::WeCom => {
            let letter = Letter::new(
                Channel::Hook,
                &receiver.name,
                receiver.language,
                template,
                expires,
            );
            vec![letter.to_receiver(receiver.id)]
        }
    }
}

fn taken(error: DbError, name: &str) -> AlertsError {
    if error.violates_unique("alert_receivers", &["org_id", "name"]) {
        return AlertsError::NameTaken {
            what: "receiver",
            name: name.to_owned(),
        };
    }
    error.into()
}
