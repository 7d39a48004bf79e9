//! Environment variables: in four scopes, in clear or as a reference to a secret.
//!
//! The later scope wins: global, org, application, environment (of an application). The global scope is above orgs:
//! everybody may read it, only the super administrator may change it, and it can't refer to secrets, which belong
//! to orgs.

use muster_base::{ApplicationId, EnvVarId, SecretId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{DeliveryError, application, fields::Fields, reach, store};
use crate::{
    access::{Caller, Object, Operation},
    app::App,
    audit::{self, Entry},
    db::{DbError, Tx},
    flaw::Flaw,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
    secrets::{self, SecretReference},
};

/// Whose variable it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    /// Everybody's.
    Global,
    /// All applications' of the org.
    Org,
    /// One application's.
    Application,
    /// One environment's of one application.
    Environment,
}

impl Scope {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Org => "org",
            Self::Application => "application",
            Self::Environment => "environment",
        }
    }

    pub(super) fn read(text: &str) -> Result<Self, DbError> {
        [Self::Global, Self::Org, Self::Application, Self::Environment]
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| DbError::Corrupt("env_vars.scope".to_owned()))
    }
}

/// Where the value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ValueType {
    /// In the variable, in clear.
    Plain,
    /// In a secret.
    SecretRef,
}

/// A variable. The value of one that refers to a secret is the reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvVar {
    /// Id.
    pub id: EnvVarId,
    /// Whose.
    pub scope: Scope,
    /// With the scopes application and environment.
    pub application_id: Option<ApplicationId>,
    /// With the scope environment.
    pub environment: Option<String>,
    /// Name, unique in its scope.
    pub name: String,
    /// Where the value is.
    pub value_type: ValueType,
    /// The value, or `@secret:<id>`.
    pub value: String,
    /// The secret, with `secretRef`.
    pub secret_id: Option<SecretId>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: UnixMs,
    /// Last change.
    pub updated_at: UnixMs,
}

/// A variable to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewEnvVar {
    /// Whose; application if `applicationId` is given (environment with `environment`), else org.
    pub scope: Option<Scope>,
    /// With the scopes application and environment.
    pub application_id: Option<ApplicationId>,
    /// With the scope environment.
    pub environment: Option<String>,
    /// Letters, digits and `_`, not beginning with a digit.
    pub name: String,
    /// Where the value is; `secretRef` if the value is `@secret:<id>` or a `secretId` is given, else plain.
    pub value_type: Option<ValueType>,
    /// The value, or `@secret:<id>`.
    pub value: Option<String>,
    /// The secret, with `secretRef`.
    pub secret_id: Option<SecretId>,
}

/// What is to change in a variable: its value.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvVarPatch {
    /// Where the value is, as in a new variable.
    pub value_type: Option<ValueType>,
    /// The value, or `@secret:<id>`.
    pub value: Option<String>,
    /// The secret, with `secretRef`.
    pub secret_id: Option<SecretId>,
}

/// Which variables to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EnvVarFilter {
    /// Only those of this application and its environments.
    pub application_id: Option<ApplicationId>,
    /// How many items, 1–500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

const MAX_VALUE_BYTES: usize = 32 * 1024;

pub(super) async fn create(app: &App, caller: &Caller, new: NewEnvVar) -> Result<EnvVar, DeliveryError> {
    let scope = new.scope.unwrap_or(match (new.application_id, &new.environment) {
        (Some(_), Some(_)) => Scope::Environment,
        (Some(_), None) => Scope::Application,
        (None, _) => Scope::Org,
    });
    reach::may_write(
        app,
        caller,
        scope,
        (new.application_id, new.environment.as_deref()),
    )
    .await?;
    let mut fields = Fields::default();
    fields.check(is_name(&new.name), "name", Flaw::Variable(256));
    let wants_application = matches!(scope, Scope::Application | Scope::Environment);
    fields.check(
        new.application_id.is_some() == wants_application,
        "applicationId",
        Flaw::OnlyWith("the scopes application and environment"),
    );
    fields.check(
        new.environment.is_some() == (scope == Scope::Environment),
        "environment",
        Flaw::OnlyWith("the scope environment"),
    );
    if let Some(environment) = &new.environment {
        fields.slug("environment", environment);
    }
    fields.finish()?;
    if let Some(id) = new.application_id {
        application::find(app, caller.org(), id).await?;
    }
    let (value_type, value, secret_id) =
        read_value(app, caller, scope, new.value_type, new.value, new.secret_id).await?;
    let now = app.clock.now();
    let variable = EnvVar {
        id: app.clock.new_id(),
        scope,
        application_id: new.application_id,
        environment: new.environment,
        name: new.name,
        value_type,
        value,
        secret_id,
        created_by: caller.actor.name(),
        created_at: now,
        updated_at: now,
    };
    in_tx!(app.db, |tx| insert(app, caller, tx, &variable).await?);
    Ok(variable)
}

/// Writes a variable that was checked, with its audit row.
pub(super) async fn insert(
    app: &App,
    caller: &Caller,
    tx: &mut Tx,
    variable: &EnvVar,
) -> Result<(), DeliveryError> {
    let inserted = store::env_var::insert(tx, caller.org(), variable).await;
    inserted.map_err(|error| {
        if error.violates_unique("env_vars", &["owner", "name"]) {
            let name = variable.name.clone();
            return DeliveryError::NameTaken {
                what: "variable",
                name,
            };
        }
        error.into()
    })?;
    let entry = Entry::done(Operation::ApplicationWrite, "envVar", variable.id).after(&audited(variable));
    audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    Ok(())
}

pub(super) async fn get(app: &App, caller: &Caller, id: EnvVarId) -> Result<EnvVar, DeliveryError> {
    caller.require(Operation::ApplicationRead)?;
    let found = store::env_var::find(&app.db, caller.org(), id).await?;
    found
        .filter(|variable| reach::reaches(caller, variable))
        .ok_or(DeliveryError::NotFound("variable"))
}

pub(super) async fn list(
    app: &App,
    caller: &Caller,
    filter: EnvVarFilter,
) -> Result<Page<EnvVar>, DeliveryError> {
    caller.require(Operation::ApplicationRead)?;
    let query = PageQuery::new(filter.limit, filter.cursor);
    let after = query.cursor::<EnvVarId>()?;
    let rows = store::env_var::list(
        &app.db,
        (caller.org(), caller.scope()),
        filter.application_id,
        after,
        query.fetch(),
    )
    .await?;
    Ok(query.page(rows, |row| Cursor::of(&row.id)))
}

pub(super) async fn update(
    app: &App,
    caller: &Caller,
    id: EnvVarId,
    patch: EnvVarPatch,
) -> Result<EnvVar, DeliveryError> {
    caller.require(Operation::ApplicationWrite)?;
    let before = get(app, caller, id).await?;
    reach::may_write(
        app,
        caller,
        before.scope,
        (before.application_id, before.environment.as_deref()),
    )
    .await?;
    let (value_type, value, secret_id) = read_value(
        app,
        caller,
        before.scope,
        patch.value_type,
        patch.value,
        patch.secret_id,
    )
    .await?;
    let after = EnvVar {
        value_type,
        value,
        secret_id,
        updated_at: app.clock.now(),
        ..before.clone()
    };
    in_tx!(app.db, |tx| {
        if !store::env_var::update(tx, caller.org(), &after).await? {
            return Err(DeliveryError::NotFound("variable"));
        }
        let entry = Entry::done(Operation::ApplicationWrite, "envVar", id)
            .before(&audited(&before))
            .after(&audited(&after));
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(after)
}

pub(super) async fn delete(app: &App, caller: &Caller, id: EnvVarId) -> Result<(), DeliveryError> {
    caller.require(Operation::ApplicationWrite)?;
    let before = get(app, caller, id).await?;
    reach::may_write(
        app,
        caller,
        before.scope,
        (before.application_id, before.environment.as_deref()),
    )
    .await?;
    in_tx!(app.db, |tx| {
        if !store::env_var::delete(tx, caller.org(), id).await? {
            return Err(DeliveryError::NotFound("variable"));
        }
        let entry = Entry::done(Operation::ApplicationWrite, "envVar", id).before(&audited(&before));
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(())
}

/// Whether `name` can be an environment variable's.
pub(super) fn is_name(name: &str) -> bool {
    let first = name
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    first && name.len() <= 256 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

async fn read_value(
    app: &App,
    caller: &Caller,
    scope: Scope,
    value_type: Option<ValueType>,
    value: Option<String>,
    secret_id: Option<SecretId>,
) -> Result<(ValueType, String, Option<SecretId>), DeliveryError> {
    let referred = value
        .as_deref()
        .and_then(|text| text.parse::<SecretReference>().ok());
    let looks_referred = secret_id.is_some() || referred.is_some();
    let value_type = value_type.unwrap_or(if looks_referred {
        ValueType::SecretRef
    } else {
        ValueType::Plain
    });
    match value_type {
        ValueType::Plain => {
            if secret_id.is_some() {
                return Err(DeliveryError::invalid(
                    "secretId",
                    Flaw::OnlyWith("valueType secretRef"),
                ));
            }
            let value = value.ok_or_else(|| DeliveryError::invalid("value", Flaw::Needed))?;
            if value.len() > MAX_VALUE_BYTES {
                return Err(DeliveryError::invalid("value", Flaw::Bytes(0, MAX_VALUE_BYTES)));
            }
            if value.contains('\0') {
                return Err(DeliveryError::invalid("value", Flaw::Nul));
            }
            Ok((value_type, value, None))
        }
        ValueType::SecretRef => {
            let by_text = referred.map(|reference| reference.0);
            let wanted = match (secret_id, by_text, value) {
                (Some(id), None, None) | (None, Some(id), _) => id,
                (Some(id), Some(other), _) if id == other => id,
                _ => {
                    return Err(DeliveryError::invalid("value", Flaw::OneSecret));
                }
            };
            if scope == Scope::Global {
                return Err(DeliveryError::invalid("value", Flaw::GlobalSecret));
            }
            let secret = secrets::find(app, caller.org(), wanted).await?;
            if secret.is_none_or(|secret| !caller.reaches(&Object::SecretGroup(secret.group_id))) {
                return Err(DeliveryError::invalid("secretId", Flaw::NoSuch("secret")));
            }
            Ok((value_type, SecretReference(wanted).to_string(), Some(wanted)))
        }
    }
}

/// As the audit log shows it: people put secrets into plain variables, so no value is kept there.
fn audited(variable: &EnvVar) -> EnvVar {
    let value = match variable.value_type {
        ValueType::Plain => "(not recorded)".to_owned(),
        ValueType::SecretRef => variable.value.clone(),
    };
    EnvVar {
        value,
        ..variable.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_a_shell_can_read() {
        assert!(is_name("_A1") && is_name("path"));
        for name in ["", "1A", "A-B", "A.B", "A=B", "Ä"] {
            assert!(!is_name(name), "{name}");
        }
    }
}
