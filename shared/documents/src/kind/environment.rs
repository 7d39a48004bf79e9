//! `Environment`

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{fault::Faults, fields::Fields};

/// What an environment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EnvironmentType {
    /// Where things are made.
    Development,
    /// Where things are tried.
    Testing,
    /// Where things wait, as they will be.
    Staging,
    /// Where it counts.
    Production,
}

/// An environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// For people.
    pub label: Option<String>,
    /// What it is for; where it is left out, what it was, or what its name says.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<EnvironmentType>,
    /// Place in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<i64>,
    /// What it asks of releases, as whoever keeps policies knows it; what it leaves out stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Json>,
}

const TYPES: &[(&str, EnvironmentType)] = &[
    ("development", EnvironmentType::Development),
    ("testing", EnvironmentType::Testing),
    ("staging", EnvironmentType::Staging),
    ("production", EnvironmentType::Production),
];

impl Environment {
    pub(crate) fn read(spec: &mut Fields<'_>, faults: &mut Faults) -> Self {
        let label = spec.take("label").and_then(|item| {
            let text = item.text(faults)?;
            if !(1..=128).contains(&text.chars().count()) {
                item.wrong(faults, "must have 1 to 128 characters");
            }
            Some(text)
        });
        Self {
            label,
            kind: spec.take("type").and_then(|item| item.word(TYPES, faults)),
            order: spec.take("order").and_then(|item| item.int(faults)),
            policy: spec.take("policy").and_then(|item| {
                item.fields(faults)?;
                Some(item.node.json())
            }),
        }
    }
}

impl EnvironmentType {
    /// What a new environment of that name is for. A name that says nothing is for what is guarded best.
    pub fn of_name(name: &str) -> Self {
        match name {
            "dev" | "develop" | "development" | "local" => Self::Development,
            "test" | "testing" | "qa" => Self::Testing,
            "stage" | "staging" | "pre" | "uat" => Self::Staging,
            _ => Self::Production,
        }
    }
}
