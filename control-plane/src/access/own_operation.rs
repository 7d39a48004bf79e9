//! Operations of a platform's own, for the applications it fronts: Muster answers for them and does nothing else.

use std::collections::BTreeSet;

use muster_base::{ModuleId, OperationId, OrgId, PlatformId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AccessError, Caller, Identity, Operation, administrator::Authority, permission::Codes, store};
use crate::{
    app::App,
    audit::{self, Entry},
    flaw::Flaw,
    in_tx,
};

/// A platform's own group of operations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnModule {
    /// Id.
    pub id: ModuleId,
    /// Unique in the platform.
    pub name: String,
    /// What is in it.
    pub operations: Vec<OwnOperation>,
}

/// A platform's own operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnOperation {
    /// Id.
    pub id: OperationId,
    /// `noun:verb`, unique in the platform and not a built-in one's.
    pub code: String,
    /// For people.
    pub name: String,
}

/// What the org's platform made.
pub(super) async fn list_of_org(app: &App, caller: &Caller) -> Result<Vec<OwnModule>, AccessError> {
    let platform = store::org::find_platform(&app.db, caller.org())
        .await?
        .ok_or(AccessError::NoOrg)?;
    Ok(store::own_operation::list(&app.db, platform).await?)
}

/// A module to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewModule {
    /// Unique in the platform; 1 to 64 characters.
    pub name: String,
}

/// An operation to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewOperation {
    /// The module that it goes into.
    pub module_id: ModuleId,
    /// `noun:verb`: letters, digits, `.`, `_` and `-` on both sides; not a built-in one's.
    pub code: String,
    /// For people; 1 to 64 characters.
    pub name: String,
}

/// What may be changed of a module.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModulePatch {
    /// Unique in the platform; 1 to 64 characters.
    pub name: String,
}

/// What may be changed of an operation. Its code stays: programs ask by it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OperationPatch {
    /// For people; 1 to 64 characters.
    pub name: Option<String>,
    /// The module that it goes into.
    pub module_id: Option<ModuleId>,
}

/// What a platform made.
pub(super) async fn list_of_platform(
    app: &App,
    who: &Identity,
    platform: PlatformId,
) -> Result<Vec<OwnModule>, AccessError> {
    Authority::require_any(app, who).await?.see(platform)?;
    Ok(store::own_operation::list(&app.db, platform).await?)
}

pub(super) async fn create_module(
    app: &App,
    who: &Identity,
    platform: PlatformId,
    new: NewModule,
) -> Result<OwnModule, AccessError> {
    Authority::require_any(app, who).await?.manage(platform)?;
    let module = OwnModule {
        id: app.clock.new_id(),
        name: check_name(&new.name)?,
        operations: Vec::new(),
    };
    let create = async || -> Result<(), AccessError> {
        in_tx!(app.db, |tx| {
            store::own_operation::insert_module(tx, platform, &module, app.clock.now()).await?;
            let entry = Entry::done("module:create", "module", module.id).after(&module);
            audit::record(app, tx, who, None, entry).await?;
        });
        Ok(())
    };
    create().await.map_err(|error| match name_taken(error) {
        AccessError::Db(db) if db.violates_foreign_key() => AccessError::NoPlatform,
        other => other,
    })?;
    Ok(module)
}

fn name_taken(error: AccessError) -> AccessError {
    match error {
        AccessError::Db(db) if db.violates_unique("modules", &["platform_id", "name"]) => {
            AccessError::Taken("name")
        }
        other => other,
    }
}

/// Renames a module.
pub(super) async fn update_module(
    app: &App,
    who: &Identity,
    (platform, id): (PlatformId, ModuleId),
    patch: ModulePatch,
) -> Result<OwnModule, AccessError> {
    Authority::require_any(app, who).await?.manage(platform)?;
    let name = check_name(&patch.name)?;
    let update = async || -> Result<(), AccessError> {
        in_tx!(app.db, |tx| {
            if !store::own_operation::rename_module(tx, platform, id, &name).await? {
                return Err(AccessError::NoModule);
            }
            let entry = Entry::done("module:update", "module", id).detail(&name);
            audit::record(app, tx, who, None, entry).await?;
        });
        Ok(())
    };
    update().await.map_err(name_taken)?;
    let modules = store::own_operation::list(&app.db, platform).await?;
    let found = modules.into_iter().find(|module| module.id == id);
    found.ok_or(AccessError::NoModule)
}

/// Deletes a module that holds no operation.
pub(super) async fn delete_module(
    app: &App,
    who: &Identity,
    (platform, id): (PlatformId, ModuleId),
) -> Result<(), AccessError> {
    Authority::require_any(app, who).await?.manage(platform)?;
    let delete = async || -> Result<(), AccessError> {
        in_tx!(app.db, |tx| {
            if !store::own_operation::delete_module(tx, platform, id).await? {
                return Err(AccessError::NoModule);
            }
            audit::record(app, tx, who, None, Entry::done("module:delete", "module", id)).await?;
        });
        Ok(())
    };
    delete().await.map_err(|error| match error {
        AccessError::Db(db) if db.violates_foreign_key() => AccessError::InUse("module"),
        other => other,
    })
}

/// Renames an operation, or moves it into another module.
pub(super) async fn update(
    app: &App,
    who: &Identity,
    (platform, id): (PlatformId, OperationId),
    patch: OperationPatch,
) -> Result<OwnOperation, AccessError> {
    Authority::require_any(app, who).await?.manage(platform)?;
    let modules = store::own_operation::list(&app.db, platform).await?;
    let found = modules
        .iter()
        .flat_map(|module| module.operations.iter().map(|operation| (module.id, operation)))
        .find(|(_, operation)| operation.id == id);
    let (module, before) = found.ok_or(AccessError::NoOperation)?;
    let module = patch.module_id.unwrap_or(module);
    if !modules.iter().any(|known| known.id == module) {
        return Err(AccessError::invalid("moduleId", Flaw::NoSuch("module")));
    }
    let after = OwnOperation {
        name: patch
            .name
            .map_or_else(|| Ok(before.name.clone()), |name| check_name(&name))?,
        ..before.clone()
    };
    let update = async || -> Result<(), AccessError> {
        in_tx!(app.db, |tx| {
            if !store::own_operation::update(tx, platform, module, &after).await? {
                return Err(AccessError::NoOperation);
            }
            let entry = Entry::done("operation:update", "operation", id)
                .before(before)
                .after(&after);
            audit::record(app, tx, who, None, entry).await?;
        });
        Ok(())
    };
    update().await.map_err(|error| match error {
        AccessError::Db(db) if db.violates_foreign_key() => {
            AccessError::invalid("moduleId", Flaw::NoSuch("module"))
        }
        other => other,
    })?;
    Ok(after)
}

pub(super) async fn create(
    app: &App,
    who: &Identity,
    platform: PlatformId,
    new: NewOperation,
) -> Result<OwnOperation, AccessError> {
    Authority::require_any(app, who).await?.manage(platform)?;
    let good = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    let shaped = new
        .code
        .split_once(':')
        .is_some_and(|(noun, verb)| good(noun) && good(verb));
    if !shaped || new.code.len() > 64 {
        return Err(AccessError::invalid("code", Flaw::NounVerb));
    }
    if new.code.parse::<Operation>().is_ok() {
        return Err(AccessError::Taken("code"));
    }
    let operation = OwnOperation {
        id: app.clock.new_id(),
        code: new.code,
        name: check_name(&new.name)?,
    };
    let create = async || -> Result<(), AccessError> {
        in_tx!(app.db, |tx| {
            let now = app.clock.now();
            if !store::own_operation::insert(tx, platform, new.module_id, &operation, now).await? {
                return Err(AccessError::invalid("moduleId", Flaw::NoSuch("module")));
            }
            let entry = Entry::done("operation:create", "operation", operation.id).after(&operation);
            audit::record(app, tx, who, None, entry).await?;
        });
        Ok(())
    };
    create().await.map_err(|error| match error {
        AccessError::Db(db) if db.violates_unique("operations", &["platform_id", "code"]) => {
            AccessError::Taken("code")
        }
        other => other,
    })?;
    Ok(operation)
}

/// Deletes an operation of the platform's own that nothing gives.
pub(super) async fn delete(
    app: &App,
    who: &Identity,
    (platform, id): (PlatformId, OperationId),
) -> Result<(), AccessError> {
    Authority::require_any(app, who).await?.manage(platform)?;
    in_tx!(app.db, |tx| {
        let code = store::own_operation::find_code(tx, platform, id)
            .await?
            .ok_or(AccessError::NoOperation)?;
        if store::own_operation::is_given(tx, platform, &code).await? {
            return Err(AccessError::InUse("operation"));
        }
        store::own_operation::delete(tx, platform, id).await?;
        let entry = Entry::done("operation:delete", "operation", id).detail(code);
        audit::record(app, tx, who, None, entry).await?;
    });
    Ok(())
}

fn check_name(name: &str) -> Result<String, AccessError> {
    let name = name.trim();
    if (1..=64).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
        Ok(name.to_owned())
    } else {
        Err(AccessError::invalid("name", Flaw::Length(1, 64)))
    }
}

/// Sorts codes, after checking that each is built in or the org's platform's own.
pub(super) async fn known(
    app: &App,
    org: OrgId,
    codes: impl IntoIterator<Item = String>,
) -> Result<Codes, AccessError> {
    let codes = Codes::of(codes);
    if !codes.own.is_empty() {
        check_known(&codes, &store::own_operation::codes_of_org(&app.db, org).await?)?;
    }
    Ok(codes)
}

/// As [`known`], for what belongs to a platform.
pub(super) async fn known_in(
    app: &App,
    platform: PlatformId,
    codes: impl IntoIterator<Item = String>,
) -> Result<Codes, AccessError> {
    let codes = Codes::of(codes);
    let modules = store::own_operation::list(&app.db, platform).await?;
    let operations = modules.into_iter().flat_map(|module| module.operations);
    check_known(&codes, &operations.map(|operation| operation.code).collect())?;
    Ok(codes)
}

fn check_known(codes: &Codes, known: &BTreeSet<String>) -> Result<(), AccessError> {
    match codes.own.iter().find(|code| !known.contains(*code)) {
        None => Ok(()),
        Some(unknown) => {
            let unknown: String = unknown.chars().take(64).collect();
            Err(AccessError::invalid(
                "operations",
                format!("there is no operation {unknown:?}"),
            ))
        }
    }
}
