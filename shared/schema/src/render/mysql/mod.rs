//! MySQL's and MariaDB's SQL.

mod parts;
mod table;

pub(crate) use parts::{check, foreign_key, index, partitioning, primary_key};
pub(crate) use table::{column, create_table, table_options};

use super::{quoted_name, quoted_string};
use crate::{
    Dialect, Schema,
    model::{Name, View},
};

/// The statements that make the schema, foreign keys last.
pub(super) fn schema(schema: &Schema) -> Vec<String> {
    let mut statements = Vec::new();
    for (name, of) in &schema.tables {
        statements.push(create_table(name, of, schema.collation.as_deref(), |_, _| false));
    }
    for (name, of) in &schema.tables {
        for (key_name, key) in &of.foreign_keys {
            statements.push(format!(
                "alter table {} add {}",
                table_name(name),
                foreign_key(key_name, key)
            ));
        }
    }
    for name in crate::plan::mysql_views_in_order(schema) {
        if let Some(view) = schema.views.get(&name) {
            statements.push(create_view(&name, view, false));
        }
    }
    let defined = schema
        .opaque
        .values()
        .filter(|opaque| !opaque.definition.is_empty());
    statements.extend(defined.map(|opaque| opaque.definition.clone()));
    statements
}

/// More of a statement.
#[expect(clippy::needless_pass_by_value, reason = "what is given is written for this")]
fn add(sql: &mut String, text: String) {
    sql.push_str(&text);
}

/// A name.
pub(crate) fn name(name: &str) -> String {
    quoted_name(Dialect::MySql, name)
}

/// A table's or view's name.
pub(crate) fn table_name(table: &Name) -> String {
    name(&table.name)
}

/// A string.
pub(crate) fn string(text: &str) -> String {
    quoted_string(Dialect::MySql, text)
}

/// `create [or replace] view …`
pub(crate) fn create_view(view_name: &Name, view: &View, replace: bool) -> String {
    let mut sql = "create ".to_owned();
    if replace {
        sql += "or replace ";
    }
    if let Some(algorithm) = view.options.get("algorithm") {
        add(&mut sql, format!("algorithm = {algorithm} "));
    }
    if let Some(definer) = view.options.get("definer") {
        let (user, host) = definer.rsplit_once('@').unwrap_or((definer, "%"));
        add(&mut sql, format!("definer = {}@{} ", name(user), name(host)));
    }
    if let Some(security) = view.options.get("security") {
        add(&mut sql, format!("sql security {security} "));
    }
    add(&mut sql, format!("view {}", table_name(view_name)));
    if !view.columns.is_empty() {
        let columns: Vec<String> = view.columns.iter().map(|column| name(column)).collect();
        add(&mut sql, format!(" ({})", columns.join(", ")));
    }
    add(&mut sql, format!(" as {}", view.query));
    if let Some(check) = view.options.get("check_option") {
        add(&mut sql, format!(" with {check} check option"));
    }
    sql
}
