//! Indexes.

use super::{Reader, expression_text, names, renamed_from};
use crate::{
    Unreadable,
    model::{Expression, Index, IndexPart, Indexed, Name, Options},
    normalise::{Node, postgres::expression},
    read::{Cursor, Tok},
};

/// An index as read.
pub(crate) struct Created {
    /// Its name, if it has one.
    pub(crate) name: Option<String>,
    /// What it is on.
    pub(crate) table: (Option<String>, String),
    pub(crate) index: Index,
    /// The trees of its expressions.
    trees: Vec<Option<Node>>,
}

/// `[unique] index [concurrently] [if not exists] [name] on [only] table …`, after `create`.
pub(crate) fn create_index(cursor: &mut Cursor<'_>) -> Result<Created, Unreadable> {
    let start = cursor.position();
    let mut index = Index {
        unique: cursor.take("unique"),
        ..Index::default()
    };
    cursor.need("index")?;
    // The server's own name is no reason to build an index otherwise.
    cursor.take("concurrently");
    cursor.take_words(&["if", "not", "exists"]);
    let name = if cursor.is_word("on") {
        None
    } else {
        Some(cursor.qualified()?.1)
    };
    cursor.need("on")?;
    cursor.take("only");
    let table = cursor.qualified()?;
    index.method = if cursor.take("using") {
        cursor.name()?
    } else {
        "btree".to_owned()
    };
    let mut trees = Vec::new();
    index.parts = cursor.list(|cursor| {
        let (part, tree) = index_part(cursor)?;
        trees.push(tree);
        Ok(part)
    })?;
    if cursor.take("include") {
        index.include = cursor.names()?;
    }
    if cursor.take("nulls") {
        index.nulls_not_distinct = cursor.take("not");
        cursor.need("distinct")?;
    }
    if cursor.take("with") {
        index.options = storage_options(cursor)?;
    }
    if cursor.is_word("tablespace") {
        return Err(cursor.fail("tablespaces are not modelled"));
    }
    if cursor.take("where") {
        index.condition = Some(expression_text(cursor, expression)?.0);
    }
    index.renamed_from = renamed_from(cursor.comments_around(start, cursor.position()));
    Ok(Created {
        name,
        table,
        index,
        trees,
    })
}

/// Operator classes that the server takes by itself for the types that they are for, and so doesn't report.
const USUAL_CLASSES: &[&str] = &[
    "array_ops",
    "bit_ops",
    "bool_ops",
    "bpchar_ops",
    "bytea_ops",
    "char_ops",
    "cidr_ops",
    "date_ops",
    "enum_ops",
    "float4_ops",
    "float8_ops",
    "int2_ops",
    "int4_ops",
    "int8_ops",
    "interval_ops",
    "jsonb_ops",
    "macaddr_ops",
    "money_ops",
    "name_ops",
    "numeric_ops",
    "oid_ops",
    "range_ops",
    "text_ops",
    "time_ops",
    "timestamp_ops",
    "timestamptz_ops",
    "timetz_ops",
    "tsvector_ops",
    "uuid_ops",
    "varbit_ops",
    "varchar_ops",
];

/// A column or an expression, with all that may follow it.
pub(crate) fn index_part(cursor: &mut Cursor<'_>) -> Result<(IndexPart, Option<Node>), Unreadable> {
    let (on, tree) = indexed(cursor)?;
    let mut part = IndexPart {
        on,
        ..IndexPart::column("")
    };
    if cursor.take("collate") {
        let (namespace, name) = cursor.qualified()?;
        part.collation = Some(Name::new(
            namespace
                .filter(|namespace| namespace != "pg_catalog")
                .unwrap_or_default(),
            name,
        ));
    }
    let ends =
        cursor.is_mark(",") || cursor.is_mark(")") || cursor.is_one_of(&["asc", "desc", "nulls", "with"]);
    if !ends && !cursor.is_done() {
        let (namespace, name) = cursor.qualified()?;
        let is_usual = namespace.is_none() && USUAL_CLASSES.contains(&name.as_str());
        part.operator_class = Some(Name::new(
            namespace
                .filter(|namespace| namespace != "pg_catalog")
                .unwrap_or_default(),
            name,
        ));
        if is_usual {
            part.operator_class = None;
        }
        if cursor.is_mark("(") {
            return Err(cursor.fail("parameters of an operator class are not modelled"));
        }
    }
    part.descending = cursor.take("desc");
    cursor.take("asc");
    part.nulls_first = if cursor.take_words(&["nulls", "first"]) {
        true
    } else if cursor.take_words(&["nulls", "last"]) {
        false
    } else {
        part.descending
    };
    Ok((part, tree))
}

fn indexed(cursor: &mut Cursor<'_>) -> Result<(Indexed, Option<Node>), Unreadable> {
    if cursor.take_mark("(") {
        let (text, node) = expression_text(cursor, expression)?;
        cursor.need_mark(")")?;
        // `((a))` is the column.
        return Ok(match node {
            Node::Path(path) if path.len() == 1 => (Indexed::Column(path.concat()), None),
            node => (Indexed::Expression(text), Some(node)),
        });
    }
    let is_call =
        cursor.is_mark_ahead(1, "(") || (cursor.is_mark_ahead(1, ".") && cursor.is_mark_ahead(3, "("));
    if is_call {
        let from = cursor.position();
        let node = crate::normalise::postgres::primary(cursor)?;
        return Ok((
            Indexed::Expression(Expression::new(cursor.text_since(from))),
            Some(node),
        ));
    }
    Ok((Indexed::Column(cursor.name()?), None))
}

/// `(name = value, …)`
pub(crate) fn storage_options(cursor: &mut Cursor<'_>) -> Result<Options, Unreadable> {
    let pairs = cursor.list(|cursor| {
        let mut name = cursor.name()?;
        while cursor.take_mark(".") {
            name = format!("{name}.{}", cursor.name()?);
        }
        let value = if cursor.take_mark("=") {
            let sign = if cursor.take_mark("-") { "-" } else { "" };
            match cursor.next() {
                Some(Tok::Number(value) | Tok::Str(value) | Tok::Quoted(value)) => format!("{sign}{value}"),
                Some(Tok::Word(value)) => value.to_ascii_lowercase(),
                _ => return Err(cursor.expected("a value")),
            }
        } else {
            "true".to_owned()
        };
        Ok((name, value))
    })?;
    Ok(pairs.into_iter().collect())
}

impl Reader {
    pub(super) fn create_index(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Unreadable> {
        let Created {
            name,
            table,
            index,
            trees,
        } = create_index(cursor)?;
        let table = self.resolve(table);
        let name = match name {
            Some(name) => names::truncated(&name),
            None => names::index_name(&self.schema, &table, &index, &trees),
        };
        let indexes = if let Some(of) = self.schema.tables.get_mut(&table) {
            &mut of.indexes
        } else if let Some(of) = self.schema.views.get_mut(&table) {
            &mut of.indexes
        } else {
            return Err(cursor.fail(format!("index {name} is on {table}, which the text doesn't make")));
        };
        if indexes.insert(name.clone(), index).is_some() {
            return Err(cursor.fail(format!("a second index {name}")));
        }
        Ok(())
    }
}
