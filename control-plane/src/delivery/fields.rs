//! Collecting what is wrong with an input, so that a person sees all of it at once.

use reqwest::Url;

use super::DeliveryError;
use crate::{error::FieldError, flaw::Flaw};

/// Wrong fields found so far.
#[derive(Default)]
pub(super) struct Fields(Vec<FieldError>);

impl Fields {
    /// Notes `message` for `field` unless `holds`.
    pub(super) fn check(&mut self, holds: bool, field: impl Into<String>, message: impl Into<Flaw>) {
        if !holds {
            self.0.push(FieldError::new(field, message));
        }
    }

    /// Notes one that was found elsewhere.
    pub(super) fn push(&mut self, error: FieldError) {
        self.0.push(error);
    }

    /// A name that people type: unique somewhere, shown everywhere.
    pub(super) fn name(&mut self, field: &str, name: &str) {
        let plain = name.trim() == name && !name.chars().any(char::is_control);
        self.check(
            plain && (1..=128).contains(&name.chars().count()),
            field,
            Flaw::Name(128),
        );
    }

    /// A name that also names containers, files and paths.
    pub(super) fn slug(&mut self, field: &str, name: &str) {
        self.check(is_slug(name), field, Flaw::Identifier(63));
    }

    /// A description.
    pub(super) fn text(&mut self, field: &str, text: &str) {
        self.check(text.chars().count() <= 2_000, field, Flaw::TooLong(2_000));
    }

    /// Everything was right, or the whole list of what was not.
    pub(super) fn finish(self) -> Result<(), DeliveryError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(DeliveryError::Invalid(self.0))
        }
    }
}

/// As [`Fields::slug`] wants it.
pub(super) fn is_slug(name: &str) -> bool {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    let rest = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    first && rest && name.len() <= 63
}

/// An address that a person may follow.
pub(super) fn is_page(text: &str) -> bool {
    let web = Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none()
    });
    web && text.len() <= 1_024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_could_be_led_by_is_refused() {
        for url in [
            "javascript:alert(1)",
            "ftp://ci.example",
            "https://a:b@ci.example",
            "ci.example/7",
        ] {
            assert!(!is_page(url), "{url}");
        }
        assert!(is_page("https://ci.example.com/build/7?x=1"));
    }
}
