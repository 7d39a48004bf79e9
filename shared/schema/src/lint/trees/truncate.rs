//! All rows lost at once.

use sqlparser::tokenizer::Span;

use crate::{
    StatementKind,
    lint::{Check, Context, Rule, Severity},
};

pub(in crate::lint) const TRUNCATE: Rule = Rule {
    name: "truncate",
    severity: Some(Severity::Error),
    check: Check::Tree(check),
};

fn check(context: &Context<'_>, report: &mut dyn FnMut(Span, String)) {
    if context.seen.kind == StatementKind::Truncate {
        for table in &context.seen.objects {
            report(Span::empty(), format!("TRUNCATE deletes every row of {table}"));
        }
    }
}
