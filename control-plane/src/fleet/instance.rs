//! Instances: what clouds say of machines, beside the hosts that they are.
//!
//! An instance is known by its provider and the provider's id. It is imported, or told by the cloud's metadata service
//! through a host's agent ([`super::instance_cloud`]); a later import of the same one changes what the one before said, and
//! people may write what neither says ([`super::instance_edit`]). It is the host that says so itself; of an instance that no
//! host claims, the host with the same public address, else the same inner address, else the same name, if exactly
//! one host has it; whoever imports may name the host instead.

use std::collections::{BTreeMap, HashMap};

use muster_base::{HostId, InstanceId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    FleetError, Host, HostSelector,
    host_list::select_hosts,
    instance_layers::{InstanceDifference, InstanceSource, Layers, canonical},
    store,
};
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
    /// The zone within the region.
    #[serde(default)]
    pub zone_id: String,
    /// Size and kind, in the provider's own word: `ecs.g7.large`…
    #[serde(default)]
    pub instance_type: String,
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
    /// When it was first known.
    pub created_at: UnixMs,
    /// When something of it last changed.
    pub updated_at: UnixMs,
    /// Where each field that is known is known from.
    pub sources: BTreeMap<String, InstanceSource>,
    /// What the cloud itself says otherwise than people do.
    pub differs: Vec<InstanceDifference>,
    /// Tags that the cloud tells.
    pub tags: BTreeMap<String, String>,
    /// The hosts in reach whose cloud says that they are this instance, the first that said so first. More than one is one
    /// too many: a machine that joined twice, or a host that lies.
    pub claimed_by: Vec<InstanceClaim>,
    /// What is known.
    #[serde(flatten)]
    pub record: InstanceRecord,
}

/// A host that says that it is an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceClaim {
    /// The host.
    pub host_id: HostId,
    /// Its name.
    pub host_name: String,
    /// When it said so, or something new of it.
    pub told_at: UnixMs,
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
    /// Only the one that is this host, or that it says it is.
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

/// An instance as it stands: what is known of it, and the host that it is.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) id: InstanceId,
    pub(super) provider: String,
    pub(super) instance_id: String,
    pub(super) host_id: Option<HostId>,
    pub(super) layers: Layers,
}

/// An instance to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Kept {
    pub(super) id: InstanceId,
    pub(super) provider: String,
    pub(super) instance_id: String,
    pub(super) name: String,
    pub(super) host_id: Option<HostId>,
    pub(super) expired_at: Option<i64>,
    pub(super) search: String,
    /// JSON, as text, like those below.
    pub(super) record: String,
    pub(super) imported: Option<String>,
    pub(super) metadata: Option<String>,
    pub(super) by_hand: String,
}

impl Kept {
    pub(super) fn of(standing: &Standing) -> Result<Self, FleetError> {
        Self::written(standing).map_err(|error| crate::error::Error::internal(error).into())
    }

    fn written(standing: &Standing) -> Result<Self, serde_json::Error> {
        let Standing {
            provider,
            instance_id,
            layers,
            ..
        } = standing;
        let record = layers.laid(provider, instance_id)?.record;
        Ok(Self {
            id: standing.id,
            provider: provider.clone(),
            instance_id: instance_id.clone(),
            name: name_of(&record),
            host_id: standing.host_id,
            expired_at: record.expired_time.map(|at| at.0),
            search: searched(&record),
            record: serde_json::to_string(&record)?,
            imported: layers.imported.as_ref().map(serde_json::to_string).transpose()?,
            metadata: layers.metadata.as_ref().map(serde_json::to_string).transpose()?,
            by_hand: serde_json::to_string(&layers.by_hand)?,
        })
    }
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
    let mut rows = store::instance::list(&app.db, place, &query, after, page.fetch()).await?;
    add_claims(app, caller, &mut rows).await?;
    Ok(page.page(rows, |row| Cursor::of(&(name_of(&row.record), row.id))))
}

/// Fills in which hosts say that they are these.
async fn add_claims(app: &App, caller: &Caller, rows: &mut [Instance]) -> Result<(), FleetError> {
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let claims = store::instance_claim::list(&app.db, (caller.org(), caller.scope()), &ids).await?;
    for (id, claim) in claims {
        if let Some(row) = rows.iter_mut().find(|row| row.id == id) {
            row.claimed_by.push(claim);
        }
    }
    Ok(())
}

pub(super) async fn get(app: &App, caller: &Caller, id: InstanceId) -> Result<Instance, FleetError> {
    caller.require(Operation::HostRead)?;
    let found = store::instance::find(&app.db, (caller.org(), caller.scope()), id).await?;
    let mut row = [found.ok_or(FleetError::NoInstance)?];
    add_claims(app, caller, &mut row).await?;
    let [row] = row;
    Ok(row)
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
        let known = AlreadyKept::new(store::instance::all(tx, org).await?);
        let mut claims = HashMap::<InstanceId, Vec<HostId>>::new();
        for (instance, host) in store::instance_claim::all(tx, org).await? {
            claims.entry(instance).or_default().push(host);
        }
        let mut changed = Vec::new();
        let mut imported = ImportedInstances::default();
        for record in records {
            let guess = hosts.find(&record);
            let present = known.find(&record);
            let mut next = present.cloned().unwrap_or_else(|| Standing {
                id: app.clock.new_id(),
                provider: record.provider.clone(),
                instance_id: record.instance_id.clone(),
                host_id: None,
                layers: Layers::default(),
            });
            let claims = claims.get(&next.id).map_or(&[][..], Vec::as_slice);
            let claimed = next.host_id.filter(|host| claims.contains(host));
            next.host_id = claimed.or_else(|| claims.first().copied()).or(guess);
            next.layers.imported = Some(record);
            imported.linked += usize::from(next.host_id.is_some());
            match present {
                None => imported.created += 1,
                Some(before) if before.host_id == next.host_id && before.layers == next.layers => {
                    imported.unchanged += 1;
                    continue;
                }
                Some(_) => imported.updated += 1,
            }
            changed.push(Kept::of(&next)?);
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

/// Those that there are, by provider and id: as they are written, else by the cloud's other names.
struct AlreadyKept {
    all: Vec<Standing>,
    exact: HashMap<(String, String), usize>,
    clouds: HashMap<(String, String), usize>,
}

impl AlreadyKept {
    fn new(all: Vec<Standing>) -> Self {
        let mut exact = HashMap::new();
        let mut clouds = HashMap::new();
        for (at, one) in all.iter().enumerate() {
            exact.insert((one.provider.clone(), one.instance_id.clone()), at);
            clouds
                .entry((canonical(&one.provider), one.instance_id.clone()))
                .or_insert(at);
        }
        Self { all, exact, clouds }
    }

    fn len(&self) -> usize {
        self.all.len()
    }

    fn find(&self, record: &InstanceRecord) -> Option<&Standing> {
        let id = &record.instance_id;
        let exact = self.exact.get(&(record.provider.clone(), id.clone()));
        let at = exact.or_else(|| self.clouds.get(&(canonical(&record.provider), id.clone())))?;
        self.all.get(*at)
    }
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
