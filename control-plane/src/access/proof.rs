//! Proofs by mail: links that show that somebody reads an address.
//!
//! | purpose | asked for by | what the link does | life |
//! |---|---|---|---|
//! | `passwordReset` | anybody, for an account | sets a new password, ends all sessions | 1 h |
//! | `emailVerification` | the user, and Muster whenever they enter an address | says that the address is theirs | 24 h |
//!
//! The link's token is kept as a hash. It works once, until it expires, as long as the address that it was sent to is
//! still the user's; a reset uses up every other one. A reset goes to an address that is known to be theirs: verified, or
//! written down by an administrator; not to one that they only typed, which may be a stranger's. Whoever has an
//! authenticator app needs it after a reset: a mailed code proves nothing beside a mailed link ([`super::second_factor`]). Of each kind an account has three that work at most, so that
//! whoever asks for a stranger's account fills no mailbox; the stranger can use those.
//!
//! Asking for a reset is answered before anything is looked up ([`Throttle::aside`]), so that neither the answer nor its
//! time says whether there is such an account.
//!
//! [`Throttle::aside`]: super::Throttle::aside

use std::net::IpAddr;

use muster_base::{ExposeSecret, PlatformId, SecretString, UnixMs, UserId, random_token, sha256};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{AccessError, Actor, Identity, User, store, strength, turns::Line, user};
use crate::{
    app::App,
    audit::{self, Entry},
    db::Tx,
    flaw::Flaw,
    in_tx,
    notify::{self, Channel, Language, Letter, Template},
};

const PREFIX: &str = "prf_";
/// Proofs of one purpose that somebody may have at a time.
const AT_A_TIME: i64 = 3;
const RESET_LIFE_MS: i64 = UnixMs::HOUR;
const VERIFICATION_LIFE_MS: i64 = UnixMs::DAY;

/// What a proof is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A new password.
    PasswordReset,
    /// That an address is theirs.
    EmailVerification,
}

impl Purpose {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::PasswordReset => "passwordReset",
            Self::EmailVerification => "emailVerification",
        }
    }

    const fn life_ms(self) -> i64 {
        match self {
            Self::PasswordReset => RESET_LIFE_MS,
            Self::EmailVerification => VERIFICATION_LIFE_MS,
        }
    }

    const fn page(self) -> &'static str {
        match self {
            Self::PasswordReset => "reset-password",
            Self::EmailVerification => "verify-email",
        }
    }

    const fn template(self) -> Template {
        match self {
            Self::PasswordReset => Template::PasswordReset,
            Self::EmailVerification => Template::EmailVerification,
        }
    }
}

/// Somebody who can't sign in any more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForgottenPassword {
    /// Account, user name, e-mail address or mobile number.
    pub login: String,
    /// Code of the platform; `default` if absent.
    pub platform: Option<String>,
}

/// A new password, by the link that was mailed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordReset {
    /// `prf_…` from the link.
    #[schema(value_type = String)]
    pub token: SecretString,
    /// At least 10 characters.
    #[schema(value_type = String, format = Password)]
    pub password: SecretString,
}

/// That an address is one's own, by the link that was mailed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EmailProof {
    /// `prf_…` from the link.
    #[schema(value_type = String)]
    pub token: SecretString,
}

/// A proof to be kept.
pub(super) struct NewProof<'a> {
    pub(super) id: Uuid,
    pub(super) user: UserId,
    pub(super) purpose: Purpose,
    pub(super) email: &'a str,
    pub(super) hash: [u8; 32],
    pub(super) now: UnixMs,
    pub(super) expires_at: UnixMs,
}

/// Asks for a link that sets a new password. Whether one is sent shows in no answer.
pub(super) fn forgot(
    app: &App,
    wish: ForgottenPassword,
    ip: Option<IpAddr>,
    language: Language,
) -> Result<(), AccessError> {
    app.throttle.address(ip)?;
    let task = app.clone();
    app.throttle.aside(app, "access.forgotten-password", async move {
        let platform = wish.platform.as_deref().unwrap_or("default");
        let Some(found) = store::user::find_login(&task.db, platform, &wish.login).await? else {
            return Ok(());
        };
        let user = user::get(&task, found.id).await?;
        if user.status != "active" || !store::user::may_reset(&task.db, user.id).await? {
            return Ok(());
        }
        let who = nobody(ip, user.platform_id);
        in_tx!(task.db, |tx| {
            if send(&task, tx, &user, Purpose::PasswordReset, language).await? {
                let entry = Entry::done("auth:forgotPassword", "user", user.id);
                audit::record(&task, tx, &who, None, entry).await?;
            }
        });
        task.notify.wake();
        Ok(())
    })
}

/// Sets a new password by a link, and ends all of the user's sessions.
pub(super) async fn reset(
    app: &App,
    wish: PasswordReset,
    ip: Option<IpAddr>,
    language: Language,
) -> Result<(), AccessError> {
    app.throttle.address(ip)?;
    let hash = sha256(wish.token.expose_secret().as_bytes()).0;
    let purpose = Purpose::PasswordReset;
    let now = app.clock.now();
    let found = store::proof::find(&app.db, purpose, &hash, now).await?;
    let user = user::get(app, found.ok_or_else(worthless)?).await?;
    let accepted = strength::accept(app, wish.password, strength::words(&user), Line::Known).await?;
    let who = nobody(ip, user.platform_id);
    in_tx!(app.db, |tx| {
        let taken = store::proof::take(tx, purpose, &hash, now).await?;
        if taken != Some(user.id) {
            return Err(worthless());
        }
        store::proof::use_up(tx, user.id, purpose, now).await?;
        store::user::set_password(
            tx,
            user.id,
            (accepted.hash.expose_secret(), accepted.strength, true),
            now,
        )
        .await?;
        // Whoever reads the mail has the address.
        store::user::set_email_verified(tx, user.id, now).await?;
        store::session::revoke_all(tx, Some(user.id), now).await?;
        tell_password_changed(app, tx, &user, language).await?;
        let entry = Entry::done("auth:resetPassword", "user", user.id).detail("all sessions ended");
        audit::record(app, tx, &who, None, entry).await?;
    });
    app.notify.wake();
    Ok(())
}

/// Asks for a link that verifies one's own address.
pub(super) async fn ask_verification(
    app: &App,
    who: &Identity,
    language: Language,
) -> Result<(), AccessError> {
    let user = user::get(app, who.require_user()?).await?;
    let in_the_way = |code, message: &str| AccessError::Conflict {
        code,
        message: message.to_owned(),
    };
    if user.email.is_none() {
        return Err(in_the_way(
            "no-address",
            "your profile has no e-mail address: enter one first",
        ));
    }
    if user.email_verified_at.is_some() {
        return Err(in_the_way("verified", "your e-mail address is verified already"));
    }
    let sent = in_tx!(app.db, |tx| send(
        app,
        tx,
        &user,
        Purpose::EmailVerification,
        language
    )
    .await?);
    app.notify.wake();
    if sent {
        Ok(())
    } else {
        Err(in_the_way(
            "sent",
            "some mails are on their way to you: open the link in the newest, or wait until they expire",
        ))
    }
}

/// Says that an address is its user's, by a link.
pub(super) async fn verify(app: &App, proof: EmailProof, ip: Option<IpAddr>) -> Result<(), AccessError> {
    app.throttle.address(ip)?;
    let hash = sha256(proof.token.expose_secret().as_bytes()).0;
    let purpose = Purpose::EmailVerification;
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        let user = store::proof::take(tx, purpose, &hash, now)
            .await?
            .ok_or_else(worthless)?;
        store::proof::use_up(tx, user, purpose, now).await?;
        store::user::set_email_verified(tx, user, now).await?;
        let platform = store::user::platform_of(tx, user)
            .await?
            .ok_or(AccessError::NoUser)?;
        let entry = Entry::done("user:verifyEmail", "user", user);
        audit::record(app, tx, &nobody(ip, platform), None, entry).await?;
    });
    Ok(())
}

/// Posts a link of this purpose to the user's address, in the transaction of what it is about; not if they have enough
/// of them.
pub(super) async fn send(
    app: &App,
    tx: &mut Tx,
    user: &User,
    purpose: Purpose,
    language: Language,
) -> Result<bool, AccessError> {
    let Some(email) = &user.email else {
        return Ok(false);
    };
    let now = app.clock.now();
    // Waits for whoever does the same: the count must hold.
    store::user::lock(tx, &app.db, user.id).await?;
    if store::proof::count(tx, user.id, purpose, email, now).await? >= AT_A_TIME {
        return Ok(false);
    }
    let token = random_token(PREFIX);
    let proof = NewProof {
        id: app.clock.new_id(),
        user: user.id,
        purpose,
        email,
        hash: sha256(token.as_bytes()).0,
        now,
        expires_at: now.plus_ms(purpose.life_ms()),
    };
    store::proof::insert(tx, &proof).await?;
    // Behind `#`, so that no server and no log on the way sees it.
    let link = format!("{}/{}#{token}", app.config.base_url(), purpose.page());
    let letter = Letter::new(
        Channel::Mail,
        email,
        language,
        purpose.template(),
        proof.expires_at,
    )
    .of_platform(user.platform_id)
    .with("username", &user.username)
    .carrying(link.into());
    notify::post(app, tx, letter).await?;
    Ok(true)
}

/// Tells the user that their password is another now, in case that it was not they.
pub(super) async fn tell_password_changed(
    app: &App,
    tx: &mut Tx,
    user: &User,
    language: Language,
) -> Result<(), AccessError> {
    let Some(email) = &user.email else { return Ok(()) };
    let expires = app.clock.now().plus_ms(7 * UnixMs::DAY);
    let letter = Letter::new(Channel::Mail, email, language, Template::PasswordChanged, expires)
        .of_platform(user.platform_id)
        .with("username", &user.username);
    notify::post(app, tx, letter).await?;
    Ok(())
}

/// Tells the address of before that it is the user's no more, in case that it was not they who took it away.
pub(super) async fn tell_address_changed(
    app: &App,
    tx: &mut Tx,
    before: &User,
    language: Language,
) -> Result<(), AccessError> {
    let Some(email) = &before.email else { return Ok(()) };
    let expires = app.clock.now().plus_ms(7 * UnixMs::DAY);
    let letter = Letter::new(Channel::Mail, email, language, Template::AddressChanged, expires)
        .of_platform(before.platform_id)
        .with("username", &before.username);
    notify::post(app, tx, letter).await?;
    Ok(())
}

/// Deletes proofs that ended a while ago.
pub(super) fn forget(app: &App) -> crate::schedule::Running<'_> {
    Box::pin(async move {
        let before = app.clock.now().plus_ms(-7 * UnixMs::DAY);
        let forget = async || -> Result<(), crate::db::DbError> {
            in_tx!(app.db, |tx| store::proof::delete_ended(tx, before).await?);
            Ok(())
        };
        Ok(forget().await?)
    })
}

fn worthless() -> AccessError {
    AccessError::invalid("token", Flaw::Link)
}

/// Whoever holds the link.
fn nobody(ip: Option<IpAddr>, platform: PlatformId) -> Identity {
    Identity {
        actor: Actor::System { part: "mailed-link" },
        ip,
        platform: Some(platform),
    }
}
