//! Secrets and their versions.

use std::collections::BTreeMap;

use muster_base::{ExposeSecret, OrgId, SecretGroupId, SecretId, SecretProviderId, SecretString, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{SecretsError, group, store, value};
use crate::{
    access::{Caller, Object, Operation, Scope},
    app::App,
    audit::{self, Entry},
    flaw::Flaw,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
};

/// A secret, without its value.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    /// Id; `@secret:<id>` refers to it.
    pub id: SecretId,
    /// Its group.
    pub group_id: SecretGroupId,
    /// Unique in the group; the variable's name when the group is imported into an application.
    pub name: String,
    /// For people.
    pub description: String,
    /// `manual` or `synced`.
    pub source: String,
    /// Provider it came from.
    pub provider_id: Option<SecretProviderId>,
    /// What the provider calls it.
    pub provider_reference: Option<String>,
    /// It vanished at its provider and is kept because something refers to it.
    pub stale: bool,
    /// Number of the newest version, from 1.
    pub version: i64,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: UnixMs,
    /// Last change.
    pub updated_at: UnixMs,
}

/// A version of a secret, without its value.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretVersion {
    /// From 1.
    pub version: i64,
    /// Who wrote it.
    pub created_by: String,
    /// When.
    pub created_at: UnixMs,
}

/// A secret to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSecret {
    /// Its group.
    pub group_id: SecretGroupId,
    /// Letters, digits, `_`, `-` and `.`, at most 128.
    pub name: String,
    /// At most 64 KiB.
    #[schema(value_type = String, format = Password)]
    pub value: SecretString,
    /// For people.
    #[serde(default)]
    pub description: String,
}

/// What is to change in a secret. A value makes a new version.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretPatch {
    /// New name.
    pub name: Option<String>,
    /// New description.
    pub description: Option<String>,
    /// New value.
    #[schema(value_type = Option<String>, format = Password)]
    pub value: Option<SecretString>,
}

/// Which version to go back to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretRollback {
    /// Its value becomes a new version.
    pub version: i64,
}

/// Which version to show.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Reveal {
    /// The newest if not given.
    pub version: Option<i64>,
}

/// A value, because it was asked for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevealedSecret {
    /// The secret.
    pub id: SecretId,
    /// Which version this is.
    pub version: i64,
    /// The value.
    pub value: String,
}

/// Which secrets to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SecretFilter {
    /// Only those of this group.
    pub group_id: Option<SecretGroupId>,
    /// How many items, 1–500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

pub(super) async fn create(app: &App, caller: &Caller, new: NewSecret) -> Result<Secret, SecretsError> {
    caller.require(Operation::SecretWrite)?;
    check_name(&new.name)?;
    group::check_description(&new.description)?;
    value::check(&new.value)?;
    let org = caller.org();
    caller.require_on(Operation::SecretWrite, &Object::SecretGroup(new.group_id))?;
    let now = app.clock.now();
    let secret = Secret {
        id: app.clock.new_id(),
        group_id: new.group_id,
        name: new.name,
        description: new.description,
        source: "manual".to_owned(),
        provider_id: None,
        provider_reference: None,
        stale: false,
        version: 1,
        created_by: caller.actor.name(),
        created_at: now,
        updated_at: now,
    };
    let sealed = value::seal(app, &value::place(org, secret.id, 1), &new.value)?;
    in_tx!(app.db, |tx| {
        let group = store::group::lock(tx, &app.db, org, new.group_id)
            .await?
            .ok_or(SecretsError::NoGroup)?;
        if group.provider_id.is_some() {
            return Err(SecretsError::GroupSynced);
        }
        store::secret::insert(tx, org, &secret)
            .await
            .map_err(|error| taken(error, &secret.name))?;
        store::value::insert(tx, org, secret.id, &version_of(&secret, caller, now), &sealed).await?;
        let entry = Entry::done(Operation::SecretWrite, "secret", secret.id).after(&secret);
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    Ok(secret)
}

/// A secret that the caller may read of, without its value.
pub async fn get(app: &App, caller: &Caller, id: SecretId) -> Result<Secret, SecretsError> {
    find_for(app, caller, Operation::SecretRead, id).await
}

/// The secret, if the caller may do `operation` on it.
async fn find_for(
    app: &App,
    caller: &Caller,
    operation: Operation,
    id: SecretId,
) -> Result<Secret, SecretsError> {
    caller.require(operation)?;
    let secret = find(app, caller.org(), id).await?.ok_or(SecretsError::NoSecret)?;
    if !caller.reaches(&Object::SecretGroup(secret.group_id)) {
        return Err(SecretsError::NoSecret);
    }
    Ok(secret)
}

/// The secret, if it is in this org; without its value.
pub async fn find(app: &App, org: OrgId, id: SecretId) -> Result<Option<Secret>, SecretsError> {
    Ok(store::secret::find(&app.db, org, id).await?)
}

/// Those of these secrets that are in the org, without their values.
pub async fn find_many(
    app: &App,
    org: OrgId,
    wanted: &[SecretId],
) -> Result<BTreeMap<SecretId, Secret>, SecretsError> {
    let found = store::secret::list_among(&app.db, org, wanted).await?;
    Ok(found.into_iter().map(|secret| (secret.id, secret)).collect())
}

pub(super) async fn list(
    app: &App,
    caller: &Caller,
    filter: SecretFilter,
) -> Result<Page<Secret>, SecretsError> {
    caller.require(Operation::SecretRead)?;
    let query = PageQuery::new(filter.limit, filter.cursor);
    let after = query.cursor::<SecretId>()?;
    let rows = store::secret::list(
        &app.db,
        (caller.org(), caller.scope()),
        filter.group_id,
        after,
        query.fetch(),
    )
    .await?;
    Ok(query.page(rows, |row| Cursor::of(&row.id)))
}

pub(super) async fn list_all(
    app: &App,
    org: OrgId,
    group: SecretGroupId,
) -> Result<Vec<Secret>, SecretsError> {
    Ok(store::secret::list(&app.db, (org, &Scope::default()), Some(group), None, i64::MAX).await?)
}

pub(super) async fn versions(
    app: &App,
    caller: &Caller,
    id: SecretId,
) -> Result<Vec<SecretVersion>, SecretsError> {
    get(app, caller, id).await?;
    Ok(store::value::list(&app.db, caller.org(), id).await?)
}

pub(super) async fn update(
    app: &App,
    caller: &Caller,
    id: SecretId,
    patch: SecretPatch,
) -> Result<Secret, SecretsError> {
    find_for(app, caller, Operation::SecretWrite, id).await?;
    if let Some(new) = &patch.value {
        value::check(new)?;
    }
    let org = caller.org();
    let now = app.clock.now();
    let after = in_tx!(app.db, |tx| {
        let before = lock(app, tx, org, id).await?;
        let mut after = before.clone();
        if let Some(name) = patch.name {
            check_name(&name)?;
            after.name = name;
        }
        if let Some(description) = patch.description {
            group::check_description(&description)?;
            after.description = description;
        }
        if let Some(new) = &patch.value {
            after.version += 1;
            // What vanished at its provider has a value of its people's own now.
            after.stale = false;
            let sealed = value::seal(app, &value::place(org, id, after.version), new)?;
            store::value::insert(tx, org, id, &version_of(&after, caller, now), &sealed).await?;
        }
        after.updated_at = now;
        store::secret::update(tx, org, &after)
            .await
            .map_err(|error| taken(error, &after.name))?;
        let entry = Entry::done(Operation::SecretWrite, "secret", id)
            .before(&before)
            .after(&after);
        audit::record(app, tx, caller, Some(org), entry).await?;
        after
    });
    Ok(after)
}

pub(super) async fn rollback(
    app: &App,
    caller: &Caller,
    id: SecretId,
    version: i64,
) -> Result<Secret, SecretsError> {
    find_for(app, caller, Operation::SecretWrite, id).await?;
    let old = read(app, caller.org(), id, version).await?;
    let patch = SecretPatch {
        name: None,
        description: None,
        value: Some(old),
    };
    update(app, caller, id, patch).await
}

pub(super) async fn delete(app: &App, caller: &Caller, id: SecretId) -> Result<(), SecretsError> {
    find_for(app, caller, Operation::SecretWrite, id).await?;
    let org = caller.org();
    in_tx!(app.db, |tx| {
        let before = lock(app, tx, org, id).await?;
        match store::secret::delete(tx, org, id).await {
            Ok(()) => {}
            Err(error) if error.violates_foreign_key() => return Err(SecretsError::InUse),
            Err(error) => return Err(error.into()),
        }
        let entry = Entry::done(Operation::SecretWrite, "secret", id).before(&before);
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    Ok(())
}

/// Shows a value. The audit row is written first: nothing is shown that is not on record.
pub(super) async fn reveal(
    app: &App,
    caller: &Caller,
    id: SecretId,
    wanted: Reveal,
) -> Result<RevealedSecret, SecretsError> {
    let org = caller.org();
    let secret = find_for(app, caller, Operation::SecretReveal, id).await?;
    let version = wanted.version.unwrap_or(secret.version);
    let plain = read(app, org, id, version).await?;
    in_tx!(app.db, |tx| {
        let detail = format!("version {version} of {} was shown", secret.name);
        let entry = Entry::done(Operation::SecretReveal, "secret", id).detail(detail);
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    Ok(RevealedSecret {
        id,
        version,
        value: plain.expose_secret().to_owned(),
    })
}

async fn read(app: &App, org: OrgId, id: SecretId, version: i64) -> Result<SecretString, SecretsError> {
    let sealed = store::value::find(&app.db, org, id, version)
        .await?
        .ok_or(SecretsError::NoSecret)?;
    value::open(app, &value::place(org, id, version), &sealed)
}

async fn lock(app: &App, tx: &mut crate::db::Tx, org: OrgId, id: SecretId) -> Result<Secret, SecretsError> {
    let secret = store::secret::lock(tx, &app.db, org, id)
        .await?
        .ok_or(SecretsError::NoSecret)?;
    if secret.source == "manual" {
        Ok(secret)
    } else {
        Err(SecretsError::Synced)
    }
}

fn version_of(secret: &Secret, caller: &Caller, now: UnixMs) -> SecretVersion {
    SecretVersion {
        version: secret.version,
        created_by: caller.actor.name(),
        created_at: now,
    }
}

pub(super) fn check_name(name: &str) -> Result<(), SecretsError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if (1..=128).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(());
    }
    Err(SecretsError::Invalid {
        field: "name",
        message: Flaw::Symbols(128),
    })
}

fn taken(error: crate::db::DbError, name: &str) -> SecretsError {
    if error.violates_unique("secrets", &["group_id", "name"]) {
        return SecretsError::NameTaken {
            what: "secret in this group",
            name: name.to_owned(),
        };
    }
    error.into()
}
