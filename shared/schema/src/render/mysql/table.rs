//! Tables and columns.

use super::{add, check, foreign_key, index, name, partitioning, primary_key, string, table_name};
use crate::{
    model::{Column, ColumnDefault, DataType, Expression, ForeignKey, Name, Table},
    normalise::{Node, mysql::tree},
};

/// `create table …` with those foreign keys that `with` wants.
pub(crate) fn create_table(
    table_name_: &Name,
    table: &Table,
    database_collation: Option<&str>,
    with: impl Fn(&str, &ForeignKey) -> bool,
) -> String {
    let mut items: Vec<String> = table.columns.iter().map(|of| column(of, table, false)).collect();
    items.extend(table.primary_key.as_ref().map(primary_key));
    items.extend(table.indexes.iter().map(|(name, of)| index(name, of, false)));
    let keys = table.foreign_keys.iter().filter(|(name, key)| with(name, key));
    items.extend(keys.map(|(name, key)| foreign_key(name, key)));
    items.extend(table.checks.iter().map(|(name, of)| check(name, of)));
    let mut sql = format!(
        "create table {} (\n  {}\n)",
        table_name(table_name_),
        items.join(",\n  ")
    );
    let plain = Table {
        engine: Some("InnoDB".to_owned()),
        collation: database_collation.map(str::to_owned),
        ..Table::default()
    };
    for option in table_options(&plain, table) {
        add(&mut sql, format!(" {option}"));
    }
    if let Some(by) = &table.partition_by {
        add(&mut sql, format!("\n{}", partitioning(by)));
    }
    sql
}

/// The options that make one table of the other.
pub(crate) fn table_options(from: &Table, to: &Table) -> Vec<String> {
    let mut options = Vec::new();
    if let Some(engine) = to.engine.as_ref().filter(|_| from.engine != to.engine) {
        options.push(format!("engine = {engine}"));
    }
    if from.collation != to.collation || (to.collation.is_none() && from.charset != to.charset) {
        if let Some(charset) = &to.charset {
            options.push(format!("default character set = {charset}"));
        }
        if let Some(collation) = &to.collation {
            options.push(format!("collate = {collation}"));
        }
    }
    for (option, value) in to.options.iter() {
        if from.options.get(option) != Some(value) {
            options.push(format!("{option} = {value}"));
        }
    }
    for option in from
        .options
        .keys()
        .filter(|option| !to.options.contains_key(option))
    {
        let nothing = if option == "key_block_size" || option.ends_with("_rows") {
            "0"
        } else {
            "default"
        };
        options.push(format!("{option} = {nothing}"));
    }
    if from.comment != to.comment {
        options.push(format!(
            "comment = {}",
            string(to.comment.as_deref().unwrap_or_default())
        ));
    }
    options
}

/// A type.
fn data_type(of: &DataType) -> String {
    let mut sql = of.name.clone();
    if !of.values.is_empty() {
        let values: Vec<String> = of.values.iter().map(|value| string(value)).collect();
        add(&mut sql, format!("({})", values.join(", ")));
    } else if !of.arguments.is_empty() {
        add(&mut sql, format!("({})", of.arguments.join(", ")));
    }
    if of.unsigned {
        sql += " unsigned";
    }
    if of.zerofill {
        sql += " zerofill";
    }
    sql
}

/// A column's name and definition. `explicit` says its character set even where the table's would do.
pub(crate) fn column(column: &Column, table: &Table, explicit: bool) -> String {
    let mut sql = format!("{} {}", name(&column.name), data_type(&column.data_type));
    let own = column.collation.as_ref().map(|collation| collation.name.as_str());
    if explicit || own != table.collation.as_deref() {
        if let Some(charset) = &column.charset {
            add(&mut sql, format!(" character set {charset}"));
        }
        if let Some(collation) = own {
            add(&mut sql, format!(" collate {collation}"));
        }
    }
    if let Some(generated) = &column.generated {
        let stored = if generated.stored { "stored" } else { "virtual" };
        add(
            &mut sql,
            format!(" generated always as ({}) {stored}", generated.expression),
        );
    }
    if !column.nullable {
        sql += " not null";
    } else if column.data_type.name == "timestamp" && column.generated.is_none() {
        // Older servers take a timestamp for one that is not null.
        sql += " null";
    }
    if let Some(ColumnDefault::Expression(expression)) = &column.default {
        add(&mut sql, format!(" default {}", default(expression)));
    }
    if let Some(moment) = &column.on_update {
        add(&mut sql, format!(" on update {moment}"));
    }
    if column.auto_increment {
        sql += " auto_increment";
    }
    if column.invisible {
        sql += " invisible";
    }
    if let Some(comment) = &column.comment {
        add(&mut sql, format!(" comment {}", string(comment)));
    }
    if let Some(condition) = &column.check {
        add(&mut sql, format!(" check ({condition})"));
    }
    sql
}

/// A literal and the current time stand bare; MySQL wants brackets around anything else.
fn default(expression: &Expression) -> String {
    let bare = match tree(expression) {
        Ok(Node::Call(name, _)) => name == ["current_timestamp"],
        Ok(node) => node.is_literal(),
        Err(_) => false,
    };
    let text = expression.as_str();
    if bare {
        let mut inner = text.trim();
        while let Some(stripped) = inner.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            if tree(&Expression::new(stripped)).is_err() {
                break;
            }
            inner = stripped.trim();
        }
        inner.to_owned()
    } else {
        format!("({text})")
    }
}
