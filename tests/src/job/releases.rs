//! An SQL release: proposed by one person, approved by another, executed by the agent that reaches the database.

use crate::Api;
use crate::api::text;
use anyhow::{Context, Result, bail, ensure};
use muster_workbench::process::run_with_input;
use muster_workbench::{Env, random_hex, tools};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The environment of the servers that are registered here.
pub const ENVIRONMENT: &str = "prod";

const PATIENCE: Duration = Duration::from_mins(2);

/// A kind of database server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// PostgreSQL.
    Postgres,
    /// MariaDB, for the MySQL side.
    Mysql,
}

/// A registered server with a database of its own to release to.
pub struct Server {
    /// Its id.
    pub id: String,
    /// Its label, by which releases name it.
    pub label: String,
    /// Its database.
    pub database: String,
    kind: Kind,
    login: Login,
}

struct Login {
    user: String,
    password: String,
    port: u16,
}

impl Server {
    /// Makes a database and a user for it, and registers the server as reached by `host`.
    pub fn register(admin: &Api, services: &Env, host: &Value, kind: Kind) -> Result<Self> {
        Self::register_with_password(admin, services, host, kind, &random_hex(12)?)
    }

    /// As [`Self::register`], with a password of the story's choice.
    pub fn register_with_password(
        admin: &Api,
        services: &Env,
        host: &Value,
        kind: Kind,
        password: &str,
    ) -> Result<Self> {
        let port = Self::port(services, kind)?;
        Self::make(admin, services, host, kind, password, ("127.0.0.1", port))
    }

    /// As [`Self::register`], for a host that reaches the server at another address and port.
    pub fn register_at(
        admin: &Api,
        services: &Env,
        host: &Value,
        kind: Kind,
        place: (&str, u16),
    ) -> Result<Self> {
        Self::make(admin, services, host, kind, &random_hex(12)?, place)
    }

    /// Lets the server's user make scratch databases, which a proof takes.
    pub fn may_make_databases(&self, services: &Env) -> Result<()> {
        let root = Login::root(services, self.kind)?;
        let name = &self.login.user;
        let (database, sql) = match self.kind {
            Kind::Postgres => ("postgres", format!("alter role {name} createdb")),
            Kind::Mysql => (
                "mysql",
                format!("grant all on `muster\\_scratch\\_%`.* to {name}"),
            ),
        };
        root.query(self.kind, database, &sql).map(drop)
    }

    /// The port that the server listens on, on the loopback address.
    pub fn port(services: &Env, kind: Kind) -> Result<u16> {
        Ok(Login::root(services, kind)?.port)
    }

    fn make(
        admin: &Api,
        services: &Env,
        host: &Value,
        kind: Kind,
        password: &str,
        (ip, port): (&str, u16),
    ) -> Result<Self> {
        let root = Login::root(services, kind)?;
        let name = format!("shop_{}", random_hex(4)?);
        let login = Login {
            user: name.clone(),
            password: password.to_owned(),
            port: root.port,
        };
        let make: &[String] = match kind {
            Kind::Postgres => &[
                format!("create role {name} login password '{password}'"),
                format!("create database {name} owner {name}"),
            ],
            Kind::Mysql => &[
                format!("create database {name}"),
                format!("create user {name} identified by '{password}'"),
                format!("grant all on {name}.* to {name}"),
            ],
        };
        for sql in make {
            root.query(
                kind,
                if kind == Kind::Postgres {
                    "postgres"
                } else {
                    "mysql"
                },
                sql,
            )?;
        }
        ensure_environment(admin)?;
        let label = format!("{name}-server");
        let registered = admin.post(
            "/api/v1/schema/servers",
            &json!({
                "label": label, "ip": ip, "port": port, "environment": ENVIRONMENT,
                "type": if kind == Kind::Postgres { "Postgres" } else { "MySQL" },
                "username": login.user, "password": login.password, "hostId": host["id"], "databases": [name],
            }),
        )?;
        Ok(Self {
            id: text(&registered, "id")?.to_owned(),
            label,
            database: name,
            kind,
            login,
        })
    }

    /// What kind of server it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What a query in the target database answers, columns separated by tabs: to look, not to change.
    pub fn query(&self, sql: &str) -> Result<String> {
        self.login.query(self.kind, &self.database, sql)
    }

    /// Runs `sql` in the target database for as long as the answer lives.
    pub fn hold(&self, sql: &str) -> Result<Holder> {
        let mut client = self.login.client(self.kind, &self.database)?;
        let client = client.stdin(script(sql)?).stdout(Stdio::null());
        Ok(Holder(client.spawn()?))
    }

    /// Has the host's agent connect to the server: the smallest order there is, done.
    pub fn test(&self, admin: &Api) -> Result<()> {
        let servers = admin.list("/api/v1/schema/servers")?;
        let found = servers.iter().find(|known| known["label"] == self.label.as_str());
        let id = text(found.context("the server is not registered")?, "id")?.to_owned();
        let tested = admin.post(&format!("/api/v1/schema/servers/{id}/test"), &json!({}))?;
        ensure!(tested["ok"] == true, "{tested}");
        Ok(())
    }

    /// Proposes `sql` as `version`; the answer holds `ticketId`.
    pub fn propose(&self, author: &Api, version: &str, sql: &str) -> Result<Value> {
        author.post(
            "/api/v1/schema/proposals",
            &json!({
                "version": version, "database": self.database, "environment": ENVIRONMENT, "servers": [self.label], "sql": sql,
            }),
        )
    }

    /// The whole way: `author` proposes, is refused their own approval, `approver` approves and executes.
    /// Returns the execution at its end, however it ended.
    pub fn release(&self, author: &Api, approver: &Api, version: &str, sql: &str) -> Result<Value> {
        let proposed = self.propose(author, version, sql)?;
        let ticket = format!("/api/v1/schema/tickets/{}", text(&proposed, "ticketId")?);
        let own = author.call("POST", &format!("{ticket}/approve"), Some(&json!({})))?;
        ensure!(
            own.status >= 400,
            "the author approved their own ticket: {}",
            own.text
        );
        let approved = approver.post(&format!("{ticket}/approve"), &json!({"comment": "looks right"}))?;
        self.execute(approver, text(&approved, "releaseId")?)
    }

    /// Executes a release here and waits for the end.
    pub fn execute(&self, approver: &Api, release: &str) -> Result<Value> {
        let execute = format!("/api/v1/schema/releases/{release}/execute");
        let executing = approver.post(&execute, &json!({"server": self.label}))?;
        let execution = format!("/api/v1/schema/executions/{}", text(&executing, "executionId")?);
        let ends = ["success", "failure", "rolledBack", "cancelled", "needsAttention"];
        approver.await_field(&execution, "status", &ends, &[], PATIENCE)
    }
}

/// Makes an empty PostgreSQL database for a control plane.
pub fn make_postgres_database(services: &Env, name: &str) -> Result<()> {
    let url = services
        .get("MUSTER_TEST_POSTGRES_URL")
        .context("PostgreSQL was not started")?;
    Login::read(url)?.query(Kind::Postgres, "postgres", &format!("create database {name}"))?;
    Ok(())
}

/// Runs SQL in a PostgreSQL database, as the one who may do everything.
pub fn run_in_postgres(services: &Env, database: &str, sql: &str) -> Result<()> {
    Login::root(services, Kind::Postgres)?.query(Kind::Postgres, database, sql)?;
    Ok(())
}

impl Login {
    /// Who may do everything on the server that was started.
    fn root(services: &Env, kind: Kind) -> Result<Self> {
        let variable = if kind == Kind::Postgres {
            "MUSTER_TEST_POSTGRES_URL"
        } else {
            "MUSTER_TEST_MYSQL_URL"
        };
        let url = services.get(variable);
        Self::read(url.with_context(|| format!("{variable} was not started"))?)
    }

    /// From `scheme://user:password@127.0.0.1:port/database`.
    fn read(url: &str) -> Result<Self> {
        let rest = url.split_once("://").map(|(_, rest)| rest);
        let parts = rest
            .and_then(|rest| rest.split_once('@'))
            .and_then(|(who, place)| Some((who.split_once(':')?, place.split_once(':')?)));
        let Some(((user, password), (_, port))) = parts else {
            bail!("an unreadable database URL")
        };
        let port = port.split('/').next().unwrap_or_default().parse()?;
        Ok(Self {
            user: user.to_owned(),
            password: password.to_owned(),
            port,
        })
    }

    fn query(&self, kind: Kind, database: &str, sql: &str) -> Result<String> {
        let script = script(sql)?;
        let mut client = self.client(kind, database)?;
        Ok(run_with_input(&mut client, script)?.trim_end().to_owned())
    }

    fn client(&self, kind: Kind, database: &str) -> Result<Command> {
        let port = self.port.to_string();
        Ok(match kind {
            Kind::Postgres => {
                let mut client = Command::new(tools::PSQL.path()?);
                client.args([
                    "--no-psqlrc",
                    "--quiet",
                    "--tuples-only",
                    "--no-align",
                    "--field-separator=\t",
                ]);
                client.args(["--set=ON_ERROR_STOP=1", "--host=127.0.0.1", "--port", &port]);
                client
                    .args(["--username", &self.user, "--dbname", database])
                    .env("PGPASSWORD", &self.password);
                client
            }
            Kind::Mysql => {
                let mut client = Command::new(tools::MARIADB_CLIENT.path()?);
                client.args([
                    "--no-defaults",
                    "--batch",
                    "--skip-column-names",
                    "--protocol=tcp",
                    "--host=127.0.0.1",
                ]);
                client.args(["--port", &port, "--user", &self.user, "--database", database]);
                client.env("MYSQL_PWD", &self.password);
                client
            }
        })
    }
}

/// For a client's standard input: the statement may hold a password, and arguments are for all to see.
fn script(sql: &str) -> Result<File> {
    let mut script = tempfile::tempfile()?;
    writeln!(script, "{sql};")?;
    script.rewind()?;
    Ok(script)
}

/// A client that is in the middle of something; it ends when this is dropped.
pub struct Holder(Child);

impl Drop for Holder {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn ensure_environment(admin: &Api) -> Result<()> {
    let there = admin
        .list("/api/v1/environments")?
        .iter()
        .any(|environment| environment["name"] == ENVIRONMENT);
    if !there {
        admin.post(
            "/api/v1/environments",
            &json!({"name": ENVIRONMENT, "label": "Production", "type": "production"}),
        )?;
    }
    Ok(())
}

/// Designs a table with these columns besides its id and publishes it; the ticket's path.
pub fn publish(author: &Api, server: &Server, version: &str, columns: &[Value]) -> Result<String> {
    publish_to(author, &[server], version, columns)
}

/// As [`publish`], for servers of one kind, each of which has a name of its own for the database.
pub fn publish_to(author: &Api, servers: &[&Server], version: &str, columns: &[Value]) -> Result<String> {
    let first = servers.first().context("nothing to publish to")?;
    let dialect = match first.kind() {
        Kind::Postgres => "Postgres",
        Kind::Mysql => "MySQL",
    };
    let labels: Vec<&str> = servers.iter().map(|server| server.label.as_str()).collect();
    let names: serde_json::Map<String, Value> = servers
        .iter()
        .map(|server| (server.label.clone(), json!(server.database)))
        .collect();
    let mut listed = vec![json!({"name": "id", "dataType": "bigint", "primaryKey": true})];
    listed.extend(columns.iter().cloned());
    let database = json!({"basic": {"name": "shop", "comment": "Orders", "type": dialect}, "names": names});
    for (kind, name, spec) in [
        ("DatabaseSnapshot", "shop", database),
        (
            "TableSnapshot",
            "account",
            json!({"database": "shop", "columns": listed}),
        ),
    ] {
        let document =
            json!({"apiVersion": "v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec});
        author.post("/api/v1/schema/apply", &document)?;
    }
    let body = json!({
        "version": version, "database": "shop", "environment": ENVIRONMENT, "servers": labels,
    });
    let published = author.post("/api/v1/schema/publish", &body)?;
    Ok(format!(
        "/api/v1/schema/tickets/{}",
        text(&published, "ticketId")?
    ))
}
