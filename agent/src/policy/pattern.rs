//! The patterns that a policy is written in: names with stars, images, port ranges.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, de::Error as _};

/// Text with `*` (anything but a slash) and `**` (anything).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamePattern(String);

impl NamePattern {
    pub(super) fn matches(&self, text: &str) -> bool {
        glob(self.0.as_bytes(), text.as_bytes())
    }
}

impl<'de> Deserialize<'de> for NamePattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            Err(D::Error::custom("an empty pattern matches nothing"))
        } else {
            Ok(Self(text))
        }
    }
}

/// An absolute path with stars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathPattern(NamePattern);

impl PathPattern {
    pub(super) fn matches(&self, path: &str) -> bool {
        self.0.matches(path)
    }
}

impl<'de> Deserialize<'de> for PathPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let plain = text.split('/').all(|part| part != "." && part != "..");
        if text.starts_with('/') && plain {
            Ok(Self(NamePattern(text)))
        } else {
            Err(D::Error::custom(format!(
                "`{text}` is not an absolute path without `.` and `..`; write for instance `/srv/app/**`"
            )))
        }
    }
}

/// An image with its registry, its tag left open or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ImagePattern {
    name: NamePattern,
    tag: Option<NamePattern>,
}

impl ImagePattern {
    pub(super) fn matches(&self, image: &ImageRef) -> bool {
        self.name
            .matches(&format!("{}/{}", image.registry, image.repository))
            && self.tag.as_ref().is_none_or(|tag| tag.matches(&image.tag))
    }
}

impl<'de> Deserialize<'de> for ImagePattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if !text.contains('/') {
            return Err(D::Error::custom(format!(
                "`{text}` names no registry; write for instance `docker.io/library/{text}`"
            )));
        }
        let (name, tag) = split_tag(&text);
        Ok(Self {
            name: NamePattern(name.to_owned()),
            tag: tag.map(|tag| NamePattern(tag.to_owned())),
        })
    }
}

/// An image reference, taken apart as the engine does it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRef {
    /// Registry with its port; `docker.io` if the reference names none.
    pub registry: String,
    /// Repository without the registry.
    pub repository: String,
    /// Tag; `latest` if the reference names none.
    pub tag: String,
    /// `sha256:…` if the reference names one.
    pub digest: Option<String>,
}

/// The text is not an image reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an image reference: expected something like registry.example.com/team/shop:1.4.2")]
pub struct ImageRefError;

impl ImageRef {
    /// Registry and repository as the engine wants them.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}:{}", self.registry, self.repository, self.tag)
    }
}

impl FromStr for ImageRef {
    type Err = ImageRefError;

    fn from_str(text: &str) -> Result<Self, ImageRefError> {
        let (text, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest.to_owned())),
            None => (text, None),
        };
        let (name, tag) = split_tag(text);
        let (registry, repository) = match name.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => {
                (first, rest.to_owned())
            }
            Some(_) => ("docker.io", name.to_owned()),
            None => ("docker.io", format!("library/{name}")),
        };
        let fits = |text: &str, also: &str| {
            !text.is_empty()
                && text.len() <= 255
                && text
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || also.contains(c))
        };
        let digest_fits = digest.as_deref().is_none_or(is_digest);
        let parts_fit = repository
            .split('/')
            .all(|part| fits(part, "._-") && part.starts_with(|c: char| c.is_ascii_alphanumeric()));
        let tag_fits = tag.is_none_or(|tag| fits(&tag.to_ascii_lowercase(), "._-"));
        if fits(&registry.to_ascii_lowercase(), ".-:[]") && parts_fit && tag_fits && digest_fits {
            Ok(Self {
                registry: registry.to_owned(),
                repository,
                tag: tag.unwrap_or("latest").to_owned(),
                digest,
            })
        } else {
            Err(ImageRefError)
        }
    }
}

/// Whether the text is `sha256:` and 64 hexadecimal digits.
pub fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64
            && hex
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

fn split_tag(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') && name.contains('/') => (name, Some(tag)),
        // A name without a slash can't have a registry's port: what follows the colon is the tag.
        Some((name, tag)) if !text.contains('/') => (name, Some(tag)),
        _ => (text, None),
    }
}

/// One port, or all from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    pub(super) const UNPRIVILEGED: Self = Self {
        first: 1024,
        last: u16::MAX,
    };
    pub(super) const ANY: Self = Self {
        first: 1,
        last: u16::MAX,
    };

    pub(super) const fn holds(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }
}

impl FromStr for PortRange {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Ok(Self {
            first: first.trim().parse()?,
            last: last.trim().parse()?,
        })
    }
}

impl<'de> Deserialize<'de> for PortRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.parse::<Self>() {
            Ok(range) if range.first <= range.last => Ok(range),
            Ok(_) | Err(_) => Err(D::Error::custom(format!(
                "`{text}` is not a port such as \"8080\" or a range such as \"8000-8999\""
            ))),
        }
    }
}

/// Walks over the pattern once and keeps where in the text it may be by then, so that many stars cost no more than
/// pattern times text.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    let mut rest = pattern;
    while let [first, tail @ ..] = rest {
        let any = rest.starts_with(b"**");
        if *first == b'*' {
            for (at, have) in text.iter().enumerate() {
                reached[at + 1] |= reached[at] && (any || *have != b'/');
            }
        } else {
            for (at, have) in text.iter().enumerate().rev() {
                reached[at + 1] = reached[at] && have == first;
            }
            reached[0] = false;
        }
        rest = if any { &tail[1..] } else { tail };
    }
    reached[text.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn image(text: &str) -> ImageRef {
        text.parse().unwrap()
    }

    fn pattern(text: &str) -> ImagePattern {
        #[derive(Deserialize)]
        struct One {
            p: ImagePattern,
        }
        toml::from_str::<One>(&format!("p = \"{text}\"")).unwrap().p
    }

    #[test]
    fn references_are_taken_apart_as_the_engine_does() {
        assert_eq!(image("nginx").to_string(), "docker.io/library/nginx:latest");
        assert_eq!(image("nginx:1.2").to_string(), "docker.io/library/nginx:1.2");
        assert_eq!(image("team/shop").to_string(), "docker.io/team/shop:latest");
        assert_eq!(
            image("127.0.0.1:5000/shop").to_string(),
            "127.0.0.1:5000/shop:latest"
        );
        assert_eq!(image("localhost/shop:2").registry, "localhost");
        let digest = format!("sha256:{}", "ab".repeat(32));
        assert_eq!(image(&format!("r.io/a/b:1@{digest}")).digest, Some(digest));
        for bad in [
            "",
            "a b",
            "r.io/",
            "r.io/A",
            "r.io/a:",
            "r.io/../x",
            "a@sha256:12",
        ] {
            assert!(bad.parse::<ImageRef>().is_err(), "{bad}");
        }
    }

    #[test]
    fn stars_stop_at_slashes_and_double_stars_do_not() {
        assert!(pattern("r.io/shop/*").matches(&image("r.io/shop/web:1")));
        assert!(!pattern("r.io/shop/*").matches(&image("r.io/shop/web/admin:1")));
        assert!(pattern("r.io/**").matches(&image("r.io/shop/web/admin:1")));
        assert!(!pattern("r.io/*").matches(&image("evil.io/r.io/x")));
        assert!(pattern("127.0.0.1:5000/shop:1.*").matches(&image("127.0.0.1:5000/shop:1.4")));
        assert!(!pattern("127.0.0.1:5000/shop:1.*").matches(&image("127.0.0.1:5000/shop:2.0")));
    }

    #[test]
    fn ports_and_ranges() {
        let range: PortRange = "8000-8999".parse().unwrap();
        assert!(range.holds(8000) && range.holds(8999) && !range.holds(9000));
        assert!("80".parse::<PortRange>().unwrap().holds(80));
        assert!("http".parse::<PortRange>().is_err());
    }

    /// What the stars mean, said as plainly as can be.
    fn plain(pattern: &[u8], text: &[u8]) -> bool {
        match pattern {
            [] => text.is_empty(),
            [b'*', b'*', rest @ ..] => (0..=text.len()).any(|skip| plain(rest, &text[skip..])),
            [b'*', rest @ ..] => {
                let reach = text.iter().position(|&b| b == b'/').unwrap_or(text.len());
                (0..=reach).any(|skip| plain(rest, &text[skip..]))
            }
            [wanted, rest @ ..] => text
                .split_first()
                .is_some_and(|(have, tail)| have == wanted && plain(rest, tail)),
        }
    }

    #[test]
    fn many_stars_end() {
        let pattern = "a*".repeat(200) + "b";
        assert!(!glob(pattern.as_bytes(), "a".repeat(2_000).as_bytes()));
    }

    proptest! {
        #[test]
        fn stars_mean_what_they_say(pattern in "[ab/*]{0,8}", text in "[ab/]{0,8}") {
            prop_assert_eq!(glob(pattern.as_bytes(), text.as_bytes()), plain(pattern.as_bytes(), text.as_bytes()));
        }

        #[test]
        fn a_pattern_without_stars_matches_only_itself(a in "[a-z./:]{0,12}", b in "[a-z./:]{0,12}") {
            prop_assert_eq!(glob(a.as_bytes(), b.as_bytes()), a == b);
        }
    }
}
