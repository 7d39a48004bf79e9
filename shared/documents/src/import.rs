//! A schema as documents, for imports and syncs.
//!
//! What the documents' fields can't say is never left out silently: the documents are made into a schema again, and
//! where a plan from the one to the other is not empty, the table is not carried, and what is in the way is said.

use std::collections::{BTreeMap, BTreeSet};

use muster_schema::{
    Dialect, PlanOptions, Schema,
    model::{self, ColumnDefault, IndexPart, Indexed, Name},
    plan,
};
use uuid::Uuid;

use crate::{
    Design, DesignTable, DesignView,
    design::usual_name,
    kind::view::ViewValues,
    table::{Action, Check, Column, Generated, Index, IndexColumn, Key, Reference, Sorting, TableValues},
};

/// What a schema is as documents.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    /// Tables by name. Their columns have no ids yet.
    pub tables: Vec<(String, TableValues)>,
    /// Views by name.
    pub views: Vec<(String, ViewValues)>,
    /// What can't be carried.
    pub not_carried: Vec<NotCarried>,
}

/// An object that documents can't say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotCarried {
    /// Which.
    pub object: String,
    /// Why.
    pub reason: String,
}

/// The tables and views of a schema, as documents of the database `database`.
pub fn import(schema: &Schema, database: &str) -> Imported {
    let mut imported = Imported::default();
    others(schema, &mut imported.not_carried);
    let (mut tables, mut left): (BTreeMap<Name, TableValues>, BTreeSet<Name>) =
        (BTreeMap::new(), BTreeSet::new());
    for (name, table) in &schema.tables {
        match table_values(schema, name, table, database) {
            Ok(values) => {
                tables.insert(name.clone(), values);
            }
            Err(reason) => {
                left.insert(name.clone());
                imported.not_carried.push(NotCarried {
                    object: format!("table {name}"),
                    reason,
                });
            }
        }
    }
    // Leaving out one table may take the reference of another with it, so until nothing more is left out.
    while let Some((name, reason)) = first_difference(schema, &tables) {
        imported.not_carried.push(NotCarried {
            object: format!("table {name}"),
            reason,
        });
        tables.remove(&name);
        left.insert(name);
    }
    imported.tables = tables
        .into_iter()
        .map(|(name, values)| (name.name, values))
        .collect();
    for (name, view) in &schema.views {
        // Who defined it, every view of a MySQL server says.
        let usual = view.options.keys().all(|option| option == "definer");
        let plain = !view.materialized && usual && view.column_comments.is_empty();
        if plain && matches!(name.namespace.as_str(), "" | "public") {
            let values = ViewValues {
                database: database.to_owned(),
                comment: view.comment.clone(),
                query: view.query.to_string(),
            };
            imported.views.push((name.name.clone(), values));
        } else {
            imported.not_carried.push(NotCarried {
                object: format!("view {name}"),
                reason: "it is materialised, has options or stands in a schema of its own".into(),
            });
        }
    }
    imported
}

/// The part of a schema that documents can say, and what is left out: what a live database is compared by with a design.
/// Whatever the design `beside` has stays, so that it is seen what became of it.
pub fn carried(schema: &Schema, beside: &Schema) -> (Schema, Vec<NotCarried>) {
    let imported = import(schema, "");
    let space = |values: &TableValues| match schema.dialect {
        Dialect::Postgres => values.namespace.clone().unwrap_or_else(|| "public".to_owned()),
        Dialect::MySql => String::new(),
    };
    let tables: BTreeSet<Name> = imported
        .tables
        .iter()
        .map(|(name, values)| Name::new(space(values), name.clone()))
        .collect();
    let views: BTreeSet<&str> = imported.views.iter().map(|(name, _)| name.as_str()).collect();
    let mut part = schema.clone();
    part.tables
        .retain(|name, _| tables.contains(name) || beside.tables.contains_key(name));
    part.views.retain(|name, _| {
        let plain = matches!(name.namespace.as_str(), "" | "public") && views.contains(name.name.as_str());
        plain || beside.views.contains_key(name)
    });
    let kept = &part.tables;
    part.sequences.retain(|_, sequence| {
        sequence
            .owned_by
            .as_ref()
            .is_some_and(|(table, _)| kept.contains_key(table))
    });
    part.namespaces.retain(|name, _| {
        name == "public"
            || beside.namespaces.contains_key(name)
            || kept.keys().any(|table| table.namespace == *name)
    });
    part.extensions.clear();
    part.opaque.clear();
    // A type of one's own matters only to a table of the design that has come to use it.
    let changed = part.tables.iter().filter(|(name, _)| !tables.contains(name));
    let used: BTreeSet<String> = changed
        .flat_map(|(_, table)| &table.columns)
        .map(|column| column.data_type.name.clone())
        .collect();
    part.enums.retain(|name, _| used.contains(&name.name));
    part.domains.retain(|name, _| used.contains(&name.name));
    part.composites.retain(|name, _| used.contains(&name.name));
    (part, imported.not_carried)
}

/// A schema as it would be on the server that another was read from: what a text leaves open means what it means there.
#[must_use]
pub fn on_server_of(mut schema: Schema, live: &Schema) -> Schema {
    if schema.dialect == Dialect::MySql {
        schema.server.clone_from(&live.server);
        schema.charset.clone_from(&live.charset);
        schema.collation.clone_from(&live.collation);
    }
    schema
}

fn others(schema: &Schema, not_carried: &mut Vec<NotCarried>) {
    let owned = |name: &&Name| {
        schema
            .sequences
            .get(*name)
            .is_none_or(|sequence| sequence.owned_by.is_none())
    };
    let mut add = |kind: &str, name: String| {
        not_carried.push(NotCarried {
            object: format!("{kind} {name}"),
            reason: format!("documents have no {kind}s: propose it as SQL"),
        });
    };
    schema
        .enums
        .keys()
        .for_each(|name| add("enumeration", name.to_string()));
    schema
        .domains
        .keys()
        .for_each(|name| add("domain", name.to_string()));
    schema
        .composites
        .keys()
        .for_each(|name| add("composite type", name.to_string()));
    schema
        .sequences
        .keys()
        .filter(owned)
        .for_each(|name| add("sequence", name.to_string()));
    schema
        .extensions
        .keys()
        .for_each(|name| add("extension", name.clone()));
    schema
        .opaque
        .keys()
        .for_each(|key| add("object", key.to_string()));
}

/// The first table that is something else once it has been through its document, and how.
fn first_difference(schema: &Schema, tables: &BTreeMap<Name, TableValues>) -> Option<(Name, String)> {
    let named = |name: &str| tables.keys().find(|table| table.name == name).cloned();
    let first = || tables.keys().next().cloned();
    let design = Design {
        dialect: schema.dialect,
        tables: tables
            .iter()
            .map(|(name, values)| DesignTable {
                id: Uuid::nil(),
                name: name.name.clone(),
                table: values.clone(),
                sql_script: None,
            })
            .collect(),
        views: Vec::<DesignView>::new(),
    };
    let mut part = schema.clone();
    part.tables.retain(|name, _| tables.contains_key(name));
    part.sequences.retain(|_, sequence| {
        sequence
            .owned_by
            .as_ref()
            .is_some_and(|(table, _)| tables.contains_key(table))
    });
    part.namespaces
        .retain(|name, _| name == "public" || tables.keys().any(|table| table.namespace == *name));
    part.views.clear();
    part.enums.clear();
    part.domains.clear();
    part.composites.clear();
    part.extensions.clear();
    part.opaque.clear();
    let back = match design.schema() {
        Ok(back) => back,
        Err(faults) => {
            let fault = faults.into_iter().next()?;
            let name = named(&fault.object).or_else(first)?;
            return Some((name, format!("{}: {}", fault.path, fault.message)));
        }
    };
    match plan(&part, &back, &PlanOptions::default()) {
        Ok(plan) => {
            let step = plan.steps.first()?;
            let of = |table: &&Name| {
                let shown = table.to_string();
                step.object.name == shown
                    || step.object.name.starts_with(&format!("{shown}."))
                    || step.object.name == table.name
                    || step.object.name.starts_with(&format!("{}.", table.name))
            };
            let name = tables.keys().find(of).cloned().or_else(first)?;
            Some((name, format!("its document would not be the same: {}", step.sql)))
        }
        Err(refusal) => Some((first()?, refusal.to_string())),
    }
}

fn table_values(
    schema: &Schema,
    name: &Name,
    table: &model::Table,
    database: &str,
) -> Result<TableValues, String> {
    let unsaid = [
        ("exclusion constraints", !table.exclusions.is_empty()),
        (
            "partitions",
            table.partition_by.is_some() || table.partition_of.is_some(),
        ),
        ("inheritance", !table.inherits.is_empty()),
        ("row security", table.row_security || table.row_security_forced),
        ("unlogged", table.unlogged),
        ("storage options", !table.options.is_empty()),
    ];
    if let Some((what, _)) = unsaid.iter().find(|(_, is)| *is) {
        return Err(format!("documents can't say: {what}"));
    }
    let mut columns: Vec<Column> = table
        .columns
        .iter()
        .map(|of| column(schema, name, of))
        .collect::<Result<_, _>>()?;
    let mut keys = Vec::new();
    let plain = |parts: &[IndexPart]| -> Option<Vec<String>> {
        let column = |part: &IndexPart| {
            part.column_name()
                .map(str::to_owned)
                .filter(|_| part.prefix.is_none())
        };
        parts.iter().map(column).collect()
    };
    if let Some(key) = &table.primary_key {
        let over = plain(&key.columns).ok_or("its primary key is over a part of a column")?;
        let usual = schema.dialect == Dialect::MySql || key.name == format!("{}_pkey", name.name);
        for column in columns.iter_mut().filter(|column| over.contains(&column.name)) {
            column.primary_key = true;
            column.not_null = true;
        }
        if over.len() > 1 || !usual {
            keys.push(Key {
                name: (!usual).then(|| key.name.clone()),
                primary_key: true,
                columns: over,
            });
        }
    }
    for (key_name, key) in &table.uniques {
        let over = plain(&key.columns).ok_or("a unique key is over an expression")?;
        keys.push(Key {
            name: Some(key_name.clone()),
            primary_key: false,
            columns: over,
        });
    }
    let mut checks = Vec::new();
    for (check_name, check) in &table.checks {
        checks.push(Check {
            name: check_name.clone(),
            expression: check.expression.to_string(),
        });
    }
    let mut implied = BTreeSet::new();
    for (key_name, key) in &table.foreign_keys {
        let ([here], [there]) = (key.columns.as_slice(), key.referenced.as_slice()) else {
            return Err(format!("the foreign key {key_name} is over several columns"));
        };
        let column = columns
            .iter_mut()
            .find(|column| column.name == *here)
            .filter(|column| column.reference.is_none());
        let column =
            column.ok_or_else(|| format!("a column of the foreign key {key_name} has two of them"))?;
        implied.insert(key_name.clone());
        column.reference = Some(Reference {
            table: key.references.name.clone(),
            column: there.clone(),
            enforced: true,
            name: Some(key_name.clone())
                .filter(|given| *given != usual_name(schema.dialect, &name.name, here)),
            on_delete: action(key.on_delete),
            on_update: action(key.on_update),
        });
    }
    let indexes = table.indexes.iter().filter(|(name, _)| !implied.contains(*name));
    let index = indexes
        .map(|(name, of)| index(name, of))
        .collect::<Result<_, _>>()?;
    Ok(TableValues {
        database: database.to_owned(),
        namespace: Some(name.namespace.clone()).filter(|name| !name.is_empty() && name != "public"),
        comment: table.comment.clone(),
        engine: table.engine.clone(),
        charset: table.charset.clone(),
        collation: table.collation.clone(),
        columns,
        keys,
        index,
        checks,
    })
}

fn column(schema: &Schema, table: &Name, of: &model::Column) -> Result<Column, String> {
    let serial = match &of.default {
        Some(ColumnDefault::Next(sequence)) => {
            let owner = schema
                .sequences
                .get(sequence)
                .and_then(|sequence| sequence.owned_by.as_ref());
            if owner.is_none_or(|(owner, column)| owner != table || *column != of.name) {
                return Err(format!(
                    "the column {} takes its numbers from a sequence of its own",
                    of.name
                ));
            }
            Some(match of.data_type.name.as_str() {
                "smallint" => "smallserial",
                "integer" => "serial",
                _ => "bigserial",
            })
        }
        _ => None,
    };
    if of.invisible || of.storage.is_some() || of.check.is_some() {
        return Err(format!("documents can't say all of the column {}", of.name));
    }
    Ok(Column {
        name: of.name.clone(),
        data_type: serial.map_or_else(|| type_text(&of.data_type), str::to_owned),
        default_value: match &of.default {
            Some(ColumnDefault::Expression(expression)) => Some(expression.to_string()),
            Some(ColumnDefault::Next(_)) | None => None,
        },
        not_null: !of.nullable,
        auto_inc: of.auto_increment || of.identity.is_some(),
        comment: of.comment.clone(),
        on_update: of.on_update.as_ref().map(ToString::to_string),
        generated: of.generated.as_ref().map(|generated| Generated {
            expression: generated.expression.to_string(),
            stored: generated.stored,
        }),
        charset: of.charset.clone(),
        collation: of.collation.as_ref().map(ToString::to_string),
        ..Column::default()
    })
}

/// A type as people write it; it is read again before anything is made of it.
fn type_text(of: &model::DataType) -> String {
    let mut of = of.clone();
    for value in &mut of.values {
        *value = format!("'{}'", value.replace('\'', "''"));
    }
    of.to_string()
}

fn index(name: &str, of: &model::Index) -> Result<Index, String> {
    let columns = of.parts.iter().map(|part| match &part.on {
        Indexed::Column(column) => Ok(IndexColumn {
            name: column.clone(),
            sorting: if part.descending {
                Sorting::Desc
            } else {
                Sorting::None
            },
            prefix: part.prefix,
        }),
        Indexed::Expression(_) => Err(format!("the index {name} is over an expression")),
    });
    Ok(Index {
        name: name.to_owned(),
        columns: columns.collect::<Result<_, _>>()?,
        unique: of.unique,
        method: (of.method != "btree").then(|| of.method.clone()),
        condition: of.condition.as_ref().map(ToString::to_string),
    })
}

const fn action(of: model::Action) -> Action {
    match of {
        model::Action::NoAction => Action::NoAction,
        model::Action::Restrict => Action::Restrict,
        model::Action::Cascade => Action::Cascade,
        model::Action::SetNull => Action::SetNull,
        model::Action::SetDefault => Action::SetDefault,
    }
}
