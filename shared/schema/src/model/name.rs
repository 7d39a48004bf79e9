//! Names of objects, with the namespace that they stand in.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A qualified name, as the server stores it: without quotes, in its own case.
///
/// As text (and so as a key in JSON) it is `namespace.name`, each part in double quotes where it holds anything but
/// letters, digits and underscores. MySQL's names have an empty namespace and no dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The schema (PostgreSQL); empty in MySQL.
    pub namespace: String,
    /// The name in it.
    pub name: String,
}

/// The text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a name: write name, namespace.name or \"any thing\".\"else\"")]
pub struct NameError;

impl Name {
    /// The name in the namespace.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// The same namespace, another name.
    #[must_use]
    pub fn sibling(&self, name: impl Into<String>) -> Self {
        Self::new(self.namespace.clone(), name)
    }
}

fn part(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let is_plain = !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_');
    if is_plain {
        f.write_str(text)
    } else {
        write!(f, "\"{}\"", text.replace('"', "\"\""))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.namespace.is_empty() {
            part(f, &self.namespace)?;
            f.write_str(".")?;
        }
        part(f, &self.name)
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (first, rest) = take_part(text)?;
        let Some(rest) = rest.strip_prefix('.') else {
            return if rest.is_empty() {
                Ok(Self::new("", first))
            } else {
                Err(NameError)
            };
        };
        let (second, rest) = take_part(rest)?;
        if rest.is_empty() {
            Ok(Self::new(first, second))
        } else {
            Err(NameError)
        }
    }
}

fn take_part(text: &str) -> Result<(String, &str), NameError> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find('.').unwrap_or(text.len());
        let (plain, rest) = text.split_at(end);
        let is_name = !plain.is_empty() && !plain.contains('"');
        return if is_name {
            Ok((plain.to_owned(), rest))
        } else {
            Err(NameError)
        };
    };
    let mut name = String::new();
    let mut chars = quoted.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c != '"' {
            name.push(c);
        } else if chars.next_if(|&(_, next)| next == '"').is_some() {
            name.push('"');
        } else {
            return Ok((name, &quoted[at + 1..]));
        }
    }
    Err(NameError)
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_comes_back_from_its_text() {
        for name in [
            Name::new("public", "users"),
            Name::new("", "users"),
            Name::new("a.b", "c\"d"),
            Name::new("public", "two words"),
            Name::new("", ""),
            Name::new("", "größe"),
        ] {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["", "a.", ".a", "a.b.c", "\"a", "a\"b", "\"a\"b"] {
            assert_eq!(text.parse::<Name>(), Err(NameError), "{text}");
        }
    }
}
