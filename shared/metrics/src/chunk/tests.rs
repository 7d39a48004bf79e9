use std::collections::BTreeMap;

use muster_base::UnixMs;
use proptest::prelude::*;

use super::{predict::Prediction, *};
use crate::{
    Kind, Layout, Sample, SampleBuilder, SeriesKey, Subject,
    at_rest::{CHECK_BYTES, put_check},
    wire::put_len,
};

type Columns = Vec<(u16, i64)>;

fn build(samples: &[(i64, Columns, Columns)]) -> Vec<Sample> {
    let mut builder = SampleBuilder::default();
    samples
        .iter()
        .map(|(at, host, container)| {
            for (name, columns) in [("", host), ("web", container)] {
                let columns: BTreeMap<_, _> = columns.iter().copied().collect();
                if !columns.is_empty() {
                    builder.subject(name);
                }
                for (code, value) in columns {
                    builder.push(Kind::from_code(code), value);
                }
            }
            builder.finish(UnixMs(*at))
        })
        .collect()
}

fn hour_of_samples() -> Vec<Sample> {
    let rows: Vec<_> = (0_i64..360)
        .map(|row| {
            let host = vec![
                (0, 1_000 + row * row % 97),
                (9, 8 << 30),
                (10, (4 << 30) + row * 4_096),
            ];
            let container = if row > 100 {
                vec![(41, row % 7)]
            } else {
                Vec::new()
            };
            (1_700_000_000_000 + row * 10_000, host, container)
        })
        .collect();
    build(&rows)
}

#[test]
fn an_hour_takes_a_fraction_of_its_frames() {
    let frames: usize = hour_of_samples()
        .iter()
        .map(|sample| crate::frame::encode_one(sample).len())
        .sum();
    let chunk = encode(hour_of_samples()).unwrap();
    assert!(chunk.len() * 10 < frames, "{} bytes of {frames}", chunk.len());
}

#[test]
fn one_column_is_read_with_its_gap() {
    let bytes = encode(hour_of_samples()).unwrap();
    let chunk = Chunk::open(&bytes).unwrap();
    let read = chunk.read(|key| key.subject != Subject::Host).unwrap();
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].1.len(), 259);
    assert_eq!(read[0].1[0], (UnixMs(1_700_000_000_000 + 1_010_000), 101 % 7));
}

/// A chunk of `rows` samples with `columns` series that never change.
fn still(rows: usize, columns: u16) -> Vec<u8> {
    let mut out = vec![QUICK];
    put_len(&mut out, rows);
    let keys = (0..columns).map(|code| SeriesKey {
        subject: Subject::Host,
        series: crate::Series::of(Kind::from_code(code)),
    });
    let keys: Vec<_> = keys.collect();
    Layout::from_columns(&keys).encode(&mut out);
    let times: Rows = (0_i64..).take(rows).enumerate().collect();
    let still: Rows = (0..rows).map(|row| (row, 7)).collect();
    let still = column::encode(&still, rows).unwrap();
    let columns = std::iter::repeat_n(still, usize::from(columns));
    put_columns(
        out,
        std::iter::once(column::encode(&times, rows).unwrap()).chain(columns),
    )
}

fn put_columns(mut out: Vec<u8>, columns: impl Iterator<Item = column::Encoded>) -> Vec<u8> {
    let mut body = Vec::new();
    for column in columns {
        out.push(column.flags);
        put_len(&mut out, column.bytes.len());
        body.extend_from_slice(&column.bytes);
    }
    out.extend_from_slice(&body);
    put_check(&mut out);
    out
}

#[test]
fn a_small_chunk_does_not_become_gigabytes() {
    let bytes = still(MAX_ROWS, 4_000);
    assert!(bytes.len() < 100_000, "{}", bytes.len());
    let chunk = Chunk::open(&bytes).unwrap();
    assert_eq!(chunk.samples(), Err(DecodeError::TooLarge("number of values")));
    assert!(chunk.read(|_| true).is_err());
    let one = chunk.read(|key| key.series.kind() == Kind::CPU_TOTAL).unwrap();
    assert_eq!(one[0].1.len(), MAX_ROWS);
}

#[test]
fn more_values_than_a_chunk_holds_are_refused() {
    let mut builder = SampleBuilder::default();
    let mut sample = |at| {
        for code in 0..4_000 {
            builder.push(Kind::from_code(code), 1);
        }
        builder.finish(UnixMs(at))
    };
    let samples: Vec<_> = (0..2_001).map(&mut sample).collect();
    assert!(matches!(encode(samples), Err(EncodeError::TooMany(_))));
}

#[test]
fn a_flipped_bit_is_noticed() {
    let mut bytes = encode(hour_of_samples()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    assert!(Chunk::open(&bytes).is_err());
}

#[test]
fn what_follows_from_others_takes_next_to_nothing() {
    let noise = |row: i64| (row * 7_919 + row * row * 31) % 4_000_000;
    let rows: Vec<_> = (0_i64..360)
        .map(|row| {
            let used = (3 << 30) + noise(row);
            let host = vec![(9, 8 << 30), (10, used), (11, (8 << 30) - used)];
            (row * 10_000, host, Vec::new())
        })
        .collect();
    let with = encode(build(&rows)).unwrap();
    let used_only: Vec<_> = rows
        .iter()
        .map(|(at, host, _)| (*at, host[..2].to_vec(), Vec::new()))
        .collect();
    let without = encode(build(&used_only)).unwrap();
    assert!(
        with.len() < without.len() + 20,
        "{} of {}",
        with.len(),
        without.len()
    );
    assert_eq!(Chunk::open(&with).unwrap().samples().unwrap(), build(&rows));
}

#[test]
fn a_prediction_that_leads_in_a_circle_is_refused() {
    let keys = [Kind::MEMORY_USED, Kind::MEMORY_AVAILABLE].map(|kind| SeriesKey {
        subject: Subject::Host,
        series: crate::Series::of(kind),
    });
    let mut out = vec![QUICK];
    put_len(&mut out, 2);
    Layout::from_columns(&keys).encode(&mut out);
    let times = column::encode(&vec![(0, 1), (1, 2)], 2).unwrap();
    let circle = [1, 0].map(|place| {
        let mut head = Vec::new();
        put_len(&mut head, 1);
        put_len(&mut head, 1);
        put_len(&mut head, place);
        head.push(2);
        let prediction = Prediction::decode(&mut crate::wire::Reader::new(&head)).unwrap();
        column::encode_residue(&prediction, &[0, 0]).unwrap()
    });
    let bytes = put_columns(out, std::iter::once(times).chain(circle));
    let chunk = Chunk::open(&bytes).unwrap();
    assert_eq!(chunk.samples(), Err(DecodeError::Malformed("a prediction")));
}

/// What earlier versions wrote.
#[test]
fn a_chunk_of_an_earlier_version_is_read() {
    for version in [1, 2] {
        let mut earlier = still(10, 3);
        earlier.truncate(earlier.len() - CHECK_BYTES);
        earlier[0] = version;
        put_check(&mut earlier);
        assert_eq!(Chunk::open(&earlier).unwrap().samples().unwrap().len(), 10);
    }
    // With a column that is not in every row, as version 2 wrote it.
    let keys = [SeriesKey {
        subject: Subject::Host,
        series: crate::Series::of(Kind::CPU_TOTAL),
    }];
    let mut out = vec![2];
    put_len(&mut out, 9);
    Layout::from_columns(&keys).encode(&mut out);
    let times: Rows = (0_i64..9).enumerate().collect();
    let partial = column::Encoded {
        flags: 2,
        bytes: vec![0b0000_0110, 1, 14],
    };
    let bytes = put_columns(out, [column::encode(&times, 9).unwrap(), partial].into_iter());
    let chunk = Chunk::open(&bytes).unwrap();
    let read = chunk.read(|_| true).unwrap();
    assert_eq!(read[0].1, [(UnixMs(1), 7), (UnixMs(2), 7), (UnixMs(8), 7)]);
}

#[test]
fn what_comes_and_goes_takes_little() {
    let rows: Vec<_> = (0_i64..3_600)
        .map(|row| {
            let container = if (1_000..1_040).contains(&row) || row == 3_599 {
                vec![(41, 5), (42, 6), (43, 7)]
            } else {
                Vec::new()
            };
            (row * 1_000, vec![(9, 8 << 30)], container)
        })
        .collect();
    let bytes = encode(build(&rows)).unwrap();
    assert!(bytes.len() < 200, "{}", bytes.len());
    assert_eq!(Chunk::open(&bytes).unwrap().samples().unwrap(), build(&rows));
    // Where every other row has a value, a bit for each is shorter.
    let rows: Vec<_> = (0_i64..3_600)
        .map(|row| {
            (
                row * 1_000,
                vec![(9, 1)],
                [(41, 5)][..usize::from(row % 2 == 0)].to_vec(),
            )
        })
        .collect();
    let bytes = encode(build(&rows)).unwrap();
    assert!(bytes.len() < 600, "{}", bytes.len());
    assert_eq!(Chunk::open(&bytes).unwrap().samples().unwrap(), build(&rows));
}

#[test]
fn stretches_that_can_t_be_are_refused() {
    let read =
        |flags: u8, bytes: &[u8]| column::Column::new(flags, bytes).and_then(|one| one.read(10).map(drop));
    let wrong = Err(DecodeError::Malformed("a column's stretches"));
    // Number, then rows left out and rows there; then the value for all of them.
    assert_eq!(read(10, &[1, 3, 7, 2]), Ok(()));
    assert_eq!(read(10, &[2, 0, 1, 8, 1, 2]), Ok(()));
    for bytes in [
        &[1, 3, 8, 2][..],
        &[1, 10, 1, 2],
        &[1, 3, 0, 2],
        &[2, 3, 7, 0, 1, 2],
    ] {
        assert_eq!(read(10, bytes), wrong, "{bytes:?}");
    }
    let far = [&[1][..], &[0xff; 9], &[1, 1, 2]].concat();
    assert_eq!(read(10, &far), wrong);
    assert!(read(10, &[11, 0, 1, 2]).is_err());
    assert_eq!(read(8, &[1]), Err(DecodeError::Malformed("a column's flags")));
    assert_eq!(read(14, &[1]), Err(DecodeError::Malformed("a column's flags")));
}

#[test]
fn a_day_takes_less_than_its_hours() {
    let hours: Vec<_> = (0..24)
        .map(|hour| {
            let mut samples = hour_of_samples();
            for sample in &mut samples {
                sample.at = sample.at.plus_ms(hour * UnixMs::HOUR);
            }
            encode(samples).unwrap()
        })
        .collect();
    let parts: Vec<&[u8]> = hours.iter().map(Vec::as_slice).collect();
    let (rows, day) = merge(&parts, Effort::Quick).unwrap();
    assert_eq!(rows, 24 * 360);
    let apart: usize = parts.iter().map(|part| part.len()).sum();
    assert!(day.len() * 3 < apart * 2, "{} of {apart}", day.len());
}

proptest! {
    #[test]
    fn decoding_undoes_encoding(rows in prop::collection::btree_map(
        0_i64..4_000_000_000_000,
        (prop::collection::vec((0_u16..6, any::<i64>()), 0..5), prop::collection::vec((40_u16..44, -9_i64..9), 0..3)),
        0..40,
    )) {
        let rows: Vec<_> = rows.into_iter().map(|(at, (host, container))| (at, host, container)).collect();
        let samples = build(&rows);
        let bytes = encode(samples.clone()).unwrap();
        let decoded = Chunk::open(&bytes).unwrap().samples().unwrap();
        prop_assert_eq!(decoded, samples);
    }

    /// Whatever is cut into pieces, in whatever order they come and however they overlap.
    #[test]
    fn merging_undoes_cutting(
        rows in prop::collection::btree_map(
            0_i64..4_000_000_000_000,
            (
                prop::collection::vec((0_u16..12, -9_i64..9), 0..5),
                prop::collection::vec((40_u16..44, any::<i64>()), 0..3),
                1_u8..8,
            ),
            0..40,
        ),
    ) {
        let all: Vec<_> = rows.iter().map(|(at, (host, container, _))| (*at, host.clone(), container.clone())).collect();
        let parts: Vec<_> = (0..3)
            .map(|part| {
                let of_part = rows.iter().filter(|(_, (.., parts))| parts & (1 << part) != 0);
                let of_part: Vec<_> = of_part
                    .map(|(at, (host, container, _))| (*at, host.clone(), container.clone()))
                    .collect();
                encode(build(&of_part)).unwrap()
            })
            .collect();
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let (count, merged) = merge(&parts, Effort::Quick).unwrap();
        prop_assert_eq!(count, rows.len());
        prop_assert_eq!(Chunk::open(&merged).unwrap().samples().unwrap(), build(&all));
    }

    #[test]
    fn garbage_never_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        drop(Chunk::open(&bytes).and_then(|chunk| chunk.samples()));
        // Garbage that passes the check.
        bytes.insert(0, THOROUGH);
        put_check(&mut bytes);
        drop(Chunk::open(&bytes).and_then(|chunk| chunk.samples()));
    }
}
