//! The buckets of a series' sketches, hour by hour: how many values fell into each from the first to the last.
//!
//! How many are expected in a bucket follows from what the hours before had there and beside it, from the two buckets before it,
//! and from how many values are left for how many buckets. What comes is coded by that expectation: the size of the count first,
//! then its bits.

use super::numbers::size_of;
use crate::chunk::range::{Bits, Chance};

/// Expectations are told apart by half octaves, from a sixteenth on.
const LEVELS: usize = 32;
/// The first bucket holds a value at least: it has a level of its own.
const FIRST: usize = LEVELS;
const SIZES: usize = 33;
/// How a count's size differs from what is expected, in half octaves to both sides.
const OFF: i32 = 9;
const OFFS: usize = 19;
/// Bits below the first one that are learned.
const LEARNED: u32 = 2;
/// Counts and expectations are reckoned in 1/256.
const POINT: u32 = 8;
/// What was expected at first is worth so many counts.
const TRUST: u32 = 3;

/// What is known of a series' sketches.
#[derive(Debug)]
pub(super) struct Cells {
    sizes: Box<[[Chance; SIZES]; LEVELS + 1]>,
    below: [[Chance; 1 << LEARNED]; OFFS],
    /// Counts of the hours before, the last ones most, from a bucket on.
    past: Vec<u64>,
    from: i64,
}

impl Default for Cells {
    fn default() -> Self {
        Self {
            sizes: Box::new(START),
            below: [[Chance::default(); 1 << LEARNED]; OFFS],
            past: Vec::new(),
            from: 0,
        }
    }
}

/// How likely a count has more bits than this, before anything was seen.
#[expect(
    clippy::cast_possible_truncation,
    reason = "sizes are below 40, and probabilities below 65,536"
)]
static START: [[Chance; SIZES]; LEVELS + 1] = {
    let mut start = [[Chance::expecting(1 << 15, TRUST); SIZES]; LEVELS + 1];
    let mut level = 0;
    while level < LEVELS {
        // In the middle of the level, above the sixteenth that was added.
        let double = level as u64 + 10;
        let middle = ((2 + double % 2) << (double / 2)) / 4 * 9 / 8;
        let expected = middle.saturating_sub(16) + 4;
        let mut size = 0;
        while size < SIZES {
            let (part, other) = if size == 0 {
                (expected as u128, 154)
            } else {
                let (more, bound) = ((expected + 128) as u128, 1_u128 << (size as u32 + POINT));
                (more * more, bound * bound)
            };
            let probability = (part * 65_536 / (part + other)) as u32;
            let probability = if probability < 2_000 {
                2_000
            } else if probability > 63_500 {
                63_500
            } else {
                probability
            };
            start[level][size] = Chance::expecting(probability, TRUST);
            size += 1;
        }
        level += 1;
    }
    start
};

impl Cells {
    /// How many buckets the past is about.
    pub(super) fn reach(&self) -> usize {
        self.past.len()
    }

    /// Codes the counts of the buckets from `first` on, `width` of them, together `all`: the first and the last are never 0.
    /// `None`: no writer wrote this.
    pub(super) fn code(
        &mut self,
        bits: &mut impl Bits,
        given: Option<&[u32]>,
        (first, width): (i64, usize),
        all: u32,
    ) -> Option<Vec<u32>> {
        let mut counts: Vec<u32> = Vec::with_capacity(width);
        let total: u64 = self.past.iter().sum();
        // What the past's counts are worth in this hour, with the weights that neighbours have.
        let worth = (u128::from(all) << (POINT + 32)) / u128::from(9 * total.max(1));
        let mut left = all;
        let mut last = [0_u64; 2];
        for place in 0..width {
            let count = if place + 1 == width {
                left
            } else {
                let cells = (width - place) as u64;
                let even = (u64::from(left) << POINT) / cells;
                let near = match place {
                    0 => even,
                    1 => last[0] << POINT,
                    _ => ((2 * last[0] + last[1]) << POINT) / 3,
                };
                let expected = if total == 0 {
                    near.midpoint(even)
                } else {
                    (13 * self.expected(first + i64::try_from(place).ok()?, worth) + 5 * near + 2 * even) / 20
                };
                let level = if place == 0 { FIRST } else { level(expected) };
                let least = u32::from(place == 0);
                let count = given.map_or(0, |given| given[place].wrapping_sub(least));
                self.count(bits, count, level, left.checked_sub(least)?)?
                    .checked_add(least)?
            };
            left = left.checked_sub(count)?;
            last = [count.into(), last[0]];
            counts.push(count);
        }
        if left != 0 || counts.last() == Some(&0) {
            return None;
        }
        self.remember(first, &counts, all);
        Some(counts)
    }

    /// What the past lets expect in a bucket.
    fn expected(&self, bucket: i64, worth: u128) -> u64 {
        let place = bucket - self.from;
        let at = |off: i64| {
            let place = usize::try_from(place + off).ok();
            place.and_then(|place| self.past.get(place)).copied().unwrap_or(0)
        };
        let weighed = at(-2) + 2 * at(-1) + 3 * at(0) + 2 * at(1) + at(2);
        u64::try_from((u128::from(weighed) * worth) >> 32)
            .unwrap_or(u64::MAX >> 8)
            .min(u64::MAX >> 8)
    }

    fn count(&mut self, bits: &mut impl Bits, count: u32, level: usize, most: u32) -> Option<u32> {
        let size = size_of(count.into());
        let mut read = 0_u32;
        for (place, chance) in (0..32).zip(&mut self.sizes[level]) {
            // So large it can't be.
            if most < 1 << place || !chance.code(bits, size > place) {
                break;
            }
            read = place + 1;
        }
        if read < 2 {
            return Some(read);
        }
        let level = i32::try_from(level).ok()?;
        let off = (level - 2 * i32::try_from(read).ok()?).clamp(-OFF, OFF) + OFF;
        let chances = &mut self.below[usize::try_from(off).ok()?];
        let below = read - 1;
        let (mut node, mut value) = (1_usize, 1_u32);
        for place in (below - below.min(LEARNED)..below).rev() {
            let bit = chances[node].code(bits, count >> place & 1 == 1);
            node = (node << 1 | usize::from(bit)) & ((1 << LEARNED) - 1);
            value = value << 1 | u32::from(bit);
        }
        let rest = below - below.min(LEARNED);
        let plain = bits.plain(u64::from(count) & ((1 << rest) - 1), rest);
        let value = u64::from(value) << rest | plain;
        u32::try_from(value).ok().filter(|value| *value <= most)
    }

    /// Lets the past fade, and adds what this hour had.
    fn remember(&mut self, first: i64, counts: &[u32], all: u32) {
        let total: u64 = self.past.iter().sum();
        if total == 0 {
            self.from = first;
            self.past = counts.iter().map(|count| u64::from(*count) << POINT).collect();
            return;
        }
        let len = |len: usize| i64::try_from(len).unwrap_or(0);
        let from = self.from.min(first);
        let end = (self.from + len(self.past.len())).max(first + len(counts.len()));
        let mut next = vec![0; usize::try_from(end - from).unwrap_or(0)];
        let worth = (u128::from(all) << (POINT + 32)) / u128::from(total);
        let place = |bucket: i64| usize::try_from(bucket - from).unwrap_or(0);
        for (past, next) in self.past.iter().zip(&mut next[place(self.from)..]) {
            *next = u64::try_from((u128::from(*past) * worth) >> 32).unwrap_or(0) * 11 / 16;
        }
        for (count, next) in counts.iter().zip(&mut next[place(first)..]) {
            *next += (u64::from(*count) << POINT) * 5 / 16;
        }
        (self.from, self.past) = (from, next);
    }
}

/// Which level an expectation has.
fn level(expected: u64) -> usize {
    let shifted = expected + 16;
    let size = size_of(shifted);
    let half = usize::from(shifted >> (size - 2) & 1 == 1);
    (2 * size as usize + half - 10).min(LEVELS - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chunk::range::{Source, Writer};

    proptest! {
        #[test]
        fn reading_undoes_writing(
            hours in prop::collection::vec((-30..30_i64, prop::collection::vec(prop_oneof![Just(0), 0..9_u32, 0..1_000_000_u32], 1..80)), 0..24),
        ) {
            let hours: Vec<(i64, Vec<u32>)> = hours
                .into_iter()
                .map(|(first, mut counts)| {
                    let end = counts.len() - 1;
                    counts[0] += 1;
                    counts[end] += 1;
                    (first, counts)
                })
                .collect();
            let (mut writer, mut cells) = (Writer::new(), Cells::default());
            for (first, counts) in &hours {
                let written = cells.code(&mut writer, Some(counts), (*first, counts.len()), counts.iter().sum());
                prop_assert_eq!(written.as_ref(), Some(counts));
            }
            let bytes = writer.finish();
            let (mut source, mut cells) = (Source::new(&bytes), Cells::default());
            for (first, counts) in &hours {
                let read = cells.code(&mut source, None, (*first, counts.len()), counts.iter().sum());
                prop_assert_eq!(read.as_ref(), Some(counts));
            }
        }
    }
}
