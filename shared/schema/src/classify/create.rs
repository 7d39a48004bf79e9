//! `CREATE …`, `COMMENT ON` and grants.

use sqlparser::ast::{CreateIndex, CreateTable, CreateView, ObjectName, SchemaName, Statement};

use super::{Class, Classification, Effect, ObjectRef, Risk, StatementKind};
use crate::Dialect;

pub(super) fn classify(dialect: Dialect, tree: &Statement) -> Option<Classification> {
    let made = |kind, name: &ObjectName| {
        let mut seen = Classification::of(kind, Class::Definition);
        seen.touch(ObjectRef::of(dialect, name));
        seen
    };
    let seen = match tree {
        Statement::CreateTable(table) => create_table(dialect, table),
        Statement::CreateIndex(index) => create_index(dialect, index),
        Statement::CreateView(view) => create_view(dialect, view),
        Statement::CreateSequence { name, .. } => made(StatementKind::CreateSequence, name),
        Statement::CreateType { name, .. } => made(StatementKind::CreateType, name),
        Statement::CreateDomain(domain) => made(StatementKind::CreateType, &domain.name),
        Statement::CreateSchema { schema_name, .. } => match schema_name {
            SchemaName::Simple(name) | SchemaName::NamedAuthorization(name, _) => {
                made(StatementKind::CreateSchema, name)
            }
            SchemaName::UnnamedAuthorization(_) => {
                Classification::of(StatementKind::CreateSchema, Class::Definition)
            }
        },
        Statement::CreateDatabase {
            db_name, or_replace, ..
        } => {
            let mut seen = Classification::of(StatementKind::CreateDatabase, Class::Definition);
            seen.effects.push(Effect::Database {
                name: ObjectRef::of(dialect, db_name).name,
                present: true,
            });
            seen.because(
                Risk::Warning,
                "makes a database beside the one the release is for",
            );
            if *or_replace {
                seen.because(
                    Risk::Destructive,
                    "CREATE OR REPLACE drops the database that is there",
                );
            }
            seen
        }
        Statement::CreateExtension(_) => {
            let mut seen = Classification::of(StatementKind::CreateExtension, Class::Definition);
            seen.because(Risk::Warning, "an extension runs its own code in the server");
            seen
        }
        Statement::CreateFunction(function) => routine(made(StatementKind::CreateRoutine, &function.name)),
        Statement::CreateProcedure { name, .. } => routine(made(StatementKind::CreateRoutine, name)),
        Statement::CreateTrigger(trigger) => {
            let mut seen = made(StatementKind::CreateTrigger, &trigger.table_name);
            seen.because(
                Risk::Warning,
                "the trigger runs with each change of the table from now on",
            );
            seen
        }
        Statement::Comment { object_name, .. } => made(StatementKind::Comment, object_name),
        Statement::Grant(_)
        | Statement::Revoke(_)
        | Statement::CreateRole(_)
        | Statement::CreatePolicy(_)
        | Statement::AlterPolicy(_)
        | Statement::DropPolicy(_) => {
            let mut seen = Classification::of(StatementKind::Permission, Class::Definition);
            seen.because(Risk::Warning, "changes who may do what");
            seen
        }
        _ => return None,
    };
    Some(seen)
}

fn routine(mut seen: Classification) -> Classification {
    seen.because(
        Risk::Warning,
        "what the routine's body does when it is called is not read",
    );
    seen
}

fn create_table(dialect: Dialect, table: &CreateTable) -> Classification {
    let name = ObjectRef::of(dialect, &table.name);
    let mut seen = Classification::of(StatementKind::CreateTable, Class::Definition);
    seen.touch(name.clone());
    if table.or_replace {
        seen.because(
            Risk::Destructive,
            format!("CREATE OR REPLACE drops the table {name} that is there"),
        );
    }
    if table.query.is_some() {
        seen.because(
            Risk::Warning,
            "copies the result of a query, which takes as long as that does",
        );
    }
    if table.partition_of.is_some() {
        seen.because(
            Risk::Warning,
            "locks the parent table while the partition is added",
        );
    }
    if table.temporary {
        // It is gone with the session, so nothing can be looked up afterwards.
        seen.class = Class::Session;
        seen.objects.clear();
        return seen;
    }
    seen.effects.push(Effect::Relation { name, present: true });
    seen
}

fn create_index(dialect: Dialect, index: &CreateIndex) -> Classification {
    let table = ObjectRef::of(dialect, &index.table_name);
    let mut seen = Classification::of(StatementKind::CreateIndex, Class::Definition);
    if !index.concurrently {
        seen.because(
            Risk::Warning,
            format!("building the index blocks writes to {table}, or slows them, until it is done"),
        );
    }
    if index.unique {
        seen.because(Risk::Warning, "fails if rows that are there have equal values");
    }
    if let Some(name) = &index.name {
        seen.effects.push(Effect::Index {
            table: Some(table.clone()),
            index: ObjectRef::of(dialect, name),
            present: true,
        });
    }
    seen.touch(table);
    seen
}

fn create_view(dialect: Dialect, view: &CreateView) -> Classification {
    let name = ObjectRef::of(dialect, &view.name);
    let mut seen = Classification::of(StatementKind::CreateView, Class::Definition);
    if view.or_replace {
        seen.because(Risk::Warning, "replaces the view that is there");
    }
    if view.materialized {
        seen.because(
            Risk::Warning,
            "computes the whole view, which takes as long as its query does",
        );
    }
    seen.touch(name.clone());
    seen.effects.push(Effect::Relation { name, present: true });
    seen
}
