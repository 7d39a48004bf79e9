//! Types, by the names that the server gives them.

use crate::{
    Unreadable,
    model::DataType,
    read::{Cursor, Tok},
};

/// A type, and what the words for it say beside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TypeWords {
    /// The type.
    pub(crate) data_type: DataType,
    /// `national`, `nchar`, `character set …`: a character set of its own.
    pub(crate) charset: Option<String>,
    /// `binary` after a type of text: the collation that compares by code.
    pub(crate) binary: bool,
    /// `serial`: not null, automatic, unique.
    pub(crate) serial: bool,
}

/// Words for types, and the server's own names of them.
const ALIASES: &[(&str, &str)] = &[
    ("integer", "int"),
    ("int1", "tinyint"),
    ("int2", "smallint"),
    ("int3", "mediumint"),
    ("middleint", "mediumint"),
    ("int4", "int"),
    ("int8", "bigint"),
    ("dec", "decimal"),
    ("numeric", "decimal"),
    ("fixed", "decimal"),
    ("real", "double"),
    ("float4", "float"),
    ("float8", "double"),
    ("character", "char"),
    ("nchar", "char"),
    ("nvarchar", "varchar"),
    ("geometrycollection", "geometrycollection"),
    ("geomcollection", "geometrycollection"),
];

/// A type with all the words that belong to it.
pub(crate) fn data_type(cursor: &mut Cursor<'_>) -> Result<TypeWords, Unreadable> {
    let mut found = TypeWords::default();
    if cursor.take("national") {
        found.charset = Some("utf8mb3".to_owned());
    }
    let Some(Tok::Word(word)) = cursor.next() else {
        return Err(cursor.expected("a type"));
    };
    let word = word.to_ascii_lowercase();
    if matches!(word.as_str(), "nchar" | "nvarchar") {
        found.charset = Some("utf8mb3".to_owned());
    }
    let alias = ALIASES.iter().find(|(alias, _)| *alias == word);
    let mut name = alias.map_or(word.as_str(), |(_, name)| name).to_owned();
    match name.as_str() {
        "char" if cursor.take("varying") => "varchar".clone_into(&mut name),
        "double" => {
            cursor.take("precision");
        }
        "long" => {
            let binary = cursor.take("varbinary");
            if !binary && !cursor.take("varchar") {
                cursor.take_words(&["char", "varying"]);
            }
            if binary { "mediumblob" } else { "mediumtext" }.clone_into(&mut name);
        }
        _ => {}
    }
    let of = &mut found.data_type;
    if matches!(name.as_str(), "enum" | "set") {
        of.values = cursor.list(Cursor::string)?;
        // The server cuts blanks at the ends of values.
        of.values
            .iter_mut()
            .for_each(|value| value.truncate(value.trim_end_matches(' ').len()));
    } else if cursor.is_mark("(") {
        of.arguments = cursor.list(|cursor| match cursor.next() {
            Some(Tok::Number(number)) => Ok(number),
            _ => Err(cursor.expected("a length or a precision")),
        })?;
    }
    of.name = name;
    words_after(cursor, &mut found)?;
    settle(&mut found);
    Ok(found)
}

fn words_after(cursor: &mut Cursor<'_>, found: &mut TypeWords) -> Result<(), Unreadable> {
    loop {
        if cursor.take("unsigned") {
            found.data_type.unsigned = true;
        } else if cursor.take("zerofill") {
            found.data_type.zerofill = true;
            found.data_type.unsigned = true;
        } else if cursor.take("binary") {
            found.binary = true;
        } else if cursor.take("ascii") {
            found.charset = Some("latin1".to_owned());
        } else if cursor.take("charset")
            || cursor.take_words(&["character", "set"])
            || cursor.take_words(&["char", "set"])
        {
            cursor.take_mark("=");
            found.charset = Some(super::word(cursor)?);
        } else if !cursor.take("signed") {
            return Ok(());
        }
    }
}

/// What the words come to.
fn settle(found: &mut TypeWords) {
    let of = &mut found.data_type;
    let argument = |of: &DataType| of.arguments.first().and_then(|first| first.parse::<u64>().ok());
    match of.name.as_str() {
        "bool" | "boolean" => {
            "tinyint".clone_into(&mut of.name);
            of.arguments = vec!["1".to_owned()];
        }
        "serial" => {
            "bigint".clone_into(&mut of.name);
            of.unsigned = true;
            found.serial = true;
        }
        "char" | "binary" | "bit" if of.arguments.is_empty() => of.arguments.push("1".to_owned()),
        "decimal" => {
            if of.arguments.is_empty() {
                of.arguments.push("10".to_owned());
            }
            if of.arguments.len() == 1 {
                of.arguments.push("0".to_owned());
            }
        }
        "float" if of.arguments.len() == 1 => {
            if argument(of).is_some_and(|bits| bits > 24) {
                "double".clone_into(&mut of.name);
            }
            of.arguments.clear();
        }
        "datetime" | "timestamp" | "time" if argument(of) == Some(0) => of.arguments.clear(),
        // The server picks the type that holds so many bytes.
        "text" | "blob" if !of.arguments.is_empty() => {
            let factor = if of.name == "text" { 4 } else { 1 };
            let bytes = argument(of).unwrap_or(0).saturating_mul(factor);
            let size = match bytes {
                0..=255 => "tiny",
                256..=65_535 => "",
                65_536..=16_777_215 => "medium",
                _ => "long",
            };
            of.name = format!("{size}{}", of.name);
            of.arguments.clear();
        }
        "year" => of.arguments.clear(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dialect;

    fn read(text: &str) -> TypeWords {
        let mut cursor = Cursor::new(Dialect::MySql, text, 1).unwrap();
        let found = data_type(&mut cursor).unwrap();
        cursor.end().unwrap();
        found
    }

    #[test]
    fn types_have_one_name() {
        for (text, name) in [
            ("INTEGER", "int"),
            ("int(10) UNSIGNED", "int(10) unsigned"),
            ("Boolean", "tinyint(1)"),
            ("numeric(10)", "decimal(10,0)"),
            ("dec", "decimal(10,0)"),
            ("double precision", "double"),
            ("float(30)", "double"),
            ("character varying(40)", "varchar(40)"),
            ("char", "char(1)"),
            ("datetime(0)", "datetime"),
            ("text(1000)", "text"),
            ("text(20000)", "mediumtext"),
            ("year(4)", "year"),
            ("long varchar", "mediumtext"),
            ("int(5) zerofill", "int(5) unsigned zerofill"),
            ("enum('a','b')", "enum(a,b)"),
        ] {
            assert_eq!(read(text).data_type.to_string(), name, "{text}");
        }
        assert!(read("varchar(64) binary").binary);
        assert_eq!(read("national char(3)").charset.as_deref(), Some("utf8mb3"));
        assert_eq!(
            read("char(3) character set latin1").charset.as_deref(),
            Some("latin1")
        );
    }
}
