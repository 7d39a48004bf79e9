//! Hosts: what is kept of them, and what may be changed.

use muster_base::{ClusterId, HostId, OrgId, UnixMs};
use serde::{Deserialize, Serialize};
use tracing::warn;
use utoipa::ToSchema;

use super::{FleetError, Labels, change::Change, facts::Facts, store};
use crate::{
    access::{Caller, Object, Operation},
    app::App,
    audit::{self, Entry},
    flaw::Flaw,
    in_tx,
    link::Status,
    telemetry::{self, Latest},
    work,
};

/// A host.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Host {
    /// Id.
    pub id: HostId,
    /// Unique in the org; the host's own name at first.
    pub name: String,
    /// The host's own name.
    pub hostname: String,
    /// Address that the world reaches it by; typed by people.
    pub public_ip: Option<String>,
    /// Address that it reaches the control plane from.
    pub inner_ip: Option<String>,
    /// The cluster that it is in.
    pub cluster_id: Option<ClusterId>,
    /// Name of the environment that it belongs to.
    pub environment: Option<String>,
    /// Labels.
    pub labels: Labels,
    /// 0 idle, 1 in service, 2 maintenance, 33 faulty, 44 retired.
    #[schema(value_type = i64)]
    pub business_status: BusinessStatus,
    /// Whether it is there.
    pub status: Status,
    /// Since when it is connected; null while it is not.
    pub connected_at: Option<UnixMs>,
    /// When it was last heard of.
    pub last_seen_at: Option<UnixMs>,
    /// When it joined.
    pub joined_at: UnixMs,
    /// When its certificate ends, unless it is renewed before.
    pub certificate_expires_at: UnixMs,
    /// What it is.
    pub facts: Facts,
    /// Its latest readings; null if there are none.
    pub latest: Option<Latest>,
    /// When it was last changed by people.
    pub updated_at: UnixMs,
}

/// What people say of a host. The seed's codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub enum BusinessStatus {
    /// 0
    Idle,
    /// 1
    InService,
    /// 2
    Maintenance,
    /// 33
    Faulty,
    /// 44
    Retired,
}

impl From<BusinessStatus> for i64 {
    fn from(status: BusinessStatus) -> Self {
        match status {
            BusinessStatus::Idle => 0,
            BusinessStatus::InService => 1,
            BusinessStatus::Maintenance => 2,
            BusinessStatus::Faulty => 33,
            BusinessStatus::Retired => 44,
        }
    }
}

impl TryFrom<i64> for BusinessStatus {
    type Error = &'static str;

    fn try_from(code: i64) -> Result<Self, Self::Error> {
        match code {
            0 => Ok(Self::Idle),
            1 => Ok(Self::InService),
            2 => Ok(Self::Maintenance),
            33 => Ok(Self::Faulty),
            44 => Ok(Self::Retired),
            _ => Err("must be 0 (idle), 1 (in service), 2 (maintenance), 33 (faulty) or 44 (retired)"),
        }
    }
}

/// What may be changed of a host. A field that is left out stays; `null` takes the value away.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostPatch {
    /// Unique in the org.
    pub name: Option<String>,
    /// Moves it into another cluster, or out of its cluster.
    #[serde(default)]
    #[schema(value_type = Option<ClusterId>)]
    pub cluster_id: Change<ClusterId>,
    /// Name of its environment.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub environment: Change<String>,
    /// All its labels.
    pub labels: Option<Labels>,
    /// 0 idle, 1 in service, 2 maintenance, 33 faulty, 44 retired.
    #[schema(value_type = Option<i64>)]
    pub business_status: Option<BusinessStatus>,
    /// Address that the world reaches it by.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub public_ip: Change<String>,
}

/// A host as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredHost {
    pub(super) id: HostId,
    pub(super) name: String,
    pub(super) cluster_id: Option<ClusterId>,
    pub(super) environment: Option<String>,
    pub(super) business_status: BusinessStatus,
    pub(super) labels: Labels,
    pub(super) public_ip: Option<String>,
    #[serde(skip)]
    pub(super) facts: Facts,
    #[serde(skip)]
    pub(super) certificate_expires_at: UnixMs,
    #[serde(skip)]
    pub(super) joined_at: UnixMs,
    #[serde(skip)]
    pub(super) last_seen_at: Option<UnixMs>,
    #[serde(skip)]
    pub(super) updated_at: UnixMs,
}

impl Host {
    /// What permissions on it are decided by.
    pub fn object(&self) -> Object<'_> {
        Object::Host {
            id: self.id,
            cluster: self.cluster_id,
            environment: self.environment.as_deref(),
        }
    }
}

impl StoredHost {
    fn object(&self) -> Object<'_> {
        Object::Host {
            id: self.id,
            cluster: self.cluster_id,
            environment: self.environment.as_deref(),
        }
    }

    /// The host as it is shown, with what the door knows of it.
    pub(super) fn shown(self, app: &App) -> Host {
        let presence = app.links.presence(self.id);
        let status = status(app, self.id);
        Host {
            id: self.id,
            name: self.name,
            hostname: self.facts.hostname.clone(),
            public_ip: self.public_ip,
            inner_ip: self.facts.inner_ip.clone(),
            cluster_id: self.cluster_id,
            environment: self.environment,
            labels: self.labels,
            business_status: self.business_status,
            status,
            connected_at: presence.map(|presence| presence.connected_at),
            last_seen_at: presence
                .map(|presence| presence.last_report_at)
                .or(self.last_seen_at),
            joined_at: self.joined_at,
            certificate_expires_at: self.certificate_expires_at,
            facts: self.facts,
            latest: None,
            updated_at: self.updated_at,
        }
    }
}

/// Whether the host is there.
pub(super) fn status(app: &App, host: HostId) -> Status {
    match app.links.presence(host) {
        None => Status::Offline,
        Some(presence) if app.clock.now().ms_since(presence.last_report_at) > super::silence_ms(app) => {
            Status::Degraded
        }
        Some(_) => Status::Online,
    }
}

/// The host, if the caller may do `operation` on it.
pub async fn find_host_for(
    app: &App,
    caller: &Caller,
    operation: Operation,
    id: HostId,
) -> Result<Host, FleetError> {
    Ok(find_for(app, caller, operation, id).await?.shown(app))
}

async fn find_for(
    app: &App,
    caller: &Caller,
    operation: Operation,
    id: HostId,
) -> Result<StoredHost, FleetError> {
    caller.require(operation)?;
    let host = store::host::find(&app.db, caller.org(), id)
        .await?
        .ok_or(FleetError::NoHost)?;
    caller.require_on(operation, &host.object())?;
    Ok(host)
}

/// The org's host of this id, for other rooms.
pub async fn find_host(app: &App, org: OrgId, id: HostId) -> Result<Option<Host>, FleetError> {
    Ok(store::host::find(&app.db, org, id)
        .await?
        .map(|host| host.shown(app)))
}

/// The key that secrets for this host are sealed to.
pub async fn seal_key(app: &App, org: OrgId, id: HostId) -> Result<Option<Vec<u8>>, FleetError> {
    Ok(store::host::seal_key(&app.db, org, id).await?)
}

/// Hosts whose certificates count no more.
pub(crate) async fn removed_hosts(app: &App) -> Result<Vec<HostId>, FleetError> {
    removed_since(app, UnixMs(0)).await
}

/// Hosts that were removed at this time or later.
pub(crate) async fn removed_since(app: &App, since: UnixMs) -> Result<Vec<HostId>, FleetError> {
    Ok(store::host::list_removed(&app.db, since).await?)
}

pub(super) async fn get(app: &App, caller: &Caller, id: HostId) -> Result<Host, FleetError> {
    let mut hosts = vec![find_host_for(app, caller, Operation::HostRead, id).await?];
    super::host_list::add_latest(app, caller.org(), &mut hosts);
    hosts.pop().ok_or(FleetError::NoHost)
}

pub(super) async fn update(
    app: &App,
    caller: &Caller,
    id: HostId,
    patch: HostPatch,
) -> Result<Host, FleetError> {
    let before = find_for(app, caller, Operation::HostWrite, id).await?;
    let mut host = before.clone();
    if let Some(name) = patch.name {
        host.name = check_name(&name)?;
    }
    patch.cluster_id.apply(&mut host.cluster_id);
    patch.environment.apply(&mut host.environment);
    if let Some(labels) = patch.labels {
        labels.check()?;
        host.labels = labels;
    }
    host.business_status = patch.business_status.unwrap_or(host.business_status);
    if let Change::To(public_ip) = patch.public_ip {
        host.public_ip = check_ip(public_ip)?;
    }
    host.updated_at = app.clock.now();
    let place = check_place(app, caller, host.cluster_id, host.environment.as_deref()).await?;
    if !caller.reaches(&host.object()) {
        return Err(FleetError::invalid("clusterId", Flaw::OutOfReach));
    }
    let update = async || -> Result<(), FleetError> {
        in_tx!(app.db, |tx| {
            if !store::host::update(tx, caller.org(), &host, place).await? {
                return Err(FleetError::NoHost);
            }
            let entry = Entry::done(Operation::HostWrite, "host", id)
                .before(&before)
                .after(&host);
            audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        });
        Ok(())
    };
    update().await.map_err(|error| match error {
        FleetError::Db(db) if db.violates_index("hosts_name", "hosts", &["org_id", "name"]) => {
            FleetError::NameTaken("host")
        }
        other => other,
    })?;
    get(app, caller, id).await
}

/// Removes a host: its session ends at once, its certificate is refused from now on, and what it was still asked to do
/// ends with the reason.
pub(crate) async fn delete(app: &App, caller: &Caller, id: HostId) -> Result<(), FleetError> {
    let before = find_for(app, caller, Operation::HostDelete, id).await?;
    let ended = in_tx!(app.db, |tx| {
        if !store::host::remove(tx, caller.org(), id, app.clock.now()).await? {
            return Err(FleetError::NoHost);
        }
        super::account::forget(tx, caller, id).await?;
        let entry = Entry::done(Operation::HostDelete, "host", id).before(&before);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        work::end_for_removed_host(app, tx, id).await?
    });
    app.links.revoke(id);
    app.peers.tell_removed();
    for order in &ended {
        work::told(app, order);
    }
    if let Err(error) = telemetry::forget_host(app, id).await {
        warn!(host.id = %id, %error, "a removed host's readings are left to retention");
    }
    Ok(())
}

/// The environment's id, after checking that cluster and environment are the org's.
pub(super) async fn check_place(
    app: &App,
    caller: &Caller,
    cluster: Option<ClusterId>,
    environment: Option<&str>,
) -> Result<Option<muster_base::EnvironmentId>, FleetError> {
    let org = caller.org();
    if let Some(cluster) = cluster
        && store::cluster::find(&app.db, org, cluster).await?.is_none()
    {
        return Err(FleetError::invalid("clusterId", Flaw::NoSuch("cluster")));
    }
    let Some(name) = environment else { return Ok(None) };
    store::environment::find_by_name(&app.db, org, name)
        .await?
        .map(|environment| Some(environment.id))
        .ok_or_else(|| FleetError::invalid("environment", Flaw::NoSuch("environment")))
}

fn check_name(name: &str) -> Result<String, FleetError> {
    let name = name.trim();
    if (1..=128).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
        Ok(name.to_owned())
    } else {
        Err(FleetError::invalid("name", Flaw::Length(1, 128)))
    }
}

fn check_ip(ip: Option<String>) -> Result<Option<String>, FleetError> {
    ip.map(|ip| {
        ip.trim()
            .parse::<std::net::IpAddr>()
            .map(|ip| ip.to_string())
            .map_err(|_| FleetError::invalid("publicIp", Flaw::Ip))
    })
    .transpose()
}
