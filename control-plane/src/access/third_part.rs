//! An org's tokens at git hosts (`thirdPart`): one for each host, for whatever Muster does there in the org's name.
//!
//! Set and replaced by whoever may write all of the org's secrets, kept among its credentials (sealed, bound to this
//! row), shown to nobody: what is seen is whose account it is and since when. Other rooms get it by [`git_token`].

use muster_base::{ExposeSecret, OrgId, SecretString, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{AccessError, Caller, ObjectKind, Operation, platform::check_image, store};
use crate::{
    app::App,
    audit::{self, Entry},
    error::Error,
    flaw::Flaw,
    in_tx,
    secrets::{self, CredentialKind},
};

/// A token at a git host, without the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct ThirdPart {
    #[serde(skip)]
    pub(super) id: Uuid,
    /// The git host: `github`, `gitee`…
    pub provider: String,
    /// Name of the account there.
    pub owner: String,
    /// Its id there.
    pub account_id: String,
    /// Its image; may be empty.
    pub avatar: String,
    /// When there was one first.
    pub created_at: UnixMs,
    /// When the token was last set.
    pub updated_at: UnixMs,
}

/// All of an org's.
#[derive(Debug, Serialize, ToSchema)]
pub struct ThirdParts {
    /// By provider.
    pub items: Vec<ThirdPart>,
}

/// A token as it is to be; the one before is forgotten.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ThirdPartBody {
    /// The git host: 1 to 64 lower-case letters, digits, hyphens and dots.
    pub provider: String,
    /// The token.
    #[schema(value_type = String, min_length = 1, max_length = 4096)]
    pub access_token: SecretString,
    /// Name of the account there, at most 128 characters.
    #[serde(default)]
    pub owner: String,
    /// Its id there, at most 64 characters.
    #[serde(default)]
    pub account_id: String,
    /// An https address of its image.
    #[serde(default)]
    pub avatar: String,
}

/// What there is.
pub(super) async fn list(app: &App, caller: &Caller) -> Result<ThirdParts, AccessError> {
    caller.require(Operation::SecretRead)?;
    let items = store::third_part::list(&app.db, caller.org()).await?;
    Ok(ThirdParts { items })
}

/// Sets or replaces the token at a git host.
pub(super) async fn put(app: &App, caller: &Caller, body: ThirdPartBody) -> Result<ThirdPart, AccessError> {
    caller.require_all(Operation::SecretWrite, ObjectKind::SecretGroups)?;
    check_provider(&body.provider)?;
    let token = body.access_token;
    if !(1..=4_096).contains(&token.expose_secret().len()) {
        return Err(AccessError::invalid("accessToken", Flaw::Bytes(1, 4_096)));
    }
    let now = app.clock.now();
    let wanted = ThirdPart {
        id: app.clock.new_id(),
        provider: body.provider,
        owner: at_most("owner", body.owner, 128)?,
        account_id: at_most("accountId", body.account_id, 64)?,
        avatar: check_image("avatar", body.avatar)?,
        created_at: now,
        updated_at: now,
    };
    let (org, kind) = (caller.org(), CredentialKind::GitHost);
    Ok(in_tx!(app.db, |tx| {
        // The row that was there first keeps its id, which the sealed token is bound to.
        let kept = store::third_part::upsert(tx, org, &wanted).await?;
        secrets::put_credential(app, tx, org, kind, kept.id, &token)
            .await
            .map_err(Error::from)?;
        let entry = Entry::done("thirdPart:put", "thirdPart", &kept.provider).after(&kept);
        audit::record(app, tx, caller, Some(org), entry).await?;
        kept
    }))
}

/// Forgets the token at a git host.
pub(super) async fn delete(app: &App, caller: &Caller, provider: &str) -> Result<(), AccessError> {
    caller.require_all(Operation::SecretWrite, ObjectKind::SecretGroups)?;
    let org = caller.org();
    in_tx!(app.db, |tx| {
        let gone = store::third_part::delete(tx, org, provider).await?;
        let gone = gone.ok_or(AccessError::NoThirdPart)?;
        secrets::delete_credential(tx, org, CredentialKind::GitHost, gone.id)
            .await
            .map_err(Error::from)?;
        let entry = Entry::done("thirdPart:delete", "thirdPart", provider).before(&gone);
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    Ok(())
}

/// The org's token at a git host, for what Muster does there in its name.
pub async fn git_token(app: &App, org: OrgId, provider: &str) -> Result<Option<SecretString>, Error> {
    let items = store::third_part::list(&app.db, org).await?;
    match items.into_iter().find(|item| item.provider == provider) {
        Some(item) => Ok(secrets::find_credential(app, org, CredentialKind::GitHost, item.id).await?),
        None => Ok(None),
    }
}

fn check_provider(provider: &str) -> Result<(), AccessError> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    if (1..=64).contains(&provider.len()) && provider.chars().all(good) {
        Ok(())
    } else {
        Err(AccessError::invalid("provider", Flaw::Host(64)))
    }
}

fn at_most(field: &'static str, text: String, most: usize) -> Result<String, AccessError> {
    if text.chars().count() <= most {
        Ok(text)
    } else {
        Err(AccessError::invalid(field, Flaw::TooLong(most)))
    }
}
