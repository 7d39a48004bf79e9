//! Sessions: opened by a sign-in, renewed, ended.
//!
//! | carried | by | ends |
//! |---|---|---|
//! | bearer | an access token for 15 minutes, and a refresh token that is exchanged once | 7 days after its last exchange |
//! | cookie | an HttpOnly cookie | 7 days after its last request |
//!
//! Either ends 30 days after it was opened, and when it is revoked. A refresh token names its session and is signed by a
//! key of ours ([`super::token`]), so that each one that was exchanged is known without being kept: whoever shows one
//! again, the thief or the robbed, ends the session for both. Only of tokens from before that was so the last is kept.

use std::net::IpAddr;

use aws_lc_rs::hmac;
use muster_base::{ExposeSecret, SecretString, SessionId, UnixMs, UserId, random_token, sha256};
use subtle::ConstantTimeEq;

use super::{AccessError, Actor, Identity, device, region, sign_in::Visitor, store, token};
use crate::{
    app::App,
    audit::{self, Entry},
    in_tx,
    keys::{Keys, Purpose},
};

/// A session that nobody uses for so long ends.
const IDLE_MS: i64 = 7 * UnixMs::DAY;
/// How often a request moves that end at most: few of them have something to write.
const TOUCHED_MS: i64 = UnixMs::HOUR;
/// A session ends after so long in any case.
pub(super) const LIFE_MS: i64 = 30 * UnixMs::DAY;

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

/// A session as its owner gets it, once.
pub(super) struct Opened {
    pub(super) session: SessionId,
    /// Refresh token (bearer) or cookie value (cookie).
    pub(super) secret: SecretString,
    pub(super) access_token: Option<SecretString>,
    pub(super) expires_at: UnixMs,
    /// `None`: the super administrator.
    pub(super) user: Option<UserId>,
    /// What a new device keeps from now on; none if it was known.
    pub(super) devices: Option<SecretString>,
}

/// Opens a session for somebody who proved who they are; `user` is none for the super administrator. `how` they did is for
/// the log.
pub(super) async fn open(
    app: &App,
    user: Option<UserId>,
    name: String,
    visitor: &Visitor,
    how: &str,
) -> Result<Opened, AccessError> {
    let (now, session) = (app.clock.now(), app.clock.new_id());
    let who = Identity {
        actor: actor(user, name.clone(), session),
        ip: visitor.ip,
        platform: None,
    };
    let secret = match visitor.mode {
        Mode::Cookie => random_token("mcs_"),
        Mode::Bearer => token::issue_refresh(&app.keys, session),
    };
    let ip = visitor.ip.map(|ip| ip.to_string());
    let region = match visitor.ip {
        Some(ip) => Some(region::of(app, ip).await),
        None => None,
    };
    let device_name = device::name(visitor.user_agent.as_deref());
    let known = match user {
        Some(user) => device::find(app, user, &visitor.devices).await?,
        None => None,
    };
    let mut devices = match user {
        Some(_) => None,
        None if visitor.devices.admins(&app.keys, &name, now).is_some() => None,
        None => Some(visitor.devices.with_admins(&app.keys, &name, now).text()),
    };
    let expires_at = now.plus_ms(IDLE_MS);
    in_tx!(app.db, |tx| {
        let mut device = known;
        if let Some(user) = user {
            let seen = store::device::Seen {
                name: &device_name,
                ip: ip.as_deref(),
                region: region.as_deref(),
                now,
            };
            if let Some(device) = known {
                store::device::touch(tx, device, &seen).await?;
            } else {
                let (id, (tokens, hash)) = (app.clock.new_id(), visitor.devices.with_new());
                store::device::insert(tx, (id, user, &hash), &seen).await?;
                device = Some(id);
                devices = Some(tokens.text());
            }
            if let Some(region) = &region {
                store::device::note_region(tx, user, region, now).await?;
            }
            let last = (ip.as_deref(), Some(device_name.as_str()), region.as_deref());
            store::user::set_login(tx, user, now, last, visitor.spoken).await?;
        }
        let row = store::session::NewSession {
            id: session,
            user,
            device,
            kind: visitor.mode.as_str(),
            token_hash: sha256(secret.as_bytes()).0,
            ip: ip.clone(),
            user_agent: visitor
                .user_agent
                .as_ref()
                .map(|agent| agent.chars().take(256).collect()),
            now,
            expires_at,
        };
        store::session::insert(tx, &row).await?;
        let entry = Entry::done("auth:login", "session", session).detail(how);
        audit::record(app, tx, &who, None, entry).await?;
    });
    let (access_token, expires_at) = match visitor.mode {
        Mode::Bearer => {
            let (token, expires) = token::issue(&app.keys, session, now)?;
            (Some(SecretString::from(token)), expires)
        }
        Mode::Cookie => (None, expires_at),
    };
    Ok(Opened {
        session,
        secret: secret.into(),
        access_token,
        expires_at,
        user,
        devices,
    })
}

fn actor(user: Option<UserId>, name: String, session: SessionId) -> Actor {
    match user {
        Some(user) => Actor::User {
            user,
            username: name,
            session,
        },
        None => Actor::SuperAdmin {
            account: name,
            session: Some(session),
        },
    }
}

/// Exchanges a refresh token for new tokens. A token that was exchanged before, however long ago, ends its session: one
/// of the two who hold it is a thief.
pub(super) async fn refresh(
    app: &App,
    refresh_token: &SecretString,
    ip: Option<IpAddr>,
) -> Result<Opened, AccessError> {
    let now = app.clock.now();
    let shown = refresh_token.expose_secret();
    let hash = sha256(shown.as_bytes()).0;
    let named = token::session_of_refresh(&app.keys, shown);
    let expires_at = now.plus_ms(IDLE_MS);
    let renewed = in_tx!(app.db, |tx| {
        let oldest = now.plus_ms(-LIFE_MS);
        let present = store::session::find_to_renew(tx, &app.db, &hash, now, oldest).await?;
        if let Some((session, user)) = present {
            let next = token::issue_refresh(&app.keys, session);
            let next_hash = sha256(next.as_bytes()).0;
            store::session::renew(tx, session, (&next_hash, named.is_none()), now, expires_at).await?;
            Some((session, user, next))
        } else {
            if let Some(session) = store::session::revoke_reused(tx, (named, &hash), now).await? {
                let who = Identity {
                    actor: Actor::System { part: "sign-in" },
                    ip,
                    platform: None,
                };
                let entry = Entry::refused("auth:refresh", "session", session)
                    .detail("a refresh token was shown again: the session ended");
                audit::record(app, tx, &who, None, entry).await?;
            }
            None
        }
    });
    let (session, user, next) = renewed.ok_or(AccessError::NotSignedIn)?;
    let (access, expires_at) = token::issue(&app.keys, session, now)?;
    Ok(Opened {
        session,
        secret: next.into(),
        access_token: Some(access.into()),
        expires_at,
        user,
        devices: None,
    })
}

/// Notes that a cookie session is used, once an hour at most: its end moves on, up to the end of its life. A request
/// doesn't fail because that can't be written.
pub(super) async fn touch(app: &App, found: &store::session::LiveSession) {
    let now = app.clock.now();
    let stale = now.plus_ms(-TOUCHED_MS);
    if found.used_at >= stale {
        return;
    }
    let expires_at = now.plus_ms(IDLE_MS).min(found.created_at.plus_ms(LIFE_MS));
    let write = async || -> Result<(), crate::db::DbError> {
        in_tx!(app.db, |tx| store::session::touch(
            tx,
            found.id,
            (now, stale),
            expires_at
        )
        .await?);
        Ok(())
    };
    if let Err(error) = write().await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "could not note that a session is used"
        );
    }
}

/// Ends this session, or all of this person's sessions.
pub(super) async fn logout(app: &App, who: &Identity, everywhere: bool) -> Result<(), AccessError> {
    let now = app.clock.now();
    let session = match &who.actor {
        Actor::User { session, .. } => Some(*session),
        Actor::SuperAdmin { session, .. } => *session,
        Actor::ApiKey { .. }
        | Actor::Webhook { .. }
        | Actor::GitHook { .. }
        | Actor::Agent { .. }
        | Actor::System { .. } => None,
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
