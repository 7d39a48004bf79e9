//! Roles beside OWNER, ADMIN, MEMBER and VIEWER: named sets of operations that an org or a platform makes.
//!
//! A member may have one besides the built-in role. The org's own are managed here by those who may `role:write`; the
//! platform's, which every org of it may give, by the platform's managers.
//!
//! # Who may put what into a platform's role
//! A manager is let into no org by being one, so what they have of the built-in operations is what they have as a member: into a
//! role go those that they have in an org of the platform, and, where members have the role already, in each of their orgs,
//! for there it counts at once and nobody of the org is asked. What the role had before may stay, and anything may be taken out. The
//! platform's own operations are the managers' own. The super administrator has everything. What fails: 403 `above-you`.

use std::collections::BTreeMap;

use muster_base::{OrgId, PlatformId, RoleId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    AccessError, Caller, Identity, Operation, Operations, Permissions,
    administrator::Authority,
    grant, own_operation,
    permission::{Codes, SourceKind},
    store,
};
use crate::{
    app::App,
    audit::{self, Entry},
    db::Tx,
    flaw::Flaw,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
};

/// A role that an org or a platform made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnRole {
    /// Id.
    pub id: RoleId,
    /// Whether it is the platform's.
    pub platform: bool,
    /// For programs; unique in its org or platform.
    pub code: String,
    /// For people.
    pub name: String,
    /// An image's address; empty without one.
    pub icon: String,
    /// Codes of operations.
    pub operations: Vec<String>,
    /// When it was made.
    pub created_at: UnixMs,
    /// When it was last changed.
    pub updated_at: UnixMs,
}

/// A role to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewRole {
    /// For programs: letters, digits, `_` and `-`, at most 64.
    pub code: String,
    /// For people; 1 to 64 characters.
    pub name: String,
    /// An image's address.
    #[serde(default)]
    pub icon: String,
    /// Codes of operations.
    pub operations: Vec<String>,
}

/// What may be changed of a role. Its code stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RolePatch {
    /// For people.
    pub name: Option<String>,
    /// An image's address.
    pub icon: Option<String>,
    /// Codes of operations.
    pub operations: Option<Vec<String>>,
}

/// Whose roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RoleOwner {
    pub(super) platform: PlatformId,
    /// `None`: the platform's own.
    pub(super) org: Option<OrgId>,
}

impl RoleOwner {
    /// What is unique together with the code.
    pub(super) fn id(&self) -> Uuid {
        self.org.map_or(*self.platform.as_uuid(), |org| *org.as_uuid())
    }
}

impl NewRole {
    /// The role, checked.
    pub(super) fn checked(self, id: RoleId, platform: bool, now: UnixMs) -> Result<OwnRole, AccessError> {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if self.code.is_empty() || self.code.len() > 64 || !self.code.chars().all(good) {
            return Err(AccessError::invalid("code", Flaw::Word));
        }
        let role = OwnRole {
            id,
            platform,
            code: self.code,
            name: self.name.trim().to_owned(),
            icon: self.icon,
            operations: self.operations,
            created_at: now,
            updated_at: now,
        };
        role.check()?;
        Ok(role)
    }
}

impl OwnRole {
    fn check(&self) -> Result<(), AccessError> {
        let length = self.name.chars().count();
        if !(1..=64).contains(&length) || self.name.chars().any(char::is_control) {
            return Err(AccessError::invalid("name", Flaw::Length(1, 64)));
        }
        if self.icon.len() > 2_048 {
            return Err(AccessError::invalid("icon", Flaw::TooLong(2_048)));
        }
        Ok(())
    }

    /// With the changes, checked.
    pub(super) fn changed(mut self, patch: RolePatch, now: UnixMs) -> Result<Self, AccessError> {
        self.name = patch.name.map_or(self.name, |name| name.trim().to_owned());
        self.icon = patch.icon.unwrap_or(self.icon);
        self.operations = patch.operations.unwrap_or(self.operations);
        self.updated_at = now;
        self.check()?;
        Ok(self)
    }

    /// What it gives by itself, within `like`'s scope.
    fn permissions(&self, like: &Permissions) -> Permissions {
        let codes = Codes::of(self.operations.iter().cloned());
        Permissions {
            sources: vec![codes.source(SourceKind::OwnRole, self.name.clone())],
            scope: like.scope.clone(),
            ..Permissions::default()
        }
    }
}

/// The org's roles and its platform's, by code.
pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: &PageQuery,
) -> Result<Page<OwnRole>, AccessError> {
    caller.require(Operation::RoleRead)?;
    let after = query.cursor::<(String, RoleId)>()?;
    let rows = store::role::list(&app.db, caller.org(), after, query.fetch()).await?;
    Ok(query.page(rows, |row| Cursor::of(&(&row.code, row.id))))
}

pub(super) async fn create(app: &App, caller: &Caller, new: NewRole) -> Result<OwnRole, AccessError> {
    caller.require(Operation::RoleWrite)?;
    let mut role = new.checked(app.clock.new_id(), false, app.clock.now())?;
    role.operations = own_operation::known(app, caller.org(), role.operations)
        .await?
        .list();
    grant::within(caller, &role.permissions(caller.permissions()))?;
    let insert = async || -> Result<(), AccessError> {
        in_tx!(app.db, |tx| {
            let platform = store::org::platform_of(tx, caller.org()).await?;
            let owner = RoleOwner {
                platform,
                org: Some(caller.org()),
            };
            store::role::insert(tx, owner, &role).await?;
            let entry = Entry::done(Operation::RoleWrite, "role", role.id).after(&role);
            audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        });
        Ok(())
    };
    insert().await.map_err(code_taken)?;
    Ok(role)
}

pub(super) async fn update(
    app: &App,
    caller: &Caller,
    id: RoleId,
    patch: RolePatch,
) -> Result<OwnRole, AccessError> {
    caller.require(Operation::RoleWrite)?;
    let before = changeable(app, caller, id).await?;
    let mut after = before.clone().changed(patch, app.clock.now())?;
    after.operations = own_operation::known(app, caller.org(), after.operations)
        .await?
        .list();
    grant::within(caller, &after.permissions(caller.permissions()))?;
    in_tx!(app.db, |tx| {
        if !store::role::update(tx, *caller.org().as_uuid(), &after).await? {
            return Err(AccessError::NoRole);
        }
        let entry = Entry::done(Operation::RoleWrite, "role", id)
            .before(&before)
            .after(&after);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(after)
}

/// Deletes a role that nobody has.
pub(super) async fn delete(app: &App, caller: &Caller, id: RoleId) -> Result<(), AccessError> {
    caller.require(Operation::RoleWrite)?;
    let before = changeable(app, caller, id).await?;
    let delete = async || -> Result<(), AccessError> {
        in_tx!(app.db, |tx| {
            if !store::role::delete(tx, *caller.org().as_uuid(), id).await? {
                return Err(AccessError::NoRole);
            }
            let entry = Entry::done(Operation::RoleWrite, "role", id).before(&before);
            audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        });
        Ok(())
    };
    delete().await.map_err(in_use)
}

/// A platform's roles, for its administrators.
pub(super) async fn list_of_platform(
    app: &App,
    who: &Identity,
    platform: PlatformId,
) -> Result<Vec<OwnRole>, AccessError> {
    Authority::require_any(app, who).await?.see(platform)?;
    Ok(store::role::list_of_platform(&app.db, platform).await?)
}

/// Makes a role of the platform's own operations and built-in ones, which every org of it may give.
pub(super) async fn create_for_platform(
    app: &App,
    who: &Identity,
    platform: PlatformId,
    new: NewRole,
) -> Result<OwnRole, AccessError> {
    Authority::require_any(app, who).await?.manage(platform)?;
    store::platform::find(&app.db, platform)
        .await?
        .ok_or(AccessError::NoPlatform)?;
    let mut role = new.checked(app.clock.new_id(), true, app.clock.now())?;
    let codes = own_operation::known_in(app, platform, role.operations).await?;
    role.operations = codes.list();
    let insert = async || -> Result<(), AccessError> {
        in_tx!(app.db, |tx| {
            may_put_in(tx, who, (platform, role.id), codes.operations).await?;
            let owner = RoleOwner { platform, org: None };
            store::role::insert(tx, owner, &role).await?;
            let entry = Entry::done("role:create", "role", role.id).after(&role);
            audit::record(app, tx, who, None, entry).await?;
        });
        Ok(())
    };
    insert().await.map_err(code_taken)?;
    Ok(role)
}

/// Changes a role of the platform; whoever has it has the changed one at once.
pub(super) async fn update_of_platform(
    app: &App,
    who: &Identity,
    (platform, id): (PlatformId, RoleId),
    patch: RolePatch,
) -> Result<OwnRole, AccessError> {
    Authority::require_any(app, who).await?.manage(platform)?;
    let roles = store::role::list_of_platform(&app.db, platform).await?;
    let before = roles.into_iter().find(|role| role.id == id);
    let before = before.ok_or(AccessError::NoRole)?;
    let mut after = before.clone().changed(patch, app.clock.now())?;
    let codes = own_operation::known_in(app, platform, after.operations).await?;
    after.operations = codes.list();
    in_tx!(app.db, |tx| {
        // Whoever changes it meanwhile is waited for: what is new in it is measured against what it has.
        let there = store::role::lock_of_platform(tx, &app.db, (platform, id)).await?;
        let there = there.ok_or(AccessError::NoRole)?;
        let added = codes.operations.without(there.operations);
        may_put_in(tx, who, (platform, id), added).await?;
        if !store::role::update(tx, *platform.as_uuid(), &after).await? {
            return Err(AccessError::NoRole);
        }
        let entry = Entry::done("role:update", "role", id)
            .before(&before)
            .after(&after);
        audit::record(app, tx, who, None, entry).await?;
    });
    Ok(after)
}

/// Deletes a role of the platform that nobody has.
pub(super) async fn delete_of_platform(
    app: &App,
    who: &Identity,
    (platform, id): (PlatformId, RoleId),
) -> Result<(), AccessError> {
    Authority::require_any(app, who).await?.manage(platform)?;
    let delete = async || -> Result<(), AccessError> {
        in_tx!(app.db, |tx| {
            if !store::role::delete(tx, *platform.as_uuid(), id).await? {
                return Err(AccessError::NoRole);
            }
            audit::record(app, tx, who, None, Entry::done("role:delete", "role", id)).await?;
        });
        Ok(())
    };
    delete().await.map_err(in_use)
}

/// Passes if these built-in operations may go into a platform's role.
async fn may_put_in(
    tx: &mut Tx,
    who: &Identity,
    (platform, role): (PlatformId, RoleId),
    added: Operations,
) -> Result<(), AccessError> {
    if who.is_super_admin() || added == Operations::default() {
        return Ok(());
    }
    let granted = store::grant::list_of_user(tx, platform, who.require_user()?).await?;
    let mut own = BTreeMap::new();
    for granted in granted {
        own.insert(granted.org, grant::permissions(granted)?.operations());
    }
    let given = store::role::orgs_of(tx, role).await?;
    let has = |org: &OrgId| own.get(org).is_some_and(|own| added.is_within(*own));
    let anywhere = own.values().any(|own| added.is_within(*own));
    if anywhere && given.iter().all(has) {
        Ok(())
    } else {
        Err(AccessError::AboveYou)
    }
}

async fn changeable(app: &App, caller: &Caller, id: RoleId) -> Result<OwnRole, AccessError> {
    let role = store::role::find(&app.db, caller.org(), id)
        .await?
        .ok_or(AccessError::NoRole)?;
    if role.platform {
        return Err(AccessError::BuiltIn(
            "this role is the platform's: its managers change it",
        ));
    }
    grant::within(caller, &role.permissions(caller.permissions()))?;
    Ok(role)
}

fn code_taken(error: AccessError) -> AccessError {
    match error {
        AccessError::Db(db) if db.violates_unique("roles", &["owner_id", "code"]) => {
            AccessError::Taken("code")
        }
        other => other,
    }
}

fn in_use(error: AccessError) -> AccessError {
    match error {
        AccessError::Db(db) if db.violates_foreign_key() => AccessError::InUse("role"),
        other => other,
    }
}
