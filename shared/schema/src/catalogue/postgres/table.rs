//! Sequences, tables, views and their indexes.

use std::collections::BTreeMap;

use super::{Row, collation, parse, rows, types::type_at};
use crate::{
    Unreadable,
    catalogue::Answers,
    model::{
        Column, ColumnDefault, Expression, Generated, Identity, Name, Options, PartitionOf, Sequence,
        SequenceOptions, Table, View,
    },
    normalise::postgres::{expression, query},
    read::postgres::{Constraint, Reader, bounds, create_index, default, partition_by, table_constraint},
};

pub(super) fn sequences(reader: &mut Reader, answers: &Answers) -> Result<(), Unreadable> {
    for row in rows(answers, "sequences") {
        let owned_by = match (row.find(9), row.find(10), row.owned(11)) {
            (Some(namespace), Some(table), Some(column)) => Some((Name::new(namespace, table), column)),
            _ => None,
        };
        let sequence = Sequence {
            data_type: row.text(2)?.to_owned(),
            options: options(&row, 3)?,
            owned_by,
            comment: row.owned(12),
        };
        reader.schema.sequences.insert(row.name(0)?, sequence);
    }
    Ok(())
}

fn options(row: &Row<'_>, at: usize) -> Result<SequenceOptions, Unreadable> {
    Ok(SequenceOptions {
        start: row.number(at)?,
        increment: row.number(at + 1)?,
        min: row.number(at + 2)?,
        max: row.number(at + 3)?,
        cache: row.number(at + 4)?,
        cycle: row.is(at + 5)?,
    })
}

/// `a=1,b=2`
fn reloptions(row: &Row<'_>, at: usize) -> Options {
    let pairs = row
        .find(at)
        .unwrap_or_default()
        .split(',')
        .filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

pub(super) fn tables(reader: &mut Reader, answers: &Answers) -> Result<(), Unreadable> {
    let mut found_bounds = BTreeMap::new();
    for row in rows(answers, "tables") {
        let name = row.name(0)?;
        let by = row
            .find(6)
            .map(|text| parse(&name, text, partition_by))
            .transpose()?;
        if let Some(text) = row.find(7) {
            found_bounds.insert(name.clone(), parse(&name, text, bounds)?);
        }
        let table = Table {
            unlogged: row.text(2)? == "u",
            row_security: row.is(3)?,
            row_security_forced: row.is(4)?,
            options: reloptions(&row, 5),
            partition_by: by,
            comment: row.owned(8),
            ..Table::default()
        };
        reader.schema.tables.insert(name, table);
    }
    for row in rows(answers, "parents") {
        let (name, parent) = (row.name(0)?, row.name(2)?);
        let Some(table) = reader.schema.tables.get_mut(&name) else {
            continue;
        };
        match found_bounds.remove(&name) {
            Some(bounds) => table.partition_of = Some(PartitionOf { parent, bounds }),
            None => table.inherits.push(parent),
        }
    }
    for row in rows(answers, "columns") {
        let name = row.name(0)?;
        let column = column(&row, &name)?;
        if let Some(table) = reader.schema.tables.get_mut(&name) {
            table.columns.push(column);
        }
    }
    for row in rows(answers, "constraints") {
        constraint(reader, &row)?;
    }
    Ok(())
}

fn column(row: &Row<'_>, table: &Name) -> Result<Column, Unreadable> {
    let name = row.text(2)?.to_owned();
    let object = format!("{table}.{name}");
    let mut column = Column {
        name,
        data_type: type_at(row, 3)?,
        nullable: !row.is(4)?,
        collation: collation(row, 14),
        storage: row.find(16).map(|storage| {
            match storage {
                "p" => "plain",
                "e" => "external",
                "m" => "main",
                _ => "extended",
            }
            .to_owned()
        }),
        comment: row.owned(17),
        ..Column::default()
    };
    if let Some(text) = row.find(5) {
        if row.text(6)?.is_empty() {
            column.default = parse(object, text, |cursor| match default(cursor) {
                // What the server writes may be more than people may write without brackets.
                Ok(found) if cursor.is_done() => Ok(found),
                _ => {
                    cursor.go_to(0);
                    expression(cursor)?;
                    Ok(Some(ColumnDefault::Expression(Expression::new(text))))
                }
            })?;
        } else {
            parse(object, text, expression)?;
            column.generated = Some(Generated {
                expression: Expression::new(text),
                stored: row.text(6)? == "s",
            });
        }
    }
    let identity = row.text(7)?;
    if !identity.is_empty() {
        column.identity = Some(Identity {
            always: identity == "a",
            options: options(row, 8)?,
        });
    }
    Ok(column)
}

fn constraint(reader: &mut Reader, row: &Row<'_>) -> Result<(), Unreadable> {
    let (table, name) = (row.name(0)?, row.text(2)?.to_owned());
    let object = format!("{table}.{name}");
    let (_, mut constraint) = parse(&object, row.text(3)?, table_constraint)?;
    let comment = row.owned(4);
    match &mut constraint {
        Constraint::Primary(key) | Constraint::Unique(key) => key.comment = comment,
        Constraint::Check(check, _) => check.comment = comment,
        Constraint::Foreign(key, _) => key.comment = comment,
        Constraint::Exclusion(exclusion, _) => exclusion.comment = comment,
        Constraint::UsingIndex { .. } => {}
    }
    reader
        .add_constraint(&table, Some(name), constraint)
        .map_err(|reason| Unreadable::of(object, reason))
}

pub(super) fn indexes(reader: &mut Reader, answers: &Answers) -> Result<(), Unreadable> {
    for row in rows(answers, "indexes") {
        let (on, name) = (row.name(0)?, row.text(2)?.to_owned());
        let mut index = parse(format!("index {name}"), row.text(3)?, |cursor| {
            cursor.need("create")?;
            create_index(cursor)
        })?
        .index;
        index.invalid = !row.is(4)?;
        index.comment = row.owned(5);
        if let Some(table) = reader.schema.tables.get_mut(&on) {
            table.indexes.insert(name, index);
        } else if let Some(view) = reader.schema.views.get_mut(&on) {
            view.indexes.insert(name, index);
        }
    }
    Ok(())
}

pub(super) fn views(reader: &mut Reader, answers: &Answers) -> Result<(), Unreadable> {
    for row in rows(answers, "views") {
        let name = row.name(0)?;
        let text = row.text(3)?.trim().trim_end_matches(';').to_owned();
        let query = parse(&name, &text, |cursor| {
            query(cursor)?;
            Ok(Expression::new(cursor.text_since(0)))
        })?;
        let view = View {
            query,
            materialized: row.text(2)? == "m",
            columns: Vec::new(),
            options: reloptions(&row, 4),
            populated: row.is(5)?,
            indexes: BTreeMap::new(),
            comment: row.owned(6),
            column_comments: BTreeMap::new(),
        };
        reader.schema.views.insert(name, view);
    }
    for row in rows(answers, "view_columns") {
        if let Some(view) = reader.schema.views.get_mut(&row.name(0)?) {
            view.columns.push(row.text(2)?.to_owned());
            if let Some(comment) = row.owned(3) {
                view.column_comments.insert(row.text(2)?.to_owned(), comment);
            }
        }
    }
    Ok(())
}
