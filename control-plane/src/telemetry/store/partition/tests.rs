//! Partitions in PostgreSQL, and what must be the same on SQLite.

mod large;

use muster_base::{HostId, OrgId};
use muster_metrics::{Kind, SampleBuilder, frame::Encoder};
use muster_protocol::latest::Report;
use serde_json::json;

use super::*;
use crate::{
    app::App,
    backup::{self, Parts, Unlock},
    db::{Databases, migrate, survey},
    in_tx,
    telemetry::{
        partition::{self as rules, CHUNKS, PACKED, SAMPLES},
        retention,
        store::{
            chunk::{self, ChunkRow},
            packed, sample,
            usage::{self, Part},
        },
        tests::{join, stored, submit},
    },
    testing::{Test, both_databases},
};

/// The step that divides the tables.
const STEP: i64 = 83;
const NOW: UnixMs = crate::testing::START;

fn day(text: &str) -> UnixMs {
    format!("{text}T00:00:00Z").parse().unwrap()
}

fn pool(db: &Db) -> &sqlx::PgPool {
    match db {
        Db::Postgres(pool) => pool,
        Db::Sqlite(_) => panic!("not PostgreSQL"),
    }
}

async fn names(db: &Db, table: &Table) -> Vec<String> {
    let partitions = list(&mut pool(db).acquire().await.unwrap(), table).await.unwrap();
    let ends = |two: &[Partition]| two[0].to.is_some() && two[0].to == two[1].from;
    assert!(partitions.windows(2).all(ends), "{partitions:?}");
    assert_eq!(partitions.first().map(|first| first.from), Some(None));
    partitions.into_iter().map(|partition| partition.name).collect()
}

/// The partitions that rows are in, each row with its own.
async fn places(db: &Db, table: &Table) -> Vec<String> {
    let sql = format!(
        "select tableoid::regclass::text from {} order by {}",
        table.name, table.column
    );
    sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_all(pool(db))
        .await
        .unwrap()
}

fn report(times: &[UnixMs]) -> Report {
    let mut encoder = Encoder::default();
    for at in times {
        let mut builder = SampleBuilder::default();
        builder.push(Kind::CPU_TOTAL, 7);
        encoder.push(builder.finish(*at));
    }
    Report {
        samples: encoder.finish(),
        ..Report::default()
    }
}

async fn put_chunk(app: &App, org: OrgId, hour: UnixMs) -> Result<(), DbError> {
    let row = ChunkRow {
        org,
        host: HostId::from_uuid(app.clock.new_id()),
        hour,
        hours: 1,
        samples: 360,
        chunk: vec![1],
    };
    in_tx!(app.telemetry_db, |tx| {
        assert!(chunk::put(tx, &row, None).await?);
    });
    Ok(())
}

async fn chunks_of(app: &App, org: OrgId) -> usize {
    let parts = usage::of_org(&app.telemetry_db, org, Part::Sealed).await.unwrap();
    parts.len()
}

/// Rows of several days, as a control plane of before left them.
async fn fill(db: &Db) {
    const SQL: &str = "with host as (select '0199c0de-0000-7000-8000-000000000001'::uuid as id), \
        samples as (insert into samples (host_id, at, org_id, frame) \
            select id, unnest($1::bigint[]), id, 'x'::bytea from host), \
        chunks as (insert into sample_chunks (host_id, hour, org_id, hours, samples, chunk) \
            select id, unnest($2::bigint[]), id, 1, 360, 'x'::bytea from host) \
        insert into packed_hours (host_id, subject, day, org_id, hours, values_count, body) \
            select id, '', unnest($3::bigint[]), id, 1, 1, 'x'::bytea from host";
    let ago = |days: i64| NOW.plus_ms(-days * UnixMs::DAY).floor_to(UnixMs::DAY).0;
    sqlx::query(SQL)
        .bind(vec![ago(40), ago(3), NOW.0])
        .bind(vec![ago(40), ago(3), ago(1)])
        .bind(vec![ago(80), ago(8), ago(1)])
        .execute(pool(db))
        .await
        .unwrap();
}

#[tokio::test]
async fn rows_of_before_are_there_and_new_days_have_tables_of_their_own() {
    let test = Test::upgraded_postgres(STEP, async |db| fill(db).await).await;
    let db = &test.app.telemetry_db;
    let past = |table: &str| vec![format!("{table}_past"); 3];
    for table in [&SAMPLES, &CHUNKS, &PACKED] {
        assert_eq!(places(db, table).await, past(table.name), "nothing is moved");
    }
    // The newest sample is of today, the newest chunk of yesterday, packed hours are divided by weeks.
    let expected = ["samples_past", "samples_20260529", "samples_20260530"];
    assert_eq!(names(db, &SAMPLES).await, expected);
    assert_eq!(names(db, &CHUNKS).await[1], "sample_chunks_20260528");
    let expected = [
        "packed_hours_past",
        "packed_hours_20260601",
        "packed_hours_20260608",
    ];
    assert_eq!(names(db, &PACKED).await, expected);

    // What is new goes to its day.
    let host = join(&test).await;
    submit(&test, host, report(&[NOW.plus_ms(UnixMs::DAY)])).await;
    assert_eq!(places(db, &SAMPLES).await[3..], ["samples_20260529"]);

    // Old rows go one by one until nobody keeps any of them, and then with their table.
    retention::enforce(&test.app).await.unwrap();
    assert_eq!(places(db, &CHUNKS).await, past("sample_chunks")[..2]);
    test.app.clock.advance(10 * UnixMs::DAY);
    retention::enforce(&test.app).await.unwrap();
    assert_eq!(places(db, &CHUNKS).await, [""; 0]);
    let now = names(db, &SAMPLES).await;
    assert_eq!((now[1].as_str(), now.len()), ("samples_20260531", 11));
    test.finish().await;
}

both_databases!(late_readings_and_those_of_tomorrow_are_stored, |test| {
    let host = join(test).await;
    let ago = NOW.plus_ms(-40 * UnixMs::DAY);
    submit(test, host, report(&[ago, NOW, NOW.plus_ms(UnixMs::DAY)])).await;
    // The hours of long ago and of now are sealed meanwhile, and found all the same.
    assert_eq!(stored(test, host).await["samples"], 3);
    if test.app.telemetry_db.has_partitions() {
        let newest = places(&test.app.telemetry_db, &SAMPLES).await.pop();
        assert_eq!(newest.as_deref(), Some("samples_20260529"));
    }

    // Nobody made tables for a month.
    test.app.clock.advance(30 * UnixMs::DAY);
    let next = test.app.clock.now();
    submit(test, host, report(&[next, next.plus_ms(UnixMs::DAY)])).await;
    assert_eq!(stored(test, host).await["samples"], 5);
    retention::enforce(&test.app).await.unwrap();
    assert_eq!(stored(test, host).await["samples"], 2);
});

#[tokio::test]
async fn several_make_and_drop_partitions_at_once() {
    let test = Test::postgres().await;
    let db = &test.app.telemetry_db;
    for days in [1, 9, 400] {
        test.app.clock.advance(days * UnixMs::DAY);
        let (a, b, c) = tokio::join!(
            rules::prepare(db, test.app.clock.now()),
            retention::enforce(&test.app),
            rules::prepare(db, test.app.clock.now()),
        );
        a.unwrap();
        b.unwrap();
        c.unwrap();
        for table in [&SAMPLES, &CHUNKS, &PACKED] {
            let now = test.app.clock.now();
            assert!(is_prepared(db, table, now).await.unwrap());
            let last = names(db, table).await.pop().unwrap();
            assert_eq!(
                last,
                table.partition(table.start_of(table.wanted(now).plus_ms(-1)))
            );
        }
    }
    // Nothing of more than a year ago but the past.
    assert!(names(db, &SAMPLES).await.len() < 12);
    test.finish().await;
}

#[tokio::test]
async fn a_day_is_dropped_when_no_org_keeps_it_any_more() {
    let test = Test::postgres().await;
    let (app, db) = (&test.app, &test.app.telemetry_db);
    app.clock.advance(1);
    test.stranger("elsewhere").await;
    let orgs = crate::access::list_org_ids(app).await.unwrap();
    let days = json!({"rawDays": 1, "hourDays": 2});
    let path = "/api/v1/metrics/retention";
    let (status, _) = test
        .admin()
        .await
        .call(axum::http::Method::PUT, path, Some(days))
        .await;
    assert_eq!(status, 200);
    for org in &orgs {
        put_chunk(app, *org, day("2026-05-28")).await.unwrap();
        put_chunk(app, *org, day("2026-05-29")).await.unwrap();
    }

    app.clock.advance(3 * UnixMs::DAY);
    retention::enforce(app).await.unwrap();
    assert_eq!(
        (chunks_of(app, orgs[0]).await, chunks_of(app, orgs[1]).await),
        (0, 2)
    );
    assert!(
        names(db, &CHUNKS)
            .await
            .contains(&"sample_chunks_20260528".to_owned())
    );

    // Seven days after the end of the first: the other is kept for another day.
    app.clock.advance(4 * UnixMs::DAY + 4 * UnixMs::HOUR);
    retention::enforce(app).await.unwrap();
    assert_eq!(chunks_of(app, orgs[1]).await, 1);
    let left = names(db, &CHUNKS).await;
    assert_eq!(left[..2], ["sample_chunks_past", "sample_chunks_20260529"]);
    assert_eq!(names(db, &SAMPLES).await[1], "samples_20260529");
    test.finish().await;
}

#[tokio::test]
async fn whoever_reads_for_long_delays_the_dropping_and_nothing_else() {
    let test = Test::postgres().await;
    let (app, db) = (&test.app, &test.app.telemetry_db);
    let org = test.default_org().await;
    put_chunk(app, org, day("2026-05-28")).await.unwrap();
    let mut reader = pool(db).begin().await.unwrap();
    sqlx::query("select count(*) from sample_chunks")
        .execute(&mut *reader)
        .await
        .unwrap();
    app.clock.advance(9 * UnixMs::DAY);
    retention::enforce(app).await.unwrap();
    assert_eq!(chunks_of(app, org).await, 1);
    assert!(is_prepared(db, &CHUNKS, app.clock.now()).await.unwrap());
    put_chunk(app, org, app.clock.now().floor_to(UnixMs::HOUR))
        .await
        .unwrap();
    reader.rollback().await.unwrap();
    retention::enforce(app).await.unwrap();
    assert_eq!(chunks_of(app, org).await, 1);
    test.finish().await;
}

#[tokio::test]
async fn a_chart_of_a_day_looks_at_the_tables_of_that_day() {
    let test = Test::postgres().await;
    let db = &test.app.telemetry_db;
    let (from, to) = (day("2026-05-29").0, day("2026-05-30").0);
    let id = format!("'{}'", uuid::Uuid::nil());
    // Once planned for these values, once for all, as PostgreSQL does with a statement that comes often.
    for mode in ["force_custom_plan", "force_generic_plan"] {
        for (sql, table, touched, values) in [
            (
                sample::LIST,
                &SAMPLES,
                "samples_20260529",
                format!("{id}, {from}, {to}, {id}"),
            ),
            (
                chunk::LIST,
                &CHUNKS,
                "sample_chunks_20260529",
                format!("{id}, {from}, {to}, {from}, {id}"),
            ),
            (
                packed::LIST,
                &PACKED,
                "packed_hours_20260525",
                format!("{id}, 'web', {from}, {to}, {id}"),
            ),
        ] {
            let plan = explain(db, mode, sql, &values).await;
            for partition in names(db, table).await {
                let is_read = plan.contains(&format!("on {partition} "));
                assert_eq!(is_read, partition == touched, "{mode}, {partition}: {plan}");
            }
        }
    }
    test.finish().await;
}

/// How PostgreSQL went about a question.
async fn explain(db: &Db, mode: &str, sql: &str, values: &str) -> String {
    let mut connection = pool(db).acquire().await.unwrap();
    let prepare = format!("set plan_cache_mode = {mode}; prepare chart as {sql}");
    sqlx::raw_sql(AssertSqlSafe(prepare))
        .execute(&mut *connection)
        .await
        .unwrap();
    let explain = format!("explain (analyze, costs off, timing off, summary off) execute chart({values})");
    let lines: Vec<String> = sqlx::query_scalar(AssertSqlSafe(explain))
        .fetch_all(&mut *connection)
        .await
        .unwrap();
    sqlx::raw_sql("deallocate chart; reset plan_cache_mode")
        .execute(&mut *connection)
        .await
        .unwrap();
    lines.join("\n")
}

#[tokio::test]
async fn partitions_are_no_strangers_to_an_installation() {
    let test = Test::postgres().await;
    let host = join(&test).await;
    submit(&test, host, report(&[NOW])).await;
    let mut connection = pool(&test.app.telemetry_db).acquire().await.unwrap();
    let survey = survey::survey_postgres(&mut connection, &migrate::POSTGRES)
        .await
        .unwrap();
    let (expected, found): (Vec<_>, Vec<_>) = (
        survey.expected.iter().collect(),
        survey
            .found
            .iter()
            .map(|(name, table)| (name, &table.columns))
            .collect(),
    );
    assert_eq!(expected, found);
    assert!(survey.found["samples"].filled && !survey.found["sample_chunks"].filled);
    drop(connection);
    test.finish().await;
}

#[tokio::test]
async fn a_backup_has_the_readings_of_all_days_and_a_restore_divides_them_again() {
    let test = Test::postgres().await;
    let host = join(&test).await;
    let org = test.default_org().await;
    submit(&test, host, report(&[NOW.plus_ms(UnixMs::DAY)])).await;
    for hour in ["2026-05-01", "2026-05-28", "2026-05-29"] {
        put_chunk(&test.app, org, day(hour)).await.unwrap();
    }
    let (config, file) = (
        test.data().join(crate::config::FILE_NAME),
        test.data().join("backup"),
    );
    std::fs::write(&config, "").unwrap();
    let unlock = Unlock::Passphrase("correct horse battery staple".into());
    let parts = Parts {
        telemetry: true,
        files: false,
    };
    backup::backup(&test.app, &config, &file, &unlock, parts)
        .await
        .unwrap();
    let (data, url) = (test.data().join("restored"), test.another_database().await);
    backup::restore(&file, &data, &unlock, url.clone(), &test.app.clock)
        .await
        .unwrap();

    let databases = Databases::existing(&data, url.as_ref()).await.unwrap();
    let db = &databases.telemetry;
    assert_eq!(places(db, &CHUNKS).await, ["sample_chunks_past"; 3]);
    rules::prepare(db, NOW).await.unwrap();
    assert_eq!(
        names(db, &CHUNKS).await,
        ["sample_chunks_past", "sample_chunks_20260530"]
    );
    assert_eq!(names(db, &SAMPLES).await.len(), 2);
    databases.close().await;
    test.finish().await;
}
