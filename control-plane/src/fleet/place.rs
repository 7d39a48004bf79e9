//! Which hosts there are and what they are selected by, for rooms that look at all of them again and again.

use std::collections::BTreeMap;

use muster_base::{ClusterId, HostId, OrgId, UnixMs};

use super::{FleetError, Labels, store};
use crate::{access::Object, app::App};

/// Sample intervals without a reading after which a host counts as silent.
const SILENT_INTERVALS: i64 = 3;
/// Reports travel in batches, and the first takes a moment.
const GRACE_MS: i64 = 5 * UnixMs::SECOND;

/// What a host is selected by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPlace {
    /// The host.
    pub id: HostId,
    /// Unique in the org.
    pub name: String,
    /// Its cluster.
    pub cluster: Option<ClusterId>,
    /// Name of its environment.
    pub environment: Option<String>,
    /// Its labels.
    pub labels: Labels,
    /// When its certificate ends, unless it is renewed before.
    pub certificate_expires_at: UnixMs,
    /// When a session of it last ended.
    pub last_seen_at: Option<UnixMs>,
}

impl HostPlace {
    /// What permissions on it are decided by.
    pub fn object(&self) -> Object<'_> {
        Object::Host {
            id: self.id,
            cluster: self.cluster,
            environment: self.environment.as_deref(),
        }
    }
}

/// Every host, by org; of one org, if it is named.
pub async fn host_places(
    app: &App,
    org: Option<OrgId>,
) -> Result<BTreeMap<OrgId, Vec<HostPlace>>, FleetError> {
    let mut places = BTreeMap::<OrgId, Vec<HostPlace>>::new();
    for (org, place) in store::place::list(&app.db, org).await? {
        places.entry(org).or_default().push(place);
    }
    Ok(places)
}

/// After so long without a reading a host counts as silent.
pub fn silence_ms(app: &App) -> i64 {
    SILENT_INTERVALS * i64::from(app.config.link.sample_interval_s) * UnixMs::SECOND + GRACE_MS
}
