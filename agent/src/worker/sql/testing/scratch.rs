//! A database of a test's own on either kind of server, dropped at the end.

use muster_base::ExposeSecret as _;
use muster_protocol::latest::{DbDialect, SqlSpec};
use sqlx::{
    AssertSqlSafe, Connection as _, MySqlConnection, PgConnection, mysql::MySqlConnectOptions,
    postgres::PgConnectOptions,
};

use super::{Server, aim, eventually, scratch_name, spec};

/// The database, and a connection to look at it with.
pub(in super::super) struct Scratch {
    pub(in super::super) server: Server,
    pub(in super::super) name: String,
    kind: DbDialect,
    conn: Conn,
}

enum Conn {
    Postgres(PgConnection),
    MySql(MySqlConnection),
}

impl Scratch {
    /// On the server that all tests share.
    pub(in super::super) async fn new(kind: DbDialect) -> Self {
        Self::on(Server::of(kind), kind).await
    }

    /// On a server of the test's own.
    pub(in super::super) async fn on(server: Server, kind: DbDialect) -> Self {
        let name = scratch_name();
        let mut admin = connect(&server, kind, admin_database(kind)).await.unwrap();
        admin.sql(&format!("create database {name}")).await.unwrap();
        let conn = connect(&server, kind, &name).await.unwrap();
        Self {
            server,
            name,
            kind,
            conn,
        }
    }

    /// Connects anew: the server was restarted.
    pub(in super::super) async fn reconnect(&mut self) {
        self.conn = connect(&self.server, self.kind, &self.name).await.unwrap();
    }

    /// An order's content for this database.
    pub(in super::super) fn spec(&self, statements: &[&str]) -> SqlSpec {
        aim(spec(self.kind, statements), &self.server, &self.name)
    }

    pub(in super::super) async fn sql(&mut self, sql: &str) {
        self.conn.sql(sql).await.unwrap();
    }

    pub(in super::super) async fn try_sql(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        self.conn.sql(sql).await
    }

    /// What a query for one number answers.
    pub(in super::super) async fn number(&mut self, sql: &str) -> i64 {
        match &mut self.conn {
            Conn::Postgres(conn) => {
                let sql = AssertSqlSafe(format!("select ({sql})::bigint"));
                sqlx::query_scalar(sql).fetch_one(conn).await.unwrap()
            }
            Conn::MySql(conn) => {
                let sql = AssertSqlSafe(format!("select cast(({sql}) as signed)"));
                sqlx::query_scalar(sql).fetch_one(conn).await.unwrap()
            }
        }
    }

    /// The number that the server knows our own session by.
    pub(in super::super) async fn session(&mut self) -> i64 {
        match self.kind {
            DbDialect::Postgres => self.number("select pg_backend_pid()").await,
            DbDialect::MySql => self.number("select connection_id()").await,
        }
    }

    /// Waits until another session runs a statement that begins so.
    pub(in super::super) async fn await_running(&mut self, beginning: &str) {
        let sql = match self.kind {
            DbDialect::Postgres => format!(
                "select count(*) from pg_stat_activity where datname = current_database() and state = 'active'
                 and pid <> pg_backend_pid() and query like '{beginning}%'"
            ),
            DbDialect::MySql => format!(
                "select count(*) from information_schema.processlist where db = database()
                 and id <> connection_id() and info like '{beginning}%'"
            ),
        };
        eventually(beginning, async || self.number(&sql).await == 1).await;
    }

    /// Statements that the ledger does not hold as done.
    pub(in super::super) async fn not_done(&mut self) -> i64 {
        self.number("select count(*) from muster_release_ledger where status <> 'done'")
            .await
    }

    pub(in super::super) async fn drop(self) {
        let Self {
            server, name, kind, ..
        } = self;
        match self.conn {
            Conn::Postgres(conn) => conn.close().await.unwrap(),
            Conn::MySql(conn) => conn.close().await.unwrap(),
        }
        let mut admin = connect(&server, kind, admin_database(kind)).await.unwrap();
        let force = match kind {
            DbDialect::Postgres => " with (force)",
            DbDialect::MySql => "",
        };
        admin.sql(&format!("drop database {name}{force}")).await.unwrap();
    }
}

impl Conn {
    async fn sql(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Postgres(conn) => sqlx::raw_sql(sql).execute(conn).await.map(|_| ()),
            Self::MySql(conn) => sqlx::raw_sql(sql).execute(conn).await.map(|_| ()),
        }
    }
}

const fn admin_database(kind: DbDialect) -> &'static str {
    match kind {
        DbDialect::Postgres => "postgres",
        DbDialect::MySql => "mysql",
    }
}

async fn connect(server: &Server, kind: DbDialect, database: &str) -> Result<Conn, sqlx::Error> {
    let (host, password) = (&server.host, server.password.expose_secret());
    Ok(match kind {
        DbDialect::Postgres => {
            let options = PgConnectOptions::new_without_pgpass()
                .host(host)
                .port(server.port);
            let options = options.username(&server.username).password(password);
            Conn::Postgres(PgConnection::connect_with(&options.database(database)).await?)
        }
        DbDialect::MySql => {
            let options = MySqlConnectOptions::new().host(host).port(server.port);
            let options = options.username(&server.username).password(password);
            Conn::MySql(MySqlConnection::connect_with(&options.database(database)).await?)
        }
    })
}

/// Takes every connection that the server has; they are given back when this is dropped.
pub(in super::super) struct Crowd {
    _conns: Vec<Conn>,
}

impl Crowd {
    pub(in super::super) async fn gather(server: &Server, kind: DbDialect) -> Self {
        let mut conns = Vec::new();
        while let Ok(conn) = connect(server, kind, admin_database(kind)).await {
            conns.push(conn);
            assert!(conns.len() < 1_000, "the server takes everybody");
        }
        Self { _conns: conns }
    }
}
