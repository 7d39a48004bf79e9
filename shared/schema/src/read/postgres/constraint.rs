//! Constraints, of tables and of columns.

use super::{
    expression_text,
    index::{index_part, storage_options},
};
use crate::{
    Unreadable,
    model::{Action, Check, Deferral, Exclusion, ForeignKey, IndexPart, Key, Options},
    normalise::{Node, postgres::expression},
    read::{Cursor, Tok},
};

/// A constraint as read; its name may be the server's to give.
#[derive(Debug, Clone)]
pub(crate) enum Constraint {
    Primary(Key),
    Unique(Key),
    Check(Check, Node),
    Foreign(ForeignKey, (Option<String>, String)),
    Exclusion(Exclusion, Vec<Option<Node>>),
    /// `using index …`: the index becomes the constraint's.
    UsingIndex {
        primary: bool,
        index: String,
        deferral: Deferral,
    },
}

/// Whether a table constraint begins here.
pub(super) fn begins(cursor: &Cursor<'_>) -> bool {
    cursor.is_one_of(&["constraint", "check", "foreign"])
        || cursor.is_words(&["primary", "key"])
        || (cursor.is_word("unique")
            && (cursor.is_mark_ahead(1, "(")
                || cursor.is_word_ahead(1, "nulls")
                || cursor.is_word_ahead(1, "using")))
        || (cursor.is_word("exclude") && (cursor.is_word_ahead(1, "using") || cursor.is_mark_ahead(1, "(")))
}

/// `[constraint name] check | primary key | unique | foreign key | exclude …`
pub(crate) fn table_constraint(cursor: &mut Cursor<'_>) -> Result<(Option<String>, Constraint), Unreadable> {
    let name = if cursor.take("constraint") {
        Some(cursor.name()?)
    } else {
        None
    };
    let constraint = if cursor.take("check") {
        check(cursor)?
    } else if cursor.take_words(&["primary", "key"]) {
        key(cursor, true)?
    } else if cursor.take("unique") {
        key(cursor, false)?
    } else if cursor.take_words(&["foreign", "key"]) {
        let columns = cursor.names()?;
        foreign(cursor, columns)?
    } else if cursor.take("exclude") {
        exclusion(cursor)?
    } else {
        return Err(cursor.expected("a constraint"));
    };
    Ok((name, constraint))
}

pub(super) fn check(cursor: &mut Cursor<'_>) -> Result<Constraint, Unreadable> {
    cursor.need_mark("(")?;
    let (expression, node) = expression_text(cursor, expression)?;
    cursor.need_mark(")")?;
    let mut check = Check {
        expression,
        no_inherit: false,
        validated: true,
        enforced: true,
        comment: None,
    };
    loop {
        if cursor.take_words(&["no", "inherit"]) {
            check.no_inherit = true;
        } else if cursor.take_words(&["not", "valid"]) {
            check.validated = false;
        } else {
            return Ok(Constraint::Check(check, node));
        }
    }
}

fn key(cursor: &mut Cursor<'_>, primary: bool) -> Result<Constraint, Unreadable> {
    if cursor.take_words(&["using", "index"]) {
        let index = cursor.name()?;
        let deferral = deferral(cursor)?;
        return Ok(Constraint::UsingIndex {
            primary,
            index,
            deferral,
        });
    }
    let mut key = Key::default();
    nulls_distinct(cursor, &mut key)?;
    key.columns = cursor.names()?.into_iter().map(IndexPart::column).collect();
    key_tail(cursor, &mut key)?;
    Ok(if primary {
        Constraint::Primary(key)
    } else {
        Constraint::Unique(key)
    })
}

pub(super) fn nulls_distinct(cursor: &mut Cursor<'_>, key: &mut Key) -> Result<(), Unreadable> {
    if cursor.take("nulls") {
        key.nulls_not_distinct = cursor.take("not");
        cursor.need("distinct")?;
    }
    Ok(())
}

/// What may follow a key's columns.
pub(super) fn key_tail(cursor: &mut Cursor<'_>, key: &mut Key) -> Result<(), Unreadable> {
    if cursor.take("include") {
        key.include = cursor.names()?;
    }
    if cursor.take("with") {
        key.options = storage_options(cursor)?;
    }
    if cursor.is_words(&["using", "index", "tablespace"]) {
        return Err(cursor.fail("tablespaces are not modelled"));
    }
    key.deferral = deferral(cursor)?;
    Ok(())
}

/// `deferrable` and `initially …`, in any order.
pub(super) fn deferral(cursor: &mut Cursor<'_>) -> Result<Deferral, Unreadable> {
    let mut found = Deferral::NotDeferrable;
    loop {
        if cursor.take("deferrable") {
            found = if found == Deferral::InitiallyDeferred {
                found
            } else {
                Deferral::InitiallyImmediate
            };
        } else if cursor.take_words(&["not", "deferrable"]) {
            found = Deferral::NotDeferrable;
        } else if cursor.take_words(&["initially", "deferred"]) {
            found = Deferral::InitiallyDeferred;
        } else if !cursor.take_words(&["initially", "immediate"]) {
            return Ok(found);
        }
    }
}

/// From `references` on.
pub(super) fn foreign(cursor: &mut Cursor<'_>, columns: Vec<String>) -> Result<Constraint, Unreadable> {
    cursor.need("references")?;
    let table = cursor.qualified()?;
    let referenced = if cursor.is_mark("(") {
        cursor.names()?
    } else {
        Vec::new()
    };
    let mut key = ForeignKey {
        columns,
        references: crate::model::Name::new("", ""),
        referenced,
        on_delete: Action::NoAction,
        on_update: Action::NoAction,
        on_delete_columns: Vec::new(),
        match_full: false,
        deferral: Deferral::NotDeferrable,
        validated: true,
        comment: None,
    };
    loop {
        if cursor.take_words(&["on", "delete"]) {
            key.on_delete = action(cursor)?;
            if cursor.is_mark("(") {
                key.on_delete_columns = cursor.names()?;
            }
        } else if cursor.take_words(&["on", "update"]) {
            key.on_update = action(cursor)?;
        } else if cursor.take("match") {
            key.match_full = cursor.take("full");
            if !key.match_full {
                cursor.need("simple")?;
            }
        } else if cursor.take_words(&["not", "valid"]) {
            key.validated = false;
        } else if cursor.is_one_of(&["deferrable", "initially"]) || cursor.is_words(&["not", "deferrable"]) {
            key.deferral = deferral(cursor)?;
        } else {
            return Ok(Constraint::Foreign(key, table));
        }
    }
}

fn action(cursor: &mut Cursor<'_>) -> Result<Action, Unreadable> {
    for (words, action) in [
        (&["no", "action"][..], Action::NoAction),
        (&["restrict"], Action::Restrict),
        (&["cascade"], Action::Cascade),
        (&["set", "null"], Action::SetNull),
        (&["set", "default"], Action::SetDefault),
    ] {
        if cursor.take_words(words) {
            return Ok(action);
        }
    }
    Err(cursor.expected("NO ACTION, RESTRICT, CASCADE, SET NULL or SET DEFAULT"))
}

fn exclusion(cursor: &mut Cursor<'_>) -> Result<Constraint, Unreadable> {
    let method = if cursor.take("using") {
        cursor.name()?
    } else {
        "btree".to_owned()
    };
    let mut trees = Vec::new();
    let parts = cursor.list(|cursor| {
        let (part, tree) = index_part(cursor)?;
        trees.push(tree);
        cursor.need("with")?;
        Ok((part, operator(cursor)?))
    })?;
    let mut exclusion = Exclusion {
        method,
        parts,
        include: Vec::new(),
        condition: None,
        deferral: Deferral::NotDeferrable,
        comment: None,
    };
    if cursor.take("include") {
        exclusion.include = cursor.names()?;
    }
    let options: Options = if cursor.take("with") {
        storage_options(cursor)?
    } else {
        Options::default()
    };
    if !options.is_empty() {
        return Err(cursor.fail("storage parameters of an exclusion constraint are not modelled"));
    }
    if cursor.take("where") {
        cursor.need_mark("(")?;
        exclusion.condition = Some(expression_text(cursor, expression)?.0);
        cursor.need_mark(")")?;
    }
    exclusion.deferral = deferral(cursor)?;
    Ok(Constraint::Exclusion(exclusion, trees))
}

/// An operator, which may be written `operator(schema.mark)`.
fn operator(cursor: &mut Cursor<'_>) -> Result<String, Unreadable> {
    let wrapped = cursor.take("operator");
    if wrapped {
        cursor.need_mark("(")?;
        if cursor.is_mark_ahead(1, ".") {
            cursor.next();
            cursor.next();
        }
    }
    let Some(Tok::Mark(mark)) = cursor.next() else {
        return Err(cursor.expected("an operator"));
    };
    if wrapped {
        cursor.need_mark(")")?;
    }
    Ok(mark)
}
