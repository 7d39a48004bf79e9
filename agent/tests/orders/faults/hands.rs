//! Hands on the host while a deploy is under way: people and programs that remove and name containers.

use muster_protocol::latest::{DeploySpec, OrderStatus, StepStatus};
use muster_workbench::proxy::{Endpoint, Fault, Proxy};

use super::{End, GOOD, NEXT, SICK, done, put_back, serving, shell};
use crate::{
    bench::{PATIENCE, Said, TestHost},
    engine::{self, Place},
};

struct Case {
    name: &'static str,
    version: &'static str,
    change: fn(&mut DeploySpec),
    /// Done while the new container's health is waited for.
    meddle: fn(&Place),
    end: End,
}

const CASES: &[Case] = &[
    Case {
        name: "the old container is removed, and the new one gets healthy",
        version: NEXT,
        change: late,
        meddle: remove_old,
        end: done(NEXT),
    },
    Case {
        name: "the old container is removed, and the new one does not get healthy",
        version: SICK,
        change: |spec| spec.health_timeout_ms = 3_000,
        meddle: remove_old,
        end: End {
            status: OrderStatus::NeedsAttention,
            serves: None,
            failed: &["health", "put-back"],
            says: &[
                "somebody removed the old container",
                "deploy the version before, or a newer one",
            ],
        },
    },
    Case {
        name: "the new container is removed",
        version: NEXT,
        change: late,
        meddle: |place| drop(place.docker(&["rm", "--force", &place.name])),
        // The engine stops it before it removes it, and either may be what is seen.
        end: put_back(&["health"], &["the new container", "put back and runs"]),
    },
    Case {
        name: "the new container is stopped",
        version: NEXT,
        change: late,
        meddle: |place| drop(place.docker(&["stop", &place.name])),
        end: put_back(&["health"], &["exited with code", "put back and runs"]),
    },
    Case {
        name: "the old container is started",
        version: NEXT,
        change: late,
        meddle: |place| drop(place.docker(&["start", &old_of(place)])),
        end: done(NEXT),
    },
];

/// Healthy after two seconds.
fn late(spec: &mut DeploySpec) {
    spec.container.command = Some(shell("sleep 2; exec /bin/busybox httpd -f -p 8080 -h /www"));
}

fn old_of(place: &Place) -> String {
    let mut names = place.containers().into_iter();
    names.find(|name| name.contains(".before-")).unwrap()
}

fn remove_old(place: &Place) {
    place.docker(&["rm", "--force", &old_of(place)]);
}

#[tokio::test]
async fn whatever_hands_do_one_container_serves_or_a_person_is_told() {
    for case in CASES {
        let place = Place::new();
        let host = serving(&place).await;
        let mut spec = host.web(&place, case.version);
        (case.change)(&mut spec);
        let worker = host.worker(&host.deploy(spec)).await;
        let said = worker
            .all_but("health", StepStatus::Running, || (case.meddle)(&place))
            .await;
        case.end.check(case.name, &place, &said);
        let left = place.containers().len();
        assert_eq!(left, usize::from(case.end.serves.is_some()), "{}", case.name);
    }
}

/// Does something on the host at the moment when a call is on its way to the engine.
async fn meddle_before(call: &'static str, place: &Place, host: TestHost, meddle: impl FnOnce()) -> Said {
    let engine = engine::docker_host();
    let path = host.path().join("engine.sock");
    let proxy = Proxy::unix(
        path.clone(),
        Endpoint::Unix(engine.trim_start_matches("unix://").into()),
    )
    .unwrap();
    proxy.fail(Fault::Hold(call));
    let host = host.at_engine(format!("unix://{}", path.display()));
    let worker = host.worker(&host.deploy(host.web(place, NEXT))).await;
    proxy.wait_failed(PATIENCE).unwrap();
    meddle();
    proxy.release();
    worker.all().await
}

#[tokio::test]
async fn an_old_container_that_is_removed_at_the_last_moment_is_no_longer_needed() {
    let place = Place::new();
    let host = serving(&place).await;
    let remove = || drop(place.docker(&["rm", "--force", &place.name]));
    let said = meddle_before("/rename?", &place, host, remove).await;
    done(NEXT).check(
        "the old container is removed before it is set aside",
        &place,
        &said,
    );
    assert!(place.is_alone());
}

#[tokio::test]
async fn a_name_that_somebody_takes_in_the_middle_leaves_the_old_container_running() {
    let place = Place::new();
    let host = serving(&place).await;
    let image = place.inspect("{{.Image}}");
    let take = || drop(place.docker(&["create", "--name", &place.name, &image]));
    let said = meddle_before("/containers/create?", &place, host, take).await;
    End {
        status: OrderStatus::NeedsAttention,
        serves: Some(GOOD),
        failed: &["start-new", "put-back"],
        says: &[
            "was given to another container",
            "The old container runs, as",
            "free the name",
        ],
    }
    .check(
        "somebody takes the name before the new container does",
        &place,
        &said,
    );
}

#[tokio::test]
async fn two_orders_for_one_container_are_done_one_after_the_other() {
    let place = Place::new();
    let host = serving(&place).await;
    let orders = [NEXT, GOOD].map(|version| host.deploy(host.web(&place, version)));
    let (first, second) = (host.worker(&orders[0]).await, host.worker(&orders[1]).await);
    let (first, second) = tokio::join!(first.all(), second.all());
    let ended = [&first, &second].map(|said| {
        assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
        said.outcome().ended_at
    });
    let last = if ended[0] > ended[1] { NEXT } else { GOOD };
    assert_eq!(place.served().as_deref(), Some(last));
    assert!(place.is_alone());
}

#[tokio::test]
async fn a_container_that_was_stopped_before_stays_stopped_when_it_is_put_back() {
    let place = Place::new();
    let host = serving(&place).await;
    place.docker(&["stop", &place.name]);
    let mut spec = host.web(&place, SICK);
    spec.health_timeout_ms = 500;
    let said = host.worker(&host.deploy(spec)).await.all().await;
    let end = End {
        serves: None,
        ..put_back(
            &["health"],
            &["the old container was put back; it did not run before"],
        )
    };
    end.check("the old container did not run", &place, &said);
    assert!(place.is_alone());
}
