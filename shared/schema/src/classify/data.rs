//! Statements on rows: select, insert, update, delete, merge, truncate, explain.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Delete, Expr, FromTable, Insert, MergeClauseKind, ObjectName, OnInsert, SetExpr,
    Statement, TableFactor, TableObject, TableWithJoins, Update, visit_expressions, visit_relations,
};

use super::{Class, Classification, ObjectRef, Risk, StatementKind};
use crate::Dialect;

pub(super) fn classify(dialect: Dialect, tree: &Statement) -> Option<Classification> {
    let mut seen = match tree {
        Statement::Query(query) => {
            let mut seen = Classification::of(StatementKind::Select, Class::Read);
            if !query.locks.is_empty() {
                seen.because(
                    Risk::Warning,
                    "locks the rows it reads until the transaction ends",
                );
            }
            if select_into(&query.body) {
                seen.class = Class::Definition;
                seen.because(Risk::Warning, "SELECT … INTO makes a table of the result");
            }
            seen
        }
        Statement::Insert(insert) => classify_insert(insert),
        Statement::Update(update) => classify_update(update),
        Statement::Delete(delete) => classify_delete(delete),
        Statement::Merge(merge) => {
            let mut seen = Classification::of(StatementKind::Merge, Class::Data);
            if every_row(Some(&merge.on)) {
                seen.because(
                    Risk::Destructive,
                    "MERGE on a condition that every row meets reaches every row",
                );
            } else if merge
                .clauses
                .iter()
                .any(|clause| clause.clause_kind == MergeClauseKind::NotMatchedBySource)
            {
                seen.because(
                    Risk::Destructive,
                    "MERGE … NOT MATCHED BY SOURCE reaches every row that the other side does not have",
                );
            } else {
                seen.because(Risk::Warning, "MERGE overwrites or deletes the rows that match");
            }
            seen
        }
        Statement::Truncate(truncate) => {
            let mut seen = Classification::of(StatementKind::Truncate, Class::Definition);
            for target in &truncate.table_names {
                let table = ObjectRef::of(dialect, &target.name);
                seen.because(
                    Risk::Destructive,
                    format!("TRUNCATE deletes every row of {table}"),
                );
                seen.touch(table);
            }
            seen
        }
        Statement::Explain { statement, .. } => {
            let inner = classify(dialect, statement)?;
            let mut seen = Classification::of(StatementKind::Explain, inner.class);
            seen.reasons = inner.reasons;
            seen
        }
        _ => return None,
    };
    for relation in relations(tree) {
        seen.touch(ObjectRef::of(dialect, &relation));
    }
    Some(seen)
}

/// Whether an update or delete reaches every row: it has no condition, or one that looks at no column.
pub(crate) fn reaches_every_row(tree: &Statement) -> bool {
    match tree {
        Statement::Update(Update { selection, limit, .. }) => {
            limit.is_none() && every_row(selection.as_ref())
        }
        Statement::Delete(delete) => delete.limit.is_none() && every_row(delete.selection.as_ref()),
        _ => false,
    }
}

fn every_row(condition: Option<&Expr>) -> bool {
    condition.is_none_or(|condition| holds_for_every_row(condition, 0))
}

/// Whether every row meets the condition, as far as can be seen: what names no column is taken to hold, and so is what
/// compares a column to itself.
fn holds_for_every_row(condition: &Expr, depth: u8) -> bool {
    if depth > 100 {
        return true;
    }
    let holds = |of: &Expr| holds_for_every_row(of, depth + 1);
    match condition {
        Expr::Nested(inner) => holds(inner),
        Expr::BinaryOp { left, op, right } => match op {
            BinaryOperator::Or => holds(left) || holds(right),
            BinaryOperator::And => holds(left) && holds(right),
            BinaryOperator::Eq | BinaryOperator::LtEq | BinaryOperator::GtEq | BinaryOperator::Spaceship
                if left == right =>
            {
                true
            }
            _ => names_no_column(condition),
        },
        Expr::IsNotNull(inner) => matches!(**inner, Expr::Identifier(_) | Expr::CompoundIdentifier(_)),
        other => names_no_column(other),
    }
}

pub(super) fn names_no_column(condition: &Expr) -> bool {
    visit_expressions(condition, |expr| match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::CompoundFieldAccess { .. } => {
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    })
    .is_continue()
}

fn classify_insert(insert: &Insert) -> Classification {
    let mut seen = Classification::of(StatementKind::Insert, Class::Data);
    if insert.replace_into || insert.overwrite {
        seen.because(Risk::Warning, "REPLACE deletes the rows that have the same key");
    }
    if let Some(OnInsert::DuplicateKeyUpdate(_)) = insert.on {
        seen.because(Risk::Warning, "overwrites the rows that have the same key");
    }
    if let Some(OnInsert::OnConflict(conflict)) = &insert.on
        && matches!(conflict.action, sqlparser::ast::OnConflictAction::DoUpdate(_))
    {
        seen.because(Risk::Warning, "overwrites the rows that have the same key");
    }
    if !matches!(insert.table, TableObject::TableName(_)) {
        seen.because(Risk::Unknown, "what it inserts into can't be told");
    }
    seen
}

fn classify_update(update: &Update) -> Classification {
    let mut seen = Classification::of(StatementKind::Update, Class::Data);
    if update.limit.is_none() && every_row(update.selection.as_ref()) {
        seen.because(
            Risk::Destructive,
            "UPDATE without a condition on a column overwrites every row",
        );
    } else {
        seen.because(Risk::Warning, "UPDATE overwrites the rows that match");
    }
    seen
}

fn classify_delete(delete: &Delete) -> Classification {
    let mut seen = Classification::of(StatementKind::Delete, Class::Data);
    if delete.limit.is_none() && every_row(delete.selection.as_ref()) {
        seen.because(
            Risk::Destructive,
            "DELETE without a condition on a column deletes every row",
        );
    } else {
        seen.because(Risk::Warning, "DELETE deletes the rows that match");
    }
    seen
}

fn select_into(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => select.into.is_some(),
        SetExpr::Query(query) => select_into(&query.body),
        SetExpr::SetOperation { left, right, .. } => select_into(left) || select_into(right),
        _ => false,
    }
}

fn relations(tree: &Statement) -> Vec<ObjectName> {
    let mut found = Vec::new();
    let flow: ControlFlow<()> = visit_relations(tree, |name| {
        found.push(name.clone());
        ControlFlow::Continue(())
    });
    debug_assert!(flow.is_continue());
    if let Statement::Delete(Delete { from, tables, .. }) = tree {
        found.extend(tables.iter().cloned());
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = from;
        found.extend(from.iter().filter_map(table_name));
    }
    found
}

fn table_name(table: &TableWithJoins) -> Option<ObjectName> {
    match &table.relation {
        TableFactor::Table { name, .. } => Some(name.clone()),
        _ => None,
    }
}
