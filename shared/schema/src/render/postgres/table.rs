//! Tables and indexes.

use super::parts::{
    check, column_default, data_type, deferral, generated, identity, index_part, key, name, names, options,
    qualified,
};
use crate::model::{Bounds, Column, Exclusion, Expression, Index, Name, PartitionBy, Strategy, Table};

/// `create table`, with all constraints but the foreign keys.
pub(crate) fn create_table(at: &Name, of: &Table) -> String {
    let mut sql = if of.unlogged {
        "create unlogged table "
    } else {
        "create table "
    }
    .to_owned();
    sql.push_str(&qualified(at));
    if let Some(part) = &of.partition_of {
        sql.extend([format!(
            " partition of {} {}",
            qualified(&part.parent),
            bounds(&part.bounds)
        )]);
    } else {
        let mut elements: Vec<String> = of.columns.iter().map(column).collect();
        if let Some(primary) = &of.primary_key {
            elements.push(format!(
                "constraint {} {}",
                name(&primary.name),
                key(primary, true)
            ));
        }
        elements.extend(
            of.uniques
                .iter()
                .map(|(own, of)| format!("constraint {} {}", name(own), key(of, false))),
        );
        elements.extend(
            of.exclusions
                .iter()
                .map(|(own, of)| format!("constraint {} {}", name(own), exclusion(of))),
        );
        elements.extend(
            of.checks
                .iter()
                .map(|(own, of)| format!("constraint {} {}", name(own), check(of))),
        );
        if elements.is_empty() {
            sql.push_str(" ()");
        } else {
            sql.extend([format!(" (\n    {}\n)", elements.join(",\n    "))]);
        }
    }
    if !of.inherits.is_empty() {
        let parents: Vec<String> = of.inherits.iter().map(qualified).collect();
        sql.extend([format!(" inherits ({})", parents.join(", "))]);
    }
    if let Some(by) = &of.partition_by {
        sql.extend([format!(" {}", partition_by(by))]);
    }
    sql + &options(&of.options)
}

/// A column's definition. How its values are stored follows by `alter column … set storage`: PostgreSQL 15 has no
/// clause for it here.
pub(crate) fn column(of: &Column) -> String {
    let mut sql = format!("{} {}", name(&of.name), data_type(&of.data_type));
    if let Some(collation) = &of.collation {
        sql.extend([format!(" collate {}", qualified(collation))]);
    }
    if let Some(value) = &of.default {
        sql.extend([format!(" default {}", column_default(value))]);
    }
    if let Some(of) = &of.generated {
        sql.extend([format!(" {}", generated(of))]);
    }
    if let Some(identity_of) = &of.identity {
        sql.extend([format!(" {}", identity(identity_of, &of.data_type.name))]);
    }
    if !of.nullable {
        sql.push_str(" not null");
    }
    sql
}

/// `exclude using …`
pub(crate) fn exclusion(of: &Exclusion) -> String {
    let parts: Vec<String> = of
        .parts
        .iter()
        .map(|(part, operator)| format!("{} with {operator}", index_part(part)))
        .collect();
    let mut sql = format!("exclude using {} ({})", name(&of.method), parts.join(", "));
    if !of.include.is_empty() {
        sql.extend([format!(" include ({})", names(&of.include))]);
    }
    if let Some(condition) = &of.condition {
        sql.extend([format!(" where ({condition})")]);
    }
    sql + deferral(of.deferral)
}

/// `create [unique] index`
pub(crate) fn create_index(own: &str, on: &Name, of: &Index, concurrently: bool) -> String {
    let unique = if of.unique { "unique " } else { "" };
    let how = if concurrently { "concurrently " } else { "" };
    let parts: Vec<String> = of.parts.iter().map(index_part).collect();
    let mut sql = format!("create {unique}index {how}{} on {}", name(own), qualified(on));
    if of.method != "btree" {
        sql.extend([format!(" using {}", name(&of.method))]);
    }
    sql.extend([format!(" ({})", parts.join(", "))]);
    if !of.include.is_empty() {
        sql.extend([format!(" include ({})", names(&of.include))]);
    }
    if of.nulls_not_distinct {
        sql.push_str(" nulls not distinct");
    }
    sql.push_str(&options(&of.options));
    if let Some(condition) = &of.condition {
        sql.extend([format!(" where {condition}")]);
    }
    sql
}

fn partition_by(of: &PartitionBy) -> String {
    let strategy = match of.strategy {
        Strategy::List | Strategy::ListColumns => "list",
        Strategy::Hash | Strategy::LinearHash | Strategy::Key | Strategy::LinearKey => "hash",
        Strategy::Range | Strategy::RangeColumns => "range",
    };
    let parts: Vec<String> = of.parts.iter().map(index_part).collect();
    format!("partition by {strategy} ({})", parts.join(", "))
}

/// `for values …` or `default`
pub(crate) fn bounds(of: &Bounds) -> String {
    let list = |values: &[Expression]| {
        let values: Vec<&str> = values.iter().map(Expression::as_str).collect();
        format!("({})", values.join(", "))
    };
    match of {
        Bounds::Default => "default".to_owned(),
        Bounds::In(values) => format!("for values in {}", list(values)),
        Bounds::Range(low, high) => format!("for values from {} to {}", list(low), list(high)),
        Bounds::Hash(modulus, remainder) => {
            format!("for values with (modulus {modulus}, remainder {remainder})")
        }
    }
}
