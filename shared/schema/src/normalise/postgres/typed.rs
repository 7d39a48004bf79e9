//! Casts that the server writes although nobody wrote them.
//!
//! A stored expression says every implicit conversion: `name = 'x'` over a `varchar` becomes
//! `(name)::text = 'x'::text`. Such a cast is taken away where it is known that the server would put it there again:
//! the type of what is cast is known, and so is what made the server cast it. Where either isn't known the cast stays,
//! and the two expressions differ: that costs a needless step, never a difference that nobody sees.

use std::collections::BTreeMap;

use crate::{
    Dialect, Schema,
    model::{DataType, Name},
    normalise::Node,
    read::Cursor,
};

/// What is known of the types of names.
pub(crate) struct Scope<'a> {
    schema: &'a Schema,
    /// What is in sight by which name; none where two things are.
    sources: BTreeMap<String, Option<Name>>,
    /// Names that stand for a type of their own: `value` in a domain's check.
    own: BTreeMap<String, String>,
    /// How many views deep it looks.
    depth: u8,
}

/// Views over views over views, and no further.
const MAX_DEPTH: u8 = 4;

impl<'a> Scope<'a> {
    /// Where only what the expression itself says is known.
    pub(crate) fn bare(schema: &'a Schema) -> Self {
        Self {
            schema,
            sources: BTreeMap::new(),
            own: BTreeMap::new(),
            depth: 0,
        }
    }

    /// Of an expression over a table's columns.
    pub(crate) fn table(schema: &'a Schema, name: &Name) -> Self {
        let mut scope = Self::bare(schema);
        // A trigger calls its rows so.
        for source in [name.name.as_str(), "new", "old"] {
            scope.sources.insert(source.to_owned(), Some(name.clone()));
        }
        scope
    }

    /// Of a domain's check.
    pub(crate) fn domain(schema: &'a Schema, of: &DataType) -> Self {
        let mut scope = Self::bare(schema);
        if let Some(of) = scope.base(of) {
            scope.own.insert("value".to_owned(), of);
        }
        scope
    }

    /// With everything that queries in the expression read.
    fn and_read_by(&self, node: &Node) -> Self {
        let mut scope = Self {
            schema: self.schema,
            sources: self.sources.clone(),
            own: self.own.clone(),
            depth: self.depth,
        };
        node.walk(&mut |node| {
            let Node::Op(head, kids) = node else { return };
            let (called, relation) = match (head.as_str(), kids.as_slice()) {
                ("relation" | "relation only", [Node::Path(path)]) => (path.last(), Some(path)),
                ("alias", [inner, Node::Str(name), ..]) => (Some(name), path_of(inner)),
                _ => return,
            };
            let at = relation.and_then(|path| scope.relation(path));
            if let Some(called) = called {
                scope
                    .sources
                    .entry(called.clone())
                    .and_modify(|has| {
                        if *has != at {
                            *has = None;
                        }
                    })
                    .or_insert(at);
            }
        });
        scope
    }

    fn relation(&self, path: &[String]) -> Option<Name> {
        let at = match path {
            [name] => Name::new("public", name.clone()),
            [namespace, name] => Name::new(namespace.clone(), name.clone()),
            _ => return None,
        };
        let is_known = self.schema.tables.contains_key(&at) || self.schema.views.contains_key(&at);
        is_known.then_some(at)
    }

    /// The type of a column.
    fn column(&self, path: &[String]) -> Option<String> {
        match path {
            [column] => {
                if let Some(own) = self.own.get(column) {
                    return Some(own.clone());
                }
                // Every table in sight that has such a column must agree, and none may be unknown.
                let mut found = None;
                for source in self.sources.values() {
                    if let Some(of) = self.of_table(source.as_ref()?, column) {
                        if found.as_ref().is_some_and(|found| *found != of) {
                            return None;
                        }
                        found = Some(of);
                    }
                }
                found
            }
            [.., source, column] => self.of_table(self.sources.get(source)?.as_ref()?, column),
            [] => None,
        }
    }

    /// The type of a table's or view's column.
    fn of_table(&self, name: &Name, column: &str) -> Option<String> {
        self.base(&self.declared(name, column)?)
    }

    /// The same, as it is declared.
    fn declared(&self, name: &Name, column: &str) -> Option<DataType> {
        let Some(table) = self.schema.tables.get(name) else {
            return self.of_view(name, column);
        };
        let of = table
            .partition_of
            .as_ref()
            .and_then(|part| self.schema.tables.get(&part.parent))
            .unwrap_or(table);
        let inherited = table
            .inherits
            .iter()
            .filter_map(|parent| self.schema.tables.get(parent));
        let found = std::iter::once(of)
            .chain(inherited)
            .find_map(|table| table.column(column))?;
        Some(found.data_type.clone())
    }

    /// What a view's query says of it.
    fn of_view(&self, name: &Name, column: &str) -> Option<DataType> {
        let view = self.schema.views.get(name)?;
        if self.depth >= MAX_DEPTH {
            return None;
        }
        let mut cursor = Cursor::new(Dialect::Postgres, view.query.as_str(), 1).ok()?;
        let query = super::expand_stars(super::query(&mut cursor).ok()?, self.schema);
        let inner = Self {
            depth: self.depth + 1,
            ..Self::bare(self.schema)
        };
        let inner = inner.and_read_by(&query);
        let place = super::star::columns_of_query(&super::with_column_names(query.clone(), &view.columns))?
            .iter()
            .position(|own| own == column)?;
        let value = value_at(&query, place)?;
        exact(value, &inner)
    }

    /// The type that operators see: of a domain what is under it.
    fn base(&self, of: &DataType) -> Option<String> {
        let mut of = of.clone();
        for _ in 0..8 {
            let domain = of.namespace.as_ref().and_then(|namespace| {
                self.schema
                    .domains
                    .get(&Name::new(namespace.clone(), of.name.clone()))
            });
            match domain {
                Some(domain) => of = domain.data_type.clone(),
                None => return Some(called(&of)),
            }
        }
        None
    }
}

fn path_of(inner: &Node) -> Option<&Vec<String>> {
    match inner {
        Node::Op(head, kids) if head.starts_with("relation") => match kids.as_slice() {
            [Node::Path(path)] => Some(path),
            _ => None,
        },
        _ => None,
    }
}

/// A type by its name alone.
fn called(of: &DataType) -> String {
    let array = if of.array { "[]" } else { "" };
    format!("{}{array}", of.name)
}

/// The expression or query without the casts that the server would write again.
pub(crate) fn without_made_casts(node: Node, scope: &Scope<'_>) -> Node {
    let scope = scope.and_read_by(&node);
    strip(node, &scope)
}

fn strip(node: Node, scope: &Scope<'_>) -> Node {
    match node {
        Node::Op(head, kids) => {
            let kids: Vec<Node> = kids.into_iter().map(|kid| strip(kid, scope)).collect();
            let types: Vec<Option<String>> = kids.iter().map(|kid| type_of(kid, scope)).collect();
            let kids = kids
                .into_iter()
                .enumerate()
                .map(|(at, kid)| {
                    let others = types.iter().enumerate().filter(|(other, _)| *other != at);
                    let beside: Vec<&str> = others.filter_map(|(_, of)| of.as_deref()).collect();
                    if is_shown(&head) {
                        return kid;
                    }
                    plain(kid, scope, |from, to| operand(&head, from, to, &beside))
                })
                .collect();
            Node::Op(head, kids)
        }
        Node::Call(path, kids) => {
            let kids: Vec<Node> = kids.into_iter().map(|kid| strip(kid, scope)).collect();
            let name = path.last().cloned().unwrap_or_default();
            let types: Vec<Option<String>> = kids.iter().map(|kid| type_of(kid, scope)).collect();
            let count = kids.len();
            let kids = kids
                .into_iter()
                .enumerate()
                .map(|(at, kid)| {
                    let others = types.iter().enumerate().filter(|(other, _)| *other != at);
                    let beside: Vec<&str> = others.filter_map(|(_, of)| of.as_deref()).collect();
                    plain(kid, scope, |from, to| argument(&name, count, from, to, &beside))
                })
                .collect();
            Node::Call(path, kids)
        }
        Node::Cast(inner, of) => {
            let inner = strip(*inner, scope);
            if !inner.is_literal() && exact(&inner, scope).as_ref() == Some(&of) {
                inner
            } else {
                Node::Cast(Box::new(inner), of)
            }
        }
        other => other,
    }
}

/// The type that others see of a value: of a domain's column the domain.
fn exact(node: &Node, scope: &Scope<'_>) -> Option<DataType> {
    match node {
        Node::Cast(_, of) => Some(of.clone()),
        Node::Path(path) => {
            let [.., source, column] = path.as_slice() else {
                let mut sources: Vec<&Option<Name>> = scope.sources.values().collect();
                sources.dedup();
                return match (path.as_slice(), sources.as_slice()) {
                    ([column], [Some(only)]) => scope.declared(only, column),
                    _ => None,
                };
            };
            scope.declared(scope.sources.get(source)?.as_ref()?, column)
        }
        other => {
            let of = type_of(other, scope)?;
            Some(match of.strip_suffix("[]") {
                Some(of) => DataType {
                    array: true,
                    ..DataType::plain(of)
                },
                None => DataType::plain(of),
            })
        }
    }
}

/// The value of a query's column.
fn value_at(query: &Node, place: usize) -> Option<&Node> {
    let Node::Op(head, kids) = query else { return None };
    match head.as_str() {
        "items" => match kids.get(place)? {
            Node::Op(head, parts) if head == "item" => parts.get(1),
            _ => None,
        },
        "full" | "query" | "select" => kids
            .iter()
            .filter(|kid| !matches!(kid, Node::Op(head, _) if head.starts_with("with") || head == "distinct"))
            .find_map(|kid| value_at(kid, place)),
        _ => None,
    }
}

/// What is cast, if `made` says of the two types that the server made the cast.
fn plain(node: Node, scope: &Scope<'_>, made: impl Fn(&str, &str) -> bool) -> Node {
    match node {
        Node::Cast(inner, of) if of.arguments.is_empty() && !inner.is_literal() => {
            // An operator sees a domain as what is under it.
            let is_made =
                type_of(&inner, scope).is_some_and(|from| from == called(&of) || made(&from, &called(&of)));
            if is_made { *inner } else { Node::Cast(inner, of) }
        }
        other => other,
    }
}

const NUMBERS: &[&str] = &[
    "smallint",
    "integer",
    "bigint",
    "numeric",
    "real",
    "double precision",
];
const MOMENTS: &[&str] = &["date", "timestamp without time zone", "timestamp with time zone"];

/// Whether the server converts by itself to the other, which holds more.
fn widens(from: &str, to: &str) -> bool {
    [NUMBERS, MOMENTS].iter().any(|family| {
        let place = |name: &str| family.iter().position(|own| *own == name);
        matches!((place(from), place(to)), (Some(from), Some(to)) if from < to)
    })
}

/// Whether one of the two text types is seen as the other: no value changes, and `varchar` has no operators.
fn is_text_seen_as(from: &str, to: &str) -> bool {
    (from == "character varying" && to == "text") || (from == "character varying[]" && to == "text[]")
}

/// Whether what stands there decides what others see of it.
fn is_shown(head: &str) -> bool {
    const SHOWN: &[&str] = &["item", "row", "key", "query", "cte", "values", "argument"];
    SHOWN.iter().any(|shown| head.starts_with(shown))
}

/// Whether the server casts an operand by itself.
fn operand(head: &str, from: &str, to: &str, beside: &[&str]) -> bool {
    let joint = ["case", "array", "coalesce"]
        .iter()
        .any(|word| head.starts_with(word));
    if joint || is_text_seen_as(from, to) && head == "when" {
        return beside.contains(&to) && (widens(from, to) || is_text_seen_as(from, to));
    }
    let is_operator = head.chars().next().is_some_and(|c| "+-*/<>=~!@#%^&|".contains(c));
    if !is_operator && !matches!(head, "is distinct from" | "like" | "between") {
        return false;
    }
    if is_text_seen_as(from, to) {
        return true;
    }
    widens(from, to) && beside.contains(&to) && !has_own_operator(from, to)
}

/// Whether there are operators between the two, so that the server converts neither.
fn has_own_operator(a: &str, b: &str) -> bool {
    let whole = ["smallint", "integer", "bigint"];
    let float = ["real", "double precision"];
    [&whole[..], &float[..], MOMENTS]
        .iter()
        .any(|family| family.contains(&a) && family.contains(&b))
}

/// Whether the server casts an argument by itself.
fn argument(name: &str, count: usize, from: &str, to: &str, beside: &[&str]) -> bool {
    /// Functions that take anything as it is, so that a cast was written by a person.
    const ANY: &[&str] = &[
        "concat",
        "concat_ws",
        "format",
        "jsonb_build_object",
        "jsonb_build_array",
        "json_build_object",
        "json_build_array",
        "to_json",
        "to_jsonb",
        "pg_typeof",
        "array_agg",
        "json_agg",
        "jsonb_agg",
        "count",
        "max",
        "min",
        "first_value",
        "last_value",
        "lag",
        "lead",
        "nth_value",
        "row_to_json",
        "num_nonnulls",
        "num_nulls",
        "array_append",
        "array_prepend",
        "array_remove",
        "array_position",
    ];
    if matches!(name, "coalesce" | "greatest" | "least" | "nullif") {
        return beside.contains(&to) && (widens(from, to) || is_text_seen_as(from, to));
    }
    if ANY.contains(&name) {
        // The greatest of varchars is a text to the server.
        return matches!(name, "max" | "min") && is_text_seen_as(from, to);
    }
    if is_text_seen_as(from, to) || (from == "character" && to == "text") {
        return true;
    }
    match (name, to) {
        ("round" | "trunc", "numeric") => count == 2 && widens(from, to),
        (
            "sqrt" | "cbrt" | "exp" | "ln" | "log" | "power" | "pow" | "sin" | "cos" | "tan" | "atan"
            | "atan2" | "radians" | "degrees" | "to_timestamp" | "floor" | "ceil" | "ceiling",
            "double precision",
        ) => matches!(from, "smallint" | "integer" | "bigint" | "real"),
        ("date_trunc" | "to_char" | "date_bin" | "age", "timestamp with time zone") => from == "date",
        _ => false,
    }
}

/// The type of a value, where it is plain to see.
fn type_of(node: &Node, scope: &Scope<'_>) -> Option<String> {
    match node {
        Node::Str(_) => None,
        Node::Number(number) => Some(
            if number.contains(['.', 'e', 'E']) {
                "numeric"
            } else if number.parse::<i32>().is_ok() {
                "integer"
            } else if number.parse::<i64>().is_ok() {
                "bigint"
            } else {
                "numeric"
            }
            .to_owned(),
        ),
        Node::Cast(_, of) => scope.base(of),
        Node::Path(path) => scope.column(path),
        Node::Call(path, kids) => of_call(path.last()?, kids, scope),
        Node::Op(head, kids) => of_operator(head, kids, scope),
    }
}

fn of_call(name: &str, kids: &[Node], scope: &Scope<'_>) -> Option<String> {
    let of = match name {
        "lower" | "upper" | "initcap" | "btrim" | "ltrim" | "rtrim" | "trim" | "concat" | "concat_ws"
        | "replace" | "substring" | "substr" | "left" | "right" | "md5" | "to_char" | "regexp_replace"
        | "split_part" | "format" | "lpad" | "rpad" | "repeat" | "reverse" | "translate" | "overlay"
        | "string_agg" | "current_setting" => "text",
        "length" | "char_length" | "character_length" | "octet_length" | "position" | "strpos" => "integer",
        "count" | "row_number" | "rank" | "dense_rank" => "bigint",
        "now" | "transaction_timestamp" | "statement_timestamp" | "clock_timestamp" => {
            "timestamp with time zone"
        }
        "coalesce" | "greatest" | "least" => return kids.iter().find_map(|kid| type_of(kid, scope)),
        "max" | "min" => {
            let of = type_of(kids.first()?, scope)?;
            return Some(if of == "character varying" {
                "text".to_owned()
            } else {
                of
            });
        }
        _ => return None,
    };
    Some(of.to_owned())
}

fn of_operator(head: &str, kids: &[Node], scope: &Scope<'_>) -> Option<String> {
    let of = match head {
        "array" => {
            let types: Vec<String> = kids
                .iter()
                .map(|kid| type_of(kid, scope))
                .collect::<Option<_>>()?;
            let first = types.first()?;
            return types.iter().all(|of| of == first).then(|| format!("{first}[]"));
        }
        "current_date" => "date",
        "current_timestamp" => "timestamp with time zone",
        "localtimestamp" => "timestamp without time zone",
        "true" | "false" | "and" | "or" | "not" | "=" | "<>" | "<" | ">" | "<=" | ">=" | "~~" | "!~~"
        | "~~*" | "!~~*" | "~" | "!~" | "~*" | "!~*" => "boolean",
        "->>" | "#>>" => "text",
        "+" | "-" | "*" | "/" | "%" => {
            let types: Vec<String> = kids
                .iter()
                .map(|kid| type_of(kid, scope))
                .collect::<Option<_>>()?;
            if !types.iter().all(|of| NUMBERS.contains(&of.as_str())) {
                return None;
            }
            return types
                .into_iter()
                .max_by_key(|of| NUMBERS.iter().position(|own| own == of));
        }
        "||" => {
            let is_text = kids.iter().any(|kid| {
                type_of(kid, scope).is_some_and(|of| matches!(of.as_str(), "text" | "character varying"))
            });
            if !is_text {
                return None;
            }
            "text"
        }
        _ => return None,
    };
    Some(of.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dialect, normalise::same, read, read::Cursor};

    fn schema() -> Schema {
        read(
            Dialect::Postgres,
            "create domain mail as varchar(200);
             create table t (n int, big bigint, price numeric(8,2), name varchar(20), note text, at date, code char(3),
                owner mail);",
        )
        .expect("a schema")
    }

    fn are_same(a: &str, b: &str) -> bool {
        let schema = schema();
        let scope = Scope::table(&schema, &Name::new("public", "t"));
        let tree = |text: &str| {
            let mut cursor = Cursor::new(Dialect::Postgres, text, 1).expect(text);
            let node = super::super::expression(&mut cursor).expect(text);
            assert!(cursor.is_done(), "{text}");
            without_made_casts(node, &scope)
        };
        same(&tree(a), &tree(b))
    }

    #[test]
    fn what_the_server_adds_is_no_difference() {
        for (written, stored) in [
            ("name = 'x'", "(name)::text = 'x'::text"),
            ("lower(name) = 'x'", "lower((name)::text) = 'x'::text"),
            ("owner like '%@%'", "(owner)::text ~~ '%@%'::text"),
            (
                "name in ('a', 'b')",
                "(name)::text = any ((array['a'::character varying, 'b'::character varying])::text[])",
            ),
            ("n > 1.5", "(n)::numeric > 1.5"),
            ("price > n", "price > (n)::numeric"),
            ("round(n, 2) > 1", "round((n)::numeric, 2) > (1)::numeric"),
            (
                "date_trunc('day', at) = at",
                "date_trunc('day'::text, (at)::timestamp with time zone) = at",
            ),
            (
                "coalesce(name, note) = ''",
                "coalesce((name)::text, note) = ''::text",
            ),
            ("name || note = 'x'", "((name)::text || note) = 'x'::text"),
            ("note = 'x'", "(note)::text = 'x'::text"),
            (
                "note = current_setting('x')::text",
                "note = current_setting('x'::text)",
            ),
            ("array[at::text]::text[]", "array[(at)::text]"),
        ] {
            assert!(are_same(written, stored), "{written}: {stored}");
        }
    }

    #[test]
    fn what_a_person_casts_is_one() {
        for (one, other) in [
            ("n / 2 > 1", "n::numeric / 2 > 1"),
            ("n::text = '5'", "n = '5'"),
            ("price::integer > 1", "price > 1"),
            ("note::integer > 1", "note > 1"),
            ("n::bigint * n > 1", "n * n > 1"),
            ("length(n::text) > 1", "length(n) > 1"),
            ("concat(name::text, note) = 'x'", "concat(n::text, note) = 'x'"),
            ("at::timestamp > now()", "at > now()"),
            ("name::varchar(2) = 'x'", "name = 'x'"),
            ("unknown::numeric > 1.5", "unknown > 1.5"),
            ("big::integer > n", "big > n"),
        ] {
            assert!(!are_same(one, other), "{one}: {other}");
        }
    }
}
