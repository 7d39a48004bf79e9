//! Another type of a column, which may copy the whole table.

use sqlparser::{
    ast::{AlterColumnOperation, AlterTableOperation as Op},
    tokenizer::Span,
};

use crate::lint::{Check, Context, Rule, Severity};

pub(in crate::lint) const COLUMN_TYPE_CHANGE: Rule = Rule {
    name: "column-type-change",
    severity: Some(Severity::Warning),
    check: Check::Tree(check),
};

fn check(context: &Context<'_>, report: &mut dyn FnMut(Span, String)) {
    for op in context.operations() {
        let name = match op {
            Op::ModifyColumn { col_name, .. } => col_name,
            Op::ChangeColumn { new_name, .. } => new_name,
            Op::AlterColumn {
                column_name,
                op: AlterColumnOperation::SetDataType { .. },
            } => column_name,
            _ => continue,
        };
        report(
            name.span,
            format!(
                "changing the type of column {} may copy the whole table while it is locked; add a new column and \
                 fill it",
                name.value
            ),
        );
    }
}
