//! A database's design, its schema, and the change from one design to another.

mod build;
mod keys;
pub(crate) mod probe;
mod verify;

use std::collections::{BTreeMap, BTreeSet};

use muster_schema::{Dialect, Plan, PlanOptions, Refusal, Reverse, Schema, model::Name, plan};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use self::keys::usual_name;
use crate::{kind::view::ViewValues, table::TableValues};

/// The tables and views of one database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Design {
    /// Whose SQL it is in.
    pub dialect: Dialect,
    /// Tables.
    pub tables: Vec<DesignTable>,
    /// Views.
    pub views: Vec<DesignView>,
}

/// A table in a design.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DesignTable {
    /// By which it is the same table under another name.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What it is.
    pub table: TableValues,
    /// SQL that runs after its change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql_script: Option<String>,
}

/// A view in a design.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DesignView {
    /// Its document's id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What it is.
    pub view: ViewValues,
}

/// What can't be made of a design.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesignFault {
    /// The table's or view's name; empty for the whole.
    pub object: String,
    /// What of it, for instance `columns.age.dataType`.
    pub path: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// The way from one design to another.
#[derive(Debug, Clone)]
pub struct Change {
    /// What changes in the schema.
    pub plan: Plan,
    /// Scripts that run after it, with their tables' names: those that have changed, or whose table is new.
    pub scripts: Vec<(String, String)>,
    /// The schema that it ends at.
    pub to: Schema,
}

/// Why there is no change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// One of the designs is no schema.
    #[error("the design can't be made")]
    Design(Vec<DesignFault>),
    /// A change isn't understood or can't be had.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Design {
    /// Nothing.
    pub fn empty(dialect: Dialect) -> Self {
        Self {
            dialect,
            tables: Vec::new(),
            views: Vec::new(),
        }
    }

    /// As a schema that a plan can be made to.
    pub fn schema(&self) -> Result<Schema, Vec<DesignFault>> {
        let built = build::schema(self)?;
        verify::through_sql(&built)
    }

    /// This design with the chosen tables and views as they are in `latest`: gone where they are gone there.
    #[must_use]
    pub fn with(&self, latest: &Self, chosen: &BTreeSet<Uuid>) -> Self {
        fn merged<T: Clone>(
            old: &[T],
            new: &[T],
            chosen: &BTreeSet<Uuid>,
            id: impl Fn(&T) -> Uuid,
        ) -> Vec<T> {
            let kept = old.iter().filter(|of| !chosen.contains(&id(of)));
            let taken = new.iter().filter(|of| chosen.contains(&id(of)));
            kept.chain(taken).cloned().collect()
        }
        Self {
            dialect: latest.dialect,
            tables: merged(&self.tables, &latest.tables, chosen, |table| table.id),
            views: merged(&self.views, &latest.views, chosen, |view| view.id),
        }
    }

    fn table(&self, id: Uuid) -> Option<&DesignTable> {
        self.tables.iter().find(|table| table.id == id)
    }
}

impl DesignTable {
    /// Its name in a schema.
    pub(crate) fn qualified(&self, dialect: Dialect) -> Name {
        let namespace = match dialect {
            Dialect::Postgres => self.table.namespace.as_deref().unwrap_or("public"),
            Dialect::MySql => "",
        };
        Name::new(namespace, self.name.clone())
    }
}

/// The change from one design to another; from nothing if there is none.
pub fn change(from: Option<&Design>, to: &Design, options: &PlanOptions) -> Result<Change, ChangeError> {
    let empty = Design::empty(to.dialect);
    let from = from.unwrap_or(&empty);
    let before = from.schema().map_err(ChangeError::Design)?;
    let mut after = to.schema().map_err(ChangeError::Design)?;
    mark_renames(from, to, &mut after);
    let plan = plan(&before, &after, options)?;
    let scripts = to.tables.iter().filter_map(|table| {
        let script = table.sql_script.as_ref()?;
        let old = from.table(table.id).and_then(|old| old.sql_script.as_ref());
        (old != Some(script)).then(|| (table.name.clone(), script.clone()))
    });
    Ok(Change {
        plan,
        scripts: scripts.collect(),
        to: after,
    })
}

/// What has another name under the same id was renamed.
fn mark_renames(from: &Design, to: &Design, after: &mut Schema) {
    for table in &to.tables {
        let Some(old) = from.table(table.id) else { continue };
        let (name, old_name) = (table.qualified(to.dialect), old.qualified(from.dialect));
        let Some(found) = after.tables.get_mut(&name) else {
            continue;
        };
        if name != old_name {
            found.renamed_from = Some(old_name);
        }
        let old_names: BTreeMap<Uuid, &str> = old
            .table
            .columns
            .iter()
            .filter_map(|column| Some((column.id?, column.name.as_str())))
            .collect();
        for column in &table.table.columns {
            let old_name = column.id.and_then(|id| old_names.get(&id));
            if let Some(old_name) = old_name.filter(|old| **old != column.name)
                && let Some(found) = found.column_mut(&column.name)
            {
                found.renamed_from = Some((*old_name).to_owned());
            }
        }
    }
}

impl Change {
    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.plan.is_empty() && self.scripts.is_empty()
    }

    /// Everything that is to run, as one text.
    pub fn sql(&self) -> String {
        let mut sql = self.plan.sql();
        for (_, script) in &self.scripts {
            sql.push_str(script.trim_end());
            if !script.trim_end().ends_with(';') {
                sql.push(';');
            }
            sql.push('\n');
        }
        sql
    }

    /// The SQL that takes the schema back, and what it doesn't bring back.
    pub fn way_back(&self) -> (String, Vec<String>) {
        let (mut sql, mut lost) = (Vec::new(), Vec::new());
        for (table, _) in self.scripts.iter().rev() {
            lost.push(format!("what the script of {table} did is not taken back"));
        }
        for step in self.plan.steps.iter().rev() {
            match &step.reverse {
                Reverse::Sql(statements) => sql.extend(statements.iter().map(String::as_str)),
                Reverse::Lossy(statements, what) => {
                    sql.extend(statements.iter().map(String::as_str));
                    lost.push(format!("{}: {what}", step.object));
                }
                Reverse::None(why) => lost.push(format!("{}: {why}", step.object)),
            }
        }
        (muster_schema::canonical(sql), lost)
    }
}
