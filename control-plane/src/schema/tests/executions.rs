//! Executions: recorded with their order, and what the host says of them.

use muster_base::{ExposeSecret as _, OrderId, UnixMs};
use muster_protocol::latest::{OrderEvent, StepReport, StepStatus};
use serde_json::{Value, json};

use super::{PLANTED, release, server};
use crate::{
    access::Role,
    in_tx,
    schema::order,
    testing::{Client, Test, both_databases},
    work::{self, Order, OrderState},
};

const SQL: &str = "create table t (id int); insert into t values (1)";

/// A release on `pg`, executed by bob: the client and the execution's path.
async fn executing(test: &Test, body: Value) -> (Client<'_>, String) {
    server(test, "pg", "Postgres").await;
    let (ann, bob) = (
        test.member("ann", Role::Member).await,
        test.member("bob", Role::Admin).await,
    );
    let release = release(&ann, &bob, "1.0", &["pg"], SQL).await;
    let (status, answer) = bob
        .post(&format!("/api/v1/schema/releases/{release}/execute"), body)
        .await;
    assert_eq!(status, 202, "{answer}");
    let path = format!(
        "/api/v1/schema/executions/{}",
        answer["executionId"].as_str().unwrap()
    );
    (bob, path)
}

pub(super) async fn order(test: &Test, execution: &Value) -> Order {
    let id: OrderId = execution["orderId"].as_str().unwrap().parse().unwrap();
    work::find(&test.app, id).await.unwrap().unwrap()
}

/// Tells the room that the order stands elsewhere now.
pub(super) async fn moves(test: &Test, order: &mut Order, state: OrderState) {
    order.state = state;
    let tell = async || -> Result<(), crate::db::DbError> {
        in_tx!(test.app.db, |tx| order::moved(&test.app, tx, order).await?);
        Ok(())
    };
    tell().await.unwrap();
}

/// Tells the room what the host said of a statement.
pub(super) async fn says(
    test: &Test,
    order: &Order,
    index: u32,
    status: StepStatus,
    rows: Option<u64>,
    detail: &str,
) {
    let event = OrderEvent {
        seq: 0,
        at: UnixMs(0),
        what: StepReport::Step {
            index,
            name: "statement".into(),
            status,
            duration_ms: Some(7),
            rows,
            detail: detail.into(),
        },
    };
    let tell = async || -> Result<(), crate::db::DbError> {
        in_tx!(test.app.db, |tx| order::happened(tx, order, &event).await?);
        Ok(())
    };
    tell().await.unwrap();
}

both_databases!(an_execution_is_recorded_statement_by_statement, |test| {
    let (bob, path) = executing(test, json!({"server": "pg"})).await;
    let (_, pending) = bob.get(&path).await;
    assert_eq!(
        (&pending["status"], &pending["by"]),
        (&json!("pending"), &json!("bob")),
        "{pending}"
    );
    assert_eq!(pending["steps"][1]["status"], "pending");
    let mut order = order(test, &pending).await;
    assert!(order.approvals[0].by.contains("bob"), "{:?}", order.approvals);

    let secrets = order::password(&test.app, &order).await.unwrap();
    assert_eq!(secrets[0].1.expose_secret(), PLANTED);

    order.accepted_at = Some(test.app.clock.now());
    moves(test, &mut order, OrderState::Accepted).await;
    says(test, &order, 0, StepStatus::Done, Some(0), "").await;
    says(test, &order, 1, StepStatus::Running, None, "").await;
    let (_, running) = bob.get(&path).await;
    assert_eq!(running["status"], "running");
    assert_eq!(running["steps"][0]["status"], "success");

    says(test, &order, 1, StepStatus::Done, Some(1), "").await;
    (order.started_at, order.ended_at) = (order.accepted_at, order.accepted_at.map(|at| at.plus_ms(42)));
    order.server_version = Some("PostgreSQL 15".into());
    moves(test, &mut order, OrderState::Done).await;
    let (_, done) = bob.get(&path).await;
    assert_eq!(
        (&done["status"], &done["durationMs"]),
        (&json!("success"), &json!(42)),
        "{done}"
    );
    let step = &done["steps"][1];
    assert_eq!(step["sql"], "insert into t values (1)");
    assert_eq!(
        (&step["rows"], &step["durationMs"], &step["error"]),
        (&json!(1), &json!(7), &Value::Null)
    );
    let (_, page) = bob
        .get(&format!(
            "/api/v1/schema/executions?release={}",
            done["releaseId"].as_str().unwrap()
        ))
        .await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    let (_, audit) = bob.get("/api/v1/audit?limit=500").await;
    let rows = audit["items"].as_array().unwrap();
    assert!(
        rows.iter()
            .any(|row| row["operation"] == "release:ended" && row["actorKind"] == "agent")
    );
    assert!(!audit.to_string().contains(PLANTED));
});

both_databases!(a_failure_says_what_happened_to_each_statement, |test| {
    let (bob, path) = executing(test, json!({"server": "pg"})).await;
    let mut order = order(test, &bob.get(&path).await.1).await;
    moves(test, &mut order, OrderState::Accepted).await;
    says(test, &order, 0, StepStatus::Failed, None, "no room").await;
    order.error = Some("statement 1 failed: no room; everything was rolled back".into());
    order.ended_at = Some(test.app.clock.now());
    moves(test, &mut order, OrderState::RolledBack).await;
    let (_, failed) = bob.get(&path).await;
    assert_eq!(failed["status"], "rolledBack");
    assert!(failed["error"].as_str().unwrap().contains("no room"));
    assert_eq!(failed["steps"][0]["error"], "no room");
    assert_eq!(
        (&failed["steps"][1]["status"], &failed["steps"][1]["detail"]),
        (&json!("skipped"), &json!("not reached"))
    );

    let mut late = order.clone();
    moves(test, &mut late, OrderState::Accepted).await;
    assert_eq!(bob.get(&path).await.1["status"], "rolledBack", "an end is final");
    let release = format!(
        "/api/v1/schema/releases/{}/execute",
        failed["releaseId"].as_str().unwrap()
    );
    assert_eq!(
        bob.post(&release, json!({"server": "pg"})).await.0,
        202,
        "it may be tried again"
    );
});

both_databases!(one_at_a_time_on_a_server_and_cancelled_before_it_began, |test| {
    let (bob, path) = executing(test, json!({"server": "pg", "notBefore": "2030-01-01T00:00:00Z"})).await;
    let (_, pending) = bob.get(&path).await;
    assert_eq!(pending["notBefore"], "2030-01-01T00:00:00.000Z");
    let release = format!(
        "/api/v1/schema/releases/{}/execute",
        pending["releaseId"].as_str().unwrap()
    );
    let (status, problem) = bob.post(&release, json!({"server": "pg"})).await;
    assert_eq!(status, 409, "{problem}");
    assert_eq!(bob.post(&release, json!({"server": "other"})).await.0, 422);

    let stranger = test.stranger("others").await;
    assert_eq!(stranger.get(&path).await.0, 404);
    assert_eq!(stranger.post(&format!("{path}/cancel"), json!({})).await.0, 404);
    let (status, cancelled) = bob.post(&format!("{path}/cancel"), json!({})).await;
    assert_eq!(
        (status, &cancelled["status"]),
        (200, &json!("cancelled")),
        "{cancelled}"
    );
    assert_eq!(bob.post(&format!("{path}/cancel"), json!({})).await.0, 409);
    assert_eq!(
        bob.post(&release, json!({"server": "pg", "dryRun": true}))
            .await
            .0,
        202
    );
});

both_databases!(a_removed_server_s_password_is_gone_for_good, |test| {
    let (bob, path) = executing(test, json!({"server": "pg"})).await;
    let mut order = order(test, &bob.get(&path).await.1).await;
    order.ended_at = Some(test.app.clock.now());
    moves(test, &mut order, OrderState::Done).await;
    let (_, done) = bob.get(&path).await;
    let server = format!("/api/v1/schema/servers/{}", done["server"].as_str().unwrap());
    assert_eq!(bob.delete(&server).await.0, 204);
    assert!(matches!(
        order::password(&test.app, &order).await,
        Err(work::SecretsError::Never(why)) if why.contains("removed")
    ));
    assert_eq!(bob.get(&path).await.1["serverLabel"], "pg", "its executions stay");
});

both_databases!(an_execution_ends_at_once_when_its_host_is_removed, |test| {
    let (bob, path) = executing(test, json!({"server": "pg"})).await;
    let (_, pending) = bob.get(&path).await;
    let host = pending["hostId"].as_str().unwrap();
    let removed = test.admin().await.delete(&format!("/api/v1/hosts/{host}")).await;
    assert_eq!(removed.0, 204, "{}", removed.1);
    let (_, ended) = bob.get(&path).await;
    assert_eq!(ended["status"], "failure", "{ended}");
    assert_eq!(
        ended["error"],
        "the host was removed from the fleet; nothing was changed"
    );
    assert_eq!(order(test, &ended).await.state, OrderState::Failed);
});
