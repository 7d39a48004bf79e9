//! The ledger table on PostgreSQL.

use muster_base::point;
use sqlx::AssertSqlSafe;

use super::{
    super::{
        SqlContext, SqlError,
        decide::State,
        error::bookkeeping,
        ledger::{Row, StepResult, StoredRow, json},
        wait::answer,
    },
    SqlSpec, Step,
    session::Session,
};

impl Session {
    /// Makes the ledger where it is missing.
    pub(super) async fn ensure_ledger(&mut self) -> Result<(), SqlError> {
        if self.has_ledger().await? {
            return Ok(());
        }
        let sql = format!(
            "create table if not exists {} (
                release_id text not null,
                first_step bigint not null,
                last_step bigint not null,
                version text not null,
                sql_sha256 text not null,
                status text not null,
                order_id text not null,
                before_state text,
                after_state text,
                results text,
                error text,
                started_at_ms bigint not null,
                ended_at_ms bigint,
                primary key (release_id, first_step)
            )",
            self.ledger
        );
        let making = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.conn);
        answer(self.limits.answer(), making)
            .await
            .map_err(|error| bookkeeping(&error))?;
        point!("sql.ledger-made");
        Ok(())
    }

    pub(super) async fn has_ledger(&mut self) -> Result<bool, SqlError> {
        let found = sqlx::query_scalar("select to_regclass($1) is not null")
            .bind(self.ledger.clone())
            .fetch_one(&mut self.conn);
        answer(self.limits.answer(), found)
            .await
            .map_err(|error| bookkeeping(&error))
    }

    /// What it knows of the release.
    pub(super) async fn ledger_rows(&mut self, spec: &SqlSpec) -> Result<Vec<Row>, SqlError> {
        let sql = format!(
            "select first_step, last_step, sql_sha256, status, before_state, results, ended_at_ms
             from {} where release_id = $1 order by first_step",
            self.ledger
        );
        let reading = sqlx::query_as(AssertSqlSafe(sql))
            .bind(spec.release.to_string())
            .fetch_all(&mut self.conn);
        let stored: Vec<StoredRow> = answer(self.limits.answer(), reading)
            .await
            .map_err(|error| bookkeeping(&error))?;
        stored.into_iter().map(|row| Row::read(row, spec)).collect()
    }

    /// Writes that `steps` begin (`before` is what the catalogue says now), in whatever transaction is open.
    pub(super) async fn ledger_start(
        &mut self,
        ctx: &SqlContext,
        spec: &SqlSpec,
        steps: &[Step],
        before: Option<&State>,
    ) -> Result<(), sqlx::Error> {
        let sql = format!(
            "insert into {} as l (release_id, first_step, last_step, version, sql_sha256, status, order_id,
                before_state, started_at_ms)
             values ($1, $2, $3, $4, $5, 'starting', $6, $7, $8)
             on conflict (release_id, first_step) do update set
                status = 'starting', order_id = excluded.order_id, before_state = excluded.before_state,
                after_state = null, results = null, error = null,
                started_at_ms = excluded.started_at_ms, ended_at_ms = null
             where l.status <> 'done'",
            self.ledger
        );
        let writing = sqlx::query(AssertSqlSafe(sql))
            .bind(spec.release.to_string())
            .bind(step_number(steps[0].index))
            .bind(step_number(steps[steps.len() - 1].index))
            .bind(&spec.version)
            .bind(hex::encode(spec.sql_sha256))
            .bind(ctx.order.to_string())
            .bind(before.map(json))
            .bind(ctx.clock.now().0)
            .execute(&mut self.conn);
        point!("sql.ledger-start.before");
        let written = answer(self.limits.answer(), writing).await?;
        point!("sql.ledger-start.after");
        // Somebody else did it while we looked away: the lock must have been lost. Never do it again.
        if written.rows_affected() == 1 {
            Ok(())
        } else {
            Err(sqlx::Error::RowNotFound)
        }
    }

    /// Writes that the steps from `first` on ended.
    pub(super) async fn ledger_end(
        &mut self,
        ctx: &SqlContext,
        spec: &SqlSpec,
        first: usize,
        end: End<'_>,
    ) -> Result<(), sqlx::Error> {
        let sql = format!(
            "update {} set status = $3, results = $4, after_state = $5, error = $6, ended_at_ms = $7
             where release_id = $1 and first_step = $2",
            self.ledger
        );
        let (status, results, after, error) = match end {
            End::Done { results, after } => ("done", Some(json(&results)), after.map(json), None),
            End::Failed(error) => ("failed", None, None, Some(error)),
        };
        let writing = sqlx::query(AssertSqlSafe(sql))
            .bind(spec.release.to_string())
            .bind(step_number(first))
            .bind(status)
            .bind(results)
            .bind(after)
            .bind(error)
            .bind(ctx.clock.now().0)
            .execute(&mut self.conn);
        point!("sql.ledger-end.before");
        let written = answer(self.limits.answer(), writing).await?;
        point!("sql.ledger-end.after");
        if written.rows_affected() == 1 {
            Ok(())
        } else {
            Err(sqlx::Error::RowNotFound)
        }
    }
}

/// How steps ended.
pub(super) enum End<'a> {
    Done {
        results: &'a [StepResult],
        after: Option<&'a State>,
    },
    Failed(&'a str),
}

fn step_number(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}
