//! Readings that were small numbers before the agent divided them.
//!
//! Disks read and write in blocks of 4 KiB, and an agent divides how many by the milliseconds that really went by; the kernel counts the
//! CPU's time in ticks, and an agent divides those of programs by all of them. So a reading that looks like any number
//! is a small one, the number of blocks or ticks, once what it was divided by is known; and that is the same for all
//! disks of a sample, or for all of the CPU's shares. It is found by trying which number makes all of them whole.

use super::coder::{Coder, MAX_DEPTH, depth_for, size_of};
use super::range::{Bits, Source, Writer};
use crate::{
    DecodeError, Kind,
    wire::{Reader, put_len, put_u64},
};

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    /// Blocks, in so many milliseconds.
    Blocks,
    /// Ticks of the CPU, out of so many.
    Ticks,
}

/// A disk's block in bytes, times the milliseconds of a second.
const BLOCK: i64 = 4_096 * 1_000;
/// A whole, in basis points.
const WHOLE: i64 = 10_000;
/// A core's tick in milliseconds.
const TICK_MS: i64 = 10;
/// An hour's interval with a thousand cores would be an unusual agent's.
const MAX_USUAL: i64 = 1 << 40;
/// Rows after which it is plain whether readings were counted.
const LOOKED: usize = 256;

/// What each sample's readings were divided by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Divisors {
    counted: Counted,
    /// Mostly it is this.
    usual: i64,
    /// And so much more in each row.
    more: Vec<i64>,
}

/// Which columns of a subject share their divisors, by a number for each; none are counted.
pub(super) fn family(kind: Kind, instance: &str) -> Option<(Counted, String)> {
    let blocks = [
        Kind::DISKIO_READ_BYTES,
        Kind::DISKIO_WRITE_BYTES,
        Kind::CONTAINER_IO_READ_BYTES,
        Kind::CONTAINER_IO_WRITE_BYTES,
    ];
    let shares = [
        Kind::CPU_TOTAL,
        Kind::CPU_USER,
        Kind::CPU_SYSTEM,
        Kind::CPU_IOWAIT,
        Kind::CPU_STEAL,
    ];
    if blocks.contains(&kind) {
        Some((Counted::Blocks, String::new()))
    } else if shares.contains(&kind) {
        Some((Counted::Ticks, String::new()))
    } else if kind == Kind::CPU_CORE {
        Some((Counted::Ticks, instance.to_owned()))
    } else {
        None
    }
}

impl Divisors {
    /// Those that make readings whole, if there are some for most rows. `cores` have the ticks that were counted.
    pub(super) fn find(counted: Counted, times: &[i64], cores: usize, columns: &[&[i64]]) -> Option<Self> {
        let interval = interval(times)?;
        let (usual, most) = match counted {
            Counted::Blocks => (interval, 60),
            Counted::Ticks => {
                let ticks = (interval / TICK_MS).checked_mul(i64::try_from(cores).ok()?)?;
                (ticks, 12)
            }
        };
        // What has no room for a fraction can't be found, and need not be.
        if usual <= most || usual > MAX_USUAL || counted == Counted::Ticks && usual * 2 > WHOLE {
            return None;
        }
        let mut found = Self {
            counted,
            usual,
            more: Vec::with_capacity(times.len()),
        };
        let (mut whole, mut moving) = (0_usize, 0_usize);
        for row in 0..times.len() {
            let fits = |more: &i64| {
                columns.iter().all(|column| {
                    let (value, divisor) = (column[row], usual + more);
                    value >= 0 && found.value_by(found.count_by(value, divisor), divisor) == value
                })
            };
            let more = (0..=most).flat_map(|by| [by, -by]).find(fits);
            if columns.iter().any(|column| column[row] > 0) {
                moving += 1;
                whole += usize::from(more.is_some());
                if moving % LOOKED == 0 && whole * 10 < moving * 9 {
                    return None;
                }
            }
            found.more.push(more.unwrap_or(0));
        }
        (moving > 0 && whole * 10 > moving * 9).then_some(found)
    }

    fn divisor(&self, row: usize) -> i64 {
        let more = self.more.get(row).copied().unwrap_or(0);
        self.usual.saturating_add(more).max(1)
    }

    /// The number that a reading was made of, or the nearest.
    pub(super) fn count(&self, value: i64, row: usize) -> i64 {
        self.count_by(value, self.divisor(row))
    }

    /// The reading that an agent makes of a number.
    pub(super) fn value(&self, count: i64, row: usize) -> i64 {
        self.value_by(count, self.divisor(row))
    }

    fn count_by(&self, value: i64, divisor: i64) -> i64 {
        match self.counted {
            Counted::Blocks => divided(value, divisor, BLOCK / 2, BLOCK),
            // An agent rounds down, so this is rounded up.
            Counted::Ticks => divided(value, divisor, WHOLE - 1, WHOLE),
        }
    }

    fn value_by(&self, count: i64, divisor: i64) -> i64 {
        match self.counted {
            Counted::Blocks => divided(count, BLOCK, divisor / 2, divisor),
            Counted::Ticks => divided(count, WHOLE, 0, divisor),
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) -> Option<()> {
        let mut writer = Writer::new();
        let depth = depth_for(
            self.more
                .iter()
                .map(|more| size_of(more.unsigned_abs()))
                .max()
                .unwrap_or(0),
        );
        code(&mut writer, depth, Some(&self.more), self.more.len())?;
        let bytes = writer.finish();
        out.push(match self.counted {
            Counted::Blocks => 1,
            Counted::Ticks => 2,
        });
        put_u64(out, self.usual.unsigned_abs());
        put_u64(out, depth.into());
        put_len(out, bytes.len());
        out.extend_from_slice(&bytes);
        Some(())
    }

    pub(super) fn decode(reader: &mut Reader<'_>, rows: usize) -> Result<Self, DecodeError> {
        let wrong = DecodeError::Malformed("divisors");
        let counted = match reader.u8()? {
            1 => Counted::Blocks,
            2 => Counted::Ticks,
            _ => return Err(wrong),
        };
        let usual = i64::try_from(reader.u64()?)
            .ok()
            .filter(|usual| *usual <= MAX_USUAL);
        let usual = usual.ok_or(wrong)?;
        let depth = u32::try_from(reader.u64()?)
            .ok()
            .filter(|depth| *depth <= MAX_DEPTH);
        let depth = depth.ok_or(wrong)?;
        let len = reader.count(usize::MAX, "divisors")?;
        let more = code(&mut Source::new(reader.bytes(len)?), depth, None, rows).ok_or(wrong)?;
        Ok(Self { counted, usual, more })
    }
}

/// `(number * factor + more) / by`, rounded down; 0 where that is too large for what was ever counted.
fn divided(number: i64, factor: i64, more: i64, by: i64) -> i64 {
    if let Some(product) = number
        .checked_mul(factor)
        .and_then(|product| product.checked_add(more))
    {
        return product.div_euclid(by);
    }
    let product = i128::from(number) * i128::from(factor) + i128::from(more);
    i64::try_from(product.div_euclid(by.into())).unwrap_or(0)
}

fn code(bits: &mut impl Bits, depth: u32, given: Option<&[i64]>, rows: usize) -> Option<Vec<i64>> {
    let mut coder = Coder::new(depth);
    (0..rows)
        .map(|row| coder.code(bits, given.map_or(0, |given| given[row]), 0))
        .collect()
}

/// What most samples are apart.
fn interval(times: &[i64]) -> Option<i64> {
    let mut apart: Vec<i64> = times
        .windows(2)
        .map(|pair| pair[1].saturating_sub(pair[0]))
        .collect();
    apart.sort_unstable();
    let middle = *apart.get(apart.len() / 2)?;
    (middle > 0 && middle <= MAX_USUAL).then_some(middle)
}
