//! Names in certificates, after SPIFFE: a URI that says which fleet and who in it.

use std::{fmt, str::FromStr};

use muster_base::{HostId, OrgId};

/// The text is not a name of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpiffeError {
    /// Not a trust domain.
    #[error(
        "not a trust domain: expected lower-case letters, digits, dots and dashes, such as muster.example.org"
    )]
    TrustDomain,
    /// Not one of the two forms of name that a fleet has.
    #[error("not the SPIFFE id of a control plane or a host")]
    Id,
}

/// The name of a fleet: what stands first in each of its SPIFFE ids.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TrustDomain(String);

impl TrustDomain {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TrustDomain {
    type Err = SpiffeError;

    fn from_str(text: &str) -> Result<Self, SpiffeError> {
        let valid = (1..=255).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_'));
        valid
            .then(|| Self(text.to_owned()))
            .ok_or(SpiffeError::TrustDomain)
    }
}

/// Who holds a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The control plane.
    ControlPlane,
    /// The agent of one host.
    Host {
        /// The org that the host belongs to.
        org: OrgId,
        /// The host.
        host: HostId,
    },
}

/// A fleet and somebody in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SpiffeId {
    /// The fleet.
    pub trust_domain: TrustDomain,
    /// Who in it.
    pub role: Role,
}

impl SpiffeId {
    /// The control plane of `trust_domain`.
    pub fn control_plane(trust_domain: TrustDomain) -> Self {
        Self {
            trust_domain,
            role: Role::ControlPlane,
        }
    }

    /// A host of `trust_domain`.
    pub fn host(trust_domain: TrustDomain, org: OrgId, host: HostId) -> Self {
        Self {
            trust_domain,
            role: Role::Host { org, host },
        }
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.role {
            Role::ControlPlane => write!(f, "spiffe://{}/control-plane", self.trust_domain),
            Role::Host { org, host } => write!(f, "spiffe://{}/org/{org}/host/{host}", self.trust_domain),
        }
    }
}

impl FromStr for SpiffeId {
    type Err = SpiffeError;

    fn from_str(text: &str) -> Result<Self, SpiffeError> {
        let rest = text.strip_prefix("spiffe://").ok_or(SpiffeError::Id)?;
        let (domain, path) = rest.split_once('/').ok_or(SpiffeError::Id)?;
        let role = match path.split('/').collect::<Vec<_>>()[..] {
            ["control-plane"] => Role::ControlPlane,
            ["org", org, "host", host] => Role::Host {
                org: org.parse().map_err(|_| SpiffeError::Id)?,
                host: host.parse().map_err(|_| SpiffeError::Id)?,
            },
            _ => return Err(SpiffeError::Id),
        };
        let id = Self {
            trust_domain: domain.parse()?,
            role,
        };
        // Only the canonical spelling names somebody: no upper case, braces or missing dashes in a UUID.
        if id.to_string() == text {
            Ok(id)
        } else {
            Err(SpiffeError::Id)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "spiffe://muster.test/org/0199c0de-0000-7000-8000-000000000001/host/0199c0de-0000-7000-8000-000000000002";

    #[test]
    fn both_forms_round_trip() {
        for text in [HOST, "spiffe://muster.test/control-plane"] {
            assert_eq!(text.parse::<SpiffeId>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn look_alikes_are_refused() {
        let upper = HOST.replace("c0de", "C0DE");
        let braces = HOST.replace(
            "0199c0de-0000-7000-8000-000000000002",
            "{0199c0de-0000-7000-8000-000000000002}",
        );
        for text in [
            "",
            "https://muster.test/control-plane",
            "spiffe://muster.test",
            "spiffe:///control-plane",
            "spiffe://Muster.test/control-plane",
            "spiffe://muster.test/control-plane/",
            "spiffe://muster.test/control-plane/org",
            "spiffe://muster.test:1/control-plane",
            &upper,
            &braces,
            &format!("{HOST}/"),
            &format!("{HOST}?x"),
        ] {
            assert!(text.parse::<SpiffeId>().is_err(), "{text}");
        }
    }
}
