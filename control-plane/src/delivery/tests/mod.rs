//! The delivery room through its HTTP calls, on both databases, against a real registry.

mod again;
mod application;
mod approval;
mod ci_steps;
mod claim;
mod env_var;
mod flow;
mod git;
mod image_hub;
mod registry;
mod resume;
mod rollout;
mod told;
mod tracked;
mod trigger_try;
mod truth;
mod usage;
mod version;
mod webhook;
mod webhook_guard;
mod windows;

use std::time::Duration;

use muster_base::{HostId, OrderId};
use muster_protocol::latest as wire;
use serde_json::{Value, json};

use super::{
    deployment::{Deployment, Phase, Plan, Status, TriggerType, TriggeredBy},
    progress::DeployOrders,
};
use crate::{
    db::DbError,
    in_tx,
    testing::{Client, Test},
    with_pool, with_tx,
    work::{self, Listener, Order, OrderState},
};

/// A host of the default org with this label `web=<name>`.
pub(crate) async fn new_host(test: &Test, name: &str) -> HostId {
    const SQL: &str = "insert into hosts (id, org_id, name, business_status, labels, facts, hostname, \
        seal_public_key, certificate_expires_at, joined_at, created_at, updated_at) \
        values ($1, $2, $3, 0, $4, $6, $3, $5, 0, 0, 0, 0)";
    let id: HostId = test.app.clock.new_id();
    let labels = json!({"web": name}).to_string();
    let facts = json!({"hostname": name, "os": "", "kernel": "", "arch": "", "cpus": 1, "cpuModel": "",
        "memoryBytes": 0, "swapBytes": 0, "bootAt": "2026-01-01T00:00:00Z", "agentVersion": ""})
    .to_string();
    let org = test.default_org().await;
    let insert = async || -> Result<(), DbError> {
        in_tx!(test.app.db, |tx| with_tx!(tx, |conn| {
            sqlx::query(SQL)
                .bind(id)
                .bind(org)
                .bind(name)
                .bind(&labels)
                .bind(vec![7_u8; 32])
                .bind(&facts)
                .execute(conn)
                .await?;
        }));
        Ok(())
    };
    insert().await.unwrap();
    id
}

/// A deployment of nothing in particular.
pub(crate) fn a_deployment() -> Deployment {
    let clock = muster_base::Clock::system();
    Deployment {
        id: clock.new_id(),
        application_id: clock.new_id(),
        application_name: "shop".to_owned(),
        environment: "default".to_owned(),
        version: "1".to_owned(),
        image: "team/shop:1".to_owned(),
        digest: None,
        status: Status::Running,
        trigger_type: TriggerType::Manual,
        trigger_ip: None,
        triggered_by: TriggeredBy {
            kind: "user".to_owned(),
            id: String::new(),
            name: String::new(),
            person: String::new(),
        },
        origin_id: None,
        approvals: Vec::new(),
        phase: Phase::Rolling,
        batch: 0,
        batches: 1,
        pause_asked: false,
        cancel_asked: false,
        waits_for_window: false,
        opens_at: None,
        override_reason: None,
        error: None,
        created_at: clock.now(),
        started_at: None,
        completed_at: None,
        duration_ms: None,
        image_bytes: None,
        org: clock.new_id(),
        plan: Plan::default(),
        prepared: true,
        back_asked: false,
    }
}

async fn created(client: &Client<'_>, path: &str, body: Value) -> Value {
    let (status, answer) = client.post(path, body).await;
    assert_eq!(status, 201, "{answer}");
    answer
}

/// An application `shop` that runs on `hosts` and pulls from nowhere in particular.
pub(crate) async fn new_application(client: &Client<'_>, hosts: &[HostId]) -> String {
    let body = json!({
        "name": "shop",
        "image": "team/shop",
        "container": {"ports": [{"host": 8080, "container": 80}]},
        "environments": {"default": {"hosts": hosts}, "prod": {"hosts": hosts}},
    });
    let application = created(client, "/api/v1/applications", body).await;
    application["id"].as_str().unwrap().to_owned()
}

async fn new_token(client: &Client<'_>, application: &str) -> String {
    let path = format!("/api/v1/applications/{application}/webhook-token");
    let (status, body) = client.post(&path, json!({})).await;
    assert_eq!(status, 200, "{body}");
    body["token"].as_str().unwrap().to_owned()
}

pub(crate) async fn deploy(client: &Client<'_>, application: &str, version: &str) -> String {
    // Ids sort by time, and time stands still in tests.
    client.test().app.clock.advance(10);
    let path = format!("/api/v1/applications/{application}/deployments");
    let (status, body) = client.post(&path, json!({"version": version})).await;
    assert_eq!(status, 202, "{body}");
    body["deploymentId"].as_str().unwrap().to_owned()
}

async fn get_deployment(client: &Client<'_>, id: &str) -> Value {
    let (status, body) = client.get(&format!("/api/v1/deployments/{id}")).await;
    assert_eq!(status, 200, "{body}");
    body
}

/// Waits until `passes` holds for the deployment.
async fn wait_until(client: &Client<'_>, id: &str, passes: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    for _ in 0..1_000 {
        last = get_deployment(client, id).await;
        if passes(&last) {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not come to pass: {last:#}");
}

/// The deployment's orders, once they are made.
async fn orders(client: &Client<'_>, id: &str) -> Vec<OrderId> {
    let deployment = wait_until(client, id, |d| {
        d["hosts"].as_array().is_some_and(|hosts| !hosts.is_empty())
    })
    .await;
    let hosts = deployment["hosts"].as_array().unwrap().iter();
    hosts
        .map(|host| host["orderId"].as_str().unwrap().parse().unwrap())
        .collect()
}

/// What an order asks of its host.
async fn asked(test: &Test, order: OrderId) -> wire::DeploySpec {
    let read = async || -> Result<Vec<u8>, sqlx::Error> {
        with_pool!(test.app.db, |pool| sqlx::query_scalar(
            "select payload from work_orders where id = $1"
        )
        .bind(order)
        .fetch_one(pool)
        .await)
    };
    let payload: wire::OrderPayload = muster_protocol::decode(&read().await.unwrap()).unwrap();
    payload.deploy().expect("a deploy").clone()
}

/// Everything that the tables hold about secrets, orders and deployments, as one text.
async fn stored(test: &Test) -> String {
    const TEXTS: [&str; 7] = [
        "select value from secret_versions",
        "select value from credentials",
        "select value from env_vars where value is not null",
        "select spec from deployments",
        "select data from deployment_events",
        "select detail from deployment_steps",
        "select after from audit_log where after is not null",
    ];
    let read = async || -> Result<String, sqlx::Error> {
        let mut all = String::new();
        for sql in TEXTS {
            let texts: Vec<String> =
                with_pool!(test.app.db, |pool| sqlx::query_scalar(sql).fetch_all(pool).await)?;
            all.push_str(&texts.concat());
        }
        let payloads: Vec<Vec<u8>> = with_pool!(test.app.db, |pool| {
            sqlx::query_scalar("select payload from work_orders")
                .fetch_all(pool)
                .await
        })?;
        all.push_str(&String::from_utf8_lossy(&payloads.concat()));
        Ok(all)
    };
    read().await.unwrap()
}

async fn order(test: &Test, id: OrderId) -> Order {
    work::find(&test.app, id).await.unwrap().unwrap()
}

/// The host says something while it works.
async fn says(test: &Test, id: OrderId, seq: u32, what: wire::StepReport) {
    let (order, at) = (order(test, id).await, test.app.clock.now());
    let event = wire::OrderEvent { seq, at, what };
    let told = async || -> Result<(), DbError> {
        in_tx!(test.app.db, |tx| DeployOrders
            .event(&test.app, tx, &order, &event)
            .await?);
        Ok(())
    };
    told().await.unwrap();
    DeployOrders.committed(&test.app, &order);
}

/// The host's order is now in this state.
async fn moves(test: &Test, id: OrderId, state: OrderState, error: Option<&str>) {
    let mut order = order(test, id).await;
    order.state = state;
    order.error = error.map(str::to_owned);
    tells(test, &order).await;
}

/// The host has done its order, and this image runs there.
async fn runs(test: &Test, id: OrderId, digest: &str) {
    let mut order = order(test, id).await;
    order.state = OrderState::Done;
    order.digest = Some(digest.to_owned());
    tells(test, &order).await;
}

async fn tells(test: &Test, order: &Order) {
    let told = async || -> Result<(), DbError> {
        in_tx!(test.app.db, |tx| DeployOrders.moved(&test.app, tx, order).await?);
        Ok(())
    };
    told().await.unwrap();
    DeployOrders.committed(&test.app, order);
}

fn step(index: u32, name: &str, status: wire::StepStatus) -> wire::StepReport {
    wire::StepReport::Step {
        index,
        name: name.to_owned(),
        status,
        duration_ms: Some(12),
        rows: None,
        detail: String::new(),
    }
}
