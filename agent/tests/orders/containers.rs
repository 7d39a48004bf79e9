//! Starting, stopping and restarting containers that are there.

use muster_agent::worker::docker::{Credentials, Engine};
use muster_protocol::latest::{
    ContainerAction, ContainerOrder, OrderPayload, OrderRefusal, OrderStatus, SignedOrder, StepStatus,
};

use crate::{
    bench::{POLICY, Said, TestHost, is_step},
    engine::{self, Place},
};

/// Touches whatever there is.
const ALL: &str = "[containers]\nactions = \"all\"\n";

impl TestHost {
    fn act(&self, name: &str, action: ContainerAction) -> SignedOrder {
        let payload = OrderPayload::Container(ContainerOrder {
            name: name.to_owned(),
            action,
        });
        self.sign(self.head(&payload), &payload, &[], &self.signer)
    }

    async fn acted(&self, place: &Place, action: ContainerAction) -> Said {
        self.worker(&self.act(&place.name, action)).await.all().await
    }
}

/// Makes a container by hand, as Muster never would.
pub(crate) async fn by_hand(place: &Place, options: &[&str], command: &[&str]) {
    let image = engine::image("1.0.0");
    let credentials = Credentials::Password {
        username: engine::registry_user(),
        password: engine::registry_password().into(),
    };
    let engine = Engine::connect(&engine::docker_host()).await.unwrap();
    engine
        .pull(&image.parse().unwrap(), None, &credentials)
        .await
        .unwrap();
    let mut arguments = vec!["run", "--detach", "--name", &place.name];
    arguments.extend_from_slice(options);
    arguments.extend(["--entrypoint", "/bin/busybox", &image]);
    arguments.extend_from_slice(command);
    place.docker(&arguments);
    assert_eq!(place.containers(), [place.name.as_str()], "it was made");
}

const SLEEPS: &[&str] = &[
    "sh",
    "-c",
    "trap 'exit 0' TERM; while :; do /bin/busybox sleep 0.1; done",
];

fn started_at(place: &Place) -> String {
    place.inspect("{{.State.StartedAt}}")
}

#[tokio::test]
async fn a_container_is_stopped_started_and_restarted_and_what_is_so_already_is_left() {
    let (host, place) = (TestHost::new(ALL), Place::new());
    // The image says SIGKILL.
    by_hand(&place, &["--stop-signal", "TERM"], SLEEPS).await;
    let born = started_at(&place);

    let said = host.acted(&place, ContainerAction::Start).await;
    assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
    assert_eq!(said.steps(StepStatus::Skipped), ["start"]);
    assert_eq!(started_at(&place), born, "it ran already and was let alone");

    let stop = ContainerAction::Stop {
        grace_ms: Some(10_000),
    };
    let said = host.acted(&place, stop).await;
    assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
    assert_eq!(said.steps(StepStatus::Done), ["look", "stop"]);
    assert_eq!(place.inspect("{{.State.Running}} {{.State.ExitCode}}"), "false 0");
    let said = host.acted(&place, stop).await;
    assert_eq!(said.steps(StepStatus::Skipped), ["stop"]);

    let said = host.acted(&place, ContainerAction::Start).await;
    assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
    assert_eq!(said.steps(StepStatus::Done), ["look", "start", "settle"]);
    assert_eq!(place.inspect("{{.State.Running}}"), "true");

    let before = started_at(&place);
    let said = host
        .acted(&place, ContainerAction::Restart { grace_ms: Some(0) })
        .await;
    assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
    assert_eq!(said.steps(StepStatus::Done), ["look", "stop", "start", "settle"]);
    assert_ne!(started_at(&place), before);
    assert_eq!(place.inspect("{{.State.Running}}"), "true");
}

#[tokio::test]
async fn a_restart_that_is_sent_twice_is_done_once() {
    let (host, place) = (TestHost::new(ALL), Place::new());
    by_hand(&place, &[], SLEEPS).await;
    let order = host.act(&place.name, ContainerAction::Restart { grace_ms: Some(0) });
    let resident = host.resident();
    let first = resident.order(&order).await;
    assert_eq!(first.outcome().status, OrderStatus::Done, "{first:#?}");
    let started = started_at(&place);
    let again = resident.order(&order).await;
    assert_eq!(again.outcome(), first.outcome(), "answered from the journal");
    // The worker has a journal of its own, and does not believe the resident's.
    let worker = host.worker(&order).await.all().await;
    assert_eq!(worker.outcome(), first.outcome());
    assert_eq!(started_at(&place), started, "restarted once");
    resident.stop().await;
}

#[tokio::test]
async fn a_worker_killed_in_the_middle_of_a_restart_ends_it_and_restarts_once() {
    for (step, at) in [
        ("look", StepStatus::Done),
        ("stop", StepStatus::Running),
        ("stop", StepStatus::Done),
        ("start", StepStatus::Running),
        ("start", StepStatus::Done),
        ("settle", StepStatus::Running),
    ] {
        let (host, place) = (TestHost::new(ALL), Place::new());
        by_hand(&place, &[], SLEEPS).await;
        let born = started_at(&place);
        let order = host.act(&place.name, ContainerAction::Restart { grace_ms: Some(0) });
        let mut worker = host.worker(&order).await;
        loop {
            let reply = worker.next().await.unwrap();
            if is_step(&reply, step, at) {
                break;
            }
        }
        worker.kill().await;
        let killed = started_at(&place);
        let said = host.worker(&order).await.all().await;
        assert_eq!(
            said.outcome().status,
            OrderStatus::Done,
            "killed at {step} {at:?}: {said:#?}"
        );
        assert_eq!(
            place.inspect("{{.State.Running}}"),
            "true",
            "killed at {step} {at:?}"
        );
        assert_ne!(started_at(&place), born, "killed at {step} {at:?}");
        if step == "settle" || (step == "start" && at == StepStatus::Done) {
            assert_eq!(
                started_at(&place),
                killed,
                "it was restarted before: killed at {step} {at:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_container_that_falls_over_or_is_gone_is_a_failure_that_says_so() {
    let (host, place) = (TestHost::new(ALL), Place::new());
    by_hand(&place, &[], &["sh", "-c", "exit 3"]).await;
    let said = host.acted(&place, ContainerAction::Start).await;
    assert_eq!(said.outcome().status, OrderStatus::Failed, "{said:#?}");
    let error = said.outcome().error.as_deref().unwrap();
    assert!(error.contains("it exited with code 3"), "{error}");

    let id = place.inspect("{{.Id}}");
    place.docker(&["rm", "--force", &place.name]);
    for name in [place.name.as_str(), &id, &id[..12]] {
        let said = host
            .worker(&host.act(name, ContainerAction::Start))
            .await
            .all()
            .await;
        assert_eq!(said.outcome().status, OrderStatus::Failed, "{said:#?}");
        let error = said.outcome().error.as_deref().unwrap();
        assert!(error.contains("there is no container named"), "{error}");
    }
}

#[tokio::test]
async fn only_names_are_names_and_what_would_vanish_is_not_restarted() {
    let (host, place) = (TestHost::new(ALL), Place::new());
    by_hand(&place, &["--rm"], SLEEPS).await;
    let life = place.life();
    let id = place.inspect("{{.Id}}");
    let said = host
        .worker(&host.act(&id, ContainerAction::Stop { grace_ms: Some(0) }))
        .await
        .all()
        .await;
    assert_eq!(
        said.outcome().status,
        OrderStatus::Failed,
        "an id is no name: {said:#?}"
    );
    let said = host
        .acted(&place, ContainerAction::Restart { grace_ms: Some(0) })
        .await;
    assert_eq!(said.outcome().status, OrderStatus::Failed);
    let error = said.outcome().error.as_deref().unwrap();
    assert!(error.contains("--rm"), "{error}");
    assert_eq!(place.life(), life, "nothing was touched");
}

#[tokio::test]
async fn the_policy_has_the_last_word() {
    let place = Place::new();
    by_hand(&place, &[], SLEEPS).await;
    let life = place.life();
    let stop = ContainerAction::Stop { grace_ms: Some(0) };

    // Muster did not deploy it, and nobody said that it may touch such ones.
    let host = TestHost::new(POLICY);
    let said = host.acted(&place, stop).await;
    assert_eq!(said.outcome().status, OrderStatus::Failed, "{said:#?}");
    let error = said.outcome().error.as_deref().unwrap();
    assert!(
        error.contains("containers.actions") && error.contains("actions = \"all\""),
        "{error}"
    );

    let host = TestHost::new("[containers]\nactions = \"none\"\n");
    let said = host.acted(&place, stop).await;
    assert!(
        matches!(said.refusal(), OrderRefusal::Policy { rule, .. } if rule == "containers.actions"),
        "{said:#?}"
    );
    assert_eq!(place.life(), life, "nothing was touched");
}

#[tokio::test]
async fn what_muster_deployed_may_be_stopped_without_more_ado() {
    let (host, place) = (TestHost::new(POLICY), Place::new());
    let said = host
        .worker(&host.deploy(host.web(&place, "1.0.0")))
        .await
        .all()
        .await;
    assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
    let said = host.acted(&place, ContainerAction::Stop { grace_ms: None }).await;
    assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
    assert_eq!(place.inspect("{{.State.Running}}"), "false");
    let said = host.acted(&place, ContainerAction::Start).await;
    assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
    assert_eq!(place.serves(Some("1.0.0")).as_deref(), Some("1.0.0"));
}

#[tokio::test]
async fn without_an_engine_nothing_is_changed() {
    let host = TestHost::new(ALL).at_engine("unix:///nonexistent/docker.sock");
    let said = host
        .worker(&host.act("shop", ContainerAction::Start))
        .await
        .all()
        .await;
    assert_eq!(said.outcome().status, OrderStatus::Failed, "{said:#?}");
    let error = said.outcome().error.as_deref().unwrap();
    assert!(
        error.contains("can't be reached") && error.ends_with("nothing was changed"),
        "{error}"
    );
}
