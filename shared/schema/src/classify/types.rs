//! The answer's types.

use std::fmt;

use serde::{Deserialize, Serialize};
use sqlparser::ast::{Ident, ObjectName};

use crate::Dialect;

/// Reasons that are listed.
const MAX_REASONS: usize = 200;
/// Objects that are listed.
const MAX_OBJECTS: usize = 1_000;

/// How dangerous a statement is. Ordered: the highest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Risk {
    /// Loses nothing, and locks only for a moment.
    Safe,
    /// May lock for long, fail on the data that is there, or break programs that still run.
    Warning,
    /// Loses data.
    Destructive,
    /// Can't be read; anything may happen.
    Unknown,
}

impl Risk {
    /// The number that work orders carry: 0 safe, 1 warning, 2 destructive, 3 unknown.
    pub const fn as_u8(self) -> u8 {
        self as u8
    }

    /// The risk of such a number; what isn't one is unknown.
    pub const fn from_u8(number: u8) -> Self {
        match number {
            0 => Self::Safe,
            1 => Self::Warning,
            2 => Self::Destructive,
            _ => Self::Unknown,
        }
    }

    /// The word that JSON uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Warning => "warning",
            Self::Destructive => "destructive",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a statement has its risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The risk that this reason alone gives.
    pub risk: Risk,
    /// For a person.
    pub text: String,
}

/// What kind of statement it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the statements' own names")]
pub enum StatementKind {
    CreateTable,
    AlterTable,
    DropTable,
    RenameTable,
    Truncate,
    CreateIndex,
    DropIndex,
    Reindex,
    CreateView,
    AlterView,
    DropView,
    CreateRoutine,
    DropRoutine,
    CreateTrigger,
    DropTrigger,
    CreateSchema,
    DropSchema,
    CreateDatabase,
    DropDatabase,
    CreateSequence,
    DropSequence,
    CreateType,
    AlterType,
    DropType,
    CreateExtension,
    DropExtension,
    Comment,
    Permission,
    Insert,
    Update,
    Delete,
    Merge,
    Select,
    Explain,
    Vacuum,
    Analyze,
    Set,
    Other,
}

/// How a statement must be treated so that it happens exactly once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Class {
    /// Changes rows: in one transaction with its ledger row, on both dialects.
    Data,
    /// Changes definitions: MySQL commits at each, so the catalogue has to tell whether it happened.
    Definition,
    /// Only reads.
    Read,
    /// Sets something for the session: to be done again when work resumes in a new session.
    Session,
    /// Looks after storage or statistics; doing it twice does no harm.
    Maintenance,
    /// None of these, or not known.
    Unknown,
}

/// An object as a statement names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    /// PostgreSQL's schema or MySQL's database, if the statement says it.
    pub schema: Option<String>,
    /// Its name, folded as the server folds it.
    pub name: String,
}

impl ObjectRef {
    pub(crate) fn of(dialect: Dialect, name: &ObjectName) -> Self {
        let mut parts = name.0.iter().rev().map(|part| {
            part.as_ident()
                .map_or_else(String::new, |ident| fold(dialect, ident))
        });
        let own = parts.next().unwrap_or_default();
        Self {
            schema: parts.next(),
            name: own,
        }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}.")?;
        }
        f.write_str(&self.name)
    }
}

/// A name as the server keeps it: PostgreSQL lowers what isn't quoted.
pub(crate) fn fold(dialect: Dialect, ident: &Ident) -> String {
    match dialect {
        Dialect::Postgres if ident.quote_style.is_none() => ident.value.to_lowercase(),
        Dialect::Postgres | Dialect::MySql => ident.value.clone(),
    }
}

/// Something that can be looked up in the catalogue, and holds once the statement has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// The table (or view, or materialised view) is there, or is not.
    Relation {
        /// Which.
        name: ObjectRef,
        /// Whether it is there.
        present: bool,
    },
    /// The column is there, or is not.
    Column {
        /// Its table.
        table: ObjectRef,
        /// Which.
        column: String,
        /// Whether it is there.
        present: bool,
    },
    /// The index is there, or is not.
    Index {
        /// Its table, where the statement says it.
        table: Option<ObjectRef>,
        /// Which.
        index: ObjectRef,
        /// Whether it is there.
        present: bool,
    },
    /// The enum type has the value.
    EnumValue {
        /// The type.
        name: ObjectRef,
        /// The value.
        value: String,
    },
    /// The database is there, or is not.
    Database {
        /// Which.
        name: String,
        /// Whether it is there.
        present: bool,
    },
}

/// What is known of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Classification {
    /// What it is.
    pub kind: StatementKind,
    /// How it must be treated.
    pub class: Class,
    /// Tables, views and the like that it names. Empty if they can't be told.
    pub objects: Vec<ObjectRef>,
    /// What will hold afterwards. Empty if that can't be told.
    pub effects: Vec<Effect>,
    /// The highest of the reasons' risks.
    pub risk: Risk,
    /// Why; empty only for what is safe.
    pub reasons: Vec<Reason>,
    /// Can run in a transaction with others. On MySQL that is only rows' changes.
    pub transactional: bool,
    /// Why it can't be part of a release at all.
    pub refused: Option<String>,
}

impl Classification {
    pub(crate) const fn of(kind: StatementKind, class: Class) -> Self {
        Self {
            kind,
            class,
            objects: Vec::new(),
            effects: Vec::new(),
            risk: Risk::Safe,
            reasons: Vec::new(),
            transactional: true,
            refused: None,
        }
    }

    pub(crate) fn because(&mut self, risk: Risk, text: impl Into<String>) {
        // A person reads no more; what would raise the risk still counts.
        if self.reasons.len() >= MAX_REASONS && self.reasons.iter().any(|reason| reason.risk >= risk) {
            return;
        }
        let text = text.into();
        if !self.reasons.iter().any(|reason| reason.text == text) {
            self.reasons.push(Reason { risk, text });
        }
    }

    pub(crate) fn refuse(&mut self, why: impl Into<String>) {
        let why = why.into();
        self.because(Risk::Unknown, why.clone());
        self.refused.get_or_insert(why);
    }

    pub(crate) fn touch(&mut self, object: ObjectRef) {
        if self.objects.len() >= MAX_OBJECTS {
            self.because(Risk::Unknown, "it names more objects than are looked at");
            return;
        }
        if !self.objects.contains(&object) {
            self.objects.push(object);
        }
    }
}
