//! Locks that are held while a whole table is read or an index is built.

use sqlparser::{
    ast::{AlterColumnOperation, AlterTable, AlterTableOperation as Op, Spanned as _, Statement},
    tokenizer::Span,
};

use super::{Context, Rule, Severity};
use crate::Dialect;

pub(super) const INDEX_NOT_CONCURRENT: Rule = Rule {
    name: "index-not-concurrent",
    severity: Severity::Warning,
    check: index_not_concurrent,
};

pub(super) const SET_NOT_NULL: Rule = Rule {
    name: "set-not-null",
    severity: Severity::Warning,
    check: set_not_null,
};

fn index_not_concurrent(context: &Context<'_>, report: &mut dyn FnMut(Span, String)) {
    if let (Dialect::Postgres, Some(Statement::CreateIndex(index))) = (context.dialect, context.tree)
        && !index.concurrently
    {
        report(
            index.table_name.span(),
            "building this index blocks writes to its table; write CREATE INDEX CONCURRENTLY".into(),
        );
    }
}

fn set_not_null(context: &Context<'_>, report: &mut dyn FnMut(Span, String)) {
    let Some(Statement::AlterTable(AlterTable { operations, .. })) = context.tree else {
        return;
    };
    for op in operations {
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
