//! Tables.

use super::{
    Reader, bracketed, column,
    column::ColumnExtras,
    index::{self, given_name},
    object_name, partition_by, renamed_from, same_name, word,
};
use crate::{
    Unreadable,
    model::{Action, Check, Column, Expression, ForeignKey, Index, IndexPart, Indexed, Key, Name, Table},
    read::{Cursor, Tok},
};

impl Reader {
    /// After `create table`.
    pub(super) fn create_table(&mut self, cursor: &mut Cursor<'_>, replaces: bool) -> Result<(), Unreadable> {
        let start = cursor.position();
        cursor.take_words(&["if", "not", "exists"]);
        let name = object_name(cursor)?;
        if cursor.is_word("like") || cursor.is_word_ahead(1, "like") {
            return Err(cursor.fail("a table like another; write its columns"));
        }
        let mut table = Table::default();
        cursor.need_mark("(")?;
        let opening = cursor.position();
        loop {
            table_item(cursor, &name, &mut table)?;
            if !cursor.take_mark(",") {
                break;
            }
        }
        cursor.need_mark(")")?;
        table.renamed_from =
            renamed_from(cursor.comments_around(start, opening)).map(|old| Name::new("", old));
        options(cursor, &mut table)?;
        if cursor.is_words(&["partition", "by"]) {
            table.partition_by = Some(partition_by(cursor)?);
        }
        cursor.end()?;
        let known = self.schema.views.contains_key(&name) || self.schema.tables.contains_key(&name);
        if known && !replaces {
            return Err(cursor.fail(format!("a second table or view {name}")));
        }
        self.schema.tables.insert(name, table);
        Ok(())
    }
}

/// A column, an index or a constraint.
fn table_item(cursor: &mut Cursor<'_>, name: &Name, table: &mut Table) -> Result<(), Unreadable> {
    if is_constraint_or_index(cursor) {
        return constraint_or_index(cursor, name, table);
    }
    let (column, extras) = column(cursor)?;
    let place = table.columns.len();
    add_column(cursor, name, table, (column, extras), place)
}

/// Whether what stands here is no column.
pub(super) fn is_constraint_or_index(cursor: &Cursor<'_>) -> bool {
    cursor.is_one_of(&[
        "constraint",
        "primary",
        "unique",
        "foreign",
        "check",
        "index",
        "key",
        "fulltext",
        "spatial",
        "vector",
        "period",
    ])
}

/// Puts a column in its place, with what its definition brings along.
pub(super) fn add_column(
    cursor: &Cursor<'_>,
    name: &Name,
    table: &mut Table,
    (column, extras): (Column, ColumnExtras),
    place: usize,
) -> Result<(), Unreadable> {
    if table
        .columns
        .iter()
        .any(|known| same_name(&known.name, &column.name))
    {
        return Err(cursor.fail(format!("a second column {}", column.name)));
    }
    let part = IndexPart::column(&column.name);
    table.columns.insert(place, column);
    if extras.primary {
        set_primary_key(
            cursor,
            table,
            Key {
                name: "PRIMARY".to_owned(),
                columns: vec![part.clone()],
                ..Key::default()
            },
        )?;
    }
    if extras.unique {
        let index = Index {
            unique: true,
            method: "btree".to_owned(),
            parts: vec![part],
            ..Index::default()
        };
        add_index(cursor, table, None, index)?;
    }
    for (check, expression, enforced) in extras.checks {
        add_check(cursor, name, table, Some(check), (expression, enforced))?;
    }
    Ok(())
}

/// `[constraint [name]] …` or an index.
pub(super) fn constraint_or_index(
    cursor: &mut Cursor<'_>,
    name: &Name,
    table: &mut Table,
) -> Result<(), Unreadable> {
    let mut symbol = None;
    if cursor.take("constraint") && !cursor.is_one_of(&["primary", "unique", "foreign", "check"]) {
        symbol = Some(cursor.name()?);
    }
    if cursor.take_words(&["primary", "key"]) {
        let key = index::primary_key(cursor)?;
        return set_primary_key(cursor, table, key);
    }
    if cursor.take_words(&["foreign", "key"]) {
        let (index_name, key) = foreign_key(cursor)?;
        let symbol = symbol.or(index_name);
        return add_foreign_key(cursor, name, table, symbol, key);
    }
    if cursor.take("check") {
        let (expression, _) = bracketed(cursor)?;
        let enforced = !cursor.take_words(&["not", "enforced"]);
        cursor.take("enforced");
        return add_check(cursor, name, table, symbol, (expression, enforced));
    }
    if cursor.is_word("period") {
        return Err(cursor.fail("periods are not modelled"));
    }
    let written = index::index(cursor)?;
    add_index(cursor, table, written.name.or(symbol), written.index)
}

fn set_primary_key(cursor: &Cursor<'_>, table: &mut Table, key: Key) -> Result<(), Unreadable> {
    if table.primary_key.replace(key).is_some() {
        return Err(cursor.fail("a second primary key"));
    }
    Ok(())
}

/// An index under its name, or the one that the server gives.
pub(super) fn add_index(
    cursor: &Cursor<'_>,
    table: &mut Table,
    name: Option<String>,
    index: Index,
) -> Result<(), Unreadable> {
    let taken = |name: &str| table.indexes.keys().any(|known| same_name(known, name));
    let name = match name {
        Some(name) if taken(&name) => return Err(cursor.fail(format!("a second index {name}"))),
        Some(name) => name,
        None => {
            // In the case in which the column was made.
            let mut parts = index.parts.clone();
            for part in &mut parts {
                if let Indexed::Column(name) = &mut part.on
                    && let Some(column) = table.columns.iter().find(|column| same_name(&column.name, name))
                {
                    column.name.clone_into(name);
                }
            }
            given_name(&parts, taken)
        }
    };
    table.indexes.insert(name, index);
    Ok(())
}

fn add_check(
    cursor: &Cursor<'_>,
    table_name: &Name,
    table: &mut Table,
    name: Option<String>,
    (expression, enforced): (Expression, bool),
) -> Result<(), Unreadable> {
    let is_unnamed = name.is_none();
    let name = name.unwrap_or_else(|| next(&format!("{}_chk_", table_name.name), table.checks.keys()));
    if table.checks.keys().any(|known| same_name(known, &name)) {
        return Err(cursor.fail(format!("a second constraint {name}")));
    }
    let check = Check {
        expression,
        no_inherit: false,
        validated: true,
        enforced,
        comment: None,
    };
    table.unnamed.extend(is_unnamed.then(|| name.clone()));
    table.checks.insert(name, check);
    Ok(())
}

pub(super) fn add_foreign_key(
    cursor: &Cursor<'_>,
    table_name: &Name,
    table: &mut Table,
    name: Option<String>,
    key: ForeignKey,
) -> Result<(), Unreadable> {
    let is_unnamed = name.is_none();
    let name = name.unwrap_or_else(|| next(&format!("{}_ibfk_", table_name.name), table.foreign_keys.keys()));
    if table.foreign_keys.keys().any(|known| same_name(known, &name)) {
        return Err(cursor.fail(format!("a second constraint {name}")));
    }
    table.unnamed.extend(is_unnamed.then(|| name.clone()));
    table.foreign_keys.insert(name, key);
    Ok(())
}

/// The prefix with the number after the highest that is there.
fn next<'a>(prefix: &str, known: impl Iterator<Item = &'a String>) -> String {
    let highest = known
        .filter_map(|name| name.strip_prefix(prefix)?.parse::<u32>().ok())
        .max()
        .unwrap_or(0);
    format!("{prefix}{}", highest + 1)
}

/// After `foreign key`: the name before the columns if there is one, and the key.
fn foreign_key(cursor: &mut Cursor<'_>) -> Result<(Option<String>, ForeignKey), Unreadable> {
    let name = if cursor.is_mark("(") {
        None
    } else {
        Some(cursor.name()?)
    };
    let columns = cursor.names()?;
    cursor.need("references")?;
    let references = object_name(cursor)?;
    let referenced = cursor.names()?;
    let mut key = ForeignKey {
        columns,
        references,
        referenced,
        on_delete: Action::Restrict,
        on_update: Action::Restrict,
        on_delete_columns: Vec::new(),
        match_full: false,
        deferral: crate::model::Deferral::NotDeferrable,
        validated: true,
        comment: None,
    };
    if cursor.is_word("match") {
        return Err(cursor.fail("MATCH, which the server passes over; leave it out"));
    }
    while cursor.take("on") {
        let is_delete = cursor.take("delete");
        if !is_delete {
            cursor.need("update")?;
        }
        let action = action(cursor)?;
        if is_delete {
            key.on_delete = action;
        } else {
            key.on_update = action;
        }
    }
    Ok((name, key))
}

fn action(cursor: &mut Cursor<'_>) -> Result<Action, Unreadable> {
    for (words, action) in [
        (&["restrict"][..], Action::Restrict),
        // The same as restrict in InnoDB.
        (&["no", "action"], Action::Restrict),
        (&["cascade"], Action::Cascade),
        (&["set", "null"], Action::SetNull),
        (&["set", "default"], Action::SetDefault),
    ] {
        if cursor.take_words(words) {
            return Ok(action);
        }
    }
    Err(cursor.expected("RESTRICT, CASCADE or SET NULL"))
}

/// `engine = …, comment = …`
pub(super) fn options(cursor: &mut Cursor<'_>, table: &mut Table) -> Result<(), Unreadable> {
    while option(cursor, table)? {
        cursor.take_mark(",");
    }
    Ok(())
}

/// One option; false where none stands.
pub(super) fn option(cursor: &mut Cursor<'_>, table: &mut Table) -> Result<bool, Unreadable> {
    cursor.take("default");
    if cursor.take("charset")
        || cursor.take_words(&["character", "set"])
        || cursor.take_words(&["char", "set"])
    {
        cursor.take_mark("=");
        table.charset = Some(word(cursor)?.to_ascii_lowercase());
        return Ok(true);
    }
    let Some(Tok::Word(name)) = cursor.peek() else {
        return Ok(false);
    };
    let name = name.to_ascii_lowercase();
    if name == "partition" || name == "as" || name == "select" || name == "with" {
        return Ok(false);
    }
    if !KNOWN_OPTIONS.contains(&name.as_str()) {
        return Err(cursor.fail(format!("the option {name} is not modelled")));
    }
    cursor.next();
    cursor.take_mark("=");
    let value = word(cursor)?;
    match name.as_str() {
        // How far it has counted is data.
        "auto_increment" => {}
        "engine" | "type" => table.engine = Some(value),
        "collate" => table.collation = Some(value.to_ascii_lowercase()),
        "comment" => table.comment = Some(value).filter(|comment| !comment.is_empty()),
        _ => {
            table.options.insert(name, value.to_ascii_lowercase());
        }
    }
    Ok(true)
}

const KNOWN_OPTIONS: &[&str] = &[
    "auto_increment",
    "engine",
    "type",
    "collate",
    "comment",
    "row_format",
    "key_block_size",
    "stats_persistent",
    "stats_auto_recalc",
    "stats_sample_pages",
    "pack_keys",
    "checksum",
    "delay_key_write",
    "max_rows",
    "min_rows",
    "avg_row_length",
    "page_compressed",
    "page_compression_level",
    "compression",
    "encryption",
    "encrypted",
    "transactional",
    "page_checksum",
];
