//! Taking secrets out of texts.

use muster_base::{ExposeSecret, SecretString};

/// Shorter values would blot out half of every line; they are no secrets to speak of.
const MIN_REDACTED: usize = 4;
const MASK: &str = "***";

/// The text with `***` for every stretch that is part of a secret's value. Where values overlap or hold each other,
/// the whole stretch goes: none of them leaves its tail behind.
pub(super) fn redact(text: &str, secrets: &[SecretString]) -> String {
    let values = || {
        let exposed = secrets.iter().map(ExposeSecret::expose_secret);
        exposed.filter(|value| value.len() >= MIN_REDACTED)
    };
    let mut text = text.to_owned();
    // A mask may complete a value that holds one; each round makes the text shorter.
    while values().any(|value| text.contains(value)) {
        let mut stretches: Vec<(usize, usize)> = values().flat_map(|value| places(&text, value)).collect();
        stretches.sort_unstable();
        let mut clean = String::with_capacity(text.len());
        let mut done = 0;
        let mut stretches = stretches.into_iter().peekable();
        while let Some((start, mut end)) = stretches.next() {
            while let Some((_, longer)) = stretches.next_if(|(next, _)| *next < end) {
                end = end.max(longer);
            }
            clean.push_str(&text[done..start]);
            clean.push_str(MASK);
            done = end;
        }
        clean.push_str(&text[done..]);
        text = clean;
    }
    text
}

/// Where `value` stands in `text`, also where it overlaps itself.
fn places(text: &str, value: &str) -> Vec<(usize, usize)> {
    let mut places = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find(value) {
        let start = from + at;
        places.push((start, start + value.len()));
        from = text.ceil_char_boundary(start + 1);
    }
    places
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clean(text: &str, secrets: &[&str]) -> String {
        let secrets: Vec<SecretString> = secrets.iter().map(|secret| (*secret).into()).collect();
        redact(text, &secrets)
    }

    #[test]
    fn a_secret_that_begins_like_another_leaves_no_tail() {
        assert_eq!(clean("hunter2secret", &["hunter2", "hunter2secret"]), "***");
        assert_eq!(clean("a abcdef b", &["abcd", "cdef"]), "a *** b");
        assert_eq!(clean("xxxxxx", &["xxxx"]), "***");
        assert_eq!(clean("one two", &["two!", "o"]), "one two");
    }

    #[test]
    fn a_mask_completes_no_secret() {
        assert_eq!(clean("aSECRETb", &["SECRET", "a***b"]), "***");
    }

    proptest! {
        #[test]
        fn no_secret_is_left(
            text in "[ab*é]{0,40}",
            secrets in prop::collection::vec("[ab*é]{0,6}", 0..4),
        ) {
            let secrets: Vec<SecretString> = secrets.into_iter().map(Into::into).collect();
            let cleaned = redact(&text, &secrets);
            for secret in secrets.iter().map(ExposeSecret::expose_secret) {
                prop_assert!(secret.len() < MIN_REDACTED || !cleaned.contains(secret), "{cleaned}");
            }
        }

        #[test]
        fn what_holds_no_secret_is_left_alone(text in "[a-f]{0,40}", secret in "[g-k]{4,9}") {
            prop_assert_eq!(redact(&text, &[secret.into()]), text);
        }
    }
}
