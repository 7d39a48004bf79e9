//! Throttling of sign-in attempts, per account and per address. In memory: a restart forgives.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _, clock::DefaultClock};

use super::AccessError;

/// At most so many failures an account, then one more every [`REFILL`].
const PER_ACCOUNT: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// At most so many attempts an address.
const PER_ADDRESS: NonZeroU32 = NonZeroU32::new(60).unwrap();
const REFILL: Duration = Duration::from_secs(15);
const KEPT_KEYS: usize = 10_000;

/// Counts attempts.
#[derive(Debug)]
pub struct Throttle {
    accounts: DefaultKeyedRateLimiter<String>,
    addresses: DefaultKeyedRateLimiter<IpAddr>,
}

impl Default for Throttle {
    fn default() -> Self {
        let quota = |burst| {
            Quota::with_period(REFILL).map_or_else(|| Quota::per_minute(burst), |q| q.allow_burst(burst))
        };
        Self {
            accounts: RateLimiter::keyed(quota(PER_ACCOUNT)),
            addresses: RateLimiter::keyed(Quota::per_minute(PER_ADDRESS)),
        }
    }
}

impl Throttle {
    /// Counts one attempt for the account and the address; says how long to wait if it is one too many.
    pub(super) fn attempt(&self, account: &str, ip: Option<IpAddr>) -> Result<(), AccessError> {
        let now = DefaultClock::default().now();
        if self.accounts.len() > KEPT_KEYS {
            self.accounts.retain_recent();
        }
        if self.addresses.len() > KEPT_KEYS {
            self.addresses.retain_recent();
        }
        if let Some(ip) = ip {
            self.addresses
                .check_key(&ip)
                .map_err(|until| AccessError::Throttled(until.wait_time_from(now)))?;
        }
        self.accounts
            .check_key(&account.to_lowercase())
            .map_err(|until| AccessError::Throttled(until.wait_time_from(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_attempt_on_an_account_has_to_wait() {
        let throttle = Throttle::default();
        for _ in 0..10 {
            throttle.attempt("Ann", None).unwrap();
        }
        assert!(matches!(
            throttle.attempt("ann", None),
            Err(AccessError::Throttled(_))
        ));
        throttle.attempt("bob", None).unwrap();
    }
}
