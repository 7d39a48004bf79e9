//! Readings of hosts and containers: taking them in, keeping them, answering questions about them.
//!
//! A sample's way ends here: `link` hands each report to [`Ingest`], which stores it and only then lets it be
//! acknowledged.
//!
//! | table | one row is |
//! |---|---|
//! | `samples` | a fresh sample of a host and its containers, by (host, time) |
//! | `sample_chunks` | a host's past hour, or several of a day, in compressed columns, by (host, first hour) |
//! | `rollups` | an hour or day of a host or container as its agent added it up, by (host, period, subject, start) |
//! | `packed_hours` | the hours of a past day of a host or container, by (host, subject, day) |
//! | `org_retention` | for how long an org keeps its readings, if not as long as the configuration says (in the database of everything else) |
//! | `remote_written` | up to when a host's samples were taken by the receiver of remote write |
//! | `containers` | a container as the host's engine last described it, by (host, name) |
//!
//! With SQLite they live in a file of their own, which may lose its last moments in a power cut. In PostgreSQL samples,
//! chunks and packed hours are divided by time (`partition`): a day that nobody keeps is dropped as a whole.
//!
//! - **Ingest**: one bounded channel for all agents and one writer; a transaction takes what came in 250 ms, or 4,096
//!   samples. A slow database fills the channel, then sessions stop reading, then the agents keep their readings.
//! - **Once**: keys make repeats harmless. A sample that is there stays; of two versions of a rollup the one made of
//!   more values stays; a sample that comes again after its hour was sealed is merged away by the next sealing, and
//!   by every reader until then.
//! - **Sealing** (`seal`): an hour of a host is sealed once the host has samples of a later one, by the samples' own
//!   time: no clock decides. The chunk goes in and its rows go out in one transaction.
//! - **Packing** (`pack`): some hours of a day that are sealed are merged into one chunk, which they take less room in; when
//!   the day is over, all of them. The chunks of a host never overlap. Rollups likewise: the
//!   hours of a day become one row once the host has samples an hour after it. An hour that comes later, or again, is
//!   merged in by the next packing; until then every reader takes the fuller one. Room that this leaves is given back.
//! - **Latest values** are kept in memory, made anew from `samples` at the start: a host's newest hour is never sealed.
//! - **Questions** pick their tier (raw, hour, day) by span, step and retention, say which, and leave gaps as gaps.
//! - **Retention** (`keeping`): the configuration says for how many days each tier is kept; an org may want less (`org:write`),
//!   never more. What is older goes within the hour (in PostgreSQL what nobody keeps with the end of its day, hours with
//!   that of their week), and questions ask a tier that is still there.
//! - **Room** (`storage`): what the readings of an org and of each of its hosts take, added up at most once a minute.
//! - **Exports** are tables of samples or rollups, read and sent in pieces, four at a time.
//! - **Annotations** ([`annotation`]) are what happened to a host meanwhile, as the rooms tell that did it.
//! - **Prometheus** ([`prometheus`]) scrapes present values.
//! - **Who may**: `telemetry:read`; every row carries its org and every query asks for it.
//! - **Fails how**: while the database is away, ingest holds what it has and tries again; nothing is acknowledged.
//!   A chunk that can't be read is said in the log and is a gap in the answer.

mod annotation;
mod api;
mod container;
mod error;
mod ingest;
mod keeping;
mod latest;
mod live;
mod pack;
mod partition;
mod partition_faults;
mod prometheus;
mod query;
mod report;
mod retention;
mod seal;
mod storage;
mod store;
mod stored;
#[cfg(test)]
pub(crate) mod tests;
mod values;

pub use self::{
    annotation::{Annotation, HostPast},
    api::router,
    container::{
        Container, ContainerFilter, Labels as ContainerLabels, add_latest as add_latest_of_containers,
        find as find_container, list_named as list_named_containers, list_of_fleet as list_containers,
    },
    error::{IngestError, TelemetryError},
    ingest::{Ingest, ReadReport},
    latest::{Latest, Reading, latest_of, readings_of},
    prometheus::RemoteWrite,
    query::Exports,
    report::LastSample,
    retention::{forget_host, jobs},
    storage::Sums as StorageSums,
    values::shown,
};

pub(crate) use self::{
    latest::{forget_newest, read_newest},
    partition_faults::{PartitionFault, faults as partition_faults},
};
use crate::{app::App, db::DbError};

/// Reads what must be known from the start and starts this room's tasks.
pub async fn start(app: &App) -> Result<(), DbError> {
    partition::start(app).await;
    latest::rebuild(app).await?;
    ingest::start(app);
    seal::start(app);
    prometheus::start(app);
    Ok(())
}

/// What the start makes in PostgreSQL, for a template of many databases.
#[cfg(test)]
pub(crate) async fn prepare_for_tests(db: &crate::db::Db, now: muster_base::UnixMs) {
    partition::prepare(db, now).await.unwrap();
}

/// A host's containers, as if its agent had told of them.
#[cfg(test)]
pub(crate) async fn set_containers_for_tests(
    app: &App,
    org: muster_base::OrgId,
    host: muster_base::HostId,
    facts: &[muster_protocol::latest::ContainerFacts],
) {
    let now = app.clock.now();
    let set = async || -> Result<(), DbError> {
        crate::in_tx!(app.telemetry_db, |tx| {
            store::container::replace(tx, org, host, facts, now).await?;
        });
        Ok(())
    };
    set().await.unwrap();
}
