//! A column that programs may still use.

use sqlparser::{ast::AlterTableOperation as Op, tokenizer::Span};

use crate::lint::{Check, Context, Rule, Severity};

pub(in crate::lint) const DROP_COLUMN: Rule = Rule {
    name: "drop-column",
    severity: Some(Severity::Error),
    check: Check::Tree(check),
};

fn check(context: &Context<'_>, report: &mut dyn FnMut(Span, String)) {
    for op in context.operations() {
        if let Op::DropColumn { column_names, .. } = op {
            for name in column_names {
                report(
                    name.span,
                    format!(
                        "dropping column {} loses its values; stop using it first, drop it in a later release",
                        name.value
                    ),
                );
            }
        }
    }
}
