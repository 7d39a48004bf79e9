//! A table that programs may still use.

use sqlparser::{
    ast::{ObjectType, Spanned as _, Statement},
    tokenizer::Span,
};

use crate::lint::{Check, Context, Rule, Severity};

pub(in crate::lint) const DROP_TABLE: Rule = Rule {
    name: "drop-table",
    severity: Some(Severity::Error),
    check: Check::Tree(check),
};

fn check(context: &Context<'_>, report: &mut dyn FnMut(Span, String)) {
    if let Some(Statement::Drop {
        object_type: ObjectType::Table,
        names,
        ..
    }) = context.tree
    {
        for (name, object) in names.iter().zip(&context.seen.objects) {
            report(
                name.span(),
                format!(
                    "DROP TABLE {object} loses its rows; rename it first and drop it once nobody missed it"
                ),
            );
        }
    }
}
