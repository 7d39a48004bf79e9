//! Whole numbers that are mostly near zero, coded by what came before them.
//!
//! A number is how many bits its magnitude has, its sign, and its bits below the first. How many bits is told by three models that
//! are weighed against each other: how far the last numbers were from zero, the last two of them by themselves, and how much
//! another column moves in the same row. After a storm the next number is expected to be large, in a quiet night
//! nearly nothing is written.

use super::range::{Bits, Chance, INPUTS, Mixer};

/// How many bits a magnitude has is 0 to 64, told by up to seven bits.
pub(super) const MAX_DEPTH: u32 = 7;
/// Bits below the first one that are learned; those below are as good as random.
const LEARNED: u32 = 3;
const LEVELS: usize = 64;
const SIZES: usize = 24;
const COARSE: usize = 14;

/// What is known of a column's numbers so far.
#[derive(Debug)]
pub(super) struct Coder {
    /// Bits that tell a size: 0 if all numbers are 0.
    depth: u32,
    by_level: Vec<Chance>,
    by_last: Vec<Chance>,
    by_companion: Vec<Chance>,
    mixers: Vec<Mixer>,
    signs: [Chance; 3 * 16],
    mantissas: Vec<Chance>,
    /// Means of the last magnitudes, in 1/16: of a few, and of more.
    quick: u64,
    slow: u64,
    last: [u32; 2],
    last_sign: usize,
}

impl Coder {
    /// For numbers whose sizes `depth` bits tell, at most [`MAX_DEPTH`].
    pub(super) fn new(depth: u32) -> Self {
        let depth = depth.min(MAX_DEPTH);
        let nodes = 1 << depth;
        Self {
            depth,
            by_level: vec![Chance::default(); LEVELS * nodes],
            by_last: vec![Chance::default(); SIZES * COARSE * nodes],
            by_companion: vec![Chance::default(); SIZES * COARSE * nodes],
            mixers: vec![Mixer::default(); nodes],
            signs: [Chance::default(); 3 * 16],
            mantissas: vec![Chance::default(); 65 << LEARNED],
            quick: 0,
            slow: 0,
            last: [0; 2],
            last_sign: 0,
        }
    }

    /// Codes a number; `moved` is how many bits the change of the companion has in this row. `None`: no writer wrote this.
    pub(super) fn code(&mut self, bits: &mut impl Bits, number: i64, moved: u32) -> Option<i64> {
        let magnitude = number.unsigned_abs();
        let size = self.size(bits, size_of(magnitude), moved)?;
        let (magnitude, negative) = if size == 0 {
            (0, false)
        } else {
            let low = (size as usize).min(15);
            let negative = self.signs[self.last_sign * 16 + low].code(bits, number < 0);
            (self.mantissa(bits, magnitude, size), negative)
        };
        self.last_sign = if size == 0 { 0 } else { 1 + usize::from(negative) };
        self.last = [size, self.last[0]];
        let scaled = magnitude.min(u64::MAX >> 8) << 4;
        self.quick = self.quick - (self.quick >> 2) + (scaled >> 2);
        self.slow = self.slow - (self.slow >> 5) + (scaled >> 5);
        Some(
            if negative {
                magnitude.wrapping_neg()
            } else {
                magnitude
            }
            .cast_signed(),
        )
    }

    fn size(&mut self, bits: &mut impl Bits, size: u32, moved: u32) -> Option<u32> {
        let nodes = 1_usize << self.depth;
        let level = half_octaves(self.quick).min(LEVELS - 1) * nodes;
        let [last, before] = self.last.map(|size| size as usize);
        let last = (last.min(SIZES - 1) * COARSE + (before / 2).min(COARSE - 1)) * nodes;
        let slow = (half_octaves(self.slow) / 3).min(COARSE - 1);
        let companion = ((moved as usize).min(SIZES - 1) * COARSE + slow) * nodes;
        let mut node = 1_usize;
        for place in (0..self.depth).rev() {
            let chances: [&mut Chance; INPUTS] = [
                &mut self.by_level[level + node],
                &mut self.by_last[last + node],
                &mut self.by_companion[companion + node],
            ];
            let bit = self.mixers[node].code(bits, chances, size >> place & 1 == 1);
            node = node << 1 | usize::from(bit);
        }
        u32::try_from(node - nodes).ok().filter(|size| *size <= 64)
    }

    /// The magnitude, whose highest bit is known.
    fn mantissa(&mut self, bits: &mut impl Bits, magnitude: u64, size: u32) -> u64 {
        let below = size - 1;
        let learned = below.min(LEARNED);
        let (mut read, mut node) = (1_u64, 1_usize);
        for place in (below - learned..below).rev() {
            let chance = &mut self.mantissas[((size as usize) << LEARNED) + node];
            let bit = chance.code(bits, magnitude >> place & 1 == 1);
            node = node << 1 | usize::from(bit);
            read = read << 1 | u64::from(bit);
        }
        let rest = below - learned;
        if rest == 0 {
            return read;
        }
        read << rest | bits.plain(magnitude & ((1 << rest) - 1), rest)
    }
}

/// How many bits tell sizes up to this one.
pub(super) const fn depth_for(largest: u32) -> u32 {
    size_of(largest as u64)
}

/// How many bits a magnitude has.
pub(super) const fn size_of(magnitude: u64) -> u32 {
    64 - magnitude.leading_zeros()
}

/// The logarithm, in steps of a half.
fn half_octaves(mean: u64) -> usize {
    let size = size_of(mean);
    let half = if size < 2 { 0 } else { mean >> (size - 2) & 1 };
    2 * size as usize + usize::from(half == 1)
}
