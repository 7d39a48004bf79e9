//! What a commit's message asks for.
//!
//! ```text
//! message  = line *( LF line )
//! line     = blanks "release:" rest      ; any other line asks for nothing
//! rest     = *( text / bracket )         ; the text is a title, for people
//! bracket  = "(" environment "#" version ")"
//! ```
//! `release: 1.0.Release (prod#1.0.Release)` asks for the version `1.0.Release` in `prod`.
//!
//! - The keyword stands at the beginning of its line, in lower case, wherever in the message that line is. So
//!   `Revert "release: …"` and `* release: …`, which hosts write of other commits, ask for nothing.
//! - Each bracket is a wish of its own, in the order in which they are written; a message may have several lines.
//! - An environment has no blank, bracket or `#` in it; a version is letters, digits and any of `. _ - + /`, as releases have
//!   them. What has a `#` and is not that is a wish that can't be read: it is refused, and said so. A bracket is never read
//!   over the end of its line.
//! - A bracket without `#` and one that begins with it belong to the title: `(see the wiki)`, and `(#45)`, by which hosts
//!   name a pull request.
//! - A line without any bracket asks for nothing that could be known: that is said too.
//!
//! Nothing else is guessed: no version from the title, no environment that is usual.

/// What a line of a message asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked<'m> {
    /// To execute this version there.
    Release { environment: &'m str, version: &'m str },
    /// A bracket that can't be read.
    Malformed,
    /// A line of a release without a bracket.
    NoBracket,
}

/// A wish, and how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said<'m> {
    /// The bracket, or the line if it has none.
    pub(super) text: &'m str,
    /// What it asks for.
    pub(super) asked: Asked<'m>,
}

const KEYWORD: &str = "release:";

/// All that a message asks for, in its order.
pub(super) fn wishes(message: &str) -> Vec<Said<'_>> {
    let mut found = Vec::new();
    for line in message.lines() {
        let line = line.trim();
        let Some(rest) = line.strip_prefix(KEYWORD) else {
            continue;
        };
        let before = found.len();
        brackets(rest, &mut found);
        if found.len() == before {
            found.push(Said {
                text: line,
                asked: Asked::NoBracket,
            });
        }
    }
    found
}

fn brackets<'m>(text: &'m str, found: &mut Vec<Said<'m>>) {
    let mut rest = text;
    while let Some(start) = rest.find('(') {
        let inner = &rest[start + 1..];
        let end = inner.find(['(', ')']).unwrap_or(inner.len());
        let closed = inner[end..].starts_with(')');
        let said = rest[start..=start + end + usize::from(closed)].trim_end();
        if let Some(asked) = bracket(&inner[..end], closed) {
            found.push(Said { text: said, asked });
        }
        rest = &inner[end + usize::from(closed)..];
    }
}

/// What stands between brackets; nothing if that is a title's.
fn bracket(inner: &str, closed: bool) -> Option<Asked<'_>> {
    let (environment, version) = inner.split_once('#')?;
    if environment.trim().is_empty() {
        return None;
    }
    let plain = |c: char| c.is_alphanumeric() || "._-+/".contains(c);
    let is_environment =
        !environment.contains(char::is_whitespace) && !environment.contains(char::is_control);
    let is_version = !version.is_empty() && version.chars().all(plain);
    Some(if closed && is_environment && is_version {
        Asked::Release { environment, version }
    } else {
        Asked::Malformed
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn release<'m>(text: &'m str, environment: &'m str, version: &'m str) -> Said<'m> {
        let asked = Asked::Release { environment, version };
        Said { text, asked }
    }

    #[test]
    fn the_bracket_decides_and_the_title_does_not() {
        let one = release("(prod#1.0.Release)", "prod", "1.0.Release");
        for message in [
            "release: 1.0.Release (prod#1.0.Release)",
            "release: 2.0 for test (prod#1.0.Release)",
            "release:(prod#1.0.Release)",
            "  release: (see the wiki) (prod#1.0.Release) (#45) and more",
            "Add a column\n\nIt was missing.\nrelease: shop (prod#1.0.Release)\r\nSigned-off-by: Ann",
            "release: (a (prod#1.0.Release))",
        ] {
            assert_eq!(wishes(message), [one], "{message}");
        }
    }

    #[test]
    fn each_bracket_is_a_wish_in_its_order() {
        let message = "release: both (test#1.1) (prod#1.1)\nrelease: stock (prod#7/a_b+c-d)";
        assert_eq!(
            wishes(message),
            [
                release("(test#1.1)", "test", "1.1"),
                release("(prod#1.1)", "prod", "1.1"),
                release("(prod#7/a_b+c-d)", "prod", "7/a_b+c-d"),
            ]
        );
    }

    #[test]
    fn lines_that_do_not_begin_with_the_keyword_ask_for_nothing() {
        for message in [
            "",
            "Fix (prod#1.0)",
            "Revert \"release: 1.0 (prod#1.0)\"",
            "* release: 1.0 (prod#1.0)",
            "Release: 1.0 (prod#1.0)",
            "release 1.0 (prod#1.0)",
            "prerelease: 1.0 (prod#1.0)",
            "release(db): 1.0 (prod#1.0)",
        ] {
            assert_eq!(wishes(message), [], "{message}");
        }
    }

    #[test]
    fn what_can_t_be_read_is_a_wish_that_is_said_to_be_so() {
        for (message, text) in [
            ("release: 1 (prod#)", "(prod#)"),
            ("release: 1 (prod#1#2)", "(prod#1#2)"),
            ("release: 1 (prod #1)", "(prod #1)"),
            ("release: 1 (prod# 1)", "(prod# 1)"),
            ("release: 1 ( prod#1)", "( prod#1)"),
            ("release: 1 (prod#1, 2)", "(prod#1, 2)"),
            ("release: 1 (prod#1", "(prod#1"),
            ("release: 1 (prod#1\n)", "(prod#1"),
        ] {
            let asked = Asked::Malformed;
            assert_eq!(wishes(message), [Said { text, asked }], "{message}");
        }
        for text in [
            "release: 1.0",
            "release:",
            "release: （prod#1.0）",
            "release: (#45)",
            "release: ()",
        ] {
            let asked = Asked::NoBracket;
            assert_eq!(wishes(text), [Said { text, asked }]);
        }
    }

    proptest! {
        #[test]
        fn no_text_is_a_trouble_and_what_is_found_was_written(message in "(?s)(release:|[()#a\u{e9} \n]|.){0,80}") {
            for said in wishes(&message) {
                prop_assert!(message.contains(said.text));
            }
        }

        #[test]
        fn what_is_written_is_found(environment in "[a-z][a-z0-9-]{0,20}", version in "[0-9A-Za-z._+/-]{1,20}", title in "[^()\n\r#]{0,30}") {
            let message = format!("release: {title} ({environment}#{version})");
            let found = wishes(&message);
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(found[0].asked, Asked::Release { environment: &environment, version: &version });
        }
    }
}
