//! Bytes of older agents: samples and rollups as protocol version 1 wrote them, recorded with that version's code. They did not
//! change until version 7, which continues one batch after another; each must be read for as long as those are served.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;

use muster_base::UnixMs;
use muster_metrics::{
    Kind, Period, RollupBody, Sample, SampleBuilder, Subject, decode_rollups, encode_rollups, frame,
};

const RECORDED: &str = include_str!("older/v1.hex");

/// Samples in the first line, rollups in the second.
fn recorded(line: usize) -> Vec<u8> {
    let text = RECORDED.lines().nth(line).unwrap();
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn readings() -> Vec<Sample> {
    let mut builder = SampleBuilder::default();
    (0..400_i64)
        .map(|n| {
            builder.subject("");
            builder.push(Kind::CPU_TOTAL, n * n % 9_973);
            builder.push(Kind::MEMORY_USED, 4_294_967_296 + 4_096 * (n * 37 % 1_009 - 500));
            builder.push_instance(Kind::DISK_USED, "/", 1_000_000_000_000 - n);
            // Another disk comes and goes.
            if (100..200).contains(&n) {
                builder.push_instance(Kind::DISK_USED, "/srv", -n);
            }
            builder.subject("web");
            builder.push(Kind::CONTAINER_CPU, if n % 7 == 0 { 10_000 } else { n % 3 });
            builder.finish(UnixMs(1_700_000_000_000 + n * 10_000 + n % 2))
        })
        .collect()
}

fn batch() -> Vec<u8> {
    let mut encoder = frame::Encoder::default();
    for sample in readings() {
        encoder.push(sample);
    }
    encoder.finish()
}

fn rollups() -> Vec<u8> {
    let subjects = [("", Subject::Host), ("web", Subject::from_name("web"))];
    let mut bodies = Vec::new();
    for (name, subject) in &subjects {
        let mut hours: BTreeMap<(Period, UnixMs), RollupBody> = BTreeMap::new();
        for sample in readings() {
            for period in [Period::Hour, Period::Day] {
                let body = hours.entry((period, period.start_of(sample.at))).or_default();
                body.add_sample(subject, &sample);
            }
        }
        bodies.extend(
            hours
                .into_iter()
                .map(|((period, start), body)| (period, start, *name, body.encode(start))),
        );
    }
    encode_rollups(
        bodies
            .iter()
            .map(|(period, start, name, body)| (*period, *start, *name, body.as_slice())),
    )
}

#[test]
fn samples_of_version_1_are_read_and_written_alike() {
    let read: Vec<Sample> = frame::Decoder::new(&recorded(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(read, readings());
    assert_eq!(batch(), recorded(0), "what is not continued is written as it was");
    // An agent of version 7 begins its reports so, and an older one all of them.
    let bytes = recorded(0);
    let after = frame::Decoder::after(&bytes, readings().pop()).unwrap();
    assert_eq!(after.count(), readings().len());
}

#[test]
fn rollups_of_version_1_are_read_and_written_alike() {
    assert_eq!(rollups(), recorded(1));
    let read = decode_rollups(&recorded(1)).unwrap();
    assert_eq!(
        read.len(),
        6,
        "two hours and a day, of the host and of a container"
    );
    let again: Vec<_> = read
        .iter()
        .map(|rollup| {
            (
                rollup.period,
                rollup.start,
                rollup.subject.name().to_owned(),
                rollup.body.encode(rollup.start),
            )
        })
        .collect();
    let again = encode_rollups(
        again
            .iter()
            .map(|(period, start, name, body)| (*period, *start, name.as_str(), body.as_slice())),
    );
    assert_eq!(again, recorded(1));
}
