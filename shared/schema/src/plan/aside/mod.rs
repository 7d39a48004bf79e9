//! Drops that are soft: what goes is renamed aside with its rows, and dropped some other day.
//!
//! First come the steps that set something aside, by the names that are there now: what would stop inserts or further
//! changes goes (foreign keys, keys, checks and indexes over a column; foreign keys from and to a table), then it is
//! renamed. Then comes the plan from what is there without it. So the planners need not know of it, and the way back is
//! the steps' way back.
//!
//! What can't be set aside is dropped as ever, with the same risk, and its step says why ([`hard`]).

mod hard;
mod mysql;
mod postgres;
#[cfg(test)]
mod tests;
mod without;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use self::without::{at_table, whereabouts, without};
use super::{Plan, PlanOptions, Refusal, Step, straight};
use crate::{
    Dialect, Reason, Risk, Schema,
    model::{Name, Table},
    read::mysql::same_name,
};

/// How the names of what is set aside begin.
pub const MARK: &str = "zz_aside_";

/// Characters of a mark.
const MOST_MARK: usize = 20;

/// That tables and columns that go are renamed aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Aside {
    mark: String,
    taken: BTreeSet<String>,
}

#[derive(Serialize, Deserialize)]
struct Written {
    mark: String,
    #[serde(default)]
    taken: BTreeSet<String>,
}

/// The mark is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a mark is 1 to 20 small letters and digits")]
pub struct AsideError;

impl Aside {
    /// With a mark that the names carry, for instance a date, and names that are taken although the schema that one comes
    /// from doesn't show them: what was set aside before.
    pub fn new(mark: impl Into<String>, taken: BTreeSet<String>) -> Result<Self, AsideError> {
        let mark = mark.into();
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        if mark.is_empty() || mark.len() > MOST_MARK || !mark.chars().all(good) {
            return Err(AsideError);
        }
        Ok(Self { mark, taken })
    }
}

impl TryFrom<Written> for Aside {
    type Error = AsideError;

    fn try_from(written: Written) -> Result<Self, AsideError> {
        Self::new(written.mark, written.taken)
    }
}

impl From<Aside> for Written {
    fn from(of: Aside) -> Self {
        Self {
            mark: of.mark,
            taken: of.taken,
        }
    }
}

/// What a plan sets aside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetAside {
    /// The table as it is called after the plan; of a table that is set aside, as it was called before.
    pub table: Name,
    /// The column as it was called; none if the table itself is set aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What the table or the column is called now.
    pub now: String,
    /// What drops it for good.
    pub drop: String,
    /// What gives it its name back. Keys, checks and that it may not be null are for people to decide then.
    pub restore: Vec<String>,
}

/// A table or a column that goes.
struct Going {
    /// The table as it is called now.
    table: Name,
    /// And after the plan.
    after: Name,
    column: Option<String>,
}

/// A plan being made.
struct Setting<'a> {
    /// What is there apart from what was set aside by now.
    from: Schema,
    to: &'a Schema,
    how: &'a Aside,
    given: BTreeSet<String>,
    steps: Vec<Step>,
    set_aside: Vec<SetAside>,
}

pub(super) fn plan(from: &Schema, to: &Schema, options: &PlanOptions, how: &Aside) -> Result<Plan, Refusal> {
    let mut setting = Setting {
        from: from.clone(),
        to,
        how,
        given: BTreeSet::new(),
        steps: Vec::new(),
        set_aside: Vec::new(),
    };
    let mut kept = Vec::new();
    for going in going(from, to) {
        let found = match &going.column {
            Some(column) => hard::column(from, to, &going.table, column),
            None => hard::table(from, to, &going.table),
        };
        match found {
            Some(why) => kept.push((going, why)),
            None => setting.put(&going),
        }
    }
    let mut rest = straight(&setting.from, to, options)?;
    for (going, why) in kept {
        say(&mut rest.steps, to.dialect, &going, &why);
    }
    let mut steps = setting.steps;
    for step in &mut steps {
        step.transactional = to.dialect == Dialect::Postgres;
    }
    steps.append(&mut rest.steps);
    Ok(Plan {
        steps,
        withheld: rest.withheld,
        set_aside: setting.set_aside,
    })
}

/// What `to` doesn't hold and doesn't call otherwise. Tables first: columns of those need nothing.
fn going(from: &Schema, to: &Schema) -> Vec<Going> {
    let (mut tables, mut columns) = (Vec::new(), Vec::new());
    for (name, table) in &from.tables {
        let Some((after, new)) = counterpart(from, to, name) else {
            let is_case = to.dialect == Dialect::MySql
                && to.tables.keys().any(|other| same_name(&other.name, &name.name));
            if !is_case {
                tables.push(Going {
                    table: name.clone(),
                    after: name.clone(),
                    column: None,
                });
            }
            continue;
        };
        let stays = |column: &str| {
            new.columns.iter().any(|other| {
                other.name == column
                    || (to.dialect == Dialect::MySql && same_name(&other.name, column))
                    || (other.renamed_from.as_deref() == Some(column) && table.column(&other.name).is_none())
            })
        };
        columns.extend(
            table
                .columns
                .iter()
                .filter(|column| !stays(&column.name))
                .map(|column| Going {
                    table: name.clone(),
                    after: after.clone(),
                    column: Some(column.name.clone()),
                }),
        );
    }
    tables.append(&mut columns);
    tables
}

/// The table as it is afterwards.
fn counterpart<'a>(from: &Schema, to: &'a Schema, name: &Name) -> Option<(&'a Name, &'a Table)> {
    to.tables.get_key_value(name).or_else(|| {
        to.tables
            .iter()
            .find(|(new, table)| table.renamed_from.as_ref() == Some(name) && !from.tables.contains_key(*new))
    })
}

/// Says at the step that drops something why it does.
fn say(steps: &mut [Step], dialect: Dialect, going: &Going, why: &str) {
    let (what, kind, name) = match &going.column {
        None => (format!("table {}", going.after), "table", going.after.to_string()),
        Some(column) if dialect == Dialect::Postgres => (
            format!("column {column} of {}", going.after),
            "column",
            format!("{}.{column}", going.after),
        ),
        // One statement changes all of a table there.
        Some(column) => (
            format!("column {column} of {}", going.after),
            "table",
            going.after.to_string(),
        ),
    };
    let found = steps
        .iter_mut()
        .find(|step| step.object.kind == kind && step.object.name == name && step.sql.contains("drop "));
    if let Some(step) = found {
        let risk = step.risk;
        step.reasons.push(Reason {
            risk,
            text: format!("{what} is not set aside but dropped: {why}"),
        });
    }
}

impl Setting<'_> {
    fn put(&mut self, going: &Going) {
        let own = going.column.as_ref().unwrap_or(&going.table.name);
        let now = self.name_for(own);
        let (drop, restore) = match (&going.column, self.to.dialect) {
            (Some(column), Dialect::Postgres) => self.postgres_column(going, column, &now),
            (Some(column), Dialect::MySql) => self.mysql_column(going, column, &now),
            (None, Dialect::Postgres) => self.postgres_table(&going.table, &now),
            (None, Dialect::MySql) => self.mysql_table(&going.table, &now),
        };
        self.set_aside.push(SetAside {
            table: going.after.clone(),
            column: going.column.clone(),
            now,
            drop,
            restore,
        });
    }

    /// A name that nothing has: as much of the old one as the server lets stand.
    fn name_for(&mut self, own: &str) -> String {
        let head = format!("{MARK}{}_", self.how.mark);
        let mut number = 1_u32;
        loop {
            let tail = if number == 1 {
                String::new()
            } else {
                format!("_{number}")
            };
            let room = match self.to.dialect {
                Dialect::Postgres => 63_usize,
                Dialect::MySql => 64,
            };
            let body = cut(self.to.dialect, own, room.saturating_sub(head.len() + tail.len()));
            let name = format!("{head}{body}{tail}");
            if !self.is_taken(&name) {
                self.given.insert(name.clone());
                return name;
            }
            number += 1;
        }
    }

    fn is_taken(&self, name: &str) -> bool {
        let among = |schema: &Schema| {
            schema.tables.iter().any(|(of, table)| {
                same_name(&of.name, name)
                    || table.columns.iter().any(|column| same_name(&column.name, name))
                    || table.indexes.keys().any(|index| same_name(index, name))
            }) || schema.views.keys().any(|of| same_name(&of.name, name))
                || schema.sequences.keys().any(|of| same_name(&of.name, name))
        };
        self.given.contains(name) || self.how.taken.contains(name) || among(&self.from) || among(self.to)
    }
}

/// As much of a name as has room: bytes in PostgreSQL, characters in MySQL.
pub(crate) fn cut(dialect: Dialect, name: &str, room: usize) -> &str {
    let end = match dialect {
        Dialect::Postgres => (0..=room.min(name.len()))
            .rev()
            .find(|end| name.is_char_boundary(*end)),
        Dialect::MySql => name.char_indices().nth(room).map(|(at, _)| at),
    };
    match (dialect, end) {
        (Dialect::MySql, None) => name,
        (_, end) => &name[..end.unwrap_or(0)],
    }
}

/// What people are told of what is set aside.
fn gone_from_sight(what: &str, now: &str) -> (Risk, String) {
    (
        Risk::Warning,
        format!(
            "{what} is set aside as {now}: programs that use it fail from that moment on, and nothing of it is lost"
        ),
    )
}
