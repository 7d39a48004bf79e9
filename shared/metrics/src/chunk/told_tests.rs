//! Days that are packed thoroughly.

use muster_base::UnixMs;
use proptest::prelude::*;

use super::{
    coder::Coder,
    counted::{Counted, Divisors},
    linear::{Linear, Of},
    range::{Bits as _, Source, Writer},
    *,
};
use crate::{
    Kind, Layout, Sample, SampleBuilder, Series, SeriesKey, Subject,
    at_rest::put_check,
    wire::{Reader, put_len},
};

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, most: i64) -> i64 {
        i64::try_from(self.next() % most.unsigned_abs()).unwrap()
    }
}

/// Readings that hang together as a host's do.
fn day(rows: i64) -> Vec<Sample> {
    let (mut random, mut builder) = (Random(7), SampleBuilder::default());
    let mut used = 4_i64 << 30;
    (0..rows)
        .map(|row| {
            let elapsed = 9_998 + random.below(5);
            let (read, written) = (random.below(300), random.below(50) * random.below(50));
            let rate = |blocks: i64| (blocks * 4_096_000 + elapsed / 2) / elapsed;
            let (ticks, all) = (random.below(900), 1_999 + random.below(3));
            let received = random.below(1 << 20);
            used += (random.below(401) - 200) * 4_096;
            builder.push(Kind::CPU_TOTAL, (ticks + ticks / 3) * 10_000 / all);
            builder.push(Kind::CPU_USER, ticks * 10_000 / all);
            builder.push(Kind::CPU_SYSTEM, ticks / 3 * 10_000 / all);
            builder.push_instance(Kind::CPU_CORE, "0", random.below(100) * 10);
            builder.push(Kind::MEMORY_TOTAL, 8 << 30);
            builder.push(Kind::MEMORY_USED, used);
            builder.push(Kind::MEMORY_AVAILABLE, (8 << 30) - used);
            builder.push_instance(Kind::DISKIO_READ_BYTES, "sda", rate(read));
            builder.push_instance(Kind::DISKIO_WRITE_BYTES, "sda", rate(written));
            builder.push_instance(Kind::NET_RX_BYTES, "eth0", received);
            builder.push_instance(Kind::NET_RX_PACKETS, "eth0", received / 700);
            if row > 100 && row % 70 != 0 {
                builder.subject("web");
                builder.push(Kind::CONTAINER_CPU, random.below(50));
                builder.push(Kind::CONTAINER_IO_WRITE_BYTES, rate(random.below(9)));
            }
            builder.finish(UnixMs(1_700_000_000_000 + row * 10_000))
        })
        .collect()
}

fn thoroughly(samples: Vec<Sample>) -> Vec<u8> {
    merge(&[&encode(samples).unwrap()], Effort::Thorough).unwrap().1
}

#[test]
fn a_day_takes_much_less_and_says_the_same() {
    let quick = encode(day(3_000)).unwrap();
    let thorough = thoroughly(day(3_000));
    assert_eq!(
        (effort_of(&quick), effort_of(&thorough)),
        (Effort::Quick, Effort::Thorough)
    );
    assert!(
        thorough.len() * 4 < quick.len() * 3,
        "{} of {}",
        thorough.len(),
        quick.len()
    );
    let chunk = Chunk::open(&thorough).unwrap();
    assert_eq!(chunk.samples().unwrap(), day(3_000));
    // Each column alone, too.
    let other = Chunk::open(&quick).unwrap();
    for key in chunk.keys() {
        let read = |chunk: &Chunk<'_>| chunk.read(|one| one == key).unwrap()[0].1.clone();
        assert_eq!(read(&chunk), read(&other), "{key:?}");
    }
}

/// Established connections are predicted from those in use, and told by them, too: the one must not rest on the other and the
/// other on the one.
#[test]
fn columns_that_tell_each_other_do_not_turn_in_a_circle() {
    let (mut random, mut builder) = (Random(11), SampleBuilder::default());
    let samples: Vec<Sample> = (0..2_000)
        .map(|row| {
            let in_use = [12, 950_007, 40_000_003, 7_700_000_001][usize::try_from(random.below(4)).unwrap()];
            builder.push(Kind::TCP_ESTABLISHED, in_use + random.below(3));
            builder.push(Kind::TCP_IN_USE, in_use);
            builder.finish(UnixMs(1_700_000_000_000 + row * 10_000))
        })
        .collect();
    let chunk = thoroughly(samples.clone());
    assert_eq!(
        effort_of(&chunk),
        Effort::Thorough,
        "it could not be read as it was written"
    );
    assert!(
        Chunk::open(&chunk).unwrap().samples().unwrap() == samples,
        "other samples than were packed"
    );
}

#[test]
fn late_samples_find_a_day_that_was_packed() {
    let mut all = day(600);
    let late = all.split_off(300);
    let early = thoroughly(all);
    let late = encode(late).unwrap();
    for effort in [Effort::Quick, Effort::Thorough] {
        let (count, merged) = merge(&[&early, &late], effort).unwrap();
        assert_eq!(count, 600);
        assert_eq!(Chunk::open(&merged).unwrap().samples().unwrap(), day(600));
    }
}

/// What this version wrote once.
#[test]
fn a_told_chunk_of_before_is_read() {
    let text: String = include_str!("told.hex").split_whitespace().collect();
    let bytes: Vec<u8> = (0..text.len())
        .step_by(2)
        .map(|place| u8::from_str_radix(&text[place..place + 2], 16).unwrap())
        .collect();
    assert_eq!(effort_of(&bytes), Effort::Thorough);
    assert_eq!(Chunk::open(&bytes).unwrap().samples().unwrap(), day(300));
}

#[test]
fn divisors_are_found_and_written_down() {
    let times: Vec<i64> = (0..600).map(|row| row * 10_000).collect();
    let elapsed: Vec<i64> = (0..600).map(|row| 9_998 + row % 5).collect();
    let rates: Vec<i64> = (1_i64..)
        .zip(&elapsed)
        .map(|(row, elapsed)| (row * 37 % 500 * 4_096_000 + elapsed / 2) / elapsed)
        .collect();
    let found = Divisors::find(Counted::Blocks, &times, 1, &[&rates]).unwrap();
    for ((row, number), rate) in (0..).zip(1_i64..).zip(&rates) {
        let count = found.count(*rate, row);
        assert_eq!((count, found.value(count, row)), (number * 37 % 500, *rate));
    }
    let mut bytes = Vec::new();
    found.encode(&mut bytes).unwrap();
    assert_eq!(Divisors::decode(&mut Reader::new(&bytes), 600).unwrap(), found);
    // What was not counted has none.
    let noise: Vec<i64> = (0..600).map(|row| row * row * 7_919 % 1_000_003).collect();
    assert_eq!(Divisors::find(Counted::Blocks, &times, 1, &[&noise]), None);
}

/// A chunk of two columns that are written like this.
fn two(told: [Vec<u8>; 2], flags: u8) -> Vec<u8> {
    let keys = [Kind::MEMORY_USED, Kind::MEMORY_AVAILABLE].map(|kind| SeriesKey {
        subject: Subject::Host,
        series: Series::of(kind),
    });
    let mut out = vec![THOROUGH];
    put_len(&mut out, 2);
    Layout::from_columns(&keys).encode(&mut out);
    let times = column::encode(&vec![(0, 1), (1, 2)], 2).unwrap();
    let mut body = Vec::new();
    let columns = told.map(|bytes| column::Encoded { flags, bytes });
    for column in std::iter::once(times).chain(columns) {
        out.push(column.flags);
        put_len(&mut out, column.bytes.len());
        body.extend_from_slice(&column.bytes);
    }
    out.extend_from_slice(&body);
    put_check(&mut out);
    out
}

#[test]
fn columns_that_tell_each_other_in_a_circle_are_refused() {
    let by = |of: Of| {
        let mut bytes = Vec::new();
        Linear {
            base: 0,
            step: 1,
            bias: 0,
            terms: vec![(of, 1 << 32)],
            companion: None,
        }
        .encode(&mut bytes);
        bytes.push(0);
        bytes
    };
    let read = |told, flags| {
        Chunk::open(&two(told, flags))
            .and_then(|chunk| chunk.samples())
            .map(drop)
    };
    assert_eq!(read([by(Of::Own(1)), by(Of::Before(0))], 16), Ok(()));
    assert!(read([by(Of::Other(1)), by(Of::Other(0))], 16).is_err());
    assert!(read([by(Of::Other(0)), by(Of::Own(1))], 16).is_err());
    assert!(read([by(Of::Other(7)), by(Of::Own(1))], 16).is_err());
    // Told and packed, told and predicted, counted but not told.
    for flags in [17, 20, 32, 33, 64] {
        assert!(read([by(Of::Own(1)), by(Of::Own(2))], flags).is_err(), "{flags}");
    }
    // Divisors that are with a column that has none.
    let of_other = [[&[2][..], &by(Of::Own(1))].concat(), by(Of::Own(1))];
    assert!(read(of_other, 48).is_err());
}

#[test]
fn sums_of_huge_weights_do_not_overflow() {
    let terms = vec![(Of::Own(1), i64::MIN); 24];
    let linear = Linear {
        base: i64::MIN,
        step: u64::MAX,
        bias: i64::MAX,
        terms,
        companion: None,
    };
    let mut bytes = Vec::new();
    linear.encode(&mut bytes);
    bytes.extend_from_slice(&[0x5a; 40]);
    drop(Chunk::open(&two([bytes.clone(), bytes], 16)).and_then(|chunk| chunk.samples()));
}

proptest! {
    #[test]
    fn a_coder_s_numbers_come_back(numbers in prop::collection::vec((prop_oneof![any::<i64>(), -9..9_i64], 0_u32..65), 0..300)) {
        let (mut coder, mut writer) = (Coder::new(7), Writer::new());
        for (number, moved) in &numbers {
            coder.code(&mut writer, *number, *moved);
        }
        let bytes = writer.finish();
        let (mut coder, mut source) = (Coder::new(7), Source::new(&bytes));
        for (number, moved) in &numbers {
            prop_assert_eq!(coder.code(&mut source, 0, *moved), Some(*number));
        }
    }

    #[test]
    fn bits_come_back(bits in prop::collection::vec((any::<bool>(), 16_u32..65_520), 0..2_000)) {
        let mut writer = Writer::new();
        for (bit, probability) in &bits {
            writer.bit(*bit, *probability);
        }
        let bytes = writer.finish();
        let mut source = Source::new(&bytes);
        for (bit, probability) in &bits {
            prop_assert_eq!(source.bit(false, *probability), *bit);
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the values are, and whether they hang together or not.
    #[test]
    fn packing_thoroughly_changes_nothing(
        seed: u64,
        rows in 250_i64..400,
        columns in prop::collection::btree_map(0_u16..60, 0_u8..9, 1..8),
    ) {
        let (mut random, mut builder) = (Random(seed), SampleBuilder::default());
        let mut walk = 0_i64;
        let samples: Vec<Sample> = (0..rows)
            .map(|row| {
                walk = walk.wrapping_add(random.below(1_000) - 500);
                for (code, how) in &columns {
                    let value = match how {
                        0 => random.next().cast_signed(),
                        1 => if random.below(2) == 0 { i64::MIN } else { i64::MAX },
                        2 => walk,
                        3 => walk / 7 + random.below(3),
                        4 => random.below(10_000) * 4_096,
                        5 => row,
                        6 => random.below(50) / 48,
                        _ => walk.wrapping_mul(row) >> how,
                    };
                    // Some columns are not in every row.
                    if code % 5 != 0 || random.below(9) != 0 {
                        builder.push(Kind::from_code(*code), value);
                    }
                }
                builder.finish(UnixMs(row * 10_000 + random.below(9)))
            })
            .collect();
        let bytes = thoroughly(samples.clone());
        prop_assert_eq!(Chunk::open(&bytes).unwrap().samples().unwrap(), samples);
    }

    /// Damage that passes the check.
    #[test]
    fn damage_never_panics(place: usize, byte: u8) {
        let mut bytes = thoroughly(day(256));
        bytes.truncate(bytes.len() - crate::at_rest::CHECK_BYTES);
        let place = place % bytes.len().min(600);
        bytes[place] = byte;
        put_check(&mut bytes);
        drop(Chunk::open(&bytes).and_then(|chunk| chunk.samples()));
    }
}
