//! What can't be set aside, and why: for people, at the step that drops it.

use crate::{
    Dialect, Schema,
    model::{Column, ColumnDefault, DataType, Index, IndexPart, Indexed, Name, OpaqueKind, Table},
};

/// Why a table is dropped; none if it can be set aside.
pub(super) fn table(from: &Schema, to: &Schema, name: &Name) -> Option<String> {
    let of = from.tables.get(name)?;
    if from.dialect == Dialect::Postgres && !to.namespaces.contains_key(&name.namespace) {
        return Some(format!("its schema {} goes", name.namespace));
    }
    if let Some(why) = kin(from, name, of) {
        return Some(why);
    }
    if let Some((view, _)) = from
        .views
        .iter()
        .find(|(_, view)| mentions(view.query.as_str(), &name.name))
    {
        return Some(format!("the view {view} uses it"));
    }
    for (key, opaque) in &from.opaque {
        if key.kind == OpaqueKind::Privilege {
            continue;
        }
        if key.on.as_ref() == Some(name) {
            return Some(format!("{key} stands on it"));
        }
        if mentions(&opaque.definition, &name.name) {
            return Some(format!("{key} names it"));
        }
    }
    let sequences = from.sequences.iter().filter(|(_, sequence)| {
        let owner = sequence.owned_by.as_ref();
        owner.is_none_or(|(owner, _)| owner != name)
    });
    for (sequence, _) in sequences {
        let counts = |column: &Column| column.default == Some(ColumnDefault::Next(sequence.clone()));
        if !to.sequences.contains_key(sequence) && of.columns.iter().any(counts) {
            return Some(format!("the sequence {sequence}, by which it counts, goes"));
        }
    }
    if from.sequences.iter().any(|(own, sequence)| {
        sequence.owned_by.as_ref().is_some_and(|(owner, _)| owner == name) && to.sequences.contains_key(own)
    }) {
        return Some("a sequence of it is to stay".to_owned());
    }
    of.columns
        .iter()
        .find_map(|column| type_that_goes(from, to, &column.data_type))
        .or_else(|| unnamed(of, |_| true))
}

/// Why a column is dropped; none if it can be set aside.
pub(super) fn column(from: &Schema, to: &Schema, table: &Name, name: &str) -> Option<String> {
    let of = from.tables.get(table)?;
    let own = of.column(name)?;
    if let Some(why) = of_column(own) {
        return Some(why.to_owned());
    }
    let mut primary = of.primary_key.iter().flat_map(|key| &key.columns);
    if primary.any(|part| part_has(part, name)) {
        return Some("it is a part of the primary key".to_owned());
    }
    if let Some(why) = kin(from, table, of) {
        return Some(why);
    }
    let computed = of.columns.iter().find(|other| {
        let generated = other.generated.as_ref();
        generated.is_some_and(|generated| mentions(generated.expression.as_str(), name))
    });
    if let Some(other) = computed {
        return Some(format!("the column {} is computed from it", other.name));
    }
    let view = from.views.iter().find(|(_, view)| {
        let text = view.query.as_str();
        mentions(text, &table.name) && (mentions(text, name) || text.contains('*'))
    });
    if let Some((view, _)) = view {
        return Some(format!("the view {view} may use it"));
    }
    for (key, opaque) in &from.opaque {
        let is_own = key.on.as_ref() == Some(table) || mentions(&opaque.definition, &table.name);
        if is_own && mentions(&opaque.definition, name) {
            return Some(format!("{key} names it"));
        }
    }
    if let Some((sequence, _)) = from.sequences.iter().find(|(own, sequence)| {
        let owner = sequence.owned_by.as_ref();
        owner.is_some_and(|(owner, column)| owner == table && column == name)
            && to.sequences.contains_key(*own)
    }) {
        return Some(format!("the sequence {sequence} of it is to stay"));
    }
    type_that_goes(from, to, &own.data_type)
        .or_else(|| not_null_type(from, own))
        .or_else(|| unnamed(of, |text| mentions(text, name)))
        .or_else(|| serves_another(from, of, name))
}

/// What the column is by itself.
fn of_column(own: &Column) -> Option<&'static str> {
    if own.generated.is_some() {
        Some("its values are computed")
    } else if own.identity.is_some() || own.auto_increment {
        Some("it counts by itself")
    } else if own.check.is_some() {
        Some("its check has no name")
    } else {
        None
    }
}

/// Partitions and inheritance tie tables together.
fn kin(from: &Schema, name: &Name, of: &Table) -> Option<String> {
    let is_cut = of.partition_by.is_some() || of.partition_of.is_some();
    if is_cut {
        return Some("the table is partitioned".to_owned());
    }
    let has_children = from.tables.values().any(|other| other.inherits.contains(name));
    (has_children || !of.inherits.is_empty()).then(|| "the table inherits or is inherited from".to_owned())
}

/// Types of one's own can only go when nothing has them any more.
fn type_that_goes(from: &Schema, to: &Schema, of: &DataType) -> Option<String> {
    if let Some(gone) = from
        .extensions
        .keys()
        .find(|own| !to.extensions.contains_key(*own))
    {
        return Some(format!("the extension {gone} goes, which may bring its type"));
    }
    let name = Name::new(of.namespace.as_ref()?, of.name.clone());
    let is_same = from.enums.get(&name) == to.enums.get(&name)
        && from.domains.get(&name) == to.domains.get(&name)
        && from.composites.get(&name) == to.composites.get(&name);
    (!is_same).then(|| format!("the type {name} changes or goes"))
}

/// A domain that takes no null would stop inserts.
fn not_null_type(from: &Schema, own: &Column) -> Option<String> {
    let name = Name::new(own.data_type.namespace.as_ref()?, own.data_type.name.clone());
    let domain = from.domains.get(&name)?;
    (!domain.nullable || !domain.checks.is_empty()).then(|| format!("its type {name} has conditions"))
}

/// What the server calls a rule that nobody named can't be said.
fn unnamed(of: &Table, touches: impl Fn(&str) -> bool) -> Option<String> {
    let check = |name: &String| {
        let check = of.checks.get(name);
        check.is_some_and(|check| touches(check.expression.as_str()))
    };
    let key = |name: &String| {
        let key = of.foreign_keys.get(name);
        key.is_some_and(|key| key.columns.iter().any(|column| touches(column)))
    };
    let found = of.unnamed.iter().any(|name| check(name) || key(name));
    found.then(|| "a rule of it has no name".to_owned())
}

/// MySQL needs an index below each foreign key.
fn serves_another(from: &Schema, of: &Table, name: &str) -> Option<String> {
    if from.dialect != Dialect::MySql {
        return None;
    }
    let (own, _) = of.indexes.iter().find(|(_, index)| {
        let first = index.parts.first().and_then(IndexPart::column_name);
        index_has(index, name)
            && first.is_some_and(|first| {
                first != name
                    && of.foreign_keys.values().any(|key| {
                        key.columns.first().is_some_and(|column| column == first)
                            && !key.columns.iter().any(|column| column == name)
                    })
            })
    })?;
    Some(format!("a foreign key needs the index {own}, which is over it"))
}

/// Whether an index is over the column.
pub(super) fn index_has(index: &Index, name: &str) -> bool {
    index.parts.iter().any(|part| part_has(part, name))
        || index.include.iter().any(|column| column == name)
        || index
            .condition
            .as_ref()
            .is_some_and(|condition| mentions(condition.as_str(), name))
}

/// Whether a part of an index or key is over the column.
pub(super) fn part_has(part: &IndexPart, name: &str) -> bool {
    match &part.on {
        Indexed::Column(column) => column == name,
        Indexed::Expression(expression) => mentions(expression.as_str(), name),
    }
}

/// Whether an SQL text may say the name.
pub(super) fn mentions(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    if !name.chars().all(is_part) {
        return text.contains(name);
    }
    text.split(|c: char| !is_part(c))
        .any(|word| word.eq_ignore_ascii_case(name))
}
