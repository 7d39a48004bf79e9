//! PostgreSQL's SQL. Everything is qualified, so that no `search_path` matters.

mod parts;
mod table;

pub(crate) use self::{
    parts::{
        check, column_default, data_type, foreign_key, identity, key, name, owned_by, qualified,
        sequence_options, storage,
    },
    table::{bounds, column, create_index, create_table, exclusion},
};
use super::quoted_string;
use crate::{
    Dialect, Schema,
    model::{Composite, Domain, EnumType, Name, Sequence, View},
};

/// A string.
pub(crate) fn string(text: &str) -> String {
    quoted_string(Dialect::Postgres, text)
}

/// `create type … as enum`
pub(crate) fn create_enum(at: &Name, of: &EnumType) -> String {
    let values: Vec<String> = of.values.iter().map(|value| string(value)).collect();
    format!("create type {} as enum ({})", qualified(at), values.join(", "))
}

/// `create domain`
pub(crate) fn create_domain(at: &Name, of: &Domain) -> String {
    let mut sql = format!("create domain {} as {}", qualified(at), data_type(&of.data_type));
    if let Some(collation) = &of.collation {
        sql.extend([format!(" collate {}", qualified(collation))]);
    }
    if let Some(default) = &of.default {
        sql.extend([format!(" default {default}")]);
    }
    if !of.nullable {
        sql.push_str(" not null");
    }
    for (own, of) in &of.checks {
        sql.extend([format!(" constraint {} {}", name(own), check(of))]);
    }
    sql
}

/// `create type … as (…)`
pub(crate) fn create_composite(at: &Name, of: &Composite) -> String {
    let attributes: Vec<String> = of
        .attributes
        .iter()
        .map(|(own, of)| format!("{} {}", name(own), data_type(of)))
        .collect();
    format!("create type {} as ({})", qualified(at), attributes.join(", "))
}

/// `create sequence`, without its owner.
pub(crate) fn create_sequence(at: &Name, of: &Sequence) -> String {
    let options = sequence_options(&of.options, &of.data_type);
    let of_type = if of.data_type == "bigint" {
        String::new()
    } else {
        format!(" as {}", of.data_type)
    };
    format!("create sequence {}{of_type}{options}", qualified(at))
}

/// `create [materialized] view`
pub(crate) fn create_view(at: &Name, of: &View, replace: bool) -> String {
    let mut sql = "create ".to_owned();
    if replace && !of.materialized {
        sql.push_str("or replace ");
    }
    sql.push_str(if of.materialized {
        "materialized view "
    } else {
        "view "
    });
    sql.push_str(&qualified(at));
    if !of.columns.is_empty() {
        let columns: Vec<String> = of.columns.iter().map(|own| name(own)).collect();
        sql.extend([format!(" ({})", columns.join(", "))]);
    }
    let options: Vec<(&String, &String)> = of.options.iter().collect();
    sql.push_str(&storage(&options));
    sql.extend([format!(" as {}", of.query)]);
    if of.materialized && !of.populated {
        sql.push_str(" with no data");
    }
    sql
}

/// `comment on`
pub(crate) fn comment(kind: &str, on: &str, text: Option<&str>) -> String {
    let text = text.map_or_else(|| "null".to_owned(), string);
    format!("comment on {kind} {on} is {text}")
}

/// `create extension`
pub(crate) fn create_extension(own: &str, of: &crate::model::Extension) -> String {
    let within = of
        .namespace
        .as_deref()
        .map_or_else(String::new, |namespace| format!(" schema {}", name(namespace)));
    format!("create extension {}{within}", name(own))
}

/// The statements that make the schema: the plan to it from nothing.
pub(super) fn schema(schema: &Schema) -> Result<Vec<String>, crate::Refusal> {
    let empty = Schema::empty(Dialect::Postgres);
    let plan = crate::plan(&empty, schema, &crate::PlanOptions::default())?;
    Ok(plan.steps.into_iter().map(|step| step.sql).collect())
}
