//! Sign-in, renewal and sign-out.

use std::net::IpAddr;

use aws_lc_rs::hmac;
use muster_base::{ExposeSecret, SecretString, SessionId, UnixMs, UserId, random_token, sha256};
use subtle::ConstantTimeEq;

use super::{AccessError, Actor, Identity, password, store, token};
use crate::{
    app::App,
    audit::{self, Entry},
    in_tx,
    keys::{Keys, Purpose},
};

/// A session that nobody uses for so long ends.
const IDLE_MS: i64 = 7 * UnixMs::DAY;
/// A session ends after so long in any case.
const LIFE_MS: i64 = 30 * UnixMs::DAY;

/// How a session is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Access and refresh token in the answer.
    Bearer,
    /// HttpOnly cookie and CSRF token.
    Cookie,
}

impl Mode {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Cookie => "cookie",
        }
    }
}

/// What a sign-in shows.
pub(super) struct Attempt {
    pub(super) login: String,
    pub(super) password: SecretString,
    pub(super) platform: Option<String>,
    pub(super) mode: Mode,
    pub(super) ip: Option<IpAddr>,
    pub(super) user_agent: Option<String>,
}

/// A session as its owner gets it, once.
pub(super) struct Opened {
    pub(super) session: SessionId,
    /// Refresh token (bearer) or cookie value (cookie).
    pub(super) secret: SecretString,
    pub(super) access_token: Option<SecretString>,
    pub(super) expires_at: UnixMs,
    /// `None`: the super administrator.
    pub(super) user: Option<UserId>,
}

/// Signs in with a password.
pub(super) async fn login(app: &App, attempt: Attempt) -> Result<Opened, AccessError> {
    app.throttle.attempt(&attempt.login, attempt.ip)?;
    let admin = app
        .config
        .super_admin
        .as_ref()
        .filter(|admin| admin.account == attempt.login);
    let platform = attempt.platform.as_deref().unwrap_or("default");
    let found = match admin {
        Some(_) => None,
        None => store::user::find_login(&app.db, platform, &attempt.login).await?,
    };
    let hash = match (admin, &found) {
        (Some(admin), _) => Some(admin.password_hash.clone()),
        (None, Some(found)) => Some(SecretString::from(found.password_hash.clone())),
        (None, None) => None,
    };
    let active = admin.is_some() || found.as_ref().is_some_and(|found| found.status == "active");
    if !password::verify(attempt.password, hash).await? || !active {
        let nobody = Identity {
            actor: Actor::System { part: "sign-in" },
            ip: attempt.ip,
            platform: None,
        };
        let id = found.map(|found| found.id.to_string()).unwrap_or_default();
        audit::record_refusal(app, &nobody, None, Entry::refused("auth:login", "user", id)).await;
        return Err(AccessError::WrongCredentials);
    }
    let user = found.as_ref().map(|found| found.id);
    let session = app.clock.new_id();
    let actor = match found {
        Some(found) => Actor::User {
            user: found.id,
            username: found.username,
            session,
        },
        None => Actor::SuperAdmin {
            account: attempt.login,
            session: Some(session),
        },
    };
    let who = Identity {
        actor,
        ip: attempt.ip,
        platform: None,
    };
    open(app, &who, session, user, attempt.mode, attempt.user_agent).await
}

async fn open(
    app: &App,
    who: &Identity,
    session: SessionId,
    user: Option<UserId>,
    mode: Mode,
    user_agent: Option<String>,
) -> Result<Opened, AccessError> {
    let now = app.clock.now();
    let secret = random_token(if mode == Mode::Cookie { "mcs_" } else { "mrt_" });
    let row = store::session::NewSession {
        id: session,
        user,
        kind: mode.as_str(),
        token_hash: sha256(secret.as_bytes()).0,
        ip: who.ip.map(|ip| ip.to_string()),
        user_agent: user_agent.map(|agent| agent.chars().take(256).collect()),
        now,
        expires_at: now.plus_ms(IDLE_MS),
    };
    in_tx!(app.db, |tx| {
        store::session::insert(tx, &row).await?;
        if let Some(user) = user {
            let region = who.ip.map(region);
            let seen = (row.ip.as_deref(), row.user_agent.as_deref(), region.as_deref());
            store::user::set_login(tx, user, now, seen).await?;
        }
        audit::record(app, tx, who, None, Entry::done("auth:login", "session", session)).await?;
    });
    let (access_token, expires_at) = match mode {
        Mode::Bearer => {
            let (token, expires) = token::issue(&app.keys, session, now)?;
            (Some(SecretString::from(token)), expires)
        }
        Mode::Cookie => (None, row.expires_at),
    };
    Ok(Opened {
        session,
        secret: secret.into(),
        access_token,
        expires_at,
        user,
    })
}

/// Where an address is from, without a region file: its /16, or /48.
fn region(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            format!("{a}.{b}.0.0/16")
        }
        IpAddr::V6(ip) => {
            let [a, b, c, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}

/// Exchanges a refresh token for new tokens. A token that was exchanged before ends its session: one of the two who
/// hold it is a thief.
pub(super) async fn refresh(app: &App, refresh_token: &SecretString) -> Result<Opened, AccessError> {
    let now = app.clock.now();
    let hash = sha256(refresh_token.expose_secret().as_bytes()).0;
    let next = random_token("mrt_");
    let next_hash = sha256(next.as_bytes()).0;
    let expires_at = now.plus_ms(IDLE_MS);
    let rotated = in_tx!(app.db, |tx| {
        let rotated =
            store::session::rotate(tx, &hash, &next_hash, now, expires_at, now.plus_ms(-LIFE_MS)).await?;
        if rotated.is_none() {
            store::session::revoke_reused(tx, &hash, now).await?;
        }
        rotated
    });
    let (session, user) = rotated.ok_or(AccessError::NotSignedIn)?;
    let (access, expires_at) = token::issue(&app.keys, session, now)?;
    Ok(Opened {
        session,
        secret: next.into(),
        access_token: Some(access.into()),
        expires_at,
        user,
    })
}

/// Ends this session, or all of this person's sessions.
pub(super) async fn logout(app: &App, who: &Identity, everywhere: bool) -> Result<(), AccessError> {
    let now = app.clock.now();
    let session = match &who.actor {
        Actor::User { session, .. } => Some(*session),
        Actor::SuperAdmin { session, .. } => *session,
        Actor::ApiKey { .. } | Actor::Webhook { .. } | Actor::Agent { .. } | Actor::System { .. } => None,
    };
    let Some(session) = session else {
        return Err(AccessError::NotSignedIn);
    };
    in_tx!(app.db, |tx| {
        if everywhere {
            store::session::revoke_all(tx, who.actor.user(), now).await?;
        } else {
            store::session::revoke(tx, session, now).await?;
        }
        let operation = if everywhere {
            "auth:logoutEverywhere"
        } else {
            "auth:logout"
        };
        audit::record(app, tx, who, None, Entry::done(operation, "session", session)).await?;
    });
    Ok(())
}

/// The CSRF token of a cookie session: a keyed hash of its id, so that nothing needs to be stored.
pub(super) fn csrf_token(keys: &Keys, session: SessionId) -> String {
    csrf_by(&keys.derive(Purpose::Csrf), session)
}

/// Whether `token` is the session's; also one that an older master key made, while that key is known.
pub(super) fn csrf_matches(keys: &Keys, session: SessionId, token: &str) -> bool {
    let expected = keys.derive_all(Purpose::Csrf);
    let mut expected = expected.iter().map(|key| csrf_by(key, session));
    expected.any(|expected| bool::from(token.as_bytes().ct_eq(expected.as_bytes())))
}

fn csrf_by(key: &[u8; 32], session: SessionId) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hex::encode(hmac::sign(&key, session.as_uuid().as_bytes()))
}

/// Deletes sessions that ended long ago.
pub(super) fn forget_ended(app: &App) -> crate::schedule::Running<'_> {
    Box::pin(async move {
        let before = app.clock.now().plus_ms(-LIFE_MS);
        let forget = async || -> Result<(), crate::db::DbError> {
            in_tx!(app.db, |tx| store::session::delete_ended(tx, before).await?);
            Ok(())
        };
        Ok(forget().await?)
    })
}
