//! SQL as text, read: its statements, their risks, what lint finds. Nothing of it is stored or run here.

use muster_base::sha256;
use muster_schema::{
    Dialect, Finding, Lock, Reason, Risk, Settings, StatementKind, canonical, classify, lint_with, lock_of,
    split,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{RowGuard, error::field_error};
use crate::error::FieldError;

/// How dangerous it is. Ordered: the highest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum RiskLevel {
    /// Loses nothing, and locks only for a moment.
    Safe,
    /// May lock for long, fail on the data that is there, or break programs that still run.
    Warning,
    /// Loses data.
    Destructive,
    /// Can't be read; anything may happen.
    Unknown,
}

impl From<Risk> for RiskLevel {
    fn from(risk: Risk) -> Self {
        match risk {
            Risk::Safe => Self::Safe,
            Risk::Warning => Self::Warning,
            Risk::Destructive => Self::Destructive,
            Risk::Unknown => Self::Unknown,
        }
    }
}

impl RiskLevel {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Warning => "warning",
            Self::Destructive => "destructive",
            Self::Unknown => "unknown",
        }
    }

    /// What can't be read is unknown, here too.
    pub(super) fn parse(text: &str) -> Self {
        [Self::Safe, Self::Warning, Self::Destructive]
            .into_iter()
            .find(|risk| risk.as_str() == text)
            .unwrap_or(Self::Unknown)
    }

    pub(super) const fn as_u8(self) -> u8 {
        match self {
            Self::Safe => 0,
            Self::Warning => 1,
            Self::Destructive => 2,
            Self::Unknown => 3,
        }
    }
}

/// One statement of a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProposedStatement {
    /// The text, without its closing semicolon.
    pub sql: String,
    /// For instance `createTable`.
    #[schema(value_type = String)]
    pub kind: StatementKind,
    /// The highest risk in it.
    pub risk: RiskLevel,
    /// Why; empty if it is safe.
    pub reasons: Vec<String>,
    /// Can share a transaction with others.
    pub transactional: bool,
    /// What it is held to, if it overwrites or deletes rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<RowGuard>,
    /// The strongest lock that it takes on what is there, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<StatementLock>,
}

/// A lock that a statement takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatementLock {
    /// What others can't do meanwhile.
    pub blocks: LockLevel,
    /// The server's name for it; empty where it has none.
    pub name: String,
}

/// What others can't do while a lock is held. Ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum LockLevel {
    /// Nothing that is in use is locked.
    None,
    /// Reading and writing go on; other changes of the definition wait.
    Definition,
    /// Reading goes on, writing waits.
    Writes,
    /// Reading and writing wait.
    Everything,
}

impl From<Lock> for LockLevel {
    fn from(lock: Lock) -> Self {
        match lock {
            Lock::None => Self::None,
            Lock::Definition => Self::Definition,
            Lock::Writes => Self::Writes,
            Lock::Everything => Self::Everything,
        }
    }
}

impl StatementLock {
    /// As a plan knows it that knows the tables; the server's name stays.
    pub(super) fn planned(known: Option<Self>, lock: Lock) -> Self {
        let name = known.map(|known| known.name).unwrap_or_default();
        Self {
            blocks: lock.into(),
            name,
        }
    }
}

/// Something that people regret later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LintFinding {
    /// For instance `drop-column`.
    pub rule: String,
    /// `info`, `warning` or `error`.
    pub severity: String,
    /// Line in the text as proposed, from 1.
    pub line: u32,
    /// What is wrong and what to do instead.
    pub message: String,
}

impl From<Finding> for LintFinding {
    fn from(finding: Finding) -> Self {
        Self {
            rule: finding.rule,
            severity: finding.severity.to_string(),
            line: finding.line,
            message: finding.message,
        }
    }
}

/// A text, read for one dialect.
#[derive(Debug, Clone)]
pub(super) struct ReadSql {
    /// Each statement followed by `;` and a line feed: what is approved.
    pub(super) sql: String,
    pub(super) sha256: String,
    pub(super) statements: Vec<ProposedStatement>,
    pub(super) findings: Vec<LintFinding>,
}

impl ReadSql {
    /// The highest of its statements.
    pub(super) fn highest(statements: &[ProposedStatement]) -> RiskLevel {
        let risks = statements.iter().map(|statement| statement.risk);
        risks.max().unwrap_or(RiskLevel::Safe)
    }
}

/// Reads `text` by the rules that are wanted, or says line by line what can't be in a release.
pub(super) fn read(dialect: Dialect, text: &str, rules: &Settings) -> Result<ReadSql, Vec<FieldError>> {
    let wrong = |message: String| field_error("sql", message);
    let pieces = split(dialect, text).map_err(|error| vec![wrong(error.to_string())])?;
    if pieces.is_empty() {
        return Err(vec![wrong("holds no statement".into())]);
    }
    let (mut statements, mut refused) = (Vec::with_capacity(pieces.len()), Vec::new());
    for piece in &pieces {
        let seen = classify(dialect, piece.text);
        let lock = lock_of(dialect, piece.text, &seen);
        if let Some(why) = seen.refused {
            refused.push(wrong(format!("line {}: {why}", piece.line)));
        }
        statements.push(ProposedStatement {
            sql: piece.text.to_owned(),
            kind: seen.kind,
            risk: seen.risk.into(),
            reasons: seen
                .reasons
                .into_iter()
                .map(|reason: Reason| reason.text)
                .collect(),
            transactional: seen.transactional,
            rows: None,
            lock: lock.map(|taken| StatementLock {
                blocks: taken.blocks.into(),
                name: taken.name,
            }),
        });
    }
    if !refused.is_empty() {
        return Err(refused);
    }
    let findings = lint_with(dialect, text, rules).map_err(|error| vec![wrong(error.to_string())])?;
    let sql = canonical(pieces.iter().map(|piece| piece.text));
    Ok(ReadSql {
        sha256: sha256(sql.as_bytes()).to_string(),
        sql,
        statements,
        findings: findings.into_iter().map(LintFinding::from).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_risk_counts_and_the_digest_is_of_what_is_shown() {
        let read = read(
            Dialect::Postgres,
            "create table t (id int primary key);\n-- note\ndrop table u",
            &Settings::default(),
        )
        .unwrap();
        assert_eq!(ReadSql::highest(&read.statements), RiskLevel::Destructive);
        assert_eq!(read.sql, "create table t (id int primary key);\ndrop table u;\n");
        assert_eq!(read.sha256, sha256(read.sql.as_bytes()).to_string());
        assert_eq!(read.findings[0].line, 3);
    }

    #[test]
    fn every_refused_statement_is_named() {
        let errors = read(
            Dialect::Postgres,
            "begin;\nselect 1;\ncommit;",
            &Settings::default(),
        )
        .unwrap_err();
        assert_eq!(errors.len(), 2);
        assert!(
            errors[1]
                .message
                .starts_with("line 3: COMMIT can't be part of a release")
        );
    }

    #[test]
    fn nothing_is_not_a_release() {
        assert!(read(Dialect::MySql, "-- nothing", &Settings::default()).is_err());
    }
}
