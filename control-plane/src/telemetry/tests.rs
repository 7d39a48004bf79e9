//! The room on both databases: reports in, answers out.

mod export;
mod keeping;

use std::{net::Ipv4Addr, time::Duration};

use muster_base::{HostId, UnixMs};
use muster_identity::{certificate::PrivateKey, seal::SealKey};
use muster_metrics::{
    Kind, Period, RollupBody, Sample, SampleBuilder, Subject, encode_rollups, frame::Encoder,
};
use muster_protocol::latest::{
    ContainerFacts, ContainerHealth, ContainerState, HostFacts, JoinReply, JoinRequest, Report,
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{IngestError, latest, retention};
use crate::{
    access::Role,
    fleet,
    testing::{Test, both_databases},
};

/// A UTC midnight six hours before the test app's time.
pub(super) const START: UnixMs = UnixMs(1_779_926_400_000);
const INTERVAL_MS: i64 = 10_000;
pub(super) const HOUR: i64 = UnixMs::HOUR / INTERVAL_MS;

fn sample(number: i64) -> Sample {
    let mut builder = SampleBuilder::default();
    builder.push(Kind::CPU_TOTAL, number % 100 * 100);
    builder.push_instance(Kind::DISK_USED, "/", 40);
    builder.push_instance(Kind::DISK_AVAILABLE, "/", 60);
    builder.push_instance(Kind::DISK_USED, "/var", 1);
    builder.subject("web");
    builder.push(Kind::CONTAINER_CPU, 2_500);
    builder.push(Kind::CONTAINER_MEMORY_USED, 1 << 20);
    builder.push(Kind::CONTAINER_STATE, 1);
    builder.finish(START.plus_ms(number * INTERVAL_MS))
}

pub(crate) fn samples(numbers: impl IntoIterator<Item = i64>) -> Report {
    let mut encoder = Encoder::default();
    for number in numbers {
        encoder.push(sample(number));
    }
    Report {
        samples: encoder.finish(),
        ..Report::default()
    }
}

/// Hours and the day that these samples make.
fn rollups(numbers: std::ops::Range<i64>) -> Report {
    let mut rows = Vec::new();
    for (period, per) in [(Period::Hour, HOUR), (Period::Day, 24 * HOUR)] {
        for first in numbers.clone().step_by(usize::try_from(per).unwrap()) {
            for subject in [Subject::Host, Subject::from_name("web")] {
                let mut body = RollupBody::default();
                for number in first..(first + per).min(numbers.end) {
                    body.add_sample(&subject, &sample(number));
                }
                let start = START.plus_ms(first * INTERVAL_MS);
                rows.push((period, start, subject.name().to_owned(), body.encode(start)));
            }
        }
    }
    Report {
        rollups: encode_rollups(
            rows.iter()
                .map(|(period, start, subject, body)| (*period, *start, subject.as_str(), body.as_slice())),
        ),
        ..Report::default()
    }
}

fn container(name: &str) -> ContainerFacts {
    ContainerFacts {
        id: "c0ffee".into(),
        name: name.into(),
        image: "shop:1".into(),
        image_id: "sha256:1".into(),
        state: ContainerState::Running,
        health: ContainerHealth::Healthy,
        restarts: 1,
        created_at: START,
        started_at: Some(START),
        labels: vec![("muster.application".into(), "shop".into())],
        memory_limit_bytes: None,
    }
}

/// A new host of the default org.
pub(super) async fn join(test: &Test) -> HostId {
    let admin = test.admin().await;
    let (status, token) = admin.post("/api/v1/join-tokens", json!({})).await;
    assert_eq!(status, 201, "{token}");
    let request = JoinRequest {
        token: token["token"].as_str().unwrap().to_owned(),
        csr_der: PrivateKey::generate().unwrap().request_der().unwrap(),
        seal_public_key: SealKey::generate().unwrap().public_key().to_vec(),
        versions: muster_protocol::VERSIONS,
        facts: HostFacts::default(),
    };
    let keys = test.app.fleet_keys().await.unwrap();
    match fleet::enrol(&test.app, &keys, request, Ipv4Addr::LOCALHOST.into()).await {
        JoinReply::Joined(joined) => joined.host,
        JoinReply::Refused(refusal) => panic!("{refusal:?}"),
    }
}

pub(super) async fn submit(test: &Test, host: HostId, report: Report) {
    let org = test.default_org().await;
    test.app.ingest.submit(org, host, report).await.unwrap();
}

pub(super) async fn stored(test: &Test, host: HostId) -> Value {
    let admin = test.admin().await;
    let (status, stored) = admin.get(&format!("/api/v1/hosts/{host}/metrics/stored")).await;
    assert_eq!(status, 200, "{stored}");
    stored
}

pub(super) async fn await_sealed(test: &Test, host: HostId, samples: i64) {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let stored = stored(test, host).await;
        if stored["sealedSamples"] == samples {
            return;
        }
        assert!(
            Instant::now() < end,
            "{samples} samples were not sealed: {stored}"
        );
        sleep(Duration::from_millis(20)).await;
    }
}

/// Every point of the first series, from the start of the samples.
pub(super) async fn points(test: &Test, host: HostId, rest: &str) -> (Value, Vec<Vec<f64>>) {
    let admin = test.admin().await;
    let path = format!("/api/v1/hosts/{host}/{rest}&from={}", START.0);
    let (status, answer) = admin.get(&path).await;
    assert_eq!(status, 200, "{answer}");
    let points = serde_json::from_value(answer["series"][0]["points"].clone()).unwrap_or_default();
    (answer, points)
}

both_databases!(a_sample_counts_once_before_and_after_its_hour_is_sealed, |test| {
    let host = join(test).await;
    let all = 2 * HOUR + 30;
    submit(test, host, samples(0..all)).await;
    submit(test, host, samples(0..all)).await;
    await_sealed(test, host, 2 * HOUR).await;
    assert_eq!(stored(test, host).await["samples"], all);

    // An old report comes again, with one sample that never came before.
    let gap = HOUR + 7;
    let other = join(test).await;
    submit(test, other, samples((0..all).filter(|number| *number != gap))).await;
    await_sealed(test, other, 2 * HOUR - 1).await;
    submit(test, other, samples(HOUR..HOUR + 20)).await;
    await_sealed(test, other, 2 * HOUR).await;
    assert_eq!(stored(test, other).await["samples"], all);

    let to = START.plus_ms(3 * UnixMs::HOUR).0;
    let asked = format!("metrics?series=cpu.total&stats=count,max&step=600&to={to}");
    let (answer, points) = points(test, other, &asked).await;
    assert_eq!(answer["tier"], "raw");
    assert_eq!(points.len(), 13);
    assert_eq!(points[0], [START.0 as f64, 60.0, 59.0]);
    let count: f64 = points.iter().map(|point| point[1]).sum();
    assert!((count - all as f64).abs() < f64::EPSILON);
});

both_databases!(gaps_stay_gaps_and_a_star_finds_every_disk, |test| {
    let host = join(test).await;
    submit(test, host, samples((0..60).chain(180..240))).await;
    let to = START.plus_ms(UnixMs::HOUR).0;
    let (answer, points) = points(
        test,
        host,
        &format!("metrics?series=disk.*.used&step=10m&to={to}"),
    )
    .await;
    assert_eq!(answer["stats"], json!(["avg", "min", "max"]));
    let names: Vec<_> = answer["series"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert_eq!(names, ["disk./.used", "disk./var.used"]);
    assert_eq!(answer["series"][0]["unit"], "bytes");
    let minutes: Vec<_> = points
        .iter()
        .map(|point| (point[0] - START.0 as f64) / 60_000.0)
        .collect();
    assert_eq!(minutes, [0.0, 30.0]);
    assert_eq!(points[0][1..], [40.0, 40.0, 40.0]);
});

both_databases!(
    hours_and_days_are_answered_from_rollups_and_the_fuller_one_stays,
    |test| {
        let host = join(test).await;
        submit(test, host, samples([0])).await;
        submit(test, host, rollups(0..HOUR / 2)).await;
        submit(test, host, rollups(0..6 * HOUR)).await;
        submit(test, host, rollups(0..HOUR / 2)).await;
        let stored = stored(test, host).await;
        assert_eq!(
            (&stored["hourRollups"], &stored["dayRollups"]),
            (&12.into(), &2.into())
        );

        let asked = "metrics?series=cpu.total&step=1h&stats=avg,min,max,last,count,p95";
        let (answer, hours) = points(test, host, asked).await;
        assert_eq!(
            (answer["tier"].as_str(), &answer["stepS"]),
            (Some("hour"), &3_600.into())
        );
        assert_eq!(hours.len(), 6);
        assert_eq!(hours[0][1..6], [46.1667, 0.0, 99.0, 59.0, 360.0]);
        assert!((hours[0][6] - 93.0).abs() < 1.0, "{:?}", hours[0]);

        let (answer, days) = points(
            test,
            host,
            "containers/web/metrics?series=cpu&step=1d&stats=avg,count",
        )
        .await;
        assert_eq!(answer["tier"], "day");
        assert_eq!(answer["series"][0]["name"], "container.cpu");
        assert_eq!(days, [vec![START.0 as f64, 25.0, (6 * HOUR) as f64]]);
    }
);

both_databases!(containers_are_listed_and_stay_when_they_are_gone, |test| {
    let host = join(test).await;
    let facts = |names: &[&str]| Report {
        containers: Some(names.iter().map(|name| container(name)).collect()),
        ..samples([0])
    };
    submit(test, host, facts(&["api", "web"])).await;
    submit(test, host, facts(&["web"])).await;
    let admin = test.admin().await;
    let (status, list) = admin.get(&format!("/api/v1/hosts/{host}/containers")).await;
    assert_eq!(status, 200);
    let [api, web] = &list["items"].as_array().unwrap()[..] else {
        panic!("{list}");
    };
    assert_eq!((&api["name"], &api["present"]), (&"api".into(), &false.into()));
    assert_eq!(
        (&web["present"], &web["state"], &web["health"]),
        (&true.into(), &"running".into(), &"healthy".into())
    );
    assert_eq!(web["labels"]["muster.application"], "shop");
    assert_eq!(web["latest"]["values"]["container.cpu"], 25.0);
    assert_eq!(api["latest"], Value::Null);
    let path = format!("/api/v1/hosts/{host}/containers/nope/metrics?series=cpu");
    assert_eq!(admin.get(&path).await.0, 404);
});

both_databases!(a_mad_host_s_words_are_stored_as_far_as_they_make_sense, |test| {
    let host = join(test).await;
    let containers = ["web\0", "web", "\u{1b}[2J"].map(container).to_vec();
    let body = RollupBody::default().encode(START);
    let report = Report {
        containers: Some(containers),
        rollups: encode_rollups([(Period::Hour, START, "w\0eb", body.as_slice())]),
        samples: samples([0, 1_000_000]).samples,
        ..Report::default()
    };
    submit(test, host, report).await;
    let admin = test.admin().await;
    let (_, list) = admin.get(&format!("/api/v1/hosts/{host}/containers")).await;
    let names: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["name"])
        .collect();
    assert_eq!(names, ["[2J", "web"]);
    let stored = stored(test, host).await;
    assert_eq!(stored["samples"], 1, "the other is from the future");
    assert_eq!(stored["hourRollups"], 1);
});

both_databases!(present_values_survive_a_restart, |test| {
    let host = join(test).await;
    let org = test.default_org().await;
    submit(test, host, samples([7, 9, 8])).await;
    let before = super::latest_of(&test.app, org, host).unwrap();
    assert_eq!(before.at, sample(9).at);
    let (_, shown) = test.admin().await.get(&format!("/api/v1/hosts/{host}")).await;
    assert_eq!(shown["latest"]["values"]["cpu.total"], 9.0);
    test.app.ingest.latest().forget(host);
    latest::rebuild(&test.app).await.unwrap();
    assert_eq!(super::latest_of(&test.app, org, host).unwrap(), before);

    let busy = join(test).await;
    submit(test, busy, samples([50])).await;
    let (status, top) = test
        .admin()
        .await
        .get("/api/v1/metrics/latest?series=cpu.total&top=1")
        .await;
    assert_eq!(status, 200);
    assert_eq!(top["items"].as_array().unwrap().len(), 1);
    assert_eq!(top["items"][0]["hostId"], busy.to_string());
    assert_eq!(top["items"][0]["values"]["cpu.total"], 50.0);
});

both_databases!(readings_are_their_org_s_alone, |test| {
    let host = join(test).await;
    submit(
        test,
        host,
        Report {
            containers: Some(vec![container("web")]),
            ..samples([0])
        },
    )
    .await;
    let viewer = test.member("viewer", Role::Viewer).await;
    let stranger = test.stranger("elsewhere").await;
    for path in [
        format!("/api/v1/hosts/{host}/metrics?series=cpu.total"),
        format!("/api/v1/hosts/{host}/metrics/stored"),
        format!("/api/v1/hosts/{host}/containers"),
        format!("/api/v1/hosts/{host}/containers/web/metrics?series=cpu"),
    ] {
        assert_eq!(viewer.get(&path).await.0, 200, "{path}");
        assert_eq!(stranger.get(&path).await.0, 404, "{path}");
        assert_eq!(test.nobody().get(&path).await.0, 401, "{path}");
    }
    let (_, values) = stranger.get("/api/v1/metrics/latest").await;
    assert_eq!(values["items"], json!([]));
    let (status, problem) = viewer
        .get(&format!("/api/v1/hosts/{host}/metrics?series=cpu.totl"))
        .await;
    assert_eq!((status, &problem["errors"][0]["field"]), (422, &"series".into()));
});

both_databases!(a_removed_host_takes_its_readings_along, |test| {
    let host = join(test).await;
    submit(test, host, samples(0..3)).await;
    let admin = test.admin().await;
    assert_eq!(admin.delete(&format!("/api/v1/hosts/{host}")).await.0, 204);
    let org = test.default_org().await;
    let left = super::store::sample::times(&test.app.telemetry_db, org, host)
        .await
        .unwrap();
    assert_eq!(left, []);
    assert_eq!(
        admin
            .get(&format!("/api/v1/hosts/{host}/metrics?series=load.1"))
            .await
            .0,
        404
    );
});

both_databases!(a_live_view_needs_the_host_s_agent, |test| {
    let host = join(test).await;
    let (status, problem) = test
        .admin()
        .await
        .get(&format!("/api/v1/hosts/{host}/live"))
        .await;
    assert_eq!((status, &problem["type"]), (409, &"host-offline".into()));
});

both_databases!(a_report_that_can_t_be_read_is_refused, |test| {
    let host = join(test).await;
    let org = test.default_org().await;
    let report = Report {
        samples: vec![1, 0, 0],
        ..Report::default()
    };
    let refused = test.app.ingest.submit(org, host, report).await;
    assert!(matches!(refused, Err(IngestError::Malformed(_))));
});

both_databases!(what_has_outlived_its_time_is_deleted, |test| {
    let host = join(test).await;
    submit(test, host, samples(0..=HOUR)).await;
    submit(test, host, rollups(0..HOUR)).await;
    await_sealed(test, host, HOUR).await;
    test.app.clock.advance(8 * UnixMs::DAY);
    retention::enforce(&test.app).await.unwrap();
    let (_, hours) = points(test, host, "metrics?series=cpu.total&step=1h").await;
    assert_eq!(hours.len(), 1, "hours are kept longer");
    let left = stored(test, host).await;
    assert_eq!((&left["samples"], &left["hourRollups"]), (&0.into(), &2.into()));
    test.app.clock.advance(100 * UnixMs::DAY);
    retention::enforce(&test.app).await.unwrap();
    let left = stored(test, host).await;
    assert_eq!(
        (&left["hourRollups"], &left["dayRollups"]),
        (&0.into(), &2.into())
    );
});
