//! Rows lost or overwritten wholesale.

use sqlparser::{ast::Statement, tokenizer::Span};

use crate::{
    classify::reaches_every_row,
    lint::{Check, Context, Rule, Severity},
};

pub(in crate::lint) const DML_WITHOUT_WHERE: Rule = Rule {
    name: "dml-without-where",
    severity: Some(Severity::Error),
    check: Check::Tree(check),
};

fn check(context: &Context<'_>, report: &mut dyn FnMut(Span, String)) {
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
