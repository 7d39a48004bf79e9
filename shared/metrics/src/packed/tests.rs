use proptest::prelude::*;

use super::*;
use crate::{
    Kind, Sketch,
    at_rest::CHECK_BYTES,
    wire::{put_i64, put_len, put_u64},
};

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn hours(values: &[(i64, u16, i64)]) -> BTreeMap<UnixMs, RollupBody> {
    let mut hours: BTreeMap<UnixMs, RollupBody> = BTreeMap::new();
    for (at, code, value) in values {
        let at = UnixMs(*at);
        let series = Series::of(Kind::from_code(*code));
        hours
            .entry(Period::Hour.start_of(at))
            .or_default()
            .add(at, &series, *value);
    }
    hours
}

fn values() -> impl Strategy<Value = Vec<(i64, u16, i64)>> {
    let value = prop_oneof![any::<i64>(), -50..50_i64, Just(i64::MIN), Just(i64::MAX)];
    prop::collection::vec((0..UnixMs::DAY, 0_u16..4, value), 0..200)
}

/// As version 1 wrote it.
fn as_before(day: UnixMs, hours: &BTreeMap<UnixMs, RollupBody>) -> Vec<u8> {
    let mut all = 0;
    let mut series: BTreeMap<&Series, Vec<(usize, &Aggregate)>> = BTreeMap::new();
    for (start, body) in hours {
        let hour = hour_of(day, *start).unwrap();
        all |= 1 << hour;
        for (name, aggregate) in &body.0 {
            series.entry(name).or_default().push((hour, aggregate));
        }
    }
    finish(STREAMS, &streams::encode(day, all, &series).unwrap())
}

/// Hours like those of a machine: some series that wander, one by pages, and one that never changes.
fn usual_hours() -> BTreeMap<UnixMs, RollupBody> {
    let (mut values, mut random) = (Vec::new(), 7_u64);
    for row in 0..24 * 360 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let noise = i64::try_from(random >> 40).unwrap();
        values.push((row * 10_000, 0, 500_000 + noise % 9_000));
        values.push((row * 10_000, 1, (noise % 900) * 4_096));
        values.push((row * 10_000, 2, row * 3 - noise % 5));
        values.push((row * 10_000, 3, 12));
    }
    hours(&values)
}

#[test]
fn usual_hours_take_less_than_before_and_each_series_is_read_by_itself() {
    let hours = usual_hours();
    let (bytes, before) = (encode(UnixMs(0), &hours).unwrap(), as_before(UnixMs(0), &hours));
    assert!(!bytes.starts_with(OF_BEFORE) && before.starts_with(OF_BEFORE));
    assert!(
        bytes.len() * 10 < before.len() * 9,
        "{} of {}",
        bytes.len(),
        before.len()
    );
    assert_eq!(decode(&bytes, UnixMs(0), |_| true).unwrap(), hours);
    for code in 0..4 {
        let one = Series::of(Kind::from_code(code));
        let mut only = hours.clone();
        for body in only.values_mut() {
            body.0.retain(|series, _| *series == one);
        }
        assert_eq!(decode(&bytes, UnixMs(0), |series| *series == one).unwrap(), only);
    }
}

/// What is stored must be readable for ever: a change of these bytes needs a new version.
#[test]
fn the_bytes_of_a_day_stay_as_they_are() {
    let bytes = encode(UnixMs(0), &usual_hours()).unwrap();
    let check: String = hex(&bytes[bytes.len() - CHECK_BYTES..]);
    assert_eq!((bytes.len(), check.as_str()), (2_017, "8ce2bc1e80cb105a"));
}

#[test]
fn a_sketch_that_counts_something_else_is_kept_as_it_is() {
    let mut hours = usual_hours();
    let aggregate = hours.values_mut().next().unwrap().0.values_mut().next().unwrap();
    let mut others = Sketch::default();
    for value in 0..50 {
        others.add(value * 7);
    }
    aggregate.sketch = others;
    let bytes = encode(UnixMs(0), &hours).unwrap();
    assert!(bytes.starts_with(OF_BEFORE));
    assert_eq!(decode(&bytes, UnixMs(0), |_| true).unwrap(), hours);
}

#[test]
fn a_sketch_that_sees_the_ends_in_other_buckets_is_told() {
    let mut hours = usual_hours();
    for body in hours.values_mut() {
        for aggregate in body
            .0
            .values_mut()
            .filter(|aggregate| aggregate.min != aggregate.max)
        {
            let moved = aggregate
                .sketch
                .buckets()
                .iter()
                .map(|(bucket, count)| (bucket + 1, *count));
            let mut out = Vec::new();
            put_len(&mut out, aggregate.sketch.buckets().len());
            let mut before = 0;
            for (bucket, count) in moved {
                put_i64(&mut out, i64::from(bucket) - before);
                put_u64(&mut out, count.into());
                before = bucket.into();
            }
            aggregate.sketch = Sketch::decode(&mut Reader::new(&out)).unwrap();
        }
    }
    let bytes = encode(UnixMs(0), &hours).unwrap();
    assert!(!bytes.starts_with(OF_BEFORE));
    assert_eq!(decode(&bytes, UnixMs(0), |_| true).unwrap(), hours);
}

/// Two hours of a series as version 1 wrote them. Other rooms' tests store them.
const BEFORE: &str = include_str!("before.hex");

#[test]
fn version_1_is_read_and_written_as_ever() {
    let values: Vec<_> = (0..20)
        .map(|row| (row * 300_000, 1, 4_000 + row * row * 7))
        .collect();
    let bytes: Vec<u8> = as_before(UnixMs(0), &hours(&values));
    let written: String = hex(&bytes);
    assert_eq!(written, BEFORE.trim());
}

proptest! {
    #[test]
    fn what_was_packed_before_is_read(values in values()) {
        let hours = hours(&values);
        prop_assert_eq!(decode(&as_before(UnixMs(0), &hours), UnixMs(0), |_| true).unwrap(), hours);
    }

    #[test]
    fn decoding_undoes_encoding(values in values(), day in -1_000..1_000_i64) {
        let day = UnixMs(day * UnixMs::DAY);
        let values: Vec<_> = values.into_iter().map(|(at, code, value)| (day.0 + at, code, value)).collect();
        let hours = hours(&values);
        let bytes = encode(day, &hours).unwrap();
        prop_assert_eq!(&decode(&bytes, day, |_| true).unwrap(), &hours);
        let one = Series::of(Kind::from_code(1));
        let mut only = hours;
        for body in only.values_mut() {
            body.0.retain(|series, _| *series == one);
        }
        prop_assert_eq!(decode(&bytes, day, |series| *series == one).unwrap(), only);
    }

    #[test]
    fn damage_is_noticed(values in values(), place: usize, byte: u8) {
        let mut bytes = encode(UnixMs(0), &hours(&values)).unwrap();
        let place = place % bytes.len();
        let same = bytes[place] == byte;
        bytes[place] = byte;
        prop_assert_eq!(decode(&bytes, UnixMs(0), |_| true).is_ok(), same);
    }

    #[test]
    fn what_was_damaged_with_its_check_never_panics(values in values(), place: usize, byte: u8) {
        let mut bytes = encode(UnixMs(0), &hours(&values)).unwrap();
        let end = bytes.len() - CHECK_BYTES;
        bytes[place % end] = byte;
        bytes.truncate(end);
        put_check(&mut bytes);
        drop(decode(&bytes, UnixMs(0), |_| true));
    }
}

#[test]
fn hours_of_another_day_are_refused() {
    let hours = hours(&[(UnixMs::DAY, 1, 5)]);
    assert!(matches!(encode(UnixMs(0), &hours), Err(EncodeError::OtherDay)));
    assert!(matches!(
        encode(UnixMs(UnixMs::HOUR), &hours),
        Err(EncodeError::OtherDay)
    ));
}
