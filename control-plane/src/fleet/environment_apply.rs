//! Environments from documents.

use muster_base::{EnvironmentId, OrgId};

use super::{
    FleetError,
    environment::{Environment, EnvironmentType},
    store,
};
use crate::{
    access::{Caller, Object, ObjectKind, Operation},
    app::App,
    audit::{self, Entry},
    db::{DbError, Tx},
};

/// What a document says of an environment; what it leaves out stays as it is.
#[derive(Debug, Clone)]
pub struct EnvironmentDocument {
    /// Its name.
    pub name: String,
    /// For people.
    pub label: Option<String>,
    /// What it is for.
    pub kind: Option<EnvironmentType>,
    /// Place in lists.
    pub order: Option<i64>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvironmentApplied {
    /// It is new.
    Created(EnvironmentId),
    /// It was changed.
    Changed(EnvironmentId),
    /// It is as the document says.
    Unchanged(EnvironmentId),
}

/// Whether the org has an environment of this name, one that this transaction made included.
pub async fn environment_known(tx: &mut Tx, org: OrgId, name: &str) -> Result<bool, DbError> {
    store::environment::is_known(tx, org, name).await
}

/// Makes the environment as the document says. `usual` is what a new one is for if the document doesn't say.
pub async fn apply_environment(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    document: EnvironmentDocument,
    usual: EnvironmentType,
) -> Result<EnvironmentApplied, FleetError> {
    let now = app.clock.now();
    let before = store::environment::lock_by_name(tx, &app.db, caller.org(), &document.name).await?;
    let Some(before) = before else {
        caller.require_all(Operation::EnvironmentWrite, ObjectKind::Environments)?;
        let environment = Environment {
            id: app.clock.new_id(),
            label: document.label.unwrap_or_else(|| document.name.clone()),
            name: document.name,
            kind: document.kind.unwrap_or(usual),
            order: document.order.unwrap_or_default(),
            created_at: now,
            updated_at: now,
        };
        store::environment::insert(tx, caller.org(), &environment).await?;
        let entry =
            Entry::done(Operation::EnvironmentWrite, "environment", environment.id).after(&environment);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        return Ok(EnvironmentApplied::Created(environment.id));
    };
    let mut environment = before.clone();
    environment.label = document.label.unwrap_or(environment.label);
    environment.kind = document.kind.unwrap_or(environment.kind);
    environment.order = document.order.unwrap_or(environment.order);
    // Whoever may read it may put in what they read.
    let reads = caller.may_on(Operation::EnvironmentRead, &Object::Environment(&before.name));
    if environment == before && reads {
        return Ok(EnvironmentApplied::Unchanged(before.id));
    }
    caller.require_on(Operation::EnvironmentWrite, &Object::Environment(&before.name))?;
    if environment == before {
        return Ok(EnvironmentApplied::Unchanged(before.id));
    }
    environment.updated_at = now;
    if !store::environment::update(tx, caller.org(), &environment).await? {
        return Err(FleetError::NoEnvironment);
    }
    let entry = Entry::done(Operation::EnvironmentWrite, "environment", before.id)
        .before(&before)
        .after(&environment);
    audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    Ok(EnvironmentApplied::Changed(before.id))
}
