//! Columns and constraints that are added to tables with rows.

use sqlparser::{
    ast::{AlterTable, AlterTableOperation as Op, ColumnOption, Spanned as _, Statement, TableConstraint},
    tokenizer::Span,
};

use super::{Context, Rule, Severity};
use crate::Dialect;

pub(super) const NOT_NULL_WITHOUT_DEFAULT: Rule = Rule {
    name: "not-null-without-default",
    severity: Severity::Warning,
    check: not_null_without_default,
};

pub(super) const FOREIGN_KEY_CHECKED: Rule = Rule {
    name: "foreign-key-checked",
    severity: Severity::Warning,
    check: foreign_key_checked,
};

fn operations<'a>(context: &Context<'a>) -> &'a [Op] {
    match context.tree {
        Some(Statement::AlterTable(AlterTable { operations, .. })) => operations,
        _ => &[],
    }
}

fn not_null_without_default(context: &Context<'_>, report: &mut dyn FnMut(Span, String)) {
    for op in operations(context) {
        let Op::AddColumn { column_def, .. } = op else {
            continue;
        };
        let has = |wanted: fn(&ColumnOption) -> bool| column_def.options.iter().any(|o| wanted(&o.option));
        let filled = has(|o| {
            matches!(
                o,
                ColumnOption::Default(_)
                    | ColumnOption::Generated { .. }
                    | ColumnOption::Identity(_)
                    | ColumnOption::DialectSpecific(_)
            )
        });
        if has(|o| matches!(o, ColumnOption::NotNull)) && !filled {
            let name = &column_def.name.value;
            let effect = match context.dialect {
                Dialect::Postgres => "fails on a table with rows",
                Dialect::MySql => "makes up a value for the rows that are there",
            };
            report(
                column_def.name.span,
                format!("NOT NULL column {name} without a default {effect}; give it a default"),
            );
        }
    }
}

fn foreign_key_checked(context: &Context<'_>, report: &mut dyn FnMut(Span, String)) {
    if context.dialect != Dialect::Postgres {
        return;
    }
    for op in operations(context) {
        if let Op::AddConstraint {
            constraint: constraint @ TableConstraint::ForeignKey(_),
            not_valid: false,
        } = op
        {
            report(
                constraint.span(),
                "the foreign key is checked for every row while both tables are locked; add it NOT VALID and \
                 validate it in a later release"
                    .into(),
            );
        }
    }
}
