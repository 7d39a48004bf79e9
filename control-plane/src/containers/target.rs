//! A container that something is to be done with, and whether the caller may.

use muster_base::{ApplicationId, HostId};
use muster_protocol::CONTAINERS_SINCE;

use super::ContainersError;
use crate::{
    access::{Caller, Object, ObjectKind, Operation},
    app::App,
    error::Error,
    fleet::{self, Host},
    telemetry::{self, Container},
};

/// Labels that the agent puts on what it deploys.
const APPLICATION: &str = "muster.application";
const ENVIRONMENT: &str = "muster.environment";

/// A container on its host.
pub(super) struct Target {
    pub(super) host: Host,
    pub(super) container: Container,
}

/// The container, if its host's engine still has it and the caller may do `operation` on it.
pub(super) async fn find(
    app: &App,
    caller: &Caller,
    operation: Operation,
    host: HostId,
    name: &str,
) -> Result<Target, ContainersError> {
    let host = fleet::find_host_for(app, caller, operation, host).await?;
    let container = telemetry::find_container(app, caller.org(), host.id, name)
        .await?
        .filter(|container| container.present)
        .ok_or(ContainersError::NoContainer)?;
    require_application(caller, operation, &container)?;
    Ok(Target { host, container })
}

/// Whether the caller may do `operation` on this container of this host.
pub(super) fn may(caller: &Caller, operation: Operation, host: &Host, container: &Container) -> bool {
    caller.require_on(operation, &host.object()).is_ok()
        && require_application(caller, operation, container).is_ok()
}

/// The application that a container belongs to, and in which environment.
pub(super) fn application_of(container: &Container) -> Option<(ApplicationId, &str)> {
    let id = container.labels.get(APPLICATION)?.parse().ok()?;
    Some((id, container.labels.get(ENVIRONMENT).unwrap_or_default()))
}

/// Passes if the host is there and its agent knows of containers.
pub(super) fn require_agent(app: &App, host: &Host) -> Result<(), ContainersError> {
    match app.links.version_of(host.id) {
        None => Err(ContainersError::Offline(host.name.clone())),
        Some(version) if version < CONTAINERS_SINCE => Err(ContainersError::OldAgent(host.name.clone())),
        Some(_) => Ok(()),
    }
}

fn require_application(
    caller: &Caller,
    operation: Operation,
    container: &Container,
) -> Result<(), ContainersError> {
    match application_of(container) {
        Some((id, environment)) => caller
            .require_on(operation, &Object::ApplicationIn(id, environment))
            .map_err(|_| out_of_reach()),
        // It is of no application, so none of those that they are narrowed to.
        None if caller.scope().keys(ObjectKind::Applications).is_some() => Err(out_of_reach()),
        None => Ok(()),
    }
}

/// Not there for the caller, as if it were not there at all; told apart here from one that is gone.
fn out_of_reach() -> ContainersError {
    Error::NotFound("container").into()
}
