//! Tells those whom it concerns that a deployment failed, once.
//!
//! A failure marks its row as untold; the driver tells and clears the mark in one transaction, so that a process that
//! dies in between tells it after its next start, and nobody hears it twice.

use muster_base::{DeploymentId, OrgId};

use super::{DeliveryError, deployment, store};
use crate::{
    access::{self, FailedDeployment},
    app::App,
    error::Error,
    in_tx,
};

const BATCH: i64 = 64;

/// Tells of every failure that nobody was told of.
pub(super) async fn tell(app: &App) -> Result<(), DeliveryError> {
    for (org, id) in store::turn::list_untold(&app.db, BATCH).await? {
        tell_one(app, org, id).await?;
    }
    Ok(())
}

async fn tell_one(app: &App, org: OrgId, id: DeploymentId) -> Result<(), DeliveryError> {
    let deployment = deployment::find(app, org, id).await?;
    let failed = FailedDeployment {
        org,
        id,
        application: deployment.application_id,
        name: &deployment.application_name,
        environment: &deployment.environment,
        version: &deployment.version,
        error: deployment.error.as_deref().unwrap_or("the hosts did not say why"),
        asked_by: (&deployment.triggered_by.kind, &deployment.triggered_by.id),
    };
    let audience = access::failure_audience(app, &failed)
        .await
        .map_err(Error::from)?;
    in_tx!(app.db, |tx| {
        if store::turn::set_told(tx, org, id).await? {
            access::tell_of_failure(app, tx, &audience, &failed)
                .await
                .map_err(Error::from)?;
        }
    });
    app.notify.wake();
    Ok(())
}
