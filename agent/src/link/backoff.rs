//! Full-jitter back-off: each wait is anything between nothing and a bound that doubles. A fleet that lost its
//! control plane so comes back spread out, not all at once.

use std::time::Duration;

use muster_base::random_array;

const FIRST: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(30);

/// How long to wait before the next attempt.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// A session was open: begin again with short waits.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The wait after another failure.
    pub(super) fn next(&mut self) -> Duration {
        let bound = FIRST
            .saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX))
            .min(LIMIT);
        self.failures = (self.failures + 1).min(16);
        jitter(Duration::ZERO, bound)
    }
}

/// Anything between two durations.
pub(super) fn jitter(from: Duration, to: Duration) -> Duration {
    let fraction = f64::from(u32::from_le_bytes(random_array())) / f64::from(u32::MAX);
    from + to.saturating_sub(from).mul_f64(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_limit_and_differ() {
        let longest = |failures| {
            (0..200)
                .map(|_| Backoff { failures }.next())
                .max()
                .unwrap_or_default()
        };
        assert!(longest(0) <= FIRST && longest(0) > FIRST / 2);
        assert!(longest(2) <= FIRST * 4 && longest(2) > FIRST * 2);
        assert!(longest(16) <= LIMIT && longest(16) > LIMIT / 2);
        let mut backoff = Backoff::default();
        for _ in 0..100 {
            assert!(backoff.next() <= LIMIT);
        }
    }
}
