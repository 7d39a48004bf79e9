//! Groups of secrets.

use muster_base::{OrgId, SecretGroupId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Secret, SecretsError, secret, store};
use crate::{
    access::{Caller, Object, ObjectKind, Operation},
    app::App,
    audit::{self, Entry},
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
    pub provider_id: Option<Uuid>,
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
}

/// What is to change in a group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretGroupPatch {
    /// New name.
    pub name: Option<String>,
    /// New description.
    pub description: Option<String>,
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
        provider_id: None,
        auto_sync: false,
        secret_count: 0,
        created_by: caller.actor.name(),
        created_at: now,
        updated_at: now,
    };
    in_tx!(app.db, |tx| {
        store::group::insert(tx, caller.org(), &group)
            .await
            .map_err(|error| taken(error, &group.name))?;
        let entry = Entry::done(Operation::SecretWrite, "secretGroup", group.id).after(&group);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(group)
}

pub(super) async fn get(app: &App, caller: &Caller, id: SecretGroupId) -> Result<SecretGroup, SecretsError> {
    find_for(app, caller, Operation::SecretRead, id).await
}

/// The group, if the caller may do `operation` on it.
async fn find_for(
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
    let before = find_for(app, caller, Operation::SecretWrite, id).await?;
    let mut after = before.clone();
    if let Some(name) = patch.name {
        check_name(&name)?;
        after.name = name;
    }
    if let Some(description) = patch.description {
        check_description(&description)?;
        after.description = description;
    }
    after.updated_at = app.clock.now();
    in_tx!(app.db, |tx| {
        let found = store::group::update(tx, caller.org(), &after)
            .await
            .map_err(|error| taken(error, &after.name))?;
        if !found {
            return Err(SecretsError::NoGroup);
        }
        let entry = Entry::done(Operation::SecretWrite, "secretGroup", id)
            .before(&before)
            .after(&after);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(after)
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
        message: "at most 2,000 characters".to_owned(),
    })
}

fn check_name(name: &str) -> Result<(), SecretsError> {
    let length = name.chars().count();
    if (1..=128).contains(&length) && name.trim() == name && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(SecretsError::Invalid {
        field: "name",
        message: "1 to 128 characters, none of them a control character, no space at either end".to_owned(),
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
