//! The room on both databases: readings in, alerts and messages out.

mod api;
mod escalation;
mod hooks;
mod round;
mod silence;
mod story;

use std::time::Duration;

use muster_base::{HostId, OrgId, UnixMs};
use muster_metrics::{Kind, Sample, SampleBuilder, frame::Encoder};
use muster_protocol::latest::Report;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::evaluator::Evaluator;
use crate::{
    app::App,
    testing::{Client, Test},
};

const PATIENCE: Duration = Duration::from_secs(20);
/// Longer than a host may be silent.
const SILENCE_S: i64 = 60;

/// A host's readings: CPU, free space on `/var`, and CPU of the container `shop`.
fn sample(at: UnixMs, cpu: i64) -> Sample {
    let mut builder = SampleBuilder::default();
    builder.push(Kind::CPU_TOTAL, cpu * 100);
    builder.push_instance(Kind::DISK_AVAILABLE, "/var", 1 << 30);
    builder.subject("shop");
    builder.push(Kind::CONTAINER_CPU, cpu * 200);
    builder.finish(at)
}

async fn submit(app: &App, org: OrgId, host: HostId, sample: Sample) {
    let mut encoder = Encoder::default();
    encoder.push(sample);
    let report = Report {
        samples: encoder.finish(),
        ..Report::default()
    };
    app.ingest.submit(org, host, report).await.unwrap();
}

/// Rounds ten seconds apart, with a reading of the host before each.
async fn rounds(test: &Test, evaluator: &mut Evaluator, host: HostId, cpu: i64, times: usize) {
    let org = test.default_org().await;
    for _ in 0..times {
        test.app.clock.advance(10 * UnixMs::SECOND);
        submit(&test.app, org, host, sample(test.app.clock.now(), cpu)).await;
        turn(evaluator).await;
    }
}

/// A round of which everything is read anew.
async fn turn(evaluator: &mut Evaluator) {
    evaluator.changed();
    evaluator.turn().await.unwrap();
}

async fn made(client: &Client<'_>, path: &str, body: Value) -> Value {
    let (status, made) = client.post(path, body).await;
    assert_eq!(status, 201, "{path}: {made}");
    made
}

/// A rule about a CPU above 90 percent for 30 seconds.
fn busy(receivers: &[&Value]) -> Value {
    let receivers: Vec<_> = receivers.iter().map(|receiver| &receiver["id"]).collect();
    json!({
        "name": "busy", "severity": "critical",
        "check": {"kind": "threshold", "series": "cpu.total", "comparison": "above", "threshold": 90},
        "forS": 30, "resolveAfterS": 60, "repeatS": 3600, "receivers": receivers, "note": "look at the queue",
    })
}

fn mail_to(address: &str) -> Value {
    json!({"name": address, "kind": "mail", "addresses": [address]})
}

async fn alerts(client: &Client<'_>, query: &str) -> Vec<Value> {
    let (status, page) = client.get(&format!("/api/v1/alerts?{query}")).await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().unwrap().clone()
}

/// Messages about alerts, newest first, once there are so many.
async fn inbox(client: &Client<'_>, many: usize) -> Vec<Value> {
    let end = Instant::now() + PATIENCE;
    loop {
        let (status, page) = client.get("/api/v1/messages").await;
        assert_eq!(status, 200, "{page}");
        let all = page["items"].as_array().unwrap().iter();
        let found: Vec<_> = all.filter(|message| message["mode"] == 4).cloned().collect();
        if found.len() >= many {
            return found;
        }
        assert!(Instant::now() < end, "{} of {many} messages", found.len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A real alert of the default org, for other rooms' tests: its id, and its rule's.
pub(crate) async fn new_alert(test: &Test, client: &Client<'_>, host: HostId) -> (String, String) {
    let mut rule = busy(&[]);
    rule["forS"] = 0.into();
    let rule = made(client, "/api/v1/alerts/rules", rule).await;
    let mut evaluator = Evaluator::new(&test.app);
    rounds(test, &mut evaluator, host, 99, 1).await;
    let alert = alerts(client, "").await.remove(0);
    (
        alert["id"].as_str().unwrap().to_owned(),
        rule["id"].as_str().unwrap().to_owned(),
    )
}
