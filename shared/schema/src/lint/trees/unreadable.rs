//! What can't be read, so that nobody knows what it does.

use sqlparser::tokenizer::Span;

use crate::{
    Risk,
    lint::{Check, Context, Rule, Severity},
};

pub(in crate::lint) const UNREADABLE: Rule = Rule {
    name: "unreadable",
    severity: Some(Severity::Warning),
    check: Check::Tree(check),
};

fn check(context: &Context<'_>, report: &mut dyn FnMut(Span, String)) {
    if context.seen.refused.is_none() {
        for reason in &context.seen.reasons {
            if reason.risk == Risk::Unknown {
                report(Span::empty(), reason.text.clone());
            }
        }
    }
}
