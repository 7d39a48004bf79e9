//! The past of a large installation, which is given its end in steps.

use super::{super::ending, *};

/// The past of before, begun to be given its end as that of a large installation is.
async fn endless_past(test: &Test, table: &Table) -> Partition {
    let past = list(&mut pool(&test.app.telemetry_db).acquire().await.unwrap(), table)
        .await
        .unwrap();
    let [past] = past.try_into().unwrap();
    past
}

/// How often the transaction has read the table from one end to the other.
const SCANS: &str = "select coalesce(sum(seq_scan), 0)::bigint from pg_stat_xact_all_tables \
    where relname = 'packed_hours_past'";

#[tokio::test]
async fn a_large_past_is_given_its_end_while_others_read_and_write_and_goes_on_after_a_kill() {
    for killed_after in 0..=2 {
        let test = Test::upgraded_postgres(STEP, async |db| fill(db).await).await;
        let db = &test.app.telemetry_db;
        // Not the start's own, which takes a small one at once.
        for table in [&SAMPLES, &CHUNKS, &PACKED] {
            let join = format!(
                "alter table {0} detach partition {0}_past; \
                 alter table {0} attach partition {0}_past for values from (minvalue) to (maxvalue)",
                table.name
            );
            remove_others(db, table).await;
            sqlx::raw_sql(AssertSqlSafe(join))
                .execute(pool(db))
                .await
                .unwrap();
            let past = endless_past(&test, table).await;
            ending::begin(pool(db), table, &past, NOW).await.unwrap();
            if killed_after >= 1 {
                ending::validate(pool(db), &past).await.unwrap();
            }
            if killed_after >= 2 {
                // Broken off in the middle of the last step: it was one transaction.
                let mut tx = pool(db).begin().await.unwrap();
                assert!(ending::finish(&mut tx, table, &past).await.unwrap().is_some());
                tx.rollback().await.unwrap();
            }
            assert!(!is_prepared(db, table, NOW).await.unwrap());
            assert_eq!(room(db, table, NOW).await.unwrap(), Some(table.wanted(NOW)));
        }
        // What comes meanwhile is taken.
        let host = join(&test).await;
        submit(&test, host, report(&[NOW.plus_ms(UnixMs::DAY)])).await;

        rules::prepare(db, NOW).await.unwrap();
        for table in [&SAMPLES, &CHUNKS, &PACKED] {
            assert!(is_prepared(db, table, NOW).await.unwrap());
            assert_eq!(names(db, table).await, [table.past()]);
            let checks =
                "select count(*) from pg_constraint where contype = 'c' and conrelid = $1::text::regclass";
            let checks: i64 = sqlx::query_scalar(checks)
                .bind(table.past())
                .fetch_one(pool(db))
                .await
                .unwrap();
            assert_eq!(checks, 0, "the bounds say it now");
        }
        // From then on as ever.
        let next = NOW.plus_ms(3 * UnixMs::DAY);
        rules::prepare(db, next).await.unwrap();
        assert_eq!(names(db, &SAMPLES).await[1], "samples_20260531");
        assert_eq!(places(db, &SAMPLES).await.len(), 4);
        test.finish().await;
    }
}

/// All partitions but the past, with what is in them.
async fn remove_others(db: &Db, table: &Table) {
    for name in names(db, table).await.split_off(1) {
        sqlx::raw_sql(AssertSqlSafe(format!("drop table {name}")))
            .execute(pool(db))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn nobody_waits_while_a_past_is_read_and_it_is_read_once() {
    let test = Test::upgraded_postgres(STEP, async |db| fill(db).await).await;
    let db = &test.app.telemetry_db;
    remove_others(db, &PACKED).await;
    let endless = "alter table packed_hours detach partition packed_hours_past; \
        alter table packed_hours attach partition packed_hours_past for values from (minvalue) to (maxvalue)";
    sqlx::raw_sql(endless).execute(pool(db)).await.unwrap();
    let past = endless_past(&test, &PACKED).await;
    ending::begin(pool(db), &PACKED, &past, NOW).await.unwrap();

    // As long as it is being read, others write and read.
    let check = ending::find(&mut pool(db).acquire().await.unwrap(), &past.name)
        .await
        .unwrap()
        .unwrap();
    let mut reading = pool(db).begin().await.unwrap();
    let validate = format!(
        "alter table packed_hours_past validate constraint packed_hours_past_ends_{}",
        check.end.0
    );
    sqlx::raw_sql(AssertSqlSafe(validate))
        .execute(&mut *reading)
        .await
        .unwrap();
    let write =
        "set local lock_timeout = '1s'; update packed_hours set hours = 3; select count(*) from packed_hours";
    let mut writing = pool(db).begin().await.unwrap();
    sqlx::raw_sql(write).execute(&mut *writing).await.unwrap();
    writing.commit().await.unwrap();
    reading.commit().await.unwrap();

    // Under the lock that everybody waits for nothing is read.
    let mut tx = pool(db).begin().await.unwrap();
    let before: i64 = sqlx::query_scalar(SCANS).fetch_one(&mut *tx).await.unwrap();
    assert!(ending::finish(&mut tx, &PACKED, &past).await.unwrap().is_some());
    let after: i64 = sqlx::query_scalar(SCANS).fetch_one(&mut *tx).await.unwrap();
    assert_eq!(before, after);
    tx.commit().await.unwrap();
    test.finish().await;
}
