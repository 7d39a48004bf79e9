//! What `*` stands for.

use crate::{Schema, model::Name, normalise::Node};

/// The query with every star written out, where it is known what it stands for.
pub(crate) fn expand_stars(query: Node, schema: &Schema) -> Node {
    expand(query, schema, &mut Vec::new())
}

/// Common tables in sight, and their columns.
type Common = Vec<(String, Option<Vec<String>>)>;

fn expand(node: Node, schema: &Schema, common: &mut Common) -> Node {
    match node {
        Node::Op(head, kids) if head == "full" => {
            let seen = common.len();
            let kids = kids.into_iter().map(|kid| expand(kid, schema, common)).collect();
            common.truncate(seen);
            Node::Op(head, kids)
        }
        Node::Op(head, kids) if head == "with" || head == "with recursive" => {
            let mut out = Vec::new();
            for kid in kids {
                let kid = match kid {
                    Node::Op(head, parts) => Node::Op(
                        head,
                        parts
                            .into_iter()
                            .map(|part| expand(part, schema, common))
                            .collect(),
                    ),
                    other => other,
                };
                if let Node::Op(_, parts) = &kid
                    && let [Node::Str(name), Node::Op(_, columns), query] = parts.as_slice()
                {
                    let given: Vec<String> = columns.iter().filter_map(string).collect();
                    let found = if given.is_empty() {
                        columns_of_query(query)
                    } else {
                        Some(given)
                    };
                    common.push((name.clone(), found));
                }
                out.push(kid);
            }
            Node::Op(head, out)
        }
        Node::Op(head, kids) if head == "select" => {
            let mut kids: Vec<Node> = kids.into_iter().map(|kid| expand(kid, schema, common)).collect();
            let sources = kids
                .iter()
                .find_map(|kid| match kid {
                    Node::Op(head, items) if head == "from" => Some(sources(items, schema, common)),
                    _ => None,
                })
                .unwrap_or_default();
            for kid in &mut kids {
                if let Node::Op(head, items) = kid
                    && head == "items"
                {
                    *items = std::mem::take(items)
                        .into_iter()
                        .flat_map(|item| written_out(item, &sources))
                        .collect();
                }
            }
            Node::Op(head, kids)
        }
        Node::Op(head, kids) => Node::Op(
            head,
            kids.into_iter().map(|kid| expand(kid, schema, common)).collect(),
        ),
        Node::Call(path, kids) => Node::Call(
            path,
            kids.into_iter().map(|kid| expand(kid, schema, common)).collect(),
        ),
        Node::Cast(inner, of) => Node::Cast(Box::new(expand(*inner, schema, common)), of),
        other => other,
    }
}

fn string(node: &Node) -> Option<String> {
    match node {
        Node::Str(text) => Some(text.clone()),
        _ => None,
    }
}

/// Something that is read from: by which name, its columns if they are known, and those that a `using` merged.
struct Source {
    name: String,
    columns: Option<Vec<String>>,
    merged: Vec<String>,
}

fn sources(items: &[Node], schema: &Schema, common: &Common) -> Vec<Source> {
    items
        .iter()
        .flat_map(|item| source(item, schema, common))
        .collect()
}

fn source(item: &Node, schema: &Schema, common: &Common) -> Vec<Source> {
    let one = |name: &str, columns: Option<Vec<String>>| {
        vec![Source {
            name: name.to_owned(),
            columns,
            merged: Vec::new(),
        }]
    };
    let Node::Op(head, kids) = item else {
        return one("", None);
    };
    match (head.as_str(), kids.as_slice()) {
        ("relation" | "relation only", [Node::Path(path)]) => {
            let name = path.last().map_or("", String::as_str);
            one(name, relation_columns(path, schema, common))
        }
        ("alias", [inner, Node::Str(name), Node::Op(_, given)]) => {
            let given: Vec<String> = given.iter().filter_map(string).collect();
            let columns = if given.is_empty() {
                match inner {
                    Node::Op(head, kids) if head == "query" => kids.first().and_then(columns_of_query),
                    other => source(other, schema, common)
                        .into_iter()
                        .next()
                        .and_then(|source| source.columns),
                }
            } else {
                Some(given)
            };
            one(name, columns)
        }
        ("lateral" | "tablesample", [inner, ..]) => source(inner, schema, common),
        (join, [left, right, rest @ ..]) if join.contains("join") => {
            let mut found = source(left, schema, common);
            let mut more = source(right, schema, common);
            let merged: Vec<String> = match rest.first() {
                Some(Node::Op(head, names)) if head == "names" => names.iter().filter_map(string).collect(),
                _ => Vec::new(),
            };
            if join.starts_with("natural") {
                for source in &mut found {
                    source.columns = None;
                }
            }
            for source in &mut more {
                source.merged.extend(merged.iter().cloned());
            }
            found.append(&mut more);
            found
        }
        _ => one("", None),
    }
}

fn relation_columns(path: &[String], schema: &Schema, common: &Common) -> Option<Vec<String>> {
    let (name, namespace) = match path {
        [name] => (name, "public"),
        [namespace, name] => (name, namespace.as_str()),
        _ => return None,
    };
    if path.len() == 1
        && let Some((_, columns)) = common.iter().rev().find(|(own, _)| own == name)
    {
        return columns.clone();
    }
    let at = Name::new(namespace, name.clone());
    if let Some(table) = schema.tables.get(&at) {
        let of = table
            .partition_of
            .as_ref()
            .and_then(|part| schema.tables.get(&part.parent))
            .unwrap_or(table);
        let inherited = table
            .inherits
            .iter()
            .filter_map(|parent| schema.tables.get(parent))
            .flat_map(|parent| &parent.columns);
        return Some(
            inherited
                .chain(&of.columns)
                .map(|column| column.name.clone())
                .collect(),
        );
    }
    let view = schema.views.get(&at)?;
    if !view.columns.is_empty() {
        return Some(view.columns.clone());
    }
    let mut cursor = crate::read::Cursor::new(crate::Dialect::Postgres, view.query.as_str(), 1).ok()?;
    let node = cursor.deeper(super::query).ok()?;
    columns_of_query(&expand_stars(node, schema))
}

/// The names of a query's columns, if it has no star left.
pub(crate) fn columns_of_query(query: &Node) -> Option<Vec<String>> {
    let Node::Op(head, kids) = query else { return None };
    match head.as_str() {
        "items" => kids
            .iter()
            .map(|kid| match kid {
                Node::Op(head, parts) if head == "item" => parts.first().and_then(string),
                _ => None,
            })
            .collect(),
        "values" => {
            let Some(Node::Op(_, row)) = kids.first() else {
                return None;
            };
            Some((1..=row.len()).map(|at| format!("column{at}")).collect())
        }
        "full" | "query" | "select" => kids
            .iter()
            .filter(|kid| !matches!(kid, Node::Op(head, _) if head.starts_with("with") || head == "distinct"))
            .find_map(columns_of_query),
        other
            if ["union", "except", "intersect"]
                .iter()
                .any(|word| other.starts_with(word)) =>
        {
            kids.first().and_then(columns_of_query)
        }
        _ => None,
    }
}

/// A star as the columns that it stands for.
fn written_out(item: Node, sources: &[Source]) -> Vec<Node> {
    let of = match &item {
        Node::Op(head, parts) if head == "star" => parts.first().and_then(string),
        _ => return vec![item],
    };
    let column = |name: &String, source: &Source| {
        let path = if source.name.is_empty() {
            vec![name.clone()]
        } else {
            vec![source.name.clone(), name.clone()]
        };
        Node::op("item", vec![Node::Str(name.clone()), Node::Path(path)])
    };
    let chosen: Vec<&Source> = match &of {
        Some(name) => sources.iter().filter(|source| source.name == *name).collect(),
        None => sources.iter().collect(),
    };
    if chosen.is_empty() || chosen.iter().any(|source| source.columns.is_none()) {
        return vec![item];
    }
    // A join by `using` shows what it joins by once, and first.
    let mut merged: Vec<String> = Vec::new();
    for source in &chosen {
        for name in &source.merged {
            if !merged.contains(name) {
                merged.push(name.clone());
            }
        }
    }
    if of.is_some() {
        merged.clear();
    }
    let mut out: Vec<Node> = Vec::new();
    for name in &merged {
        if let Some(first) = chosen.iter().find(|source| {
            source
                .columns
                .as_ref()
                .is_some_and(|columns| columns.contains(name))
        }) {
            out.push(column(name, first));
        }
    }
    for source in chosen {
        let own = source
            .columns
            .iter()
            .flatten()
            .filter(|name| !merged.contains(name));
        out.extend(own.map(|name| column(name, source)));
    }
    out
}

/// The query with its columns called as the view calls them.
pub(crate) fn with_column_names(node: Node, names: &[String]) -> Node {
    if names.is_empty() {
        return node;
    }
    match node {
        Node::Op(head, kids) if head == "items" => {
            let kids = kids
                .into_iter()
                .enumerate()
                .map(|(at, kid)| match (kid, names.get(at)) {
                    (Node::Op(head, mut parts), Some(name)) if head == "item" && parts.len() == 2 => {
                        parts[0] = Node::Str(name.clone());
                        Node::Op(head, parts)
                    }
                    (other, _) => other,
                })
                .collect();
            Node::Op(head, kids)
        }
        Node::Op(head, kids) if matches!(head.as_str(), "full" | "select") || is_set(&head) => {
            let mut named = false;
            let is_full = head == "full";
            let kids = kids
                .into_iter()
                .map(|kid| {
                    let is_body =
                        !is_full || matches!(&kid, Node::Op(inner, _) if inner == "select" || is_set(inner));
                    let is_right = is_set(&head) && named;
                    if is_body && !is_right {
                        named = true;
                        with_column_names(kid, names)
                    } else {
                        kid
                    }
                })
                .collect();
            Node::Op(head, kids)
        }
        other => other,
    }
}

fn is_set(head: &str) -> bool {
    ["union", "except", "intersect"]
        .iter()
        .any(|word| head.starts_with(word))
}
