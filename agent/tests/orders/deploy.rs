//! Deploys, good and bad: whatever goes wrong, the old container serves on.

use std::net::TcpListener;

use muster_agent::{config::RunConfig, link::OrderRequest, orders::workers::Workers};
use muster_protocol::latest::{ContainerState, HealthCheck, OrderReply, OrderStatus, StepReport, StepStatus};

use crate::{
    bench::{POLICY, Said, TestHost, is_step, order_id},
    engine::{self, Place, docker},
};

const GOOD: &str = "1.0.0";
const NEXT: &str = "1.1.0";
const CRASHING: &str = "1.2.0";
const SICK: &str = "1.3.0";

/// A host on which the good version runs.
async fn serving(place: &Place) -> TestHost {
    let host = TestHost::new(POLICY);
    let said = host.worker(&host.deploy(host.web(place, GOOD))).await.all().await;
    assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
    assert_eq!(place.served().as_deref(), Some(GOOD));
    host
}

fn assert_untouched(place: &Place, before: &str, said: &Said) {
    assert_eq!(said.outcome().status, OrderStatus::RolledBack, "{said:#?}");
    assert_eq!(place.life(), before, "the old container was not even restarted");
    assert_eq!(place.served().as_deref(), Some(GOOD));
    assert!(place.is_alone());
}

fn assert_put_back(place: &Place, old: &str, said: &Said) {
    assert_eq!(said.outcome().status, OrderStatus::RolledBack, "{said:#?}");
    assert_eq!(place.inspect("{{.Id}}"), old);
    assert_eq!(place.serves(Some(GOOD)).as_deref(), Some(GOOD));
    assert!(place.is_alone());
    let error = said.outcome().error.as_deref().unwrap();
    assert!(
        error.ends_with("the old container was put back and runs"),
        "{error}"
    );
}

#[tokio::test]
async fn a_new_version_replaces_the_old_one() {
    let place = Place::new();
    let host = serving(&place).await;
    let said = host
        .worker(&host.deploy(host.web(&place, NEXT)))
        .await
        .all()
        .await;
    let outcome = said.outcome();
    assert_eq!(outcome.status, OrderStatus::Done, "{said:#?}");
    assert_eq!(place.served().as_deref(), Some(NEXT));
    assert!(place.is_alone());
    assert_eq!(
        said.steps(StepStatus::Done),
        [
            "verify",
            "authenticate",
            "pull",
            "set-aside",
            "stop-old",
            "start-new",
            "health",
            "remove-old"
        ]
    );
    let digest = outcome.digest.clone().unwrap();
    assert_eq!(
        place.inspect("{{index .Config.Labels \"muster.digest\"}}"),
        digest
    );
    assert!(place.inspect("{{.Config.Image}}").ends_with(&digest));
    assert_eq!(
        place.inspect("{{.HostConfig.RestartPolicy.Name}}"),
        "unless-stopped"
    );
    assert_eq!(usize::try_from(outcome.events).unwrap(), said.events().count());
}

#[tokio::test]
async fn a_version_that_crashes_is_undone_and_its_last_words_are_kept() {
    let place = Place::new();
    let host = serving(&place).await;
    let old = place.inspect("{{.Id}}");
    let said = host
        .worker(&host.deploy(host.web(&place, CRASHING)))
        .await
        .all()
        .await;
    assert_put_back(&place, &old, &said);
    assert_eq!(said.steps(StepStatus::Failed), ["health"]);
    assert!(said.log().contains("this version is broken"), "{}", said.log());
}

#[tokio::test]
async fn a_version_that_never_gets_healthy_is_undone() {
    let place = Place::new();
    let host = serving(&place).await;
    let old = place.inspect("{{.Id}}");
    let mut spec = host.web(&place, SICK);
    spec.health_timeout_ms = 1_500;
    let said = host.worker(&host.deploy(spec)).await.all().await;
    assert_put_back(&place, &old, &said);
    let error = said.outcome().error.as_deref().unwrap();
    assert!(error.contains("status 404"), "{error}");
}

#[tokio::test]
async fn wrong_credentials_touch_nothing() {
    let place = Place::new();
    let host = serving(&place).await;
    let before = place.life();
    let order = host.deploy_with(host.web(&place, NEXT), &[(engine::PASSWORD, "not the password")]);
    let said = host.worker(&order).await.all().await;
    assert_untouched(&place, &before, &said);
    assert_eq!(said.steps(StepStatus::Failed), ["authenticate", "pull"]);
    let error = said.outcome().error.as_deref().unwrap();
    assert!(error.contains("refused the credentials"), "{error}");
}

#[tokio::test]
async fn a_missing_tag_or_registry_or_another_digest_touches_nothing() {
    let place = Place::new();
    let host = serving(&place).await;
    let before = place.life();

    let said = host
        .worker(&host.deploy(host.web(&place, "9.9.9")))
        .await
        .all()
        .await;
    assert_untouched(&place, &before, &said);
    assert!(said.outcome().error.as_deref().unwrap().contains("has no image"));

    let mut spec = host.web(&place, NEXT);
    spec.image = "127.0.0.1:1/shop:1".to_owned();
    let said = host.worker(&host.deploy(spec)).await.all().await;
    assert_untouched(&place, &before, &said);
    assert!(
        said.outcome()
            .error
            .as_deref()
            .unwrap()
            .contains("can't be reached")
    );

    let mut spec = host.web(&place, NEXT);
    spec.digest = Some(format!("sha256:{}", "ab".repeat(32)));
    let said = host.worker(&host.deploy(spec)).await.all().await;
    assert_untouched(&place, &before, &said);
}

#[tokio::test]
async fn a_taken_port_is_undone() {
    let place = Place::new();
    let host = serving(&place).await;
    let old = place.inspect("{{.Id}}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut spec = host.web(&place, NEXT);
    spec.container.ports[0].host_port = taken.local_addr().unwrap().port();
    let said = host.worker(&host.deploy(spec)).await.all().await;
    assert_put_back(&place, &old, &said);
    let error = said.outcome().error.as_deref().unwrap();
    assert!(error.contains("a port is taken"), "{error}");
}

#[tokio::test]
async fn volumes_of_a_replaced_container_stay_with_a_name_or_without() {
    let place = Place::new();
    let host = TestHost::new(POLICY);
    let anonymous = "{{range .Mounts}}{{.Name}} {{end}}";
    // A container of Muster's with a volume of each kind, as an image's VOLUME would give it one.
    host.worker(&host.deploy(host.web(&place, GOOD)))
        .await
        .all()
        .await;
    let labels = [
        format!("muster.application={}", host.application),
        "muster.environment=test".to_owned(),
    ];
    let image = place.inspect("{{.Image}}");
    let named = format!("{}-data", place.name);
    docker(&["rm", "--force", &place.name]);
    let data = format!("{named}:/named");
    docker(&[
        "run",
        "--detach",
        "--name",
        &place.name,
        "--label",
        &labels[0],
        "--label",
        &labels[1],
        "--volume",
        "/nameless",
        "--volume",
        &data,
        &image,
    ]);
    let before = place.inspect(anonymous);
    assert_eq!(before.split_whitespace().count(), 2, "{before}");
    let said = host
        .worker(&host.deploy(host.web(&place, NEXT)))
        .await
        .all()
        .await;
    assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
    let left = docker(&["volume", "ls", "--quiet"]);
    for name in before.split_whitespace() {
        assert!(left.lines().any(|line| line == name), "{name}: {left}");
        docker(&["volume", "rm", name]);
    }
}

#[tokio::test]
async fn the_container_of_another_environment_or_application_is_left_alone() {
    let place = Place::new();
    let host = serving(&place).await;
    let before = place.life();
    let mut of_prod = host.web(&place, NEXT);
    "prod".clone_into(&mut of_prod.environment);
    let mut of_another = host.web(&place, NEXT);
    of_another.application = host.clock.new_id();
    for spec in [of_prod, of_another] {
        let said = host.worker(&host.deploy(spec)).await.all().await;
        assert_untouched(&place, &before, &said);
        assert_eq!(said.steps(StepStatus::Failed), ["verify"]);
        let error = said.outcome().error.as_deref().unwrap();
        assert!(error.contains("environment test of application"), "{error}");
        assert!(error.ends_with("nothing was changed"), "{error}");
    }
}

#[tokio::test]
async fn a_container_of_somebody_else_is_left_alone() {
    let place = Place::new();
    let host = TestHost::new(POLICY);
    // Brings the image here.
    let other = Place::new();
    host.worker(&host.deploy(host.web(&other, GOOD)))
        .await
        .all()
        .await;
    let image = other.inspect("{{.Image}}");
    docker(&["run", "--detach", "--name", &place.name, &image]);
    let before = place.life();
    let said = host
        .worker(&host.deploy(host.web(&place, NEXT)))
        .await
        .all()
        .await;
    assert_eq!(said.outcome().status, OrderStatus::RolledBack);
    assert_eq!(place.life(), before);
    assert!(
        said.outcome()
            .error
            .as_deref()
            .unwrap()
            .contains("replace_unmanaged")
    );
}

#[tokio::test]
async fn every_kind_of_health_check_works() {
    let place = Place::new();
    let host = TestHost::new(POLICY);
    let (interval_ms, timeout_ms) = (100, 1_000);
    let command = [
        "/bin/busybox",
        "wget",
        "-q",
        "-O",
        "-",
        "http://127.0.0.1:8080/healthz",
    ];
    for health in [
        HealthCheck::Running,
        HealthCheck::Tcp {
            port: 8080,
            interval_ms,
            timeout_ms,
        },
        HealthCheck::Command {
            command: command.map(str::to_owned).to_vec(),
            interval_ms,
            timeout_ms,
        },
    ] {
        let mut spec = host.web(&place, GOOD);
        spec.container.health = health;
        let said = host.worker(&host.deploy(spec)).await.all().await;
        assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
    }
    // The test image has no HEALTHCHECK of its own.
    let mut spec = host.web(&place, GOOD);
    spec.container.health = HealthCheck::Image;
    let said = host.worker(&host.deploy(spec)).await.all().await;
    assert_eq!(said.outcome().status, OrderStatus::RolledBack);
    assert!(said.outcome().error.as_deref().unwrap().contains("HEALTHCHECK"));
}

#[tokio::test]
async fn a_cancelled_deploy_is_undone() {
    let place = Place::new();
    let host = serving(&place).await;
    let old = place.inspect("{{.Id}}");
    let mut spec = host.web(&place, SICK);
    spec.health_timeout_ms = 60_000;
    let order = host.deploy(spec);
    let resident = host.resident();
    let mut stream = resident.ask(OrderRequest::Run(Box::new(order.clone()))).await;
    while let Some(reply) = stream.recv().await {
        if let OrderReply::Event(event) = reply
            && let StepReport::Step { name, .. } = event.what
            && name == "health"
        {
            break;
        }
    }
    // Who asks it to stop hears all of it, its last step before its end.
    let mut answer = resident.ask(OrderRequest::Cancel(order_id(&order))).await;
    let mut said = Vec::new();
    while let Some(reply) = answer.recv().await {
        said.push(reply);
    }
    assert_eq!(said.first(), Some(&OrderReply::Accepted));
    let [.., last, OrderReply::Outcome(outcome)] = &said[..] else {
        panic!("no outcome: {said:?}");
    };
    assert!(is_step(last, "put-back", StepStatus::Done), "{last:?}");
    assert_eq!(outcome.status, OrderStatus::Cancelled);
    assert_eq!(place.inspect("{{.Id}}"), old);
    assert_eq!(place.serves(Some(GOOD)).as_deref(), Some(GOOD));
    resident.stop().await;
}

#[tokio::test]
async fn an_order_that_was_cancelled_before_it_came_is_not_done() {
    let place = Place::new();
    let host = TestHost::new(POLICY);
    let order = host.deploy(host.web(&place, GOOD));
    let resident = host.resident();
    let mut answer = resident.ask(OrderRequest::Cancel(order_id(&order))).await;
    assert!(matches!(answer.recv().await, Some(OrderReply::Outcome(_))));
    let said = resident.order(&order).await;
    assert_eq!(said.outcome().status, OrderStatus::Cancelled);
    assert!(place.containers().is_empty());
    resident.stop().await;
}

#[tokio::test]
async fn containers_are_described() {
    let place = Place::new();
    let host = serving(&place).await;
    let config = RunConfig {
        docker_host: engine::docker_host(),
        worker: Some(env!("CARGO_BIN_EXE_muster-worker").into()),
        ..RunConfig::new(host.path())
    };
    let facts = Workers::new(&config).containers(Vec::new()).await.unwrap();
    assert!(facts.engine.is_some());
    let ours = facts.containers.iter().find(|c| c.name == place.name).unwrap();
    assert_eq!(ours.state, ContainerState::Running);
    assert_eq!(ours.image, engine::image(GOOD));
    assert_eq!(ours.id, place.inspect("{{.Id}}"));
    assert!(ours.started_at.is_some());
    assert!(
        ours.labels
            .iter()
            .any(|(key, value)| key == "muster.version" && value == GOOD)
    );
}
