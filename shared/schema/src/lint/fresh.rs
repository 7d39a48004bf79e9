//! Tables that the text itself makes: nothing is in them yet, and nobody waits for their locks.

use std::collections::BTreeSet;

use sqlparser::ast::{AlterTable, AlterTableOperation as Op, ObjectName, ObjectNamePart, Statement as Tree};

use crate::Dialect;

/// Rules about what takes long, or fails, because of a table's rows.
const OF_ROWS: &[&str] = &[
    "check-validated",
    "column-type-change",
    "foreign-key-checked",
    "index-not-concurrent",
    "not-null-without-default",
    "serial-added",
    "set-not-null",
    "unique-built",
    "volatile-default",
];

/// The tables that are certainly new and empty, as far as the text has been read.
pub(super) struct Fresh {
    dialect: Dialect,
    tables: BTreeSet<Vec<String>>,
}

impl Fresh {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            tables: BTreeSet::new(),
        }
    }

    /// Whether a rule has nothing to say of this statement, since its table is new.
    pub(super) fn excuses(&self, rule: &str, tree: Option<&Tree>) -> bool {
        let table = match tree {
            Some(Tree::CreateIndex(index)) => &index.table_name,
            Some(Tree::AlterTable(AlterTable { name, .. })) => name,
            _ => return false,
        };
        OF_ROWS.contains(&rule) && self.tables.contains(&self.key(table))
    }

    /// Takes note of a statement that was looked at. Whatever may write rows, rename, drop or look elsewhere for names
    /// leaves nothing certain.
    pub(super) fn after(&mut self, tree: Option<&Tree>) {
        match tree {
            Some(Tree::CreateTable(table)) => {
                let key = self.key(&table.name);
                let empty = !table.if_not_exists && !table.or_replace && table.query.is_none();
                // Its name may stand for one that was made in another schema before.
                if empty && table.clone.is_none() {
                    self.tables.insert(key);
                } else {
                    self.tables.remove(&key);
                }
            }
            Some(Tree::AlterTable(AlterTable { operations, .. })) => {
                let moves = |op: &Op| {
                    matches!(
                        op,
                        Op::RenameTable { .. } | Op::SwapWith { .. } | Op::AttachPartition { .. }
                    )
                };
                if operations.iter().any(moves) {
                    self.tables.clear();
                }
            }
            Some(
                Tree::CreateIndex(_)
                | Tree::Comment { .. }
                | Tree::CreateType { .. }
                | Tree::CreateSequence { .. }
                | Tree::CreateDomain { .. },
            ) => {}
            _ => self.tables.clear(),
        }
    }

    /// A name as the database takes it.
    fn key(&self, name: &ObjectName) -> Vec<String> {
        let part = |part: &ObjectNamePart| match part {
            ObjectNamePart::Identifier(ident)
                if self.dialect == Dialect::Postgres && ident.quote_style.is_none() =>
            {
                ident.value.to_lowercase()
            }
            ObjectNamePart::Identifier(ident) => ident.value.clone(),
            ObjectNamePart::Function(function) => function.to_string(),
        };
        name.0.iter().map(part).collect()
    }
}
