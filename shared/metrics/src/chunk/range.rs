//! Bits by their probability: a binary arithmetic coder, and what learns the probabilities while it goes.
//!
//! Everything is reckoned in integers, so that every machine reads what another one wrote.

/// One, as a probability.
const ONE: i32 = 1 << 12;
/// Models that are mixed for a bit.
pub(crate) const INPUTS: usize = 3;

/// Where a coder's bits go to or come from: the same model drives both.
pub(crate) trait Bits {
    /// Codes a bit that is 1 with this probability out of 65,536. A writer takes it, a reader gives it.
    fn bit(&mut self, bit: bool, probability: u32) -> bool;

    /// Codes the lowest bits of a number as they are.
    fn plain(&mut self, value: u64, bits: u32) -> u64 {
        let mut read = 0;
        for end in (0..bits).rev().step_by(PLAIN as usize) {
            // From the highest bits on, some at a time.
            let first = (end + 1).saturating_sub(PLAIN);
            let count = end + 1 - first;
            read = read << count | self.some(value >> first & ((1 << count) - 1), count);
        }
        read
    }

    /// Codes some equally likely bits.
    fn some(&mut self, value: u64, count: u32) -> u64;
}

/// Plain bits that are coded together.
const PLAIN: u32 = 16;
/// In a narrower range they are coded one by one.
const NARROW: u64 = 1 << 40;

fn one_by_one(bits: &mut impl Bits, value: u64, count: u32) -> u64 {
    (0..count).rev().fold(0, |read, place| {
        read << 1 | u64::from(bits.bit(value >> place & 1 == 1, 1 << 15))
    })
}

/// Writes bits.
#[derive(Debug)]
pub(crate) struct Writer {
    low: u64,
    high: u64,
    out: Vec<u8>,
}

impl Writer {
    pub(crate) const fn new() -> Self {
        Self {
            low: 0,
            high: u64::MAX,
            out: Vec::new(),
        }
    }

    fn settle(&mut self) {
        while (self.low ^ self.high) >> 56 == 0 {
            self.out.push(self.high.to_be_bytes()[0]);
            self.low <<= 8;
            self.high = self.high << 8 | 0xff;
        }
    }

    /// The bytes, no more than are needed: a reader goes on with zeros.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        for kept in (8..=64).step_by(8) {
            let end = if kept == 64 {
                self.high
            } else {
                self.high >> (64 - kept) << (64 - kept)
            };
            if end >= self.low {
                self.out.extend_from_slice(&end.to_be_bytes()[..kept / 8]);
                break;
            }
        }
        while self.out.last() == Some(&0) {
            self.out.pop();
        }
        self.out
    }
}

impl Bits for Writer {
    fn bit(&mut self, bit: bool, probability: u32) -> bool {
        let middle = self.low + ((self.high - self.low) >> 16) * u64::from(probability);
        if bit {
            self.high = middle;
        } else {
            self.low = middle + 1;
        }
        self.settle();
        bit
    }

    fn some(&mut self, value: u64, count: u32) -> u64 {
        let range = self.high - self.low;
        if range < NARROW {
            return one_by_one(self, value, count);
        }
        self.low += (range >> count) * value;
        self.high = self.low + ((range >> count) - 1);
        self.settle();
        value
    }
}

/// Reads bits; beyond its end there are zeros.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    low: u64,
    high: u64,
    at: u64,
    rest: std::slice::Iter<'a, u8>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let mut rest = bytes.iter();
        let at = (0..8).fold(0, |at, _| at << 8 | u64::from(rest.next().copied().unwrap_or(0)));
        Self {
            low: 0,
            high: u64::MAX,
            at,
            rest,
        }
    }
}

impl Source<'_> {
    fn settle(&mut self) {
        while (self.low ^ self.high) >> 56 == 0 {
            self.low <<= 8;
            self.high = self.high << 8 | 0xff;
            self.at = self.at << 8 | u64::from(self.rest.next().copied().unwrap_or(0));
        }
    }
}

impl Bits for Source<'_> {
    fn bit(&mut self, _: bool, probability: u32) -> bool {
        let middle = self.low + ((self.high - self.low) >> 16) * u64::from(probability);
        let bit = self.at <= middle;
        if bit {
            self.high = middle;
        } else {
            self.low = middle + 1;
        }
        self.settle();
        bit
    }

    fn some(&mut self, _: u64, count: u32) -> u64 {
        let range = self.high - self.low;
        if range < NARROW {
            return one_by_one(self, 0, count);
        }
        // Beyond the last part lies what no writer writes.
        let value = (self.at.saturating_sub(self.low) / (range >> count)).min((1 << count) - 1);
        self.low += (range >> count) * value;
        self.high = self.low + ((range >> count) - 1);
        self.settle();
        value
    }
}

/// How likely a bit is 1, learned from those before: quickly at first, then from the last few hundred. Out of 2^22, and below
/// that in ten bits from how many.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chance(u32);

const SEEN_BITS: u32 = 10;

impl Default for Chance {
    fn default() -> Self {
        Self(1 << 31)
    }
}

/// After so many bits older ones are forgotten.
const MEMORY: usize = 1_000;
/// By how much a bit moves what was learned from so many, out of 65,536.
const STEPS: [i64; MEMORY + 1] = {
    let mut steps = [0; MEMORY + 1];
    let (mut seen, mut halves) = (0, 3);
    while seen <= MEMORY {
        steps[seen] = (2 << 16) / halves;
        seen += 1;
        halves += 2;
    }
    steps
};

impl Chance {
    /// What is expected before anything was seen, out of 65,536, as if it were learned from so many bits.
    pub(crate) const fn expecting(probability: u32, seen: u32) -> Self {
        Self(probability << 16 | seen)
    }

    /// Out of 4,096.
    const fn rough(self) -> usize {
        (self.0 >> 20) as usize
    }

    fn learn(&mut self, bit: bool) {
        let (probability, seen) = (self.0 >> SEEN_BITS, self.0 & ((1 << SEEN_BITS) - 1));
        let target = if bit { (1 << 22) - 1 } else { 0 };
        let step = (target - i64::from(probability)) * STEPS[seen as usize] / (1 << 16);
        let probability = u32::try_from(i64::from(probability) + step).unwrap_or(1 << 21);
        let seen = if (seen as usize) < MEMORY { seen + 1 } else { seen };
        self.0 = probability << SEEN_BITS | seen;
    }

    /// Codes a bit by this alone.
    pub(crate) fn code(&mut self, bits: &mut impl Bits, bit: bool) -> bool {
        let bit = bits.bit(bit, (self.0 >> 16).clamp(16, 65_520));
        self.learn(bit);
        bit
    }
}

/// Weighs what several chances say, and learns which of them is right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mixer {
    weights: [i32; INPUTS],
}

impl Default for Mixer {
    fn default() -> Self {
        Self {
            weights: [(1 << 16) * 2 / 5; INPUTS],
        }
    }
}

impl Mixer {
    const RATE: i32 = 2;

    /// Codes a bit.
    pub(crate) fn code(&mut self, bits: &mut impl Bits, chances: [&mut Chance; INPUTS], bit: bool) -> bool {
        let said = chances
            .each_ref()
            .map(|chance| i32::from(STRETCHED[chance.rough()]));
        let sum: i64 = said
            .iter()
            .zip(self.weights)
            .map(|(said, weight)| i64::from(*said) * i64::from(weight))
            .sum();
        let mixed = squash(i32::try_from((sum >> 16).clamp(-2_047, 2_047)).unwrap_or(0));
        let probability = u32::try_from(mixed * 16 + 8).unwrap_or(1 << 15);
        let bit = bits.bit(bit, probability.clamp(24, 65_512));
        let error = (i32::from(bit) * ONE - mixed) * Self::RATE;
        for (weight, said) in self.weights.iter_mut().zip(said) {
            *weight = (*weight + ((said * error + (1 << 9)) >> 10)).clamp(-(1 << 22), 1 << 22);
        }
        for chance in chances {
            chance.learn(bit);
        }
        bit
    }
}

/// The logarithm of the odds, in 1/256, of each probability out of 4,096.
static STRETCHED: [i16; 4_096] = {
    let mut stretched = [0; 4_096];
    let (mut place, mut probability, mut odds) = (0, 0_i32, -2_047_i16);
    while place < 4_096 {
        while odds < 2_047 && squash(odds as i32) < probability {
            odds += 1;
        }
        stretched[place] = odds;
        place += 1;
        probability += 1;
    }
    stretched
};

/// The probability out of 4,096 that odds stand for; their logarithm is given in 1/256, between -2,047 and 2,047.
#[expect(
    clippy::cast_sign_loss,
    reason = "it is never negative, and a constant function can't try"
)]
const fn squash(odds: i32) -> i32 {
    const AT: [i32; 33] = [
        1, 2, 3, 6, 10, 16, 27, 45, 73, 120, 194, 310, 488, 747, 1_101, 1_546, 2_047, 2_549, 2_994, 3_348,
        3_607, 3_785, 3_901, 3_975, 4_022, 4_050, 4_068, 4_079, 4_085, 4_089, 4_092, 4_093, 4_094,
    ];
    let place = ((odds + 2_048) >> 7) as usize;
    let between = (odds + 2_048) & 127;
    (AT[place] * (128 - between) + AT[place + 1] * between + 64) >> 7
}
