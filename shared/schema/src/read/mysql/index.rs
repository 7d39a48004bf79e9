//! Indexes and keys.

use super::{Reader, bracketed, object_name, renamed_from, same_name};
use crate::{
    Unreadable,
    model::{Index, IndexPart, Indexed, Key},
    read::Cursor,
};

/// An index as it is written: its name may be missing.
pub(super) struct Written {
    pub(super) name: Option<String>,
    pub(super) index: Index,
}

/// `[unique | fulltext | spatial] [index | key] [name] [using …] (parts) options`.
pub(super) fn index(cursor: &mut Cursor<'_>) -> Result<Written, Unreadable> {
    let start = cursor.position();
    let mut index = Index {
        unique: cursor.take("unique"),
        method: "btree".to_owned(),
        ..Index::default()
    };
    for method in ["fulltext", "spatial"] {
        if !index.unique && cursor.take(method) {
            method.clone_into(&mut index.method);
        }
    }
    if cursor.is_word("vector") {
        return Err(cursor.fail("vector indexes are not modelled"));
    }
    let _word = cursor.take("index") || cursor.take("key");
    let unnamed = cursor.is_mark("(") || (cursor.is_word("using") && !cursor.is_mark_ahead(1, "("));
    let name = if unnamed { None } else { Some(cursor.name()?) };
    using(cursor, &mut index)?;
    index.parts = cursor.list(part)?;
    options(cursor, &mut index)?;
    index.renamed_from = renamed_from(cursor.comments_around(start, cursor.position() + 1));
    Ok(Written { name, index })
}

/// `primary key`, after it.
pub(super) fn primary_key(cursor: &mut Cursor<'_>) -> Result<Key, Unreadable> {
    let mut index = Index {
        method: "btree".to_owned(),
        ..Index::default()
    };
    if !cursor.is_mark("(") && !cursor.is_word("using") {
        // A name here means nothing: the key is always PRIMARY.
        cursor.name()?;
    }
    using(cursor, &mut index)?;
    let columns = cursor.list(part)?;
    options(cursor, &mut index)?;
    if index.method != "btree" {
        index.options.insert("using".to_owned(), index.method);
    }
    Ok(Key {
        name: "PRIMARY".to_owned(),
        columns,
        options: index.options,
        comment: index.comment,
        ..Key::default()
    })
}

fn using(cursor: &mut Cursor<'_>, index: &mut Index) -> Result<(), Unreadable> {
    if !cursor.take("using") {
        return Ok(());
    }
    let method = cursor.name()?.to_ascii_lowercase();
    match method.as_str() {
        "btree" | "rtree" => {}
        "hash" => index.method = method,
        _ => return Err(cursor.fail(format!("indexes by {method} are not modelled"))),
    }
    Ok(())
}

fn part(cursor: &mut Cursor<'_>) -> Result<IndexPart, Unreadable> {
    let mut part = IndexPart::column("");
    if cursor.is_mark("(") {
        part.on = Indexed::Expression(bracketed(cursor)?.0);
    } else {
        part.on = Indexed::Column(cursor.name()?);
        if cursor.take_mark("(") {
            let length = u32::try_from(cursor.integer()?).map_err(|_| cursor.expected("a length"))?;
            part.prefix = Some(length);
            cursor.need_mark(")")?;
        }
    }
    part.descending = cursor.take("desc");
    cursor.take("asc");
    Ok(part)
}

fn options(cursor: &mut Cursor<'_>, index: &mut Index) -> Result<(), Unreadable> {
    loop {
        if cursor.is_word("using") {
            using(cursor, index)?;
        } else if cursor.take("comment") {
            index.comment = Some(cursor.string()?).filter(|comment| !comment.is_empty());
        } else if cursor.take("key_block_size") {
            cursor.take_mark("=");
            index
                .options
                .insert("key_block_size".to_owned(), cursor.integer()?.to_string());
        } else if cursor.take_words(&["with", "parser"]) {
            index.options.insert("parser".to_owned(), cursor.name()?);
        } else if cursor.take("invisible") || cursor.take("ignored") {
            index.invisible = true;
        } else if cursor.is_one_of(&["visible", "not"]) {
            if !cursor.take("visible") && !cursor.take_words(&["not", "ignored"]) {
                return Ok(());
            }
        } else if cursor.is_one_of(&["algorithm", "lock"]) {
            // How it is built, not what it is.
            cursor.next();
            cursor.take_mark("=");
            cursor.name()?;
        } else {
            return Ok(());
        }
    }
}

impl Reader {
    /// After `create`: `[unique…] index name on table (…)`.
    pub(super) fn create_index(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Unreadable> {
        let start = cursor.position();
        let mut index = Index {
            unique: cursor.take("unique"),
            method: "btree".to_owned(),
            ..Index::default()
        };
        for method in ["fulltext", "spatial"] {
            if cursor.take(method) {
                method.clone_into(&mut index.method);
            }
        }
        if cursor.is_word("vector") {
            return Err(cursor.fail("vector indexes are not modelled"));
        }
        cursor.need("index")?;
        cursor.take_words(&["if", "not", "exists"]);
        let name = cursor.name()?;
        using(cursor, &mut index)?;
        cursor.need("on")?;
        let on = object_name(cursor)?;
        index.parts = cursor.list(part)?;
        options(cursor, &mut index)?;
        index.renamed_from = renamed_from(cursor.comments_around(start, cursor.position()));
        cursor.end()?;
        let Some(table) = self.schema.tables.get_mut(&on) else {
            return Err(cursor.fail(format!("index {name} is on {on}, which the text doesn't make")));
        };
        if table.indexes.keys().any(|known| same_name(known, &name)) {
            return Err(cursor.fail(format!("a second index {name}")));
        }
        table.indexes.insert(name, index);
        Ok(())
    }
}

/// The name that the server gives to an index: its first column's, with a number where that is taken.
pub(super) fn given_name(parts: &[IndexPart], taken: impl Fn(&str) -> bool) -> String {
    let first = match parts.first().map(|part| &part.on) {
        Some(Indexed::Column(column)) => column.clone(),
        Some(Indexed::Expression(_)) | None => "functional_index".to_owned(),
    };
    if !taken(&first) && !first.eq_ignore_ascii_case("primary") {
        return first;
    }
    // A table has far fewer indexes.
    (2..1_000)
        .map(|number| format!("{first}_{number}"))
        .find(|name| !taken(name))
        .unwrap_or(first)
}
