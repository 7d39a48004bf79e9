//! Columns: which ones move, which ones can only be made anew, what a change of a type risks.

use std::collections::BTreeMap;

use super::{alter::Alter, same::same_column};
use crate::{
    Lock, Risk,
    model::{Column, DataType, Table},
};

/// Which of the kept columns must move so that all stand as wanted.
pub(super) struct Moves<'a>(Vec<&'a str>);

impl<'a> Moves<'a> {
    /// The columns outside of a longest run of kept ones that stand in the wanted order already.
    pub(super) fn between(kept: &[&'a str], wanted: &[&'a str]) -> Self {
        let kept: Vec<(&str, usize)> = kept
            .iter()
            .filter_map(|name| Some((*name, wanted.iter().position(|other| other == name)?)))
            .collect();
        // Longest increasing run of places, ending at each column.
        let mut best: Vec<(usize, Option<usize>)> = Vec::new();
        for (at, (_, place)) in kept.iter().enumerate() {
            let before = (0..at)
                .filter(|&other| kept[other].1 < *place)
                .max_by_key(|&other| (best[other].0, std::cmp::Reverse(other)));
            best.push((before.map_or(1, |other| best[other].0 + 1), before));
        }
        let mut stays = Vec::new();
        let mut at = (0..kept.len()).max_by_key(|&at| (best[at].0, std::cmp::Reverse(at)));
        while let Some(here) = at {
            stays.push(kept[here].0);
            at = best[here].1;
        }
        Self(
            kept.iter()
                .map(|(name, _)| *name)
                .filter(|name| !stays.contains(name))
                .collect(),
        )
    }

    pub(super) fn moves(&self, name: &str) -> bool {
        self.0.contains(&name)
    }
}

/// Columns on both sides that no change leads from one to the other: computed ones that become another kind.
pub(super) fn remade(from: &Table, to: &Table) -> Vec<String> {
    let kind = |column: &Column| column.generated.as_ref().map(|generated| generated.stored);
    to.columns
        .iter()
        .filter(|new| {
            from.column(&new.name)
                .is_some_and(|old| kind(old) != kind(new) || (kind(old).is_some() && !same_column(old, new)))
        })
        .map(|new| new.name.clone())
        .collect()
}

/// What the changes of a table's columns risk.
pub(super) fn judge((from, to): (&Table, &Table), renames: &BTreeMap<String, String>, alter: &mut Alter) {
    for old in from.columns.iter().filter(|old| to.column(&old.name).is_none()) {
        if old.generated.is_some() {
            alter.because(
                Risk::Warning,
                format!("programs that still read {} fail", old.name),
                Lock::Definition,
            );
            continue;
        }
        alter.because(
            Risk::Destructive,
            format!("column {} goes with its values", old.name),
            Lock::Definition,
        );
        alter.loses(format!("the values of {}", old.name));
    }
    for (new, old) in renames {
        alter.because(
            Risk::Warning,
            format!("programs that still say {old} instead of {new} fail"),
            Lock::Definition,
        );
    }
    for new in &to.columns {
        let Some(old) = from.column(&new.name) else {
            let must_be_given =
                !new.nullable && new.default.is_none() && !new.auto_increment && new.generated.is_none();
            if must_be_given {
                alter.because(
                    Risk::Warning,
                    format!("rows that are there get an empty value in {}", new.name),
                    Lock::Definition,
                );
            }
            continue;
        };
        if same_column(old, new) {
            continue;
        }
        if old.nullable && !new.nullable {
            alter.because(
                Risk::Warning,
                format!("it fails if {} is null in a row", new.name),
                Lock::Writes,
            );
        }
        if old.generated.is_none() && new.generated.is_some() {
            alter.because(
                Risk::Destructive,
                format!("the values of {} are computed anew", new.name),
                Lock::Everything,
            );
            alter.loses(format!("the values of {}", new.name));
        }
        if old.data_type != new.data_type {
            retyped(old, new, alter);
        } else if old.collation != new.collation {
            alter.because(
                Risk::Warning,
                format!(
                    "another character set or collation of {}: the table is written anew",
                    new.name
                ),
                Lock::Everything,
            );
        }
    }
}

fn retyped(old: &Column, new: &Column, alter: &mut Alter) {
    let name = &new.name;
    let types = format!("{} becomes {}", old.data_type, new.data_type);
    if is_only_width(&old.data_type, &new.data_type) {
        return;
    }
    if is_wider(&old.data_type, &new.data_type) {
        alter.because(
            Risk::Warning,
            format!("{name}: {types}: the table may be written anew"),
            Lock::Writes,
        );
    } else {
        alter.because(
            Risk::Destructive,
            format!("{name}: {types}: it fails or cuts values that don't fit"),
            Lock::Everything,
        );
        alter.loses(format!("values of {name} that did not fit"));
    }
}

/// Whether only the width differs in which a number is shown.
fn is_only_width(old: &DataType, new: &DataType) -> bool {
    let plain = |of: &DataType| DataType {
        arguments: Vec::new(),
        ..of.clone()
    };
    integer(&old.name).is_some() && plain(old) == plain(new)
}

fn integer(name: &str) -> Option<usize> {
    ["tinyint", "smallint", "mediumint", "int", "bigint"]
        .iter()
        .position(|other| *other == name)
}

/// Whether every value of the old type is one of the new.
fn is_wider(old: &DataType, new: &DataType) -> bool {
    if let (Some(a), Some(b)) = (integer(&old.name), integer(&new.name)) {
        return if old.unsigned == new.unsigned {
            a <= b
        } else {
            old.unsigned && a < b
        };
    }
    let number = |of: &DataType, at: usize| {
        of.arguments
            .get(at)
            .and_then(|text| text.parse::<u64>().ok())
            .unwrap_or(0)
    };
    let texts = ["tinytext", "text", "mediumtext", "longtext"];
    let blobs = ["tinyblob", "blob", "mediumblob", "longblob"];
    for family in [texts, blobs] {
        let place = |of: &DataType| family.iter().position(|name| *name == of.name);
        if let (Some(a), Some(b)) = (place(old), place(new)) {
            return a <= b;
        }
    }
    match (old.name.as_str(), new.name.as_str()) {
        ("char" | "varchar", "varchar")
        | ("char", "char")
        | ("binary" | "varbinary", "varbinary")
        | ("datetime", "datetime")
        | ("timestamp", "timestamp")
        | ("time", "time")
        | ("bit", "bit") => number(old, 0) <= number(new, 0),
        ("varchar" | "char", "text" | "mediumtext" | "longtext") => number(old, 0) <= 16_383,
        ("decimal", "decimal") => {
            let whole = |of: &DataType| number(of, 0).saturating_sub(number(of, 1));
            whole(old) <= whole(new) && number(old, 1) <= number(new, 1) && old.unsigned == new.unsigned
        }
        ("float", "double") => true,
        ("enum", "enum") | ("set", "set") => new.values.starts_with(&old.values),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_few_columns_move_as_can_be() {
        let moved = |kept: &[&'static str], wanted: &[&'static str]| Moves::between(kept, wanted).0;
        assert_eq!(moved(&["a", "b", "c"], &["a", "b", "c"]), Vec::<&str>::new());
        assert_eq!(moved(&["a", "b", "c", "d"], &["d", "a", "b", "c"]), ["d"]);
        assert_eq!(moved(&["a", "b", "c"], &["a", "x", "c", "b"]).len(), 1);
        assert_eq!(moved(&[], &["a"]), Vec::<&str>::new());
    }

    #[test]
    fn wider_types_hold_every_value() {
        let of = |name: &str, arguments: &[&str]| DataType {
            arguments: arguments.iter().map(|&text| text.to_owned()).collect(),
            ..DataType::plain(name)
        };
        assert!(is_wider(&of("int", &["11"]), &of("bigint", &["20"])));
        assert!(!is_wider(&of("bigint", &[]), &of("int", &[])));
        assert!(is_wider(&of("varchar", &["40"]), &of("varchar", &["100"])));
        assert!(!is_wider(&of("varchar", &["100"]), &of("varchar", &["40"])));
        assert!(is_wider(
            &of("decimal", &["10", "2"]),
            &of("decimal", &["12", "2"])
        ));
        assert!(!is_wider(
            &of("decimal", &["10", "2"]),
            &of("decimal", &["10", "4"])
        ));
        assert!(!is_wider(
            &of("int", &[]),
            &DataType {
                unsigned: true,
                ..of("int", &[])
            }
        ));
    }
}
