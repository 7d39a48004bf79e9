//! `[http]`

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

/// HTTP API and console.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The address people use, for links and cookies (`https://…` makes cookies `Secure`).
    pub public_url: Option<String>,
    /// Addresses of reverse proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<std::net::IpAddr>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8440)),
            public_url: None,
            trusted_proxies: Vec::new(),
        }
    }
}
