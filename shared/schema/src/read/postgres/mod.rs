//! PostgreSQL's DDL.

mod alter;
mod column;
mod comment;
mod constraint;
pub(crate) mod data_type;
mod finish;
mod index;
mod names;
mod privilege;
mod routine;
mod sequence;
mod table;
mod trigger;
mod types;
mod view;

pub(crate) use column::default;
pub(crate) use constraint::{Constraint, table_constraint};
pub(crate) use index::create_index;
pub(crate) use names::truncated;
pub(crate) use privilege::{Privilege, Target, on_column};
pub(crate) use routine::{Code, given_types_of as routine_types};
pub(crate) use table::{bounds, partition_by};

use super::{Cursor, Unreadable};
use crate::{
    Dialect, Schema, Statement,
    model::{Expression, Extension, Name, OpaqueKind},
    normalise::Node,
};

/// A schema that is being read.
pub(crate) struct Reader {
    pub(crate) schema: Schema,
    /// Where names stand that aren't qualified.
    search: String,
}

/// Reads the statements of a text.
///
/// A text may say things in any order that makes sense to a person: types and tables are read before what is said
/// of them.
pub(super) fn read(statements: &[Statement<'_>]) -> Result<Schema, Unreadable> {
    let mut reader = Reader::new();
    let mut waiting: Vec<(u8, String, Cursor<'_>)> = Vec::new();
    for statement in statements {
        let mut cursor = Cursor::new(Dialect::Postgres, statement.text, statement.line)?;
        if cursor.is_word("set") || cursor.is_words(&["select", "pg_catalog"]) {
            reader.set(&mut cursor)?;
            continue;
        }
        waiting.push((rank(&cursor), reader.search.clone(), cursor));
    }
    waiting.sort_by_key(|(rank, ..)| *rank);
    for (_, search, mut cursor) in waiting {
        reader.search = search;
        reader.statement(&mut cursor)?;
    }
    Ok(reader.finish())
}

/// What must be read first.
fn rank(cursor: &Cursor<'_>) -> u8 {
    let is = |word: &str| (1..=4).any(|by| cursor.is_word_ahead(by, word));
    if cursor.is_word("create") {
        if cursor.is_word_ahead(1, "schema") || cursor.is_word_ahead(1, "extension") {
            0
        } else if cursor.is_word_ahead(1, "type") || cursor.is_word_ahead(1, "domain") {
            1
        } else if cursor.is_word_ahead(1, "sequence") {
            2
        } else if cursor.is_word_ahead(1, "table") || (is("table") && !is("on")) {
            3
        } else if is("view") {
            5
        } else {
            6
        }
    } else if cursor.is_word("comment") {
        8
    } else if cursor.is_words(&["alter", "table"]) {
        4
    } else {
        7
    }
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self {
            schema: Schema::empty(Dialect::Postgres),
            search: "public".to_owned(),
        }
    }

    fn statement(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Unreadable> {
        if cursor.take("create") {
            self.create(cursor)?;
        } else if cursor.take("alter") {
            self.alter(cursor)?;
        } else if cursor.take_words(&["comment", "on"]) {
            self.comment(cursor)?;
        } else if cursor.take("grant") {
            self.privileges(cursor, true)?;
        } else if cursor.take("revoke") {
            self.privileges(cursor, false)?;
        } else {
            return Err(cursor
                .fail("a statement that makes nothing; a schema is made of CREATE, ALTER and COMMENT ON"));
        }
        cursor.end()
    }

    fn create(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Unreadable> {
        cursor.take_words(&["or", "replace"]);
        if cursor.take("schema") {
            return self.create_schema(cursor);
        }
        if cursor.take("extension") {
            return self.create_extension(cursor);
        }
        if cursor.take("type") {
            return self.create_type(cursor);
        }
        if cursor.take("domain") {
            return self.create_domain(cursor);
        }
        if cursor.take("sequence") {
            return self.create_sequence(cursor);
        }
        if cursor.is_word("unique") || cursor.is_word("index") {
            return self.create_index(cursor);
        }
        if cursor.take("table") {
            return self.create_table(cursor, false);
        }
        if cursor.take_words(&["unlogged", "table"]) {
            return self.create_table(cursor, true);
        }
        if cursor.take("view") {
            return self.create_view(cursor, false);
        }
        if cursor.take_words(&["materialized", "view"]) {
            return self.create_view(cursor, true);
        }
        match self.code(cursor)? {
            Some(code) => {
                self.put(code);
                Ok(())
            }
            None => Err(cursor.fail("this kind of object is not read")),
        }
    }

    /// What isn't modelled, after `create [or replace]`.
    pub(crate) fn code(&self, cursor: &mut Cursor<'_>) -> Result<Option<Code>, Unreadable> {
        Ok(Some(if cursor.take("function") {
            self.routine(cursor, OpaqueKind::Function)?
        } else if cursor.take("procedure") {
            self.routine(cursor, OpaqueKind::Procedure)?
        } else if cursor.take("trigger") {
            self.trigger(cursor, false)?
        } else if cursor.take_words(&["constraint", "trigger"]) {
            self.trigger(cursor, true)?
        } else if cursor.take("policy") {
            self.policy(cursor)?
        } else {
            return Ok(None);
        }))
    }

    /// A name where it stands.
    pub(super) fn resolve(&self, (namespace, name): (Option<String>, String)) -> Name {
        Name::new(namespace.unwrap_or_else(|| self.search.clone()), name)
    }

    /// A qualified name, as it stands here.
    pub(super) fn object_name(&self, cursor: &mut Cursor<'_>) -> Result<Name, Unreadable> {
        Ok(self.resolve(cursor.qualified()?))
    }

    /// `set …`: what changes where names stand is followed, other settings are the session's.
    fn set(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Unreadable> {
        if cursor.take_words(&["select", "pg_catalog"]) {
            // pg_dump's `select pg_catalog.set_config('search_path', '', false)`: everything is qualified after it.
            return Ok(());
        }
        cursor.need("set")?;
        let _scope = cursor.take("session") || cursor.take("local");
        if !cursor.take("search_path") {
            return Ok(());
        }
        if !cursor.take("to") {
            cursor.need_mark("=")?;
        }
        let first = if cursor.is_word("default") {
            "public".to_owned()
        } else {
            text_or_name(cursor)?
        };
        self.search = if first.is_empty() || first == "pg_catalog" || first == "$user" {
            "public".to_owned()
        } else {
            first
        };
        Ok(())
    }

    fn create_schema(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Unreadable> {
        cursor.take_words(&["if", "not", "exists"]);
        if cursor.is_word("authorization") {
            return Err(cursor.fail("a schema without a name of its own"));
        }
        let name = cursor.name()?;
        if cursor.take("authorization") {
            return Err(cursor.fail("who owns a schema is not modelled; leave AUTHORIZATION out"));
        }
        self.schema.namespaces.entry(name).or_default();
        Ok(())
    }

    fn create_extension(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Unreadable> {
        cursor.take_words(&["if", "not", "exists"]);
        let name = cursor.name()?;
        cursor.take("with");
        let mut extension = Extension::default();
        loop {
            if cursor.take("schema") {
                extension.namespace = Some(cursor.name()?);
            } else if cursor.take("version") {
                text_or_name(cursor)?;
            } else if !cursor.take("cascade") {
                break;
            }
        }
        self.schema.extensions.insert(name, extension);
        Ok(())
    }
}

/// A string or a name.
pub(super) fn text_or_name(cursor: &mut Cursor<'_>) -> Result<String, Unreadable> {
    cursor.string().or_else(|_| cursor.name())
}

/// An expression by `reader`, as text.
pub(super) fn expression_text(
    cursor: &mut Cursor<'_>,
    reader: fn(&mut Cursor<'_>) -> Result<Node, Unreadable>,
) -> Result<(Expression, Node), Unreadable> {
    let from = cursor.position();
    let node = reader(cursor)?;
    Ok((Expression::new(without_brackets(&cursor.text_since(from))), node))
}

/// The text without brackets around the whole of it, which say nothing; a list or a query in brackets keeps them.
fn without_brackets(text: &str) -> &str {
    let Some(inner) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) else {
        return text;
    };
    let (mut open, mut quoted) = (0_i32, false);
    for c in inner.chars() {
        match c {
            '\'' | '"' => quoted = !quoted,
            '(' if !quoted => open += 1,
            ')' if !quoted => open -= 1,
            ',' if !quoted && open == 0 => return text,
            '$' => return text,
            _ => {}
        }
        if open < 0 {
            return text;
        }
    }
    let first = inner
        .trim_start()
        .split(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    if quoted || matches!(first.as_str(), "select" | "with" | "values") {
        return text;
    }
    without_brackets(inner.trim())
}

/// `@renamed from=name` (or `@rename from=name`) in one of the comments.
pub(super) fn renamed_from<'a>(comments: impl Iterator<Item = &'a str>) -> Option<String> {
    comments.into_iter().find_map(|comment| {
        let at = comment.find("@rename")?;
        let rest = comment[at..]
            .trim_start_matches("@renamed")
            .trim_start_matches("@rename")
            .trim_start();
        let value = rest
            .strip_prefix("from")?
            .trim_start()
            .strip_prefix('=')?
            .trim_start();
        if let Some(quoted) = value.strip_prefix('"') {
            return quoted.split('"').next().map(str::to_owned);
        }
        let end = value
            .find(|c: char| c.is_whitespace() || c == '*')
            .unwrap_or(value.len());
        (end > 0).then(|| value[..end].to_owned())
    })
}
