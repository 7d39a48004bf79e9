//! Killed in the middle: the journals and the engine say what is left to do, and it is done once.

use std::time::{Duration, Instant};

use muster_agent::link::OrderRequest;
use muster_protocol::latest::{OrderReply, OrderStatus, SignedOrder, StepStatus};

use crate::{
    bench::{POLICY, TestHost, Worker, is_step},
    engine::{Place, docker},
};

const GOOD: &str = "1.0.0";
const NEXT: &str = "1.1.0";
const SICK: &str = "1.3.0";

/// Lets the worker get as far as this and kills it.
async fn kill_at(mut worker: Worker, step: &str, at: StepStatus) {
    while let Some(reply) = worker.next().await {
        if is_step(&reply, step, at) {
            worker.kill().await;
            return;
        }
    }
    panic!("the worker ended before {step}");
}

async fn deploy(host: &TestHost, order: &SignedOrder) -> OrderStatus {
    host.worker(order).await.all().await.outcome().status
}

#[tokio::test]
async fn a_worker_killed_at_any_step_of_a_good_deploy_finishes_it_at_its_next_start() {
    for (step, at) in [
        ("verify", StepStatus::Running),
        ("pull", StepStatus::Running),
        ("pull", StepStatus::Done),
        ("set-aside", StepStatus::Running),
        ("set-aside", StepStatus::Done),
        ("stop-old", StepStatus::Running),
        ("stop-old", StepStatus::Done),
        ("start-new", StepStatus::Running),
        ("start-new", StepStatus::Done),
        ("health", StepStatus::Done),
        ("remove-old", StepStatus::Running),
        ("remove-old", StepStatus::Done),
    ] {
        let place = Place::new();
        let host = TestHost::new(POLICY);
        assert_eq!(
            deploy(&host, &host.deploy(host.web(&place, GOOD))).await,
            OrderStatus::Done
        );
        let order = host.deploy(host.web(&place, NEXT));
        kill_at(host.worker(&order).await, step, at).await;

        assert_eq!(
            deploy(&host, &order).await,
            OrderStatus::Done,
            "killed at {step} {at:?}"
        );
        assert_eq!(place.served().as_deref(), Some(NEXT), "killed at {step} {at:?}");
        assert!(place.is_alone(), "killed at {step} {at:?}");
    }
}

#[tokio::test]
async fn a_worker_killed_while_it_undoes_a_bad_deploy_goes_on_undoing() {
    for (step, at) in [
        ("health", StepStatus::Running),
        ("health", StepStatus::Failed),
        ("put-back", StepStatus::Running),
        ("put-back", StepStatus::Done),
    ] {
        let place = Place::new();
        let host = TestHost::new(POLICY);
        assert_eq!(
            deploy(&host, &host.deploy(host.web(&place, GOOD))).await,
            OrderStatus::Done
        );
        let old = place.inspect("{{.Id}}");
        let mut spec = host.web(&place, SICK);
        spec.health_timeout_ms = 1_000;
        let order = host.deploy(spec);
        kill_at(host.worker(&order).await, step, at).await;

        assert_eq!(
            deploy(&host, &order).await,
            OrderStatus::RolledBack,
            "killed at {step} {at:?}"
        );
        assert_eq!(
            place.serves(Some(GOOD)).as_deref(),
            Some(GOOD),
            "killed at {step} {at:?}"
        );
        assert_eq!(place.inspect("{{.Id}}"), old);
        assert!(place.is_alone(), "killed at {step} {at:?}");
    }
}

#[tokio::test]
async fn an_order_that_ended_is_answered_from_the_journal_and_not_done_again() {
    let place = Place::new();
    let host = TestHost::new(POLICY);
    let order = host.deploy(host.web(&place, GOOD));
    let resident = host.resident();
    let first = resident.order(&order).await;
    assert_eq!(first.outcome().status, OrderStatus::Done, "{first:#?}");
    let life = place.life();

    let again = resident.order(&order).await;
    assert_eq!(again.0, first.0, "the same, word for word");
    resident.stop().await;

    let restarted = host.resident();
    assert_eq!(restarted.order(&order).await.0, first.0, "after a restart, too");
    restarted.stop().await;
    let alone = host.worker(&order).await.all().await;
    assert_eq!(alone.outcome(), first.outcome(), "and the worker by itself");
    assert_eq!(place.life(), life);
}

#[tokio::test]
async fn the_resident_hands_an_order_over_again_when_its_worker_dies() {
    let place = Place::new();
    let host = TestHost::new(POLICY);
    let mut spec = host.web(&place, GOOD);
    // Long enough that somebody can be killed.
    spec.container.command = Some(slow_start(1));
    let order = host.deploy(spec);
    let resident = host.resident();
    let mut stream = resident.ask(OrderRequest::Run(Box::new(order))).await;
    let mut said = Vec::new();
    let mut killed = false;
    while let Some(reply) = stream.recv().await {
        if !killed && is_step(&reply, "health", StepStatus::Running) {
            kill_worker_of(&host);
            killed = true;
        }
        said.push(reply);
    }
    let Some(OrderReply::Outcome(outcome)) = said.last() else {
        panic!("no outcome: {said:#?}");
    };
    assert_eq!(outcome.status, OrderStatus::Done, "{said:#?}");
    let seqs: Vec<u32> = said.iter().filter_map(seq).collect();
    assert!(seqs.is_sorted_by(|a, b| a < b), "no event twice: {seqs:?}");
    assert_eq!(place.served().as_deref(), Some(GOOD));
    resident.stop().await;
}

#[tokio::test]
async fn a_resident_that_was_stopped_takes_its_orders_up_again() {
    let place = Place::new();
    let host = TestHost::new(POLICY);
    let mut spec = host.web(&place, GOOD);
    spec.container.command = Some(slow_start(2));
    let order = host.deploy(spec);
    let resident = host.resident();
    let mut stream = resident.ask(OrderRequest::Run(Box::new(order.clone()))).await;
    while let Some(reply) = stream.recv().await {
        if is_step(&reply, "start-new", StepStatus::Done) {
            break;
        }
    }
    resident.stop().await;

    let restarted = host.resident();
    let said = restarted.order(&order).await;
    assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
    assert_eq!(place.served().as_deref(), Some(GOOD));
    assert!(place.is_alone());
    restarted.stop().await;
}

/// Serves as the test image does, but later.
fn slow_start(seconds: u32) -> Vec<String> {
    let script = format!("sleep {seconds}; exec /bin/busybox httpd -f -p 8080 -h /www");
    ["/bin/busybox", "sh", "-c", &script].map(str::to_owned).to_vec()
}

fn seq(reply: &OrderReply) -> Option<u32> {
    match reply {
        OrderReply::Event(event) => Some(event.seq),
        OrderReply::Accepted | OrderReply::Refused(_) | OrderReply::Outcome(_) => None,
    }
}

/// SIGKILL for the worker of this host, found by its data directory.
fn kill_worker_of(host: &TestHost) {
    let wanted = host.path().display().to_string();
    let give_up = Instant::now() + Duration::from_secs(10);
    while Instant::now() < give_up {
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Ok(line) = std::fs::read_to_string(entry.path().join("cmdline")) else {
                continue;
            };
            let pid = entry.file_name().to_string_lossy().parse::<i32>();
            if let Ok(pid) = pid
                && line.contains("muster-worker")
                && line.contains(&wanted)
            {
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL)
                    .unwrap();
                return;
            }
        }
    }
    panic!("no worker of {wanted}; containers: {}", docker(&["ps"]));
}
