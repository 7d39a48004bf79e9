//! Columns.

use super::{bracketed, data_type, renamed_from};
use crate::{
    Unreadable,
    model::{Column, ColumnDefault, Expression, Generated, Name},
    read::{Cursor, Tok},
};

/// What a column's definition says that is not the column's own.
#[derive(Debug, Default)]
pub(crate) struct ColumnExtras {
    /// `primary key`.
    pub(crate) primary: bool,
    /// `unique`.
    pub(crate) unique: bool,
    /// Checks that were given a name, with whether they are enforced.
    pub(crate) checks: Vec<(String, Expression, bool)>,
}

/// A column's name and definition.
pub(crate) fn column(cursor: &mut Cursor<'_>) -> Result<(Column, ColumnExtras), Unreadable> {
    let start = cursor.position();
    let name = cursor.name()?;
    let words = data_type(cursor)?;
    let mut column = Column {
        name,
        data_type: words.data_type,
        nullable: true,
        charset: words.charset,
        ..Column::default()
    };
    let mut extras = ColumnExtras::default();
    if words.serial {
        (column.nullable, column.auto_increment, extras.unique) = (false, true, true);
    }
    let mut binary = words.binary;
    while attribute(cursor, &mut column, &mut extras, &mut binary)? {}
    if binary && column.collation.is_none() {
        // Which one it is depends on the character set, which may be the table's.
        column.collation = Some(Name::new(
            "",
            match &column.charset {
                Some(charset) => format!("{charset}_bin"),
                None => "binary of the table".to_owned(),
            },
        ));
    }
    column.renamed_from = renamed_from(cursor.comments_around(start, cursor.position() + 1));
    Ok((column, extras))
}

/// One attribute; false where none stands.
fn attribute(
    cursor: &mut Cursor<'_>,
    column: &mut Column,
    extras: &mut ColumnExtras,
    binary: &mut bool,
) -> Result<bool, Unreadable> {
    if cursor.take_words(&["not", "null"]) {
        column.nullable = false;
    } else if cursor.take("null") {
        column.nullable = true;
    } else if cursor.take("default") {
        column.default = default(cursor)?;
    } else if cursor.take_words(&["on", "update"]) {
        let from = cursor.position();
        crate::normalise::mysql::primary(cursor)?;
        column.on_update = Some(Expression::new(cursor.text_since(from)));
    } else if cursor.take("auto_increment") {
        column.auto_increment = true;
    } else if cursor.take("unique") {
        cursor.take("key");
        extras.unique = true;
    } else if cursor.take_words(&["primary", "key"]) || cursor.take("key") || cursor.take("primary") {
        extras.primary = true;
    } else if cursor.take("comment") {
        column.comment = Some(cursor.string()?).filter(|comment| !comment.is_empty());
    } else if cursor.take("collate") {
        cursor.take_mark("=");
        column.collation = Some(Name::new("", super::word(cursor)?));
    } else if cursor.take("charset") || cursor.take_words(&["character", "set"]) {
        column.charset = Some(super::word(cursor)?);
    } else if cursor.take("binary") {
        *binary = true;
    } else if cursor.is_words(&["generated", "always", "as"]) || cursor.is_word("as") {
        column.generated = Some(generated(cursor)?);
    } else if cursor.take("invisible") {
        column.invisible = true;
    } else if cursor.is_word("constraint") || cursor.is_word("check") {
        check(cursor, column, extras)?;
    } else if cursor.is_word("references") {
        return Err(cursor.fail(
            "REFERENCES with a column, which MariaDB obeys and MySQL passes over; write FOREIGN KEY … REFERENCES …",
        ));
    } else if cursor.is_one_of(&[
        "srid",
        "column_format",
        "storage",
        "compressed",
        "with",
        "without",
        "period",
        "auto_random",
    ]) {
        return Err(cursor.fail("this attribute of a column is not modelled"));
    } else {
        return Ok(cursor.take("visible"));
    }
    Ok(true)
}

/// After `default`.
fn default(cursor: &mut Cursor<'_>) -> Result<Option<ColumnDefault>, Unreadable> {
    if cursor.take("null") {
        return Ok(None);
    }
    let from = cursor.position();
    if cursor.is_mark("(") {
        bracketed(cursor)?;
    } else {
        let sign = cursor.take_mark("-") || cursor.take_mark("+");
        if sign && !matches!(cursor.peek(), Some(Tok::Number(_))) {
            return Err(cursor.expected("a number"));
        }
        crate::normalise::mysql::primary(cursor)?;
    }
    Ok(Some(ColumnDefault::Expression(Expression::new(
        cursor.text_since(from),
    ))))
}

fn generated(cursor: &mut Cursor<'_>) -> Result<Generated, Unreadable> {
    cursor.take_words(&["generated", "always"]);
    cursor.need("as")?;
    let (expression, _) = bracketed(cursor)?;
    let stored = cursor.take("stored") || cursor.take("persistent");
    if !stored {
        cursor.take("virtual");
    }
    Ok(Generated { expression, stored })
}

fn check(cursor: &mut Cursor<'_>, column: &mut Column, extras: &mut ColumnExtras) -> Result<(), Unreadable> {
    let mut name = None;
    if cursor.take("constraint") && !cursor.is_word("check") {
        name = Some(cursor.name()?);
    }
    cursor.need("check")?;
    let (expression, _) = bracketed(cursor)?;
    let enforced = !cursor.take_words(&["not", "enforced"]);
    cursor.take("enforced");
    match name {
        Some(name) => extras.checks.push((name, expression, enforced)),
        None if column.check.is_some() || !enforced => {
            return Err(cursor.fail("give this check a name, and write it below the columns"));
        }
        None => column.check = Some(expression),
    }
    Ok(())
}
