//! Second factors: what one has beside what one knows.
//!
//! | factor | set up by | kept as |
//! |---|---|---|
//! | code by time | scanning a picture with an authenticator app, and entering its code once | secret, sealed ([`super::SHELVES`]) |
//! | recovery codes | shown once when that is confirmed, ten of them, anew on request | SHA-256 of 80 random bits each |
//! | code by mail | verifying one's address | nothing |
//!
//! ```text
//! none ─→ begun (unconfirmed, worth nothing) ─→ confirmed ─→ removed, by the user with their password or an administrator
//! ```
//! Everything that weakens an account asks for the password again. A password that was set by a mailed link and a mailed
//! code are one factor: whoever has an authenticator app needs it then, until the password is another. A time step and a recovery code work once. An
//! administrator who takes somebody's second factor away also makes all of their devices strangers, and leaves an audit row.

use muster_base::{ExposeSecret, OrgId, SecretString, UnixMs, UserId, random_array, sha256};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{AccessError, Identity, challenge::Method, confirm, sign_in::FirstFactor, store, totp};
use crate::{
    app::App,
    audit::{self, Entry},
    config::Mfa,
    db::Tx,
    error::Error,
    flaw::Flaw,
    in_tx,
    keys::Purpose,
    secrets::seal::{Place, Sealer},
};

/// What a sealed secret is bound to, beside its row.
pub(super) const SEALED: &str = "totp";
const RECOVERY_CODES: usize = 10;
const RECOVERY_BYTES: usize = 10;

/// What somebody has.
#[derive(Debug, Clone)]
pub(super) struct Factors {
    /// Whether it is asked for at each sign-in.
    pub(super) always: bool,
    pub(super) totp: bool,
    pub(super) recovery_codes: i64,
    /// What a code proves that is mailed to their address.
    mailbox: Mailbox,
}

/// What a mailed code proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mailbox {
    /// There is no address that one may be mailed to.
    Nothing,
    /// That the address is theirs, which the password says nothing of.
    Address,
    /// What the password proves: it was set by a link that was mailed there.
    SameAsPassword,
}

impl Factors {
    /// What answers for them after that first factor: what proves the same proves nothing more.
    pub(super) fn methods(&self, first: FirstFactor) -> impl Iterator<Item = Method> {
        let recovery = self.totp && self.recovery_codes > 0;
        let mailed = first == FirstFactor::Password && self.mailbox == Mailbox::SameAsPassword;
        let email = self.mailbox != Mailbox::Nothing;
        let all = [
            (self.totp, Method::Totp),
            (recovery, Method::Recovery),
            // Who has nothing else is let in by their mailbox alone, or they would never be again.
            (email && !(mailed && self.totp), Method::Email),
        ];
        all.into_iter()
            .filter_map(move |(has, method)| (has && !method.is(first)).then_some(method))
    }
}

/// When a second factor is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MfaMode {
    /// On a new device or from a new region.
    Auto,
    /// At each sign-in.
    Always,
}

impl MfaMode {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Always => "always",
        }
    }
}

/// One's own second factors.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecondFactor {
    /// When it is asked for.
    pub mfa: MfaMode,
    /// Whether everybody here is asked at each sign-in, whatever `mfa` says.
    pub required: bool,
    /// Whether an authenticator app is set up.
    pub totp: bool,
    /// Recovery codes that were not used yet.
    pub recovery_codes_left: i64,
    /// Whether a code can be mailed: the address is verified.
    pub email: bool,
}

/// The password, once more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordAgain {
    /// One's own password.
    #[schema(value_type = String, format = Password)]
    pub password: SecretString,
}

/// What an authenticator app needs; shown once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TotpBegun {
    /// To be typed: base32.
    #[serde(serialize_with = "shown")]
    #[schema(value_type = String)]
    pub secret: SecretString,
    /// To be shown as a QR code: `otpauth://…`.
    #[serde(serialize_with = "shown")]
    #[schema(value_type = String)]
    pub uri: SecretString,
}

/// The app's code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TotpCode {
    /// Six digits.
    #[schema(value_type = String)]
    pub code: SecretString,
}

/// Recovery codes; shown once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryCodes {
    /// Ten, each for one sign-in without the app.
    #[serde(serialize_with = "all_shown")]
    #[schema(value_type = Vec<String>)]
    pub recovery_codes: Vec<SecretString>,
}

/// When one's second factor is to be asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MfaWish {
    /// `auto` or `always`.
    pub mfa: MfaMode,
    /// One's own password.
    #[schema(value_type = String, format = Password)]
    pub password: SecretString,
}

fn shown<S: serde::Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

fn all_shown<S: serde::Serializer>(secrets: &[SecretString], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(secrets.iter().map(ExposeSecret::expose_secret))
}

/// What a user has.
pub(super) async fn of(app: &App, user: UserId) -> Result<Factors, AccessError> {
    let row = store::second_factor::find(&app.db, user)
        .await?
        .ok_or(AccessError::NoUser)?;
    let always = row.mfa == MfaMode::Always.as_str() || app.config.sign_in.mfa == Mfa::Always;
    // Where it is always asked for, the address that an administrator wrote down must do for the first time.
    let counts = row.email_verified.is_some_and(|verified| verified || always);
    Ok(Factors {
        always,
        totp: row.totp,
        recovery_codes: row.recovery_codes,
        mailbox: match (counts, row.password_mailed) {
            (false, _) => Mailbox::Nothing,
            (true, false) => Mailbox::Address,
            (true, true) => Mailbox::SameAsPassword,
        },
    })
}

/// One's own.
pub(super) async fn get(app: &App, who: &Identity) -> Result<SecondFactor, AccessError> {
    let id = who.require_user()?;
    let row = store::second_factor::find(&app.db, id)
        .await?
        .ok_or(AccessError::NoUser)?;
    Ok(SecondFactor {
        mfa: if row.mfa == MfaMode::Always.as_str() {
            MfaMode::Always
        } else {
            MfaMode::Auto
        },
        required: app.config.sign_in.mfa == Mfa::Always,
        totp: row.totp,
        recovery_codes_left: row.recovery_codes,
        email: row.email_verified == Some(true),
    })
}

/// Makes a secret for an authenticator app; it counts once its code was entered.
pub(super) async fn begin_totp(
    app: &App,
    who: &Identity,
    again: PasswordAgain,
) -> Result<TotpBegun, AccessError> {
    let id = confirm::confirm_password(app, who, again.password).await?;
    let secret = totp::generate();
    let sealed = Sealer::of(&app.keys, Purpose::SecondFactors).seal(&place(id), secret.as_slice());
    let sealed = sealed.map_err(|error| AccessError::Crypto(error.to_string()))?;
    in_tx!(app.db, |tx| {
        if !store::second_factor::begin_totp(tx, id, &sealed, app.clock.now()).await? {
            return Err(conflict(
                "has-totp",
                "an authenticator app is set up already: remove it first",
            ));
        }
        audit::record(app, tx, who, None, Entry::done("user:beginTotp", "user", id)).await?;
    });
    Ok(TotpBegun {
        secret: totp::base32(secret.as_slice()).into(),
        uri: totp::uri(secret.as_slice(), &who.actor.name()),
    })
}

/// Confirms the app by its code; answers recovery codes.
pub(super) async fn confirm_totp(
    app: &App,
    who: &Identity,
    code: TotpCode,
) -> Result<RecoveryCodes, AccessError> {
    let id = who.require_user()?;
    app.throttle.second_factor(id)?;
    let now = app.clock.now();
    let (codes, hashes) = recovery_codes();
    in_tx!(app.db, |tx| {
        let pending = store::second_factor::pending_totp(tx, &app.db, id).await?;
        let pending = pending.ok_or_else(|| conflict("no-totp", "begin with a secret for the app first"))?;
        let secret = open(app, id, &pending)?;
        let step = totp::step_of(&secret, code.code.expose_secret().trim(), now, 0);
        let Some(step) = step else {
            return Err(AccessError::invalid("code", Flaw::Code));
        };
        store::second_factor::confirm_totp(tx, id, step, now).await?;
        store::second_factor::replace_recovery(tx, id, &hashes).await?;
        audit::record(app, tx, who, None, Entry::done("user:confirmTotp", "user", id)).await?;
    });
    Ok(RecoveryCodes {
        recovery_codes: codes,
    })
}

/// Takes the app and the recovery codes away.
pub(super) async fn remove_totp(app: &App, who: &Identity, again: PasswordAgain) -> Result<(), AccessError> {
    let id = confirm::confirm_password(app, who, again.password).await?;
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        store::second_factor::remove_totp(tx, id).await?;
        store::second_factor::lower_mfa(tx, id, now).await?;
        audit::record(app, tx, who, None, Entry::done("user:removeTotp", "user", id)).await?;
    });
    Ok(())
}

/// New recovery codes in the place of the old ones.
pub(super) async fn renew_recovery(
    app: &App,
    who: &Identity,
    again: PasswordAgain,
) -> Result<RecoveryCodes, AccessError> {
    let id = confirm::confirm_password(app, who, again.password).await?;
    if !of(app, id).await?.totp {
        return Err(conflict(
            "no-totp",
            "recovery codes belong to an authenticator app: set one up first",
        ));
    }
    let (codes, hashes) = recovery_codes();
    in_tx!(app.db, |tx| {
        store::second_factor::replace_recovery(tx, id, &hashes).await?;
        audit::record(
            app,
            tx,
            who,
            None,
            Entry::done("user:renewRecoveryCodes", "user", id),
        )
        .await?;
    });
    Ok(RecoveryCodes {
        recovery_codes: codes,
    })
}

/// Says when one's second factor is asked for.
pub(super) async fn set_mfa(app: &App, who: &Identity, wish: MfaWish) -> Result<SecondFactor, AccessError> {
    let id = confirm::confirm_password(app, who, wish.password).await?;
    let has = of(app, id).await?;
    if wish.mfa == MfaMode::Always && !has.totp && has.mailbox == Mailbox::Nothing {
        return Err(conflict(
            "no-second-factor",
            "set up an authenticator app or verify your e-mail address first",
        ));
    }
    in_tx!(app.db, |tx| {
        store::second_factor::set_mfa(tx, id, wish.mfa, app.clock.now()).await?;
        let entry = Entry::done("user:setMfa", "user", id).after(&wish.mfa);
        audit::record(app, tx, who, None, entry).await?;
    });
    get(app, who).await
}

/// Takes everything away from somebody who lost it, in an administrator's transaction.
pub(super) async fn reset(tx: &mut Tx, user: UserId, now: UnixMs) -> Result<(), AccessError> {
    store::second_factor::remove_totp(tx, user).await?;
    store::device::revoke_all(tx, user, now).await?;
    store::session::revoke_all(tx, Some(user), now).await?;
    Ok(())
}

/// Whether this is the app's code; it counts once.
pub(super) async fn take_totp(app: &App, tx: &mut Tx, user: UserId, code: &str) -> Result<bool, AccessError> {
    let Some((sealed, last)) = store::second_factor::confirmed_totp(tx, &app.db, user).await? else {
        return Ok(false);
    };
    let secret = open(app, user, &sealed)?;
    match totp::step_of(&secret, code, app.clock.now(), last) {
        Some(step) => Ok(store::second_factor::use_step(tx, user, step).await?),
        None => Ok(false),
    }
}

/// Whether this is one of the recovery codes; it counts once.
pub(super) async fn take_recovery(
    app: &App,
    tx: &mut Tx,
    user: UserId,
    code: &str,
) -> Result<bool, AccessError> {
    let typed: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    let hash = sha256(typed.to_ascii_uppercase().as_bytes()).0;
    Ok(store::second_factor::use_recovery(tx, user, &hash, app.clock.now()).await?)
}

fn open(app: &App, user: UserId, sealed: &str) -> Result<zeroize::Zeroizing<Vec<u8>>, AccessError> {
    let opened = Sealer::of(&app.keys, Purpose::SecondFactors).open(&place(user), sealed);
    opened.map_err(|error| AccessError::Refused(Error::internal(error)))
}

fn place(user: UserId) -> Place {
    Place {
        org: OrgId::from_uuid(Uuid::nil()),
        kind: SEALED,
        id: *user.as_uuid(),
        version: 0,
    }
}

/// Codes to be shown, and what is kept of them.
fn recovery_codes() -> (Vec<SecretString>, Vec<[u8; 32]>) {
    let codes = (0..RECOVERY_CODES).map(|_| {
        let code = totp::base32(&random_array::<RECOVERY_BYTES>());
        let hash = sha256(code.as_bytes()).0;
        let (parts, _) = code.as_bytes().as_chunks::<4>();
        let parts: Vec<_> = parts.iter().map(|part| String::from_utf8_lossy(part)).collect();
        (SecretString::from(parts.join("-")), hash)
    });
    codes.unzip()
}

fn conflict(code: &'static str, message: &str) -> AccessError {
    AccessError::Conflict {
        code,
        message: message.to_owned(),
    }
}
