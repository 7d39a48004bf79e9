//! The address of a provider of secrets.

use std::{fmt, net::IpAddr, str::FromStr};

use reqwest::Url;
use serde::{Serialize, Serializer};

use crate::outbound::is_forbidden;

/// What is wrong with a provider's address, for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ProviderUrlError(&'static str);

/// `https`, a host, perhaps a port and a path prefix; no user, no query. `http` only to this machine itself: a client's
/// secret and every value would go over the wire in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderUrl(Url);

impl ProviderUrl {
    /// `path` below the provider's root.
    pub(super) fn api(&self, path: &str) -> Result<Url, ProviderUrlError> {
        let text = format!("{}/{path}", self.0.as_str().trim_end_matches('/'));
        Url::parse(&text).map_err(|_| ProviderUrlError("the address can't be used"))
    }
}

impl FromStr for ProviderUrl {
    type Err = ProviderUrlError;

    fn from_str(text: &str) -> Result<Self, ProviderUrlError> {
        let url =
            Url::parse(text).map_err(|_| ProviderUrlError("an address such as https://app.infisical.com"))?;
        let host = url.host_str().unwrap_or_default();
        let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
        let is_here = host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback());
        if !(url.scheme() == "https" || (url.scheme() == "http" && is_here)) {
            return Err(ProviderUrlError(
                "must begin with https://: secrets would go over the wire in clear",
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ProviderUrlError(
                "give the client id and secret in their own fields",
            ));
        }
        if url.query().is_some() || url.fragment().is_some() || text.len() > 512 {
            return Err(ProviderUrlError("at most 512 characters, without ? and #"));
        }
        if is_forbidden(&url) {
            return Err(ProviderUrlError("link-local addresses are no providers"));
        }
        Ok(Self(url))
    }
}

impl fmt::Display for ProviderUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl Serialize for ProviderUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_would_leak_or_mislead_are_refused() {
        for url in [
            "app.infisical.com",
            "http://vault.example.com",
            "http://10.0.0.1",
            "ftp://127.0.0.1",
            "https://user:pw@vault.example.com",
            "https://vault.example.com?x=1",
            "https://169.254.169.254",
            "https://[fe80::1]",
            "https://100.100.100.200",
        ] {
            assert!(url.parse::<ProviderUrl>().is_err(), "{url}");
        }
        for url in [
            "https://vault.example.com/infisical/",
            "http://127.0.0.1:8080",
            "http://[::1]:1",
        ] {
            let read: ProviderUrl = url.parse().unwrap();
            let api = read.api("api/v4/secrets").unwrap();
            assert!(
                api.path().ends_with("/api/v4/secrets") && !api.path().contains("//"),
                "{api}"
            );
        }
    }
}
