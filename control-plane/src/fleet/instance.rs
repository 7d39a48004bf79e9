//! Instances: what clouds say of machines, beside the hosts that they are.
//!
//! An instance is known by its provider and the provider's id. It is imported, never typed: a later import of the same one
//! changes it. It is the host with the same public address, else the same inner address, else the same name, if exactly
//! one host has it; whoever imports may name the host instead.

use std::collections::HashMap;

use muster_base::{HostId, InstanceId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{FleetError, Host, HostSelector, host_list::select_hosts, store};
use crate::{
    access::{Caller, ObjectKind, Operation},
    app::App,
    audit::{self, Entry},
    http::page::{Cursor, Page, PageQuery},
    in_tx,
};

/// What a provider says of an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InstanceRecord {
    /// Whose it is: `aws`, `aliyun`, `tencent`…
    pub provider: String,
    /// The provider's own id.
    pub instance_id: String,
    /// What people call it there.
    #[serde(default)]
    pub instance_name: String,
    /// The region's id.
    #[serde(default)]
    pub region_id: String,
    /// The region's name.
    #[serde(default)]
    pub region_name: String,
    /// The machine's own name.
    #[serde(default)]
    pub hostname: String,
    /// Address inside.
    #[serde(default)]
    pub inner_ip: String,
    /// Address that the world reaches it by.
    #[serde(default)]
    pub public_ip: String,
    /// The image that it was made of.
    #[serde(default)]
    pub image_id: String,
    /// CPUs.
    #[serde(default)]
    pub cpu: Option<u32>,
    /// Memory in MiB.
    #[serde(default)]
    pub memory: Option<u32>,
    /// Operating system.
    #[serde(default)]
    pub os_name: String,
    /// `linux`, `windows`.
    #[serde(default)]
    pub os_type: String,
    /// In the provider's own word: `Running`, `Stopped`…
    #[serde(default)]
    pub status: String,
    /// Whether it can be used.
    #[serde(default)]
    pub is_available: Option<bool>,
    /// How it is paid: `PrePaid`, `PostPaid`…
    #[serde(default)]
    pub charge_type: String,
    /// When it was made.
    #[serde(default)]
    pub create_time: Option<UnixMs>,
    /// When it ends, unless it is paid on.
    #[serde(default)]
    pub expired_time: Option<UnixMs>,
}

/// An instance.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// Id.
    pub id: InstanceId,
    /// The host that it is; null if it is none of ours.
    pub host_id: Option<HostId>,
    /// That host's name.
    pub host_name: Option<String>,
    /// When it was first imported.
    pub created_at: UnixMs,
    /// When an import last changed it.
    pub updated_at: UnixMs,
    /// What the provider says.
    #[serde(flatten)]
    pub record: InstanceRecord,
}

/// `GET /api/v1/instances?…`
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InstanceQuery {
    /// Only this provider's.
    pub provider: Option<String>,
    /// Only those in this region: its id or its name.
    pub region: Option<String>,
    /// Only the one that is this host.
    pub host_id: Option<HostId>,
    /// Only those that end before this time.
    pub expires_before: Option<UnixMs>,
    /// Part of a name, an id or an address.
    pub search: Option<String>,
    /// How many items, 1–500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

/// An instance to be kept: the record, and the host that it is.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Kept {
    pub(super) id: InstanceId,
    pub(super) provider: String,
    pub(super) instance_id: String,
    pub(super) name: String,
    pub(super) host_id: Option<HostId>,
    pub(super) expired_at: Option<i64>,
    pub(super) search: String,
    /// JSON, as text: it is compared as it is.
    pub(super) record: String,
}

/// What an import did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportedInstances {
    /// Not known before.
    pub created: usize,
    /// Known, and changed.
    pub updated: usize,
    /// Known, and as they were.
    pub unchanged: usize,
    /// How many of all these are a host.
    pub linked: usize,
}

pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: InstanceQuery,
) -> Result<Page<Instance>, FleetError> {
    caller.require(Operation::HostRead)?;
    let page = PageQuery::new(query.limit, query.cursor.clone());
    let after = page.cursor::<(String, InstanceId)>()?;
    let place = (caller.org(), caller.scope());
    let rows = store::instance::list(&app.db, place, &query, after, page.fetch()).await?;
    Ok(page.page(rows, |row| Cursor::of(&(name_of(&row.record), row.id))))
}

pub(super) async fn get(app: &App, caller: &Caller, id: InstanceId) -> Result<Instance, FleetError> {
    caller.require(Operation::HostRead)?;
    store::instance::find(&app.db, (caller.org(), caller.scope()), id)
        .await?
        .ok_or(FleetError::NoInstance)
}

pub(super) async fn delete(app: &App, caller: &Caller, id: InstanceId) -> Result<(), FleetError> {
    caller.require_all(Operation::HostWrite, ObjectKind::Hosts)?;
    let before = store::instance::find(&app.db, (caller.org(), caller.scope()), id)
        .await?
        .ok_or(FleetError::NoInstance)?;
    in_tx!(app.db, |tx| {
        if !store::instance::delete(tx, caller.org(), id).await? {
            return Err(FleetError::NoInstance);
        }
        let entry = Entry::done(Operation::HostWrite, "instance", id).before(&before);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(())
}

/// Keeps what was read and found right.
pub(super) async fn keep(
    app: &App,
    caller: &Caller,
    records: Vec<InstanceRecord>,
) -> Result<ImportedInstances, FleetError> {
    let org = caller.org();
    let hosts = Known::new(select_hosts(app, org, &HostSelector::default()).await?);
    let now = app.clock.now();
    let imported = in_tx!(app.db, |tx| {
        // Each import of an org sees what the one before left.
        store::instance::lock(tx, org).await?;
        let known = store::instance::known(tx, org).await?;
        let mut changed = Vec::new();
        let mut imported = ImportedInstances::default();
        for record in &records {
            let kept = Kept {
                id: app.clock.new_id(),
                provider: record.provider.clone(),
                instance_id: record.instance_id.clone(),
                name: name_of(record),
                host_id: hosts.find(record),
                expired_at: record.expired_time.map(|at| at.0),
                search: searched(record),
                record: serde_json::to_string(record).map_err(crate::error::Error::internal)?,
            };
            imported.linked += usize::from(kept.host_id.is_some());
            match known.get(&(kept.provider.clone(), kept.instance_id.clone())) {
                None => imported.created += 1,
                Some(before) if *before == (kept.host_id, kept.record.clone()) => {
                    imported.unchanged += 1;
                    continue;
                }
                Some(_) => imported.updated += 1,
            }
            changed.push(kept);
        }
        if known.len() + imported.created > super::instance_import::MOST {
            return Err(FleetError::TooManyInstances(super::instance_import::MOST));
        }
        store::instance::upsert(tx, org, &changed, now).await?;
        let entry = Entry::done(Operation::HostWrite, "instances", "import").after(&imported);
        audit::record(app, tx, caller, Some(org), entry).await?;
        imported
    });
    Ok(imported)
}

/// What lists are in the order of.
fn name_of(record: &InstanceRecord) -> String {
    if record.instance_name.is_empty() {
        record.instance_id.clone()
    } else {
        record.instance_name.clone()
    }
}

/// What a search looks at.
fn searched(record: &InstanceRecord) -> String {
    let texts = [
        record.instance_name.as_str(),
        &record.instance_id,
        &record.hostname,
        &record.inner_ip,
        &record.public_ip,
    ];
    texts.join("\n").to_lowercase()
}

/// Hosts by what instances may be known by; `None` where several have it.
struct Known {
    public: HashMap<String, Option<HostId>>,
    inner: HashMap<String, Option<HostId>>,
    names: HashMap<String, Option<HostId>>,
}

impl Known {
    fn new(hosts: Vec<Host>) -> Self {
        let mut known = Self {
            public: HashMap::new(),
            inner: HashMap::new(),
            names: HashMap::new(),
        };
        for host in hosts {
            for (map, key) in [
                (&mut known.public, host.public_ip),
                (&mut known.inner, host.inner_ip),
                (&mut known.names, Some(host.hostname.to_lowercase())),
            ] {
                if let Some(key) = key.filter(|key| !key.is_empty()) {
                    map.entry(key)
                        .and_modify(|only| *only = None)
                        .or_insert(Some(host.id));
                }
            }
        }
        known
    }

    fn find(&self, record: &InstanceRecord) -> Option<HostId> {
        [
            self.public.get(&record.public_ip),
            self.inner.get(&record.inner_ip),
            self.names.get(&record.hostname.to_lowercase()),
        ]
        .into_iter()
        .flatten()
        .find_map(|id| *id)
    }
}
