//! Tables and partitions.

use super::{
    Reader,
    column::{self, column_parts},
    constraint::{self, Constraint, table_constraint},
    expression_text,
    index::{index_part, storage_options},
    names, renamed_from,
};
use crate::{
    Unreadable,
    model::{
        Bounds, Check, ColumnDefault, Expression, ForeignKey, Name, PartitionBy, PartitionOf, Sequence,
        SequenceOptions, Strategy, Table,
    },
    normalise::{Node, postgres::expression},
    read::Cursor,
};

impl Reader {
    /// After `create [unlogged] table`.
    pub(super) fn create_table(&mut self, cursor: &mut Cursor<'_>, unlogged: bool) -> Result<(), Unreadable> {
        cursor.take_words(&["if", "not", "exists"]);
        let start = cursor.position();
        let (namespace, name) = cursor.qualified()?;
        let name = self.resolve((namespace, names::truncated(&name)));
        if self.schema.tables.contains_key(&name) {
            return Err(cursor.fail(format!("a second table {name}")));
        }
        let mut table = Table {
            unlogged,
            ..Table::default()
        };
        let mut waiting = Vec::new();
        if cursor.take_words(&["partition", "of"]) {
            self.partition(cursor, &mut table)?;
        } else {
            if cursor.is_word("of") || cursor.is_word("as") {
                return Err(cursor.fail("a table made of a type or a query is not read; write its columns"));
            }
            let old = renamed_from(cursor.comments_around(start, cursor.position() + 1));
            table.renamed_from = old.map(|old| match old.split_once('.') {
                Some((namespace, old)) if namespace == name.namespace => name.sibling(old),
                _ => name.sibling(old),
            });
            waiting = self.elements(cursor, &name, &mut table)?;
        }
        self.table_tail(cursor, &mut table)?;
        self.schema.tables.insert(name.clone(), table);
        self.add_constraints(cursor, &name, waiting)
    }

    /// `(columns and constraints)`
    fn elements(
        &mut self,
        cursor: &mut Cursor<'_>,
        name: &Name,
        table: &mut Table,
    ) -> Result<Vec<(Option<String>, Constraint)>, Unreadable> {
        let mut waiting = Vec::new();
        cursor.need_mark("(")?;
        while !cursor.is_mark(")") {
            if constraint::begins(cursor) {
                waiting.push(table_constraint(cursor)?);
            } else if cursor.is_word("like") {
                return Err(cursor.fail("LIKE is not read; write the columns"));
            } else if column::begins(cursor) {
                let mut parts = column_parts(cursor)?;
                if parts.serial {
                    self.add_serial(name, &mut parts.column);
                }
                if table.column(&parts.column.name).is_some() {
                    return Err(cursor.fail(format!("a second column {}", parts.column.name)));
                }
                table.columns.push(parts.column);
                waiting.extend(parts.constraints);
            } else {
                return Err(cursor.expected("a column or a constraint"));
            }
            if !cursor.is_mark(")") {
                cursor.need_mark(",")?;
                if cursor.is_mark(")") {
                    return Err(cursor.expected("a column or a constraint"));
                }
            }
        }
        cursor.need_mark(")")?;
        Ok(waiting)
    }

    /// The sequence of a `serial` column.
    pub(super) fn add_serial(&mut self, table: &Name, column: &mut crate::model::Column) {
        let taken = names::relations(&self.schema, &table.namespace);
        let sequence = table.sibling(names::free_name(&table.name, &column.name, "seq", &taken));
        column.default = Some(ColumnDefault::Next(sequence.clone()));
        let data_type = column.data_type.name.clone();
        self.schema.sequences.insert(
            sequence,
            Sequence {
                options: SequenceOptions::standard(&data_type),
                data_type,
                owned_by: Some((table.clone(), column.name.clone())),
                comment: None,
            },
        );
    }

    /// After `partition of`.
    fn partition(&mut self, cursor: &mut Cursor<'_>, table: &mut Table) -> Result<(), Unreadable> {
        let parent = self.object_name(cursor)?;
        if cursor.is_mark("(") {
            return Err(cursor.fail("columns and constraints of a partition's own are not modelled"));
        }
        table.partition_of = Some(PartitionOf {
            parent,
            bounds: bounds(cursor)?,
        });
        Ok(())
    }

    /// What follows the columns.
    fn table_tail(&self, cursor: &mut Cursor<'_>, table: &mut Table) -> Result<(), Unreadable> {
        loop {
            if cursor.is_words(&["partition", "by"]) {
                table.partition_by = Some(partition_by(cursor)?);
            } else if cursor.take("inherits") {
                table.inherits = cursor.list(|cursor| self.object_name(cursor))?;
            } else if cursor.take("with") {
                table.options = storage_options(cursor)?;
            } else if cursor.take_words(&["without", "oids"]) || cursor.take_words(&["using", "heap"]) {
                // What every table is.
            } else {
                return Ok(());
            }
        }
    }

    /// Gives names to constraints that have none, in the order in which the server does it, and puts all into the
    /// table.
    pub(super) fn add_constraints(
        &mut self,
        cursor: &Cursor<'_>,
        name: &Name,
        mut waiting: Vec<(Option<String>, Constraint)>,
    ) -> Result<(), Unreadable> {
        waiting.sort_by_key(|(_, constraint)| match constraint {
            Constraint::Check(..) => 0,
            Constraint::Primary(_) => 1,
            Constraint::Unique(_) | Constraint::Exclusion(..) | Constraint::UsingIndex { .. } => 2,
            Constraint::Foreign(..) => 3,
        });
        for (given, constraint) in waiting {
            let given = given.map(|given| names::truncated(&given));
            self.add_constraint(name, given, constraint)
                .map_err(|reason| cursor.fail(reason))?;
        }
        Ok(())
    }

    pub(crate) fn add_constraint(
        &mut self,
        name: &Name,
        given: Option<String>,
        constraint: Constraint,
    ) -> Result<(), String> {
        match constraint {
            Constraint::Check(check, node) => self.add_check(name, given, check, &node),
            Constraint::Primary(mut key) => {
                let taken = names::relations(&self.schema, &name.namespace);
                key.name = given.unwrap_or_else(|| names::free_name(&name.name, "", "pkey", &taken));
                let table = self.table_mut(name)?;
                for part in &key.columns {
                    let column = part.column_name().unwrap_or_default();
                    let column = table
                        .column_mut(column)
                        .ok_or_else(|| format!("there is no column {column}"))?;
                    column.nullable = false;
                }
                if table.primary_key.replace(key).is_some() {
                    return Err(format!("a second primary key of {name}"));
                }
                Ok(())
            }
            Constraint::Unique(mut key) => {
                // The server makes only one of two that are the same.
                let table = self.table_mut(name)?;
                let is_same = |other: &crate::model::Key| {
                    other.columns == key.columns
                        && other.include == key.include
                        && other.deferral == key.deferral
                };
                if given.is_none()
                    && (table.uniques.values().any(is_same)
                        || table.primary_key.as_ref().is_some_and(is_same))
                {
                    return Ok(());
                }
                for part in &key.columns {
                    let column = part.column_name().unwrap_or_default();
                    if table.column(column).is_none() {
                        return Err(format!("there is no column {column}"));
                    }
                }
                let taken = names::relations(&self.schema, &name.namespace);
                let own = key.columns.iter().filter_map(|part| part.column_name());
                let columns = names::joined(own.chain(key.include.iter().map(String::as_str)));
                key.name = given.unwrap_or_else(|| names::free_name(&name.name, &columns, "key", &taken));
                let key_name = key.name.clone();
                insert(&mut self.table_mut(name)?.uniques, key_name, key)
            }
            Constraint::Exclusion(exclusion, trees) => {
                let parts: Vec<_> = exclusion.parts.iter().map(|(part, _)| part.clone()).collect();
                let columns = names::index_columns(&parts, &trees, &exclusion.include);
                let taken = names::relations(&self.schema, &name.namespace);
                let own = given.unwrap_or_else(|| names::free_name(&name.name, &columns, "excl", &taken));
                insert(&mut self.table_mut(name)?.exclusions, own, exclusion)
            }
            Constraint::Foreign(key, references) => self.add_foreign(name, given, key, references),
            Constraint::UsingIndex {
                primary,
                index,
                deferral,
            } => {
                let table = self.table_mut(name)?;
                let found = table
                    .indexes
                    .remove(&index)
                    .ok_or_else(|| format!("there is no index {index}"))?;
                let key = crate::model::Key {
                    name: given.unwrap_or(index),
                    columns: found.parts,
                    include: found.include,
                    nulls_not_distinct: found.nulls_not_distinct,
                    deferral,
                    options: found.options,
                    comment: found.comment,
                };
                let key_name = Some(key.name.clone());
                let constraint = if primary {
                    Constraint::Primary(key)
                } else {
                    Constraint::Unique(key)
                };
                self.add_constraint(name, key_name, constraint)
            }
        }
    }

    fn table_mut(&mut self, name: &Name) -> Result<&mut Table, String> {
        self.schema
            .tables
            .get_mut(name)
            .ok_or_else(|| format!("there is no table {name}"))
    }

    fn add_check(
        &mut self,
        name: &Name,
        given: Option<String>,
        check: Check,
        node: &Node,
    ) -> Result<(), String> {
        let columns = columns_in(self.table_mut(name)?, node);
        let taken = names::constraints(&self.schema, &name.namespace);
        let column = if columns.len() == 1 {
            columns.concat()
        } else {
            String::new()
        };
        let own = given.unwrap_or_else(|| names::free_name(&name.name, &column, "check", &taken));
        insert(&mut self.table_mut(name)?.checks, own, check)
    }

    fn add_foreign(
        &mut self,
        name: &Name,
        given: Option<String>,
        mut key: ForeignKey,
        references: (Option<String>, String),
    ) -> Result<(), String> {
        key.references = self.resolve(references);
        let taken = names::constraints(&self.schema, &name.namespace);
        let columns = names::joined(key.columns.iter().map(String::as_str));
        let own = given.unwrap_or_else(|| names::free_name(&name.name, &columns, "fkey", &taken));
        let table = self.table_mut(name)?;
        if let Some(column) = key.columns.iter().find(|column| table.column(column).is_none()) {
            return Err(format!("there is no column {column}"));
        }
        insert(&mut table.foreign_keys, own, key)
    }
}

fn insert<T>(map: &mut std::collections::BTreeMap<String, T>, name: String, value: T) -> Result<(), String> {
    if map.contains_key(&name) {
        return Err(format!("a second constraint {name}"));
    }
    map.insert(name, value);
    Ok(())
}

/// The columns of the table that an expression names, each once.
fn columns_in(table: &Table, node: &Node) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    node.walk(&mut |node| {
        if let Node::Path(path) = node
            && let Some(name) = path.last()
            && table.column(name).is_some()
            && !found.contains(name)
        {
            found.push(name.clone());
        }
    });
    found
}

/// `partition by range | list | hash (…)`
pub(crate) fn partition_by(cursor: &mut Cursor<'_>) -> Result<PartitionBy, Unreadable> {
    cursor.take_words(&["partition", "by"]);
    let strategy = if cursor.take("range") {
        Strategy::Range
    } else if cursor.take("list") {
        Strategy::List
    } else {
        cursor.need("hash")?;
        Strategy::Hash
    };
    Ok(PartitionBy {
        strategy,
        parts: cursor.list(|cursor| Ok(index_part(cursor)?.0))?,
        partitions: Vec::new(),
    })
}

/// `for values …` or `default`
pub(crate) fn bounds(cursor: &mut Cursor<'_>) -> Result<Bounds, Unreadable> {
    if cursor.take("default") {
        return Ok(Bounds::Default);
    }
    cursor.need("for")?;
    cursor.need("values")?;
    let values = |cursor: &mut Cursor<'_>| -> Result<Vec<Expression>, Unreadable> {
        cursor.list(|cursor| Ok(expression_text(cursor, expression)?.0))
    };
    if cursor.take("in") {
        return Ok(Bounds::In(values(cursor)?));
    }
    if cursor.take("from") {
        let low = values(cursor)?;
        cursor.need("to")?;
        return Ok(Bounds::Range(low, values(cursor)?));
    }
    cursor.need("with")?;
    cursor.need_mark("(")?;
    cursor.need("modulus")?;
    let modulus = cursor.integer()?;
    cursor.need_mark(",")?;
    cursor.need("remainder")?;
    let remainder = cursor.integer()?;
    cursor.need_mark(")")?;
    let small =
        |number: i64| u32::try_from(number).map_err(|_| cursor.fail("a modulus or remainder out of range"));
    Ok(Bounds::Hash(small(modulus)?, small(remainder)?))
}
