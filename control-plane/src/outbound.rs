//! Calls to servers whose addresses an org chose: registries, providers of secrets, Git hosts, receivers of
//! alerts.
//!
//! Time and size are limited, no redirect is followed, and no address and no name leads to where a cloud hands out this
//! machine's own credentials. Nothing of an answer is shown to anybody but what its format says it holds.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use reqwest::{
    Client, Response, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header::HeaderValue,
};
use zeroize::Zeroizing;

const CONNECT: Duration = Duration::from_secs(4);
/// What asks a few times answers within half a minute.
const WHOLE: Duration = Duration::from_secs(8);

/// A client that follows no redirect and is limited in time; none if this machine can't make TLS connections.
pub fn client() -> Option<Client> {
    let built = Client::builder()
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .dns_resolver(Arc::new(Resolver))
        .connect_timeout(CONNECT)
        .timeout(WHOLE)
        .user_agent(concat!("muster/", env!("CARGO_PKG_VERSION")))
        .build();
    built
        .inspect_err(|error| {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "no registry, provider of secrets, Git host or receiver of alerts can be called"
            );
        })
        .ok()
}

/// The body, if it is not longer than `limit` bytes and comes to its end.
pub async fn limited(mut response: Response, limit: usize) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    while let Some(piece) = response.chunk().await.ok()? {
        if bytes.len() + piece.len() > limit {
            return None;
        }
        bytes.extend_from_slice(&piece);
    }
    Some(bytes)
}

/// A header that no log shows; none if the text can't be in one.
pub fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Link-local addresses are where clouds answer with a machine's own credentials; nobody's server lives there.
pub fn is_forbidden(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return true };
    let ip = host.trim_matches(['[', ']']).parse();
    ip.is_ok_and(is_forbidden_ip)
}

/// The same for an address that a name turned out to have.
fn is_forbidden_ip(ip: IpAddr) -> bool {
    /// Where Alibaba, Oracle, Azure and AWS (IPv6) do what others do on link-local addresses.
    const CLOUDS: [IpAddr; 4] = [
        IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
        IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
        IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
        IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    ];
    let ip = ip.to_canonical();
    let is_link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    is_link_local || CLOUDS.contains(&ip)
}

/// Looks names up as the system does, and leaves out addresses where nobody's server lives.
#[derive(Debug)]
struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<_> = found.filter(|address| !is_forbidden_ip(address.ip())).collect();
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn addresses(name: &str) -> usize {
        let found = Resolver.resolve(name.parse().unwrap()).await;
        found.map_or(0, Iterator::count)
    }

    #[tokio::test]
    async fn a_name_does_not_lead_to_a_cloud_s_own_services() {
        assert!(addresses("localhost").await > 0);
        // Numbers are names, too, to whoever looks them up.
        assert_eq!(addresses("169.254.169.254").await, 0);
        assert_eq!(addresses("100.100.100.200").await, 0);
    }
}
