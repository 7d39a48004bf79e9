//! Types, by the names that the server gives them.

use crate::{
    Unreadable,
    model::DataType,
    read::{Cursor, Tok},
};

/// Words for types, and the server's own names of them.
const ALIASES: &[(&str, &str)] = &[
    ("int", "integer"),
    ("int4", "integer"),
    ("int2", "smallint"),
    ("int8", "bigint"),
    ("bool", "boolean"),
    ("decimal", "numeric"),
    ("dec", "numeric"),
    ("float4", "real"),
    ("float8", "double precision"),
    ("varchar", "character varying"),
    ("varbit", "bit varying"),
    ("timestamptz", "timestamp with time zone"),
    ("timetz", "time with time zone"),
    ("timestamp", "timestamp without time zone"),
    ("time", "time without time zone"),
    ("char", "character"),
    ("nchar", "character"),
];

/// Types whose names are keywords, which no schema's own type can have without quotes.
const WORDS: &[&str] = &[
    "integer",
    "smallint",
    "bigint",
    "boolean",
    "numeric",
    "real",
    "double",
    "character",
    "bit",
    "interval",
    "timestamp",
    "time",
    "national",
    "float",
];

/// The server's own types that are written as any name is.
const BUILT_IN: &[&str] = &[
    "text",
    "bytea",
    "json",
    "jsonb",
    "uuid",
    "date",
    "inet",
    "cidr",
    "macaddr",
    "macaddr8",
    "money",
    "xml",
    "point",
    "line",
    "lseg",
    "box",
    "path",
    "polygon",
    "circle",
    "tsvector",
    "tsquery",
    "oid",
    "name",
    "regclass",
    "regproc",
    "regtype",
    "regprocedure",
    "regoper",
    "regrole",
    "regnamespace",
    "regconfig",
    "regdictionary",
    "int4range",
    "int8range",
    "numrange",
    "tsrange",
    "tstzrange",
    "daterange",
    "int4multirange",
    "int8multirange",
    "nummultirange",
    "tsmultirange",
    "tstzmultirange",
    "datemultirange",
    "bpchar",
    "xid",
    "xid8",
    "cid",
    "tid",
    "pg_lsn",
    "pg_snapshot",
    "jsonpath",
    "record",
    "trigger",
    "void",
    "event_trigger",
    "anyelement",
    "anyarray",
    "anynonarray",
    "anyenum",
    "anyrange",
    "anycompatible",
    "cstring",
    "internal",
    "refcursor",
    "txid_snapshot",
    "language_handler",
    "unknown",
    "integer",
    "smallint",
    "bigint",
    "boolean",
    "numeric",
    "real",
    "double precision",
    "character varying",
    "character",
    "bit varying",
    "bit",
    "interval",
    "timestamp with time zone",
    "timestamp without time zone",
    "time with time zone",
    "time without time zone",
];

/// Whether the name is one of the server's own types.
pub(crate) fn is_built_in(name: &str) -> bool {
    BUILT_IN.contains(&name) || name.starts_with("interval ")
}

/// Whether a word that can only be a type stands here, or one that usually is.
pub(crate) fn is_type_word(cursor: &Cursor<'_>) -> bool {
    let Some(Tok::Word(word)) = cursor.peek() else {
        return false;
    };
    let word = word.to_ascii_lowercase();
    let known = WORDS.contains(&word.as_str())
        || BUILT_IN.contains(&word.as_str())
        || ALIASES.iter().any(|(alias, _)| *alias == word);
    known && !cursor.is_mark_ahead(1, ".")
}

/// A type.
pub(crate) fn data_type(cursor: &mut Cursor<'_>) -> Result<DataType, Unreadable> {
    if cursor.take("setof") {
        return Err(cursor.fail("SETOF, which is no column's type"));
    }
    let quoted = matches!(cursor.peek(), Some(Tok::Quoted(_)));
    let mut found = if quoted { named(cursor)? } else { worded(cursor)? };
    if cursor.take("array") {
        found.array = true;
    }
    while cursor.take_mark("[") {
        if matches!(cursor.peek(), Some(Tok::Number(_))) {
            cursor.next();
        }
        cursor.need_mark("]")?;
        found.array = true;
    }
    Ok(found)
}

fn worded(cursor: &mut Cursor<'_>) -> Result<DataType, Unreadable> {
    if cursor.take_words(&["double", "precision"]) {
        return Ok(DataType::plain("double precision"));
    }
    let national = cursor.take("national");
    if cursor.take_words(&["character", "varying"]) || cursor.take_words(&["char", "varying"]) {
        return with_arguments(cursor, "character varying");
    }
    if national || cursor.is_one_of(&["character", "char", "nchar"]) {
        cursor.next();
        if cursor.take("varying") {
            return with_arguments(cursor, "character varying");
        }
        let mut found = with_arguments(cursor, "character")?;
        if found.arguments.is_empty() {
            found.arguments.push("1".to_owned());
        }
        return Ok(found);
    }
    if cursor.take("bit") {
        let varying = cursor.take("varying");
        let mut found = with_arguments(cursor, if varying { "bit varying" } else { "bit" })?;
        if !varying && found.arguments.is_empty() {
            found.arguments.push("1".to_owned());
        }
        return Ok(found);
    }
    if cursor.take("float") {
        let found = with_arguments(cursor, "double precision")?;
        let is_short = found
            .arguments
            .first()
            .and_then(|bits| bits.parse::<u8>().ok())
            .is_some_and(|bits| bits <= 24);
        return Ok(DataType::plain(if is_short {
            "real"
        } else {
            "double precision"
        }));
    }
    for word in ["timestamp", "time"] {
        if cursor.take(word) {
            let arguments = arguments(cursor)?;
            let zone = if cursor.take_words(&["with", "time", "zone"]) {
                "with"
            } else {
                cursor.take_words(&["without", "time", "zone"]);
                "without"
            };
            return Ok(DataType {
                arguments,
                ..DataType::plain(format!("{word} {zone} time zone"))
            });
        }
    }
    if cursor.take("interval") {
        let fields = interval_fields(cursor);
        return Ok(DataType {
            arguments: arguments(cursor)?,
            ..DataType::plain(format!("interval{fields}"))
        });
    }
    let mut found = named(cursor)?;
    if found.namespace.is_none() {
        if let Some((_, name)) = ALIASES.iter().find(|(alias, _)| *alias == found.name) {
            (*name).clone_into(&mut found.name);
        }
        if found.name == "numeric" && found.arguments.len() == 1 {
            found.arguments.push("0".to_owned());
        }
    }
    Ok(found)
}

/// ` year to month` and the like, after `interval`.
pub(crate) fn interval_fields(cursor: &mut Cursor<'_>) -> String {
    const FIELDS: &[&str] = &["year", "month", "day", "hour", "minute", "second"];
    let Some(first) = FIELDS.iter().find(|field| cursor.take(field)) else {
        return String::new();
    };
    if cursor.is_word("to")
        && let Some(last) = FIELDS.iter().find(|field| cursor.is_word_ahead(1, field))
    {
        cursor.next();
        cursor.next();
        return format!(" {first} to {last}");
    }
    format!(" {first}")
}

fn named(cursor: &mut Cursor<'_>) -> Result<DataType, Unreadable> {
    let (namespace, name) = cursor.qualified()?;
    if cursor.is_mark("%") {
        return Err(cursor.fail("%TYPE; write the type"));
    }
    let mut found = with_arguments(cursor, &name)?;
    found.namespace = namespace.filter(|namespace| namespace != "pg_catalog");
    Ok(found)
}

fn with_arguments(cursor: &mut Cursor<'_>, name: &str) -> Result<DataType, Unreadable> {
    Ok(DataType {
        arguments: arguments(cursor)?,
        ..DataType::plain(name)
    })
}

fn arguments(cursor: &mut Cursor<'_>) -> Result<Vec<String>, Unreadable> {
    if !cursor.is_mark("(") {
        return Ok(Vec::new());
    }
    cursor.list(|cursor| match cursor.next() {
        Some(Tok::Number(text) | Tok::Word(text) | Tok::Str(text) | Tok::Quoted(text)) => {
            Ok(text.to_ascii_lowercase())
        }
        Some(Tok::Mark(mark)) if mark == "-" => Ok(format!("-{}", cursor.integer()?)),
        _ => Err(cursor.expected("a length or a precision")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dialect;

    fn read(text: &str) -> String {
        let mut cursor = Cursor::new(Dialect::Postgres, text, 1).unwrap();
        let found = data_type(&mut cursor).unwrap();
        cursor.end().unwrap();
        found.to_string()
    }

    #[test]
    fn types_have_one_name() {
        for (text, name) in [
            ("INT", "integer"),
            ("int8", "bigint"),
            ("varchar(10)", "character varying(10)"),
            ("character varying", "character varying"),
            ("char", "character(1)"),
            ("timestamp", "timestamp without time zone"),
            ("timestamp(3) with time zone", "timestamp with time zone(3)"),
            ("timestamptz(3)", "timestamp with time zone(3)"),
            ("numeric(10)", "numeric(10,0)"),
            ("decimal(10, 2)", "numeric(10,2)"),
            ("float(24)", "real"),
            ("float", "double precision"),
            ("interval day to second(3)", "interval day to second(3)"),
            ("text[][3]", "text[]"),
            ("int array", "integer[]"),
            ("pg_catalog.int4", "integer"),
            ("\"Mood\"", "Mood"),
            ("app.mood[]", "app.mood[]"),
            ("bit", "bit(1)"),
            ("geometry(Point, 4326)", "geometry(point,4326)"),
        ] {
            assert_eq!(read(text), name, "{text}");
        }
    }
}
