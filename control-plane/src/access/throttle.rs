//! Throttling of sign-in attempts. In memory: a restart forgives, and each control plane counts for itself.
//!
//! | who tries | budget | then one more every |
//! |---|---|---|
//! | an address (IPv6: a /64) | 60 | second |
//! | a network (/24; IPv6: a /48) | 240 | quarter of a second |
//! | anybody from one network, on one account | 10 | 15 s |
//! | anybody at all, on one account | 60 | 3 s |
//! | anybody from one network, on one user, by whichever of their names | 12 | 15 s |
//! | answers to one user's second factor | 10 | 2 min |
//! | passwords that one user has scored | 60 | second |
//! | codes sent to one account, whoever asks; and by each known device | 5 | 10 min |
//! | a device that the account's user signed in with before, on that account | 10 | 15 s |
//!
//! A known device spends its own budget and nobody else's, so a stranger who uses up an account's locks its user out
//! nowhere but on new devices, and from another network not before 60 attempts.
//!
//! An account is counted by the name that was typed: so it is whether there is one or not. A user has several names
//! (account, user name, address, number), and what is counted for all of them together is told by no answer: an attempt
//! too many is refused as a wrong password is, with the same work, even if it is right. Nobody but who tries several
//! names of one user from one network comes to it.
//!
//! Accounts and addresses are counted in 65,536 places each, chosen by a keyed hash: who comes with ever new ones takes
//! no more memory, and can't choose whose place they share.

use std::{
    future::Future,
    hash::{BuildHasher, Hash, RandomState},
    net::IpAddr,
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _, clock::DefaultClock};
use muster_base::{DeviceId, UserId};
use tokio::sync::Semaphore;

use super::AccessError;
use crate::app::App;

const ACCOUNT_FROM_NETWORK: (NonZeroU32, Duration) = (NonZeroU32::new(10).unwrap(), Duration::from_secs(15));
/// A little more than for a name: who tries only one comes to that limit first, and is told.
const USER_FROM_NETWORK: (NonZeroU32, Duration) = (NonZeroU32::new(12).unwrap(), Duration::from_secs(15));
const ACCOUNT: (NonZeroU32, Duration) = (NonZeroU32::new(60).unwrap(), Duration::from_secs(3));
const ADDRESS: (NonZeroU32, Duration) = (NonZeroU32::new(60).unwrap(), Duration::from_secs(1));
const NETWORK: (NonZeroU32, Duration) = (NonZeroU32::new(240).unwrap(), Duration::from_millis(250));
const SECOND_FACTOR: (NonZeroU32, Duration) = (NonZeroU32::new(10).unwrap(), Duration::from_mins(2));
const CODES: (NonZeroU32, Duration) = (NonZeroU32::new(5).unwrap(), Duration::from_mins(10));
const SCORES: (NonZeroU32, Duration) = (NonZeroU32::new(60).unwrap(), Duration::from_secs(1));
const DEVICE: (NonZeroU32, Duration) = (NonZeroU32::new(10).unwrap(), Duration::from_secs(15));

/// What is done after its answer, at a time.
const ASIDE: usize = 64;

/// Counts attempts.
#[derive(Debug)]
pub struct Throttle {
    addresses: Budgets,
    networks: Budgets,
    accounts: Budgets,
    accounts_from_networks: Budgets,
    users_from_networks: Budgets,
    devices: Budgets,
    second_factors: Budgets,
    codes: Budgets,
    scores: Budgets,
    aside: Arc<Semaphore>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            addresses: Budgets::new(ADDRESS),
            networks: Budgets::new(NETWORK),
            accounts: Budgets::new(ACCOUNT),
            accounts_from_networks: Budgets::new(ACCOUNT_FROM_NETWORK),
            users_from_networks: Budgets::new(USER_FROM_NETWORK),
            devices: Budgets::new(DEVICE),
            second_factors: Budgets::new(SECOND_FACTOR),
            codes: Budgets::new(CODES),
            scores: Budgets::new(SCORES),
            aside: Arc::new(Semaphore::new(ASIDE)),
        }
    }
}

impl Throttle {
    /// Counts one call from an address and its network; says how long to wait if it is one too many.
    pub(super) fn address(&self, ip: Option<IpAddr>) -> Result<(), AccessError> {
        let Some(ip) = ip.map(|ip| ip.to_canonical()) else {
            return Ok(());
        };
        self.addresses.spend(&place(ip))?;
        self.networks.spend(&network(ip))
    }

    /// Counts one attempt on the account from the address.
    pub(super) fn attempt(&self, account: &str, ip: Option<IpAddr>) -> Result<(), AccessError> {
        self.address(ip)?;
        let account = account.to_lowercase();
        let network = ip.map(|ip| network(ip.to_canonical()));
        self.accounts_from_networks.spend(&(&account, network))?;
        self.accounts.spend(&account)
    }

    /// Counts one attempt on the user from the address's network, whichever name it was by; whether it may be right.
    pub(super) fn user(&self, user: UserId, ip: Option<IpAddr>) -> bool {
        let network = ip.map(|ip| network(ip.to_canonical()));
        self.users_from_networks.spend(&(user, network)).is_ok()
    }

    /// Counts one attempt by a device that the user signed in with before.
    pub(super) fn known_device(&self, device: &impl Hash) -> Result<(), AccessError> {
        self.devices.spend(device)
    }

    /// Counts one code that is sent to the user, asked for by a device of theirs or by anybody.
    pub(super) fn code(&self, user: UserId, known: Option<DeviceId>) -> Result<(), AccessError> {
        self.codes.spend(&(user, known))
    }

    /// Counts one answer to the user's second factor, whichever challenge it is for.
    pub(super) fn second_factor(&self, user: UserId) -> Result<(), AccessError> {
        self.second_factors.spend(&user)
    }

    /// Counts one password that the user has scored while typing it.
    pub(super) fn score(&self, user: UserId) -> Result<(), AccessError> {
        self.scores.spend(&user)
    }

    /// Whether nothing is done aside.
    #[cfg(test)]
    pub(super) fn nothing_aside(&self) -> bool {
        self.aside.available_permits() == ASIDE
    }

    /// Does what must not show in the answer: neither what comes of it nor how long it takes. Refused when too much of
    /// it is being done already, whatever it would come to.
    pub(super) fn aside<F>(&self, app: &App, name: &'static str, work: F) -> Result<(), AccessError>
    where
        F: Future<Output = Result<(), AccessError>> + Send + 'static,
    {
        let permit = Arc::clone(&self.aside).try_acquire_owned();
        let permit = permit.map_err(|_| AccessError::Throttled(Duration::from_secs(5)))?;
        app.tasks.spawn(name, async move {
            if let Err(error) = work.await {
                tracing::warn!(error = &error as &dyn std::error::Error, "{name} failed");
            }
            drop(permit);
        });
        Ok(())
    }
}

/// Budgets of one size.
#[derive(Debug)]
struct Budgets {
    places: DefaultKeyedRateLimiter<u16>,
    hasher: RandomState,
}

impl Budgets {
    fn new((burst, refill): (NonZeroU32, Duration)) -> Self {
        let quota =
            Quota::with_period(refill).map_or_else(|| Quota::per_minute(burst), |q| q.allow_burst(burst));
        Self {
            places: RateLimiter::keyed(quota),
            hasher: RandomState::new(),
        }
    }

    fn spend(&self, whose: &impl Hash) -> Result<(), AccessError> {
        let [high, low, ..] = self.hasher.hash_one(whose).to_be_bytes();
        let now = DefaultClock::default().now();
        self.places
            .check_key(&u16::from_be_bytes([high, low]))
            .map_err(|until| AccessError::Throttled(until.wait_time_from(now)))
    }
}

/// One address; of IPv6 what one customer has at least.
fn place(ip: IpAddr) -> [u8; 16] {
    masked(ip, 32, 64)
}

fn network(ip: IpAddr) -> [u8; 16] {
    masked(ip, 24, 48)
}

/// The first bits of an address, those of IPv4 in IPv6's form.
fn masked(ip: IpAddr, v4: u32, v6: u32) -> [u8; 16] {
    let (bits, kept) = match ip {
        IpAddr::V4(ip) => (ip.to_ipv6_mapped().to_bits(), 96 + v4),
        IpAddr::V6(ip) => (ip.to_bits(), v6),
    };
    (bits & (u128::MAX << (128 - kept))).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(result: Result<(), AccessError>) -> bool {
        matches!(result, Err(AccessError::Throttled(_)))
    }

    fn new_id() -> DeviceId {
        muster_base::Clock::manual(muster_base::UnixMs(0)).new_id()
    }

    #[test]
    fn the_eleventh_attempt_on_an_account_has_to_wait() {
        let throttle = Throttle::default();
        for _ in 0..10 {
            throttle.attempt("Ann", None).unwrap();
        }
        assert!(refused(throttle.attempt("ann", None)));
        throttle.attempt("bob", None).unwrap();
    }

    #[test]
    fn a_stranger_locks_out_neither_other_networks_nor_known_devices() {
        let throttle = Throttle::default();
        let from = |host: u8| Some(IpAddr::from([192, 0, 2, host]));
        for host in 0..10 {
            throttle.attempt("ann", from(host)).unwrap();
        }
        assert!(
            refused(throttle.attempt("ann", from(77))),
            "one network, one budget"
        );
        let (phone, laptop) = (new_id(), new_id());
        throttle
            .attempt("ann", Some(IpAddr::from([198, 51, 100, 1])))
            .unwrap();
        // Even if the stranger has many networks.
        for network in 0..60 {
            throttle
                .attempt("ann", Some(IpAddr::from([203, 0, network, 1])))
                .ok();
        }
        assert!(refused(
            throttle.attempt("ann", Some(IpAddr::from([198, 51, 100, 1])))
        ));
        for _ in 0..10 {
            throttle.known_device(&phone).unwrap();
        }
        assert!(
            refused(throttle.known_device(&phone)),
            "stolen, it has limits too"
        );
        throttle.known_device(&laptop).unwrap();
    }

    #[test]
    fn an_address_and_a_network_have_a_budget_for_all_accounts() {
        let throttle = Throttle::default();
        let tries = |ip: IpAddr, count: usize| {
            (0..count)
                .take_while(|_| throttle.address(Some(ip)).is_ok())
                .count()
        };
        assert_eq!(tries(IpAddr::from([192, 0, 2, 1]), 70), 60);
        // A /64 is one customer's.
        let v6 = |last: u16| IpAddr::from([0x2001, 0xdb8, 1, 2, 0, 0, 0, last]);
        let from_v6: usize = (0..70).map(|last| tries(v6(last), 1)).sum();
        assert_eq!(from_v6, 60);
        let of_network: usize = (1..=6)
            .map(|host| tries(IpAddr::from([192, 0, 2, host]), 60))
            .sum();
        assert!((180..200).contains(&of_network), "{of_network}");
    }

    #[test]
    fn ever_new_names_take_no_more_memory() {
        let budgets = Budgets::new(ACCOUNT);
        for number in 0..70_000 {
            budgets.spend(&number).ok();
        }
        assert!(budgets.places.len() <= 1 << 16);
    }
}
