//! Room before a pull, and what goes after a deploy: images of older versions that deploys brought, containers left aside.

use std::process::{Command, Stdio};

use muster_base::random_token;
use muster_protocol::latest::{DeploySpec, HINT_IMAGE_BYTES, HINT_KEEP_IMAGES, OrderStatus, StepStatus};

use crate::{
    bench::{POLICY, Said, TestHost},
    engine::{self, Place, docker},
};

const GOOD: &str = "1.0.0";
const NEXT: &str = "1.1.0";

/// A repository of the test's own, with versions that nobody else has.
struct Own(String);

impl Own {
    /// Pushes these versions and forgets them here.
    fn publish(place: &Place, versions: &[&str]) -> Self {
        let web = engine::image(GOOD);
        let (registry, _) = web.split_once('/').unwrap();
        let own = Self(format!("{registry}/muster/{}", place.name));
        let logins = tempfile::tempdir().unwrap();
        let config = logins.path().to_str().unwrap();
        login(config, registry);
        docker(&["--config", config, "pull", "--quiet", &web]);
        for version in versions {
            let made = docker(&["create", &web]);
            let label = format!("LABEL own={}", random_token(""));
            docker(&["commit", "--change", &label, &made, &own.image(version)]);
            docker(&["rm", &made]);
            docker(&["--config", config, "push", "--quiet", &own.image(version)]);
            docker(&["image", "rm", &own.image(version)]);
            assert_eq!(Own::id(&own.image(version)), "");
        }
        own
    }

    fn image(&self, version: &str) -> String {
        format!("{}:{version}", self.0)
    }

    /// Content id of what goes by this name; empty if nothing does.
    fn id(name: &str) -> String {
        docker(&["image", "inspect", "--format", "{{.Id}}", name])
            .replace("[]", "")
            .trim()
            .to_owned()
    }

    /// Whether the image that was deployed is still here.
    fn has(&self, said: &Said) -> bool {
        let digest = said.outcome().digest.as_deref().unwrap();
        !Self::id(&format!("{}@{digest}", self.0)).is_empty()
    }
}

fn login(config: &str, registry: &str) {
    let mut child = Command::new("docker")
        .args(["--host", &engine::docker_host(), "--config", config, "login"])
        .args([
            "--username",
            &engine::registry_user(),
            "--password-stdin",
            registry,
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, engine::registry_password().as_bytes()).unwrap();
    drop(input);
    assert!(child.wait().unwrap().success());
}

fn hinted(mut spec: DeploySpec, name: &str, value: &str) -> DeploySpec {
    spec.container.labels.push((name.to_owned(), value.to_owned()));
    spec
}

/// What was pulled just now is not taken away: as if it were some time ago.
fn age(host: &TestHost) {
    let path = host.path().join("worker/images.json");
    let mut file: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for image in file["images"].as_array_mut().unwrap() {
        image["pulled_at"] = serde_json::json!("2026-01-01T00:00:00Z");
    }
    std::fs::write(&path, file.to_string()).unwrap();
}

#[tokio::test]
async fn the_last_versions_stay_and_older_ones_go() {
    let place = Place::new();
    let versions = ["1", "2", "3"];
    let own = Own::publish(&place, &versions);
    let host = TestHost::new(POLICY);
    let mut all = Vec::new();
    for version in versions {
        let mut spec = host.web(&place, GOOD);
        spec.image = own.image(version);
        let spec = hinted(spec, HINT_KEEP_IMAGES, "2");
        let said = host.worker(&host.deploy(spec)).await.all().await;
        assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
        assert_eq!(said.steps(StepStatus::Done).last(), Some(&"prune"), "{said:#?}");
        age(&host);
        all.push(said);
    }
    let here: Vec<bool> = all.iter().map(|said| own.has(said)).collect();
    assert_eq!(here, [false, true, true], "{}", all[2].log());
    assert!(
        all[2].log().contains("which no version that is kept needs"),
        "{}",
        all[2].log()
    );
    assert_eq!(
        place.inspect("{{index .Config.Labels \"muster.keep-images\"}}"),
        "",
        "a hint is no label"
    );
    assert_eq!(Own::id(&own.image("1")), "", "nor does the tag stay");
}

#[tokio::test]
async fn what_was_here_before_stays_and_what_was_left_aside_goes() {
    let place = Place::new();
    let own = Own::publish(&place, &["1", "2"]);
    let host = TestHost::new(POLICY);
    let logins = tempfile::tempdir().unwrap();
    let config = logins.path().to_str().unwrap();
    let (registry, _) = own.0.split_once('/').unwrap();
    login(config, registry);
    // Somebody else's: it was pulled by hand.
    docker(&["--config", config, "pull", "--quiet", &own.image("1")]);
    let (ours, others) = (
        format!("{}.before-1", place.name),
        format!("{}.before-2", place.name),
    );
    let application = format!("muster.application={}", host.application);
    docker(&[
        "create",
        "--name",
        &ours,
        "--label",
        &application,
        "--label",
        "muster.environment=test",
        &own.image("1"),
    ]);
    docker(&["create", "--name", &others, &engine::image(GOOD)]);
    let mut last = None;
    for version in ["1", "2"] {
        let mut spec = host.web(&place, GOOD);
        spec.image = own.image(version);
        let spec = hinted(spec, HINT_KEEP_IMAGES, "1");
        let said = host.worker(&host.deploy(spec)).await.all().await;
        assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
        age(&host);
        last.get_or_insert(said);
    }
    assert!(own.has(&last.unwrap()), "it is not ours");
    let left = place.containers();
    assert!(!left.contains(&ours) && left.contains(&others), "{left:?}");
}

#[tokio::test]
async fn an_image_that_does_not_fit_touches_nothing() {
    let place = Place::new();
    let host = TestHost::new(POLICY);
    let said = host
        .worker(&host.deploy(host.web(&place, GOOD)))
        .await
        .all()
        .await;
    assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
    let before = place.life();
    let spec = hinted(host.web(&place, NEXT), HINT_IMAGE_BYTES, "900000000000000");
    let said = host.worker(&host.deploy(spec)).await.all().await;
    assert_eq!(said.outcome().status, OrderStatus::RolledBack, "{said:#?}");
    assert_eq!(said.steps(StepStatus::Failed), ["pull"]);
    let error = said.outcome().error.as_deref().unwrap();
    assert!(
        error.contains("there is no room for the image") && error.contains("2700000.0 GB are needed"),
        "{error}"
    );
    assert!(error.ends_with("nothing was changed"), "{error}");
    assert_eq!(place.life(), before, "the old version serves on");
}
