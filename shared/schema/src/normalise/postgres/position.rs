//! Columns that are said by their place or name.

use crate::normalise::Node;

/// `order by 1` and `group by 1` say a column by its place, `order by name` by its name; the server writes what it
/// stands for, and for set operations the place.
pub(super) fn positions_resolved(query: Node) -> Node {
    let Node::Op(head, mut kids) = query else {
        return query;
    };
    let items: Option<Vec<(String, Node)>> = kids.iter().find_map(select_items);
    let is_select = kids
        .iter()
        .any(|kid| matches!(kid, Node::Op(name, _) if name == "select"));
    let Some(items) = items else {
        return Node::Op(head, kids);
    };
    for kid in &mut kids {
        match kid {
            Node::Op(name, keys) if name == "order by" => {
                for key in keys {
                    if let Node::Op(_, of) = key
                        && let Some(of) = of.first_mut()
                    {
                        resolve(of, &items, is_select, true);
                    }
                }
            }
            Node::Op(name, parts) if name == "select" => {
                for part in parts {
                    if let Node::Op(name, by) = part
                        && name == "group by"
                    {
                        for of in by {
                            resolve(of, &items, true, false);
                        }
                    }
                }
            }
            _ => {}
        }
    }
    Node::Op(head, kids)
}

/// The items of a query's first select, if none of them is a star.
fn select_items(node: &Node) -> Option<Vec<(String, Node)>> {
    let Node::Op(name, kids) = node else { return None };
    if name == "items" {
        return kids
            .iter()
            .map(|kid| match kid {
                Node::Op(name, parts) if name == "item" => match parts.as_slice() {
                    [Node::Str(name), value] => Some((name.clone(), value.clone())),
                    _ => None,
                },
                _ => None,
            })
            .collect();
    }
    let is_query = name == "select"
        || ["union", "except", "intersect"]
            .iter()
            .any(|word| name.starts_with(word));
    if is_query {
        kids.iter().find_map(select_items)
    } else {
        None
    }
}

fn resolve(of: &mut Node, items: &[(String, Node)], is_select: bool, names_first: bool) {
    let place = match of {
        Node::Number(number) => number.parse::<usize>().ok().and_then(|n| n.checked_sub(1)),
        Node::Path(path) if path.len() == 1 => items
            .iter()
            .position(|(name, value)| *name == path[0] && (names_first || !matches!(value, Node::Path(_)))),
        _ => None,
    };
    if let Some(place) = place
        && let Some((_, value)) = items.get(place)
    {
        *of = if is_select {
            value.clone()
        } else {
            Node::Number((place + 1).to_string())
        };
    }
}
