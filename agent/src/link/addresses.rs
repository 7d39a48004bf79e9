//! Where control planes are. `server` is `HOST:PORT`, or several of them with commas between; a name may have several
//! addresses. All of them are the same to an agent: it connects to any, so that a fleet is spread over those that there are,
//! and to another one when the one it had is gone.

use std::net::SocketAddr;

use muster_base::random_array;
use tokio::net::lookup_host;

use super::LinkError;

/// Addresses that are tried at most.
const MOST: usize = 16;

/// Where to go.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Addresses {
    /// In the order in which they are to be tried.
    pub(super) all: Vec<SocketAddr>,
    /// Whether more than one control plane may be behind them. One that has an address of each family is one.
    pub(super) are_many: bool,
}

/// The addresses of `server` in the order in which they are to be tried: any order, but `avoid` last if there are others.
pub(super) async fn of(server: &str, avoid: Option<SocketAddr>) -> Result<Addresses, LinkError> {
    let (mut found, mut failure) = (Vec::new(), None);
    let named = server.split(',').map(str::trim).filter(|one| !one.is_empty());
    for one in named.clone() {
        match lookup_host(one).await {
            Ok(addresses) => found.extend(addresses),
            Err(source) => {
                failure = Some(LinkError::Resolve {
                    server: one.to_owned(),
                    source,
                });
            }
        }
    }
    if found.is_empty() {
        return Err(failure.unwrap_or_else(|| LinkError::NoAddress(server.to_owned())));
    }
    let mut all = ordered(found);
    let sixes = all.iter().filter(|address| address.is_ipv6()).count();
    let are_many = named.count() > 1 || sixes > 1 || all.len() - sixes > 1;
    if are_many {
        all.sort_by_key(|address| Some(*address) == avoid);
    }
    Ok(Addresses { all, are_many })
}

fn ordered(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found {
        if !addresses.contains(&address) && addresses.len() < MOST {
            addresses.push(address);
        }
    }
    // The resolver knows whether this machine rather speaks IPv6 or IPv4.
    let family = addresses.first().is_some_and(SocketAddr::is_ipv6);
    for last in (1..addresses.len()).rev() {
        let random = u64::from_le_bytes(random_array());
        let other = usize::try_from(random % (last as u64 + 1)).unwrap_or(last);
        addresses.swap(last, other);
    }
    addresses.sort_by_key(|address| address.is_ipv6() != family);
    addresses
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[tokio::test]
    async fn every_address_comes_first_at_times_and_the_one_that_was_lost_last() {
        let (a, b, c) = ("127.0.0.1:1", "127.0.0.2:1", "[::1]:1");
        let server = format!("{a}, {b},{c},{a}");
        let mut first = BTreeSet::new();
        for _ in 0..200 {
            let addresses = of(&server, None).await.unwrap().all;
            assert_eq!(addresses.len(), 3);
            assert_eq!(addresses[2].to_string(), c, "the other family is not preferred");
            first.insert(addresses[0].to_string());
            let addresses = of(&server, Some(b.parse().unwrap())).await.unwrap().all;
            assert_eq!(addresses[2].to_string(), b);
        }
        assert_eq!(first.into_iter().collect::<Vec<_>>(), [a, b]);
    }

    #[tokio::test]
    async fn one_machine_with_an_address_of_each_family_is_not_many() {
        let lost = Some("127.0.0.1:1".parse().unwrap());
        let one = of("127.0.0.1:1", lost).await.unwrap();
        assert!(!one.are_many, "{one:?}");
        let two = of("127.0.0.1:1,[::1]:1", lost).await.unwrap();
        assert!(
            two.are_many && Some(two.all[1]) == lost,
            "somebody named two: {two:?}"
        );
        // As a name is resolved that has one of each.
        let local = of("localhost:1", lost).await.unwrap();
        let sixes = local.all.iter().filter(|address| address.is_ipv6()).count();
        assert_eq!(
            local.are_many,
            sixes > 1 || local.all.len() - sixes > 1,
            "{local:?}"
        );
    }

    #[tokio::test]
    async fn one_that_can_not_be_resolved_is_passed_over() {
        let addresses = of("127.0.0.1:none,127.0.0.1:7", None).await.unwrap();
        assert_eq!(addresses.all, ["127.0.0.1:7".parse().unwrap()]);
        let refused = of("127.0.0.1:none", None).await.unwrap_err();
        assert!(matches!(refused, LinkError::Resolve { .. }), "{refused}");
        assert!(matches!(of(" , ", None).await, Err(LinkError::NoAddress(_))));
    }
}
