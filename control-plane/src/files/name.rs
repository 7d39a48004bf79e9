//! Names of files and folders, and types of their content.

use super::FilesError;
use crate::flaw::Flaw;

const LONGEST: usize = 255;
const LONGEST_MIME: usize = 128;

/// A name that may be given.
pub(super) fn check(name: &str) -> Result<(), FilesError> {
    let right = (1..=LONGEST).contains(&name.len())
        && name.trim() == name
        && name != "."
        && name != ".."
        && !name.chars().any(|c| c == '/' || c.is_control() || turns(c));
    if right {
        Ok(())
    } else {
        Err(FilesError::invalid("name", Flaw::FileName))
    }
}

/// What lets a name look like another: it turns the direction of what follows.
const fn turns(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The type that was said, or else the one that the name tells.
pub(super) fn mime(said: Option<String>, name: &str) -> Result<String, FilesError> {
    let Some(said) = said.filter(|said| !said.is_empty()) else {
        let guessed = mime_guess::from_path(name).first_or_octet_stream();
        return Ok(guessed.essence_str().to_owned());
    };
    let is_word = |word: &str| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b);
        !word.is_empty() && word.bytes().all(allowed)
    };
    let right = said.len() <= LONGEST_MIME
        && said
            .split_once('/')
            .is_some_and(|(kind, rest)| is_word(kind) && is_word(rest));
    if right {
        Ok(said.to_ascii_lowercase())
    } else {
        Err(FilesError::invalid("mime", Flaw::Mime))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_step_of_a_path_and_looks_like_what_it_is() {
        for right in [
            "a",
            "Bericht 2026.pdf",
            "...",
            ".env",
            "文件.tar.gz",
            "a\\b",
            &"x".repeat(255),
        ] {
            assert!(check(right).is_ok(), "{right}");
        }
        let long = "ü".repeat(128);
        let wrong = [
            "",
            ".",
            "..",
            "a/b",
            "/",
            " a",
            "a ",
            "a\nb",
            "a\0",
            "a\u{7f}",
            "exe.\u{202e}gpj",
            &long,
        ];
        for wrong in wrong {
            assert!(check(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_type_is_said_or_told_by_the_name() {
        assert_eq!(mime(None, "a.PDF").unwrap(), "application/pdf");
        assert_eq!(
            mime(Some(String::new()), "a").unwrap(),
            "application/octet-stream"
        );
        assert_eq!(
            mime(Some("Text/Plain".to_owned()), "a.pdf").unwrap(),
            "text/plain"
        );
        for wrong in [
            "text",
            "text/",
            "/x",
            "text/plain; charset=x",
            "a/b/c",
            "text/\nx",
        ] {
            assert!(mime(Some(wrong.to_owned()), "a").is_err(), "{wrong}");
        }
    }
}
