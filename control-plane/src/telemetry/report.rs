//! A report as the writer wants it: decoded, checked and taken apart before it waits for the database.
//!
//! A host may be mad or hostile, so what one report can cost is bounded here: samples stand at whole seconds (no
//! agent takes them oftener, and the hour's rows are bounded by that), their stored frames have a size and a sum, and
//! containers a number and lengths. Texts lose what no database takes.

use std::collections::BTreeMap;

use muster_base::{HostId, OrgId, UnixMs};
use muster_metrics::{DecodeError, Period, Sample, decode_rollups, frame};
use muster_protocol::latest::{ContainerFacts, Report};

use super::IngestError;

/// A sample as it is stored may take this much: enough for 500 containers with long names.
const MAX_FRAME_BYTES: usize = 128 * 1024;
/// All samples of a report together, as they are stored. On the wire they are differences, and a few bytes of it could
/// stand for thousands of large samples.
const MAX_SAMPLES_BYTES: usize = 8 * 1024 * 1024;
/// Containers of one host.
const MAX_CONTAINERS: usize = 1_000;
/// Labels of one container; only those of Muster are reported.
const MAX_LABELS: usize = 32;
/// Characters of a name, an image or a label's value.
const MAX_TEXT: usize = 512;
/// A host whose clock is ahead by more is not believed: its readings would stand above all others for ever.
const MAX_AHEAD_MS: i64 = UnixMs::DAY;

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

/// The last sample of a stream of reports, which the next one may begin with a difference from. At rest, since there is
/// one for each agent.
#[derive(Debug, Default)]
pub struct LastSample(Option<(UnixMs, Vec<u8>)>);

impl LastSample {
    fn get(&self) -> Result<Option<Sample>, DecodeError> {
        let Some((at, frame)) = &self.0 else {
            return Ok(None);
        };
        Ok(Some(Sample {
            at: *at,
            ..frame::decode_one(frame)?
        }))
    }
}

impl HostReport {
    /// Reads the next report of a stream.
    pub(super) fn read(
        org: OrgId,
        host: HostId,
        report: Report,
        last: &mut LastSample,
    ) -> Result<Self, IngestError> {
        let mut samples = Vec::new();
        let mut newest: Option<Sample> = None;
        let mut bytes = 0;
        let mut sent_at = None;
        for sample in frame::Decoder::after(&report.samples, last.get()?)? {
            let mut sample = sample?;
            sent_at = Some(sample.at);
            sample.at = sample.at.floor_to(UnixMs::SECOND);
            let frame = frame::encode_one(&sample);
            bytes += frame.len();
            if frame.len() > MAX_FRAME_BYTES || bytes > MAX_SAMPLES_BYTES {
                return Err(DecodeError::TooLarge("a sample, or all of a report,").into());
            }
            samples.push(SampleRow { at: sample.at, frame });
            if newest.as_ref().is_none_or(|newest| newest.at <= sample.at) {
                newest = Some(sample);
            }
        }
        if let (Some(at), Some(row)) = (sent_at, samples.last()) {
            last.0 = Some((at, row.frame.clone()));
        }
        let mut rollups: BTreeMap<_, RollupRow> = BTreeMap::new();
        for rollup in decode_rollups(&report.rollups)? {
            let row = RollupRow {
                values: i64::try_from(rollup.body.values()).unwrap_or(i64::MAX),
                body: rollup.body.encode(rollup.start),
            };
            let key = (rollup.period, rollup.start, plain(rollup.subject.name()));
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
            containers: report.containers.map(described),
        })
    }

    /// Leaves out what is from before the epoch or too far in the future; how much that was.
    pub(super) fn leave_out_impossible(&mut self, now: UnixMs) -> usize {
        let possible = |at: UnixMs| UnixMs(0) <= at && at <= now.plus_ms(MAX_AHEAD_MS);
        let before = self.samples.len() + self.rollups.len();
        self.samples.retain(|row| possible(row.at));
        self.rollups.retain(|(_, start, _), _| possible(*start));
        if self.newest.as_ref().is_some_and(|newest| !possible(newest.at)) {
            let last = self.samples.iter().max_by_key(|row| row.at);
            self.newest = last.and_then(|row| frame::decode_one(&row.frame).ok());
        }
        before - self.samples.len() - self.rollups.len()
    }
}

/// Containers as the table takes them: each name once, the first ones by name if there are too many.
fn described(containers: Vec<ContainerFacts>) -> Vec<ContainerFacts> {
    let by_name: BTreeMap<String, ContainerFacts> = containers
        .into_iter()
        .map(|mut facts| {
            let mut labels = std::mem::take(&mut facts.labels);
            labels.truncate(MAX_LABELS);
            let described = ContainerFacts {
                id: plain(&facts.id),
                name: plain(&facts.name),
                image: plain(&facts.image),
                image_id: plain(&facts.image_id),
                labels: labels
                    .iter()
                    .map(|(key, value)| (plain(key), plain(value)))
                    .collect(),
                ..facts
            };
            (described.name.clone(), described)
        })
        .collect();
    by_name.into_values().take(MAX_CONTAINERS).collect()
}

/// What both databases take as text, and no more of it than makes sense.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use muster_metrics::{Kind, RollupBody, SampleBuilder, Series, encode_rollups, frame::Encoder};
    use muster_protocol::latest::{ContainerHealth, ContainerState};

    use super::*;

    const NOW: UnixMs = UnixMs(1_780_000_000_000);

    fn read(report: Report) -> Result<HostReport, IngestError> {
        let id = muster_base::Clock::manual(NOW).new_id();
        HostReport::read(
            OrgId::from_uuid(id),
            HostId::from_uuid(id),
            report,
            &mut LastSample::default(),
        )
    }

    fn samples(columns: u16, instance: &str, times: impl IntoIterator<Item = i64>) -> Report {
        let mut builder = SampleBuilder::default();
        let mut encoder = Encoder::default();
        for at in times {
            for code in 0..columns {
                builder.push_instance(Kind::from_code(code), instance, 7);
            }
            encoder.push(builder.finish(UnixMs(at)));
        }
        Report {
            samples: encoder.finish(),
            ..Report::default()
        }
    }

    fn container(name: &str) -> ContainerFacts {
        ContainerFacts {
            id: "a\0b".to_owned(),
            name: name.to_owned(),
            image: "i".repeat(9_000),
            image_id: String::new(),
            state: ContainerState::Running,
            health: ContainerHealth::None,
            restarts: u32::MAX,
            created_at: UnixMs(i64::MIN),
            started_at: Some(UnixMs(i64::MAX)),
            labels: vec![("muster.x".to_owned(), "\0".to_owned()); 500],
            memory_limit_bytes: Some(u64::MAX),
        }
    }

    #[test]
    fn a_small_report_does_not_become_gigabytes() {
        // Some hundred bytes a sample on the wire, half a megabyte each in the table.
        let hour = || (0..3_600).map(|second| NOW.0 + second * 1_000);
        let report = samples(1_000, &"x".repeat(500), hour());
        assert!(report.samples.len() < 1 << 20);
        assert!(matches!(
            read(report),
            Err(IngestError::Malformed(DecodeError::TooLarge(_)))
        ));
        let report = samples(1_000, &"x".repeat(50), hour());
        assert!(read(report).is_err(), "each fits, all of them do not");
        assert_eq!(read(samples(500, "", hour())).unwrap().samples.len(), 3_600);
    }

    #[test]
    fn samples_stand_at_whole_seconds() {
        let report = read(samples(1, "", [1_999, 2_000, 2_001])).unwrap();
        let times: Vec<i64> = report.samples.iter().map(|row| row.at.0).collect();
        assert_eq!(times, [1_000, 2_000, 2_000]);
        let stored = frame::decode_one(&report.samples[0].frame).unwrap();
        assert_eq!(stored.at, UnixMs(1_000));
    }

    #[test]
    fn a_report_may_begin_where_the_one_before_it_ended() {
        let sample = |at, value| {
            let mut builder = SampleBuilder::default();
            builder.push(Kind::CPU_TOTAL, value);
            builder.finish(UnixMs(at))
        };
        let id = muster_base::Clock::manual(NOW).new_id();
        let mut last = LastSample::default();
        let mut read = |samples: Vec<u8>| {
            let report = Report {
                samples,
                ..Report::default()
            };
            HostReport::read(OrgId::from_uuid(id), HostId::from_uuid(id), report, &mut last)
        };
        let continued = |before: Sample, next: Sample| {
            let mut encoder = Encoder::after(Some(before));
            encoder.push(next);
            encoder.finish()
        };
        let second = continued(sample(1_700, 5), sample(11_700, 6));
        assert!(read(second.clone()).is_err(), "nothing was before it");
        read(frame::encode_one(&sample(1_700, 5))).unwrap();
        read(Vec::new()).unwrap();
        let stored = read(second).unwrap();
        assert_eq!(stored.newest, Some(sample(11_000, 6)));
        let third = read(continued(sample(11_700, 6), sample(12_800, 6))).unwrap();
        assert_eq!(third.newest, Some(sample(12_000, 6)));
    }

    #[test]
    fn what_can_t_have_been_measured_yet_is_left_out() {
        let ahead = NOW.0 + 2 * UnixMs::DAY;
        let mut report = read(samples(1, "", [i64::MIN, -1, NOW.0, NOW.0 + UnixMs::HOUR, ahead])).unwrap();
        assert_eq!(report.leave_out_impossible(NOW), 3);
        assert_eq!(report.newest.unwrap().at, UnixMs(NOW.0 + UnixMs::HOUR));

        let mut body = RollupBody::default();
        body.add(NOW, &Series::of(Kind::CPU_TOTAL), 1);
        let starts = [
            Period::Day.start_of(NOW),
            Period::Day.start_of(UnixMs(ahead + UnixMs::DAY)),
        ];
        let bodies = starts.map(|start| body.encode(start));
        let rows = starts
            .iter()
            .zip(&bodies)
            .map(|(start, body)| (Period::Day, *start, "", body.as_slice()));
        let mut report = read(Report {
            rollups: encode_rollups(rows),
            ..Report::default()
        })
        .unwrap();
        assert_eq!(report.leave_out_impossible(NOW), 1);
        assert_eq!(report.rollups.len(), 1);
        assert!(report.newest.is_none());
    }

    #[test]
    fn containers_are_few_each_named_once_and_short() {
        let many = (0..2_000).map(|number| container(&format!("c{number}")));
        let twice = ["a", "a\0", "a"].map(container);
        let report = read(Report {
            containers: Some(twice.into_iter().chain(many).collect()),
            ..Report::default()
        })
        .unwrap();
        let containers = report.containers.unwrap();
        assert_eq!(containers.len(), MAX_CONTAINERS);
        assert_eq!(containers[0].name, "a");
        assert_eq!(containers[1].name, "c0");
        assert_eq!(containers[0].id, "ab");
        assert_eq!(containers[0].image.len(), MAX_TEXT);
        assert_eq!(containers[0].labels.len(), MAX_LABELS);
    }
}
