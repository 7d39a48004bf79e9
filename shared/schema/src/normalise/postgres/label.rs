//! What a select item is called.

use crate::normalise::Node;

/// The name that the server gives a value without one.
pub(crate) fn natural_name(node: &Node) -> String {
    let found = match node {
        Node::Path(path) | Node::Call(path, _) => path.last().cloned(),
        Node::Cast(inner, as_type) => {
            let of = natural_name(inner);
            Some(if of == "?column?" { short_name(as_type) } else { of })
        }
        Node::Op(name, kids) => match name.as_str() {
            "filter" | "over" | "within group" | "collate" | "element" | "slice" => {
                kids.first().map(natural_name)
            }
            "case" | "case of" => {
                let of = kids.last().map_or_else(|| "case".to_owned(), natural_name);
                Some(if of == "?column?" { "case".to_owned() } else { of })
            }
            "array query" => Some("array".to_owned()),
            "true" | "false" => Some("bool".to_owned()),
            "array" | "row" | "exists" | "current_date" | "current_user" | "session_user"
            | "current_timestamp" | "current_time" | "localtime" | "localtimestamp" | "current_role"
            | "current_catalog" | "current_schema" => Some(name.clone()),
            "query" => query_name(node),
            other => other.strip_prefix("field ").map(str::to_owned),
        },
        Node::Str(_) | Node::Number(_) => None,
    };
    found.unwrap_or_else(|| "?column?".to_owned())
}

/// The name of a query's only column.
fn query_name(query: &Node) -> Option<String> {
    let mut name = None;
    query.walk(&mut |node| {
        if name.is_none()
            && let Node::Op(head, kids) = node
            && head == "item"
            && let Some(Node::Str(label)) = kids.first()
        {
            name = Some(label.clone());
        }
    });
    name
}

/// A type's name in the catalogue, by which a cast's column is called.
fn short_name(data_type: &crate::model::DataType) -> String {
    match data_type.name.as_str() {
        "integer" => "int4",
        "bigint" => "int8",
        "smallint" => "int2",
        "boolean" => "bool",
        "character varying" => "varchar",
        "character" => "bpchar",
        "double precision" => "float8",
        "real" => "float4",
        "timestamp with time zone" => "timestamptz",
        "timestamp without time zone" => "timestamp",
        "time with time zone" => "timetz",
        "time without time zone" => "time",
        "bit varying" => "varbit",
        other => other,
    }
    .to_owned()
}
