//! How often the webhook may be called. In memory: a restart forgives.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZeroU32,
};

use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use muster_base::{ApplicationId, GitHookId};
use uuid::Uuid;

use super::DeliveryError;
use crate::config::DeliveryConfig;

const KEPT_KEYS: usize = 10_000;

/// Counts calls.
pub(super) struct Limits {
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    /// Applications, and Git hooks of projects.
    owners: DefaultKeyedRateLimiter<Uuid>,
}

impl Limits {
    pub(super) fn new(config: &DeliveryConfig) -> Self {
        let quota = |per_minute| Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN));
        Self {
            addresses: RateLimiter::keyed(quota(config.webhook_per_address_per_minute)),
            owners: RateLimiter::keyed(quota(config.webhook_per_application_per_minute)),
        }
    }

    /// Counts a call from an address, whatever comes of it.
    pub(super) fn address(&self, ip: Option<IpAddr>) -> Result<(), DeliveryError> {
        take(&self.addresses, &network(ip))
    }

    /// Counts a call for an application. Only calls whose token holds: nobody else can use up its share.
    pub(super) fn application(&self, id: ApplicationId) -> Result<(), DeliveryError> {
        take(&self.owners, id.as_uuid())
    }

    /// Counts a call for a project's Git hook, likewise.
    pub(super) fn hook(&self, id: GitHookId) -> Result<(), DeliveryError> {
        take(&self.owners, id.as_uuid())
    }
}

fn take<K: Clone + Eq + std::hash::Hash>(
    limiter: &DefaultKeyedRateLimiter<K>,
    key: &K,
) -> Result<(), DeliveryError> {
    if limiter.len() > KEPT_KEYS {
        limiter.retain_recent();
    }
    limiter
        .check_key(key)
        .map_err(|until| DeliveryError::RateLimited {
            retry_after: until.wait_time_from(DefaultClock::default().now()),
        })
}

/// An IPv6 caller has a whole /64 of addresses to come from.
fn network(ip: Option<IpAddr>) -> IpAddr {
    match ip {
        Some(IpAddr::V6(ip)) => {
            let s = ip.segments();
            IpAddr::V6(Ipv6Addr::new(s[0], s[1], s[2], s[3], 0, 0, 0, 0))
        }
        Some(ip @ IpAddr::V4(_)) => ip,
        None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_s_share_ends_and_a_neighbour_in_the_same_64_shares_it() {
        let limits = Limits::new(&DeliveryConfig {
            webhook_per_address_per_minute: 2,
            ..DeliveryConfig::default()
        });
        let one = Some("2001:db8::1".parse().unwrap());
        let neighbour = Some("2001:db8::ffff".parse().unwrap());
        let other = Some("2001:db8:0:1::1".parse().unwrap());
        limits.address(one).unwrap();
        limits.address(neighbour).unwrap();
        assert!(matches!(
            limits.address(one),
            Err(DeliveryError::RateLimited { .. })
        ));
        limits.address(other).unwrap();
    }
}
