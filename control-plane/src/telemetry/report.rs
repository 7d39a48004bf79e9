//! A report as the writer wants it: decoded, checked and taken apart before it waits for the database.

use std::collections::BTreeMap;

use muster_base::{HostId, OrgId, UnixMs};
use muster_metrics::{Period, Sample, decode_rollups, frame};
use muster_protocol::latest::{ContainerFacts, Report};

use super::IngestError;

/// One host's report.
#[derive(Debug)]
pub(super) struct HostReport {
    pub(super) org: OrgId,
    pub(super) host: HostId,
    pub(super) samples: Vec<SampleRow>,
    /// The newest of them.
    pub(super) newest: Option<Sample>,
    /// By period, start and subject.
    pub(super) rollups: BTreeMap<(Period, UnixMs, String), RollupRow>,
    pub(super) containers: Option<Vec<ContainerFacts>>,
}

/// A sample as it is stored: a frame that is complete in itself.
#[derive(Debug)]
pub(super) struct SampleRow {
    pub(super) at: UnixMs,
    pub(super) frame: Vec<u8>,
}

/// A rollup as it is stored.
#[derive(Debug)]
pub(super) struct RollupRow {
    /// Of two versions, the one with more values is the fuller.
    pub(super) values: i64,
    pub(super) body: Vec<u8>,
}

impl HostReport {
    pub(super) fn read(org: OrgId, host: HostId, report: Report) -> Result<Self, IngestError> {
        let mut samples = Vec::new();
        let mut newest: Option<Sample> = None;
        for sample in frame::Decoder::new(&report.samples)? {
            let sample = sample?;
            samples.push(SampleRow {
                at: sample.at,
                frame: frame::encode_one(&sample),
            });
            if newest.as_ref().is_none_or(|newest| newest.at <= sample.at) {
                newest = Some(sample);
            }
        }
        let mut rollups: BTreeMap<_, RollupRow> = BTreeMap::new();
        for rollup in decode_rollups(&report.rollups)? {
            let row = RollupRow {
                values: i64::try_from(rollup.body.values()).unwrap_or(i64::MAX),
                body: rollup.body.encode(rollup.start),
            };
            let key = (rollup.period, rollup.start, rollup.subject.name().to_owned());
            if rollups.get(&key).is_none_or(|known| known.values <= row.values) {
                rollups.insert(key, row);
            }
        }
        Ok(Self {
            org,
            host,
            samples,
            newest,
            rollups,
            containers: report.containers,
        })
    }
}
