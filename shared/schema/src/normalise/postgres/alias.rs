//! Names that the server gives by itself to what a query reads.

use crate::normalise::Node;

/// The query without aliases that only the server needs: inside of a query that reads `points`, it calls another
/// `points` `points_1`. Such a name is taken away where what is left can't be read in another way: the select reads
/// nothing else by the plain name, and says nothing of an outer one by it.
pub(crate) fn without_made_aliases(node: Node) -> Node {
    match node {
        Node::Op(head, kids) => {
            let kids: Vec<Node> = kids.into_iter().map(without_made_aliases).collect();
            let node = Node::Op(head, kids);
            if matches!(&node, Node::Op(head, _) if head == "select") {
                plain(node)
            } else {
                node
            }
        }
        Node::Call(path, kids) => Node::Call(path, kids.into_iter().map(without_made_aliases).collect()),
        Node::Cast(inner, of) => Node::Cast(Box::new(without_made_aliases(*inner)), of),
        other => other,
    }
}

/// One select, in which those below have been seen to.
fn plain(mut select: Node) -> Node {
    let mut names = Vec::new();
    if let Node::Op(_, kids) = &select {
        for kid in kids {
            if matches!(kid, Node::Op(head, _) if head == "from") {
                sources(kid, &mut names);
            }
        }
    }
    for (name, of) in &names {
        let Some(of) = of.as_ref().filter(|of| is_made(name, of)) else {
            continue;
        };
        let is_taken = names.iter().any(|(other, _)| other == of);
        if !is_taken && !says(&select, of) {
            select = renamed(select, name, of);
        }
    }
    select
}

/// Whether the server makes such a name of the other.
fn is_made(name: &str, of: &str) -> bool {
    name.strip_prefix(of)
        .and_then(|rest| rest.strip_prefix('_'))
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// What is read in this select itself: by which name, and for an alias without columns the relation's own.
fn sources(node: &Node, found: &mut Vec<(String, Option<String>)>) {
    let Node::Op(head, kids) = node else { return };
    match (head.as_str(), kids.as_slice()) {
        ("query", _) => {}
        ("relation" | "relation only", [Node::Path(path)]) => {
            found.extend(path.last().map(|last| (last.clone(), None)));
        }
        ("alias", [inner, Node::Str(name), Node::Op(_, columns)]) => {
            let own = match inner {
                Node::Op(head, kids) if head.starts_with("relation") && columns.is_empty() => {
                    match kids.as_slice() {
                        [Node::Path(path)] => path.last().cloned(),
                        _ => None,
                    }
                }
                _ => None,
            };
            found.push((name.clone(), own));
        }
        _ => {
            for kid in kids {
                sources(kid, found);
            }
        }
    }
}

/// Whether a name stands before a column's, or a whole row is said by it.
fn says(select: &Node, name: &str) -> bool {
    let mut found = false;
    select.walk(&mut |node| match node {
        // What a relation is called stands alone below it.
        Node::Op(head, kids) if head == "star" => {
            found |= matches!(kids.first(), Some(Node::Str(of)) if of == name);
        }
        Node::Path(path) if path.len() > 1 => found |= path[path.len() - 2] == name,
        _ => {}
    });
    found
}

fn renamed(node: Node, from: &str, to: &str) -> Node {
    let all = |kids: Vec<Node>| kids.into_iter().map(|kid| renamed(kid, from, to)).collect();
    match node {
        Node::Op(head, mut kids) if head == "alias" && kids.get(1) == Some(&Node::Str(from.to_owned())) => {
            kids.swap_remove(0)
        }
        Node::Op(head, kids) if head == "star" => Node::Op(
            head,
            kids.into_iter()
                .map(|kid| match kid {
                    Node::Str(of) if of == from => Node::Str(to.to_owned()),
                    other => other,
                })
                .collect(),
        ),
        Node::Op(head, kids) => Node::Op(head, all(kids)),
        Node::Call(path, kids) => Node::Call(path, all(kids)),
        Node::Cast(inner, of) => Node::Cast(Box::new(renamed(*inner, from, to)), of),
        Node::Path(mut path) => {
            if path.len() == 2 && path[0] == from {
                to.clone_into(&mut path[0]);
            }
            Node::Path(path)
        }
        other => other,
    }
}
