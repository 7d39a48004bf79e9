//! Devices: what somebody signed in with before, known by a long-lived token.
//!
//! The token is in a cookie that lives for 400 days, or in what an API caller keeps; the table has its hash. It proves
//! nothing about who uses it: it only says that this user's password, and second factor where there is one, was entered
//! here before. So a sign-in on a device that is not known asks for the second factor, and one on a device that is has
//! an own budget of attempts. A new device always gets a token of ours, never one that it brought.
//!
//! The super administrator is in no table, so their device's token (`mda_…`) carries our own signature instead, for their
//! account. It ends when its time is over, or with another master key.
//!
//! One browser may be several users': its cookie holds up to [`AT_A_TIME`] tokens. Revoking a device ends its sessions.

use aws_lc_rs::hmac;
use muster_base::{DeviceId, ExposeSecret, SecretString, UnixMs, UserId, random_token, sha256};
use serde::Serialize;
use subtle::ConstantTimeEq;
use utoipa::ToSchema;

use super::{AccessError, Actor, Identity, store};
use crate::{
    app::App,
    audit::{self, Entry},
    in_tx,
    keys::{Keys, Purpose},
};

const PREFIX: &str = "mdv_";
const ADMIN_PREFIX: &str = "mda_";
/// Between tokens; in none of them.
const BETWEEN: char = '.';
/// Tokens that one device keeps.
const AT_A_TIME: usize = 5;
const LONGEST: usize = 160;
/// Browsers keep a cookie no longer.
pub(super) const LIFE_DAYS: i64 = 400;

/// A device that one signed in with.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Id.
    pub id: DeviceId,
    /// What its browser or program calls itself.
    pub name: String,
    /// The address of the last sign-in.
    #[schema(required)]
    pub ip: Option<String>,
    /// The region of the last sign-in.
    #[schema(required)]
    pub region: Option<String>,
    /// When one first signed in with it.
    pub created_at: UnixMs,
    /// When one last did.
    pub seen_at: UnixMs,
    /// Whether this is the one that asks.
    pub current: bool,
}

/// One's own devices.
#[derive(Debug, Serialize, ToSchema)]
pub struct Devices {
    /// The one used last comes first.
    pub items: Vec<Device>,
}

/// The tokens that a device shows.
#[derive(Clone)]
pub(super) struct Tokens(Vec<SecretString>);

impl Tokens {
    /// From a cookie or a request.
    pub(super) fn read(text: &str) -> Self {
        let ours = |token: &&str| token.starts_with(PREFIX) || token.starts_with(ADMIN_PREFIX);
        let good = |token: &&str| ours(token) && token.len() <= LONGEST;
        let tokens = text.split(BETWEEN).filter(good).take(AT_A_TIME);
        Self(tokens.map(SecretString::from).collect())
    }

    /// Whether it shows none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is looked up.
    pub(super) fn hashes(&self) -> impl Iterator<Item = [u8; 32]> {
        self.0
            .iter()
            .map(|token| sha256(token.expose_secret().as_bytes()).0)
    }

    /// With one more, and its hash.
    pub(super) fn with_new(&self) -> (Self, [u8; 32]) {
        let token = random_token(PREFIX);
        let hash = sha256(token.as_bytes()).0;
        (self.with(token.into()), hash)
    }

    fn with(&self, token: SecretString) -> Self {
        let mut tokens = vec![token];
        tokens.extend(self.0.iter().take(AT_A_TIME - 1).cloned());
        Self(tokens)
    }

    /// With one for the super administrator of this account.
    pub(super) fn with_admins(&self, keys: &Keys, account: &str, now: UnixMs) -> Self {
        let unsigned = format!("{}_{}", random_token(ADMIN_PREFIX), now.0);
        let signature = signature(keys.derive(Purpose::Devices).as_slice(), account, &unsigned);
        self.with(format!("{unsigned}_{signature}").into())
    }

    /// Which of them is the super administrator's of this account, as a hash.
    pub(super) fn admins(&self, keys: &Keys, account: &str, now: UnixMs) -> Option<[u8; 32]> {
        let keys = keys.derive_all(Purpose::Devices);
        let good = |token: &&SecretString| {
            let Some((unsigned, theirs)) = token.expose_secret().rsplit_once('_') else {
                return false;
            };
            let made_at = unsigned
                .rsplit_once('_')
                .and_then(|(_, ms)| ms.parse().ok())
                .map(UnixMs);
            let of_ours = |key: &zeroize::Zeroizing<[u8; 32]>| {
                let ours = signature(key.as_slice(), account, unsigned);
                bool::from(ours.as_bytes().ct_eq(theirs.as_bytes()))
            };
            unsigned.starts_with(ADMIN_PREFIX)
                && made_at.is_some_and(|at| now.ms_since(at) < LIFE_DAYS * UnixMs::DAY)
                && keys.iter().any(of_ours)
        };
        let found = self.0.iter().find(good);
        found.map(|token| sha256(token.expose_secret().as_bytes()).0)
    }

    /// For the device to keep.
    pub(super) fn text(&self) -> SecretString {
        let tokens: Vec<&str> = self.0.iter().map(ExposeSecret::expose_secret).collect();
        tokens.join(&BETWEEN.to_string()).into()
    }
}

fn signature(key: &[u8], account: &str, unsigned: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut context = hmac::Context::with_key(&key);
    // A token holds no NUL.
    context.update(account.as_bytes());
    context.update(&[0]);
    context.update(unsigned.as_bytes());
    hex::encode(context.sign())
}

/// The user's device that shows these, if one does that they still have.
pub(super) async fn find(app: &App, user: UserId, tokens: &Tokens) -> Result<Option<DeviceId>, AccessError> {
    for hash in tokens.hashes() {
        if let Some(id) = store::device::find(&app.db, user, &hash).await? {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// One's own devices.
pub(super) async fn list(app: &App, who: &Identity) -> Result<Devices, AccessError> {
    let user = who.require_user()?;
    let current = match &who.actor {
        Actor::User { session, .. } => store::device::of_session(&app.db, *session).await?,
        _ => None,
    };
    let mut items = store::device::list(&app.db, user).await?;
    for device in &mut items {
        device.current = Some(device.id) == current;
    }
    Ok(Devices { items })
}

/// A device is a stranger's again; its sessions end.
pub(super) async fn revoke(app: &App, who: &Identity, id: DeviceId) -> Result<(), AccessError> {
    let (user, now) = (who.require_user()?, app.clock.now());
    in_tx!(app.db, |tx| {
        if !store::device::revoke(tx, user, id, now).await? {
            return Err(AccessError::NoDevice);
        }
        store::session::revoke_device(tx, id, now).await?;
        audit::record(app, tx, who, None, Entry::done("user:revokeDevice", "device", id)).await?;
    });
    Ok(())
}

/// Deletes devices that nobody signed in with for so long that their token is gone, too.
pub(super) fn forget(app: &App) -> crate::schedule::Running<'_> {
    Box::pin(async move {
        let before = app.clock.now().plus_ms(-LIFE_DAYS * UnixMs::DAY);
        let forget = async || -> Result<(), crate::db::DbError> {
            in_tx!(app.db, |tx| store::device::delete_unseen(tx, before).await?);
            Ok(())
        };
        Ok(forget().await?)
    })
}

/// A browser or program, in a few words.
pub(super) fn name(user_agent: Option<&str>) -> String {
    let Some(agent) = user_agent.map(str::trim).filter(|agent| !agent.is_empty()) else {
        return "unknown".to_owned();
    };
    let has = |word: &str| agent.contains(word);
    let first =
        |known: &[(&str, &'static str)]| known.iter().find(|(mark, _)| has(mark)).map(|(_, name)| *name);
    // Those that call themselves by the others' names, too, stand before them.
    let browser = first(&[
        ("MicroMessenger", "WeChat"),
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser}, {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => {
            let word = agent.split([' ', '/', '(']).next().unwrap_or_default();
            word.chars().filter(|c| !c.is_control()).take(40).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_a_name_that_its_user_knows() {
        for (agent, wanted) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0",
                "Edge, Windows",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox, Linux",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Safari/604.1",
                "Safari, iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36 MicroMessenger/8.0",
                "WeChat, Android",
            ),
            ("musterctl/0.1.0", "musterctl"),
            ("", "unknown"),
        ] {
            assert_eq!(name(Some(agent)), wanted, "{agent}");
        }
        assert_eq!(name(None), "unknown");
    }

    #[test]
    fn the_super_administrator_s_device_is_known_by_our_signature() {
        let (keys, now) = (Keys::new([1; 32]), UnixMs(1_780_000_000_000));
        let tokens = Tokens::read("mdv_a").with_admins(&keys, "root", now);
        let sent = Tokens::read(tokens.text().expose_secret());
        assert!(sent.admins(&keys, "root", now).is_some());
        assert!(sent.admins(&keys, "toor", now).is_none(), "another account");
        assert!(
            sent.admins(&Keys::new([2; 32]), "root", now).is_none(),
            "another's key"
        );
        assert!(
            sent.admins(&keys, "root", now.plus_ms(LIFE_DAYS * UnixMs::DAY))
                .is_none(),
            "too old"
        );
        let changed = tokens.text().expose_secret().replace("_1780", "_1790");
        assert!(Tokens::read(&changed).admins(&keys, "root", now).is_none());
        assert!(
            Tokens::read("mda_x.mda_1_2_.mdv_a")
                .admins(&keys, "root", now)
                .is_none()
        );
    }

    #[test]
    fn a_device_keeps_a_few_tokens_and_believes_no_others() {
        let mut tokens = Tokens::read("mdv_a.nonsense.mdv_b");
        assert_eq!(tokens.text().expose_secret(), "mdv_a.mdv_b");
        for _ in 0..9 {
            let (next, hash) = tokens.with_new();
            assert_eq!(next.hashes().next(), Some(hash));
            tokens = next;
        }
        assert_eq!(tokens.hashes().count(), AT_A_TIME);
        assert_eq!(
            Tokens::read(&format!("mdv_{}", "x".repeat(4_000)))
                .hashes()
                .count(),
            0
        );
    }
}
