//! All containers of the fleet, and one of them.

use std::collections::HashMap;

use muster_base::{ApplicationId, HostId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    ContainersError,
    target::{self, application_of},
};
use crate::{
    access::{Caller, Operation},
    app::App,
    delivery,
    fleet::{self, Host},
    http::page::{Cursor, Page, PageQuery},
    link::Status,
    telemetry::{self, Container, ContainerFilter},
};

/// `GET /api/v1/containers?…`
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ContainerQuery {
    /// Only this host's.
    pub host: Option<HostId>,
    /// Only this application's.
    pub application: Option<ApplicationId>,
    /// Only in this state.
    #[param(inline)]
    pub state: Option<State>,
    /// Only with this verdict of their health checks.
    #[param(inline)]
    pub health: Option<Health>,
    /// Part of the name or the image.
    pub search: Option<String>,
    /// Those too that are gone from their hosts.
    pub gone: Option<bool>,
    /// How many items, 1–500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

/// The engine's lifecycle states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ContainerStateFilter)]
pub enum State {
    Created,
    Running,
    Paused,
    Restarting,
    Removing,
    Exited,
    Dead,
}

/// Verdicts of health checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ContainerHealthFilter)]
pub enum Health {
    None,
    Starting,
    Healthy,
    Unhealthy,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Removing => "removing",
            Self::Exited => "exited",
            Self::Dead => "dead",
        }
    }
}

impl Health {
    const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// A container, with where it is and what it belongs to.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetContainer {
    /// The host that it is on.
    pub host_id: HostId,
    /// The host's name.
    pub host_name: String,
    /// Whether the host is there; while it is not, the rest is as it was last.
    pub host_status: Status,
    /// The application that it was deployed for; null if Muster did not deploy it.
    pub application: Option<ContainerApplication>,
    /// Whether the caller may start and stop it.
    pub may_operate: bool,
    /// Whether the caller may read its log.
    pub may_read_log: bool,
    /// The container itself.
    #[serde(flatten)]
    pub container: Container,
}

/// What a container was deployed for.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContainerApplication {
    /// The application.
    pub id: ApplicationId,
    /// Its name; null if the application is gone.
    pub name: Option<String>,
    /// In which environment.
    pub environment: String,
    /// Which version, as it was called then.
    pub version: Option<String>,
}

/// The containers that the caller reaches, by name and host.
pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: ContainerQuery,
) -> Result<Page<FleetContainer>, ContainersError> {
    caller.require(Operation::TelemetryRead)?;
    let page = PageQuery::new(query.limit, query.cursor);
    let after: Option<(String, HostId)> = page.cursor()?;
    let reach = fleet::hosts_in_reach(app, caller).await?;
    let filter = ContainerFilter {
        reach: reach.map(|hosts| serde_json::to_string(&hosts).unwrap_or_else(|_| "[]".to_owned())),
        host: query.host,
        application: query.application,
        state: query.state.map(State::as_str),
        health: query.health.map(Health::as_str),
        search: query.search.filter(|text| !text.is_empty()),
        gone: query.gone.unwrap_or(false),
    };
    let rows = telemetry::list_containers(app, caller.org(), &filter, after, page.fetch()).await?;
    let page = page.page(rows, |(host, container)| Cursor::of(&(&container.name, host)));
    let mut items = shown(app, caller, page.items).await?;
    telemetry::add_latest_of_containers(
        app,
        caller.org(),
        items.iter_mut().map(|item| (item.host_id, &mut item.container)),
    );
    Ok(Page {
        items,
        next_cursor: page.next_cursor,
    })
}

/// One container, also one that is gone.
pub(super) async fn get(
    app: &App,
    caller: &Caller,
    host: HostId,
    name: &str,
) -> Result<FleetContainer, ContainersError> {
    let host = fleet::find_host_for(app, caller, Operation::TelemetryRead, host).await?;
    let mut container = telemetry::find_container(app, caller.org(), host.id, name)
        .await?
        .ok_or(ContainersError::NoContainer)?;
    telemetry::add_latest_of_containers(app, caller.org(), std::iter::once((host.id, &mut container)));
    let mut shown = shown(app, caller, vec![(host.id, container)]).await?;
    shown.pop().ok_or(ContainersError::NoContainer)
}

/// The rows with their hosts and applications: one question for all hosts, one for all applications.
async fn shown(
    app: &App,
    caller: &Caller,
    rows: Vec<(HostId, Container)>,
) -> Result<Vec<FleetContainer>, ContainersError> {
    let ids: Vec<HostId> = rows.iter().map(|(host, _)| *host).collect();
    let hosts = fleet::find_hosts(app, caller.org(), &ids).await?;
    let hosts: HashMap<HostId, Host> = hosts.into_iter().map(|host| (host.id, host)).collect();
    let applications: Vec<ApplicationId> = rows
        .iter()
        .filter_map(|(_, container)| application_of(container))
        .map(|(id, _)| id)
        .collect();
    let names = delivery::application_names(app, caller.org(), &applications).await?;
    Ok(rows
        .into_iter()
        // A host that was removed this very moment took its containers along.
        .filter_map(|(id, container)| hosts.get(&id).map(|host| (host, container)))
        .map(|(host, container)| FleetContainer {
            host_id: host.id,
            host_name: host.name.clone(),
            host_status: host.status,
            application: application_of(&container).map(|(id, environment)| ContainerApplication {
                id,
                name: names.get(&id).cloned(),
                environment: environment.to_owned(),
                version: container.labels.get("muster.version").map(str::to_owned),
            }),
            may_operate: target::may(caller, Operation::ContainerOperate, host, &container),
            may_read_log: target::may(caller, Operation::ContainerLogRead, host, &container),
            container,
        })
        .collect())
}
