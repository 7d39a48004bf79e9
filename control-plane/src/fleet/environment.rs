//! Environments.

use muster_base::{Clock, EnvironmentId, OrgId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{FleetError, store};
use crate::{
    access::{Caller, Object, ObjectKind, Operation, Scope},
    app::App,
    audit::{self, Entry},
    db::{DbError, Tx},
    delivery,
    error::Error,
    flaw::Flaw,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
};

/// What an environment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EnvironmentType {
    /// Where things are made.
    Development,
    /// Where things are tried.
    Testing,
    /// Where things wait, as they will be.
    Staging,
    /// Where it counts.
    Production,
}

impl EnvironmentType {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Testing => "testing",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, DbError> {
        [Self::Development, Self::Testing, Self::Staging, Self::Production]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| DbError::Corrupt(format!("environments.type: {text}")))
    }
}

/// An environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// Id.
    pub id: EnvironmentId,
    /// What everything refers to it by, for instance `prod`.
    pub name: String,
    /// For people.
    pub label: String,
    /// What it is for.
    #[serde(rename = "type")]
    pub kind: EnvironmentType,
    /// Place in lists.
    pub order: i64,
    /// When it was made.
    pub created_at: UnixMs,
    /// When it was last changed.
    pub updated_at: UnixMs,
}

/// An environment to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewEnvironment {
    /// Lower-case letters, digits and dashes; unique in the org.
    pub name: String,
    /// For people; the name if left out.
    pub label: Option<String>,
    /// What it is for.
    #[serde(rename = "type")]
    pub kind: EnvironmentType,
    /// Place in lists.
    #[serde(default)]
    pub order: i64,
}

/// What may be changed of an environment. Its name stays: everything refers to it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentPatch {
    /// For people.
    pub label: Option<String>,
    /// What it is for.
    #[serde(rename = "type")]
    pub kind: Option<EnvironmentType>,
    /// Place in lists.
    pub order: Option<i64>,
}

/// Every environment of the org, for other rooms.
pub async fn list_environments(app: &App, org: OrgId) -> Result<Vec<Environment>, DbError> {
    store::environment::list(&app.db, org, &Scope::default(), None, i64::MAX).await
}

/// The org's environment of this name.
pub async fn find_environment(app: &App, org: OrgId, name: &str) -> Result<Option<Environment>, FleetError> {
    Ok(store::environment::find_by_name(&app.db, org, name).await?)
}

/// Gives a new org the usual environments.
pub(crate) async fn seed_environments(tx: &mut Tx, clock: &Clock, org: OrgId) -> Result<(), DbError> {
    use EnvironmentType::{Development, Production, Staging, Testing};
    let usual = [
        ("dev", "Development", Development),
        ("test", "Test", Testing),
        ("staging", "Staging", Staging),
        ("prod", "Production", Production),
    ];
    for (order, (name, label, kind)) in (0..).zip(usual) {
        let environment = Environment {
            id: clock.new_id(),
            name: name.to_owned(),
            label: label.to_owned(),
            kind,
            order,
            created_at: clock.now(),
            updated_at: clock.now(),
        };
        store::environment::insert(tx, org, &environment).await?;
    }
    Ok(())
}

pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: &PageQuery,
) -> Result<Page<Environment>, FleetError> {
    caller.require(Operation::EnvironmentRead)?;
    let after = query.cursor::<(i64, String)>()?;
    let rows = store::environment::list(&app.db, caller.org(), caller.scope(), after, query.fetch()).await?;
    Ok(query.page(rows, |row| Cursor::of(&(row.order, &row.name))))
}

pub(super) async fn get(app: &App, caller: &Caller, id: EnvironmentId) -> Result<Environment, FleetError> {
    find_for(app, caller, Operation::EnvironmentRead, id).await
}

/// The environment, if the caller may do `operation` on it.
async fn find_for(
    app: &App,
    caller: &Caller,
    operation: Operation,
    id: EnvironmentId,
) -> Result<Environment, FleetError> {
    caller.require(operation)?;
    let environment = store::environment::find(&app.db, caller.org(), id)
        .await?
        .ok_or(FleetError::NoEnvironment)?;
    caller.require_on(operation, &Object::Environment(&environment.name))?;
    Ok(environment)
}

pub(super) async fn create(
    app: &App,
    caller: &Caller,
    new: NewEnvironment,
) -> Result<Environment, FleetError> {
    caller.require_all(Operation::EnvironmentWrite, ObjectKind::Environments)?;
    check_name(&new.name)?;
    let now = app.clock.now();
    let environment = Environment {
        id: app.clock.new_id(),
        label: check_label(new.label.unwrap_or_else(|| new.name.clone()))?,
        name: new.name,
        kind: new.kind,
        order: new.order,
        created_at: now,
        updated_at: now,
    };
    let insert = async || -> Result<(), FleetError> {
        in_tx!(app.db, |tx| {
            store::environment::insert(tx, caller.org(), &environment).await?;
            let entry =
                Entry::done(Operation::EnvironmentWrite, "environment", environment.id).after(&environment);
            audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        });
        Ok(())
    };
    insert().await.map_err(|error| match error {
        FleetError::Db(db) if db.violates_unique("environments", &["org_id", "name"]) => {
            FleetError::NameTaken("environment")
        }
        other => other,
    })?;
    Ok(environment)
}

pub(super) async fn update(
    app: &App,
    caller: &Caller,
    id: EnvironmentId,
    patch: EnvironmentPatch,
) -> Result<Environment, FleetError> {
    let before = find_for(app, caller, Operation::EnvironmentWrite, id).await?;
    let mut environment = before.clone();
    if let Some(label) = patch.label {
        environment.label = check_label(label)?;
    }
    environment.kind = patch.kind.unwrap_or(environment.kind);
    environment.order = patch.order.unwrap_or(environment.order);
    environment.updated_at = app.clock.now();
    in_tx!(app.db, |tx| {
        if !store::environment::update(tx, caller.org(), &environment).await? {
            return Err(FleetError::NoEnvironment);
        }
        let entry = Entry::done(Operation::EnvironmentWrite, "environment", id)
            .before(&before)
            .after(&environment);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(environment)
}

pub(super) async fn delete(app: &App, caller: &Caller, id: EnvironmentId) -> Result<(), FleetError> {
    let before = find_for(app, caller, Operation::EnvironmentWrite, id).await?;
    let used = delivery::environment_used(app, caller.org(), &before.name).await;
    if used.map_err(Error::from)? {
        return Err(FleetError::InUse("environment"));
    }
    let delete = async || -> Result<(), FleetError> {
        in_tx!(app.db, |tx| {
            store::environment::forget_removed(tx, caller.org(), id, app.clock.now()).await?;
            if !store::environment::delete(tx, caller.org(), id).await? {
                return Err(FleetError::NoEnvironment);
            }
            let entry = Entry::done(Operation::EnvironmentWrite, "environment", id).before(&before);
            audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        });
        Ok(())
    };
    delete().await.map_err(|error| match error {
        FleetError::Db(db) if db.violates_foreign_key() => FleetError::InUse("environment"),
        other => other,
    })
}

fn check_name(name: &str) -> Result<(), FleetError> {
    let good = (1..=63).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-');
    if good {
        Ok(())
    } else {
        Err(FleetError::invalid("name", Flaw::Slug(63)))
    }
}

fn check_label(label: String) -> Result<String, FleetError> {
    if (1..=128).contains(&label.chars().count()) {
        Ok(label)
    } else {
        Err(FleetError::invalid("label", Flaw::Length(1, 128)))
    }
}
