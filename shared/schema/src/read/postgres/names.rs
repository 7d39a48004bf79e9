//! The names that the server gives to what has none.
//!
//! As `makeObjectName`, `ChooseRelationName` and `ChooseConstraintName` in the server's sources do it.

use std::collections::BTreeSet;

use crate::{
    Schema,
    model::{Index, IndexPart, Indexed, Name},
    normalise::{Node, postgres::natural_name},
};

/// Names may have so many bytes.
const MAX_BYTES: usize = 63;

/// The parts with underscores between them, the longer ones cut so that it fits.
pub(crate) fn object_name(first: &str, second: &str, label: &str) -> String {
    let overhead = (label.len() + 1) + usize::from(!second.is_empty());
    let room = MAX_BYTES.saturating_sub(overhead);
    let (mut one, mut two) = (first.len(), second.len());
    while one + two > room {
        if one > two { one -= 1 } else { two -= 1 }
    }
    let (first, second) = (cut(first, one), cut(second, two));
    if second.is_empty() {
        format!("{first}_{label}")
    } else {
        format!("{first}_{second}_{label}")
    }
}

/// At most so many bytes, and whole characters.
fn cut(text: &str, mut bytes: usize) -> &str {
    while !text.is_char_boundary(bytes) {
        bytes -= 1;
    }
    &text[..bytes]
}

/// The name cut as the server cuts names that are too long.
pub(crate) fn truncated(name: &str) -> String {
    cut(name, MAX_BYTES.min(name.len())).to_owned()
}

/// The first of the names that isn't taken: `label`, `label1`, `label2`…
pub(crate) fn free_name(first: &str, second: &str, label: &str, taken: &BTreeSet<String>) -> String {
    let mut name = object_name(first, second, label);
    let mut n = 0_u32;
    while taken.contains(&name) {
        n += 1;
        name = object_name(first, second, &format!("{label}{n}"));
    }
    name
}

/// Names of tables, views, sequences and indexes in the namespace.
pub(crate) fn relations(schema: &Schema, namespace: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let within = |name: &&Name| name.namespace == namespace;
    let others = schema
        .views
        .keys()
        .chain(schema.sequences.keys())
        .chain(schema.composites.keys());
    names.extend(others.filter(within).map(|name| name.name.clone()));
    for (name, view) in &schema.views {
        if within(&name) {
            names.extend(view.indexes.keys().cloned());
        }
    }
    for (name, table) in schema.tables.iter().filter(|(name, _)| within(name)) {
        names.insert(name.name.clone());
        names.extend(table.primary_key.iter().map(|key| key.name.clone()));
        names.extend(
            table
                .uniques
                .keys()
                .chain(table.exclusions.keys())
                .chain(table.indexes.keys())
                .cloned(),
        );
    }
    names
}

/// Names of constraints in the namespace.
pub(crate) fn constraints(schema: &Schema, namespace: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (_, table) in schema
        .tables
        .iter()
        .filter(|(name, _)| name.namespace == namespace)
    {
        names.extend(table.primary_key.iter().map(|key| key.name.clone()));
        names.extend(table.uniques.keys().chain(table.exclusions.keys()).cloned());
        names.extend(table.checks.keys().chain(table.foreign_keys.keys()).cloned());
    }
    names
}

/// The second part of an index's name: its columns, without doubles.
pub(crate) fn index_columns(parts: &[IndexPart], trees: &[Option<Node>], include: &[String]) -> String {
    let mut names: Vec<String> = Vec::new();
    let own = parts
        .iter()
        .zip(trees)
        .map(|(part, tree)| match (&part.on, tree) {
            (Indexed::Column(name), _) => name.clone(),
            (Indexed::Expression(_), Some(tree)) => match natural_name(tree) {
                name if name == "?column?" => "expr".to_owned(),
                name => name,
            },
            (Indexed::Expression(_), None) => "expr".to_owned(),
        });
    for name in own.chain(include.iter().cloned()) {
        let mut unique = name.clone();
        let mut n = 0_u32;
        while names.contains(&unique) {
            n += 1;
            unique = format!("{name}{n}");
        }
        names.push(unique);
    }
    joined(names.iter().map(String::as_str))
}

/// Names with underscores between them, up to about as many bytes as a name has.
pub(crate) fn joined<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut out = String::new();
    for name in names {
        if !out.is_empty() {
            out.push('_');
        }
        out.push_str(name);
        if out.len() > MAX_BYTES {
            break;
        }
    }
    out
}

/// The name of an index without one.
pub(crate) fn index_name(schema: &Schema, table: &Name, index: &Index, trees: &[Option<Node>]) -> String {
    let columns = index_columns(&index.parts, trees, &index.include);
    free_name(&table.name, &columns, "idx", &relations(schema, &table.namespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_as_the_server_does() {
        assert_eq!(object_name("users", "email", "key"), "users_email_key");
        assert_eq!(object_name("users", "", "pkey"), "users_pkey");
        let long = "a".repeat(60);
        let name = object_name(&long, "email", "key");
        assert_eq!((name.len(), name.ends_with("a_email_key")), (63, true));
        assert_eq!(cut("größe", 4), "grö");
        assert_eq!(cut("größe", 3), "gr");
    }

    #[test]
    fn taken_names_get_a_number() {
        let taken = BTreeSet::from(["t_check".to_owned(), "t_check1".to_owned()]);
        assert_eq!(free_name("t", "", "check", &taken), "t_check2");
    }
}
