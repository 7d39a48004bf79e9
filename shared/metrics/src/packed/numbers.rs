//! Whole numbers of one kind, few of them: how many bits a magnitude has is told by how far that is from what is expected.

use crate::chunk::range::{Bits, Chance};

/// Steps away from the expected size that are learned each by itself.
const STEPS: usize = 12;

/// What is known of a kind of numbers.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    is_expected: Chance,
    is_larger: Chance,
    farther: [[Chance; STEPS]; 2],
    sign: Chance,
    /// The usual size, in 1/16.
    usual: Option<u32>,
}

impl Numbers {
    /// Codes a number whose size is expected to be like those before. `None`: no writer wrote this.
    pub(super) fn code(&mut self, bits: &mut impl Bits, number: i64) -> Option<i64> {
        let expected = self.usual.map_or(0, |usual| (usual + 8) >> 4);
        let number = self.code_near(bits, number, expected)?;
        let size = size_of(number.unsigned_abs()) << 4;
        self.usual = Some(self.usual.map_or(size, |usual| (3 * usual + size) / 4));
        Some(number)
    }

    /// Codes a number that is expected to have so many bits.
    pub(super) fn code_near(&mut self, bits: &mut impl Bits, number: i64, expected: u32) -> Option<i64> {
        let size = self.size(bits, size_of(number.unsigned_abs()), expected.min(64))?;
        if size == 0 {
            return Some(0);
        }
        let negative = self.sign.code(bits, number < 0);
        let below = size - 1;
        let highest = 1_u64 << below;
        let magnitude = highest | bits.plain(number.unsigned_abs() & (highest - 1), below);
        Some(
            if negative {
                magnitude.wrapping_neg()
            } else {
                magnitude
            }
            .cast_signed(),
        )
    }

    fn size(&mut self, bits: &mut impl Bits, size: u32, expected: u32) -> Option<u32> {
        if self.is_expected.code(bits, size == expected) {
            return Some(expected);
        }
        let larger = self.is_larger.code(bits, size > expected);
        let wanted = size.abs_diff(expected);
        let mut away = 1;
        for step in 0.. {
            if away > 64 {
                return None;
            }
            let chance = &mut self.farther[usize::from(larger)][STEPS.min(step + 1) - 1];
            if !chance.code(bits, wanted > away) {
                break;
            }
            away += 1;
        }
        let size = if larger {
            expected + away
        } else {
            expected.checked_sub(away)?
        };
        (size <= 64).then_some(size)
    }
}

/// How many bits a magnitude has.
pub(super) const fn size_of(magnitude: u64) -> u32 {
    64 - magnitude.leading_zeros()
}

/// Codes a number below `count`, each as likely as another.
pub(super) fn uniform(bits: &mut impl Bits, number: u64, count: u64) -> u64 {
    let (mut from, mut left) = (0, count);
    while left > 1 {
        let half = left / 2;
        if share(bits, number < from + half, half.into(), left.into()) {
            left = half;
        } else {
            from += half;
            left -= half;
        }
    }
    from
}

/// Codes a bit that is 1 in `part` of `all`; nothing where that is certain.
pub(super) fn share(bits: &mut impl Bits, bit: bool, part: u128, all: u128) -> bool {
    if part == 0 || part >= all {
        return part != 0;
    }
    let probability = u32::try_from((part << 16) / all).unwrap_or(1 << 15);
    bits.bit(bit, probability.clamp(1, 65_535))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chunk::range::{Source, Writer};

    proptest! {
        #[test]
        fn reading_undoes_writing(numbers in prop::collection::vec((prop_oneof![any::<i64>(), -9..9_i64], 0..70_u32, 1..u64::MAX), 0..60)) {
            let (mut writer, mut kind) = (Writer::new(), Numbers::default());
            for (number, expected, count) in &numbers {
                kind.code(&mut writer, *number).unwrap();
                kind.code_near(&mut writer, *number, *expected).unwrap();
                uniform(&mut writer, number.unsigned_abs() % count, *count);
            }
            let bytes = writer.finish();
            let (mut source, mut kind) = (Source::new(&bytes), Numbers::default());
            for (number, expected, count) in &numbers {
                prop_assert_eq!(kind.code(&mut source, 0), Some(*number));
                prop_assert_eq!(kind.code_near(&mut source, 0, *expected), Some(*number));
                prop_assert_eq!(uniform(&mut source, 0, *count), number.unsigned_abs() % count);
            }
        }
    }
}
