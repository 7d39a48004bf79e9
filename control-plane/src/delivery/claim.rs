//! Whose a container's name is on a host: two applications, or two environments of one, must not replace each other's
//! containers there.
//!
//! What is known here: the containers' names as applications have them now, the hosts that they are for, and what
//! succeeded there. The name is another's on a host if another application or environment has the same name, is for
//! that host, and succeeded there later than this one did. Then the deployment stops before any host hears of it. What
//! is not known here, the host's agent finds by the container's labels and refuses itself.

use muster_base::{ApplicationId, HostId, UnixMs};

use super::{
    DeliveryError,
    application::Application,
    deployment::Deployment,
    environment::ApplicationEnvironment,
    store::{self, claim::Claim},
};
use crate::{access::Scope, app::App};

/// Somebody else's environment with a container of the same name.
struct Other {
    application: ApplicationId,
    environment: String,
    target: ApplicationEnvironment,
}

/// Passes if the container's name is free, or this deployment's own, on each of these hosts.
pub(super) async fn check(
    app: &App,
    deployment: &Deployment,
    hosts: &[(HostId, String)],
) -> Result<(), DeliveryError> {
    let plan = &deployment.plan;
    let name = plan.container.name.as_ref().unwrap_or(&plan.application_name);
    let all = store::application::list(
        &app.db,
        deployment.org,
        &Scope::default(),
        "",
        i64::from(u32::MAX),
    )
    .await?;
    let others: Vec<Other> = all
        .into_iter()
        .flat_map(|application| others(application, deployment, name))
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    let ids: Vec<HostId> = hosts.iter().map(|(id, _)| *id).collect();
    let mut applications: Vec<ApplicationId> = others.iter().map(|other| other.application).collect();
    applications.push(deployment.application_id);
    let claims = store::claim::list(&app.db, deployment.org, &applications, &ids).await?;
    let own = |claim: &Claim| {
        (claim.application_id, &claim.environment) == (deployment.application_id, &deployment.environment)
    };
    for (host, host_name) in hosts {
        let here = || claims.iter().filter(|claim| claim.host_id == *host);
        let ours: Option<UnixMs> = here().find(|claim| own(claim)).map(|claim| claim.at);
        let held = here()
            .filter(|claim| !own(claim) && ours.is_none_or(|ours| claim.at > ours))
            .find(|claim| others.iter().any(|other| other.holds(claim)));
        if let Some(claim) = held {
            return Err(DeliveryError::Stopped(said(deployment, claim, name, host_name)));
        }
    }
    Ok(())
}

impl Other {
    /// Whether what succeeded there is this one, and is still for that host. Which hosts a selector fits is not asked:
    /// what succeeded there fitted then.
    fn holds(&self, claim: &Claim) -> bool {
        let same = (self.application, &self.environment) == (claim.application_id, &claim.environment);
        same && (self.target.hosts.contains(&claim.host_id) || !self.target.selector.is_empty())
    }
}

/// The application's environments, without the deployment's own, whose container is called so.
fn others(application: Application, deployment: &Deployment, name: &str) -> Vec<Other> {
    let mut found = Vec::new();
    for (environment, target) in application.environments {
        if application.id == deployment.application_id && environment == deployment.environment {
            continue;
        }
        // What does not merge is told when it is deployed itself.
        let Ok(container) = target.container(&application.container) else {
            continue;
        };
        if container.name.as_ref().unwrap_or(&application.name) == name {
            found.push(Other {
                application: application.id,
                environment,
                target,
            });
        }
    }
    found
}

/// Another application is not named: whoever reads this may not know of it.
fn said(deployment: &Deployment, claim: &Claim, name: &str, host: &str) -> String {
    let whose = if claim.application_id == deployment.application_id {
        format!("environment {} of this application", claim.environment)
    } else {
        format!("another application ({})", claim.application_id)
    };
    format!(
        "the container {name} on {host} is that of {whose}: give one of the two another container name, for instance by \
         `container.name` in the environment's overrides"
    )
}
