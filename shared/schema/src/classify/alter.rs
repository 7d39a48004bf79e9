//! `ALTER …`.

use sqlparser::ast::{
    AlterColumnOperation, AlterIndexOperation, AlterTable, AlterTableOperation as Op, AlterTypeOperation,
    ColumnDef, ColumnOption, DropBehavior, Expr, RenameTableNameKind, Statement, TableConstraint,
};

use super::{
    Class, Classification, Effect, ObjectRef, Risk, StatementKind,
    data::names_no_column,
    drop::{is_aside, renamed},
    types::fold,
};
use crate::Dialect;

pub(super) fn classify(dialect: Dialect, tree: &Statement) -> Option<Classification> {
    match tree {
        Statement::AlterTable(alter) => Some(alter_table(dialect, alter)),
        Statement::AlterView { name, .. } => {
            let mut seen = Classification::of(StatementKind::AlterView, Class::Definition);
            seen.because(Risk::Warning, "replaces the view that is there");
            seen.touch(ObjectRef::of(dialect, name));
            Some(seen)
        }
        Statement::AlterIndex {
            operation: AlterIndexOperation::RenameIndex { .. },
            ..
        } => Some(Classification::of(StatementKind::Other, Class::Definition)),
        Statement::AlterType(alter) => {
            let mut seen = Classification::of(StatementKind::AlterType, Class::Definition);
            seen.touch(ObjectRef::of(dialect, &alter.name));
            match alter.operation {
                AlterTypeOperation::AddValue(_) => {}
                AlterTypeOperation::Rename(_) | AlterTypeOperation::RenameValue(_) => {
                    seen.because(
                        Risk::Warning,
                        "programs that still say the old name fail from that moment on",
                    );
                }
            }
            Some(seen)
        }
        _ => None,
    }
}

fn alter_table(dialect: Dialect, alter: &AlterTable) -> Classification {
    let table = ObjectRef::of(dialect, &alter.name);
    let mut seen = Classification::of(StatementKind::AlterTable, Class::Definition);
    seen.touch(table.clone());
    for op in &alter.operations {
        Altering {
            dialect,
            table: &table,
            seen: &mut seen,
        }
        .operation(op);
    }
    // Held against the rows once more it does nothing else.
    let validates = |op: &Op| matches!(op, Op::ValidateConstraint { .. });
    if !alter.operations.is_empty() && alter.operations.iter().all(validates) {
        seen.class = Class::Maintenance;
    }
    seen
}

struct Altering<'a> {
    dialect: Dialect,
    table: &'a ObjectRef,
    seen: &'a mut Classification,
}

impl Altering<'_> {
    fn warn(&mut self, text: &str) {
        self.seen.because(Risk::Warning, text);
    }

    fn column(&mut self, name: &sqlparser::ast::Ident, present: bool) {
        self.seen.effects.push(Effect::Column {
            table: self.table.clone(),
            column: fold(self.dialect, name),
            present,
        });
    }

    fn operation(&mut self, op: &Op) {
        match op {
            Op::AddColumn { column_def, .. } => self.add_column(column_def),
            Op::DropColumn {
                column_names,
                drop_behavior,
                ..
            } => {
                for name in column_names {
                    let text = format!("column {} of {} and its values are gone", name.value, self.table);
                    self.seen.because(Risk::Destructive, text);
                    self.column(name, false);
                }
                self.cascade(drop_behavior.as_ref());
            }
            Op::RenameColumn {
                old_column_name,
                new_column_name,
            } => {
                if is_aside(&new_column_name.value) {
                    self.warn("sets the column aside: its values stay, and programs that use it fail from that moment on");
                } else {
                    self.warn("programs that still say the column's old name fail from that moment on");
                }
                self.column(old_column_name, false);
                self.column(new_column_name, true);
            }
            Op::RenameTable { table_name } => {
                let (RenameTableNameKind::As(new) | RenameTableNameKind::To(new)) = table_name;
                let mut new = ObjectRef::of(self.dialect, new);
                if new.schema.is_none() {
                    new.schema.clone_from(&self.table.schema);
                }
                renamed(self.seen, self.table.clone(), new);
            }
            Op::ModifyColumn { col_name, .. } => {
                self.warn("changes a column's type: may copy the table, and values that don't fit refuse it or are cut");
                self.column(col_name, true);
            }
            Op::ChangeColumn {
                old_name, new_name, ..
            } => {
                self.warn("changes a column's type: may copy the table, and values that don't fit refuse it or are cut");
                if is_aside(&new_name.value) {
                    self.warn("sets the column aside: its values stay, and programs that use it fail from that moment on");
                    self.column(old_name, false);
                } else if old_name.value != new_name.value {
                    self.warn("programs that still say the column's old name fail from that moment on");
                    self.column(old_name, false);
                }
                self.column(new_name, true);
            }
            Op::AlterColumn { op, .. } => self.alter_column(op),
            Op::AddConstraint {
                constraint,
                not_valid,
            } => self.add_constraint(constraint, *not_valid),
            Op::ValidateConstraint { .. } => {
                self.warn("reads the whole table to check the rows that are there");
            }
            Op::DropConstraint { drop_behavior, .. } | Op::DropPrimaryKey { drop_behavior } => {
                self.warn("what the constraint kept out may come in");
                self.cascade(drop_behavior.as_ref());
            }
            Op::DropForeignKey { .. } => self.warn("what the constraint kept out may come in"),
            Op::DropIndex { name } => {
                self.warn("queries that used the index become slow");
                self.seen.effects.push(Effect::Index {
                    table: Some(self.table.clone()),
                    index: ObjectRef {
                        schema: None,
                        name: fold(self.dialect, name),
                    },
                    present: false,
                });
            }
            Op::DropPartitions { .. } => {
                self.seen
                    .because(Risk::Destructive, "the partition and its rows are gone");
            }
            Op::AddPartitions { .. } | Op::AttachPartition { .. } | Op::DetachPartition { .. } => {
                self.warn("locks the table while its partitions change");
            }
            Op::EnableRowLevelSecurity
            | Op::DisableRowLevelSecurity
            | Op::ForceRowLevelSecurity
            | Op::NoForceRowLevelSecurity => self.warn("changes which rows people see"),
            Op::EnableTrigger { .. }
            | Op::DisableTrigger { .. }
            | Op::EnableAlwaysTrigger { .. }
            | Op::EnableReplicaTrigger { .. }
            | Op::EnableRule { .. }
            | Op::DisableRule { .. }
            | Op::EnableAlwaysRule { .. }
            | Op::EnableReplicaRule { .. } => self.warn("changes what happens by itself when rows change"),
            Op::OwnerTo { .. } => self.warn("changes who may do what"),
            Op::ReplicaIdentity { .. } => self.warn("changes what replication sends"),
            Op::SetLogged | Op::SetUnlogged => self.warn("writes the whole table anew"),
            Op::RenameConstraint { .. }
            | Op::AutoIncrement { .. }
            | Op::Algorithm { .. }
            | Op::Lock { .. }
            | Op::SetOptionsParens { .. } => {}
            _ => self
                .seen
                .because(Risk::Unknown, "one of its changes is not known here"),
        }
    }

    fn add_column(&mut self, column: &ColumnDef) {
        self.column(&column.name, true);
        let has = |wanted: fn(&ColumnOption) -> bool| column.options.iter().any(|o| wanted(&o.option));
        let default = column.options.iter().find_map(|option| match &option.option {
            ColumnOption::Default(value) => Some(value),
            _ => None,
        });
        let filled = default.is_some()
            || has(|o| matches!(o, ColumnOption::Generated { .. } | ColumnOption::Identity(_)))
            || has(|o| matches!(o, ColumnOption::DialectSpecific(_)));
        if has(|o| matches!(o, ColumnOption::NotNull)) && !filled {
            self.warn(
                "a NOT NULL column without a default fails, or makes up values, where the table has rows",
            );
        }
        if default.is_some_and(|value| matches!(value, Expr::Function(_))) {
            self.warn("a default that is computed may write the whole table anew");
        }
        if has(|o| matches!(o, ColumnOption::Generated { .. } | ColumnOption::Identity(_))) {
            self.warn("a generated column writes the whole table anew");
        }
        let checks = |o: &ColumnOption| {
            matches!(
                o,
                ColumnOption::PrimaryKey(_)
                    | ColumnOption::Unique(_)
                    | ColumnOption::ForeignKey(_)
                    | ColumnOption::Check(_)
            )
        };
        if has(checks) {
            self.warn("its constraint is checked for every row while the table is locked");
        }
    }

    fn alter_column(&mut self, op: &AlterColumnOperation) {
        match op {
            AlterColumnOperation::SetNotNull => {
                self.warn(
                    "SET NOT NULL reads the whole table while it is locked, and fails if a row has no value",
                );
            }
            AlterColumnOperation::SetDataType { using, .. } => {
                self.warn("changes a column's type: may copy the table, and values that don't fit refuse it or are cut");
                if using.as_ref().is_some_and(names_no_column) {
                    self.seen.because(
                        Risk::Destructive,
                        "USING without a column overwrites every value of it",
                    );
                }
            }
            AlterColumnOperation::AddGenerated { .. } => {
                self.warn("changes where the column's values come from");
            }
            AlterColumnOperation::DropNotNull
            | AlterColumnOperation::SetDefault { .. }
            | AlterColumnOperation::DropDefault => {}
        }
    }

    fn add_constraint(&mut self, constraint: &TableConstraint, not_valid: bool) {
        match constraint {
            TableConstraint::PrimaryKeyUsingIndex(_) | TableConstraint::UniqueUsingIndex(_) => {}
            TableConstraint::ForeignKey(_) | TableConstraint::Check(_) if not_valid => {}
            TableConstraint::ForeignKey(_) | TableConstraint::Check(_) => {
                self.warn("the constraint is checked for every row while the table is locked");
            }
            TableConstraint::Unique(_) | TableConstraint::PrimaryKey(_) | TableConstraint::Exclude(_) => {
                self.warn("builds an index while the table is locked, and fails if rows that are there break the rule");
            }
            TableConstraint::Index(_) | TableConstraint::FulltextOrSpatial(_) => {
                self.warn("building the index slows or blocks writes until it is done");
            }
        }
    }

    fn cascade(&mut self, behavior: Option<&DropBehavior>) {
        if behavior == Some(&DropBehavior::Cascade) {
            self.seen
                .because(Risk::Destructive, "CASCADE drops everything that depends on it");
        }
    }
}
