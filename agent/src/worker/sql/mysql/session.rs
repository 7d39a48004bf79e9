//! One connection: its settings, the release lock, statements that can be stopped.

use std::time::{Duration, Instant};

use muster_base::{ExposeSecret as _, SecretString, effect, point, random_array, sha256};
use muster_protocol::latest::SqlTarget;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, MySqlConnection,
    mysql::{MySqlConnectOptions, MySqlSslMode},
};
use tokio::time::timeout;

use super::{
    super::{
        CONNECT_TIMEOUT, SqlContext, SqlError,
        check::Plan,
        connect,
        error::{bookkeeping, explained},
        report::millis,
        wait::{self, Course, Limits, Outside as _, answer},
    },
    outside::{self, Outside},
};

/// A statement that was stopped may take this long to clean up after itself.
const GRACE: Duration = Duration::from_secs(30);
/// MariaDB ends a statement by itself, with a better message than ours; we come after it.
const OVERTIME: Duration = Duration::from_millis(500);

const STRICT: &str = "set @muster_sql_mode = @@session.sql_mode, \
    session sql_mode = concat(@@session.sql_mode, ',STRICT_ALL_TABLES')";
const AS_BEFORE: &str = "set session sql_mode = @muster_sql_mode";

/// A connection to the target database.
pub(in super::super) struct Session {
    pub(super) conn: MySqlConnection,
    pub(super) outside: Outside,
    pub(super) limits: Limits,
    /// How the last statement went.
    course: Course,
    pub(super) database: String,
    pub(super) version: String,
}

impl Session {
    /// Connects and asks who is there.
    pub(super) async fn connect(target: &SqlTarget, password: &SecretString) -> Result<Self, SqlError> {
        let options = MySqlConnectOptions::new()
            .host(&target.host)
            .port(target.port)
            .username(&target.username)
            .password(password.expose_secret())
            .database(&target.database)
            .charset("utf8mb4")
            .ssl_mode(MySqlSslMode::Preferred)
            // The server's own settings are what the release's authors know.
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .timezone(None)
            .disable_statement_logging();
        let failed = |message: String| SqlError::Connect {
            address: format!("{}:{}", target.host, target.port),
            message,
        };
        let opening = async {
            let mut conn = MySqlConnection::connect_with(&options).await?;
            let (id, version): (u64, String) =
                sqlx::query_as("select cast(connection_id() as unsigned), cast(version() as char)")
                    .fetch_one(&mut conn)
                    .await?;
            Ok::<_, sqlx::Error>((conn, id, version))
        };
        let (conn, id, version) = timeout(CONNECT_TIMEOUT, opening)
            .await
            .map_err(|_| failed(connect::silence()))?
            .map_err(|error| failed(connect::explained(&error)))?;
        let is_mariadb = version.contains("MariaDB");
        let version = if is_mariadb {
            format!("MariaDB {version}")
        } else {
            format!("MySQL {version}")
        };
        Ok(Self {
            conn,
            outside: Outside {
                options,
                id,
                mark: format!("muster-session-{}", hex::encode(random_array::<16>())),
                is_mariadb,
            },
            limits: Limits {
                lock: CONNECT_TIMEOUT,
                statement: CONNECT_TIMEOUT,
                overtime: OVERTIME,
                grace: GRACE,
            },
            course: Course::default(),
            database: target.database.clone(),
            version,
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
        session.limits.lock = plan.lock_timeout;
        session.limits.statement = plan.statement_timeout;
        // Before the release lock: a server so old that it has one lock for each session then keeps that one.
        let mark = session.outside.mark.clone();
        session.try_lock(&mark).await?;
        let seconds = plan.lock_timeout.as_secs().max(1);
        let idle = ctx.idle_for.as_secs().max(1);
        let mut settings = vec![
            "set session autocommit = 1".to_owned(),
            // How the text was cut into statements depends on these two being off.
            "set session sql_mode = replace(replace(@@session.sql_mode, 'NO_BACKSLASH_ESCAPES', ''), \
             'ANSI_QUOTES', '')"
                .to_owned(),
            // If this host vanishes, the server hears nothing of it, and the session's locks must not stay for ever.
            format!("set session wait_timeout = {idle}"),
            format!("set session lock_wait_timeout = {seconds}"),
            format!("set session innodb_lock_wait_timeout = {seconds}"),
        ];
        if session.outside.is_mariadb {
            // Holds even if this process dies; MySQL has nothing like it for all statements.
            let limit = plan.statement_timeout.as_millis();
            settings.push(format!(
                "set session max_statement_time = {}.{:03}",
                limit / 1_000,
                limit % 1_000
            ));
        }
        for setting in settings {
            let setting = sqlx::raw_sql(AssertSqlSafe(setting)).execute(&mut session.conn);
            answer(session.limits.answer(), setting)
                .await
                .map_err(|error| bookkeeping(&error))?;
        }
        Ok(session)
    }

    /// Takes the database's release lock, or says who has it.
    pub(super) async fn lock(&mut self, ctx: &SqlContext, patience: Duration) -> Result<(), SqlError> {
        let name = self.lock_name();
        let began = Instant::now();
        if wait::turn(ctx, patience, async || self.try_lock(&name).await).await? {
            point!("sql.locked");
            return Ok(());
        }
        Err(SqlError::Busy {
            waited_ms: millis(began.elapsed()),
            by: outside::of_release(&mut self.conn, &name).await,
        })
    }

    /// Lock names hold 64 characters, and are for the whole server.
    fn lock_name(&self) -> String {
        let database = sha256(self.database.as_bytes()).to_string();
        format!("muster-release-{}", &database[..32])
    }

    async fn try_lock(&mut self, name: &str) -> Result<bool, SqlError> {
        let trying = sqlx::query_scalar("select get_lock(?, 0)")
            .bind(name)
            .fetch_one(&mut self.conn);
        let taken: Option<i64> = answer(self.limits.answer(), trying)
            .await
            .map_err(|error| bookkeeping(&error))?;
        Ok(taken == Some(1))
    }

    /// Runs one of the release's statements; a cancel and the time limit stop it on the server. A table is changed in place
    /// in strict mode: in another one servers copy it where a column may be null no longer, to turn nulls into zeros, and
    /// refuse to do that in place.
    pub(super) async fn statement(&mut self, sql: &str, ctx: &SqlContext) -> Result<u64, sqlx::Error> {
        let in_place = muster_schema::is_in_place(sql);
        if in_place {
            self.set(STRICT).await?;
        }
        let done = self.run(sql, ctx).await;
        // Where the session is lost there is nothing to be set back, and the next statement says so.
        if in_place && let Err(error) = self.set(AS_BEFORE).await {
            tracing::debug!(%error, "the session's sql_mode was not set back");
        }
        done
    }

    async fn set(&mut self, setting: &'static str) -> Result<(), sqlx::Error> {
        let setting = sqlx::raw_sql(setting).execute(&mut self.conn);
        answer(self.limits.answer(), setting).await.map(drop)
    }

    async fn run(&mut self, sql: &str, ctx: &SqlContext) -> Result<u64, sqlx::Error> {
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

    /// Runs `start transaction`, `commit`, `rollback`.
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
        let name = self.lock_name();
        let giving = sqlx::query("do release_lock(?)")
            .bind(name)
            .execute(&mut self.conn);
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
