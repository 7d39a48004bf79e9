//! How long an org keeps its readings, and the room that they take.

use axum::http::Method;
use muster_base::UnixMs;
use serde_json::{Value, json};

use super::{HOUR, await_sealed, join, points, rollups, samples, stored, submit};
use crate::{
    access::Role,
    telemetry::retention,
    testing::{Client, Test, both_databases},
};

const PATH: &str = "/api/v1/metrics/retention";

/// The owner of an org that is younger than the default one, which callers who name none are in.
async fn stranger(test: &Test) -> Client<'_> {
    test.app.clock.advance(1);
    test.stranger("elsewhere").await
}

async fn keep(client: &Client<'_>, days: Value) -> (u16, Value) {
    client.call(Method::PUT, PATH, Some(days)).await
}

both_databases!(an_org_keeps_its_readings_for_less_time_if_it_wants, |test| {
    let host = join(test).await;
    submit(test, host, samples(0..=HOUR)).await;
    submit(test, host, rollups(0..HOUR)).await;
    await_sealed(test, host, HOUR).await;
    let admin = test.admin().await;
    let (_, usual) = admin.get(PATH).await;
    assert_eq!(
        usual["kept"],
        json!({"rawDays": 7, "hourDays": 90, "dayDays": 1095})
    );
    assert_eq!(
        (&usual["kept"], &usual["updatedAt"]),
        (&usual["most"], &Value::Null)
    );

    let (status, set) = keep(&admin, json!({"rawDays": 1, "hourDays": 2})).await;
    assert_eq!(status, 200, "{set}");
    assert_eq!(set["kept"], json!({"rawDays": 1, "hourDays": 2, "dayDays": 1095}));
    assert_eq!(
        set["wanted"],
        json!({"rawDays": 1, "hourDays": 2, "dayDays": null})
    );
    assert!(set["updatedBy"].is_string() && set["updatedAt"].is_string());

    // Another org's is its own matter.
    let stranger = stranger(test).await;
    assert_eq!(stranger.get(PATH).await.1["kept"], usual["kept"]);

    test.app.clock.advance(UnixMs::DAY + UnixMs::HOUR);
    retention::enforce(&test.app).await.unwrap();
    let left = stored(test, host).await;
    assert_eq!((&left["samples"], &left["hourRollups"]), (&0.into(), &2.into()));
    // A chart without a step asks for what is still there.
    let (answer, hours) = points(test, host, "metrics?series=cpu.total").await;
    assert_eq!((&answer["tier"], hours.len()), (&"hour".into(), 1));

    test.app.clock.advance(2 * UnixMs::DAY);
    retention::enforce(&test.app).await.unwrap();
    let left = stored(test, host).await;
    assert_eq!(
        (&left["hourRollups"], &left["dayRollups"]),
        (&0.into(), &2.into())
    );

    let (status, set) = keep(&test.admin().await, json!({})).await;
    assert_eq!((status, &set["kept"]), (200, &usual["kept"]));
});

both_databases!(another_org_s_readings_stay, |test| {
    let host = join(test).await;
    submit(test, host, samples(0..=HOUR)).await;
    submit(test, host, rollups(0..HOUR)).await;
    await_sealed(test, host, HOUR).await;
    let stranger = stranger(test).await;
    let (status, _) = keep(&stranger, json!({"rawDays": 1, "hourDays": 1, "dayDays": 1})).await;
    assert_eq!(status, 200);
    test.app.clock.advance(3 * UnixMs::DAY);
    retention::enforce(&test.app).await.unwrap();
    let left = stored(test, host).await;
    assert_eq!(
        (&left["samples"], &left["hourRollups"], &left["dayRollups"]),
        (&(HOUR + 1).into(), &2.into(), &2.into())
    );
});

both_databases!(a_retention_that_makes_no_sense_is_refused, |test| {
    let admin = test.admin().await;
    for (days, field, code) in [
        (json!({"rawDays": 0}), "rawDays", "range"),
        (json!({"rawDays": 8}), "rawDays", "range"),
        (json!({"dayDays": 4_000_000_000_u32}), "dayDays", "range"),
        (json!({"rawDays": 3, "hourDays": 2}), "hourDays", "at-least"),
        (json!({"hourDays": 6}), "hourDays", "at-least"),
        (json!({"dayDays": 89}), "dayDays", "at-least"),
    ] {
        let (status, problem) = keep(&admin, days.clone()).await;
        assert_eq!(status, 422, "{days}: {problem}");
        let error = &problem["errors"][0];
        assert_eq!(
            (&error["field"], &error["code"]),
            (&field.into(), &code.into()),
            "{days}"
        );
    }
    assert_eq!(keep(&admin, json!({"days": 3})).await.0, 422);
    let viewer = test.member("vera", Role::Viewer).await;
    assert_eq!(keep(&viewer, json!({"rawDays": 3})).await.0, 403);
    assert_eq!(admin.get(PATH).await.1["updatedAt"], Value::Null);
});

both_databases!(the_room_that_readings_take_is_told_by_host, |test| {
    let (large, small) = (join(test).await, join(test).await);
    submit(test, large, samples(0..2 * HOUR + 5)).await;
    submit(test, large, rollups(0..2 * HOUR)).await;
    await_sealed(test, large, 2 * HOUR).await;
    submit(test, small, samples(0..5)).await;
    let path = "/api/v1/metrics/storage";
    let (status, used) = test.admin().await.get(path).await;
    assert_eq!(status, 200, "{used}");
    let of = |used: &Value, at: usize| used["items"][at]["usage"].clone();
    assert_eq!(
        (
            &used["hosts"],
            &used["items"][0]["hostId"],
            &used["items"][1]["hostId"]
        ),
        (&2.into(), &json!(large), &json!(small))
    );
    assert!(used["items"][0]["name"].is_string());
    assert_eq!(of(&used, 0)["samples"], 2 * HOUR + 5);
    assert_eq!(of(&used, 1)["samples"], 5);
    let sum = |key: &str| of(&used, 0)[key].as_u64().unwrap() + of(&used, 1)[key].as_u64().unwrap();
    for key in ["samples", "rawBytes", "hourBytes", "dayBytes", "bytes"] {
        assert_eq!(used["total"][key], sum(key), "{key}");
    }
    assert_eq!(sum("bytes"), sum("rawBytes") + sum("hourBytes") + sum("dayBytes"));
    assert!(sum("hourBytes") > 0 && sum("dayBytes") > 0);
    // As the host itself tells it.
    let left = stored(test, large).await;
    assert_eq!(
        left["rollupBytes"].as_u64().unwrap(),
        sum("hourBytes") + sum("dayBytes")
    );

    let (_, one) = test.admin().await.get(&format!("{path}?limit=1")).await;
    assert_eq!(
        (one["items"].as_array().unwrap().len(), &one["hosts"]),
        (1, &2.into())
    );
    let (_, none) = stranger(test).await.get(path).await;
    assert_eq!(
        (&none["hosts"], &none["total"]["bytes"], &none["total"]["oldest"]),
        (&0.into(), &0.into(), &Value::Null)
    );

    // What came since is told a minute later.
    submit(test, small, samples(5..9)).await;
    let samples_of_small = async || of(&test.admin().await.get(path).await.1, 1)["samples"].clone();
    assert_eq!(samples_of_small().await, 5);
    test.app.clock.advance(UnixMs::MINUTE);
    assert_eq!(samples_of_small().await, 9);
});
