//! What people regret later, found before it runs. A rule sees one statement, as the parser's tree or as its words, or one
//! table as the whole text leaves it; each has a file of its own.
//!
//! What takes long because of a table's rows is not told of a table that the same text makes.
//!
//! A rule has a severity, or is off unless somebody wants it: what is a matter of taste or of a team's conventions. Each
//! environment may set each rule ([`Settings`]).

mod fresh;
mod rules;
mod table;
mod trees;
mod words;

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sqlparser::{
    ast::{AlterTable, AlterTableOperation, Statement as Tree},
    tokenizer::Span,
};

use self::{
    fresh::Fresh,
    table::{Place, Table},
    words::Words,
};
use crate::{Classification, Dialect, SplitError, classify::classify_parsed, parse::parse, split};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Probably regretted.
    Warning,
    /// Loses data, or can't be run.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One thing found. Prints as `rule severity line message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The rule's name, for instance `drop-column`.
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// Line in the text, from 1.
    pub line: u32,
    /// For a person: what is wrong and what to do instead.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} {}",
            self.rule, self.severity, self.line, self.message
        )
    }
}

/// A rule: its name, its severity, and how it looks at a text.
pub struct Rule {
    /// In findings and documentation.
    pub name: &'static str,
    /// Of all its findings, unless it is set otherwise; none where it is off by itself.
    pub severity: Option<Severity>,
    check: Check,
}

type Tell<'a, P> = &'a mut dyn FnMut(P, String);

type TableCheck = fn(&Table<'_>, &mut dyn FnMut(Place<'_>, String));

/// What a rule looks at.
enum Check {
    /// A statement's tree.
    Tree(fn(&Context<'_>, Tell<'_, Span>)),
    /// A statement's words; it says lines.
    Words(fn(&Words, Tell<'_, u32>)),
    /// A table that the text makes.
    Table(TableCheck),
}

/// What an environment wants of the rules: each by its name off, or of a severity. The others are as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Settings(BTreeMap<String, Setting>);

/// What a rule is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Setting {
    /// It isn't applied.
    Off,
    /// Worth knowing.
    Info,
    /// Probably regretted.
    Warning,
    /// Loses data, or can't be run.
    Error,
}

/// There is no such rule or setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// No rule has the name.
    #[error("there is no rule {0}")]
    Rule(String),
    /// It is none of the words.
    #[error("{0} is none of off, info, warning, error")]
    Setting(String),
    /// It tells of what can't be run or read: nobody may overlook that.
    #[error("the rule {0} can't be switched off")]
    Needed(String),
}

impl Settings {
    /// Sets one rule.
    pub fn set(&mut self, rule: &str, setting: Setting) -> Result<(), SettingError> {
        if !all().any(|known| known.name == rule) {
            return Err(SettingError::Rule(rule.to_owned()));
        }
        if setting == Setting::Off && NEEDED.contains(&rule) {
            return Err(SettingError::Needed(rule.to_owned()));
        }
        self.0.insert(rule.to_owned(), setting);
        Ok(())
    }

    fn severity(&self, rule: &Rule) -> Option<Severity> {
        match self.0.get(rule.name) {
            None => rule.severity,
            Some(Setting::Off) if NEEDED.contains(&rule.name) => rule.severity,
            Some(Setting::Off) => None,
            Some(Setting::Info) => Some(Severity::Info),
            Some(Setting::Warning) => Some(Severity::Warning),
            Some(Setting::Error) => Some(Severity::Error),
        }
    }
}

impl FromStr for Setting {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        Ok(match text {
            "off" => Self::Off,
            "info" => Self::Info,
            "warning" => Self::Warning,
            "error" => Self::Error,
            other => return Err(SettingError::Setting(other.to_owned())),
        })
    }
}

impl Rule {
    /// Whether an environment may do without it.
    pub fn can_be_off(&self) -> bool {
        !NEEDED.contains(&self.name)
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rule({})", self.name)
    }
}

/// Rules that can't be switched off.
const NEEDED: &[&str] = &["refused", "unreadable"];

/// All rules.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    trees::RULES.iter().chain(rules::RULES)
}

/// What a rule sees of a statement.
struct Context<'a> {
    dialect: Dialect,
    tree: Option<&'a Tree>,
    seen: &'a Classification,
}

impl<'a> Context<'a> {
    /// What an `alter table` does.
    fn operations(&self) -> &'a [AlterTableOperation] {
        match self.tree {
            Some(Tree::AlterTable(AlterTable { operations, .. })) => operations,
            _ => &[],
        }
    }
}

/// Applies the rules as they are by themselves.
pub fn lint(dialect: Dialect, text: &str) -> Result<Vec<Finding>, SplitError> {
    lint_with(dialect, text, &Settings::default())
}

/// Applies the rules as an environment wants them; findings come in the order of their lines.
pub fn lint_with(dialect: Dialect, text: &str, settings: &Settings) -> Result<Vec<Finding>, SplitError> {
    let mut findings = Vec::new();
    let statements = split(dialect, text)?;
    let wanted: Vec<(&Rule, Severity)> = all()
        .filter_map(|rule| Some((rule, settings.severity(rule)?)))
        .collect();
    let finding = |rule: &Rule, severity: Severity, line: u32, message: String| Finding {
        rule: rule.name.to_owned(),
        severity,
        line,
        message,
    };
    let mut fresh = Fresh::new(dialect);
    for statement in &statements {
        let tree = parse(dialect, statement.text);
        let seen = classify_parsed(dialect, statement.text, tree.as_ref());
        let context = Context {
            dialect,
            tree: tree.as_ref(),
            seen: &seen,
        };
        let words = Words::of(dialect, statement.text, statement.line);
        let applied = wanted
            .iter()
            .filter(|(rule, _)| !fresh.excuses(rule.name, tree.as_ref()));
        for (rule, severity) in applied {
            match (&rule.check, &words) {
                (Check::Tree(check), _) => check(&context, &mut |span, message| {
                    let below = u32::try_from(span.start.line.saturating_sub(1)).unwrap_or(0);
                    findings.push(finding(rule, *severity, statement.line + below, message));
                }),
                (Check::Words(check), Some(words)) => check(words, &mut |line, message| {
                    findings.push(finding(rule, *severity, line, message));
                }),
                (Check::Words(_) | Check::Table(_), _) => {}
            }
        }
        fresh.after(tree.as_ref());
    }
    for (name, of, statement) in table::made(dialect, &statements) {
        let table = Table {
            dialect,
            name: &name,
            of: &of,
        };
        for (rule, severity) in &wanted {
            if let Check::Table(check) = rule.check {
                check(&table, &mut |place, message| {
                    let line = table::line_of(dialect, statement, place);
                    findings.push(finding(rule, *severity, line, message));
                });
            }
        }
    }
    findings.sort_by_key(|finding| finding.line);
    Ok(findings)
}

#[cfg(test)]
mod tests;
