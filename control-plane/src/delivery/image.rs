//! Image names, tags and digests, by the grammar of the distribution specification
//! (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>).

use super::registry_url::RegistryUrl;

const HUB: &str = "docker.io";

/// A version that can be chosen from outside: an image tag, `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`.
pub(super) fn is_tag(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    first && text.len() <= 128 && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// `sha256:` and 64 hexadecimal digits.
pub(super) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64
            && hex
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

/// An image without its tag: an optional registry and a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ImageName {
    /// `host` or `host:port`, as written; the image's own or the registry's.
    pub registry: String,
    /// For instance `team/shop`.
    pub repository: String,
}

impl ImageName {
    /// Reads `image` as it stands in an application, whose registry is `registry`. The error is for a person.
    pub(super) fn read(image: &str, registry: Option<&RegistryUrl>) -> Result<Self, String> {
        let (host, path) = match image.split_once('/') {
            Some((first, rest)) if first == "localhost" || first.contains(['.', ':']) => (Some(first), rest),
            _ => (None, image),
        };
        if !is_repository(path) {
            return Err(format!(
                "{image} is not an image name: lower-case letters and digits separated by . _ - and /, without a tag"
            ));
        }
        let of_registry = registry.map(RegistryUrl::image_host);
        if let (Some(host), Some(expected)) = (host, of_registry.as_deref())
            && host != expected
        {
            return Err(format!(
                "the image names the registry {host}, the application's registry is {expected}"
            ));
        }
        if let Some(host) = host.filter(|host| !is_host(host)) {
            return Err(format!("{host} is not a registry's host name"));
        }
        let host = host
            .map(str::to_owned)
            .or(of_registry)
            .unwrap_or_else(|| HUB.to_owned());
        let official = host == HUB && !path.contains('/');
        Ok(Self {
            repository: if official {
                format!("library/{path}")
            } else {
                path.to_owned()
            },
            registry: host,
        })
    }

    /// The reference that the host pulls.
    pub(super) fn with_tag(&self, tag: &str) -> String {
        format!("{}/{}:{tag}", self.registry, self.repository)
    }
}

fn is_host(host: &str) -> bool {
    let (name, port) = host.split_once(':').unwrap_or((host, "80"));
    let labels = name
        .split('.')
        .all(|label| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
    labels && port.parse::<u16>().is_ok()
}

fn is_repository(path: &str) -> bool {
    path.len() <= 255 && path.split('/').all(is_component)
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(component: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = component.as_bytes();
    let ends = bytes.first().zip(bytes.last());
    if !ends.is_some_and(|(first, last)| alphanumeric(*first) && alphanumeric(*last)) {
        return false;
    }
    component
        .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        .all(|separator| matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|b| b == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(url: &str) -> RegistryUrl {
        url.parse().unwrap()
    }

    #[test]
    fn tags_are_those_of_the_specification() {
        for tag in ["v1.2.3", "1", "_x", "2026-01-31_build.7", &"a".repeat(128)] {
            assert!(is_tag(tag), "{tag}");
        }
        for tag in [
            "",
            ".x",
            "-x",
            "a b",
            "v1/2",
            "v1:2",
            "v1@sha256",
            "é",
            "a\n",
            &"a".repeat(129),
        ] {
            assert!(!is_tag(tag), "{tag}");
        }
    }

    #[test]
    fn an_image_gets_its_registry_s_host() {
        let own = registry("http://127.0.0.1:5000");
        assert_eq!(
            ImageName::read("team/shop", Some(&own))
                .unwrap()
                .with_tag("1.4.2"),
            "127.0.0.1:5000/team/shop:1.4.2"
        );
        let written = ImageName::read("127.0.0.1:5000/team/shop", Some(&own)).unwrap();
        assert_eq!(written.with_tag("1"), "127.0.0.1:5000/team/shop:1");
        assert!(ImageName::read("other.example/shop", Some(&own)).is_err());
    }

    #[test]
    fn without_a_registry_it_is_the_hub_s() {
        let image = ImageName::read("busybox", None).unwrap();
        assert_eq!(image.with_tag("1"), "docker.io/library/busybox:1");
        let hub = registry("https://index.docker.io/v1/");
        assert_eq!(
            ImageName::read("team/shop", Some(&hub)).unwrap().with_tag("1"),
            "docker.io/team/shop:1"
        );
    }

    #[test]
    fn names_that_are_no_image_are_refused() {
        for image in [
            "",
            "Shop",
            "shop:1",
            "shop@sha256:00",
            "a//b",
            "-a",
            "a_",
            "a___b",
            "a b",
            "../x",
            "ho st:1/x",
        ] {
            assert!(ImageName::read(image, None).is_err(), "{image}");
        }
        for image in ["a__b", "a--b", "e/a.b_c-d", "localhost/x", "r.example:443/x"] {
            assert!(ImageName::read(image, None).is_ok(), "{image}");
        }
    }
}
