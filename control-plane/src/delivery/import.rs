//! Importing a group of secrets into an application: one variable for each secret that refers to it.

use std::collections::HashSet;

use muster_base::{ApplicationId, SecretGroupId, SecretId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    DeliveryError, application,
    env_var::{self, EnvVar, Scope, ValueType},
    fields::Fields,
    reach, store,
};
use crate::{
    access::{Caller, Object, Operation},
    app::App,
    in_tx,
    secrets::{self, SecretReference},
};

/// Which group is to be imported.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportSecrets {
    /// The group.
    pub group_id: SecretGroupId,
    /// Into one environment only; into the whole application if not given.
    pub environment: Option<String>,
}

/// What was imported.
#[expect(
    clippy::struct_field_names,
    reason = "the field's name is part of the contract"
)]
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Imported {
    /// It was done.
    pub success: bool,
    /// Variables made.
    pub imported: usize,
    /// Secrets for which none was made.
    pub skipped: usize,
    /// Each secret of the group.
    pub secrets: Vec<ImportedSecret>,
}

/// What became of one secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportedSecret {
    /// The secret.
    pub secret_id: SecretId,
    /// Its name, and the variable's.
    pub name: String,
    /// A variable was made.
    pub imported: bool,
    /// Why not.
    pub reason: Option<String>,
}

pub(super) async fn import(
    app: &App,
    caller: &Caller,
    id: ApplicationId,
    wanted: ImportSecrets,
) -> Result<Imported, DeliveryError> {
    let org = caller.org();
    let application = application::find_for(app, caller, Operation::ApplicationWrite, id).await?;
    match &wanted.environment {
        Some(name) => caller.require_on(Operation::ApplicationWrite, &Object::ApplicationIn(id, name))?,
        None => reach::check_change(app, caller, &application, Some(&application)).await?,
    }
    if let Some(environment) = &wanted.environment {
        let mut fields = Fields::default();
        fields.slug("environment", environment);
        fields.finish()?;
    }
    let group = secrets::list_of_group(app, caller, wanted.group_id).await?;
    let now = app.clock.now();
    let scope = if wanted.environment.is_some() {
        Scope::Environment
    } else {
        Scope::Application
    };
    let outcome = in_tx!(app.db, |tx| {
        store::application::lock(tx, org, id).await?;
        let names = store::env_var::list_names(tx, org, id, wanted.environment.as_deref()).await?;
        let taken: HashSet<String> = names.into_iter().collect();
        let mut outcome = Vec::with_capacity(group.len());
        for secret in &group {
            let reason = if taken.contains(&secret.name) {
                Some("there is already a variable of this name".to_owned())
            } else if env_var::is_name(&secret.name) {
                let variable = EnvVar {
                    id: app.clock.new_id(),
                    scope,
                    application_id: Some(id),
                    environment: wanted.environment.clone(),
                    name: secret.name.clone(),
                    value_type: ValueType::SecretRef,
                    value: SecretReference(secret.id).to_string(),
                    secret_id: Some(secret.id),
                    created_by: caller.actor.name(),
                    created_at: now,
                    updated_at: now,
                };
                env_var::insert(app, caller, tx, &variable).await?;
                None
            } else {
                Some("the name can't be an environment variable's: letters, digits and _".to_owned())
            };
            outcome.push(ImportedSecret {
                secret_id: secret.id,
                name: secret.name.clone(),
                imported: reason.is_none(),
                reason,
            });
        }
        outcome
    });
    let imported = outcome.iter().filter(|secret| secret.imported).count();
    Ok(Imported {
        success: true,
        imported,
        skipped: outcome.len() - imported,
        secrets: outcome,
    })
}
