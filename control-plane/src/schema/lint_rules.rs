//! Lint's rules as an environment wants them: each off, or of a severity; those that nothing is said of are as they are by
//! themselves. They stand in the environment's policy, and count for what is proposed and published from then on; what a ticket
//! says already stays. Rules that tell of what can't be run or read can't be switched off.

use std::collections::BTreeMap;

use muster_schema::{Severity, lint_rules};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{SchemaError, error::field_error};
use crate::{
    access::{Caller, Operation},
    error::FieldError,
};

/// What a rule is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum LintLevel {
    /// It isn't applied.
    Off,
    /// Worth knowing.
    Info,
    /// Probably regretted.
    Warning,
    /// Loses data, or can't be run.
    Error,
}

/// Rules by their names.
pub(super) type LintLevels = BTreeMap<String, LintLevel>;

/// A rule.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LintRule {
    /// For instance `drop-column`.
    pub name: String,
    /// What it is by itself.
    pub level: LintLevel,
    /// Whether it can be switched off.
    pub can_be_off: bool,
}

/// All rules, by their names.
#[derive(Debug, Serialize, ToSchema)]
pub struct LintRules {
    /// The rules.
    pub items: Vec<LintRule>,
}

impl From<LintLevel> for muster_schema::Setting {
    fn from(level: LintLevel) -> Self {
        match level {
            LintLevel::Off => Self::Off,
            LintLevel::Info => Self::Info,
            LintLevel::Warning => Self::Warning,
            LintLevel::Error => Self::Error,
        }
    }
}

/// What can be set.
pub(super) fn list(caller: &Caller) -> Result<LintRules, SchemaError> {
    caller.require(Operation::EnvironmentRead)?;
    let mut items: Vec<LintRule> = lint_rules()
        .map(|rule| LintRule {
            name: rule.name.to_owned(),
            level: match rule.severity {
                None => LintLevel::Off,
                Some(Severity::Info) => LintLevel::Info,
                Some(Severity::Warning) => LintLevel::Warning,
                Some(Severity::Error) => LintLevel::Error,
            },
            can_be_off: rule.can_be_off(),
        })
        .collect();
    items.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(LintRules { items })
}

/// What is wrong with these.
pub(super) fn faults(levels: &LintLevels) -> Vec<FieldError> {
    let mut settings = muster_schema::Settings::default();
    levels
        .iter()
        .filter_map(|(rule, level)| {
            let error = settings.set(rule, (*level).into()).err()?;
            Some(field_error(format!("lint.{rule}"), error.to_string()))
        })
        .collect()
}

/// As lint takes them. A rule that is there no more says nothing.
pub(super) fn settings(levels: &LintLevels) -> muster_schema::Settings {
    let mut settings = muster_schema::Settings::default();
    for (rule, level) in levels {
        settings.set(rule, (*level).into()).ok();
    }
    settings
}
