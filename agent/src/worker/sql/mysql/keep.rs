//! Statements that are held in. The table that rows are kept in is made before their transaction, since that commits.

use std::time::Duration;

use sqlx::AssertSqlSafe;

use super::{
    super::{
        SqlContext, SqlError,
        check::Step,
        error::{bookkeeping, message},
        guard::{Guard, Keep},
        report::{self, News},
        wait::answer,
    },
    Run,
    session::Session,
    step::Failure,
};

/// Tables whose rows change along with those of the named one, and the columns that they refer to.
const REFERRING: &str = "select cast(k.table_name as char), cast(k.referenced_column_name as char) \
    from information_schema.referential_constraints r join information_schema.key_column_usage k \
    on k.constraint_schema = r.constraint_schema and k.constraint_name = r.constraint_name \
    and k.table_name = r.table_name where k.referenced_table_schema = ? and k.referenced_table_name = ? \
    and if(?, r.delete_rule, r.update_rule) in ('CASCADE', 'SET NULL', 'SET DEFAULT') order by 1, 2 limit 1000";
/// All columns in their order, those that `*` leaves out too.
const COLUMNS: &str = "select cast(column_name as char) from information_schema.columns \
    where table_schema = ? and table_name = ? order by ordinal_position";

impl Run<'_> {
    /// Makes the table that rows are kept in, empty.
    pub(super) async fn prepare(&mut self, step: &Step) -> Result<(), SqlError> {
        let Some(keep) = step.guard.as_ref().and_then(|guard| guard.keep.as_ref()) else {
            return Ok(());
        };
        let prepared = self.session.make_room(keep, self.ctx).await;
        match prepared {
            Ok(()) => Ok(()),
            Err(Failure::Held(message)) => Err(self.refused(step, message).await),
            Err(Failure::Ledger(error)) => Err(bookkeeping(&error)),
            Err(Failure::Statement(error)) => {
                let text = self.session.explained(&error);
                report::step(self.ctx, step.index, News::failed(Duration::ZERO, text)).await;
                Err(self.failed(step, &error))
            }
        }
    }

    /// What its guard says of a statement that can't be undone.
    pub(super) async fn without_transaction(&mut self, step: &Step) -> Result<(), SqlError> {
        let Some(guard) = &step.guard else { return Ok(()) };
        match self.session.counted_before(guard).await {
            Ok(()) => Ok(()),
            Err(Failure::Held(message)) => Err(self.refused(step, message).await),
            Err(Failure::Statement(error) | Failure::Ledger(error)) => Err(bookkeeping(&error)),
        }
    }

    async fn refused(&mut self, step: &Step, message: String) -> SqlError {
        report::step(
            self.ctx,
            step.index,
            News::failed(Duration::ZERO, message.clone()),
        )
        .await;
        self.held(step, message)
    }
}

impl Session {
    /// What the next transaction reads nobody else changes until its end, and its `now()` stands still.
    pub(super) async fn locks_what_it_reads(&mut self, step: &Step) -> Result<(), sqlx::Error> {
        if step.guard.as_ref().is_none_or(|guard| guard.keep.is_none()) {
            return Ok(());
        }
        for sql in [
            "set transaction isolation level serializable",
            "set timestamp = unix_timestamp(now(6))",
        ] {
            self.ask(sql).await?;
        }
        Ok(())
    }

    /// Runs a statement as its guard says: rows that it touched, and what is to be said of it.
    pub(super) async fn held_in(&mut self, step: &Step, ctx: &SqlContext) -> Result<(u64, String), Failure> {
        let statement = |error| Failure::Statement(error);
        let Some(guard) = &step.guard else {
            let rows = self.statement(&step.sql, ctx).await.map_err(statement)?;
            return Ok((rows, String::new()));
        };
        let mut kept = None;
        if let Some(keep) = &guard.keep {
            let columns = self.columns(keep).await.map_err(Failure::Ledger)?;
            let fill = keep.change.fill(&keep.table, &columns);
            let rows = self.statement(&fill, ctx).await.map_err(statement)?;
            guard.within(rows).map_err(Failure::Held)?;
            kept = Some(rows);
        }
        let rows = self.statement(&step.sql, ctx).await.map_err(statement)?;
        if kept.is_some() {
            self.ask("set timestamp = default").await.map_err(statement)?;
        }
        guard.judge(rows, kept).map_err(Failure::Held)?;
        Ok((rows, guard.said(kept)))
    }

    /// Takes the empty table away again where nothing came of the statement. What holds rows stays.
    pub(super) async fn forget_kept(&mut self, step: &Step) {
        let Some(keep) = step.guard.as_ref().and_then(|guard| guard.keep.as_ref()) else {
            return;
        };
        let forgetting = async {
            self.ask("set timestamp = default").await?;
            if self.holds_rows(keep).await? {
                return Ok(());
            }
            let drop = keep.change.drop_kept(&keep.table);
            let dropping = sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut self.conn);
            answer(self.limits.answer(), dropping).await.map(std::mem::drop)
        };
        let forgotten: Result<(), sqlx::Error> = forgetting.await;
        if let Err(error) = forgotten {
            tracing::debug!("an empty table for kept rows stays: {}", message(&error));
        }
    }

    async fn make_room(&mut self, keep: &Keep, ctx: &SqlContext) -> Result<(), Failure> {
        let asking = sqlx::query_as(REFERRING)
            .bind(&self.database)
            .bind(&keep.change.table.name)
            .bind(keep.change.deletes)
            .fetch_all(&mut self.conn);
        let referring: Vec<(String, String)> = answer(self.limits.answer(), asking)
            .await
            .map_err(Failure::Ledger)?;
        keep.alone(&referring).map_err(Failure::Held)?;
        let columns = self.columns(keep).await.map_err(Failure::Ledger)?;
        if columns.is_empty() {
            return Err(Failure::Held(format!(
                "no backup possible: there is no table {} here",
                keep.change.table.name
            )));
        }
        let make = keep.change.keep(&keep.table, &columns);
        self.statement(&make, ctx).await.map_err(Failure::Statement)?;
        if self.holds_rows(keep).await.map_err(Failure::Ledger)? {
            return Err(Failure::Held(format!(
                "no backup possible: there is a table {} with rows already, and they are left alone",
                keep.table
            )));
        }
        Ok(())
    }

    async fn counted_before(&mut self, guard: &Guard) -> Result<(), Failure> {
        const WHY: &str =
            "its table is of an engine without transactions, so that nothing can be undone there";
        if guard.keep.is_some() {
            return Err(Failure::Held(format!("no backup possible: {WHY}")));
        }
        if guard.max_rows.is_none() {
            return Ok(());
        }
        let Some(change) = &guard.change else {
            return Err(Failure::Held(format!(
                "it can't be held to its limit of rows: {WHY}, and which rows it touches can't be asked for"
            )));
        };
        let counting = sqlx::query_scalar(AssertSqlSafe(change.count())).fetch_one(&mut self.conn);
        let patience = self.limits.answer() + self.limits.statement;
        let rows: i64 = answer(patience, counting).await.map_err(Failure::Ledger)?;
        guard
            .within(u64::try_from(rows).unwrap_or(0))
            .map_err(Failure::Held)
    }

    async fn columns(&mut self, keep: &Keep) -> Result<Vec<String>, sqlx::Error> {
        let asking = sqlx::query_scalar(COLUMNS)
            .bind(&self.database)
            .bind(&keep.change.table.name)
            .fetch_all(&mut self.conn);
        answer(self.limits.answer(), asking).await
    }

    async fn holds_rows(&mut self, keep: &Keep) -> Result<bool, sqlx::Error> {
        let sql = format!("select exists(select 1 from `{}`)", keep.table.replace('`', "``"));
        let asking = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut self.conn);
        let found: i64 = answer(self.limits.answer(), asking).await?;
        Ok(found != 0)
    }

    async fn ask(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        answer(self.limits.answer(), sqlx::raw_sql(sql).execute(&mut self.conn))
            .await
            .map(drop)
    }
}
