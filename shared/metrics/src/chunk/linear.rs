//! A column told by others: a weighted sum of theirs and of its own values before, rounded down.
//!
//! Packets follow bytes, used inodes follow used space, the share of the kernel is what is left of the CPU's. Which columns
//! tell most about one, and with which weights, is found by least squares when a day is packed, and written down; reading needs whole numbers alone.

use super::coder::{Coder, MAX_DEPTH, depth_for, size_of};
use super::counted::Divisors;
use super::range::{Bits, Source, Writer};
use crate::{
    DecodeError,
    sample::MAX_COLUMNS,
    wire::{Reader, put_i64, put_len, put_u64},
};

/// Weights are in so small parts of one.
pub(super) const SCALE: u32 = 32;
/// Columns and earlier values that a sum is made of.
pub(super) const MAX_TERMS: usize = 24;

/// What a term takes its values from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// The column itself, so many rows before: one or two.
    Own(u8),
    /// The term's column in the same row.
    Other(usize),
    /// The same, one row before.
    Before(usize),
}

/// How a column is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Linear {
    /// Every value is this, and a multiple of the step more.
    pub(super) base: i64,
    pub(super) step: u64,
    /// What the sum begins with.
    pub(super) bias: i64,
    pub(super) terms: Vec<(Of, i64)>,
    /// A column whose storms come together with this one's.
    pub(super) companion: Option<usize>,
}

impl Linear {
    /// The columns that must be there first.
    pub(super) fn needs(&self) -> impl Iterator<Item = usize> {
        let terms = self.terms.iter().filter_map(|(of, _)| match of {
            Of::Own(_) => None,
            Of::Other(place) | Of::Before(place) => Some(*place),
        });
        terms.chain(self.companion)
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_i64(out, self.base);
        put_u64(out, self.step);
        put_i64(out, self.bias);
        put_len(out, self.companion.map_or(0, |place| place + 1));
        put_len(out, self.terms.len());
        for (of, weight) in &self.terms {
            put_len(
                out,
                match of {
                    Of::Own(lag) => usize::from(*lag),
                    Of::Other(place) => 4 + 2 * place,
                    Of::Before(place) => 5 + 2 * place,
                },
            );
            put_i64(out, *weight);
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (base, step, bias) = (reader.i64()?, reader.u64()?, reader.i64()?);
        let number = |reader: &mut Reader<'_>, most: usize| {
            let number = usize::try_from(reader.u64()?).ok();
            number
                .filter(|number| *number <= most)
                .ok_or(DecodeError::TooLarge("a sum's number"))
        };
        let companion = number(reader, MAX_COLUMNS)?.checked_sub(1);
        let count = number(reader, MAX_TERMS)?;
        let mut terms = Vec::with_capacity(count);
        for _ in 0..count {
            let of = match number(reader, 2 * MAX_COLUMNS + 5)? {
                1 => Of::Own(1),
                2 => Of::Own(2),
                other if other >= 4 && other % 2 == 0 => Of::Other((other - 4) / 2),
                other if other >= 5 => Of::Before((other - 5) / 2),
                _ => return Err(DecodeError::Malformed("a term")),
            };
            terms.push((of, reader.i64()?));
        }
        Ok(Self {
            base,
            step,
            bias,
            terms,
            companion,
        })
    }

    /// Codes `count` values (by divisors the numbers that they were), which a writer gives and a reader makes. `columns` has
    /// those that are needed, as long as this one.
    fn code<'a>(
        &self,
        line: &mut impl Line,
        given: Option<&[i64]>,
        count: usize,
        divisors: Option<&Divisors>,
        columns: impl Fn(usize) -> Option<&'a [i64]>,
    ) -> Option<Vec<i64>> {
        let mut others = Vec::with_capacity(self.terms.len());
        let mut own = [0_i128; 2];
        for (of, weight) in &self.terms {
            let weight = i128::from(*weight);
            match of {
                Of::Own(lag) => own[usize::from(*lag) - 1] += weight,
                Of::Other(place) => others.push((columns(*place)?, 0, weight)),
                Of::Before(place) => others.push((columns(*place)?, 1, weight)),
            }
        }
        let companion = match self.companion {
            Some(place) => columns(place)?,
            None => &[],
        };
        let mut values = Vec::with_capacity(count);
        let mut before = [0_i64; 2];
        for row in 0..count {
            let mut sum = i128::from(self.bias);
            for (column, lag, weight) in &others {
                let value = i128::from(*column.get(row.saturating_sub(*lag))?);
                sum = sum.wrapping_add(value.wrapping_mul(*weight));
            }
            for (weight, value) in own.iter().zip(before) {
                sum = sum.wrapping_add(weight.wrapping_mul(value.into()));
            }
            let predicted = sum >> SCALE;
            let predicted = predicted.clamp(i64::MIN.into(), i64::MAX.into());
            let predicted = i64::try_from(predicted).unwrap_or(0);
            let moved = match (companion.get(row), companion.get(row.saturating_sub(1))) {
                (Some(now), Some(before)) => size_of(now.abs_diff(*before)),
                _ => 0,
            };
            let value = given.map_or(0, |given| given[row]);
            let value = if let Some(divisors) = divisors {
                let expected = divisors.count(self.value(predicted), row);
                let count = divisors.count(value, row);
                let rest = line.number(count.wrapping_sub(expected), moved)?;
                let whole = divisors.value(expected.wrapping_add(rest), row);
                let remainder = value.wrapping_sub(whole);
                whole.wrapping_add(line.remainder(remainder, size_of(rest.unsigned_abs()))?)
            } else {
                let rest = line.number(self.multiple(value).wrapping_sub(predicted), moved)?;
                self.value(predicted.wrapping_add(rest))
            };
            before = [self.multiple(value), before[0]];
            values.push(value);
        }
        Some(values)
    }

    const fn value(&self, multiple: i64) -> i64 {
        self.base
            .wrapping_add(multiple.wrapping_mul(self.step.cast_signed()))
    }

    /// How many steps a value is above the base. The difference may need all 64 bits.
    pub(super) fn multiple(&self, value: i64) -> i64 {
        if let (Some(above), Ok(step)) = (value.checked_sub(self.base), i64::try_from(self.step)) {
            return above / step.max(1);
        }
        let steps = (i128::from(value) - i128::from(self.base)) / i128::from(self.step.max(1));
        wrapped(steps)
    }

    /// The column's bytes; none if a column is missing that it is told by.
    pub(super) fn write<'a>(
        &self,
        values: &[i64],
        divisors: Option<&Divisors>,
        columns: impl Fn(usize) -> Option<&'a [i64]>,
    ) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        self.encode(&mut out);
        let mut measure = Measure::default();
        self.code(&mut measure, Some(values), values.len(), divisors, &columns)?;
        let depths = [depth_for(measure.largest), depth_for(measure.largest_remainder)];
        put_u64(&mut out, u64::from(depths[0] | depths[1] << 3));
        let mut coding = Coding::new(Writer::new(), depths);
        self.code(&mut coding, Some(values), values.len(), divisors, &columns)?;
        out.extend_from_slice(&coding.bits.finish());
        Some(out)
    }

    pub(super) fn read<'a>(
        &self,
        bytes: &[u8],
        count: usize,
        divisors: Option<&Divisors>,
        columns: impl Fn(usize) -> Option<&'a [i64]>,
    ) -> Option<Vec<i64>> {
        let mut reader = Reader::new(bytes);
        let depths = u32::try_from(reader.u64().ok()?).ok()?;
        let bits = reader.bytes(reader.remaining()).ok()?;
        let mut coding = Coding::new(Source::new(bits), [depths & MAX_DEPTH, depths >> 3 & MAX_DEPTH]);
        self.code(&mut coding, None, count, divisors, columns)
    }
}

/// Where numbers go to or come from.
trait Line {
    /// What a sum didn't tell; `moved` is how much its companion moved.
    fn number(&mut self, number: i64, moved: u32) -> Option<i64>;

    /// What a number that was counted doesn't explain; `size` is how many bits that number has.
    fn remainder(&mut self, number: i64, size: u32) -> Option<i64>;
}

/// Looks how large they are.
#[derive(Default)]
struct Measure {
    largest: u32,
    largest_remainder: u32,
}

impl Line for Measure {
    fn number(&mut self, number: i64, _: u32) -> Option<i64> {
        self.largest = self.largest.max(size_of(number.unsigned_abs()));
        Some(number)
    }

    fn remainder(&mut self, number: i64, _: u32) -> Option<i64> {
        self.largest_remainder = self.largest_remainder.max(size_of(number.unsigned_abs()));
        Some(number)
    }
}

/// Writes or reads them.
struct Coding<B> {
    bits: B,
    numbers: Coder,
    remainders: Coder,
}

impl<B: Bits> Coding<B> {
    fn new(bits: B, [numbers, remainders]: [u32; 2]) -> Self {
        Self {
            bits,
            numbers: Coder::new(numbers),
            remainders: Coder::new(remainders),
        }
    }
}

impl<B: Bits> Line for Coding<B> {
    fn number(&mut self, number: i64, moved: u32) -> Option<i64> {
        self.numbers.code(&mut self.bits, number, moved)
    }

    fn remainder(&mut self, number: i64, size: u32) -> Option<i64> {
        self.remainders.code(&mut self.bits, number, size)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "what is left out comes back by wrapping"
)]
const fn wrapped(number: i128) -> i64 {
    number as i64
}
