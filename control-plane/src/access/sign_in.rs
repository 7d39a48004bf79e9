//! Signing in: from what somebody shows to an open session, or to the question for a second factor.
//!
//! ```text
//! password ─┐                           ┌─→ session
//! code      ├─→ first factor is right ──┤
//! provider ─┘                           └─→ challenge ─→ second factor is right ─→ session
//! ```
//! A second factor is asked for where the device or the region ([`super::region`]) was never seen for
//! this user, and always where they or the configuration (`[sign_in] mfa = "always"`) say so. It is a code by time, a
//! recovery code, or a code mailed to an address that is verified; what proved the first factor can't prove the second,
//! and nor can it what set the password.
//! Who has none is let in on a new device, and refused where it is always asked for.
//!
//! Every refusal says the same, takes the work of a password check ([`super::decoy`]) and is throttled before that work ([`Throttle`]); a
//! device that the user signed in with before has a budget of its own, and stands in another line for the hashing
//! ([`super::turns`]).
//!
//! The super administrator has a password and no second factor: they are not in the database. Their devices are known by a
//! signature of ours ([`super::device`]).
//!
//! [`Throttle`]: super::Throttle

use std::net::IpAddr;

use muster_base::{DeviceId, ExposeSecret, SecretString, UserId};
use serde::{Deserialize, Serialize};

use super::{
    AccessError, Actor, Identity,
    challenge::{self, Asked, Method},
    device::{self, Tokens},
    password, region, second_factor,
    session::{self, Mode, Opened},
    store, strength,
    turns::Line,
};
use crate::{
    app::App,
    audit::{self, Entry},
    notify::Language,
};

/// Who is at the door, as far as the request tells.
#[derive(Clone)]
pub(super) struct Visitor {
    pub(super) mode: Mode,
    pub(super) ip: Option<IpAddr>,
    pub(super) user_agent: Option<String>,
    pub(super) devices: Tokens,
    pub(super) language: Language,
    /// Nothing if the request names none that we know.
    pub(super) spoken: Option<Language>,
}

impl Visitor {
    /// Nobody yet, from here.
    pub(super) fn nobody(&self) -> Identity {
        Identity {
            actor: Actor::System { part: "sign-in" },
            ip: self.ip,
            platform: None,
        }
    }
}

/// What was shown first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum FirstFactor {
    /// The password.
    Password,
    /// A code by mail.
    Email,
    /// A code by text message.
    Sms,
    /// An account at a provider.
    Provider,
}

impl FirstFactor {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Provider => "provider",
        }
    }
}

/// What came of it.
pub(super) enum SignIn {
    /// In.
    Opened(Opened),
    /// In, once this is answered.
    Asked(Asked),
}

/// A password at the door.
pub(super) struct PasswordAttempt {
    pub(super) login: String,
    pub(super) password: SecretString,
    pub(super) platform: Option<String>,
}

/// Signs in with a password.
pub(super) async fn with_password(
    app: &App,
    attempt: PasswordAttempt,
    visitor: &Visitor,
) -> Result<SignIn, AccessError> {
    // Nothing that is typed at the door is the name of another budget.
    let at_the_door = format!("sign in {}", attempt.login);
    if visitor.devices.is_empty() {
        app.throttle.attempt(&at_the_door, visitor.ip)?;
    }
    let admin = app
        .config
        .super_admin
        .as_ref()
        .filter(|admin| admin.account == attempt.login);
    let platform = attempt.platform.as_deref().unwrap_or("default");
    let shares = app.decoys.shares(app).await?;
    let found = match admin {
        Some(_) => None,
        None => store::user::find_login(&app.db, platform, &attempt.login).await?,
    };
    // Looked for as nobody's where there is no such user, so that the time is the same.
    let user = found
        .as_ref()
        .map_or(UserId::from_uuid(uuid::Uuid::nil()), |found| found.id);
    let device = device::find(app, user, &visitor.devices).await?;
    let admins = admin.and_then(|admin| visitor.devices.admins(&app.keys, &admin.account, app.clock.now()));
    let known = device.is_some() || admins.is_some();
    match (device, admins) {
        (Some(device), _) => app.throttle.known_device(&device)?,
        (None, Some(token)) => app.throttle.known_device(&token)?,
        (None, None) if visitor.devices.is_empty() => {}
        (None, None) => app.throttle.attempt(&at_the_door, visitor.ip)?,
    }
    // Told by nothing: whether two names are one user's is nobody's business.
    let counted = known
        || found
            .as_ref()
            .is_none_or(|found| app.throttle.user(found.id, visitor.ip));
    let hash = match (admin, &found) {
        (Some(admin), _) => Some(admin.password_hash.clone()),
        (None, Some(found)) => Some(SecretString::from(found.password_hash.clone())),
        (None, None) => shares.of(app, platform, &attempt.login),
    };
    let active = admin.is_some() || found.as_ref().is_some_and(|found| found.status == "active");
    let line = if known {
        Line::Known
    } else if admin.is_none() && is_imported(found.as_ref(), hash.as_ref()) {
        Line::Imported
    } else {
        Line::Strangers
    };
    let right = password::verify(attempt.password.clone(), hash, line).await?;
    if !right || !active || !counted {
        let id = found.map(|found| found.id.to_string()).unwrap_or_default();
        // Whoever asks why the right password was refused is told by who reads the log.
        let why = if counted {
            ""
        } else {
            "too many attempts on this user from that network"
        };
        let entry = Entry::refused("auth:login", "user", id).detail(why);
        audit::record_refusal(app, &visitor.nobody(), None, entry).await;
        return Err(AccessError::WrongCredentials);
    }
    let Some(found) = found else {
        let opened = session::open(app, None, attempt.login, visitor, "password").await?;
        return Ok(SignIn::Opened(opened));
    };
    if password::is_due(&found.password_hash) || !found.hash_kind.is_empty() {
        upgrade(app, &found, attempt.password).await?;
    }
    proceed(app, (found.id, found.username), visitor, FirstFactor::Password).await
}

/// Whether the password is compared with another system's hash, or with what stands for one where there is no such user.
fn is_imported(found: Option<&store::user::LoginRow>, decoy: Option<&SecretString>) -> bool {
    match found {
        Some(found) => password::is_due(&found.password_hash) || !found.hash_kind.is_empty(),
        None => decoy.is_some(),
    }
}

/// Puts a hash of ours in the place of an imported one, and notes how strong the password is: weak or not, it is theirs.
async fn upgrade(
    app: &App,
    found: &store::user::LoginRow,
    password: SecretString,
) -> Result<(), AccessError> {
    let user = super::user::get(app, found.id).await?;
    let score = strength::score(password.clone(), strength::words(&user), Line::Known).await?;
    let hash = password::hash(password, Line::Known).await?;
    let now = app.clock.now();
    crate::in_tx!(app.db, |tx| {
        let kept = (found.password_hash.as_str(), hash.expose_secret());
        store::user::replace_password(tx, found.id, kept, score, now).await?;
    });
    Ok(())
}

/// Lets somebody in whose first factor was right, or asks for the second.
pub(super) async fn proceed(
    app: &App,
    (user, username): (UserId, String),
    visitor: &Visitor,
    first: FirstFactor,
) -> Result<SignIn, AccessError> {
    let factors = second_factor::of(app, user).await?;
    let device = device::find(app, user, &visitor.devices).await?;
    if factors.always || is_strange(app, user, device, visitor).await? {
        let methods: Vec<Method> = factors.methods(first).collect();
        if !methods.is_empty() {
            let asked = challenge::ask(app, user, challenge::Purpose::SecondFactor, methods).await?;
            return Ok(SignIn::Asked(asked));
        }
        if factors.always {
            return Err(AccessError::NoSecondFactor);
        }
    }
    let opened = session::open(app, Some(user), username, visitor, first.as_str()).await?;
    Ok(SignIn::Opened(opened))
}

/// Whether the user was never seen on this device, or never in this region.
async fn is_strange(
    app: &App,
    user: UserId,
    device: Option<DeviceId>,
    visitor: &Visitor,
) -> Result<bool, AccessError> {
    if device.is_none() {
        return Ok(true);
    }
    let Some(ip) = visitor.ip else { return Ok(false) };
    let region = region::of(app, ip).await;
    Ok(!store::device::knows_region(&app.db, user, &region).await?)
}
