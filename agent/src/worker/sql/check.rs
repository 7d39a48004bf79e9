//! What the worker finds out by itself about the statements before it connects to anything: it believes neither the
//! resident nor the control plane what they are.

use std::time::Duration;

use muster_base::sha256;
use muster_protocol::latest::{DbDialect, SqlGuard, SqlSpec};
use muster_schema::{Classification, Dialect, canonical, classify, split};

use super::{
    SqlError,
    guard::{self, Guard},
};

/// A statement may take no longer than this, whatever the order says.
const MAX_TIMEOUT: Duration = Duration::from_hours(24);

/// The release, read.
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    pub(super) lock_timeout: Duration,
    pub(super) statement_timeout: Duration,
}

/// One statement, read.
pub(super) struct Step {
    pub(super) index: usize,
    pub(super) sql: String,
    pub(super) seen: Classification,
    /// Can share a transaction with its neighbours.
    pub(super) transactional: bool,
    /// What it is held to.
    pub(super) guard: Option<Guard>,
}

impl Step {
    /// As people count.
    pub(super) const fn number(&self) -> usize {
        self.index + 1
    }
}

/// The highest risk in the release: what was claimed or what is found here, whichever is higher
/// (0 safe, 1 warning, 2 destructive, 3 unknown). For the local policy's ceiling.
pub fn effective_risk(spec: &SqlSpec) -> u8 {
    let dialect = dialect(spec.target.dialect);
    let risks = spec
        .statements
        .iter()
        .map(|statement| statement.risk.max(classify(dialect, &statement.sql).risk.as_u8()));
    risks.max().unwrap_or(0)
}

/// The risk of a statement as it is read here (0 safe, 1 warning, 2 destructive, 3 unknown).
pub fn risk_of(target: DbDialect, sql: &str) -> u8 {
    classify(dialect(target), sql).risk.as_u8()
}

/// Reads every statement again; refuses what is not as approved or can't be run.
pub(super) fn check(spec: &SqlSpec, guards: &[SqlGuard]) -> Result<Plan, SqlError> {
    let text = canonical(spec.statements.iter().map(|statement| statement.sql.as_str()));
    if sha256(text.as_bytes()).0 != spec.sql_sha256 {
        return Err(SqlError::Unsound(
            "its statements are not the approved text (the SHA-256 differs)".into(),
        ));
    }
    if spec.statements.is_empty() {
        return Err(SqlError::Unsound("it holds no statement".into()));
    }
    let dialect = dialect(spec.target.dialect);
    let mut steps = Vec::with_capacity(spec.statements.len());
    for (index, statement) in spec.statements.iter().enumerate() {
        let unsound = |why: &str| SqlError::Unsound(format!("statement {}: {why}", index + 1));
        if !is_single(dialect, &statement.sql) {
            return Err(unsound("it is not exactly one statement"));
        }
        let seen = classify(dialect, &statement.sql);
        if let Some(why) = &seen.refused {
            return Err(unsound(why));
        }
        steps.push(Step {
            index,
            sql: statement.sql.clone(),
            transactional: statement.transactional && seen.transactional,
            seen,
            guard: None,
        });
    }
    guard::attach(spec, guards, &mut steps)?;
    let limit = |ms: u64| Duration::from_millis(ms).clamp(Duration::from_millis(1), MAX_TIMEOUT);
    Ok(Plan {
        steps,
        lock_timeout: limit(spec.lock_timeout_ms),
        statement_timeout: limit(spec.statement_timeout_ms),
    })
}

/// One statement and nothing else; a routine's body holds semicolons, which only a client's `DELIMITER` can show.
fn is_single(dialect: Dialect, sql: &str) -> bool {
    let whole = |text: &str| matches!(split(dialect, text).as_deref(), Ok([one]) if one.text.contains(sql));
    match dialect {
        Dialect::Postgres => whole(sql),
        Dialect::MySql => {
            let routine = classify(dialect, sql).class != muster_schema::Class::Data
                && sql
                    .get(..6)
                    .is_some_and(|word| word.eq_ignore_ascii_case("create"));
            whole(sql) || (routine && whole(&format!("delimiter {DELIMITER}\n{sql}{DELIMITER}")))
        }
    }
}

/// Nobody writes this.
const DELIMITER: &str = "@@muster-end@@";

pub(super) const fn dialect(dialect: DbDialect) -> Dialect {
    match dialect {
        DbDialect::MySql => Dialect::MySql,
        DbDialect::Postgres => Dialect::Postgres,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::sql::testing::spec;

    #[test]
    fn approved_statements_pass() {
        let spec = spec(DbDialect::Postgres, &["create table t (id int)", "vacuum t"]);
        let plan = check(&spec, &[]).unwrap();
        assert!(plan.steps[0].transactional && !plan.steps[1].transactional);
    }

    #[test]
    fn other_statements_than_approved_are_refused() {
        let mut spec = spec(DbDialect::Postgres, &["select 1"]);
        spec.statements[0].sql = "select 2".into();
        assert!(matches!(check(&spec, &[]), Err(SqlError::Unsound(why)) if why.contains("SHA-256")));
    }

    #[test]
    fn smuggled_and_forbidden_statements_are_refused() {
        for (dialect, sql) in [
            (DbDialect::MySql, "select 1; drop table t"),
            (DbDialect::MySql, "insert into t values (1); drop table t"),
            (DbDialect::Postgres, "select 1; drop table t"),
            (DbDialect::Postgres, "commit"),
            (DbDialect::MySql, "set names gbk"),
            (DbDialect::MySql, "select 1 /*! ; drop table t */"),
        ] {
            assert!(check(&spec(dialect, &[sql]), &[]).is_err(), "{sql}");
        }
    }

    #[test]
    fn a_routine_is_one_statement() {
        let sql = "create procedure p()\nbegin\n select 1;\n select 2;\nend";
        assert!(check(&spec(DbDialect::MySql, &[sql]), &[]).is_ok());
    }

    #[test]
    fn a_risk_that_was_played_down_counts_as_found() {
        let mut spec = spec(DbDialect::MySql, &["drop table t"]);
        spec.statements[0].risk = 0;
        assert_eq!(effective_risk(&spec), 2);
        spec.statements[0].risk = 3;
        assert_eq!(effective_risk(&spec), 3);
    }
}
