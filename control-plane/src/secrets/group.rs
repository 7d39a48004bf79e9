//! Groups of secrets.

use muster_base::{OrgId, SecretGroupId, SecretProviderId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Secret, SecretsError, secret, store};
use crate::{
    access::{Caller, Object, ObjectKind, Operation},
    app::App,
    audit::{self, Entry},
    db::Tx,
    flaw::Flaw,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
};

/// A group of secrets.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretGroup {
    /// Id.
    pub id: SecretGroupId,
    /// Unique in the org.
    pub name: String,
    /// For people.
    pub description: String,
    /// Provider that it is synced from.
    pub provider_id: Option<SecretProviderId>,
    /// Synced by schedule.
    pub auto_sync: bool,
    /// How many secrets are in it.
    pub secret_count: i64,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: UnixMs,
    /// Last change.
    pub updated_at: UnixMs,
}

/// A group to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSecretGroup {
    /// Unique in the org, at most 128 characters.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// Provider to sync it from: it then holds what the provider has, and nothing else.
    pub provider_id: Option<SecretProviderId>,
    /// Whether it is synced by schedule; true if not given and there is a provider.
    pub auto_sync: Option<bool>,
}

/// What is to change in a group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretGroupPatch {
    /// New name.
    pub name: Option<String>,
    /// New description.
    pub description: Option<String>,
    /// New provider; null for none: the secrets stay and are changed here from then on.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<SecretProviderId>)]
    pub provider_id: Option<Option<SecretProviderId>>,
    /// Whether it is synced by schedule.
    pub auto_sync: Option<bool>,
}

pub(super) async fn create(
    app: &App,
    caller: &Caller,
    new: NewSecretGroup,
) -> Result<SecretGroup, SecretsError> {
    caller.require_all(Operation::SecretWrite, ObjectKind::SecretGroups)?;
    check_name(&new.name)?;
    check_description(&new.description)?;
    let now = app.clock.now();
    let group = SecretGroup {
        id: app.clock.new_id(),
        name: new.name,
        description: new.description,
        provider_id: new.provider_id,
        auto_sync: new.auto_sync.unwrap_or(new.provider_id.is_some()),
        secret_count: 0,
        created_by: caller.actor.name(),
        created_at: now,
        updated_at: now,
    };
    check_auto_sync(&group)?;
    in_tx!(app.db, |tx| {
        lock_provider(app, tx, caller.org(), group.provider_id).await?;
        store::group::insert(tx, caller.org(), &group)
            .await
            .map_err(|error| taken(error, &group.name))?;
        let entry = Entry::done(Operation::SecretWrite, "secretGroup", group.id).after(&group);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    app.secret_sync.wake.notify_one();
    Ok(group)
}

pub(super) async fn get(app: &App, caller: &Caller, id: SecretGroupId) -> Result<SecretGroup, SecretsError> {
    find_for(app, caller, Operation::SecretRead, id).await
}

/// The group, if the caller may do `operation` on it.
pub(super) async fn find_for(
    app: &App,
    caller: &Caller,
    operation: Operation,
    id: SecretGroupId,
) -> Result<SecretGroup, SecretsError> {
    caller.require(operation)?;
    caller.require_on(operation, &Object::SecretGroup(id))?;
    store::group::find(&app.db, caller.org(), id)
        .await?
        .ok_or(SecretsError::NoGroup)
}

pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: &PageQuery,
) -> Result<Page<SecretGroup>, SecretsError> {
    caller.require(Operation::SecretRead)?;
    let after = query.cursor::<String>()?.unwrap_or_default();
    let rows = store::group::list(&app.db, caller.org(), caller.scope(), &after, query.fetch()).await?;
    Ok(query.page(rows, |row| Cursor::of(&row.name)))
}

pub(super) async fn update(
    app: &App,
    caller: &Caller,
    id: SecretGroupId,
    patch: SecretGroupPatch,
) -> Result<SecretGroup, SecretsError> {
    find_for(app, caller, Operation::SecretWrite, id).await?;
    let org = caller.org();
    let after = in_tx!(app.db, |tx| {
        let before = store::group::lock(tx, &app.db, org, id)
            .await?
            .ok_or(SecretsError::NoGroup)?;
        let after = patch.applied_to(before.clone(), app.clock.now())?;
        if after.provider_id != before.provider_id {
            // Whose values come in is for whoever may write every group's.
            caller.require_all(Operation::SecretWrite, ObjectKind::SecretGroups)?;
            lock_provider(app, tx, org, after.provider_id).await?;
            if after.provider_id.is_none() {
                store::sync::make_manual(tx, org, id).await?;
            } else if store::sync::count_manual(tx, org, id).await? > 0 {
                return Err(SecretsError::GroupHasOwn);
            }
        }
        store::group::update(tx, org, &after)
            .await
            .map_err(|error| taken(error, &after.name))?;
        if after.provider_id.is_some() && after.provider_id != before.provider_id {
            store::sync::release(tx, org, id, after.updated_at).await?;
        }
        let entry = Entry::done(Operation::SecretWrite, "secretGroup", id)
            .before(&before)
            .after(&after);
        audit::record(app, tx, caller, Some(org), entry).await?;
        after
    });
    app.secret_sync.wake.notify_one();
    Ok(after)
}

impl SecretGroupPatch {
    fn applied_to(self, mut group: SecretGroup, now: UnixMs) -> Result<SecretGroup, SecretsError> {
        if let Some(name) = self.name {
            check_name(&name)?;
            group.name = name;
        }
        if let Some(description) = self.description {
            check_description(&description)?;
            group.description = description;
        }
        if let Some(provider) = self.provider_id {
            group.provider_id = provider;
            group.auto_sync = provider.is_some();
        }
        group.auto_sync = self.auto_sync.unwrap_or(group.auto_sync);
        check_auto_sync(&group)?;
        group.updated_at = now;
        Ok(group)
    }
}

/// The provider is there, and stays until the transaction ends.
async fn lock_provider(
    app: &App,
    tx: &mut Tx,
    org: OrgId,
    provider: Option<SecretProviderId>,
) -> Result<(), SecretsError> {
    let Some(id) = provider else { return Ok(()) };
    if store::provider::lock(tx, &app.db, org, id).await?.is_some() {
        return Ok(());
    }
    Err(SecretsError::Invalid {
        field: "providerId",
        message: Flaw::NoSuch("provider"),
    })
}

fn check_auto_sync(group: &SecretGroup) -> Result<(), SecretsError> {
    if group.provider_id.is_some() || !group.auto_sync {
        return Ok(());
    }
    Err(SecretsError::Invalid {
        field: "autoSync",
        message: Flaw::NoProvider,
    })
}

pub(super) async fn delete(app: &App, caller: &Caller, id: SecretGroupId) -> Result<(), SecretsError> {
    let before = find_for(app, caller, Operation::SecretWrite, id).await?;
    in_tx!(app.db, |tx| {
        match store::group::delete(tx, caller.org(), id).await {
            Ok(true) => {}
            Ok(false) => return Err(SecretsError::NoGroup),
            Err(error) if error.violates_foreign_key() => return Err(SecretsError::GroupNotEmpty),
            Err(error) => return Err(error.into()),
        }
        let entry = Entry::done(Operation::SecretWrite, "secretGroup", id).before(&before);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(())
}

/// Every secret of a group, without values: for importing them into an application.
pub async fn list_of_group(
    app: &App,
    caller: &Caller,
    id: SecretGroupId,
) -> Result<Vec<Secret>, SecretsError> {
    get(app, caller, id).await?;
    secret::list_all(app, caller.org(), id).await
}

/// Whether the org has this group, for other rooms.
pub async fn group_exists(app: &App, org: OrgId, id: SecretGroupId) -> Result<bool, SecretsError> {
    Ok(store::group::find(&app.db, org, id).await?.is_some())
}

pub(super) fn check_description(text: &str) -> Result<(), SecretsError> {
    if text.chars().count() <= 2_000 {
        return Ok(());
    }
    Err(SecretsError::Invalid {
        field: "description",
        message: Flaw::TooLong(2_000),
    })
}

pub(super) fn check_name(name: &str) -> Result<(), SecretsError> {
    let length = name.chars().count();
    if (1..=128).contains(&length) && name.trim() == name && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(SecretsError::Invalid {
        field: "name",
        message: Flaw::Name(128),
    })
}

fn taken(error: crate::db::DbError, name: &str) -> SecretsError {
    if error.violates_unique("secret_groups", &["org_id", "name"]) {
        return SecretsError::NameTaken {
            what: "secret group",
            name: name.to_owned(),
        };
    }
    error.into()
}

/// Tells a field that is null from one that is not there.
#[expect(clippy::option_option, reason = "the difference is the point")]
fn given<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}
