//! Laws of plans, on real servers and made-up schemas A and B.
//!
//! - What a server reports of A equals A.
//! - The plan from A to B runs; afterwards the catalogue says what it says where B was made directly, and nothing is left
//!   to plan. The same from B to A.
//! - A table that both have keeps its rows, and a column that both have with the same type its values.
//!
//! Each run takes new seeds and prints those that break a law. `MUSTER_LAW_SEED` is one to try again,
//! `MUSTER_LAW_CASES` how many to try.

mod made;

use anyhow::{Context as _, Result, ensure};
use muster_workbench::Env;

use crate::cases::Body;
use crate::database::{Database, Server};
use crate::judge::{plan_to, run};
use made::{Dice, Made};

/// So many take some seconds.
const CASES: u64 = 6;

#[test]
fn plans_for_postgres_keep_the_laws() -> Result<()> {
    on_server(
        async |url| {
            let server = crate::postgres::Postgres::connect(&url).await?;
            hold_on(&server).await
        },
        "MUSTER_TEST_POSTGRES_URL",
    )
}

#[test]
fn plans_for_mysql_keep_the_laws() -> Result<()> {
    on_server(
        async |url| {
            let server = crate::mysql::MySql::connect(&url).await?;
            hold_on(&server).await
        },
        "MUSTER_TEST_MYSQL_URL",
    )
}

fn on_server(test: impl AsyncFn(String) -> Result<()>, variable: &str) -> Result<()> {
    let env = Env::from_process();
    let url = env
        .get(variable)
        .with_context(|| format!("{variable} is not set"))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(test(url.to_owned()))
}

async fn hold_on<S: Server>(server: &S) -> Result<()> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let cases = number("MUSTER_LAW_CASES").unwrap_or(CASES);
    let seeds: Vec<u64> = if let Some(seed) = number("MUSTER_LAW_SEED") {
        vec![seed]
    } else {
        let first = u64::from_le_bytes(muster_base::random_array());
        (0..cases).map(|at| (first >> 1).wrapping_add(at)).collect()
    };
    let mut broken = Vec::new();
    for seed in seeds {
        if let Err(error) = holds(server, seed).await {
            broken.push(format!("MUSTER_LAW_SEED={seed}: {error:#}"));
        }
    }
    server.close().await?;
    ensure!(
        broken.is_empty(),
        "{} of {cases}:\n{}",
        broken.len(),
        broken.join("\n\n")
    );
    Ok(())
}

async fn holds<S: Server>(server: &S, seed: u64) -> Result<()> {
    let mut dice = Dice(seed);
    let a = Made::any(S::DIALECT, &mut dice);
    let b = a.changed(&mut dice);
    let case = Body::default();
    let mut direct = server.database().await?;
    server.empty(&mut direct, &case).await?;
    given(&mut direct, &b.sql())
        .await
        .with_context(|| format!("B is no schema: {}", b.sql()))?;
    let mut database = server.database().await?;
    server.empty(&mut database, &case).await?;
    given(&mut database, &a.sql())
        .await
        .with_context(|| format!("A is no schema: {}", a.sql()))?;
    for sql in a.rows() {
        said(database.run(&sql).await).with_context(|| sql.clone())?;
    }
    let (as_a, as_b) = (said(database.snapshot().await)?, said(direct.snapshot().await)?);
    let to_a = muster_schema::read(S::DIALECT, &a.sql())?;
    let to_b = muster_schema::read(S::DIALECT, &b.sql())?;
    let nothing = planned::<S>(&mut database, &to_a)
        .await
        .context("A reported and A read")?;
    ensure!(nothing.is_empty(), "A reported differs from A: {}", nothing.sql());

    let before = contents(&mut database, &a, &b).await?;
    let there = planned::<S>(&mut database, &to_b).await.context("from A to B")?;
    arrives::<S>(&mut database, &there, &to_b, &as_b)
        .await
        .with_context(|| format!("from A to B:\n{}\nA:\n{}", there.sql(), a.sql()))?;
    let after = contents(&mut database, &a, &b).await?;
    ensure!(
        before == after,
        "rows were lost: {before:?}, {after:?}; {}",
        there.sql()
    );

    let back = planned::<S>(&mut database, &to_a).await.context("from B to A")?;
    arrives::<S>(&mut database, &back, &to_a, &as_a)
        .await
        .with_context(|| format!("from B to A:\n{}\nB:\n{}", back.sql(), b.sql()))?;
    let after = contents(&mut database, &a, &b).await?;
    ensure!(
        before == after,
        "rows were lost on the way back: {before:?}, {after:?}; {}",
        back.sql()
    );
    server.give_back(database);
    server.give_back(direct);
    Ok(())
}

/// Makes a schema, which may be of nothing.
async fn given<D: Database>(database: &mut D, sql: &str) -> Result<()> {
    if sql.is_empty() {
        return Ok(());
    }
    said(database.run_text(sql).await)
}

async fn planned<S: Server>(
    database: &mut S::Database,
    to: &muster_schema::Schema,
) -> Result<muster_schema::Plan> {
    plan_to::<S>(database, to)
        .await
        .map_err(|(_, reason)| anyhow::Error::msg(reason))
}

/// Runs a plan, and looks where it led.
async fn arrives<S: Server>(
    database: &mut S::Database,
    plan: &muster_schema::Plan,
    to: &muster_schema::Schema,
    wanted: &[String],
) -> Result<()> {
    run::<S>(database, plan)
        .await
        .map_err(|(_, reason)| anyhow::Error::msg(reason))?;
    let now = said(database.snapshot().await)?;
    let only = |some: &[String], others: &[String]| -> Vec<String> {
        some.iter()
            .filter(|line| !others.contains(line))
            .cloned()
            .collect()
    };
    ensure!(
        now == wanted,
        "the catalogue is {:#?}, should be {:#?}",
        only(&now, wanted),
        only(wanted, &now)
    );
    let again = planned::<S>(database, to).await?;
    ensure!(
        again.is_empty(),
        "there is still something to plan: {}",
        again.sql()
    );
    Ok(())
}

/// The rows of tables that both have, in the columns that both have with the same type.
async fn contents<D: Database>(database: &mut D, a: &Made, b: &Made) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (name, table) in &a.tables {
        let Some(other) = b.tables.get(name) else { continue };
        let mut columns = vec!["id".to_owned()];
        columns.extend(
            table
                .columns
                .iter()
                .filter(|(own, of)| {
                    other
                        .columns
                        .get(*own)
                        .is_some_and(|other| other.data_type == of.data_type)
                })
                .map(|(own, _)| a.quoted(own)),
        );
        let sql = format!(
            "select concat_ws('|', {}) from {} order by id",
            columns.join(", "),
            a.quoted(name)
        );
        let rows = said(database.rows(&sql).await).with_context(|| sql.clone())?;
        found.extend(rows.into_iter().map(|row| format!("{name}: {row:?}")));
    }
    Ok(found)
}

fn said<T>(answer: Result<T, String>) -> Result<T> {
    answer.map_err(anyhow::Error::msg)
}
