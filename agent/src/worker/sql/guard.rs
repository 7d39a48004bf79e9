//! What holds a statement that changes rows in: a limit of how many it may touch, and a copy of them that is kept before.
//!
//! Both are in one transaction with the statement and its ledger row, so that either all of it is there or nothing:
//!
//! - The **copy** is made by the statement's own table and condition ([`muster_schema::row_change`]) and must hold as many rows
//!   as the statement then touches. PostgreSQL: the transaction sees one state (repeatable read), so that both see the same rows;
//!   a row that somebody else changed meanwhile ends it, and it is tried again. MySQL: the copy's table is made before, since
//!   that commits; filling it locks the rows (serializable), and `now()` stands still. If nothing comes of it, that table goes again.
//! - The **limit** is held against what the server says the statement touched. A table of MySQL without transactions can't be put
//!   back: its rows are counted before, and its rows are never kept.
//!
//! Rows of other tables that go along with these (`on delete cascade`, `set null`) are not in the copy, so such a statement is
//! refused. What a trigger does elsewhere is not seen here.
//!
//! What fails says the limit and the count, and that nothing of the statement stays.

use muster_protocol::latest::{DbDialect, SqlGuard, SqlSpec};
use muster_schema::{ASIDE, Dialect, RowChange, StatementKind, row_change};

use super::{SqlError, check::Step};

/// Characters of a table's name.
const MOST_NAME: usize = 64;

/// What a statement is held to.
#[derive(Debug)]
pub(super) struct Guard {
    /// It may touch no more rows than this.
    pub(super) max_rows: Option<u64>,
    /// Its rows are kept before.
    pub(super) keep: Option<Keep>,
    /// Which rows it touches, where that can be asked.
    pub(super) change: Option<RowChange>,
}

/// Where rows are kept.
#[derive(Debug)]
pub(super) struct Keep {
    pub(super) table: String,
    pub(super) change: RowChange,
}

/// Why a guarded statement did not go.
#[derive(Debug)]
pub(super) enum Stopped {
    /// The server refused something.
    Server(sqlx::Error),
    /// It would not be held in.
    Held(String),
}

impl From<sqlx::Error> for Stopped {
    fn from(error: sqlx::Error) -> Self {
        Self::Server(error)
    }
}

impl Guard {
    /// Reads a guard for its statement; the order's word for what the statement is counts nothing.
    pub(super) fn read(dialect: Dialect, step: &Step, guard: &SqlGuard) -> Result<Self, String> {
        if !matches!(step.seen.kind, StatementKind::Update | StatementKind::Delete) {
            return Err(
                "only UPDATE and DELETE can be held to a limit of rows, or have their rows kept".into(),
            );
        }
        let change = row_change(dialect, &step.sql);
        let keep = match (&guard.keep, &change) {
            (None, _) => None,
            (Some(table), _) if !table.starts_with(ASIDE) || table.chars().count() > MOST_NAME => {
                return Err(format!("rows are kept in a table whose name begins with {ASIDE}"));
            }
            (Some(table), Ok(Some(change))) => Some(Keep {
                table: table.clone(),
                change: change.clone(),
            }),
            (Some(_), Err(why)) => return Err(format!("its rows can't be kept: {why}")),
            (Some(_), Ok(None)) => return Err("it touches no rows that could be kept".into()),
        };
        Ok(Self {
            max_rows: guard.max_rows,
            keep,
            change: change.ok().flatten(),
        })
    }

    /// Whether so many rows are few enough, and as many as were kept.
    pub(super) fn judge(&self, rows: u64, kept: Option<u64>) -> Result<(), String> {
        self.within(rows)?;
        match kept {
            Some(kept) if kept != rows => Err(format!(
                "it touched {rows} rows, and {kept} were kept before: something else has a hand in it (a trigger, a \
                 rule, a view); propose it without keeping its rows, or change the condition"
            )),
            _ => Ok(()),
        }
    }

    /// Whether so many rows are few enough.
    pub(super) fn within(&self, rows: u64) -> Result<(), String> {
        match self.max_rows {
            Some(most) if rows > most => Err(format!(
                "it touches {rows} rows, and the limit is {most} (maxRows): make its condition narrower, or propose it \
                 with a higher limit"
            )),
            _ => Ok(()),
        }
    }

    /// What is said of the step when it is done.
    pub(super) fn said(&self, kept: Option<u64>) -> String {
        match (&self.keep, kept) {
            (Some(keep), Some(kept)) => format!("{kept} rows as they were before are kept in {}", keep.table),
            _ => String::new(),
        }
    }
}

impl Keep {
    /// What is to be said where other tables' rows go along: these tables and the columns that they refer to.
    pub(super) fn alone(&self, referring: &[(String, String)]) -> Result<(), String> {
        let touched = |column: &str| {
            self.change.deletes
                || (self.change.assigned.iter()).any(|assigned| assigned.eq_ignore_ascii_case(column))
        };
        match referring.iter().find(|(_, column)| touched(column)) {
            Some((table, _)) => Err(format!(
                "no backup possible: rows of {table} change along with it (a foreign key with CASCADE or SET NULL), and \
                 they would not be kept; change those by a statement of their own before"
            )),
            None => Ok(()),
        }
    }
}

/// Puts each guard to its statement.
pub(super) fn attach(spec: &SqlSpec, guards: &[SqlGuard], steps: &mut [Step]) -> Result<(), SqlError> {
    let dialect = match spec.target.dialect {
        DbDialect::Postgres => Dialect::Postgres,
        DbDialect::MySql => Dialect::MySql,
    };
    for guard in guards {
        let number = u64::from(guard.statement) + 1;
        let unsound = |why: String| SqlError::Unsound(format!("statement {number}: {why}"));
        let step = usize::try_from(guard.statement)
            .ok()
            .and_then(|nth| steps.get_mut(nth))
            .ok_or_else(|| unsound("what it is to be held in is not there".into()))?;
        if step.guard.is_some() {
            return Err(unsound("it is held in twice".into()));
        }
        if dialect == Dialect::Postgres && !step.transactional {
            return Err(unsound(
                "it is to be held in, and not to run in a transaction".into(),
            ));
        }
        step.guard = Some(Guard::read(dialect, step, guard).map_err(unsound)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::sql::{check::check, testing::spec};

    fn guard(max_rows: Option<u64>, keep: Option<&str>) -> SqlGuard {
        SqlGuard {
            statement: 0,
            max_rows,
            keep: keep.map(str::to_owned),
        }
    }

    #[test]
    fn what_can_not_be_held_in_is_not_begun() {
        for (sql, guard, why) in [
            ("insert into t values (1)", guard(Some(1), None), "only UPDATE"),
            ("delete from t where a = 1", guard(None, Some("t2")), "zz_aside_"),
            (
                "delete from t using u where t.a = u.a",
                guard(None, Some("zz_aside_1_t")),
                "joins other tables",
            ),
        ] {
            let error = check(&spec(DbDialect::Postgres, &[sql]), &[guard]).err().unwrap();
            assert!(error.to_string().contains(why), "{error}");
        }
        let spec = spec(DbDialect::Postgres, &["delete from t"]);
        assert!(check(&spec, &[guard(None, None), guard(None, None)]).is_err());
        // A join can be held to a limit by what the server says it touched.
        assert!(check(&spec, &[guard(Some(3), None)]).is_ok());
    }
}
