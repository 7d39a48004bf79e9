//! Fragments of SQL that people write in documents, read alone: each must be what it claims to be and nothing more.
//!
//! A fragment is put into the smallest statement that can hold it, and that is read. Whatever else the statement says
//! then (`int not null`, `1, drop…`) shows in what was read.

use muster_schema::{
    Dialect,
    model::{Column, ColumnDefault, DataType, Table},
    read,
};

const MAX_BYTES: usize = 4_096;

/// A data type, for instance `varchar(64)`.
pub(crate) fn data_type(dialect: Dialect, text: &str) -> Result<DataType, String> {
    let column = column(dialect, text, "")?;
    let plain = Column {
        name: column.name.clone(),
        data_type: column.data_type.clone(),
        nullable: true,
        ..Column::default()
    };
    if column == plain {
        Ok(column.data_type)
    } else {
        Err(format!(
            "{text} says more than a data type: use the column's other fields for the rest"
        ))
    }
}

/// A default of a column of that type.
pub(crate) fn default(dialect: Dialect, data_type: &str, text: &str) -> Result<ColumnDefault, String> {
    if is_bare_word(text) {
        return Err(format!(
            "{text} is no SQL expression: the text {text} is written '{text}'"
        ));
    }
    let column = column(dialect, data_type, &format!(" default {text}"))?;
    let Some(default) = column.default.clone() else {
        return Err(format!("{text} is no default"));
    };
    let plain = Column {
        name: column.name.clone(),
        data_type: column.data_type.clone(),
        nullable: true,
        default: column.default.clone(),
        ..Column::default()
    };
    if column == plain {
        Ok(default)
    } else {
        Err(format!("{text} says more than a default"))
    }
}

/// An expression or a query. What it says besides shows when the whole is read back.
pub(super) fn fragment(dialect: Dialect, text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("is empty".into());
    }
    let statement = format!("select ({text})");
    match muster_schema::split(dialect, &statement) {
        Ok(pieces) if pieces.len() == 1 && is_balanced(text) => Ok(()),
        Ok(_) => Err("is not one expression".into()),
        Err(error) => Err(error.to_string()),
    }
}

fn column(dialect: Dialect, data_type: &str, rest: &str) -> Result<Column, String> {
    let text = format!("{data_type}{rest}");
    fragment(dialect, &text)?;
    let sql = format!("create table probe (c {text});");
    let mut schema = read(dialect, &sql).map_err(|error| {
        let error = error.to_string();
        format!(
            "{} is not understood: {}",
            text.trim(),
            error.strip_prefix("line 1: ").unwrap_or(&error)
        )
    })?;
    let (mut tables, others) = (std::mem::take(&mut schema.tables), schema.sequences.len());
    let table = tables.pop_first().map(|(_, table)| table).unwrap_or_default();
    let [column] = table.columns.as_slice() else {
        return Err(format!("{text} is more than one column"));
    };
    let alone = Table {
        columns: table.columns.clone(),
        ..Table::default()
    };
    if others > 0 || !tables.is_empty() || table != alone || !schema.opaque.is_empty() {
        return Err(format!("{text} says more than a column"));
    }
    Ok(column.clone())
}

/// No bracket closes what the fragment didn't open, no comment swallows what comes after it. Quotes are the splitter's
/// business: a fragment whose quote is open makes the statement around it unreadable.
fn is_balanced(text: &str) -> bool {
    if text.len() > MAX_BYTES || text.contains("--") || text.contains("/*") || text.contains('\0') {
        return false;
    }
    let (mut depth, mut quote) = (0_i32, None);
    for c in text.chars() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (None, '\'' | '"' | '`') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, ';') => return false,
            (Some(_) | None, _) => {}
        }
        if depth < 0 {
            return false;
        }
    }
    depth == 0 && quote.is_none()
}

/// A word that is neither a value nor a call: most likely a text whose quotes were forgotten.
fn is_bare_word(text: &str) -> bool {
    const VALUES: [&str; 12] = [
        "null",
        "true",
        "false",
        "current_timestamp",
        "current_date",
        "current_time",
        "localtimestamp",
        "localtime",
        "current_user",
        "session_user",
        "user",
        "current_role",
    ];
    let word = text.trim();
    let is_word = word.chars().next().is_some_and(char::is_alphabetic)
        && word.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_word && !VALUES.contains(&word.to_ascii_lowercase().as_str())
}
