//! An index that is built while writing waits (PostgreSQL).

use sqlparser::{
    ast::{Spanned as _, Statement},
    tokenizer::Span,
};

use crate::{
    Dialect,
    lint::{Check, Context, Rule, Severity},
};

pub(in crate::lint) const INDEX_NOT_CONCURRENT: Rule = Rule {
    name: "index-not-concurrent",
    severity: Some(Severity::Warning),
    check: Check::Tree(check),
};

fn check(context: &Context<'_>, report: &mut dyn FnMut(Span, String)) {
    if let (Dialect::Postgres, Some(Statement::CreateIndex(index))) = (context.dialect, context.tree)
        && !index.concurrently
    {
        report(
            index.table_name.span(),
            "building this index blocks writes to its table; write CREATE INDEX CONCURRENTLY".into(),
        );
    }
}
