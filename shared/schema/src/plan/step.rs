//! What a plan is made of.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Aside, SetAside};
use crate::{Reason, Risk};

/// The way from one schema to another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// In the order in which they must run.
    pub steps: Vec<Step>,
    /// What the options kept from being planned: the target keeps these, and won't be the same as `to`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<Withheld>,
    /// What is set aside instead of being dropped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set_aside: Vec<SetAside>,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The statement, without a terminator.
    pub sql: String,
    /// What it changes.
    pub object: Subject,
    /// The highest of the reasons' risks.
    pub risk: Risk,
    /// Why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// The lock that it takes on a table that is there already.
    pub lock: Lock,
    /// Whether it can stand in a transaction with others. MySQL commits at each.
    pub transactional: bool,
    /// The way back.
    pub reverse: Reverse,
}

/// What a step changes, for people and for grouping.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    /// `table`, `column`, `index`, `foreign key`…
    pub kind: String,
    /// Its name; of a part of a table `table.part`.
    pub name: String,
}

/// What others can't do while a step runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Lock {
    /// Nothing that is in use is locked.
    None,
    /// Reading and writing go on; other changes of the definition wait.
    Definition,
    /// Reading goes on, writing waits.
    Writes,
    /// Reading and writing wait.
    Everything,
}

/// The way back from a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reverse {
    /// These statements, in this order, and nothing is lost.
    Sql(Vec<String>),
    /// These statements bring the definition back; what the text says doesn't come back.
    Lossy(Vec<String>, String),
    /// There is none, and why.
    None(String),
}

/// A change that the options forbid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Withheld {
    /// What would have been changed.
    pub object: Subject,
    /// The statement that was not planned.
    pub sql: String,
}

/// What may be planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PlanOptions {
    /// Whether what `to` doesn't hold is dropped. Without it such objects stay, and the plan says which.
    pub drops: bool,
    /// Whether indexes are built and dropped `concurrently` (PostgreSQL), outside of transactions.
    pub concurrently: bool,
    /// Whether checks and foreign keys of tables that are there are added `not valid` (PostgreSQL), which takes a moment, and
    /// held against the rows by statements of their own, outside of transactions, while reading and writing go on.
    pub validate_apart: bool,
    /// What the server says of its version, if each `alter table` is to say how it is carried out (MySQL, MariaDB): at once, in place,
    /// or by copying the table where no other way is known. A server that can't do it so refuses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub online: Option<String>,
    /// Whether tables and columns that go are renamed aside instead, where that can be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aside: Option<Aside>,
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self {
            drops: true,
            concurrently: false,
            validate_apart: false,
            online: None,
            aside: None,
        }
    }
}

/// There is no plan: a change is not understood, or can't be had. All reasons, for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no plan: {}", .reasons.join("; "))]
pub struct Refusal {
    /// At least one.
    pub reasons: Vec<String>,
}

impl Refusal {
    /// For one reason.
    pub(crate) fn because(reason: impl Into<String>) -> Self {
        Self {
            reasons: vec![reason.into()],
        }
    }
}

impl Plan {
    /// Nothing is to be done, and nothing was withheld.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.withheld.is_empty()
    }

    /// All statements, each with `;` and a line feed.
    pub fn sql(&self) -> String {
        crate::canonical(self.steps.iter().map(|step| step.sql.as_str()))
    }

    /// The highest risk of its steps.
    pub fn risk(&self) -> Risk {
        self.steps
            .iter()
            .map(|step| step.risk)
            .max()
            .unwrap_or(Risk::Safe)
    }
}

impl Step {
    /// A step that loses nothing and locks nothing.
    pub(crate) fn new(kind: &str, name: impl fmt::Display, sql: impl Into<String>, reverse: Reverse) -> Self {
        Self {
            sql: sql.into(),
            object: Subject {
                kind: kind.to_owned(),
                name: name.to_string(),
            },
            risk: Risk::Safe,
            reasons: Vec::new(),
            lock: Lock::None,
            transactional: true,
            reverse,
        }
    }

    /// With a reason that counts.
    #[must_use]
    pub(crate) fn because(mut self, risk: Risk, text: impl Into<String>) -> Self {
        self.risk = self.risk.max(risk);
        self.reasons.push(Reason {
            risk,
            text: text.into(),
        });
        self
    }

    /// With a lock.
    #[must_use]
    pub(crate) fn locking(mut self, lock: Lock) -> Self {
        self.lock = self.lock.max(lock);
        self
    }
}

impl Reverse {
    /// One statement.
    pub(crate) fn one(sql: impl Into<String>) -> Self {
        Self::Sql(vec![sql.into()])
    }

    /// One statement, and what doesn't come back.
    pub(crate) fn losing(sql: impl Into<String>, lost: impl Into<String>) -> Self {
        Self::Lossy(vec![sql.into()], lost.into())
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}
