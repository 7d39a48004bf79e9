//! What is scraped and discovered, on both databases; and that the dashboard asks for nothing else.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use muster_base::{HostId, OrgId, UnixMs};
use muster_metrics::{Kind, Sample, SampleBuilder, frame::Encoder};
use muster_protocol::latest::Report;
use serde_json::{Value, json};

use super::names;
use crate::{
    access::Role,
    app::App,
    delivery::tests::new_host,
    testing::{Client, both_databases},
};

const DASHBOARD: &str = include_str!("../../../../packaging/grafana/muster-fleet.json");

fn sample(at: UnixMs, cpu: i64) -> Sample {
    let mut builder = SampleBuilder::default();
    builder.push(Kind::CPU_TOTAL, cpu * 100);
    builder.push(Kind::LOAD_1, 150);
    builder.push_instance(Kind::DISK_USED, "/var \"x\"", 3 << 30);
    builder.subject("shop");
    builder.push(Kind::CONTAINER_CPU, 2_500);
    builder.push(Kind::CONTAINER_MEMORY_USED, 1 << 20);
    builder.finish(at)
}

pub(in crate::telemetry) async fn submit(app: &App, org: OrgId, host: HostId, sample: Sample) {
    let mut encoder = Encoder::default();
    encoder.push(sample);
    let report = Report {
        samples: encoder.finish(),
        ..Report::default()
    };
    app.ingest.submit(org, host, report).await.unwrap();
}

async fn scraped(client: &Client<'_>, query: &str) -> String {
    let path = format!("/api/v1/prometheus/metrics?{query}");
    let (status, text) = client.get(&path).await;
    assert_eq!(status, 200, "{text}");
    // A part without hosts is empty.
    text.as_str().unwrap_or_default().to_owned()
}

/// Lines by what stands before the value.
fn lines(text: &str) -> BTreeMap<&str, &str> {
    let series = text.lines().filter(|line| !line.starts_with('#'));
    series.map(|line| line.rsplit_once(' ').unwrap()).collect()
}

/// The families in the order that they come; each must come once.
fn families(text: &str) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split('{').next().unwrap();
        if found.last() != Some(&name) {
            assert!(!found.contains(&name), "{name} stands in two places");
            found.push(name);
        }
    }
    found
}

both_databases!(present_values_are_scraped_by_a_key_that_may_only_read, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let org = test.default_org().await;
    let (status, cluster) = olga.post("/api/v1/clusters", json!({"name": "eu \"1\""})).await;
    assert_eq!(status, 201, "{cluster}");
    let (web, gone) = (new_host(test, "web-1").await, new_host(test, "web-2").await);
    let never = new_host(test, "web-3").await;
    let change = json!({"clusterId": cluster["id"], "labels": {"team/role": "web", "team.role": "x"}});
    let (status, host) = olga
        .call(Method::PATCH, &format!("/api/v1/hosts/{web}"), Some(change))
        .await;
    assert_eq!(status, 200, "{host}");
    let key = json!({"name": "prometheus", "kind": "readonly"});
    let (status, key) = olga.post("/api/v1/api-keys", key).await;
    assert_eq!(status, 201, "{key}");
    let prometheus = test.with_token(key["key"].as_str().unwrap());
    submit(&test.app, org, gone, sample(test.app.clock.now(), 50)).await;
    test.app.clock.advance(UnixMs::MINUTE);
    let now = test.app.clock.now();
    submit(&test.app, org, web, sample(now, 25)).await;

    let text = scraped(&prometheus, "").await;
    let seen = lines(&text);
    for (series, value) in [
        (r#"muster_host_up{host="web-1"}"#, "1"),
        (r#"muster_host_up{host="web-2"}"#, "0"),
        (r#"muster_host_up{host="web-3"}"#, "0"),
        (r#"muster_host_cpu_total_ratio{host="web-1"}"#, "0.25"),
        (r#"muster_host_load_1{host="web-1"}"#, "1.5"),
        (
            r#"muster_host_disk_used_bytes{host="web-1",mountpoint="/var \"x\""}"#,
            "3221225472",
        ),
        (
            r#"muster_container_cpu_ratio{host="web-1",container="shop"}"#,
            "0.25",
        ),
        (
            r#"muster_container_memory_used_bytes{host="web-1",container="shop"}"#,
            "1048576",
        ),
    ] {
        assert_eq!(seen.get(series), Some(&value), "{series} in {text}");
    }
    let taken = format!("{}", now.0 as f64 / 1_000.0);
    let last = r#"muster_host_last_reading_timestamp_seconds{host="web-1"}"#;
    assert_eq!(seen.get(last), Some(&taken.as_str()));
    let info = format!(
        r#"muster_host_info{{host="web-1",host_id="{web}",environment="",cluster="eu \"1\"",label_team_role="x"}}"#
    );
    assert_eq!(seen.get(info.as_str()), Some(&"1"), "{text}");
    assert!(
        !text.contains(r#"cpu_total_ratio{host="web-2""#),
        "what is silent has no readings: {text}"
    );
    assert!(
        text.contains("# TYPE muster_host_cpu_total_ratio gauge"),
        "{text}"
    );
    let all = families(&text);
    assert_eq!(all.len(), 3 + 5, "{all:?}");

    let few = scraped(&prometheus, "series=disk.*.used,container.cpu").await;
    assert_eq!(
        families(&few)[3..],
        ["muster_host_disk_used_bytes", "muster_container_cpu_ratio"],
        "{few}"
    );
    let mut parts = BTreeSet::new();
    for number in 1..=3 {
        let text = scraped(&prometheus, &format!("shard={number}/3")).await;
        let up: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("muster_host_up"))
            .collect();
        for line in up {
            assert!(parts.insert(line.to_owned()), "{line} is in two parts");
        }
    }
    assert_eq!(parts.len(), 3, "every host is in a part: {never} too");
    for wrong in [
        "shard=0/2",
        "shard=3/2",
        "shard=1",
        "shard=1/5000",
        "series=nothing",
        "top=1",
    ] {
        let path = format!("/api/v1/prometheus/metrics?{wrong}");
        assert_eq!(prometheus.get(&path).await.0, 422, "{wrong}");
    }
});

both_databases!(prometheus_discovers_parts_and_hosts, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let org = test.default_org().await;
    let one = new_host(test, "web-1").await;
    new_host(test, "web-2").await;
    let (status, shards) = olga.get("/api/v1/prometheus/shards").await;
    assert_eq!(status, 200, "{shards}");
    assert_eq!(shards.as_array().map(Vec::len), Some(1), "{shards}");
    let labels = &shards[0]["labels"];
    assert_eq!(
        (&labels["__metrics_path__"], &labels["__param_shard"]),
        (&json!("/api/v1/prometheus/metrics"), &json!("1/1"))
    );
    let target = shards[0]["targets"][0].as_str().unwrap();
    let base = format!("{}://{target}", labels["__scheme__"].as_str().unwrap());
    assert_eq!(base, test.app.config.base_url());

    // Very many readings are too much for one answer, and come in parts.
    let now = test.app.clock.now();
    let mut builder = SampleBuilder::default();
    for core in 0..16_384 {
        builder.push_instance(Kind::CPU_CORE, &core.to_string(), 1);
    }
    let sample = builder.finish(now);
    for number in 0..7 {
        let host = new_host(test, &format!("big-{number}")).await;
        test.app.ingest.latest().update(org, host, &sample, now);
    }
    let (_, shards) = olga.get("/api/v1/prometheus/shards").await;
    let parts: Vec<_> = shards.as_array().unwrap().iter().collect();
    assert_eq!(parts.len(), 3, "{shards}");
    assert_eq!(parts[2]["labels"]["__param_shard"], "3/3");
    let (status, problem) = olga.get("/api/v1/prometheus/metrics").await;
    assert_eq!(status, 422);
    assert!(problem.to_string().contains("shard=1/3"), "{problem}");
    scraped(&olga, "series=cpu.core.7").await;

    let changed = json!({"publicIp": "203.0.113.7"});
    let path = format!("/api/v1/hosts/{one}");
    assert_eq!(olga.call(Method::PATCH, &path, Some(changed)).await.0, 200);
    let (status, hosts) = olga.get("/api/v1/prometheus/hosts?port=9256").await;
    assert_eq!(status, 200, "{hosts}");
    assert_eq!(
        hosts,
        json!([{"targets": ["203.0.113.7:9256"], "labels": {
            "__meta_muster_host": "web-1", "__meta_muster_host_id": one, "__meta_muster_hostname": "web-1",
            "__meta_muster_environment": "", "__meta_muster_cluster": "", "__meta_muster_label_web": "web-1"}}]),
        "what has no address is left out"
    );
    let (_, none) = olga.get("/api/v1/prometheus/hosts?label=web=web-2").await;
    assert_eq!(none, json!([]));
    assert_eq!(
        olga.get("/api/v1/prometheus/hosts?environment=none").await.1,
        json!([])
    );
});

both_databases!(the_narrow_scrape_their_hosts, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let ann = test.member("ann", Role::Admin).await;
    let mine = new_host(test, "web-1").await;
    new_host(test, "web-2").await;
    let template = json!({"name": "one", "operations": [], "objects": {"hosts": [mine]}});
    let (status, template) = olga.post("/api/v1/permission-templates", template).await;
    assert_eq!(status, 201, "{template}");
    let (_, members) = olga.get("/api/v1/members?search=ann").await;
    let member = members["items"][0]["userId"].as_str().unwrap();
    let path = format!("/api/v1/members/{member}/permissions");
    let body = json!({"templateId": template["id"]});
    assert_eq!(olga.call(Method::PUT, &path, Some(body)).await.0, 200);
    let text = scraped(&ann, "").await;
    assert!(text.contains("web-1") && !text.contains("web-2"), "{text}");
});

/// Words of a query that begin like our metrics.
fn metrics_in(expression: &str) -> BTreeSet<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = expression.split(|c| !word(c));
    words
        .filter(|word| word.starts_with("muster_"))
        .map(str::to_owned)
        .collect()
}

fn strings<'v>(value: &'v Value, key: &str, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(text) if name == key => found.push(text),
                    other => strings(other, key, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| strings(item, key, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_dashboard_asks_for_metrics_that_there_are() {
    let test = crate::testing::Test::sqlite().await;
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut expressions = Vec::new();
    strings(&dashboard, "expr", &mut expressions);
    strings(&dashboard, "definition", &mut expressions);
    assert!(expressions.len() > 20, "{expressions:?}");
    let asked: BTreeSet<String> = expressions.into_iter().flat_map(metrics_in).collect();
    let mut served: BTreeSet<String> = names::families()
        .iter()
        .map(|family| family.name.clone())
        .collect();
    served.extend(["muster_host_up", "muster_host_info"].map(str::to_owned));
    served.extend(test.app.figures().iter().map(|figure| figure.name.to_owned()));
    let missing: Vec<_> = asked.difference(&served).collect();
    assert!(missing.is_empty(), "nobody serves {missing:?}");
    test.finish().await;
}
