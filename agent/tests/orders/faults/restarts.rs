//! The engine is restarted in the middle, as an upgrade of it does.

use muster_protocol::latest::{OrderStatus, StepStatus};
use muster_workbench::{
    OwnEngine, OwnEngineOptions,
    proxy::{Endpoint, Fault, Proxy},
};

use super::{GOOD, NEXT, deploy_good, large, shell};
use crate::{
    bench::{POLICY, TestHost},
    engine::Place,
};

const MOMENTS: &[(&str, StepStatus)] = &[
    ("set-aside", StepStatus::Running),
    ("set-aside", StepStatus::Done),
    ("stop-old", StepStatus::Running),
    ("stop-old", StepStatus::Done),
    ("start-new", StepStatus::Done),
    ("health", StepStatus::Running),
    ("remove-old", StepStatus::Running),
];

/// Whatever it comes to: one container, and the record's word for which.
#[tokio::test]
async fn whenever_the_engine_restarts_one_container_serves() {
    let mut engine = OwnEngine::start(&OwnEngineOptions::default()).unwrap();
    let place = Place::at(engine.host().to_owned());
    let host = TestHost::new(POLICY).at_engine(engine.host());
    deploy_good(&host, &place).await;
    let (mut current, mut other) = (GOOD, NEXT);
    for (step, at) in MOMENTS {
        let case = format!("the engine restarts when {step} is {at:?}");
        let mut spec = host.web(&place, other);
        // Not healthy at once, so that its health is waited for.
        spec.container.command = Some(shell("sleep 1; exec /bin/busybox httpd -f -p 8080 -h /www"));
        let worker = host.worker(&host.deploy(spec)).await;
        let said = worker.all_but(step, *at, || engine.restart().unwrap()).await;
        let outcome = said.outcome();
        println!(
            "{case}: {:?}: {}",
            outcome.status,
            outcome.error.as_deref().unwrap_or_default()
        );
        match outcome.status {
            OrderStatus::Done => std::mem::swap(&mut current, &mut other),
            OrderStatus::RolledBack => {}
            status => panic!("{case}: {status:?}: {said:#?}"),
        }
        place.await_served(current);
        assert!(place.is_alone(), "{case}: {:?}", place.containers());
    }
}

#[tokio::test]
async fn when_the_engine_restarts_in_the_middle_of_the_pull_the_old_container_serves_on() {
    let mut engine = OwnEngine::start(&OwnEngineOptions::default()).unwrap();
    let place = Place::at(engine.host().to_owned());
    let host = TestHost::new(POLICY).at_engine(engine.host());
    deploy_good(&host, &place).await;
    let old = place.inspect("{{.Id}}");
    let tag = large::publish(&engine);
    let registry: std::net::SocketAddr = std::env::var("MUSTER_TEST_REGISTRY").unwrap().parse().unwrap();
    let registry = Proxy::tcp(Endpoint::Tcp(registry)).unwrap();
    registry.fail(Fault::Hang("/blobs/"));
    let mut spec = host.web(&place, NEXT);
    spec.image = format!("127.0.0.1:{}/muster/web:{tag}", registry.port().unwrap());

    let worker = host.worker(&host.deploy(spec)).await;
    let said = worker
        .all_but("pull", StepStatus::Running, || {
            registry.wait_failed(crate::bench::PATIENCE).unwrap();
            engine.restart().unwrap();
        })
        .await;
    let outcome = said.outcome();
    assert_eq!(outcome.status, OrderStatus::RolledBack, "{said:#?}");
    let error = outcome.error.as_deref().unwrap();
    assert!(
        error.contains("stopped answering") && error.contains("nothing was changed"),
        "{error}"
    );
    place.await_served(GOOD);
    assert_eq!(place.inspect("{{.Id}}"), old);
    assert!(place.is_alone());
}
