//! What asked for a deployment, as one word: a person, a call, or another system that did it and told of it
//! (`tracker:<its name>`).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::db::DbError;

const TRACKER: &str = "tracker:";
const MOST_NAME: usize = 32;

/// What asked for a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TriggerType {
    /// A person.
    Manual,
    /// A person, for the same version again.
    Redeploy,
    /// A person or a policy, where somebody changed something by hand.
    Reconcile,
    /// A person, for an earlier version.
    Rollback,
    /// A person, to go on with one that has stopped.
    Resume,
    /// The application's webhook.
    Webhook,
    /// A push, tag or merged request at GitHub.
    Github,
    /// At Gitee.
    Gitee,
    /// At GitLab.
    Gitlab,
    /// At Codeup.
    Codeup,
    /// Another system of this name did it, and told of it.
    Tracker(String),
}

impl TriggerType {
    /// Its word, unless it has a name of its own.
    const fn word(&self) -> Option<&'static str> {
        match self {
            Self::Manual => Some("manual"),
            Self::Redeploy => Some("redeploy"),
            Self::Reconcile => Some("reconcile"),
            Self::Rollback => Some("rollback"),
            Self::Resume => Some("resume"),
            Self::Webhook => Some("webhook"),
            Self::Github => Some("github"),
            Self::Gitee => Some("gitee"),
            Self::Gitlab => Some("gitlab"),
            Self::Codeup => Some("codeup"),
            Self::Tracker(_) => None,
        }
    }

    /// Another system, if this may be its name.
    pub(super) fn tracker(name: &str) -> Option<Self> {
        let plain = name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let fits = (1..=MOST_NAME).contains(&name.len());
        (plain && fits).then(|| Self::Tracker(name.to_owned()))
    }

    fn parse(text: &str) -> Option<Self> {
        if let Some(name) = text.strip_prefix(TRACKER) {
            return Self::tracker(name);
        }
        let plain = [
            Self::Manual,
            Self::Redeploy,
            Self::Reconcile,
            Self::Rollback,
            Self::Resume,
            Self::Webhook,
            Self::Github,
            Self::Gitee,
            Self::Gitlab,
            Self::Codeup,
        ];
        plain.into_iter().find(|trigger| trigger.word() == Some(text))
    }

    pub(super) fn read(text: &str) -> Result<Self, DbError> {
        Self::parse(text).ok_or_else(|| DbError::Corrupt("deployments.trigger_type".to_owned()))
    }
}

impl fmt::Display for TriggerType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tracker(name) => write!(f, "{TRACKER}{name}"),
            plain => f.write_str(plain.word().unwrap_or_default()),
        }
    }
}

impl Serialize for TriggerType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TriggerType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("what asks for deployments"))
    }
}

impl PartialSchema for TriggerType {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(
                "^(manual|redeploy|reconcile|rollback|resume|webhook|github|gitee|gitlab|codeup|tracker:[a-z0-9-]{1,32})$",
            ))
            .examples(["webhook", "tracker:jenkins"])
            .description(Some(
                "What asked for a deployment; `tracker:` and a name: another system did it, and told of it.",
            ))
            .into()
    }
}

impl ToSchema for TriggerType {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for word in [
            "manual",
            "resume",
            "codeup",
            "tracker:jenkins",
            "tracker:argo-cd2",
        ] {
            assert_eq!(TriggerType::read(word).unwrap().to_string(), word);
        }
        for wrong in ["", "tracker", "tracker:", "tracker:A", "tracker:a b", "someone"] {
            assert!(TriggerType::read(wrong).is_err(), "{wrong}");
        }
        let long = format!("tracker:{}", "x".repeat(33));
        assert!(TriggerType::read(&long).is_err());
    }
}
