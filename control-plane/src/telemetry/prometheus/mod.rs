//! Prometheus: the fleet's present values for whoever scrapes, and whom there is to scrape.
//!
//! | call | answers |
//! |---|---|
//! | `GET /api/v1/prometheus/metrics` | the newest readings of the hosts in reach, in the text format |
//! | `GET /api/v1/prometheus/shards` | that call in parts, for HTTP service discovery: as many as the fleet needs |
//! | `GET /api/v1/prometheus/hosts` | the hosts themselves, for HTTP service discovery of exporters on them |
//!
//! All of it is of the caller's org; an API key is enough, and one that may only read is best. Hosts that are silent have
//! `muster_host_up 0` and no readings, so that their series end in Prometheus when they ended here.
//!
//! - **Names** ([`names`]) follow from the catalogue of series and are append-only with it: base units (a share is a ratio
//!   from 0 to 1), `muster_host_…` and `muster_container_…`, the instance in a label. `muster_host_info` has what a host is
//!   selected by, to join by `host`.
//! - **Remote write** ([`remote`]) sends what is stored to a receiver, under the same names.
//! - **Cost** ([`mod@exposition`]): one pass over samples that are in memory, one query for the hosts' names. An answer
//!   holds 100,000 readings at most; with more, a shard is asked for. A host is always in the same shard of as many.

mod discovery;
mod exposition;
pub(super) mod names;
mod remote;
#[cfg(test)]
pub(super) mod tests;

pub use self::remote::RemoteWrite;
pub(super) use self::{
    discovery::{HostTargetsQuery, TargetGroup, hosts, shards},
    exposition::{ExpositionQuery, exposition},
    remote::start,
};
