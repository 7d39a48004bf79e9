//! Names and strings as SQL. Nothing else in the crate writes a quote.

use crate::Dialect;

/// A name as SQL: always quoted in MySQL; in PostgreSQL where it must be.
pub(crate) fn quoted_name(dialect: Dialect, name: &str) -> String {
    match dialect {
        Dialect::MySql => format!("`{}`", name.replace('`', "``")),
        Dialect::Postgres if is_plain(name) => name.to_owned(),
        Dialect::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// A string as SQL, in the server's default quoting mode.
pub(crate) fn quoted_string(dialect: Dialect, text: &str) -> String {
    let doubled = text.replace('\'', "''");
    match dialect {
        Dialect::MySql => format!("'{}'", doubled.replace('\\', "\\\\")),
        Dialect::Postgres => format!("'{doubled}'"),
    }
}

/// A routine's body between dollar quotes whose tag is not in it.
pub(crate) fn dollar_quoted(body: &str) -> String {
    let mut tag = "$$".to_owned();
    let mut n = 0;
    while body.contains(&tag) || body.ends_with('$') && n == 0 {
        n += 1;
        tag = format!("$_{n}$");
    }
    format!("{tag}{body}{tag}")
}

/// Whether the server reads the bare name as this name, wherever it stands.
fn is_plain(name: &str) -> bool {
    let is_word = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    is_word && KEYWORDS.binary_search(&name).is_err()
}

/// PostgreSQL's keywords that can't be every name (all but the unreserved), sorted.
/// <https://www.postgresql.org/docs/current/sql-keywords-appendix.html>
const KEYWORDS: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "bigint",
    "binary",
    "bit",
    "boolean",
    "both",
    "case",
    "cast",
    "char",
    "character",
    "check",
    "coalesce",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "dec",
    "decimal",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "float",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "greatest",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "inout",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "json",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_table",
    "json_value",
    "lateral",
    "leading",
    "least",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "merge_action",
    "national",
    "natural",
    "nchar",
    "none",
    "normalize",
    "not",
    "notnull",
    "null",
    "nullif",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "out",
    "outer",
    "overlaps",
    "overlay",
    "placing",
    "position",
    "precision",
    "primary",
    "real",
    "references",
    "returning",
    "right",
    "row",
    "select",
    "session_user",
    "setof",
    "similar",
    "smallint",
    "some",
    "substring",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "varchar",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lex::Lexer;

    #[test]
    fn the_list_of_keywords_is_sorted() {
        assert!(KEYWORDS.is_sorted());
    }

    #[test]
    fn names_are_quoted_where_they_must_be() {
        for (name, sql) in [
            ("users", "users"),
            ("Users", "\"Users\""),
            ("user", "\"user\""),
            ("a b", "\"a b\""),
            ("a\"b", "\"a\"\"b\""),
            ("1a", "\"1a\""),
            ("größe", "\"größe\""),
        ] {
            assert_eq!(quoted_name(Dialect::Postgres, name), sql);
        }
        assert_eq!(quoted_name(Dialect::MySql, "a`b"), "`a``b`");
    }

    #[test]
    fn strings_can_not_be_left() {
        assert_eq!(quoted_string(Dialect::Postgres, "it's"), "'it''s'");
        assert_eq!(quoted_string(Dialect::MySql, r"\'"), r"'\\'''");
    }

    #[test]
    fn bodies_can_not_leave_their_quotes() {
        for body in ["select 1", "a $$ b", "a $_1$ $$", "ends in $"] {
            let quoted = dollar_quoted(body);
            let mut lexer = Lexer::new(Dialect::Postgres, &quoted);
            assert_eq!(lexer.next().unwrap().unwrap().end, quoted.len(), "{quoted}");
        }
    }
}
