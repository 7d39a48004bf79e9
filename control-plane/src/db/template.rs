//! Databases with every step of the migrations applied, made once and copied for each test: the steps take longer than
//! most tests. A template is named by the steps' checksums, so that other steps make another one.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use muster_base::{ExposeSecret, SecretString, sha256};
use sqlx::{AssertSqlSafe, Connection, PgConnection, migrate::Migrator};
use tokio::time::{Instant, sleep};

use super::{Databases, migrate};
use crate::{telemetry, testing};

const FILES: [&str; 2] = ["muster.db", "telemetry.db"];

/// Puts SQLite's files into `data`.
pub(crate) async fn copy_sqlite(data: &Path) {
    let name = stamp(&[&migrate::SQLITE, &migrate::SQLITE_TELEMETRY]);
    let root = beside_the_test().join("test-databases");
    let template = root.join(name);
    if !template.exists() {
        fs::create_dir_all(&root).unwrap();
        let fresh = tempfile::tempdir_in(&root).unwrap();
        Databases::sqlite(fresh.path()).await.unwrap().close().await;
        // Another test may have been faster: its files are as good.
        if fs::rename(fresh.path(), &template).is_ok() {
            drop(fresh.keep());
        }
    }
    for file in FILES {
        fs::copy(template.join(file), data.join(file)).unwrap();
    }
}

/// The folder of the build products.
fn beside_the_test() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    program.parent().unwrap().to_owned()
}

/// The name of PostgreSQL's template in this server.
pub(crate) async fn postgres(server: &SecretString) -> String {
    let name = format!("muster_template_{}", stamp(&[&migrate::POSTGRES]));
    let mut connection = PgConnection::connect(server.expose_secret()).await.unwrap();
    if !exists(&mut connection, &name).await {
        // Whoever is second waits for the first. The lock ends with the connection.
        run(&mut connection, "select pg_advisory_lock(7305)".to_owned())
            .await
            .unwrap();
        if !exists(&mut connection, &name).await {
            make(&mut connection, server, &name).await;
        }
    }
    connection.close().await.unwrap();
    name
}

async fn exists(connection: &mut PgConnection, name: &str) -> bool {
    let query = sqlx::query_scalar("select count(*) from pg_database where datname = $1").bind(name);
    let count: i64 = query.fetch_one(connection).await.unwrap();
    count > 0
}

async fn make(connection: &mut PgConnection, server: &SecretString, name: &str) {
    let (base, _) = server.expose_secret().rsplit_once('/').unwrap();
    let unfinished = format!("{name}_unfinished");
    // Of a test that was killed.
    run(
        connection,
        format!("drop database if exists {unfinished} with (force)"),
    )
    .await
    .unwrap();
    run(connection, format!("create database {unfinished}"))
        .await
        .unwrap();
    let url = SecretString::from(format!("{base}/{unfinished}"));
    let databases = Databases::postgres(&url).await.unwrap();
    telemetry::prepare_for_tests(&databases.telemetry, testing::START).await;
    databases.close().await;
    let rename = format!("alter database {unfinished} rename to {name}");
    let end = Instant::now() + Duration::from_secs(10);
    // The server notices a moment later that nobody is connected any more.
    while let Err(error) = run(connection, rename.clone()).await {
        assert!(Instant::now() < end, "{error}");
        sleep(Duration::from_millis(20)).await;
    }
}

async fn run(connection: &mut PgConnection, sql: String) -> sqlx::Result<()> {
    sqlx::query(AssertSqlSafe(sql)).execute(connection).await?;
    Ok(())
}

fn stamp(migrators: &[&Migrator]) -> String {
    let mut steps = Vec::new();
    for step in migrators.iter().flat_map(|migrator| migrator.iter()) {
        steps.extend_from_slice(&step.version.to_be_bytes());
        steps.extend_from_slice(&step.checksum);
    }
    hex::encode(&sha256(&steps).0[..8])
}
