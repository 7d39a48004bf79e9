//! What the tests of both kinds of server need: scratch databases, orders, a collector of events.

use std::time::Duration;

use muster_base::{Clock, OrderId, SecretString, ServerId, UnixMs, sha256};
use muster_protocol::latest::{
    DbDialect, SqlGuard, SqlSpec, SqlStatement, SqlTarget, StepReport, StepStatus,
};
use muster_schema::{canonical, classify};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{SqlContext, SqlOutcome, check::dialect};

pub(super) mod scratch;

/// A server for tests: `scheme://user:password@host:port/…` from a variable that `cargo verify` sets.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) username: String,
    pub(super) password: SecretString,
}

impl Server {
    pub(super) fn from_env(variable: &str) -> Self {
        Self::read(&std::env::var(variable).unwrap_or_else(|_| {
            panic!("{variable} is not set: run `cargo verify`, or `cargo verify --with-services`")
        }))
    }

    /// The server that all tests share.
    pub(super) fn of(kind: DbDialect) -> Self {
        Self::from_env(variable(kind))
    }

    pub(super) fn read(url: &str) -> Self {
        let rest = url.split_once("://").unwrap().1;
        let (user, address) = rest.rsplit_once('@').unwrap();
        let (username, password) = user.split_once(':').unwrap_or((user, ""));
        let address = address.split('/').next().unwrap();
        let (host, port) = address.rsplit_once(':').unwrap();
        Self {
            host: host.to_owned(),
            port: port.parse().unwrap(),
            username: username.to_owned(),
            password: SecretString::from(password.to_owned()),
        }
    }
}

/// The variable that holds the URL of the server that all tests share.
pub(super) const fn variable(kind: DbDialect) -> &'static str {
    match kind {
        DbDialect::Postgres => "MUSTER_TEST_POSTGRES_URL",
        DbDialect::MySql => "MUSTER_TEST_MYSQL_URL",
    }
}

/// An order's content for `statements`, risks and transactions as found.
pub(super) fn spec(kind: DbDialect, statements: &[&str]) -> SqlSpec {
    let clock = Clock::system();
    SqlSpec {
        execution: clock.new_id(),
        release: clock.new_id(),
        version: "1.0".into(),
        sql_sha256: sha256(canonical(statements.iter().copied()).as_bytes()).0,
        target: SqlTarget {
            server: clock.new_id::<ServerId>(),
            dialect: kind,
            host: "127.0.0.1".into(),
            port: 1,
            username: "nobody".into(),
            password_secret: "password".into(),
            database: "none".into(),
        },
        statements: statements
            .iter()
            .map(|sql| {
                let seen = classify(dialect(kind), sql);
                SqlStatement {
                    sql: (*sql).to_owned(),
                    transactional: seen.transactional,
                    risk: seen.risk.as_u8(),
                }
            })
            .collect(),
        lock_timeout_ms: 1_000,
        statement_timeout_ms: 10_000,
        dry_run: false,
    }
}

/// Aims an order at a database of a server.
pub(super) fn aim(mut spec: SqlSpec, server: &Server, database: &str) -> SqlSpec {
    spec.target.host.clone_from(&server.host);
    spec.target.port = server.port;
    spec.target.username.clone_from(&server.username);
    database.clone_into(&mut spec.target.database);
    spec
}

/// A name that no other test uses.
pub(super) fn scratch_name() -> String {
    format!("t_{}", hex::encode(muster_base::random_array::<8>()))
}

/// A context and what collects its events.
pub(super) fn context() -> (SqlContext, mpsc::Receiver<StepReport>) {
    let (events, collected) = mpsc::channel(10_000);
    let clock = Clock::system();
    let ctx = SqlContext {
        order: clock.new_id::<OrderId>(),
        resuming: false,
        reconnect_for: Duration::from_secs(20),
        lock_pauses: &[],
        idle_for: Duration::from_mins(1),
        cancel: CancellationToken::new(),
        events,
        clock,
    };
    (ctx, collected)
}

/// The last status and detail of each step.
pub(super) fn last(collected: &mut mpsc::Receiver<StepReport>) -> Vec<(StepStatus, String)> {
    let mut steps = Vec::new();
    while let Ok(report) = collected.try_recv() {
        if let StepReport::Step {
            index,
            status,
            detail,
            ..
        } = report
        {
            let index = usize::try_from(index).unwrap();
            if steps.len() <= index {
                steps.resize(index + 1, (StepStatus::Skipped, String::new()));
            }
            steps[index] = (status, detail);
        }
    }
    steps
}

/// The last status of each step.
pub(super) fn statuses(collected: &mut mpsc::Receiver<StepReport>) -> Vec<StepStatus> {
    last(collected).into_iter().map(|(status, _)| status).collect()
}

/// Runs a release and says what became of its steps.
pub(super) async fn run(spec: &SqlSpec, server: &Server) -> (SqlOutcome, Vec<(StepStatus, String)>) {
    let (ctx, mut collected) = context();
    let outcome = super::run(&ctx, spec, &[], &server.password).await;
    (outcome, last(&mut collected))
}

/// Waits for a thing, with an end.
pub(super) async fn eventually<F: AsyncFnMut() -> bool>(what: &str, mut holds: F) {
    let began = UnixMs(Clock::system().now().0);
    while !holds().await {
        assert!(
            Clock::system().now().ms_since(began) < 20_000,
            "never came: {what}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Runs a release until `moment` events have come, then drops everything, as a crash would; says whether it ended
/// before that.
pub(super) async fn crash_at(moment: usize, spec: &SqlSpec, server: &Server) -> bool {
    crash_guarded_at(moment, spec, &[], server).await
}

/// The same for a release whose statements are held in.
pub(super) async fn crash_guarded_at(
    moment: usize,
    spec: &SqlSpec,
    guards: &[SqlGuard],
    server: &Server,
) -> bool {
    let (mut ctx, _) = context();
    let (events, mut collected) = mpsc::channel(1);
    ctx.events = events;
    let crash = async {
        for _ in 0..moment {
            collected.recv().await;
        }
    };
    tokio::select! {
        biased;
        () = crash => false,
        outcome = super::run(&ctx, spec, guards, &server.password) => {
            assert_eq!(outcome.error, None);
            true
        }
    }
}

/// The variables by which [`kill_after`] tells its child what to run.
const CHILD_SPEC: &str = "MUSTER_TEST_CHILD_SPEC";
const CHILD_SERVER: &str = "MUSTER_TEST_CHILD_SERVER";

/// Runs a release in a process of its own and kills that process with SIGKILL after `delay`.
pub(super) async fn kill_after(delay: Duration, spec: &SqlSpec, server_variable: &str) {
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "worker::sql::testing::runs_what_its_parent_says",
            "--nocapture",
        ])
        .env(CHILD_SPEC, serde_json::to_string(spec).unwrap())
        .env(CHILD_SERVER, server_variable)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let ended = tokio::time::timeout(delay, child.wait()).await;
    if ended.is_err() {
        child.kill().await.unwrap();
    }
}

/// The child's side of [`kill_after`]; without a parent, it shows that the message to the child can be read.
#[tokio::test]
async fn runs_what_its_parent_says() {
    let Ok(spec) = std::env::var(CHILD_SPEC) else {
        let spec = spec(DbDialect::MySql, &["select 1"]);
        let json = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<SqlSpec>(&json).unwrap(), spec);
        return;
    };
    let server = Server::from_env(&std::env::var(CHILD_SERVER).unwrap());
    let (ctx, _collected) = context();
    let outcome = super::run(&ctx, &serde_json::from_str(&spec).unwrap(), &[], &server.password).await;
    assert_eq!(outcome.error, None);
}
