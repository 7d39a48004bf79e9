//! What runs where, of one environment of an application: every host that it is for, what should be there, and what is.
//!
//! Read by whoever may read deployments of the environment; what was found is as the last look kept it (seconds ago).

use std::collections::HashMap;

use muster_base::{ApplicationId, DeploymentId, HostId, UnixMs};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    DeliveryError, application,
    store::{self, placement::Placement},
    truth::{FoundContainer, TargetState},
};
use crate::{
    access::{Caller, Object, Operation},
    app::App,
    error::Error,
    fleet::{self, Host, HostSelector, Labels},
    link::Status,
};

/// A host that an application's environment is for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentTarget {
    /// The host.
    pub host_id: HostId,
    /// Its name.
    pub host_name: String,
    /// Whether the host is there.
    pub host_status: Status,
    /// When it was last heard of.
    pub last_seen_at: Option<UnixMs>,
    /// How it compares.
    pub state: TargetState,
    /// Whether somebody changed something there by hand.
    pub drifted: bool,
    /// Since when it is in this state; null if nothing was deployed there yet.
    pub since: Option<UnixMs>,
    /// Since when it is not as it should be, as far as anybody could look.
    pub drift_since: Option<UnixMs>,
    /// What should be there; null if nothing was deployed there yet.
    pub expected: Option<ExpectedContainer>,
    /// What has its name there, or was its; null if nothing has.
    pub found: Option<FoundContainer>,
    /// How often the policy has put it right of late.
    pub attempts: i64,
    /// When it last did.
    pub attempted_at: Option<UnixMs>,
    /// Why the policy leaves it: `attempts` after the last one, else a sentence; null if it does not.
    pub held: Option<String>,
}

/// What was put on a host last.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExpectedContainer {
    /// The deployment that put it there.
    pub deployment_id: DeploymentId,
    /// Its version.
    pub version: String,
    /// The image as it was asked for.
    pub image: String,
    /// Its digest, as the host said.
    pub digest: Option<String>,
    /// The container's name.
    pub container: String,
    /// When it was put there.
    pub placed_at: UnixMs,
}

/// The environment's hosts, by name.
pub(super) async fn list(
    app: &App,
    caller: &Caller,
    id: ApplicationId,
    environment: &str,
) -> Result<Vec<DeploymentTarget>, DeliveryError> {
    let org = caller.org();
    let application = application::find_for(app, caller, Operation::DeploymentRead, id).await?;
    let missing = DeliveryError::NotFound("environment of this application");
    let object = Object::ApplicationIn(id, environment);
    let Some(target) = application
        .environments
        .get(environment)
        .filter(|_| caller.reaches(&object))
    else {
        return Err(missing);
    };
    let mut hosts = fleet::find_hosts(app, org, &target.hosts)
        .await
        .map_err(Error::from)?;
    if !target.selector.is_empty() {
        let selector = HostSelector {
            labels: Labels(target.selector.clone()),
            ..HostSelector::default()
        };
        hosts.extend(
            fleet::select_hosts(app, org, &selector)
                .await
                .map_err(Error::from)?,
        );
    }
    hosts.sort_by(|a, b| a.name.cmp(&b.name));
    hosts.dedup_by_key(|host| host.id);
    let rows = store::placement::list(&app.db, org, id, environment).await?;
    let mut rows: HashMap<HostId, Placement> = rows.into_iter().map(|row| (row.host, row)).collect();
    Ok(hosts
        .into_iter()
        .map(|host| {
            let row = rows.remove(&host.id);
            shown(host, row)
        })
        .collect())
}

fn shown(host: Host, row: Option<Placement>) -> DeploymentTarget {
    let (host_id, host_name, host_status, last_seen_at) =
        (host.id, host.name, host.status, host.last_seen_at);
    let Some(row) = row else {
        return DeploymentTarget {
            host_id,
            host_name,
            host_status,
            last_seen_at,
            state: TargetState::NotDeployed,
            drifted: false,
            since: None,
            drift_since: None,
            expected: None,
            found: None,
            attempts: 0,
            attempted_at: None,
            held: None,
        };
    };
    DeploymentTarget {
        host_id,
        host_name,
        host_status,
        last_seen_at,
        state: row.state,
        drifted: row.state.is_drift(),
        since: Some(row.since),
        drift_since: row.drift_since,
        expected: Some(ExpectedContainer {
            deployment_id: row.deployment,
            version: row.version,
            image: row.image,
            digest: row.digest,
            container: row.container,
            placed_at: row.placed_at,
        }),
        found: row.found,
        attempts: row.attempts,
        attempted_at: row.attempted_at,
        held: row.held,
    }
}
