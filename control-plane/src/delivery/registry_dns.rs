//! Names of registries, looked up: a name must not lead where an address would not be let.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::registry_url::is_forbidden_ip;

/// Looks names up as the system does, and leaves out addresses where no registry lives.
#[derive(Debug)]
pub(super) struct Resolver;

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
