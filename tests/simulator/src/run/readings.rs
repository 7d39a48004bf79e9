//! Rows of readings into PostgreSQL, and a day of them out of it: as the control plane does it, and as it did before its
//! tables were divided by days and took rows as arrays. Both in one database, by turns.
//!
//! The tables of now are those that a control plane makes at its start; those of before are like them, in one piece.

use super::{rounded, start_control_plane};
use crate::complain;
use anyhow::{Context as _, Result};
use muster_base::Clock;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Postgres, QueryBuilder};
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// URL of an empty PostgreSQL database.
    #[arg(long)]
    database: String,
    /// How many hosts a day is of.
    #[arg(long, default_value_t = 2_000)]
    hosts: u32,
    /// Rows of each way, for each size of a batch.
    #[arg(long, default_value_t = 200_000)]
    rows: usize,
}

/// A host's sample with its containers, as it is stored.
const FRAME_BYTES: usize = 320;
/// Chunks of a day of a host, and what each takes.
const CHUNKS: u32 = 4;
const CHUNK_BYTES: u32 = 24 * 1024;
/// What comes in a quarter of a second from 2,000 hosts, and what a transaction takes at most.
const BATCHES: [(&str, usize); 2] = [("small", 50), ("full", 4_096)];
/// Rows that one statement took.
const PAGE: usize = 256;
const DAY_MS: i64 = 24 * 3_600 * 1_000;

pub(crate) fn run(args: &Args) -> Result<Value> {
    let dir = tempfile::tempdir()?;
    let mut plane = start_control_plane(dir.path(), 10, Some(&args.database))?;
    plane.stop();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(measure(args))
}

async fn measure(args: &Args) -> Result<Value> {
    let mut connection = PgConnection::connect(&args.database).await?;
    sqlx::raw_sql(
        "create schema before; create table before.samples (like samples_past including all); \
         create table before.sample_chunks (like sample_chunks_past including all)",
    )
    .execute(&mut connection)
    .await?;
    let day = Clock::system().now().0 / DAY_MS * DAY_MS;
    let mut numbers = serde_json::Map::new();
    for (name, size) in BATCHES {
        let (before, after) = ingest(&mut connection, args, size, day).await?;
        let per_second = |took: Duration| (args.rows as f64 / took.as_secs_f64()).round();
        complain(&format!("{size} rows a time: {before:?} before, {after:?} now"));
        numbers.insert(
            format!("{name}BatchRowsPerSecondBefore"),
            per_second(before).into(),
        );
        numbers.insert(format!("{name}BatchRowsPerSecond"), per_second(after).into());
    }
    let [before, cleaned, after] = prune(&mut connection, args, day).await?;
    let ms = |took: Duration| rounded(took.as_secs_f64() * 1_000.0);
    numbers.insert("pruneDayMsBefore".to_owned(), ms(before).into());
    numbers.insert("cleanUpMsBefore".to_owned(), ms(cleaned).into());
    numbers.insert("pruneDayMs".to_owned(), ms(after).into());
    numbers.insert("hosts".to_owned(), json!(args.hosts));
    connection.close().await?;
    Ok(Value::Object(numbers))
}

/// Samples in transactions of `size`, in the way of before and of now by turns; the time that each took.
async fn ingest(
    connection: &mut PgConnection,
    args: &Args,
    size: usize,
    day: i64,
) -> Result<(Duration, Duration)> {
    let frame = vec![7_u8; FRAME_BYTES];
    let hosts: Vec<uuid::Uuid> = (0..args.hosts)
        .map(|host| uuid::Uuid::from_u128(host.into()))
        .collect();
    let (mut before, mut after) = (Duration::ZERO, Duration::ZERO);
    sqlx::raw_sql("truncate before.samples; truncate samples")
        .execute(&mut *connection)
        .await?;
    for first in (0..args.rows).step_by(size) {
        let rows: Vec<(uuid::Uuid, i64)> = (first..args.rows.min(first + size))
            .map(|row| {
                let at = day + i64::try_from(row / hosts.len()).unwrap_or_default() * 10_000;
                (hosts[row % hosts.len()], at)
            })
            .collect();

        let began = Instant::now();
        let mut tx = connection.begin().await?;
        for page in rows.chunks(PAGE) {
            let mut sql =
                QueryBuilder::<Postgres>::new("insert into before.samples (host_id, at, org_id, frame) ");
            sql.push_values(page, |mut row, (host, at)| {
                row.push_bind(*host)
                    .push_bind(*at)
                    .push_bind(*host)
                    .push_bind(&frame);
            });
            sql.push(" on conflict (host_id, at) do nothing");
            sql.build().execute(&mut *tx).await?;
        }
        tx.commit().await?;
        before += began.elapsed();

        let began = Instant::now();
        let mut tx = connection.begin().await?;
        let ids: Vec<uuid::Uuid> = rows.iter().map(|(host, _)| *host).collect();
        sqlx::query(
            "insert into samples (host_id, at, org_id, frame) \
             select * from unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::bytea[]) \
             on conflict (host_id, at) do nothing",
        )
        .bind(&ids)
        .bind(rows.iter().map(|(_, at)| *at).collect::<Vec<i64>>())
        .bind(&ids)
        .bind(vec![frame.as_slice(); rows.len()])
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        after += began.elapsed();
    }
    Ok((before, after))
}

/// A day of chunks out of both: rows deleted, what is left of them cleaned up, and a table dropped.
async fn prune(connection: &mut PgConnection, args: &Args, day: i64) -> Result<[Duration; 3]> {
    for schema in ["before.", ""] {
        // A chunk that is compressed already, of random bytes; of the day, and of the one after, which stays.
        let fill = format!(
            "insert into {schema}sample_chunks (host_id, hour, org_id, hours, samples, chunk) \
             select lpad(to_hex(host), 32, '0')::uuid, {day} + part * {}, lpad('', 32, '0')::uuid, 1, 360, \
             decode(repeat(md5(host::text || part), {}), 'hex') \
             from generate_series(1, {}) host, generate_series(0, {}) part",
            DAY_MS / i64::from(CHUNKS),
            CHUNK_BYTES / 16,
            args.hosts,
            CHUNKS * 2 - 1,
        );
        run_sql(connection, fill).await?;
    }
    let end = day + DAY_MS;
    let delete = format!(
        "delete from before.sample_chunks where hour < {end} and hour + hours * 3600000 <= {end} \
         and (null::uuid is null or org_id = null::uuid)"
    );
    let before = run_sql(connection, delete).await?;
    let cleaned = run_sql(connection, "vacuum before.sample_chunks".to_owned()).await?;
    let partition: String =
        sqlx::query_scalar("select tableoid::regclass::text from sample_chunks where hour = $1 limit 1")
            .bind(day)
            .fetch_optional(&mut *connection)
            .await?
            .context("no chunk of today is there")?;
    let after = run_sql(connection, format!("drop table {partition}")).await?;
    Ok([before, cleaned, after])
}

async fn run_sql(connection: &mut PgConnection, sql: String) -> Result<Duration> {
    let began = Instant::now();
    sqlx::query(AssertSqlSafe(sql)).execute(&mut *connection).await?;
    Ok(began.elapsed())
}
