//! Rows lost or overwritten wholesale.

use sqlparser::{ast::Statement, tokenizer::Span};

use super::{Context, Rule, Severity};
use crate::{StatementKind, classify::reaches_every_row};

pub(super) const DML_WITHOUT_WHERE: Rule = Rule {
    name: "dml-without-where",
    severity: Severity::Error,
    check: dml_without_where,
};

pub(super) const TRUNCATE: Rule = Rule {
    name: "truncate",
    severity: Severity::Error,
    check: truncate,
};

fn dml_without_where(context: &Context<'_>, report: &mut dyn FnMut(Span, String)) {
    let Some(tree) = context.tree else { return };
    if reaches_every_row(tree) {
        let what = match tree {
            Statement::Update(_) => "UPDATE overwrites",
            _ => "DELETE deletes",
        };
        report(
            Span::empty(),
            format!("{what} every row: its condition names no column; say which rows are meant"),
        );
    }
}

fn truncate(context: &Context<'_>, report: &mut dyn FnMut(Span, String)) {
    if context.seen.kind == StatementKind::Truncate {
        for table in &context.seen.objects {
            report(Span::empty(), format!("TRUNCATE deletes every row of {table}"));
        }
    }
}
