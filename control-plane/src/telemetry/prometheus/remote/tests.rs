//! Remote write against a real VictoriaMetrics, on both databases, and what answers of a receiver mean.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use muster_base::{HostId, UnixMs};
use muster_metrics::{Kind, Sample, SampleBuilder};
use muster_workbench::{
    process::{Launch, Process, free_port},
    tools,
};
use prost::Message as _;
use serde_json::Value;
use tokio::{net::TcpListener, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Turn, Writer, message::WriteRequest};
use crate::{
    config::RemoteWriteConfig,
    delivery::tests::new_host,
    telemetry::prometheus::tests::submit,
    testing::{Test, both_databases},
};

const PATIENCE: Duration = Duration::from_secs(30);

fn sample(at: UnixMs, cpu: i64) -> Sample {
    let mut builder = SampleBuilder::default();
    builder.push(Kind::CPU_TOTAL, cpu * 100);
    builder.push_instance(Kind::DISK_USED, "/var", 1 << 30);
    builder.subject("shop");
    builder.push(Kind::CONTAINER_CPU, 2_500);
    builder.finish(at)
}

fn config(url: String, token: Option<&str>) -> RemoteWriteConfig {
    RemoteWriteConfig {
        url: url.into(),
        authorization: token.map(Into::into),
        authorization_file: None,
        orgs: Vec::new(),
    }
}

/// A server of its own.
struct Victoria {
    process: Process,
    url: String,
}

impl Victoria {
    fn start(dir: &Path, port: u16) -> Self {
        tools::install_missing(&[tools::VICTORIA_METRICS]).unwrap();
        let address = format!("127.0.0.1:{port}");
        let process = Launch::new("victoria-metrics", &tools::VICTORIA_METRICS.path().unwrap())
            .arg_pair("--storageDataPath", &dir.join("data"))
            .args([
                format!("-httpListenAddr={address}"),
                "-retentionPeriod=100y".to_owned(),
            ])
            .spawn(dir, &dir.join("log"))
            .unwrap();
        let url = format!("http://{address}");
        Self { process, url }
    }

    async fn ready(self) -> Self {
        let end = Instant::now() + PATIENCE;
        while reqwest::get(format!("{}/health", self.url)).await.is_err() {
            assert!(Instant::now() < end, "{}", self.process.last_words());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self
    }

    /// Every sample of the series: times and values.
    async fn samples(&self, series: &str) -> Vec<(i64, f64)> {
        let get = async |path: String| {
            let answer = reqwest::get(format!("{}{path}", self.url)).await.unwrap();
            answer.text().await.unwrap()
        };
        get("/internal/force_flush".to_owned()).await;
        let encoded = hex::encode_upper(series);
        let encoded: String = encoded
            .chars()
            .enumerate()
            .flat_map(|(at, c)| (at % 2 == 0).then_some('%').into_iter().chain([c]))
            .collect();
        let lines = get(format!("/api/v1/export?match[]={encoded}")).await;
        let mut samples = Vec::new();
        for line in lines.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let times = line["timestamps"].as_array().unwrap().iter();
            let values = line["values"].as_array().unwrap().iter();
            let pairs = times.zip(values);
            samples.extend(pairs.map(|(at, value)| (at.as_i64().unwrap(), value.as_f64().unwrap())));
        }
        samples.sort_by(|a, b| a.partial_cmp(b).unwrap());
        samples
    }
}

/// Once the host's hours are sealed but the last.
async fn sealed(test: &Test, host: HostId, from: UnixMs) {
    let org = test.default_org().await;
    let end = Instant::now() + PATIENCE;
    loop {
        let oldest = crate::telemetry::store::sample::oldest(&test.app.telemetry_db, host)
            .await
            .unwrap();
        if oldest.is_some_and(|(at, _)| at > from) {
            return;
        }
        assert!(Instant::now() < end, "{org}: not sealed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

const CPU: &str = r#"muster_host_cpu_total_ratio{host="web-1",org="default"}"#;

both_databases!(what_is_stored_arrives_whatever_dies_in_between, |test| {
    let org = test.default_org().await;
    let (web, late) = (new_host(test, "web-1").await, new_host(test, "web-2").await);
    let dir = tempfile::tempdir().unwrap();
    let port = free_port().unwrap();
    let victoria = Victoria::start(dir.path(), port).ready().await;
    let config = config(format!("{}/api/v1/write", victoria.url), None);
    let mut writer = Writer::new(&test.app, config.clone());
    let start = test.app.clock.now();
    let mut expected = Vec::new();
    let mut take = async |count: i64, step_ms: i64| {
        for _ in 0..count {
            test.app.clock.advance(step_ms);
            let (at, cpu) = (test.app.clock.now(), i64::try_from(expected.len()).unwrap() % 100);
            submit(&test.app, org, web, sample(at, cpu)).await;
            expected.push((at.0, cpu as f64 / 100.0));
        }
        expected.clone()
    };

    // A host begins with its newest sample; then each is sent once.
    take(1, 10_000).await;
    assert_eq!(writer.turn().await.unwrap(), Turn::Done);
    let all = take(5, 10_000).await;
    assert_eq!(writer.turn().await.unwrap(), Turn::Done);
    assert_eq!(writer.turn().await.unwrap(), Turn::Done);
    assert_eq!(victoria.samples(CPU).await, all);
    let disk = r#"muster_host_disk_used_bytes{host="web-1",mountpoint="/var"}"#;
    assert_eq!(victoria.samples(disk).await.len(), all.len());
    let shop = r#"muster_container_cpu_ratio{container="shop",host="web-1",org="default"}"#;
    assert_eq!(
        victoria.samples(shop).await.last().map(|(_, value)| *value),
        Some(0.25)
    );
    let up = victoria.samples(r#"muster_host_up{host="web-1"}"#).await;
    assert_eq!(up.last(), Some(&(test.app.clock.now().0, 1.0)));
    let info = r#"muster_host_info{host="web-2",label_web="web-2"}"#;
    assert!(!victoria.samples(info).await.is_empty(), "{late}");

    // The receiver is away for hours, which are sealed meanwhile.
    let mut victoria = victoria;
    assert!(victoria.process.stop(PATIENCE));
    drop(victoria);
    take(20, 10 * UnixMs::MINUTE).await;
    assert_eq!(writer.turn().await.unwrap(), Turn::Later);
    sealed(test, web, start.plus_ms(2 * UnixMs::HOUR)).await;
    test.app.clock.advance(2 * UnixMs::DAY);
    let all = take(3, 10_000).await;
    assert_eq!(writer.turn().await.unwrap(), Turn::Later);
    let figure = |name: &str| {
        let figures = test.app.remote_write.figures();
        figures.iter().find(|figure| figure.name == name).unwrap().value
    };
    assert!(figure("muster_remote_write_failures_total") >= 2.0);
    assert!(figure("muster_remote_write_behind_seconds") > 7_200.0);

    // Another process goes on from what is stored.
    let victoria = Victoria::start(dir.path(), port).ready().await;
    let mut writer = Writer::new(&test.app, config);
    assert_eq!(writer.turn().await.unwrap(), Turn::Done);
    assert_eq!(
        victoria.samples(CPU).await,
        all,
        "nothing is missing and nothing is double"
    );
    assert_eq!(writer.turn().await.unwrap(), Turn::Done);
    assert!(figure("muster_remote_write_behind_seconds") < 1.0);
});

/// What arrived, and how it is answered.
#[derive(Clone)]
struct Shared {
    calls: Arc<Mutex<Vec<(HeaderMap, WriteRequest)>>>,
    answer: Arc<Mutex<StatusCode>>,
}

async fn receive(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    let plain = snap::raw::Decoder::new().decompress_vec(&body).unwrap();
    let request = WriteRequest::decode(plain.as_slice()).unwrap();
    shared.calls.lock().unwrap().push((headers, request));
    (*shared.answer.lock().unwrap(), "said why")
}

#[tokio::test]
async fn an_answer_says_whether_it_is_sent_again() {
    let test = Test::sqlite().await;
    let org = test.default_org().await;
    let host = new_host(&test, "web-1").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/write", listener.local_addr().unwrap());
    let shared = Shared {
        calls: Arc::default(),
        answer: Arc::new(Mutex::new(StatusCode::NO_CONTENT)),
    };
    let stop = CancellationToken::new();
    let serving = axum::serve(
        listener,
        Router::new().fallback(receive).with_state(shared.clone()),
    );
    TaskTracker::new().spawn(
        stop.clone()
            .run_until_cancelled_owned(async move { serving.await.unwrap() }),
    );
    let mut writer = Writer::new(&test.app, config(url, Some("Bearer planted-token")));
    let mut turn = async |answer: StatusCode| {
        *shared.answer.lock().unwrap() = answer;
        shared.calls.lock().unwrap().clear();
        test.app.clock.advance(10_000);
        submit(&test.app, org, host, sample(test.app.clock.now(), 50)).await;
        let turned = writer.turn().await.unwrap();
        let calls = shared.calls.lock().unwrap().clone();
        let samples = |(_, request): &(HeaderMap, WriteRequest)| {
            let series = request.timeseries.iter();
            let cpu = |labels: &[super::message::Label]| labels[0].value == "muster_host_cpu_total_ratio";
            series
                .filter(|one| cpu(&one.labels))
                .map(|one| one.samples.len())
                .sum::<usize>()
        };
        let cpu: usize = calls.iter().map(samples).sum::<usize>();
        (turned, cpu, calls)
    };
    let (turned, cpu, calls) = turn(StatusCode::NO_CONTENT).await;
    assert_eq!(
        (turned, cpu, calls.len()),
        (Turn::Done, 1, 2),
        "readings, then what hosts are"
    );
    let (headers, request) = &calls[0];
    for (name, value) in [
        ("content-type", "application/x-protobuf"),
        ("content-encoding", "snappy"),
        ("x-prometheus-remote-write-version", "0.1.0"),
        ("authorization", "Bearer planted-token"),
    ] {
        assert_eq!(headers[name], value);
    }
    for series in &request.timeseries {
        assert!(series.labels.is_sorted_by(|a, b| a.name < b.name), "{series:?}");
        assert!(
            series.labels.iter().all(|label| !label.value.is_empty()),
            "{series:?}"
        );
    }
    // What passes, and what the operator can put right, is sent again with what came since.
    for (number, status) in [
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::UNAUTHORIZED,
    ]
    .into_iter()
    .enumerate()
    {
        let (turned, cpu, _) = turn(status).await;
        assert_eq!((turned, cpu), (Turn::Later, number + 1), "{status}");
    }
    let (turned, cpu, _) = turn(StatusCode::OK).await;
    assert_eq!((turned, cpu), (Turn::Done, 4));
    // What is refused for good is left out.
    let (turned, cpu, _) = turn(StatusCode::BAD_REQUEST).await;
    assert_eq!((turned, cpu), (Turn::Done, 1));
    let (turned, cpu, _) = turn(StatusCode::OK).await;
    assert_eq!((turned, cpu), (Turn::Done, 1));
    stop.cancel();
    test.finish().await;
}
