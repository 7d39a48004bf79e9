//! Columns.

use super::{
    constraint::{self, Constraint},
    data_type::data_type,
    expression_text, renamed_from, sequence,
};
use crate::{
    Unreadable,
    model::{Column, ColumnDefault, Generated, Identity, IndexPart, Key, Name},
    normalise::{
        Node,
        postgres::{expression, simple_expression},
    },
    read::{Cursor, Tok},
};

/// A column as read, with the constraints that stand in its definition.
pub(crate) struct ColumnParts {
    pub(crate) column: Column,
    pub(crate) constraints: Vec<(Option<String>, Constraint)>,
    /// Whether it is a `serial`, which brings a sequence along.
    pub(crate) serial: bool,
}

/// From the column's name to the comma or bracket after it.
pub(crate) fn column_parts(cursor: &mut Cursor<'_>) -> Result<ColumnParts, Unreadable> {
    let start = cursor.position();
    let name = super::names::truncated(&cursor.name()?);
    let mut data_type = data_type(cursor)?;
    let serial = match data_type.name.as_str() {
        "serial" | "serial4" => Some("integer"),
        "bigserial" | "serial8" => Some("bigint"),
        "smallserial" | "serial2" => Some("smallint"),
        _ => None,
    };
    let serial = serial.filter(|_| data_type.namespace.is_none());
    if let Some(name) = serial {
        name.clone_into(&mut data_type.name);
    }
    let mut parts = ColumnParts {
        column: Column {
            name,
            data_type,
            nullable: serial.is_none(),
            ..Column::default()
        },
        constraints: Vec::new(),
        serial: serial.is_some(),
    };
    while !cursor.is_done() && !cursor.is_mark(",") && !cursor.is_mark(")") {
        part(cursor, &mut parts)?;
    }
    parts.column.renamed_from = renamed_from(cursor.comments_around(start, cursor.position() + 1));
    Ok(parts)
}

fn part(cursor: &mut Cursor<'_>, parts: &mut ColumnParts) -> Result<(), Unreadable> {
    let column = &mut parts.column;
    let name = if cursor.take("constraint") {
        Some(cursor.name()?)
    } else {
        None
    };
    if cursor.take_words(&["not", "null"]) {
        column.nullable = false;
    } else if cursor.take("null") {
        // The usual state.
    } else if cursor.take("default") {
        column.default = default(cursor)?;
    } else if cursor.take("collate") {
        let (namespace, name) = cursor.qualified()?;
        let namespace = namespace
            .filter(|namespace| namespace != "pg_catalog")
            .unwrap_or_default();
        column.collation = Some(Name::new(namespace, name));
    } else if cursor.take("storage") {
        column.storage = Some(cursor.name()?).filter(|storage| storage != "default");
    } else if cursor.take("generated") {
        let always = cursor.take("always");
        if !always {
            cursor.need("by")?;
            cursor.need("default")?;
        }
        cursor.need("as")?;
        if cursor.take("identity") {
            let options = sequence::options_in_brackets(cursor, &column.data_type.name)?;
            column.identity = Some(Identity { always, options });
            column.nullable = false;
        } else {
            cursor.need_mark("(")?;
            let expression = expression_text(cursor, expression)?.0;
            cursor.need_mark(")")?;
            cursor.need("stored")?;
            column.generated = Some(Generated {
                expression,
                stored: true,
            });
        }
    } else if cursor.take("check") {
        parts.constraints.push((name, constraint::check(cursor)?));
    } else if cursor.is_word("references") {
        let columns = vec![column.name.clone()];
        parts
            .constraints
            .push((name, constraint::foreign(cursor, columns)?));
    } else if cursor.is_word("primary") || cursor.is_word("unique") {
        let primary = cursor.take_words(&["primary", "key"]);
        if primary {
            column.nullable = false;
        } else {
            cursor.need("unique")?;
        }
        let mut key = Key {
            columns: vec![IndexPart::column(column.name.clone())],
            ..Key::default()
        };
        constraint::nulls_distinct(cursor, &mut key)?;
        constraint::key_tail(cursor, &mut key)?;
        let constraint = if primary {
            Constraint::Primary(key)
        } else {
            Constraint::Unique(key)
        };
        parts.constraints.push((name, constraint));
    } else {
        return Err(cursor.expected("NOT NULL, DEFAULT, a constraint, or the column's end"));
    }
    Ok(())
}

/// What a row gets that doesn't say.
pub(crate) fn default(cursor: &mut Cursor<'_>) -> Result<Option<ColumnDefault>, Unreadable> {
    let (text, node) = expression_text(cursor, simple_expression)?;
    Ok(Some(
        next_value(&node).map_or(ColumnDefault::Expression(text), ColumnDefault::Next),
    ))
}

/// The sequence of `nextval('…')`, if it is that and no more; a name that isn't qualified has no namespace.
fn next_value(node: &Node) -> Option<Name> {
    let Node::Call(function, arguments) = node else {
        return None;
    };
    let [argument] = arguments.as_slice() else {
        return None;
    };
    let mut argument = argument;
    while let Node::Cast(inner, of) = argument
        && matches!(of.name.as_str(), "regclass" | "text")
    {
        argument = inner;
    }
    let Node::Str(text) = argument else { return None };
    if function.last().is_none_or(|name| name != "nextval") {
        return None;
    }
    let mut cursor = Cursor::new(crate::Dialect::Postgres, text, 1).ok()?;
    let (namespace, name) = cursor.qualified().ok()?;
    cursor
        .is_done()
        .then(|| Name::new(namespace.unwrap_or_default(), name))
}

/// Whether a column, not a constraint or a `like`, begins here.
pub(super) fn begins(cursor: &Cursor<'_>) -> bool {
    matches!(cursor.peek(), Some(Tok::Word(_) | Tok::Quoted(_)))
}
