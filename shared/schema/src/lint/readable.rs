//! Statements that can't be read, and those that can't be in a release at all.

use sqlparser::tokenizer::Span;

use super::{Context, Rule, Severity};
use crate::Risk;

pub(super) const UNREADABLE: Rule = Rule {
    name: "unreadable",
    severity: Severity::Warning,
    check: unreadable,
};

pub(super) const REFUSED: Rule = Rule {
    name: "refused",
    severity: Severity::Error,
    check: refused,
};

fn unreadable(context: &Context<'_>, report: &mut dyn FnMut(Span, String)) {
    if context.seen.refused.is_none() {
        for reason in &context.seen.reasons {
            if reason.risk == Risk::Unknown {
                report(Span::empty(), reason.text.clone());
            }
        }
    }
}

fn refused(context: &Context<'_>, report: &mut dyn FnMut(Span, String)) {
    if let Some(why) = &context.seen.refused {
        report(Span::empty(), why.clone());
    }
}
