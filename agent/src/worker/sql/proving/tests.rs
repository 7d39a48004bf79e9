//! On real servers: what is made, what is told of it, and that nothing stays.

use muster_base::UnixMs;
use muster_protocol::latest::DbDialect;
use muster_schema::{Schema, catalogue};

use super::*;
use crate::worker::sql::testing::scratch::Scratch as Bench;

/// What was said: notes, and the tables that each reading told of.
struct Heard {
    notes: Vec<ProofNote>,
    schemas: Vec<Schema>,
}

fn look(db: &Bench, before: &[&str], change: &[&str], back: &[&str]) -> ProofLook {
    let spec = db.spec(if change.is_empty() { &["select 1"] } else { change });
    let clock = Clock::system();
    let texts = |all: &[&str]| all.iter().map(|sql| (*sql).to_owned()).collect();
    ProofLook {
        id: clock.new_id(),
        org: clock.new_id(),
        host: clock.new_id(),
        expires: clock.now().plus_ms(UnixMs::MINUTE),
        target: spec.target,
        sealed: Vec::new(),
        before: texts(before),
        change: spec.statements,
        back: texts(back),
        statement_timeout_ms: 10_000,
    }
}

async fn heard(db: &Bench, look: &ProofLook) -> Heard {
    let (out, mut said) = mpsc::channel(10_000);
    let gone = CancellationToken::new();
    prove(look, &db.server.password, &Clock::system(), &gone, out).await;
    let kind = dialect(look.target.dialect);
    let mut heard = Heard {
        notes: Vec::new(),
        schemas: Vec::new(),
    };
    let mut answers = catalogue::Answers::new();
    while let Ok(said) = said.try_recv() {
        match said {
            Said::Rows(rows) => answers.entry(rows.query).or_default().extend(rows.rows),
            Said::Note(note) => {
                if matches!(note, ProofNote::Read(_)) {
                    let mut schema = catalogue::assemble(kind, &std::mem::take(&mut answers)).unwrap();
                    schema
                        .tables
                        .retain(|name, _| name.name != "muster_release_ledger" && name.name != MARKER);
                    heard.schemas.push(schema);
                }
                heard.notes.push(note);
            }
        }
    }
    heard
}

fn columns(schema: &Schema) -> Vec<String> {
    let of = |(name, table): (&muster_schema::model::Name, &muster_schema::model::Table)| {
        let columns: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        format!("{}({})", name.name, columns.join(","))
    };
    schema.tables.iter().map(of).collect()
}

async fn is_proven(kind: DbDialect) {
    let mut db = Bench::new(kind).await;
    db.sql("create table kept (id int primary key)").await;
    let before = ["create table org (id bigint not null primary key, mail varchar(20))"];
    let proof = look(
        &db,
        &before,
        &[
            "alter table org add column note varchar(80)",
            "create table extra (id int primary key)",
        ],
        &["drop table extra", "alter table org drop column note"],
    );
    let heard = heard(&db, &proof).await;
    let seen: Vec<Vec<String>> = heard.schemas.iter().map(columns).collect();
    assert_eq!(
        seen,
        [
            vec!["org(id,mail)".to_owned()],
            vec!["extra(id)".to_owned(), "org(id,mail,note)".to_owned()],
            vec!["org(id,mail)".to_owned()],
        ],
        "{:?}",
        heard.notes
    );
    assert!(
        matches!(heard.notes.last(), Some(ProofNote::Ended { version, left: None }) if version.contains(' ')),
        "{:?}",
        heard.notes
    );
    // The target is as it was.
    assert_eq!(db.number("select count(*) from kept").await, 0);

    let failing = look(
        &db,
        &before,
        &[
            "alter table org add column note varchar(80)",
            "alter table org drop column missing",
        ],
        &[],
    );
    let heard = self::heard(&db, &failing).await;
    let failed = heard.notes.iter().find_map(|note| match note {
        ProofNote::Failed {
            part,
            statement,
            error,
        } => Some((*part, *statement, error.clone())),
        _ => None,
    });
    let (part, statement, error) = failed.unwrap_or_else(|| panic!("{:?}", heard.notes));
    assert_eq!((part, statement), (ProofPart::Change, Some(1)));
    assert!(error.contains("missing"), "{error}");

    let data = look(&db, &before, &["delete from org"], &[]);
    let heard = self::heard(&db, &data).await;
    assert!(
        matches!(&heard.notes[0], ProofNote::Untried(why) if why.contains("changes rows")),
        "{:?}",
        heard.notes
    );
    db.drop().await;
}

/// Left by a worker that was killed; another one is too young, a third has no mark.
async fn left_overs_are_dropped(kind: DbDialect) {
    let mut db = Bench::new(kind).await;
    let names: Vec<String> = (0..3)
        .map(|_| format!("{PREFIX}{}", hex::encode(muster_base::random_array::<12>())))
        .collect();
    let now = Clock::system().now().0;
    for (name, age) in names
        .iter()
        .zip([Some(31 * UnixMs::MINUTE), Some(UnixMs::MINUTE), None])
    {
        db.sql(&format!("create database {name}")).await;
        let Some(age) = age else { continue };
        let mark = format!("muster scratch database of {}", now - age);
        db.sql(&match kind {
            DbDialect::Postgres => format!("comment on database {name} is '{mark}'"),
            DbDialect::MySql => {
                format!("create table {name}.{MARKER} (id int primary key) comment = '{mark}'")
            }
        })
        .await;
    }
    let proof = look(
        &db,
        &[],
        &["create table t (id int primary key)"],
        &["drop table t"],
    );
    let heard = heard(&db, &proof).await;
    assert!(
        matches!(heard.notes.last(), Some(ProofNote::Ended { left: None, .. })),
        "{:?}",
        heard.notes
    );
    for (name, there) in names.iter().zip([0, 1, 1]) {
        let sql = match kind {
            DbDialect::Postgres => format!("select count(*) from pg_database where datname = '{name}'"),
            DbDialect::MySql => {
                format!("select count(*) from information_schema.schemata where schema_name = '{name}'")
            }
        };
        assert_eq!(db.number(&sql).await, there, "{name}");
        if there == 1 {
            db.sql(&format!("drop database {name}")).await;
        }
    }
    db.drop().await;
}

/// Whoever asked goes away in the middle.
async fn nothing_stays_when_nobody_listens(kind: DbDialect) {
    let db = Bench::new(kind).await;
    let proof = look(
        &db,
        &[],
        &["create table t (id int primary key)"],
        &["drop table t"],
    );
    let (out, mut said) = mpsc::channel(1);
    let gone = CancellationToken::new();
    let (password, clock) = (&db.server.password, Clock::system());
    let leave = async {
        said.recv().await;
        gone.cancel();
        let mut last = None;
        while let Some(said) = said.recv().await {
            last = Some(said);
        }
        last
    };
    let ((), last) = tokio::join!(prove(&proof, password, &clock, &gone, out), leave);
    // It says so itself: the scratch database is dropped, and no more was tried.
    assert!(
        matches!(&last, Some(Said::Note(ProofNote::Ended { left: None, .. }))),
        "{last:?}"
    );
    db.drop().await;
}

#[tokio::test]
async fn a_change_is_proven_beside_its_target_on_postgres() {
    is_proven(DbDialect::Postgres).await;
}

#[tokio::test]
async fn a_change_is_proven_beside_its_target_on_mariadb() {
    is_proven(DbDialect::MySql).await;
}

#[tokio::test]
async fn what_a_killed_worker_left_is_dropped_on_postgres() {
    left_overs_are_dropped(DbDialect::Postgres).await;
}

#[tokio::test]
async fn what_a_killed_worker_left_is_dropped_on_mariadb() {
    left_overs_are_dropped(DbDialect::MySql).await;
}

#[tokio::test]
async fn a_proof_that_nobody_waits_for_ends_on_postgres() {
    nothing_stays_when_nobody_listens(DbDialect::Postgres).await;
}

#[tokio::test]
async fn a_proof_that_nobody_waits_for_ends_on_mariadb() {
    nothing_stays_when_nobody_listens(DbDialect::MySql).await;
}

#[tokio::test]
async fn other_databases_of_the_server_are_out_of_reach_on_mariadb() {
    let mut db = Bench::new(DbDialect::MySql).await;
    db.sql("create table kept (id int primary key)").await;
    let drop = format!("drop table {}.kept", db.name);
    let proof = look(&db, &[], &[&drop], &[]);
    let heard = heard(&db, &proof).await;
    assert!(
        matches!(&heard.notes[0], ProofNote::Untried(why) if why.contains("names the database")),
        "{:?}",
        heard.notes
    );
    assert_eq!(db.number("select count(*) from kept").await, 0);
    db.drop().await;
}
