//! The addresses of receivers and the keys for them: checked, sealed, opened.

use muster_base::{AlertReceiverId, ExposeSecret, OrgId, SecretString};
use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::{
    AlertsError,
    fields::Fields,
    limits,
    receiver::{AlertReceiverInput, ReceiverKind},
    store,
};
use crate::{
    app::App,
    db::{DbError, Tx},
    flaw::Flaw,
    outbound,
    secrets::{self, CredentialKind},
};

/// Of an address.
const URL_BYTES: usize = 2_048;
/// Of a key.
const KEY_BYTES: usize = 512;

/// Where a call goes and what signs it.
#[derive(Debug)]
pub struct Hook {
    /// Its format.
    pub kind: ReceiverKind,
    /// The address.
    pub url: SecretString,
    /// The key.
    pub key: Option<SecretString>,
}

/// As it is sealed.
#[derive(Serialize, Deserialize)]
pub(super) struct Sealed {
    url: String,
    key: Option<String>,
}

/// Where a receiver's calls go now; none if it is gone or switched off.
pub(crate) async fn hook_of(app: &App, id: AlertReceiverId) -> Result<Option<Hook>, AlertsError> {
    let Some((org, receiver)) = store::receiver::find_any(&app.db, id).await? else {
        return Ok(None);
    };
    if !receiver.enabled {
        return Ok(None);
    }
    let sealed = open(app, org, id).await?;
    Ok(sealed.map(|sealed| Hook {
        kind: receiver.kind,
        url: sealed.url.into(),
        key: sealed.key.map(SecretString::from),
    }))
}

pub(super) async fn open(app: &App, org: OrgId, id: AlertReceiverId) -> Result<Option<Sealed>, AlertsError> {
    let kind = CredentialKind::AlertReceiver;
    let found = secrets::find_credential(app, org, kind, *id.as_uuid()).await?;
    let read = |text: SecretString| {
        serde_json::from_str(text.expose_secret())
            .map_err(|_| DbError::Corrupt("the address of a receiver of alerts".to_owned()))
    };
    Ok(found.map(read).transpose()?)
}

pub(super) async fn keep(
    app: &App,
    tx: &mut Tx,
    org: OrgId,
    id: AlertReceiverId,
    sealed: Option<&Sealed>,
) -> Result<(), AlertsError> {
    let (kind, owner) = (CredentialKind::AlertReceiver, *id.as_uuid());
    match sealed {
        Some(sealed) => {
            let text = serde_json::to_string(sealed)
                .map_err(|_| DbError::Corrupt("the address of a receiver of alerts".to_owned()))?;
            secrets::put_credential(app, tx, org, kind, owner, &text.into()).await?;
        }
        None => secrets::delete_credential(tx, org, kind, owner).await?,
    }
    Ok(())
}

impl Sealed {
    /// Whether there is a key.
    pub(super) fn is_signed(&self) -> bool {
        self.key.is_some()
    }
}

/// What is to be sealed: what was given, or what is known.
pub(super) fn sealed(input: &AlertReceiverInput, known: Option<Sealed>) -> Option<Sealed> {
    if input.kind == ReceiverKind::Mail {
        return None;
    }
    let text = |secret: &SecretString| secret.expose_secret().to_owned();
    let key = input
        .key
        .as_ref()
        .filter(|key| !key.expose_secret().is_empty())
        .map(text);
    match &input.url {
        Some(url) => Some(Sealed { url: text(url), key }),
        None => known.map(|known| Sealed {
            key: key.or(known.key),
            url: known.url,
        }),
    }
}

/// Scheme and host of the address that was given.
pub(super) fn check(
    input: &AlertReceiverInput,
    known: Option<&Sealed>,
) -> Result<Option<String>, AlertsError> {
    let mut fields = Fields::default();
    fields.name(&input.name);
    let is_mail = input.kind == ReceiverKind::Mail;
    let mut place = None;
    if is_mail {
        fields.check(!input.addresses.is_empty(), "addresses", Flaw::Needed);
        fields.count("addresses", input.addresses.len(), limits::ADDRESSES);
        let usable = |to: &String| {
            to.len() <= 254 && to.contains('@') && !to.chars().any(|c| c.is_whitespace() || c.is_control())
        };
        fields.check(input.addresses.iter().all(usable), "addresses", Flaw::Email);
        fields.check(
            input.url.is_none(),
            "url",
            Flaw::OnlyWith("another kind than mail"),
        );
    } else {
        fields.check(
            input.addresses.is_empty(),
            "addresses",
            Flaw::OnlyWith("kind mail"),
        );
        match &input.url {
            Some(url) => match place_of(url) {
                Ok(found) => place = Some(found),
                Err(flaw) => fields.check(false, "url", flaw),
            },
            None => fields.check(known.is_some(), "url", Flaw::Needed),
        }
    }
    if let Some(key) = &input.key {
        fields.check(
            input.kind.has_key() || key.expose_secret().is_empty(),
            "key",
            Flaw::OnlyWith("kind webhook, dingtalk or feishu"),
        );
        fields.check(
            key.expose_secret().len() <= KEY_BYTES,
            "key",
            Flaw::Bytes(0, KEY_BYTES),
        );
    }
    if let Some(message) = &input.message {
        fields.message("message", message);
    }
    fields.finish()?;
    Ok(place)
}

fn place_of(url: &SecretString) -> Result<String, Flaw> {
    let text = url.expose_secret();
    let wrong = || Flaw::from("must be an address that begins with https:// or http://");
    if text.len() > URL_BYTES {
        return Err(Flaw::Bytes(1, URL_BYTES));
    }
    let url: Url = text.parse().map_err(|_| wrong())?;
    let host = url.host_str().ok_or_else(wrong)?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(wrong());
    }
    if outbound::is_forbidden(&url) {
        return Err("nobody's server can have this address".into());
    }
    Ok(match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    })
}
