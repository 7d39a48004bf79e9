//! What is wrong with a field, so that it can be said in any language: a code with its blanks, and an English sentence for
//! those who only show what they get. What forms of the console meet has a code; the rest ([`Flaw::Other`]) is a sentence.

use std::collections::BTreeMap;

/// What is wrong with a field. The sentence goes on after the field's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// A text of the wrong length, in characters: least and most.
    #[error("must have {0} to {1} characters")]
    Length(usize, usize),
    /// At least so many characters.
    #[error("must have at least {0} characters")]
    TooShort(usize),
    /// At most so many characters.
    #[error("must have at most {0} characters")]
    TooLong(usize),
    /// A number out of its range: least and most.
    #[error("must be {0} to {1}")]
    Range(i64, i64),
    /// A short name for addresses.
    #[error("must be 1 to {0} lower-case letters, digits and dashes")]
    Slug(usize),
    /// A code for programs.
    #[error("must be 1 to 64 letters, digits, _ and -")]
    Word,
    /// An operation's code.
    #[error("must be noun:verb, at most 64 characters")]
    NounVerb,
    /// A user's name in the platform.
    #[error("must have 2 to 64 characters, without spaces and @")]
    Username,
    /// A name that signs somebody else in, or might.
    #[error("looks like a mobile number or an account; use a name")]
    Ambiguous,
    /// No e-mail address.
    #[error("is not a usable e-mail address")]
    Email,
    /// No mobile number.
    #[error("is not a usable mobile number")]
    Mobile,
    /// No day.
    #[error("is not a day: write it as YYYY-MM-DD")]
    Day,
    /// No picture, or a large one.
    #[error("must be an https address, or a data URI of an image of at most 512 KiB")]
    Picture,
    /// A secret that is not the right one.
    #[error("is wrong")]
    Wrong,
    /// A code that is not the present one, or was used.
    #[error("is not the present code, or was used already")]
    Code,
    /// Of a link that was used or is too old.
    #[error("does not work any more: ask for a new link")]
    Link,
    /// A password that is tried early: its strength, and what is needed.
    #[error("is too easy to guess (strength {0} of 4, {1} are needed): take more words, or rarer ones")]
    Guessable(i64, i64),
    /// A password that others know.
    #[error("is in a list of passwords that became known: choose another, and never use this one again")]
    Known,
    /// What it names is not there.
    #[error("there is no such {0}")]
    NoSuch(&'static str),
    /// An entry code of nobody.
    #[error("no org has this code")]
    NoOrg,
    /// The caller is in that org.
    #[error("you are a member already")]
    MemberAlready,
    /// They are in that org.
    #[error("is a member already")]
    IsMember,
    /// Nobody who may vouch.
    #[error("is not a manager of that platform")]
    NotManager,
    /// What is to be typed again, so that it doesn't happen by accident.
    #[error("type the org's name exactly as it is")]
    NameAgain,
    /// A unique value that somebody has.
    #[error("is taken by somebody else: choose another")]
    Taken,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl Flaw {
    /// Stable, kebab-case; `invalid` where only the sentence says it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Length(..) => "length",
            Self::TooShort(_) => "too-short",
            Self::TooLong(_) => "too-long",
            Self::Range(..) => "range",
            Self::Slug(_) => "slug",
            Self::Word => "word",
            Self::NounVerb => "noun-verb",
            Self::Username => "username",
            Self::Ambiguous => "ambiguous",
            Self::Email => "email",
            Self::Mobile => "mobile",
            Self::Day => "day",
            Self::Picture => "picture",
            Self::Wrong => "wrong",
            Self::Code => "code",
            Self::Link => "link",
            Self::Guessable(..) => "guessable",
            Self::Known => "known",
            Self::NoSuch(_) => "no-such",
            Self::NoOrg => "no-org",
            Self::MemberAlready => "member-already",
            Self::IsMember => "is-member",
            Self::NotManager => "not-manager",
            Self::NameAgain => "name-again",
            Self::Taken => "taken",
            Self::Other(_) => "invalid",
        }
    }

    /// The blanks of its sentence.
    pub fn params(&self) -> BTreeMap<&'static str, String> {
        let pairs = match self {
            Self::Length(least, most) => vec![("least", least.to_string()), ("most", most.to_string())],
            Self::Range(least, most) => vec![("least", least.to_string()), ("most", most.to_string())],
            Self::TooShort(least) => vec![("least", least.to_string())],
            Self::TooLong(most) | Self::Slug(most) => vec![("most", most.to_string())],
            Self::Guessable(strength, least) => {
                vec![("strength", strength.to_string()), ("least", least.to_string())]
            }
            Self::NoSuch(what) => vec![("what", (*what).to_owned())],
            Self::Word
            | Self::NounVerb
            | Self::Username
            | Self::Ambiguous
            | Self::Email
            | Self::Mobile
            | Self::Day
            | Self::Picture
            | Self::Wrong
            | Self::Code
            | Self::Link
            | Self::Known
            | Self::NoOrg
            | Self::MemberAlready
            | Self::IsMember
            | Self::NotManager
            | Self::NameAgain
            | Self::Taken
            | Self::Other(_) => Vec::new(),
        };
        pairs.into_iter().collect()
    }
}

impl From<&str> for Flaw {
    fn from(sentence: &str) -> Self {
        Self::Other(sentence.to_owned())
    }
}

impl From<String> for Flaw {
    fn from(sentence: String) -> Self {
        Self::Other(sentence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_and_its_blanks_say_the_same() {
        for flaw in [
            Flaw::Length(1, 64),
            Flaw::TooShort(10),
            Flaw::TooLong(128),
            Flaw::Range(1, 30),
            Flaw::Slug(40),
            Flaw::Guessable(2, 3),
            Flaw::NoSuch("module"),
        ] {
            let sentence = flaw.to_string();
            let params = flaw.params();
            assert!(!params.is_empty(), "{sentence}");
            for (blank, value) in params {
                assert!(sentence.contains(&value), "{blank} is not in: {sentence}");
            }
        }
        let other = Flaw::from("is odd");
        assert_eq!((other.code(), other.to_string().as_str()), ("invalid", "is odd"));
    }
}
