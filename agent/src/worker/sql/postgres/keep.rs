//! Statements that are held in, within the transaction that is open.

use sqlx::AssertSqlSafe;

use super::{
    super::{
        SqlContext,
        check::Step,
        guard::{Keep, Stopped},
        wait::answer,
    },
    session::Session,
};

/// Tables whose rows change along with those of the named one, and the columns that they refer to.
const REFERRING: &str = "select c.conrelid::regclass::text, a.attname::text from pg_catalog.pg_constraint c \
    join pg_catalog.pg_attribute a on a.attrelid = c.confrelid and a.attnum = any (c.confkey) \
    where c.contype = 'f' and c.confrelid = to_regclass($1) \
    and case when $2 then c.confdeltype else c.confupdtype end in ('c', 'n', 'd') order by 1, 2 limit 1000";

impl Session {
    /// The transaction that was begun sees one state to its end.
    pub(super) async fn sees_one_state(&mut self) -> Result<(), sqlx::Error> {
        let sql = "set transaction isolation level repeatable read";
        answer(self.limits.answer(), sqlx::raw_sql(sql).execute(&mut self.conn))
            .await
            .map(drop)
    }

    /// Runs a statement as its guard says: rows that it touched, and what is to be said of it.
    pub(super) async fn held_in(&mut self, step: &Step, ctx: &SqlContext) -> Result<(u64, String), Stopped> {
        let Some(guard) = &step.guard else {
            return Ok((self.statement(&step.sql, ctx).await?, String::new()));
        };
        let mut kept = None;
        if let Some(keep) = &guard.keep {
            let referring = self.referring(keep).await?;
            keep.alone(&referring).map_err(Stopped::Held)?;
            let rows = self.statement(&keep.change.keep(&keep.table, &[]), ctx).await?;
            guard.within(rows).map_err(Stopped::Held)?;
            kept = Some(rows);
        }
        let rows = self.statement(&step.sql, ctx).await?;
        guard.judge(rows, kept).map_err(Stopped::Held)?;
        Ok((rows, guard.said(kept)))
    }

    /// For a person.
    pub(super) fn why_stopped(&self, stopped: &Stopped) -> String {
        match stopped {
            Stopped::Server(error) => self.explained(error),
            Stopped::Held(message) => message.clone(),
        }
    }

    async fn referring(&mut self, keep: &Keep) -> Result<Vec<(String, String)>, sqlx::Error> {
        let asking = sqlx::query_as(AssertSqlSafe(REFERRING))
            .bind(keep.change.table_name())
            .bind(keep.change.deletes)
            .fetch_all(&mut self.conn);
        answer(self.limits.answer(), asking).await
    }
}
