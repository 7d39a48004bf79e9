//! What isn't modelled: carried as its definition, compared as such.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Name;

/// Which object.
///
/// As text (and so as a key in JSON) it is `kind name` or `kind name on table`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpaqueKey {
    /// What it is.
    pub kind: OpaqueKind,
    /// The table or view that it stands on (triggers, policies, rules, privileges).
    pub on: Option<Name>,
    /// Its name; of a routine with the types of its arguments, of a privilege the grantee.
    pub name: Name,
    /// Types of a routine's arguments, in the server's words.
    pub arguments: Option<String>,
}

/// Kinds of objects that aren't modelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpaqueKind {
    /// A function.
    Function,
    /// A procedure.
    Procedure,
    /// An aggregate.
    Aggregate,
    /// A trigger.
    Trigger,
    /// A row security policy.
    Policy,
    /// A rewrite rule.
    Rule,
    /// What a role may do with an object.
    Privilege,
    /// A scheduled event (MySQL).
    Event,
    /// An event trigger.
    EventTrigger,
    /// A range type.
    Range,
    /// A base type, an operator, a cast, a publication… The name says which.
    Other,
}

/// An object that isn't modelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opaque {
    /// The statement that makes it, brought into one form.
    pub definition: String,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl OpaqueKind {
    const ALL: [Self; 11] = [
        Self::Function,
        Self::Procedure,
        Self::Aggregate,
        Self::Trigger,
        Self::Policy,
        Self::Rule,
        Self::Privilege,
        Self::Event,
        Self::EventTrigger,
        Self::Range,
        Self::Other,
    ];

    /// In words, as SQL has them where SQL has them.
    pub fn words(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Procedure => "procedure",
            Self::Aggregate => "aggregate",
            Self::Trigger => "trigger",
            Self::Policy => "policy",
            Self::Rule => "rule",
            Self::Privilege => "privilege",
            Self::Event => "event",
            Self::EventTrigger => "event trigger",
            Self::Range => "range",
            Self::Other => "object",
        }
    }
}

impl fmt::Display for OpaqueKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.words(), self.name)?;
        if let Some(arguments) = &self.arguments {
            write!(f, "({arguments})")?;
        }
        if let Some(on) = &self.on {
            write!(f, " on {on}")?;
        }
        Ok(())
    }
}

impl Serialize for OpaqueKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OpaqueKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|()| de::Error::custom("not an object's key"))
    }
}

impl FromStr for OpaqueKey {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut kinds = OpaqueKind::ALL;
        // "event trigger" before "event".
        kinds.sort_by_key(|kind| std::cmp::Reverse(kind.words().len()));
        let (kind, rest) = kinds
            .iter()
            .find_map(|kind| Some((*kind, text.strip_prefix(kind.words())?.strip_prefix(' ')?)))
            .ok_or(())?;
        let (name, rest) = cut_name(rest);
        let mut key = Self {
            kind,
            on: None,
            name: name.parse().map_err(|_| ())?,
            arguments: None,
        };
        let mut rest = rest;
        if let Some(inside) = rest.strip_prefix('(') {
            let end = inside.rfind(')').ok_or(())?;
            key.arguments = Some(inside[..end].to_owned());
            rest = &inside[end + 1..];
        }
        if let Some(on) = rest.strip_prefix(" on ") {
            key.on = Some(on.parse().map_err(|_| ())?);
            rest = "";
        }
        if rest.is_empty() { Ok(key) } else { Err(()) }
    }
}

/// Up to the first blank or bracket outside of quotes.
fn cut_name(text: &str) -> (&str, &str) {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ' ' | '(' if !quoted => return text.split_at(at),
            _ => {}
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_from_their_text() {
        let on = Some(Name::new("public", "my table"));
        for (kind, on, arguments) in [
            (
                OpaqueKind::Function,
                None,
                Some("integer, timestamp(3) with time zone"),
            ),
            (OpaqueKind::Procedure, None, Some("")),
            (OpaqueKind::Trigger, on.clone(), None),
            (OpaqueKind::EventTrigger, None, None),
            (OpaqueKind::Event, None, None),
            (OpaqueKind::Other, on, None),
        ] {
            let key = OpaqueKey {
                kind,
                on,
                name: Name::new("public", "a (b) on c"),
                arguments: arguments.map(str::to_owned),
            };
            assert_eq!(key.to_string().parse(), Ok(key));
        }
    }
}
