//! A whole table read while it is locked.

use sqlparser::{
    ast::{AlterColumnOperation, AlterTableOperation as Op},
    tokenizer::Span,
};

use crate::lint::{Check, Context, Rule, Severity};

pub(in crate::lint) const SET_NOT_NULL: Rule = Rule {
    name: "set-not-null",
    severity: Some(Severity::Warning),
    check: Check::Tree(check),
};

fn check(context: &Context<'_>, report: &mut dyn FnMut(Span, String)) {
    for op in context.operations() {
        if let Op::AlterColumn {
            column_name,
            op: AlterColumnOperation::SetNotNull,
        } = op
        {
            report(
                column_name.span,
                "SET NOT NULL reads the whole table while it is locked; add a CHECK (… IS NOT NULL) NOT VALID first \
                 and validate it"
                    .into(),
            );
        }
    }
}
