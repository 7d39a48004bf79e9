//! Containers as their host's engine last described them.

use std::collections::BTreeMap;

use muster_base::{ApplicationId, HostId, OrgId, UnixMs};
use muster_protocol::latest::{ContainerHealth, ContainerState};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Latest, TelemetryError, query, store};
use crate::{
    access::Caller,
    app::App,
    db::DbError,
    http::page::{Cursor, Page, PageQuery},
};

/// A container on a host.
#[derive(Debug, Clone, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
#[schema(as = HostContainer)]
pub struct Container {
    /// Name, unique on its host.
    pub name: String,
    /// The engine's id.
    #[sqlx(rename = "container_id")]
    pub id: String,
    /// The image as it was asked for.
    pub image: String,
    /// The image's content id, `sha256:…`.
    pub image_id: String,
    /// created | running | paused | restarting | removing | exited | dead
    pub state: String,
    /// none | starting | healthy | unhealthy
    pub health: String,
    /// How often the engine restarted it.
    pub restarts: i64,
    /// When it was created.
    pub created_at: UnixMs,
    /// When it last started.
    pub started_at: Option<UnixMs>,
    /// Labels that Muster put on it.
    #[sqlx(try_from = "String")]
    pub labels: Labels,
    /// Memory limit; null if it has none.
    pub memory_limit_bytes: Option<i64>,
    /// Whether the engine still has it; if not, its history is there.
    pub present: bool,
    /// When the engine last described it.
    pub seen_at: UnixMs,
    /// Its newest readings; null if its host sent none.
    #[sqlx(skip)]
    pub latest: Option<Latest>,
}

/// Labels, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ContainerLabels)]
pub struct Labels(BTreeMap<String, String>);

impl Labels {
    /// The value of a label.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }
}

impl TryFrom<String> for Labels {
    type Error = serde_json::Error;

    fn try_from(json: String) -> Result<Self, Self::Error> {
        serde_json::from_str(&json).map(Self)
    }
}

/// The containers of a host, by name.
pub(super) async fn list(
    app: &App,
    caller: &Caller,
    host: HostId,
    page: &PageQuery,
) -> Result<Page<Container>, TelemetryError> {
    query::require_host(app, caller, host).await?;
    let after: String = page.cursor()?.unwrap_or_default();
    let db = &app.telemetry_db;
    let mut rows = store::container::list(db, caller.org(), host, &after, page.fetch()).await?;
    add_latest(app, caller.org(), rows.iter_mut().map(|row| (host, row)));
    Ok(page.page(rows, |row| Cursor::of(&row.name)))
}

/// Which containers of the fleet, for other rooms.
#[derive(Debug, Default)]
pub struct ContainerFilter {
    /// A JSON array of the hosts that count; none where all of the org's do.
    pub reach: Option<String>,
    /// Only this host's.
    pub host: Option<HostId>,
    /// Only this application's.
    pub application: Option<ApplicationId>,
    /// Only in this state.
    pub state: Option<&'static str>,
    /// Only with this health.
    pub health: Option<&'static str>,
    /// Part of the name or the image.
    pub search: Option<String>,
    /// Those too that are gone.
    pub gone: bool,
}

/// The org's containers after a name and host, by name and host, without readings; for other rooms, which know who may
/// see them.
pub async fn list_of_fleet(
    app: &App,
    org: OrgId,
    filter: &ContainerFilter,
    after: Option<(String, HostId)>,
    limit: i64,
) -> Result<Vec<(HostId, Container)>, DbError> {
    store::container::list_of_org(&app.telemetry_db, org, filter, after, limit).await
}

/// Those of these hosts' containers that have these names and are there, without readings.
pub async fn list_named(
    app: &App,
    org: OrgId,
    named: &[(HostId, &str)],
) -> Result<Vec<(HostId, Container)>, DbError> {
    store::container::list_named(&app.telemetry_db, org, named).await
}

/// A host's container of this name, also one that is gone, without readings.
pub async fn find(app: &App, org: OrgId, host: HostId, name: &str) -> Result<Option<Container>, DbError> {
    store::container::find(&app.telemetry_db, org, host, name).await
}

/// Fills in the newest readings.
pub fn add_latest<'a>(app: &App, org: OrgId, containers: impl Iterator<Item = (HostId, &'a mut Container)>) {
    for (host, container) in containers {
        if let Some(sample) = app.ingest.latest().get(org, host) {
            let latest = Latest::of(&sample, |subject, _| subject.name() == container.name);
            container.latest = Some(latest).filter(|latest| !latest.values.is_empty());
        }
    }
}

pub(super) const fn state_word(state: ContainerState) -> &'static str {
    match state {
        ContainerState::Created => "created",
        ContainerState::Running => "running",
        ContainerState::Paused => "paused",
        ContainerState::Restarting => "restarting",
        ContainerState::Removing => "removing",
        ContainerState::Exited => "exited",
        ContainerState::Dead => "dead",
    }
}

pub(super) const fn health_word(health: ContainerHealth) -> &'static str {
    match health {
        ContainerHealth::None => "none",
        ContainerHealth::Starting => "starting",
        ContainerHealth::Healthy => "healthy",
        ContainerHealth::Unhealthy => "unhealthy",
    }
}

pub(super) fn labels_json(labels: &[(String, String)]) -> String {
    let labels: BTreeMap<&str, &str> = labels
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    // A map of strings always has a JSON text.
    serde_json::to_string(&labels).unwrap_or_else(|_| "{}".to_owned())
}
