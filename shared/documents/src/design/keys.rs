//! Keys, indexes and references of a design's tables.

use muster_schema::{
    Dialect,
    model::{Expression, ForeignKey, Index, IndexPart, Indexed, Key, Table},
};

use super::{DesignTable, build::Builder};
use crate::table::{Action, Column, Reference, Sorting};

/// What the servers cut names at, in bytes.
const MAX_NAME: usize = 63;

impl Builder<'_> {
    pub(super) fn add_keys(&mut self, of: &DesignTable, table: &mut Table, primary: &[String]) {
        let postgres = self.is_postgres();
        let key = |name: String, columns: &[String]| Key {
            name,
            columns: columns.iter().map(IndexPart::column).collect(),
            ..Key::default()
        };
        let written = of.table.keys.iter().find(|key| key.primary_key);
        if !primary.is_empty() {
            let name = if postgres {
                let given = written.and_then(|key| key.name.clone());
                given.unwrap_or_else(|| format!("{}_pkey", of.name))
            } else {
                "PRIMARY".to_owned()
            };
            self.too_long(&of.name, "keys", &name);
            table.primary_key = Some(key(name, primary));
        }
        let marked = of
            .table
            .columns
            .iter()
            .filter(|column| column.unique && primary != [column.name.clone()]);
        let marked = marked.map(|column| (None, vec![column.name.clone()]));
        let written = of.table.keys.iter().filter(|key| !key.primary_key);
        let written = written.map(|key| (key.name.clone(), key.columns.clone()));
        for (name, columns) in marked.chain(written).collect::<Vec<_>>() {
            let name = name.unwrap_or_else(|| {
                if postgres {
                    format!("{}_{}_key", of.name, columns.join("_"))
                } else {
                    columns.first().cloned().unwrap_or_default()
                }
            });
            self.too_long(&of.name, "keys", &name);
            let twice = if postgres {
                table
                    .uniques
                    .insert(name.clone(), key(name.clone(), &columns))
                    .is_some()
            } else {
                let index = Index {
                    parts: columns.iter().map(IndexPart::column).collect(),
                    unique: true,
                    method: "btree".to_owned(),
                    ..Index::default()
                };
                table.indexes.insert(name.clone(), index).is_some()
            };
            if twice {
                self.wrong(
                    &of.name,
                    "keys",
                    format!("two keys are called {name}: name one of them"),
                );
            }
        }
    }

    pub(super) fn add_index(&mut self, of: &DesignTable, table: &mut Table, index: &crate::table::Index) {
        let postgres = self.is_postgres();
        let path = format!("index.{}", index.name);
        if let Some(condition) = &index.condition {
            if !postgres {
                self.wrong(
                    &of.name,
                    &path,
                    "MySQL's indexes are over all rows: leave out where",
                );
            }
            self.expression(&of.name, &path, condition);
        }
        let part = |column: &crate::table::IndexColumn| {
            let descending = column.sorting == Sorting::Desc;
            IndexPart {
                on: Indexed::Column(column.name.clone()),
                prefix: column.prefix,
                descending,
                nulls_first: descending && postgres,
                ..IndexPart::column("")
            }
        };
        if postgres && index.columns.iter().any(|column| column.prefix.is_some()) {
            self.wrong(
                &of.name,
                &path,
                "PostgreSQL's indexes are over whole values: leave out prefix",
            );
        }
        let method = index.method.clone().unwrap_or_else(|| "btree".to_owned());
        if !method.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            self.wrong(&of.name, &path, "the method is a word such as btree or gin");
        }
        let made = Index {
            parts: index.columns.iter().map(part).collect(),
            unique: index.unique,
            method,
            condition: index.condition.as_ref().map(|text| Expression::new(text.trim())),
            ..Index::default()
        };
        if table.indexes.insert(index.name.clone(), made).is_some() {
            self.wrong(&of.name, &path, "there are two indexes of this name");
        }
    }

    pub(super) fn add_reference(
        &mut self,
        of: &DesignTable,
        table: &mut Table,
        column: &Column,
        to: &Reference,
    ) {
        let path = format!("columns.{}.reference", column.name);
        let Some(there) = self.design.tables.iter().find(|other| other.name == to.table) else {
            let message = format!(
                "there is no table {} among what is published: publish it too",
                to.table
            );
            self.wrong(&of.name, &path, message);
            return;
        };
        if !there.table.columns.iter().any(|other| other.name == to.column) {
            self.wrong(
                &of.name,
                &path,
                format!("the table {} has no column {}", to.table, to.column),
            );
            return;
        }
        if !is_key(there, &to.column) {
            let message = format!(
                "{}.{} is not unique there, so the database can't hold to it",
                to.table, to.column
            );
            self.wrong(&of.name, &path, message);
        }
        let usual = || usual_name(self.design.dialect, &of.name, &column.name);
        let name = to.name.clone().unwrap_or_else(usual);
        self.too_long(&of.name, &path, &name);
        // A database of MySQL has each name once, whatever the case; of PostgreSQL each table.
        let taken = match self.design.dialect {
            Dialect::Postgres => table.foreign_keys.contains_key(&name),
            Dialect::MySql => !self.foreign_keys.insert(name.to_lowercase()),
        };
        if taken {
            let message = format!("another foreign key is called {name}: give one of them another name");
            self.wrong(&of.name, &path, message);
        }
        table.foreign_keys.insert(
            name,
            ForeignKey {
                columns: vec![column.name.clone()],
                references: there.qualified(self.design.dialect),
                referenced: vec![to.column.clone()],
                on_delete: action(to.on_delete),
                on_update: action(to.on_update),
                on_delete_columns: Vec::new(),
                match_full: false,
                deferral: muster_schema::model::Deferral::default(),
                validated: true,
                comment: None,
            },
        );
    }

    pub(super) fn too_long(&mut self, object: &str, path: &str, name: &str) {
        if name.len() > MAX_NAME {
            self.wrong(
                object,
                path,
                format!("the name {name} would be longer than {MAX_NAME} bytes: give another"),
            );
        }
    }
}

/// What a foreign key is called to which nobody gave a name.
pub(crate) fn usual_name(dialect: Dialect, table: &str, column: &str) -> String {
    match dialect {
        Dialect::Postgres => format!("{table}_{column}_fkey"),
        Dialect::MySql => format!("fk_{table}_{column}"),
    }
}

pub(super) fn primary_columns(of: &DesignTable) -> Vec<String> {
    if let Some(key) = of.table.keys.iter().find(|key| key.primary_key) {
        return key.columns.clone();
    }
    let marked = of.table.columns.iter().filter(|column| column.primary_key);
    marked.map(|column| column.name.clone()).collect()
}

fn is_key(of: &DesignTable, column: &str) -> bool {
    let only = |columns: &[String]| columns.len() == 1 && columns[0] == column;
    only(&primary_columns(of))
        || of
            .table
            .columns
            .iter()
            .any(|other| other.name == column && other.unique)
        || of.table.keys.iter().any(|key| only(&key.columns))
}

pub(super) fn leads_an_index(of: &DesignTable, column: &str) -> bool {
    let keys = of.table.keys.iter().filter_map(|key| key.columns.first());
    let indexes = of
        .table
        .index
        .iter()
        .filter_map(|index| index.columns.first().map(|column| &column.name));
    keys.chain(indexes).any(|first| first == column)
}

const fn action(of: Action) -> muster_schema::model::Action {
    use muster_schema::model::Action as Model;
    match of {
        Action::NoAction => Model::NoAction,
        Action::Restrict => Model::Restrict,
        Action::Cascade => Model::Cascade,
        Action::SetNull => Model::SetNull,
        Action::SetDefault => Model::SetDefault,
    }
}
