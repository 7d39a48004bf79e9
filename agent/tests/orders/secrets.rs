//! Secrets are where they are needed and nowhere else.

use std::{fs, path::Path};

use muster_protocol::latest::{EnvVar, HealthCheck, OrderStatus};

use crate::{
    bench::{POLICY, TestHost},
    engine::{self, Place},
};

const VALUE: &str = "kept-from-everybody-4711";

fn files_with(dir: &Path, needle: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, needle));
        } else if fs::read(&path)
            .unwrap()
            .windows(needle.len())
            .any(|window| window == needle.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test]
async fn a_secret_reaches_the_container_and_no_file_or_message() {
    let (host, place) = (TestHost::new(POLICY), Place::new());
    let mut spec = host.web(&place, "1.0.0");
    spec.container.env = vec![
        EnvVar::Plain {
            name: "MODE".to_owned(),
            value: "test".to_owned(),
        },
        EnvVar::Secret {
            name: "TOKEN".to_owned(),
            secret: "token".to_owned(),
        },
    ];
    let password = engine::registry_password();
    let secrets = [(engine::PASSWORD, password.as_str()), ("token", VALUE)];
    let resident = host.resident();
    let said = resident.order(&host.deploy_with(spec.clone(), &secrets)).await;
    assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
    let env = place.inspect("{{json .Config.Env}}");
    assert!(env.contains(&format!("TOKEN={VALUE}")) && env.contains("MODE=test"));

    // One that fails, and blurts it out.
    spec.container.health = HealthCheck::Running;
    let blurt = "echo the token is $TOKEN; exit 3";
    spec.container.command = Some(["/bin/busybox", "sh", "-c", blurt].map(str::to_owned).to_vec());
    let failed = resident.order(&host.deploy_with(spec, &secrets)).await;
    assert_eq!(failed.outcome().status, OrderStatus::RolledBack, "{failed:#?}");
    assert!(failed.log().contains("the token is ***"), "{}", failed.log());
    resident.stop().await;

    for needle in [VALUE, password.as_str()] {
        assert!(!format!("{said:?}{failed:?}").contains(needle));
        assert_eq!(files_with(host.path(), needle), [""; 0]);
    }
    let kept = fs::read_dir(host.path().join("resident/orders")).unwrap();
    let texts = kept.filter(|entry| {
        entry
            .as_ref()
            .unwrap()
            .path()
            .extension()
            .is_some_and(|e| e == "order")
    });
    assert_eq!(texts.count(), 0, "not even sealed, once the order has ended");
}

#[tokio::test]
async fn an_order_without_its_secret_touches_nothing() {
    let (host, place) = (TestHost::new(POLICY), Place::new());
    let order = host.deploy_with(host.web(&place, "1.0.0"), &[]);
    let said = host.worker(&order).await.all().await;
    assert_eq!(said.outcome().status, OrderStatus::RolledBack);
    assert!(
        said.outcome()
            .error
            .as_deref()
            .unwrap()
            .contains("nothing was changed")
    );
    assert!(place.containers().is_empty());
}
