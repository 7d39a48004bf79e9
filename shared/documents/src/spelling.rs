//! The same thing written in two ways: what an import or a sync brings keeps the words that people chose, so that only
//! what means something else is a difference.

use muster_schema::{Dialect, PlanOptions, Schema, plan};
use uuid::Uuid;

use crate::{
    Design, DesignTable,
    design::probe,
    import::on_server_of,
    table::{Column, Index, Key, TableValues},
};

impl TableValues {
    /// Takes over how `old` writes what is the same in it: types, defaults, unique columns, order of keys and indexes.
    pub fn spell_like(&mut self, old: &Self, dialect: Dialect, table: &str) {
        for column in &mut self.columns {
            let Some(old) = old.columns.iter().find(|other| other.name == column.name) else {
                continue;
            };
            if same_type(dialect, &column.data_type, &old.data_type) {
                column.data_type.clone_from(&old.data_type);
            }
            if same_default(dialect, column, old) {
                column.default_value.clone_from(&old.default_value);
            }
            // A server makes them so; whether a document says it too makes no difference.
            if (old.primary_key && column.primary_key) || (old.auto_inc && column.auto_inc) {
                column.not_null = old.not_null;
            }
            if old.unique && !column.unique {
                take_unique(&mut self.keys, &mut self.index, column, dialect, table);
            }
        }
        let place = |name: &Option<String>| old.keys.iter().position(|key| key.name == *name);
        self.keys
            .sort_by_key(|key| place(&key.name).unwrap_or(usize::MAX));
        let place = |name: &String| old.index.iter().position(|index| index.name == *name);
        self.index
            .sort_by_key(|index| place(&index.name).unwrap_or(usize::MAX));
    }
}

impl TableValues {
    /// Takes over how `old` writes what the server that `live` was read from makes of it by itself: engines, character sets and
    /// display widths that nobody chose are no difference.
    pub fn settle_on(&mut self, old: &Self, live: &Schema) {
        if live.server.is_none() {
            return;
        }
        let plain = Column {
            name: "c".into(),
            data_type: "int".into(),
            ..Column::default()
        };
        if same_there(live, &old.only(plain.clone()), &self.only(plain)) {
            self.engine.clone_from(&old.engine);
            self.charset.clone_from(&old.charset);
            self.collation.clone_from(&old.collation);
        }
        let around = Self {
            columns: Vec::new(),
            ..self.clone()
        };
        for column in &mut self.columns {
            let Some(old_column) = old.columns.iter().find(|other| other.name == column.name) else {
                continue;
            };
            let (left, right) = (old.only(alone(old_column)), around.only(alone(column)));
            if same_there(live, &left, &right) {
                *column = Column {
                    id: column.id,
                    primary_key: column.primary_key,
                    unique: column.unique,
                    reference: column.reference.take(),
                    generated: column.generated.take(),
                    renamed_from: None,
                    ..old_column.clone()
                };
            }
        }
    }

    /// A table like this one, with nothing in it but this column.
    fn only(&self, column: Column) -> Self {
        Self {
            columns: vec![column],
            keys: Vec::new(),
            index: Vec::new(),
            checks: Vec::new(),
            comment: None,
            ..self.clone()
        }
    }
}

/// A column without what ties it to others. One that counts by itself has to be a key.
fn alone(of: &Column) -> Column {
    Column {
        id: None,
        renamed_from: None,
        primary_key: of.auto_inc,
        unique: false,
        reference: None,
        generated: None,
        ..of.clone()
    }
}

/// Whether a server makes the same of both.
fn same_there(live: &Schema, left: &TableValues, right: &TableValues) -> bool {
    let schema = |table: &TableValues| {
        let design = Design {
            dialect: live.dialect,
            tables: vec![DesignTable {
                id: Uuid::nil(),
                name: "probe".into(),
                table: table.clone(),
                sql_script: None,
            }],
            views: Vec::new(),
        };
        design.schema().ok().map(|schema| on_server_of(schema, live))
    };
    match (schema(left), schema(right)) {
        (Some(left), Some(right)) => {
            plan(&left, &right, &PlanOptions::default()).is_ok_and(|plan| plan.is_empty())
        }
        _ => false,
    }
}

fn same_type(dialect: Dialect, left: &str, right: &str) -> bool {
    match (probe::data_type(dialect, left), probe::data_type(dialect, right)) {
        (Ok(left), Ok(right)) => left == right,
        _ => left.eq_ignore_ascii_case(right),
    }
}

fn same_default(dialect: Dialect, left: &Column, right: &Column) -> bool {
    let (Some(one), Some(other)) = (&left.default_value, &right.default_value) else {
        return false;
    };
    match (
        probe::default(dialect, &left.data_type, one),
        probe::default(dialect, &right.data_type, other),
    ) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// A unique column is a key of the name that the server gives.
fn take_unique(
    keys: &mut Vec<Key>,
    indexes: &mut Vec<Index>,
    column: &mut Column,
    dialect: Dialect,
    table: &str,
) {
    let given = match dialect {
        Dialect::Postgres => format!("{table}_{}_key", column.name),
        Dialect::MySql => column.name.clone(),
    };
    let before = keys.len() + indexes.len();
    keys.retain(|key| {
        key.primary_key || key.columns != [column.name.clone()] || key.name.as_ref() != Some(&given)
    });
    indexes.retain(|index| {
        let only = index.columns.len() == 1 && index.columns[0].name == column.name;
        !(index.unique && only && index.name == given && index.condition.is_none())
    });
    column.unique = keys.len() + indexes.len() < before;
}

#[cfg(test)]
mod tests {
    use muster_schema::read;

    use super::*;
    use crate::import;

    #[test]
    fn what_means_the_same_is_no_difference() {
        let text = "apiVersion: v1alpha1\nkind: TableSnapshot\nmetadata: {name: users}\nspec:\n  database: shop\n  columns:\n    \
                    - {name: id, dataType: int, primaryKey: true}\n    \
                    - {name: code, dataType: VARCHAR(32), notNull: true, unique: true}\n    \
                    - {name: n, dataType: \"decimal(10,2)\", defaultValue: 0}\n";
        let (_, old, _) = crate::tests::table(text);
        for (dialect, sql) in [
            (
                Dialect::Postgres,
                "create table users (id integer primary key, code character varying(32) not null unique, \
                 n numeric(10,2) default 0)",
            ),
            (
                Dialect::MySql,
                "create table users (id int primary key, code varchar(32) not null unique, n decimal(10,2) default 0)",
            ),
        ] {
            let (name, mut values) = import(&read(dialect, sql).unwrap(), "shop").tables.remove(0);
            values.spell_like(&old, dialect, &name);
            assert_eq!(values, old, "{dialect}");
        }
    }
}
