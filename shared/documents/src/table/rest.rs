//! Keys, indexes and checks.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    Column,
    column::{is_no, name},
};
use crate::{
    FormGroup,
    fault::Faults,
    fields::{Fields, Item},
    form,
};

/// A primary or unique key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// What the server would call it if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it is the primary key.
    #[serde(default, skip_serializing_if = "is_no")]
    pub primary_key: bool,
    /// In their order.
    pub columns: Vec<String>,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Its name.
    pub name: String,
    /// In their order.
    pub columns: Vec<IndexColumn>,
    /// Whether no two rows may have the same.
    #[serde(default, skip_serializing_if = "is_no")]
    pub unique: bool,
    /// `btree` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// For these rows only (PostgreSQL).
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "where")]
    pub condition: Option<String>,
}

/// What an index is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IndexColumn {
    /// A column.
    pub name: String,
    /// Its order.
    #[serde(default, skip_serializing_if = "Sorting::is_none")]
    pub sorting: Sorting,
    /// So many characters of it (MySQL).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<u32>,
}

/// The order of an index's column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sorting {
    /// Not said, which is smallest first.
    #[default]
    #[serde(rename = "")]
    None,
    /// Smallest first.
    #[serde(rename = "ASC")]
    Asc,
    /// Largest first.
    #[serde(rename = "DESC")]
    Desc,
}

impl Sorting {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// A rule that rows must keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Its name.
    pub name: String,
    /// An SQL expression.
    pub expression: String,
}

const SORTINGS: &[(&str, Sorting)] = &[
    ("ASC", Sorting::Asc),
    ("DESC", Sorting::Desc),
    ("", Sorting::None),
];

pub(super) fn keys(spec: &mut Fields<'_>, forms: Option<&Vec<FormGroup>>, faults: &mut Faults) -> Vec<Key> {
    let form = form::find(forms, "keys");
    let items = spec
        .take("keys")
        .map(|item| item.one_or_more(faults))
        .unwrap_or_default();
    let keys = items.iter().filter_map(|item| {
        let mut fields = item.fields(faults)?;
        if let Some(form) = form {
            form.check(&fields, faults);
        }
        let name = fields.take("name").and_then(|item| name(&item, faults));
        let primary_key = fields.flag("primaryKey", faults);
        let columns = fields
            .need("columns", faults)
            .map(|item| item.one_or_more(faults))
            .unwrap_or_default();
        let columns: Vec<String> = columns.iter().filter_map(|item| item.text(faults)).collect();
        if columns.is_empty() {
            item.wrong(faults, "a key has at least one column");
        }
        fields.finish(faults);
        Some(Key {
            name,
            primary_key,
            columns,
        })
    });
    keys.collect()
}

/// Indexes; entries of one name, as the form makes them, are the columns of one index.
pub(super) fn indexes(
    spec: &mut Fields<'_>,
    forms: Option<&Vec<FormGroup>>,
    faults: &mut Faults,
) -> Vec<Index> {
    let form = form::find(forms, "index");
    let items = spec
        .take("index")
        .map(|item| item.one_or_more(faults))
        .unwrap_or_default();
    let mut indexes: Vec<Index> = Vec::new();
    for item in &items {
        let Some(mut fields) = item.fields(faults) else {
            continue;
        };
        if let Some(form) = form {
            form.check(&fields, faults);
        }
        let index = index(item, &mut fields, faults);
        fields.finish(faults);
        let Some(index) = index else { continue };
        match indexes.iter_mut().find(|other| other.name == index.name) {
            Some(other) => other.columns.extend(index.columns),
            None => indexes.push(index),
        }
    }
    indexes
}

fn index(item: &Item<'_>, fields: &mut Fields<'_>, faults: &mut Faults) -> Option<Index> {
    let name = fields.need("name", faults).and_then(|item| name(&item, faults));
    let sorting = fields
        .take("sorting")
        .and_then(|item| item.word(SORTINGS, faults))
        .unwrap_or_default();
    let columns = match (fields.take("column"), fields.take("columns")) {
        (Some(column), None) => {
            let name = column.text(faults)?;
            vec![IndexColumn {
                name,
                sorting,
                prefix: None,
            }]
        }
        (None, Some(columns)) => {
            let columns = columns.one_or_more(faults);
            columns
                .iter()
                .filter_map(|item| index_column(item, sorting, faults))
                .collect()
        }
        _ => {
            item.wrong(faults, "must have a column, or a list of columns");
            return None;
        }
    };
    if columns.is_empty() {
        item.wrong(faults, "an index has at least one column");
    }
    Some(Index {
        name: name?,
        columns,
        unique: fields.flag("unique", faults),
        method: fields
            .text("method", faults)
            .map(|text| text.to_ascii_lowercase()),
        condition: fields.text("where", faults),
    })
}

fn index_column(item: &Item<'_>, sorting: Sorting, faults: &mut Faults) -> Option<IndexColumn> {
    if !matches!(item.node.value, crate::node::Value::Map(_)) {
        return Some(IndexColumn {
            name: item.text(faults)?,
            sorting,
            prefix: None,
        });
    }
    let mut fields = item.fields(faults)?;
    let name = fields.need_text("name", faults);
    let sorting = fields
        .take("sorting")
        .and_then(|item| item.word(SORTINGS, faults))
        .unwrap_or(sorting);
    let prefix = fields.take("prefix").and_then(|item| {
        let prefix = item
            .int(faults)
            .and_then(|n| u32::try_from(n).ok())
            .filter(|n| *n > 0);
        if prefix.is_none() {
            item.wrong(faults, "must be at least 1");
        }
        prefix
    });
    fields.finish(faults);
    Some(IndexColumn {
        name: name?,
        sorting,
        prefix,
    })
}

pub(super) fn checks(spec: &mut Fields<'_>, faults: &mut Faults) -> Vec<Check> {
    let items = spec
        .take("checks")
        .map(|item| item.items(faults))
        .unwrap_or_default();
    let checks = items.iter().filter_map(|item| {
        let mut fields = item.fields(faults)?;
        let name = fields.need("name", faults).and_then(|item| name(&item, faults));
        let expression = fields.need_text("expression", faults);
        fields.finish(faults);
        Some(Check {
            name: name?,
            expression: expression?,
        })
    });
    checks.collect()
}

/// No name stands twice, one primary key, and keys and indexes are over columns that are there.
pub(super) fn check_names(
    spec: &Fields<'_>,
    columns: &[Column],
    keys: &[Key],
    indexes: &[Index],
    faults: &mut Faults,
) {
    let mut wrong = |path: &str, message: String| faults.add(spec.at, &spec.path_of(path), message);
    let mut seen = BTreeSet::new();
    for column in columns {
        if !seen.insert(column.name.to_lowercase()) {
            wrong("columns", format!("the column {} stands here twice", column.name));
        }
    }
    let mut named = BTreeSet::new();
    let names = keys
        .iter()
        .filter_map(|key| key.name.as_ref())
        .chain(indexes.iter().map(|index| &index.name));
    for name in names {
        if !named.insert(name) {
            wrong("keys", format!("two keys or indexes are called {name}"));
        }
    }
    let is_there = |name: &String| columns.iter().any(|column| column.name == *name);
    for name in keys
        .iter()
        .flat_map(|key| &key.columns)
        .filter(|name| !is_there(name))
    {
        wrong("keys", format!("there is no column {name}"));
    }
    let indexed = indexes
        .iter()
        .flat_map(|index| &index.columns)
        .map(|column| &column.name);
    for name in indexed.filter(|name| !is_there(name)) {
        wrong("index", format!("there is no column {name}"));
    }
    let primary: Vec<&Key> = keys.iter().filter(|key| key.primary_key).collect();
    let marked: Vec<&str> = columns
        .iter()
        .filter(|column| column.primary_key)
        .map(|column| column.name.as_str())
        .collect();
    if primary.len() > 1 {
        wrong("keys", "a table has one primary key".into());
    }
    if let Some(key) = primary.first()
        && !marked.is_empty()
        && !marked
            .iter()
            .all(|name| key.columns.iter().any(|column| column == name))
    {
        wrong(
            "keys",
            "the primary key is over other columns than those that say primaryKey".into(),
        );
    }
}
