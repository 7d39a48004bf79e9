//! What stands inside a statement: functions that it calls, statements in its `WITH` clauses.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, Ident, ObjectName, Query, SetExpr, Statement, TableFactor, Visit, Visitor,
};

use super::{Class, Classification, Risk, StatementKind, data, fold};
use crate::Dialect;

/// Adds what is found inside to what is known of the whole.
pub(super) fn look_inside(dialect: Dialect, tree: &Statement, seen: &mut Classification) {
    // A view's or routine's functions are called later, by those who use it; a materialised view's now.
    let is_materialised = matches!(tree, Statement::CreateView(view) if view.materialized);
    let calls_now = is_materialised
        || !matches!(
            seen.kind,
            StatementKind::CreateView
                | StatementKind::CreateRoutine
                | StatementKind::CreateTrigger
                | StatementKind::Permission
        );
    let mut look = Look {
        dialect,
        calls_now,
        seen,
    };
    let flow = tree.visit(&mut look);
    debug_assert!(flow.is_continue());
}

struct Look<'a> {
    dialect: Dialect,
    calls_now: bool,
    seen: &'a mut Classification,
}

impl Look<'_> {
    fn call(&mut self, name: &ObjectName) {
        let ident = name.0.last().and_then(|part| part.as_ident());
        let own = ident
            .map(|ident| ident.value.to_ascii_lowercase())
            .unwrap_or_default();
        let schema_is_plain = match name.0.as_slice() {
            [_] => true,
            [schema, _] => {
                self.dialect == Dialect::Postgres
                    && schema
                        .as_ident()
                        .is_some_and(|ident| fold(self.dialect, ident) == "pg_catalog")
            }
            _ => false,
        };
        if REFUSED.contains(&own.as_str())
            || own.starts_with("pg_advisory_")
            || own.starts_with("pg_try_advisory_")
        {
            self.seen.refuse(format!(
                "{own}() reaches into the agent's own session; leave it out"
            ));
        } else if self.calls_now && schema_is_plain && own == "setval" {
            self.seen.because(
                Risk::Warning,
                "sets a sequence's count, and a wrong one makes keys collide",
            );
        } else if self.calls_now
            && !(schema_is_plain && ident.is_some_and(|ident| is_harmless(self.dialect, ident)))
        {
            self.seen.because(
                Risk::Unknown,
                format!("calls {own}(), and what that does can't be read here"),
            );
        }
    }
}

impl Visitor for Look<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Function(function) => self.call(&function.name),
            Expr::BinaryOp {
                op: BinaryOperator::PGCustomBinaryOperator(parts),
                ..
            } if self.calls_now && parts.first().is_none_or(|schema| schema != "pg_catalog") => {
                self.seen.because(
                    Risk::Unknown,
                    "uses an operator of another schema, and what that calls can't be read here",
                );
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table {
                name, args: Some(_), ..
            }
            | TableFactor::Function { name, .. } => self.call(name),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if let SetExpr::Insert(inner)
        | SetExpr::Update(inner)
        | SetExpr::Delete(inner)
        | SetExpr::Merge(inner) = &*query.body
        {
            // A statement that changes rows within a query: `with gone as (delete …) select …`.
            if let Some(inner) = data::classify(self.dialect, inner) {
                self.seen.reasons.extend(inner.reasons);
            }
            if self.seen.class == Class::Read {
                self.seen.class = Class::Data;
            }
        }
        ControlFlow::Continue(())
    }
}

/// Whether the server itself has a function of that name, which is harmless. One that only the other kind of server has is
/// somebody's own here.
fn is_harmless(dialect: Dialect, own: &Ident) -> bool {
    let (name, missing) = match dialect {
        // A quoted name keeps its letters, and `"Now"` is not the server's `now`.
        Dialect::Postgres => (fold(dialect, own), NOT_IN_POSTGRES),
        // A quoted name is no built-in function's: the server looks for one that somebody stored.
        Dialect::MySql if own.quote_style.is_some() => return false,
        Dialect::MySql => (own.value.to_ascii_lowercase(), NOT_IN_MYSQL),
    };
    HARMLESS.contains(&name.as_str()) && !missing.contains(&name.as_str())
}

/// Whether a function is known, and says the same each time that it is asked in one transaction. MySQL's `now()` does where its
/// session's `timestamp` is set.
pub(crate) fn is_steady(dialect: Dialect, name: &ObjectName) -> bool {
    let [own] = name.0.as_slice() else { return false };
    own.as_ident().is_some_and(|own| {
        let name = own.value.to_ascii_lowercase();
        is_harmless(dialect, own) && !UNSTEADY.contains(&name.as_str())
    })
}

/// Harmless, and something else each time. Sorted.
const UNSTEADY: &[&str] = &[
    "clock_timestamp",
    "currval",
    "gen_random_uuid",
    "last_insert_id",
    "lastval",
    "nextval",
    "rand",
    "random",
    "statement_timestamp",
    "uuid",
    "version",
];

/// These would undo what the agent relies on: its locks, its time limits, its session.
const REFUSED: &[&str] = &[
    "get_lock",
    "pg_cancel_backend",
    "pg_terminate_backend",
    "release_all_locks",
    "release_lock",
    "set_config",
];

/// Built-in functions and aggregates that change nothing and reach nothing outside the statement. Sorted.
const HARMLESS: &[&str] = &[
    "abs",
    "age",
    "array_agg",
    "array_append",
    "array_cat",
    "array_length",
    "array_position",
    "array_remove",
    "array_to_string",
    "ascii",
    "avg",
    "bit_and",
    "bit_or",
    "bool_and",
    "bool_or",
    "btrim",
    "cardinality",
    "cast",
    "ceil",
    "ceiling",
    "char_length",
    "character_length",
    "chr",
    "clock_timestamp",
    "coalesce",
    "concat",
    "concat_ws",
    "convert",
    "count",
    "curdate",
    "current_date",
    "current_time",
    "current_timestamp",
    "currval",
    "curtime",
    "date",
    "date_add",
    "date_bin",
    "date_format",
    "date_part",
    "date_sub",
    "date_trunc",
    "datediff",
    "day",
    "decode",
    "dense_rank",
    "encode",
    "every",
    "exp",
    "extract",
    "field",
    "find_in_set",
    "first_value",
    "floor",
    "format",
    "from_unixtime",
    "gen_random_uuid",
    "generate_series",
    "get_byte",
    "greatest",
    "group_concat",
    "hex",
    "hour",
    "if",
    "ifnull",
    "initcap",
    "isnull",
    "json_agg",
    "json_array",
    "json_array_elements",
    "json_build_array",
    "json_build_object",
    "json_extract",
    "json_object",
    "json_set",
    "json_unquote",
    "json_valid",
    "jsonb_agg",
    "jsonb_array_elements",
    "jsonb_array_length",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_object_agg",
    "jsonb_set",
    "jsonb_strip_nulls",
    "lag",
    "last_insert_id",
    "last_value",
    "lastval",
    "lcase",
    "lead",
    "least",
    "left",
    "length",
    "ln",
    "localtime",
    "localtimestamp",
    "locate",
    "log",
    "lower",
    "lpad",
    "ltrim",
    "make_date",
    "max",
    "md5",
    "mid",
    "min",
    "minute",
    "mod",
    "month",
    "nextval",
    "now",
    "ntile",
    "nullif",
    "octet_length",
    "overlay",
    "percentile_cont",
    "percentile_disc",
    "pg_typeof",
    "position",
    "power",
    "quarter",
    "rand",
    "random",
    "rank",
    "regexp_match",
    "regexp_replace",
    "repeat",
    "replace",
    "reverse",
    "right",
    "round",
    "row_number",
    "row_to_json",
    "rpad",
    "rtrim",
    "second",
    "sha2",
    "sign",
    "split_part",
    "sqrt",
    "starts_with",
    "statement_timestamp",
    "stddev",
    "str_to_date",
    "string_agg",
    "string_to_array",
    "strpos",
    "substr",
    "substring",
    "substring_index",
    "sum",
    "time",
    "timestamp",
    "timestampdiff",
    "to_char",
    "to_date",
    "to_json",
    "to_jsonb",
    "to_number",
    "to_timestamp",
    "to_tsquery",
    "to_tsvector",
    "transaction_timestamp",
    "translate",
    "trim",
    "trunc",
    "truncate",
    "ucase",
    "unhex",
    "unix_timestamp",
    "unnest",
    "upper",
    "utc_timestamp",
    "uuid",
    "values",
    "variance",
    "version",
    "week",
    "weekday",
    "year",
];

/// Of those, what PostgreSQL does not have: MySQL's and MariaDB's. Sorted.
const NOT_IN_POSTGRES: &[&str] = &[
    "curdate",
    "curtime",
    "date_add",
    "date_format",
    "date_sub",
    "datediff",
    "day",
    "field",
    "find_in_set",
    "from_unixtime",
    "group_concat",
    "hex",
    "hour",
    "if",
    "ifnull",
    "isnull",
    "json_array",
    "json_extract",
    "json_set",
    "json_unquote",
    "json_valid",
    "last_insert_id",
    "lcase",
    "locate",
    "mid",
    "minute",
    "month",
    "quarter",
    "rand",
    "second",
    "sha2",
    "str_to_date",
    "substring_index",
    "timestampdiff",
    "truncate",
    "ucase",
    "unhex",
    "unix_timestamp",
    "utc_timestamp",
    "uuid",
    "values",
    "week",
    "weekday",
    "year",
];

/// Of those, what MySQL and MariaDB don't both have: PostgreSQL's, mostly. Sorted.
const NOT_IN_MYSQL: &[&str] = &[
    "age",
    "array_agg",
    "array_append",
    "array_cat",
    "array_length",
    "array_position",
    "array_remove",
    "array_to_string",
    "bool_and",
    "bool_or",
    "btrim",
    "cardinality",
    "chr",
    "clock_timestamp",
    "currval",
    "date_bin",
    "date_part",
    "date_trunc",
    "decode",
    "encode",
    "every",
    "gen_random_uuid",
    "generate_series",
    "get_byte",
    "initcap",
    "json_agg",
    "json_array_elements",
    "json_build_array",
    "json_build_object",
    "jsonb_agg",
    "jsonb_array_elements",
    "jsonb_array_length",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_object_agg",
    "jsonb_set",
    "jsonb_strip_nulls",
    "lastval",
    "make_date",
    "nextval",
    "overlay",
    "percentile_cont",
    "percentile_disc",
    "pg_typeof",
    "random",
    "regexp_match",
    "row_to_json",
    "split_part",
    "starts_with",
    "statement_timestamp",
    "string_agg",
    "string_to_array",
    "strpos",
    "to_char",
    "to_date",
    "to_json",
    "to_jsonb",
    "to_number",
    "to_timestamp",
    "to_tsquery",
    "to_tsvector",
    "transaction_timestamp",
    "translate",
    "trunc",
    "unnest",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted() {
        assert!(HARMLESS.is_sorted());
        assert!(REFUSED.is_sorted());
        assert!(UNSTEADY.is_sorted());
        for missing in [NOT_IN_POSTGRES, NOT_IN_MYSQL] {
            assert!(missing.is_sorted());
            assert!(missing.iter().all(|name| HARMLESS.contains(name)));
        }
    }
}
