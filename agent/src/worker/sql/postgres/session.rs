//! One connection: its settings, the release lock, statements that can be stopped.

use std::time::{Duration, Instant};

use muster_base::{ExposeSecret as _, SecretString, effect, point};
use muster_protocol::latest::SqlTarget;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use tokio::time::timeout;

use super::{
    super::{
        CONNECT_TIMEOUT, SqlContext, SqlError,
        check::Plan,
        connect,
        error::{bookkeeping, explained},
        ledger::TABLE,
        report::millis,
        wait::{self, Course, Limits, Outside as _, answer},
    },
    outside::{self, Outside},
};

/// `MUST`, `ER`: the key of the lock that a running release holds on its database.
pub(super) const LOCK: (i32, i32) = (0x4d55_5354, 0x4552);
/// The server ends statements itself; this much later we stop waiting for it to say so.
const GRACE: Duration = Duration::from_secs(10);

/// A connection to the target database.
pub(in super::super) struct Session {
    pub(super) conn: PgConnection,
    outside: Outside,
    pub(super) limits: Limits,
    /// How the last statement went.
    course: Course,
    pub(super) version: String,
    /// The ledger with its schema, quoted.
    pub(super) ledger: String,
}

impl Session {
    /// Connects and asks who is there.
    pub(super) async fn connect(target: &SqlTarget, password: &SecretString) -> Result<Self, SqlError> {
        let options = PgConnectOptions::new_without_pgpass()
            .host(&target.host)
            .port(target.port)
            .username(&target.username)
            .password(password.expose_secret())
            .database(&target.database)
            .application_name("muster")
            .ssl_mode(PgSslMode::Prefer)
            .disable_statement_logging();
        let failed = |message: String| SqlError::Connect {
            address: format!("{}:{}", target.host, target.port),
            message,
        };
        let opening = async {
            let mut conn = PgConnection::connect_with(&options).await?;
            let (pid, began, version): (i32, Option<String>, String) = sqlx::query_as(
                "select pg_backend_pid(), (select extract(epoch from backend_start)::text
                     from pg_catalog.pg_stat_activity where pid = pg_backend_pid()),
                    current_setting('server_version')",
            )
            .fetch_one(&mut conn)
            .await?;
            Ok::<_, sqlx::Error>((conn, pid, began, version))
        };
        let (conn, pid, began, version) = timeout(CONNECT_TIMEOUT, opening)
            .await
            .map_err(|_| failed(connect::silence()))?
            .map_err(|error| failed(connect::explained(&error)))?;
        Ok(Self {
            conn,
            outside: Outside { options, pid, began },
            limits: Limits {
                lock: CONNECT_TIMEOUT,
                statement: CONNECT_TIMEOUT,
                overtime: GRACE,
                grace: GRACE,
            },
            course: Course::default(),
            version: format!("PostgreSQL {version}"),
            ledger: String::new(),
        })
    }

    /// Connects and makes the session as a release needs it.
    pub(super) async fn open(
        ctx: &SqlContext,
        target: &SqlTarget,
        password: &SecretString,
        plan: &Plan,
    ) -> Result<Self, SqlError> {
        let mut session = Self::connect(target, password).await?;
        let idle = ctx.idle_for.as_millis().max(1).to_string();
        let settings = [
            // How the text was cut into statements depends on it.
            ("standard_conforming_strings", "on".to_owned()),
            ("lock_timeout", plan.lock_timeout.as_millis().to_string()),
            (
                "statement_timeout",
                plan.statement_timeout.as_millis().to_string(),
            ),
            // If this process freezes or its host vanishes, its locks must not stay for ever.
            ("idle_in_transaction_session_timeout", idle.clone()),
            ("idle_session_timeout", idle),
            ("tcp_keepalives_idle", "30".to_owned()),
            ("tcp_keepalives_interval", "10".to_owned()),
            ("tcp_keepalives_count", "3".to_owned()),
        ];
        session.limits.lock = plan.lock_timeout;
        let patience = session.limits.answer();
        for (name, value) in settings {
            // Servers before 14 don't know all of them.
            let setting =
                sqlx::query("select set_config(name, $2, false) from pg_catalog.pg_settings where name = $1")
                    .bind(name)
                    .bind(value)
                    .execute(&mut session.conn);
            answer(patience, setting)
                .await
                .map_err(|error| bookkeeping(&error))?;
        }
        session.limits.statement = plan.statement_timeout;
        let schema = sqlx::query_scalar("select current_schema()::text").fetch_one(&mut session.conn);
        let schema: Option<String> = answer(patience, schema)
            .await
            .map_err(|error| bookkeeping(&error))?;
        let schema = schema.ok_or_else(|| {
            SqlError::Ledger(
                "the user's search_path names no schema that exists, so there is no place for it".into(),
            )
        })?;
        session.ledger = format!("{}.{TABLE}", quoted(&schema));
        Ok(session)
    }

    /// Takes the database's release lock, or says who has it.
    pub(super) async fn lock(&mut self, ctx: &SqlContext, patience: Duration) -> Result<(), SqlError> {
        let began = Instant::now();
        if wait::turn(ctx, patience, async || self.try_lock().await).await? {
            point!("sql.locked");
            return Ok(());
        }
        Err(SqlError::Busy {
            waited_ms: millis(began.elapsed()),
            by: outside::of_release(&mut self.conn).await,
        })
    }

    async fn try_lock(&mut self) -> Result<bool, SqlError> {
        let trying = sqlx::query_scalar("select pg_try_advisory_lock($1, $2)")
            .bind(LOCK.0)
            .bind(LOCK.1)
            .fetch_one(&mut self.conn);
        answer(self.limits.answer(), trying)
            .await
            .map_err(|error| bookkeeping(&error))
    }

    /// Runs one of the release's statements; a cancel stops it on the server.
    pub(super) async fn statement(&mut self, sql: &str, ctx: &SqlContext) -> Result<u64, sqlx::Error> {
        point!("sql.statement.before");
        let (result, course) = wait::statement(
            ctx,
            self.limits,
            sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut self.conn),
            &self.outside,
        )
        .await;
        self.course = course;
        point!("sql.statement.after");
        result.map(|done| done.rows_affected())
    }

    /// What is to be said of the last statement's failure.
    pub(super) fn explained(&self, error: &sqlx::Error) -> String {
        explained(error, &self.course, self.limits)
    }

    /// Runs `begin`, `commit`, `rollback`.
    pub(super) async fn control(&mut self, sql: &'static str, ctx: &SqlContext) -> Result<(), sqlx::Error> {
        point!("sql.{}.before", sql);
        if effect!("sql.{sql}") {
            let running = sqlx::raw_sql(sql).execute(&mut self.conn);
            wait::end(ctx, self.limits, running, &self.outside).await?;
        }
        point!("sql.{}.after", sql);
        Ok(())
    }

    /// Gives the release lock back and says goodbye.
    pub(super) async fn leave(mut self) {
        let giving = sqlx::query("select pg_advisory_unlock_all()").execute(&mut self.conn);
        wait::give_back(giving, &self.outside).await;
        self.close().await;
    }

    /// Ends a session whose connection is lost: it may hold the release lock for as long as the server believes in it.
    pub(super) async fn abandon(self) {
        self.outside.end().await;
    }

    /// Says goodbye.
    pub(super) async fn close(self) {
        if !matches!(timeout(GRACE, self.conn.close()).await, Ok(Ok(()))) {
            tracing::debug!("the database connection was not closed in order");
        }
    }
}

/// A name in quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
