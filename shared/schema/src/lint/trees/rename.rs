//! A name that programs still use.

use sqlparser::{
    ast::{AlterTableOperation as Op, Spanned as _, Statement},
    tokenizer::Span,
};

use crate::lint::{Check, Context, Rule, Severity};

pub(in crate::lint) const RENAME: Rule = Rule {
    name: "rename",
    severity: Some(Severity::Warning),
    check: Check::Tree(check),
};

fn check(context: &Context<'_>, report: &mut dyn FnMut(Span, String)) {
    let advice =
        "programs that still use the old name fail from that moment on; add the new name beside it first";
    if let Some(Statement::RenameTable(renames)) = context.tree {
        for rename in renames {
            report(rename.old_name.span(), format!("a table is renamed: {advice}"));
        }
    }
    for op in context.operations() {
        match op {
            Op::RenameTable { table_name } => {
                report(table_name.span(), format!("a table is renamed: {advice}"));
            }
            Op::RenameColumn { old_column_name, .. } => {
                report(
                    old_column_name.span,
                    format!("column {} is renamed: {advice}", old_column_name.value),
                );
            }
            Op::ChangeColumn {
                old_name, new_name, ..
            } if old_name.value != new_name.value => {
                report(
                    old_name.span,
                    format!("column {} is renamed: {advice}", old_name.value),
                );
            }
            _ => {}
        }
    }
}
