//! What a statement does, how dangerous that is, and how one can see afterwards that it happened.
//!
//! Two readers work together: `words` recognises by its first words what must be known even where no parser reads
//! the statement (transaction control, statements that can't be in a transaction); the rest is decided on the
//! parser's tree. A statement without a tree that no recogniser knows is [`Risk::Unknown`].
//!
//! The text is all there is to read: triggers on the tables it touches, and the bodies of routines it calls, are
//! not seen. A call of a function that is not known to be harmless is therefore unknown too.

mod alter;
mod calls;
mod create;
mod data;
mod drop;
mod session;
mod types;
mod words;

pub(crate) use calls::is_steady;
pub(crate) use data::reaches_every_row;
use sqlparser::ast::Statement;
pub(crate) use types::fold;
pub use types::{Class, Classification, Effect, ObjectRef, Reason, Risk, StatementKind};

use crate::{Dialect, parse::parse};

/// The ledger that the agent keeps in a target database; no release may name it.
pub(crate) const LEDGER: &str = "muster_release_ledger";

/// Says what one statement does.
pub fn classify(dialect: Dialect, text: &str) -> Classification {
    classify_parsed(dialect, text, parse(dialect, text).as_ref())
}

/// The same, for a caller that has the tree already.
pub(crate) fn classify_parsed(dialect: Dialect, text: &str, tree: Option<&Statement>) -> Classification {
    let Some(words) = words::Words::of(dialect, text) else {
        let mut seen = unreadable();
        (seen.risk, seen.transactional) = (Risk::Unknown, false);
        return seen;
    };
    let refusal = words.refusal().or_else(|| words.unread_set(tree));
    let mut seen = if let Some(refusal) = refusal {
        let mut seen = Classification::of(StatementKind::Other, Class::Unknown);
        seen.refuse(refusal);
        seen
    } else if let Some(seen) = words.recognise() {
        seen
    } else if let Some(tree) = tree {
        from_tree(dialect, tree)
    } else {
        unreadable()
    };
    if text.contains(hides) {
        seen.because(
            Risk::Unknown,
            "it holds characters that are not seen or turn round what stands beside them: it may be something else than it looks like",
        );
    }
    seen.transactional = match dialect {
        Dialect::Postgres => !words.outside_transactions(),
        Dialect::MySql => matches!(seen.class, Class::Data | Class::Read),
    };
    seen.risk = seen
        .reasons
        .iter()
        .map(|reason| reason.risk)
        .max()
        .unwrap_or(Risk::Safe);
    seen
}

/// Characters that make a text look like another one: controls of a terminal, and of the direction of writing (the marks that
/// right-to-left writing needs are none of them).
const fn hides(c: char) -> bool {
    let is_space = matches!(c, '\t' | '\n' | '\u{b}' | '\u{c}' | '\r');
    let steers = matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}');
    let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (steers && !is_space)
}

fn unreadable() -> Classification {
    let mut seen = Classification::of(StatementKind::Other, Class::Unknown);
    seen.because(
        Risk::Unknown,
        "the statement can't be read, so what it does is unknown",
    );
    seen
}

fn from_tree(dialect: Dialect, tree: &Statement) -> Classification {
    let mut seen = data::classify(dialect, tree)
        .or_else(|| create::classify(dialect, tree))
        .or_else(|| alter::classify(dialect, tree))
        .or_else(|| drop::classify(dialect, tree))
        .or_else(|| session::classify(dialect, tree))
        .unwrap_or_else(unreadable);
    calls::look_inside(dialect, tree, &mut seen);
    seen
}

#[cfg(test)]
mod tests;
