//! API keys: `dw_…`, shown once, stored as a hash.

use std::{fmt, str::FromStr};

use muster_base::{ApiKeyId, ApplicationId, SecretString, UnixMs, UserId, random_token, sha256};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AccessError, Caller, Object, Operation, store};
use crate::{
    app::App,
    audit::{self, Entry},
    delivery,
    error::Error,
    flaw::Flaw,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
};

const PREFIX_CHARS: usize = 9;
const MAX_LIFE_DAYS: i64 = 3_650;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// All that its person may do.
    Full,
    /// Deploy, and see what came of it.
    Deploy,
    /// Look.
    Readonly,
}

impl KeyKind {
    /// The word, as stored and as in JSON.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Deploy => "deploy",
            Self::Readonly => "readonly",
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KeyKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Full, Self::Deploy, Self::Readonly]
            .into_iter()
            .find(|kind| kind.to_string() == text)
            .ok_or(())
    }
}

/// A key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewApiKey {
    /// So that a person knows what it is for.
    pub name: String,
    /// What it may do.
    pub kind: KeyKind,
    /// Days until it expires; never, if absent.
    pub expires_in_days: Option<i64>,
    /// Only this application and its deployments.
    pub application_id: Option<ApplicationId>,
}

/// How a key is replaced.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyRotation {
    /// Seconds for which the old key works on, at most 7 days; none by default.
    pub overlap_s: Option<u32>,
}

/// A key as it can be shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// Id.
    pub id: ApiKeyId,
    /// What it is for.
    pub name: String,
    /// `full`, `deploy` or `readonly`.
    pub kind: String,
    /// Its first characters.
    pub prefix: String,
    /// Whose it is.
    pub username: String,
    /// When it was made.
    pub created_at: UnixMs,
    /// When it ends.
    pub expires_at: Option<UnixMs>,
    /// When it was last used, to the minute.
    pub used_at: Option<UnixMs>,
    /// The application that it is only for.
    pub application_id: Option<ApplicationId>,
    #[serde(skip)]
    pub(super) user: Option<UserId>,
}

/// Makes a key for the caller's own person in the caller's org; answers it with its text, which is never shown again.
pub(super) async fn create(
    app: &App,
    caller: &Caller,
    new: NewApiKey,
) -> Result<(ApiKey, SecretString), AccessError> {
    caller.require(Operation::ApiKeyWrite)?;
    let super::Actor::User { user, username, .. } = &caller.actor else {
        return Err(AccessError::Refused(Error::denied(
            "only-users",
            "API keys belong to users: sign in as one (the super administrator and keys can't make keys)",
        )));
    };
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > 100 {
        return Err(AccessError::invalid("name", Flaw::Length(1, 100)));
    }
    if new
        .expires_in_days
        .is_some_and(|days| !(1..=MAX_LIFE_DAYS).contains(&days))
    {
        return Err(AccessError::invalid(
            "expiresInDays",
            Flaw::Range(1, MAX_LIFE_DAYS),
        ));
    }
    if let Some(application) = new.application_id {
        let reached = caller.reaches(&Object::Application(application));
        let there = reached
            && delivery::application_exists(app, caller.org(), application)
                .await
                .map_err(Error::from)?;
        if !there {
            return Err(AccessError::invalid("applicationId", Flaw::NoSuch("application")));
        }
    }
    let now = app.clock.now();
    let text = random_token("dw_");
    let key = ApiKey {
        id: app.clock.new_id(),
        name: name.to_owned(),
        kind: new.kind.to_string(),
        prefix: text[..PREFIX_CHARS].to_owned(),
        username: username.clone(),
        created_at: now,
        expires_at: new.expires_in_days.map(|days| now.plus_ms(days * UnixMs::DAY)),
        used_at: None,
        application_id: new.application_id,
        user: Some(*user),
    };
    in_tx!(app.db, |tx| {
        store::api_key::insert(tx, caller.org(), *user, &key, &sha256(text.as_bytes()).0).await?;
        let entry = Entry::done(Operation::ApiKeyWrite, "apiKey", key.id).after(&key);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok((key, text.into()))
}

/// Whether a key works now: it was not withdrawn and has not expired, and its person may sign in.
pub async fn key_works(app: &App, id: ApiKeyId) -> Result<bool, AccessError> {
    let live = store::api_key::find_live_id(&app.db, id, app.clock.now()).await?;
    Ok(live.is_some())
}

/// The org's keys, newest first.
pub(super) async fn list(app: &App, caller: &Caller, query: &PageQuery) -> Result<Page<ApiKey>, AccessError> {
    caller.require(Operation::ApiKeyRead)?;
    let after = query.cursor::<ApiKeyId>()?;
    // Members see their own keys; those who manage members see everybody's.
    let only = if caller.may(Operation::MemberWrite) {
        None
    } else {
        caller.actor.user()
    };
    let rows = store::api_key::list(&app.db, caller.org(), only, after, query.fetch()).await?;
    Ok(query.page(rows, |key| Cursor::of(&key.id)))
}

/// Replaces one of the caller's own keys by a new one that is for the same; the old one ends at once, or after the
/// overlap. A key that expires gets the same life again.
pub(super) async fn rotate(
    app: &App,
    caller: &Caller,
    id: ApiKeyId,
    rotation: KeyRotation,
) -> Result<(ApiKey, SecretString), AccessError> {
    caller.require(Operation::ApiKeyWrite)?;
    let user = caller.require_user()?;
    let overlap_ms = i64::from(rotation.overlap_s.unwrap_or(0)) * UnixMs::SECOND;
    if overlap_ms > 7 * UnixMs::DAY {
        return Err(AccessError::invalid("overlapS", Flaw::Range(0, 604_800)));
    }
    let now = app.clock.now();
    let text = random_token("dw_");
    let key = in_tx!(app.db, |tx| {
        let old = store::api_key::find(tx, caller.org(), id, now)
            .await?
            .filter(|old| old.user == Some(user))
            .ok_or(AccessError::NoKey)?;
        let key = ApiKey {
            id: app.clock.new_id(),
            prefix: text[..PREFIX_CHARS].to_owned(),
            created_at: now,
            expires_at: old
                .expires_at
                .map(|end| now.plus_ms(end.ms_since(old.created_at))),
            used_at: None,
            ..old.clone()
        };
        store::api_key::insert(tx, caller.org(), user, &key, &sha256(text.as_bytes()).0).await?;
        store::api_key::end_at(tx, caller.org(), id, now.plus_ms(overlap_ms)).await?;
        let entry = Entry::done(Operation::ApiKeyWrite, "apiKey", id)
            .after(&key)
            .detail("rotated");
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        key
    });
    Ok((key, text.into()))
}

/// Withdraws a key; it is refused from the next request on.
pub(super) async fn revoke(app: &App, caller: &Caller, id: ApiKeyId) -> Result<(), AccessError> {
    caller.require(Operation::ApiKeyWrite)?;
    let only = if caller.may(Operation::MemberWrite) {
        None
    } else {
        caller.actor.user()
    };
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        if !store::api_key::revoke(tx, caller.org(), only, id, now).await? {
            return Err(AccessError::NoKey);
        }
        let entry = Entry::done(Operation::ApiKeyWrite, "apiKey", id).detail("withdrawn");
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(())
}
