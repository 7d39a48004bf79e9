//! What other rooms ask of applications; they know who may hear it.

use std::collections::HashMap;

use muster_base::{ApplicationId, DeploymentId, OrgId};

use super::{DeliveryError, store};
use crate::{app::App, db::Tx};

/// The names of the org's applications of these ids, those that there are.
pub async fn application_names(
    app: &App,
    org: OrgId,
    ids: &[ApplicationId],
) -> Result<HashMap<ApplicationId, String>, DeliveryError> {
    let names = store::application::names(&app.db, org, ids).await?;
    Ok(names.into_iter().collect())
}

/// The deployment that runs in an application's environment and holds the place, if there is one.
pub async fn running_deployment(
    tx: &mut Tx,
    org: OrgId,
    application: ApplicationId,
    environment: &str,
) -> Result<Option<DeploymentId>, DeliveryError> {
    Ok(store::turn::holder(tx, org, application, environment).await?)
}
