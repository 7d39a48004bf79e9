//! Room that readings take, added up by host.

use muster_base::{HostId, OrgId, UnixMs};

use crate::{
    db::{Db, DbError},
    with_pool,
};

/// Which readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::telemetry) enum Part {
    /// Samples that are not sealed yet.
    Fresh,
    /// Sealed samples.
    Sealed,
    /// Hours.
    Hours,
    /// Hours that are packed.
    Packed,
    /// Days.
    Days,
}

impl Part {
    pub(in crate::telemetry) const ALL: [Self; 5] =
        [Self::Fresh, Self::Sealed, Self::Hours, Self::Packed, Self::Days];

    const fn sql(self) -> &'static str {
        match self {
            Self::Fresh => {
                "select host_id, cast(count(*) as bigint) as count, cast(sum(length(frame)) as bigint) as bytes, \
                    min(at) as oldest from samples where org_id = $1 group by host_id"
            }
            Self::Sealed => {
                "select host_id, cast(sum(samples) as bigint) as count, cast(sum(length(chunk)) as bigint) as bytes, \
                    min(hour) as oldest from sample_chunks where org_id = $1 group by host_id"
            }
            Self::Hours => {
                "select host_id, cast(count(*) as bigint) as count, cast(sum(length(body)) as bigint) as bytes, \
                    min(start_at) as oldest from rollups where org_id = $1 and period = 1 group by host_id"
            }
            Self::Packed => {
                "select host_id, cast(count(*) as bigint) as count, cast(sum(length(body)) as bigint) as bytes, \
                    min(day) as oldest from packed_hours where org_id = $1 group by host_id"
            }
            Self::Days => {
                "select host_id, cast(count(*) as bigint) as count, cast(sum(length(body)) as bigint) as bytes, \
                    min(start_at) as oldest from rollups where org_id = $1 and period = 2 group by host_id"
            }
        }
    }
}

/// What a part of a host's readings takes.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub(in crate::telemetry) struct PartUsage {
    pub(in crate::telemetry) host_id: HostId,
    /// Samples, or rows of rollups.
    pub(in crate::telemetry) count: i64,
    pub(in crate::telemetry) bytes: i64,
    pub(in crate::telemetry) oldest: UnixMs,
}

/// What a part of the readings of each of an org's hosts takes.
pub(in crate::telemetry) async fn of_org(db: &Db, org: OrgId, part: Part) -> Result<Vec<PartUsage>, DbError> {
    Ok(with_pool!(db, |pool| sqlx::query_as(part.sql())
        .bind(org)
        .fetch_all(pool)
        .await)?)
}
