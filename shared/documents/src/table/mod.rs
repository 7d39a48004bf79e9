//! `TableSnapshot`: a table as it is designed now.
//!
//! Its columns stand under `columns`, with the table's `database` and `comment` beside them; or, as the built-in form
//! has it, under `basic`, a list in which each column names the database. Both are the same; it is kept in the first.
//!
//! `defaultValue` and what checks and indexes hold are SQL expressions of the database's dialect: a text is `'new'`.

mod column;
mod ids;
mod rest;

use serde::{Deserialize, Serialize};

pub use self::{
    column::{Action, Column, Generated, Reference},
    ids::IdFault,
    rest::{Check, Index, IndexColumn, Key, Sorting},
};
use crate::{
    FormGroup,
    fault::Faults,
    fields::Fields,
    form,
    kind::{OwnValues, is_draft, long_text, own_groups},
};

/// A table's document.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Table {
    /// Its own form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forms: Option<Vec<FormGroup>>,
    /// None while it is a draft.
    #[serde(flatten)]
    pub values: Option<TableValues>,
    /// Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// SQL that runs after the table's change, whenever it has changed itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql_script: Option<String>,
    /// What only its own form knows.
    #[serde(default, skip_serializing_if = "OwnValues::is_empty")]
    pub own: OwnValues,
}

/// What a table is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TableValues {
    /// The name of its database's document.
    pub database: String,
    /// PostgreSQL's schema, where it is not `public`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// MySQL's storage engine, where it is not InnoDB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// MySQL's character set and collation, where they are not the database's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charset: Option<String>,
    /// MySQL's collation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<String>,
    /// In their order.
    pub columns: Vec<Column>,
    /// Primary and unique keys besides those that columns say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Key>,
    /// Indexes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub index: Vec<Index>,
    /// Rules that rows must keep.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
}

impl Table {
    pub(crate) fn read(spec: &mut Fields<'_>, faults: &mut Faults) -> Option<Self> {
        let forms = form::read(spec, faults);
        let mut own = OwnValues::new();
        if is_draft(spec, forms.as_ref()) {
            return Some(Self {
                forms,
                values: None,
                document: None,
                sql_script: None,
                own,
            });
        }
        let values = values(spec, forms.as_ref(), faults);
        let document = long_text(spec, ("document", "content"), forms.as_ref(), &mut own, faults);
        let sql_script = long_text(spec, ("sqlScript", "sql"), forms.as_ref(), &mut own, faults);
        own_groups(spec, forms.as_ref(), &mut own, faults);
        Some(Self {
            values: Some(values?),
            forms,
            document,
            sql_script,
            own,
        })
    }
}

fn values(spec: &mut Fields<'_>, forms: Option<&Vec<FormGroup>>, faults: &mut Faults) -> Option<TableValues> {
    let database = spec.take("database");
    let mut database = database.and_then(|item| item.text(faults));
    let columns = column::read_all(spec, &mut database, forms, faults);
    if database.is_none() {
        faults.add(spec.at, &spec.path_of("database"), "is missing");
    }
    let namespace = spec.text("namespace", faults);
    let comment = spec.text("comment", faults);
    let (engine, charset) = (spec.text("engine", faults), spec.text("charset", faults));
    let collation = spec.text("collation", faults);
    let keys = rest::keys(spec, forms, faults);
    let index = rest::indexes(spec, forms, faults);
    let checks = rest::checks(spec, faults);
    let columns = columns?;
    rest::check_names(spec, &columns, &keys, &index, faults);
    Some(TableValues {
        database: database?,
        namespace,
        comment,
        engine,
        charset,
        collation,
        columns,
        keys,
        index,
        checks,
    })
}
