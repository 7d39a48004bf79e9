//! The address of a registry.

use std::{fmt, str::FromStr};

use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::outbound::is_forbidden;

/// What is wrong with a registry's address, for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RegistryUrlError(&'static str);

/// `http` or `https`, a host, perhaps a port and a path prefix; no user, no query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryUrl(Url);

impl RegistryUrl {
    /// The host as it stands in image references.
    pub(super) fn image_host(&self) -> String {
        if self.is_hub() {
            return "docker.io".to_owned();
        }
        let host = self.0.host_str().unwrap_or_default();
        match self.0.port() {
            Some(port) => format!("{host}:{port}"),
            // `localhost` alone would read as a path of the hub.
            None => host.to_owned(),
        }
    }

    /// `path` below the registry's API root.
    pub(super) fn api(&self, path: &str) -> String {
        if self.is_hub() {
            return format!("https://registry-1.docker.io/{path}");
        }
        format!("{}/{path}", self.0.as_str().trim_end_matches('/'))
    }

    /// Whether the connection is encrypted.
    pub(super) fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    fn is_hub(&self) -> bool {
        matches!(
            self.0.host_str(),
            Some("docker.io" | "index.docker.io" | "registry-1.docker.io" | "hub.docker.com")
        )
    }
}

impl FromStr for RegistryUrl {
    type Err = RegistryUrlError;

    fn from_str(text: &str) -> Result<Self, RegistryUrlError> {
        let url = Url::parse(text)
            .map_err(|_| RegistryUrlError("an address such as https://registry.example.com"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(RegistryUrlError(
                "the address of a registry begins with https:// or http://",
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(RegistryUrlError(
                "give the user name and the password in their own fields",
            ));
        }
        if url.query().is_some() || url.fragment().is_some() || text.len() > 512 {
            return Err(RegistryUrlError("at most 512 characters, without ? and #"));
        }
        if is_forbidden(&url) {
            return Err(RegistryUrlError("link-local addresses are not registries"));
        }
        Ok(Self(url))
    }
}

impl fmt::Display for RegistryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl Serialize for RegistryUrl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RegistryUrl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_would_leak_or_mislead_are_refused() {
        for url in [
            "registry.example.com",
            "ftp://r.example",
            "https://user:pw@r.example",
            "https://r.example?x=1",
            "http://169.254.169.254",
            "http://[fe80::1]:5000",
            "http://[::ffff:169.254.169.254]",
            "http://100.100.100.200",
            "http://[fd00:ec2::254]",
            "http://2852039166",
        ] {
            assert!(url.parse::<RegistryUrl>().is_err(), "{url}");
        }
    }

    #[test]
    fn api_paths_and_image_hosts() {
        let own: RegistryUrl = "http://127.0.0.1:5000/".parse().unwrap();
        assert_eq!(own.api("v2/"), "http://127.0.0.1:5000/v2/");
        assert_eq!(own.image_host(), "127.0.0.1:5000");
        let hub: RegistryUrl = "https://index.docker.io/v1/".parse().unwrap();
        assert_eq!(hub.api("v2/"), "https://registry-1.docker.io/v2/");
        assert_eq!(hub.image_host(), "docker.io");
    }
}
