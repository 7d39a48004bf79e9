//! The ledger table on MySQL and MariaDB: a row for each statement.

use muster_base::point;

use super::{
    super::{
        SqlContext, SqlError,
        decide::State,
        error::bookkeeping,
        ledger::{Row, StepResult, StoredRow, json},
        wait::answer,
    },
    SqlSpec,
    session::Session,
};

impl Session {
    /// Makes the ledger where it is missing.
    pub(super) async fn ensure_ledger(&mut self) -> Result<(), SqlError> {
        let looking = sqlx::query_scalar(
            "select 1 from information_schema.tables
             where table_schema = database() and table_name = 'muster_release_ledger'",
        )
        .fetch_optional(&mut self.conn);
        let found: Option<i64> = answer(self.limits.answer(), looking)
            .await
            .map_err(|error| bookkeeping(&error))?;
        if found.is_some() {
            return Ok(());
        }
        let making = sqlx::raw_sql(
            "create table if not exists muster_release_ledger (
                release_id char(36) character set ascii not null,
                first_step bigint not null,
                last_step bigint not null,
                version varchar(255) not null,
                sql_sha256 char(64) character set ascii not null,
                status varchar(16) character set ascii not null,
                order_id char(36) character set ascii not null,
                before_state mediumtext,
                after_state mediumtext,
                results text,
                error text,
                started_at_ms bigint not null,
                ended_at_ms bigint,
                primary key (release_id, first_step)
            ) engine = InnoDB default character set utf8mb4",
        )
        .execute(&mut self.conn);
        answer(self.limits.answer(), making)
            .await
            .map_err(|error| bookkeeping(&error))?;
        point!("sql.ledger-made");
        Ok(())
    }

    /// What it knows of the release.
    pub(super) async fn ledger_rows(&mut self, spec: &SqlSpec) -> Result<Vec<Row>, SqlError> {
        let reading = sqlx::query_as(
            "select first_step, last_step, sql_sha256, status, before_state, results, ended_at_ms
             from muster_release_ledger where release_id = ? order by first_step",
        )
        .bind(spec.release.to_string())
        .fetch_all(&mut self.conn);
        let stored: Vec<StoredRow> = answer(self.limits.answer(), reading)
            .await
            .map_err(|error| bookkeeping(&error))?;
        stored.into_iter().map(|row| Row::read(row, spec)).collect()
    }

    /// Writes that a step begins (`before` is what the catalogue says now), in whatever transaction is open.
    pub(super) async fn ledger_start(
        &mut self,
        ctx: &SqlContext,
        spec: &SqlSpec,
        step: usize,
        before: Option<&State>,
    ) -> Result<(), sqlx::Error> {
        let step = i64::try_from(step).unwrap_or(i64::MAX);
        let clearing = sqlx::query(
            "delete from muster_release_ledger where release_id = ? and first_step = ? and status <> 'done'",
        )
        .bind(spec.release.to_string())
        .bind(step)
        .execute(&mut self.conn);
        answer(self.limits.answer(), clearing).await?;
        // A row that is done stays, and its key stops us here: the lock must have been lost.
        let writing = sqlx::query(
            "insert into muster_release_ledger (release_id, first_step, last_step, version, sql_sha256, status,
                order_id, before_state, started_at_ms)
             values (?, ?, ?, ?, ?, 'starting', ?, ?, ?)",
        )
        .bind(spec.release.to_string())
        .bind(step)
        .bind(step)
        .bind(&spec.version)
        .bind(hex::encode(spec.sql_sha256))
        .bind(ctx.order.to_string())
        .bind(before.map(json))
        .bind(ctx.clock.now().0)
        .execute(&mut self.conn);
        point!("sql.ledger-start.before");
        answer(self.limits.answer(), writing).await?;
        point!("sql.ledger-start.after");
        Ok(())
    }

    /// Writes that a step ended.
    pub(super) async fn ledger_end(
        &mut self,
        ctx: &SqlContext,
        spec: &SqlSpec,
        step: usize,
        end: End<'_>,
    ) -> Result<(), sqlx::Error> {
        let (status, results, after, error) = match end {
            End::Done { result, after } => {
                let results: Vec<StepResult> = result.into_iter().collect();
                ("done", Some(json(&results)), after.map(json), None)
            }
            End::Failed(error) => ("failed", None, None, Some(error)),
        };
        let writing = sqlx::query(
            "update muster_release_ledger set status = ?, results = ?, after_state = ?, error = ?, ended_at_ms = ?
             where release_id = ? and first_step = ?",
        )
        .bind(status)
        .bind(results)
        .bind(after)
        .bind(error)
        .bind(ctx.clock.now().0)
        .bind(spec.release.to_string())
        .bind(i64::try_from(step).unwrap_or(i64::MAX))
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

/// How a step ended.
pub(super) enum End<'a> {
    Done {
        result: Option<StepResult>,
        after: Option<&'a State>,
    },
    Failed(&'a str),
}
