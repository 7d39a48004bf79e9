//! `[link]`

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

/// The agents' door.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkConfig {
    /// Where to listen (UDP).
    pub listen: SocketAddr,
    /// `HOST:PORT` that agents are told to connect to, or several with commas between, of several control planes; by default
    /// this machine's name and the listening port.
    pub advertise: Option<String>,
    /// `HOST:PORT` by which other control planes on the same database reach this one's door; by default this machine's
    /// name and the listening port.
    pub peer_address: Option<String>,
    /// SPIFFE trust domain. Fixed at the first start: it is part of every certificate.
    pub trust_domain: String,
    /// Life of a host's certificate; it renews at two thirds.
    pub certificate_hours: u32,
    /// Seconds between samples on the hosts, 1–300.
    pub sample_interval_s: u16,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8441)),
            advertise: None,
            peer_address: None,
            trust_domain: "muster.internal".into(),
            certificate_hours: 7 * 24,
            sample_interval_s: 10,
        }
    }
}
