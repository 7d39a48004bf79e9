//! Hours that were sealed become one chunk, and nothing is lost or doubled by that.

use std::{collections::BTreeMap, time::Duration};

use muster_base::{HostId, UnixMs};
use tokio::time::{Instant, sleep};

use super::{
    store::{self, chunk::Span},
    tests::{HOUR, START, await_sealed, join, samples, stored, submit},
};
use crate::testing::{Test, both_databases};

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
    let whole = until_packed(test, host, |spans| spans.len() == 1).await;
    assert_eq!((whole[0].hours, whole[0].samples), (12, 12 * HOUR));

    // The day is over, and something of it comes once more.
    let again = YESTERDAY + 20 * HOUR;
    submit(test, host, samples(late..late + 20)).await;
    submit(test, host, samples(again..again + 5)).await;
    await_sealed(test, host, 12 * HOUR + 5).await;
    let whole = until_packed(test, host, |spans| spans.len() == 1).await;
    assert_eq!((whole[0].hours, whole[0].samples), (21, 12 * HOUR + 5));
    assert_eq!(stored(test, host).await["samples"], 12 * HOUR + 15);
    let mut expected = vec![HOUR; 12];
    expected.extend([5, 10]);
    assert_eq!(counted(test, host).await, expected);
});
