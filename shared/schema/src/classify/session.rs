//! `SET …`: what a release may set for its session, and what it may not.

use sqlparser::ast::{ContextModifier, Expr, ObjectName, Set, Statement};

use super::{Class, Classification, Risk, StatementKind};
use crate::Dialect;

pub(super) fn classify(dialect: Dialect, tree: &Statement) -> Option<Classification> {
    let Statement::Set(set) = tree else { return None };
    let mut seen = Classification::of(StatementKind::Set, Class::Session);
    match set {
        Set::SingleAssignment {
            scope,
            variable,
            values,
            ..
        } => {
            one(dialect, scope.as_ref(), variable, &mut seen);
            if dialect == Dialect::Postgres && is_search_path(variable) {
                search_path(values, &mut seen);
            }
        }
        Set::MultipleAssignments { assignments } => {
            for assignment in assignments {
                one(dialect, assignment.scope.as_ref(), &assignment.name, &mut seen);
            }
        }
        Set::SetTimeZone { .. } => {}
        Set::ParenthesizedAssignments { .. }
        | Set::SetSessionAuthorization(_)
        | Set::SetSessionParam(_)
        | Set::SetRole { .. }
        | Set::SetNames { .. }
        | Set::SetNamesDefault {}
        | Set::SetTransaction { .. } => {
            seen.refuse("this SET changes what the agent's own session relies on; leave it out");
        }
    }
    Some(seen)
}

fn is_search_path(variable: &ObjectName) -> bool {
    let last = variable.0.last().and_then(|part| part.as_ident());
    last.is_some_and(|ident| ident.value.eq_ignore_ascii_case("search_path"))
}

/// What names without a schema mean from here on. Where `pg_catalog` is named, what stands before it hides the server's own functions.
fn search_path(values: &[Expr], seen: &mut Classification) {
    seen.because(
        Risk::Warning,
        "names without a schema mean other tables and functions from here on",
    );
    let hides = |value: &Expr| value.to_string().to_ascii_lowercase().contains("pg_catalog");
    if values.iter().any(hides) {
        seen.because(
            Risk::Unknown,
            "functions of another schema may take the place of the server's own, and what they do can't be read here",
        );
    }
}

fn one(dialect: Dialect, scope: Option<&ContextModifier>, variable: &ObjectName, seen: &mut Classification) {
    let parts: Vec<String> = variable
        .0
        .iter()
        .filter_map(|part| part.as_ident())
        .map(|ident| ident.value.to_ascii_lowercase())
        .collect();
    let name = match parts.as_slice() {
        [scope, name] if scope == "@@session" || scope == "@@local" => name.as_str(),
        [name] => name.trim_start_matches("@@"),
        _ => "",
    };
    if dialect == Dialect::MySql && name.starts_with('@') && parts.len() == 1 {
        return;
    }
    let global = matches!(scope, Some(ContextModifier::Global));
    let allowed = match dialect {
        Dialect::Postgres => POSTGRES.contains(&name),
        Dialect::MySql => MYSQL.contains(&name),
    };
    if global || !allowed {
        let list = match dialect {
            Dialect::Postgres => POSTGRES,
            Dialect::MySql => MYSQL,
        };
        let list = list.join(", ");
        seen.refuse(format!(
            "a release may set only {list}, for its session; leave this one out"
        ));
    } else if name.ends_with("_checks") {
        seen.because(Risk::Warning, "switches off checks that keep the data consistent");
    }
}

const POSTGRES: &[&str] = &[
    "check_function_bodies",
    "maintenance_work_mem",
    "search_path",
    "timezone",
    "work_mem",
];
const MYSQL: &[&str] = &[
    "foreign_key_checks",
    "sort_buffer_size",
    "time_zone",
    "unique_checks",
];
