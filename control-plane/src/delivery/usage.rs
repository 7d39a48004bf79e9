//! What a change of a secret would reach: the applications whose variables come from it.
//!
//! A variable of the org counts for every application, unless one of a later scope stands before it; so what is listed
//! is what the variables come to in each environment, not where they were written down. The change itself reaches a
//! container with its next deployment.

use std::collections::{BTreeMap, BTreeSet};

use muster_base::{ApplicationId, EnvVarId, OrgId, SecretGroupId, SecretId};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    DeliveryError, env_merge,
    env_var::{EnvVar, Scope},
    reach, store,
};
use crate::{
    access::{self, Caller, Object},
    app::App,
    db::{DbError, Tx},
    secrets,
};

/// What refers to a secret, or to the secrets of a group.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretUsage {
    /// Variables that refer to it.
    pub variables: Vec<UsingVariable>,
    /// Where a new value would arrive at the next deployment.
    pub applications: Vec<UsingApplication>,
    /// How many more applications it would reach that are out of the caller's.
    pub hidden: usize,
}

/// A variable that refers to a secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsingVariable {
    /// The variable.
    pub id: EnvVarId,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub scope: Scope,
    /// With the scopes application and environment.
    pub application_id: Option<ApplicationId>,
    /// With the scope environment.
    pub environment: Option<String>,
    /// The secret.
    pub secret_id: SecretId,
}

/// An application in an environment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsingApplication {
    /// The application.
    pub application_id: ApplicationId,
    /// Its name.
    pub application_name: String,
    /// The environment.
    pub environment: String,
    /// Names of the variables that have the secret's value there.
    pub variables: Vec<String>,
}

/// What a change of one secret would reach.
pub(super) async fn of_secret(
    app: &App,
    caller: &Caller,
    id: SecretId,
) -> Result<SecretUsage, DeliveryError> {
    let secret = secrets::get(app, caller, id).await?;
    usage(app, caller, &[secret.id]).await
}

/// What a change of any secret of the group would reach.
pub(super) async fn of_group(
    app: &App,
    caller: &Caller,
    id: SecretGroupId,
) -> Result<SecretUsage, DeliveryError> {
    let secrets = secrets::list_of_group(app, caller, id).await?;
    let ids: Vec<SecretId> = secrets.into_iter().map(|secret| secret.id).collect();
    usage(app, caller, &ids).await
}

/// Which of these secrets a variable refers to.
pub async fn secrets_referred_to(
    tx: &mut Tx,
    org: OrgId,
    secrets: &[SecretId],
) -> Result<BTreeSet<SecretId>, DbError> {
    let found = store::env_var::list_referred(tx, org, secrets).await?;
    Ok(found.into_iter().collect())
}

async fn usage(app: &App, caller: &Caller, secrets: &[SecretId]) -> Result<SecretUsage, DeliveryError> {
    let org = caller.org();
    let wanted: BTreeSet<SecretId> = secrets.iter().copied().collect();
    let all = store::env_var::list_referring(&app.db, org, secrets).await?;
    let whole = access::Scope::default();
    let applications = store::application::list(&app.db, org, &whole, "", i64::MAX).await?;
    let refers = |variable: &EnvVar| variable.secret_id.is_some_and(|id| wanted.contains(&id));
    let mut found = SecretUsage {
        variables: Vec::new(),
        applications: Vec::new(),
        hidden: 0,
    };
    let mut hidden = BTreeSet::new();
    for application in &applications {
        for environment in application.environments.keys() {
            let here = all
                .iter()
                .filter(|one| counts_in(one, application.id, environment));
            let merged = env_merge::merge(here.cloned().collect());
            let variables: Vec<String> = merged
                .into_iter()
                .filter(refers)
                .map(|variable| variable.name)
                .collect();
            if variables.is_empty() {
                continue;
            }
            if caller.reaches(&Object::ApplicationIn(application.id, environment)) {
                found.applications.push(UsingApplication {
                    application_id: application.id,
                    application_name: application.name.clone(),
                    environment: environment.clone(),
                    variables,
                });
            } else {
                hidden.insert(application.id);
            }
        }
    }
    found.hidden = hidden.len();
    let mut variables: BTreeMap<EnvVarId, UsingVariable> = BTreeMap::new();
    for variable in all {
        if let Some(secret_id) = variable.secret_id.filter(|id| wanted.contains(id))
            && reach::reaches(caller, &variable)
        {
            let using = UsingVariable {
                id: variable.id,
                name: variable.name,
                scope: variable.scope,
                application_id: variable.application_id,
                environment: variable.environment,
                secret_id,
            };
            variables.insert(variable.id, using);
        }
    }
    found.variables = variables.into_values().collect();
    Ok(found)
}

/// Whether a variable has a say in one environment of one application.
fn counts_in(variable: &EnvVar, application: ApplicationId, environment: &str) -> bool {
    match variable.scope {
        Scope::Global | Scope::Org => true,
        Scope::Application => variable.application_id == Some(application),
        Scope::Environment => {
            variable.application_id == Some(application)
                && variable.environment.as_deref() == Some(environment)
        }
    }
}
