//! Hours that were sealed become one chunk, and nothing is lost or doubled by that.

use std::{collections::BTreeMap, time::Duration};

use muster_base::{HostId, UnixMs};
use muster_metrics::{
    Kind, Period, RollupBody, Series,
    chunk::{self, Effort},
    encode_rollups,
};
use muster_protocol::latest::Report;
use tokio::time::{Instant, sleep};

use crate::{
    telemetry::{
        retention,
        store::{self, chunk::Span},
        tests::{HOUR, START, await_sealed, join, samples, stored, submit},
    },
    testing::{Test, both_databases},
};

/// The first sample of the day before [`START`].
const YESTERDAY: i64 = -24 * HOUR;

async fn spans(test: &Test, host: HostId) -> Vec<Span> {
    let org = test.default_org().await;
    store::chunk::spans(&test.app.telemetry_db, org, host)
        .await
        .unwrap()
}

async fn until_packed(test: &Test, host: HostId, is_so: impl Fn(&[Span]) -> bool) -> Vec<Span> {
    let began = Instant::now();
    loop {
        let spans = spans(test, host).await;
        if is_so(&spans) {
            return spans;
        }
        assert!(began.elapsed() < Duration::from_mins(1), "{spans:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Whether there is one chunk, of so many hours and samples.
fn is_one(spans: &[Span], hours: i64, samples: i64) -> bool {
    matches!(spans, [only] if (only.hours, only.samples) == (hours, samples))
}

/// Samples counted by the hours that have some, for two days from yesterday on.
async fn counted(test: &Test, host: HostId) -> Vec<i64> {
    let admin = test.admin().await;
    let (from, to) = (START.plus_ms(-UnixMs::DAY).0, START.plus_ms(UnixMs::DAY).0);
    let path =
        format!("/api/v1/hosts/{host}/metrics?series=cpu.total&stats=count&step=600&from={from}&to={to}");
    let (status, answer) = admin.get(&path).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["tier"], "raw");
    let points: Vec<(i64, f64)> = serde_json::from_value(answer["series"][0]["points"].clone()).unwrap();
    let mut hours: BTreeMap<i64, f64> = BTreeMap::new();
    for (at, count) in points {
        *hours.entry(at / UnixMs::HOUR).or_default() += count;
    }
    hours
        .into_values()
        .map(|count| format!("{count:.0}").parse().unwrap())
        .collect()
}

both_databases!(a_day_becomes_one_chunk_and_late_samples_find_it, |test| {
    let host = join(test).await;
    let (missing, late) = (YESTERDAY + 5 * HOUR + 3, YESTERDAY + 9 * HOUR);
    // The whole of the tenth hour comes late.
    let on_time = |number: &i64| *number != missing && !(late..late + HOUR).contains(number);
    for hour in 0..12 {
        let first = YESTERDAY + hour * HOUR;
        submit(test, host, samples((first..first + HOUR).filter(on_time))).await;
    }
    await_sealed(test, host, 10 * HOUR - 1).await;
    let half = until_packed(test, host, |spans| spans[0].hours > 3).await;
    assert!(half.len() < 10, "{half:?}");

    submit(test, host, samples([missing])).await;
    submit(test, host, samples(late..late + HOUR)).await;
    await_sealed(test, host, 11 * HOUR).await;
    submit(test, host, samples(0..10)).await;
    until_packed(test, host, |spans| is_one(spans, 12, 12 * HOUR)).await;

    // The day is over, and something of it comes once more.
    let again = YESTERDAY + 20 * HOUR;
    submit(test, host, samples(late..late + 20)).await;
    submit(test, host, samples(again..again + 5)).await;
    await_sealed(test, host, 12 * HOUR + 5).await;
    until_packed(test, host, |spans| is_one(spans, 21, 12 * HOUR + 5)).await;
    assert_eq!(stored(test, host).await["samples"], 12 * HOUR + 15);
    let mut expected = vec![HOUR; 12];
    expected.extend([5, 10]);
    assert_eq!(counted(test, host).await, expected);
});

/// How the chunks of yesterday were packed.
async fn efforts(test: &Test, host: HostId) -> Vec<Effort> {
    let org = test.default_org().await;
    let from = START.plus_ms(-UnixMs::DAY);
    let chunks = store::chunk::list(&test.app.telemetry_db, org, host, from, START)
        .await
        .unwrap();
    chunks.iter().map(|(_, chunk)| chunk::effort_of(chunk)).collect()
}

both_databases!(a_day_that_is_over_is_packed_thoroughly_in_its_turn, |test| {
    let host = join(test).await;
    for hour in 0..3 {
        let first = YESTERDAY + hour * HOUR;
        submit(test, host, samples(first..first + HOUR)).await;
    }
    submit(test, host, samples(0..5)).await;
    until_packed(test, host, |spans| is_one(spans, 3, 3 * HOUR)).await;
    let mut expected = vec![HOUR, HOUR, HOUR, 5];
    assert_eq!(counted(test, host).await, expected);

    // Six hours later it was every host's turn.
    submit(test, host, samples([6 * HOUR])).await;
    let began = Instant::now();
    while efforts(test, host).await != [Effort::Thorough] {
        assert!(began.elapsed() < Duration::from_mins(1));
        sleep(Duration::from_millis(20)).await;
    }
    expected.push(1);
    assert_eq!(counted(test, host).await, expected);

    // Something of it comes late, and it stays so.
    submit(
        test,
        host,
        samples([YESTERDAY + 3 * HOUR - 1, YESTERDAY + 5 * HOUR]),
    )
    .await;
    submit(test, host, samples([7 * HOUR])).await;
    until_packed(test, host, |spans| {
        spans[0].hours == 6 && spans[0].samples == 3 * HOUR + 1
    })
    .await;
    assert_eq!(efforts(test, host).await, [Effort::Thorough]);
});

both_databases!(hours_of_today_are_packed_when_there_are_some, |test| {
    let host = join(test).await;
    submit(test, host, samples([8 * HOUR])).await;
    let ended: Vec<(i64, i64)> = (0..8).map(|hour| (24 + hour, 360)).collect();
    submit(test, host, hours(&ended)).await;
    submit(test, host, samples([9 * HOUR])).await;
    until_single(test, host, 0).await;
    submit(test, host, hours(&[(32, 360)])).await;
    submit(test, host, samples([10 * HOUR])).await;
    await_sealed(test, host, 2).await;
    until_single(test, host, 1).await;
    assert_eq!(stored(test, host).await["hourRollups"], 9);
});

/// Hours of yesterday, and from 24 on of today, with so many values each.
fn hours(hours: &[(i64, i64)]) -> Report {
    let bodies: Vec<_> = hours
        .iter()
        .map(|(hour, values)| {
            let start = START.plus_ms(hour * UnixMs::HOUR - UnixMs::DAY);
            let mut body = RollupBody::default();
            for value in 0..*values {
                body.add(
                    start.plus_ms(value * 10_000),
                    &Series::of(Kind::CPU_TOTAL),
                    value * 7,
                );
            }
            (start, body.encode(start))
        })
        .collect();
    let rows = bodies
        .iter()
        .map(|(start, body)| (Period::Hour, *start, "", body.as_slice()));
    Report {
        rollups: encode_rollups(rows),
        ..Report::default()
    }
}

/// The hours of yesterday that the API knows, with how many values they have and their 95th percentile.
async fn charted(test: &Test, host: HostId) -> Vec<(i64, f64, f64)> {
    let admin = test.admin().await;
    let yesterday = START.plus_ms(-UnixMs::DAY).0;
    let path = format!(
        "/api/v1/hosts/{host}/metrics?series=cpu.total&stats=count,p95&step=1h&from={yesterday}&to={}",
        START.0
    );
    let (status, answer) = admin.get(&path).await;
    assert_eq!((status, &answer["tier"]), (200, &"hour".into()), "{answer}");
    let points: Vec<(i64, f64, f64)> = serde_json::from_value(answer["series"][0]["points"].clone()).unwrap();
    points
        .into_iter()
        .map(|(at, count, p95)| ((at - yesterday) / UnixMs::HOUR, count, p95))
        .collect()
}

/// How many hours are in rows of their own, once that is so many.
async fn until_single(test: &Test, host: HostId, expected: usize) {
    let began = Instant::now();
    let org = test.default_org().await;
    loop {
        let singles = store::rollup::sizes(&test.app.telemetry_db, org, host, Period::Hour)
            .await
            .unwrap();
        if singles.len() == expected {
            return;
        }
        assert!(began.elapsed() < Duration::from_mins(1), "{singles:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

both_databases!(the_hours_of_a_day_become_one_row_that_says_the_same, |test| {
    let host = join(test).await;
    submit(test, host, samples([0])).await;
    submit(test, host, hours(&[(0, 360), (1, 360), (5, 100), (23, 2)])).await;
    let before = charted(test, host).await;
    assert_eq!(before.len(), 4);
    until_single(test, host, 4).await;
    let by_themselves = stored(test, host).await["rollupBytes"].as_u64().unwrap();

    // An hour after the day there is nothing to wait for.
    submit(test, host, samples([HOUR])).await;
    until_single(test, host, 0).await;
    assert_eq!(charted(test, host).await, before);
    let packed = stored(test, host).await;
    assert_eq!(packed["hourRollups"], 4);
    assert!(packed["rollupBytes"].as_u64().unwrap() < by_themselves);

    // One comes late, one again and fuller, one again as it was before.
    submit(test, host, hours(&[(20, 10), (5, 200), (1, 40)])).await;
    until_single(test, host, 0).await;
    let after = charted(test, host).await;
    let counts: Vec<_> = after.iter().map(|(hour, count, _)| (*hour, *count)).collect();
    assert_eq!(
        counts,
        [(0, 360.0), (1, 360.0), (5, 200.0), (20, 10.0), (23, 2.0)]
    );
    assert_eq!(after[..2], before[..2]);
    assert_eq!(stored(test, host).await["hourRollups"], 5);

    test.app.clock.advance(100 * UnixMs::DAY);
    retention::enforce(&test.app).await.unwrap();
    assert_eq!(stored(test, host).await["hourRollups"], 0);
});
