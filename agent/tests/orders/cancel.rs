//! Cancels that meet a worker whose resident is gone.

use std::time::{Duration, Instant};

use muster_agent::link::OrderRequest;
use muster_protocol::latest::{OrderOutcome, OrderStatus, SignedOrder, StepStatus};

use crate::{
    bench::{POLICY, Resident, TestHost, is_step, order_id},
    engine::Place,
};

const GOOD: &str = "1.0.0";
const SICK: &str = "1.3.0";

async fn cancel(resident: &Resident, order: &SignedOrder) -> OrderOutcome {
    resident.cancel(order_id(order)).await
}

/// Waits until so many workers of this host are alive.
async fn await_workers(host: &TestHost, count: usize) {
    let wanted = host.path().display().to_string();
    let give_up = Instant::now() + Duration::from_secs(20);
    let alive = || {
        let lines = std::fs::read_dir("/proc").unwrap().flatten();
        let lines = lines.filter_map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).ok());
        lines
            .filter(|line| line.contains("muster-worker") && line.contains(&wanted))
            .count()
    };
    while alive() < count {
        assert!(Instant::now() < give_up, "there never were {count} workers");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_order_that_waits_behind_an_orphaned_worker_is_cancelled() {
    let (place, behind) = (Place::new(), Place::new());
    let host = TestHost::new(POLICY);
    let mut spec = host.web(&place, SICK);
    spec.health_timeout_ms = 5_000;
    // Nobody but the kernel knows of this worker.
    let mut orphan = host.worker(&host.deploy(spec)).await;
    while !is_step(&orphan.next().await.unwrap(), "health", StepStatus::Running) {}

    let order = host.deploy(host.web(&behind, GOOD));
    let resident = host.resident();
    let stream = resident.ask(OrderRequest::Run(Box::new(order.clone()))).await;
    await_workers(&host, 2).await;
    let outcome = cancel(&resident, &order).await;
    assert_eq!(outcome.status, OrderStatus::Cancelled, "{outcome:?}");
    assert!(outcome.error.unwrap().contains("nothing was changed"));
    drop(stream);

    let again = resident.order(&order).await;
    assert_eq!(again.outcome().status, OrderStatus::Cancelled, "and it stays so");
    let said = orphan.all().await;
    assert_eq!(said.outcome().status, OrderStatus::RolledBack);
    let alone = host.worker(&order).await.all().await;
    assert_eq!(
        alone.outcome().status,
        OrderStatus::Cancelled,
        "the worker knows it, too"
    );
    assert!(behind.containers().is_empty());
    resident.stop().await;
}

#[tokio::test]
async fn a_worker_whose_resident_was_restarted_hears_of_a_cancel() {
    let place = Place::new();
    let host = TestHost::new(POLICY);
    let good = host
        .worker(&host.deploy(host.web(&place, GOOD)))
        .await
        .all()
        .await;
    assert_eq!(good.outcome().status, OrderStatus::Done);
    let old = place.inspect("{{.Id}}");
    let mut spec = host.web(&place, SICK);
    spec.health_timeout_ms = 600_000;
    let order = host.deploy(spec);
    let resident = host.resident();
    let mut stream = resident.ask(OrderRequest::Run(Box::new(order.clone()))).await;
    while let Some(reply) = stream.recv().await {
        if is_step(&reply, "health", StepStatus::Running) {
            break;
        }
    }
    resident.stop().await;

    let restarted = host.resident();
    await_workers(&host, 2).await;
    let outcome = cancel(&restarted, &order).await;
    assert_eq!(outcome.status, OrderStatus::Cancelled, "{outcome:?}");
    assert!(outcome.error.unwrap().contains("put back and runs"));
    assert_eq!(place.inspect("{{.Id}}"), old);
    assert_eq!(place.serves(Some(GOOD)).as_deref(), Some(GOOD));
    restarted.stop().await;
}
