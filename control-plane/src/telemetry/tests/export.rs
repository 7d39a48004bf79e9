//! Tables of readings.

use std::time::Duration;

use axum::http::Method;
use muster_base::UnixMs;
use parquet::{
    file::reader::{FileReader as _, SerializedFileReader},
    record::RowAccessor as _,
};
use serde_json::{Value, json};

use super::{HOUR, START, await_sealed, join, rollups, samples, submit};
use crate::{
    access::Role,
    testing::{Client, both_databases},
};

both_databases!(a_table_has_every_sample_once_sealed_or_not, |test| {
    let host = join(test).await;
    let all = 2 * HOUR + 30;
    submit(test, host, samples((0..all).filter(|number| *number != 7))).await;
    await_sealed(test, host, 2 * HOUR - 1).await;
    let admin = test.admin().await;
    let path = |rest: &str| {
        format!(
            "/api/v1/hosts/{host}/metrics/export?from={}&to={}{rest}",
            START.0,
            START.plus_ms(3 * UnixMs::HOUR).0
        )
    };
    let (status, headers, text) = admin.respond(Method::GET, &path(""), None, &[]).await;
    assert_eq!(
        (status, &headers["content-type"]),
        (200, &"text/csv; charset=utf-8".parse().unwrap())
    );
    let lines: Vec<&str> = text.as_str().unwrap().lines().collect();
    assert_eq!(
        lines[..2],
        [
            "time,cpu.total,disk./.used,disk./var.used,disk./.available",
            "2026-05-28T00:00:00.000Z,0,40,1,60"
        ]
    );
    assert_eq!(i64::try_from(lines.len()).unwrap(), all);
    for (line, number) in lines[1..].iter().zip((0..all).filter(|number| *number != 7)) {
        let time = START.plus_ms(number * 10_000);
        assert_eq!(*line, format!("{time},{},40,1,60", number % 100));
    }

    let asked = path("&format=jsonl&series=disk.*.used");
    let (_, text) = admin.get(&asked).await;
    let first: Value = serde_json::from_str(text.as_str().unwrap().lines().next().unwrap()).unwrap();
    assert_eq!(
        first,
        json!({"time": START, "values": {"disk./.used": 40, "disk./var.used": 1}})
    );
});

both_databases!(a_parquet_file_holds_what_the_table_does, |test| {
    let host = join(test).await;
    let all = 2 * HOUR + 30;
    submit(test, host, samples((0..all).filter(|number| *number != 7))).await;
    await_sealed(test, host, 2 * HOUR - 1).await;
    let admin = test.admin().await;
    let path = |format: &str| {
        format!(
            "/api/v1/hosts/{host}/metrics/export?series=cpu.total,disk.*.used&from={}&to={}&format={format}",
            START.0,
            START.plus_ms(3 * UnixMs::HOUR).0
        )
    };
    let (status, headers, file) = admin.get_bytes(&path("parquet"), &[]).await;
    assert_eq!(
        (status, &headers["content-type"]),
        (200, &"application/vnd.apache.parquet".parse().unwrap())
    );
    let name = headers["content-disposition"].to_str().unwrap();
    assert!(name.ends_with(".parquet\""), "{name}");
    let reader = SerializedFileReader::new(bytes::Bytes::from(file)).unwrap();
    let schema = reader.metadata().file_metadata().schema_descr();
    let names: Vec<_> = schema.columns().iter().map(|one| one.name().to_owned()).collect();
    assert_eq!(names, ["time", "cpu.total", "disk./.used", "disk./var.used"]);
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();

    let (_, csv) = admin.get(&path("csv")).await;
    let lines: Vec<&str> = csv.as_str().unwrap().lines().skip(1).collect();
    assert_eq!(
        (rows.len(), lines.len()),
        (lines.len(), usize::try_from(all - 1).unwrap())
    );
    for (row, line) in rows.iter().zip(lines) {
        let at = UnixMs(row.get_timestamp_millis(0).unwrap());
        let mut fields = vec![at.to_string()];
        fields.extend((1..4).map(|column| row.get_double(column).unwrap().to_string()));
        assert_eq!(fields.join(","), line);
    }
});

both_databases!(a_parquet_file_of_hours_has_a_column_for_each_statistic, |test| {
    let host = join(test).await;
    submit(test, host, samples([0])).await;
    submit(test, host, rollups(0..3 * HOUR)).await;
    let path = format!(
        "/api/v1/hosts/{host}/metrics/export?tier=hour&series=cpu.total,load.1&stats=max,count&format=parquet&from={}",
        START.0
    );
    let (_, _, file) = test.admin().await.get_bytes(&path, &[]).await;
    let reader = SerializedFileReader::new(bytes::Bytes::from(file)).unwrap();
    let rows: Vec<String> = reader
        .get_row_iter(None)
        .unwrap()
        .map(|row| row.unwrap().to_string())
        .collect();
    assert_eq!(rows.len(), 3);
    assert!(
        rows[0].contains("cpu.total:max: 99") && rows[0].contains("cpu.total:count: 360"),
        "{rows:?}"
    );

    // Nothing at all is a file without rows.
    let (_, _, file) = test
        .admin()
        .await
        .get_bytes(&path.replace("cpu.total,load.1", "swap.used"), &[])
        .await;
    let reader = SerializedFileReader::new(bytes::Bytes::from(file)).unwrap();
    assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
});

both_databases!(a_table_of_hours_has_the_statistics_that_are_asked_for, |test| {
    let host = join(test).await;
    submit(test, host, samples([0])).await;
    submit(test, host, rollups(0..3 * HOUR)).await;
    let admin = test.admin().await;
    let path = format!(
        "/api/v1/hosts/{host}/metrics/export?tier=hour&series=cpu.total&stats=max,count&from={}",
        START.0
    );
    let (_, text) = admin.get(&path).await;
    assert_eq!(
        text,
        "time,cpu.total:max,cpu.total:count\n2026-05-28T00:00:00.000Z,99,360\n\
         2026-05-28T01:00:00.000Z,99,360\n2026-05-28T02:00:00.000Z,99,360\n"
    );
    let path = format!(
        "/api/v1/hosts/{host}/containers/web/metrics/export?tier=day&series=cpu&format=jsonl&from={}",
        START.0
    );
    let (_, day) = admin.get(&path).await;
    let stats = json!({"avg": 25, "min": 25, "max": 25});
    assert_eq!(day, json!({"time": START, "values": {"container.cpu": stats}}));
});

both_databases!(what_can_t_be_a_table_is_refused_before_it_begins, |test| {
    let host = join(test).await;
    submit(test, host, samples([0])).await;
    let admin = test.admin().await;
    let ask = async |rest: &str| {
        let (status, answer) = admin
            .get(&format!("/api/v1/hosts/{host}/metrics/export?{rest}"))
            .await;
        let fields: Vec<_> = answer["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| one["field"].as_str().unwrap_or_default().to_owned())
            .collect();
        (status, fields)
    };
    let wrong = |fields: &[&str]| {
        (
            422,
            fields.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>(),
        )
    };
    assert_eq!(
        ask("from=yesterday&series=cpu.totl&tier=hour&stats=median").await,
        wrong(&["from", "series", "stats"])
    );
    assert_eq!(
        ask("from=2026-05-02T00:00:00Z&to=2026-05-01T00:00:00Z").await,
        wrong(&["from"])
    );
    assert_eq!(
        ask("from=2026-01-01T00:00:00Z&to=2026-05-01T00:00:00Z").await,
        wrong(&["from"])
    );
    let gone = format!("/api/v1/hosts/{host}/containers/nothing/metrics/export");
    assert_eq!(admin.get(&gone).await.0, 404);
});

both_databases!(
    a_table_ends_when_its_reader_may_not_see_it_any_more_and_few_are_read_at_once,
    |test| {
        let host = join(test).await;
        submit(test, host, samples(0..3 * HOUR)).await;
        let vera = test.member("vera", Role::Viewer).await;
        let path = format!("/api/v1/hosts/{host}/metrics/export?from={}", START.0);
        let (rita, sven) = (
            test.member("rita", Role::Viewer).await,
            test.member("sven", Role::Viewer).await,
        );
        let refused = async |client: &Client<'_>| {
            let (status, problem) = client.get(&path).await;
            assert_eq!((status, &problem["type"]), (429, &"rate-limited".into()));
        };
        let mut open = Vec::new();
        for client in [&vera, &vera] {
            open.push(client.follow(&path).await);
        }
        refused(&vera).await;
        for client in [&rita, &rita] {
            open.push(client.follow(&path).await);
        }
        refused(&sven).await;
        drop(open);
        let given_back = async {
            while vera.get(&path).await.0 == 429 {
                tokio::task::yield_now().await;
            }
        };
        let given_back = tokio::time::timeout(Duration::from_secs(30), given_back).await;
        assert!(given_back.is_ok(), "whoever reads no more has no seat");
        let mut followed = sven.follow(&path).await;
        followed.wait_for("time,").await;
        assert_eq!(sven.post("/api/v1/auth/logout", json!({})).await.0, 204);
        assert!(followed.breaks_off().await);
    }
);
