//! The languages that people are written to in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
}

impl Language {
    /// Both.
    pub const ALL: [Self; 2] = [Self::En, Self::Zh];

    /// Its name in tables and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// The one of this name.
    pub fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.as_str() == text)
    }

    /// The one that somebody likes most, by the text of `Accept-Language`; nothing if they say nothing that is known.
    pub fn accepted(header: &str) -> Option<Self> {
        let wish = |part: &str| {
            let (tag, quality) = part.split_once(";q=").unwrap_or((part, "1"));
            let language = Self::read(&tag.trim().get(..2)?.to_ascii_lowercase())?;
            let quality: f32 = quality.trim().parse().ok()?;
            (quality > 0.0).then_some((language, quality))
        };
        let mut best: Option<(Self, f32)> = None;
        for (language, quality) in header.split(',').take(32).filter_map(wish) {
            if best.is_none_or(|(_, known)| quality > known) {
                best = Some((language, quality));
            }
        }
        best.map(|(language, _)| language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_that_is_liked_most_is_taken() {
        for (header, language) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", Some(Language::Zh)),
            ("en-GB, zh;q=0.5", Some(Language::En)),
            ("fr, zh;q=0.4, en;q=0.3", Some(Language::Zh)),
            ("zh;q=0, en;q=0.1", Some(Language::En)),
            ("", None),
            ("*", None),
            ("é;q=x,,;;", None),
        ] {
            assert_eq!(Language::accepted(header), language, "{header}");
        }
    }
}
