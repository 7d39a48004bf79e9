//! What brings a dropped thing back as it was: its comments, its indexes, the sequences that its columns own, its
//! partitions, and what people might do with it. A way back that made the bare thing only would be a wrong one.

use super::{Work, constraint::rules, opaque::is_of};
use crate::{
    model::{
        Column, Composite, Domain, EnumType, ForeignKey, Index, Name, Opaque, OpaqueKey, OpaqueKind,
        Sequence, Table, View,
    },
    render::postgres::{
        column as definition, comment, create_composite, create_domain, create_enum, create_index,
        create_sequence, create_table, create_view, foreign_key, name as quoted, owned_by, qualified,
    },
};

/// `comment on …`, if there is one.
pub(super) fn commented(kind: &str, on: &str, text: Option<&String>) -> Option<String> {
    text.map(|text| comment(kind, on, Some(text)))
}

/// An index, with its comment.
pub(super) fn index(own: &str, on: &Name, of: &Index, concurrently: bool) -> Vec<String> {
    let at = qualified(&on.sibling(own));
    let mut sql = vec![create_index(own, on, of, concurrently)];
    sql.extend(commented("index", &at, of.comment.as_ref()));
    sql
}

/// A constraint from its text after its name, with its comment.
pub(super) fn constraint(on: &Name, own: &str, text: &str, said: Option<&String>) -> Vec<String> {
    let mut sql = vec![format!(
        "alter table {} add constraint {} {text}",
        qualified(on),
        quoted(own)
    )];
    sql.extend(constraint_comment(on, own, said));
    sql
}

fn constraint_comment(on: &Name, own: &str, said: Option<&String>) -> Option<String> {
    commented(
        "constraint",
        &format!("{} on {}", quoted(own), qualified(on)),
        said,
    )
}

/// A foreign key, with its comment.
pub(super) fn foreign(on: &Name, own: &str, of: &ForeignKey) -> Vec<String> {
    constraint(on, own, &foreign_key(of), of.comment.as_ref())
}

/// An enumeration, with its comment.
pub(super) fn enumeration(at: &Name, of: &EnumType) -> Vec<String> {
    let mut sql = vec![create_enum(at, of)];
    sql.extend(commented("type", &qualified(at), of.comment.as_ref()));
    sql
}

/// A composite type, with its comment.
pub(super) fn composite(at: &Name, of: &Composite) -> Vec<String> {
    let mut sql = vec![create_composite(at, of)];
    sql.extend(commented("type", &qualified(at), of.comment.as_ref()));
    sql
}

/// A domain, with its comment and those of its checks.
pub(super) fn domain(at: &Name, of: &Domain) -> Vec<String> {
    let mut sql = vec![create_domain(at, of)];
    sql.extend(commented("domain", &qualified(at), of.comment.as_ref()));
    for (own, check) in &of.checks {
        let on = format!("{} on domain {}", quoted(own), qualified(at));
        sql.extend(commented("constraint", &on, check.comment.as_ref()));
    }
    sql
}

/// What is said of a column beside its definition.
fn column_extras(on: &Name, of: &Column) -> Vec<String> {
    let mut sql = Vec::new();
    if let Some(storage) = &of.storage {
        sql.push(format!(
            "alter table {} alter column {} set storage {storage}",
            qualified(on),
            quoted(&of.name)
        ));
    }
    let at = format!("{}.{}", qualified(on), quoted(&of.name));
    sql.extend(commented("column", &at, of.comment.as_ref()));
    sql
}

impl Work<'_> {
    /// A table that goes, apart from its foreign keys to others, its triggers and policies: these have steps of their own.
    pub(super) fn table_again(&self, name: &Name, of: &Table) -> Vec<String> {
        let at = qualified(name);
        let owned = self.owned(name, None);
        let mut sql: Vec<String> = owned.iter().map(|(own, of)| create_sequence(own, of)).collect();
        sql.push(create_table(name, of));
        for column in &of.columns {
            sql.extend(column_extras(name, column));
        }
        for (own, rule) in rules(of) {
            sql.extend(constraint_comment(name, &own, rule.comment.as_ref()));
        }
        for (own, key) in of.foreign_keys.iter().filter(|(_, key)| key.references == *name) {
            sql.extend(foreign(name, own, key));
        }
        for (own, of) in &of.indexes {
            sql.extend(index(own, name, of, false));
        }
        for (is, what) in [
            (of.row_security, "enable row level security"),
            (of.row_security_forced, "force row level security"),
        ] {
            if is {
                sql.push(format!("alter table {at} {what}"));
            }
        }
        sql.extend(commented("table", &at, of.comment.as_ref()));
        sql.extend(self.owners(&owned));
        sql.extend(self.privileges_on(name));
        let parts = self.from.tables.iter().filter(|(part, of)| {
            of.partition_of.as_ref().is_some_and(|of| of.parent == *name)
                && !self.to.tables.contains_key(*part)
        });
        for (part, of) in parts {
            sql.extend(self.table_again(part, of));
        }
        sql
    }

    /// A column that goes, apart from what has steps of its own.
    pub(super) fn column_again(&self, name: &Name, of: &Column) -> Vec<String> {
        let owned = self.owned(name, Some(&of.name));
        let mut sql: Vec<String> = owned.iter().map(|(own, of)| create_sequence(own, of)).collect();
        sql.push(format!(
            "alter table {} add column {}",
            qualified(name),
            definition(of)
        ));
        sql.extend(column_extras(name, of));
        sql.extend(self.owners(&owned));
        sql
    }

    /// A view that goes.
    pub(super) fn view_again(&self, name: &Name, of: &View) -> Vec<String> {
        let at = qualified(name);
        let kind = super::view::kind(of);
        let mut sql = vec![create_view(name, of, false)];
        for (own, of) in &of.indexes {
            sql.extend(index(own, name, of, false));
        }
        sql.extend(commented(kind, &at, of.comment.as_ref()));
        for (column, text) in &of.column_comments {
            sql.push(comment("column", &format!("{at}.{}", quoted(column)), Some(text)));
        }
        sql.extend(self.privileges_on(name));
        sql
    }

    /// A sequence that goes by itself: its owner stays, or it has none.
    pub(super) fn sequence_again(&self, name: &Name, of: &Sequence) -> Vec<String> {
        let mut sql = vec![create_sequence(name, of)];
        if of.owned_by.is_some() {
            sql.extend(self.owners(&[(name, of)]));
        } else {
            sql.extend(commented("sequence", &qualified(name), of.comment.as_ref()));
            sql.extend(self.privileges_on(name));
        }
        sql
    }

    /// What isn't modelled, with its comment; a routine with what people may do with it.
    pub(super) fn code_again(&self, key: &OpaqueKey, of: &Opaque, address: &str) -> Vec<String> {
        let mut sql = vec![of.definition.clone()];
        sql.extend(commented(key.kind.words(), address, of.comment.as_ref()));
        let hanging = self.from.opaque.iter().filter(|(other, _)| is_of(other, key));
        sql.extend(hanging.map(|(_, of)| of.definition.clone()));
        sql
    }

    /// The sequences that go with a table, or with one of its columns.
    fn owned(&self, table: &Name, column: Option<&str>) -> Vec<(&Name, &Sequence)> {
        let is_owned = |of: &Sequence| {
            of.owned_by
                .as_ref()
                .is_some_and(|(on, own)| on == table && column.is_none_or(|column| column == own))
        };
        self.from
            .sequences
            .iter()
            .filter(|(name, of)| is_owned(of) && !self.to.sequences.contains_key(*name))
            .collect()
    }

    /// What people may do with a table or view that goes.
    fn privileges_on(&self, name: &Name) -> Vec<String> {
        let on = |key: &OpaqueKey| {
            key.kind == OpaqueKind::Privilege && key.arguments.is_none() && key.on.as_ref() == Some(name)
        };
        self.from
            .opaque
            .iter()
            .filter(|(key, _)| on(key))
            .map(|(_, of)| of.definition.clone())
            .collect()
    }

    /// Whom the sequences belong to, what is said of them, and what people may do with them.
    fn owners(&self, owned: &[(&Name, &Sequence)]) -> Vec<String> {
        let mut sql = Vec::new();
        for (name, of) in owned {
            let at = qualified(name);
            sql.push(format!(
                "alter sequence {at} owned by {}",
                owned_by(of.owned_by.as_ref())
            ));
            sql.extend(commented("sequence", &at, of.comment.as_ref()));
            sql.extend(self.privileges_on(name));
        }
        sql
    }
}
