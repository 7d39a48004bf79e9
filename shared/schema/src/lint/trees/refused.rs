//! What can't be in a release at all.

use sqlparser::tokenizer::Span;

use crate::lint::{Check, Context, Rule, Severity};

pub(in crate::lint) const REFUSED: Rule = Rule {
    name: "refused",
    severity: Some(Severity::Error),
    check: Check::Tree(check),
};

fn check(context: &Context<'_>, report: &mut dyn FnMut(Span, String)) {
    if let Some(why) = &context.seen.refused {
        report(Span::empty(), why.clone());
    }
}
