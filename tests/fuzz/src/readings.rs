//! A report's samples and rollups, and an hour at rest.

use std::collections::BTreeMap;

use muster_base::{UnixMs, sha256};
use muster_metrics::{
    DecodeError, Period, Rollup, RollupBody, Sample,
    chunk::{self, Chunk, Effort},
    decode_rollups, encode_rollups,
    frame::{Decoder, Encoder},
    packed,
};

use crate::memory::within;

/// What an hour may take while it is taken apart.
const CHUNK_MEMORY: u64 = 400 << 20;

/// With more values, packing them thoroughly would take all of the time.
const THOROUGH_VALUES: usize = 50_000;

/// A batch of samples.
pub fn samples(data: &[u8]) {
    let decode = |bytes: &[u8]| -> Result<Vec<Sample>, DecodeError> { Decoder::new(bytes)?.collect() };
    let Ok(samples) = decode(data) else { return };
    for sample in &samples {
        assert_eq!(sample.layout.columns(), sample.values.len());
    }
    let mut encoder = Encoder::default();
    for sample in &samples {
        encoder.push(sample.clone());
    }
    let again = decode(&encoder.finish()).expect("what was encoded can be decoded");
    assert!(again == samples, "decoding does not undo encoding");
}

/// A report's rollups.
pub fn rollups(data: &[u8]) {
    let Ok(rollups) = decode_rollups(data) else { return };
    let bodies: Vec<Vec<u8>> = rollups
        .iter()
        .map(|rollup| rollup.body.encode(rollup.start))
        .collect();
    let parts = rollups.iter().zip(&bodies);
    let bytes = encode_rollups(parts.map(|(rollup, body)| {
        let Rollup {
            period,
            start,
            subject,
            body: _,
        } = rollup;
        (*period, *start, subject.name(), body.as_slice())
    }));
    assert!(decode_rollups(&bytes).as_ref() == Ok(&rollups));
    for aggregate in rollups.iter().flat_map(|rollup| rollup.body.0.values()) {
        let (least, most) = (aggregate.min as f64, aggregate.max as f64);
        assert!((least..=most).contains(&aggregate.p95()));
        assert!(aggregate.mean().is_finite());
    }
    let bodies = || rollups.iter().map(|rollup| &rollup.body);
    let sum = bodies().fold(RollupBody::default(), merged);
    let reversed = bodies().rev().fold(RollupBody::default(), merged);
    assert!(sum == reversed, "merging does not commute");
    let mut days: BTreeMap<UnixMs, BTreeMap<UnixMs, RollupBody>> = BTreeMap::new();
    for rollup in rollups.iter().filter(|rollup| rollup.period == Period::Hour) {
        let day = days.entry(Period::Day.start_of(rollup.start)).or_default();
        day.insert(rollup.start, rollup.body.clone());
    }
    for (day, hours) in days {
        let bytes = packed::encode(day, &hours).expect("a day's hours can be packed");
        assert!(packed::decode(&bytes, day, |_| true) == Ok(hours));
    }
}

fn merged(mut sum: RollupBody, body: &RollupBody) -> RollupBody {
    sum.merge(body);
    sum
}

/// A chunk without its check, which no garbage would ever pass.
pub fn chunks(data: &[u8]) {
    let mut bytes = data.to_vec();
    bytes.extend_from_slice(&sha256(data).0[..8]);
    let decode = |bytes: &[u8]| Chunk::open(bytes).and_then(|chunk| chunk.samples());
    let Ok(samples) = within(CHUNK_MEMORY, || decode(&bytes)) else {
        return;
    };
    // A stranger's chunk may name columns twice or out of order; from the first encoding on it must not change.
    let once = encoded(samples);
    let decoded = decode(&once).expect("what was encoded can be decoded");
    assert!(decode(&encoded(decoded.clone())).as_ref() == Ok(&decoded));
    assert!(decoded.is_sorted_by(|a, b| a.at < b.at));
    let values: usize = decoded.iter().map(|sample| sample.values.len()).sum();
    if values < THOROUGH_VALUES {
        let (_, thorough) = chunk::merge(&[&once], Effort::Thorough).expect("what fitted once fits again");
        assert!(decode(&thorough).as_ref() == Ok(&decoded));
    }
}

fn encoded(samples: Vec<Sample>) -> Vec<u8> {
    chunk::encode(samples).expect("what fitted once fits again")
}
