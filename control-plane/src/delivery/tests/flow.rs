//! A deployment from its trigger to its end, with the hosts' side told by hand.

use muster_protocol::latest::{self as wire, StepStatus};
use serde_json::{Value, json};

use super::{
    asked, created, deploy, get_deployment, moves, new_application, new_host, orders, says, step, wait_until,
};
use crate::{
    access::Role,
    testing::{Client, both_databases},
    work::OrderState,
};

async fn succeed(client: &Client<'_>, application: &str, version: &str) -> String {
    let id = deploy(client, application, version).await;
    for order in orders(client, &id).await {
        moves(client.test(), order, OrderState::Done, None).await;
    }
    assert_eq!(get_deployment(client, &id).await["status"], "success");
    id
}

both_databases!(
    steps_log_and_end_are_recorded_and_heard_twice_count_once,
    |test| {
        let admin = test.admin().await;
        let host = new_host(test, "one").await;
        let application = new_application(&admin, &[host]).await;
        let id = deploy(&admin, &application, "1.0.0").await;
        let order = orders(&admin, &id).await[0];
        let spec = asked(test, order).await;
        assert_eq!(
            (spec.version.as_str(), spec.container.name.as_str()),
            ("1.0.0", "shop")
        );
        assert_eq!(spec.pull_auth, wire::PullAuth::None);

        moves(test, order, OrderState::Accepted, None).await;
        for seq in [0, 0, 1, 2, 2] {
            let what = match seq {
                0 => step(0, "pull", StepStatus::Running),
                1 => wire::StepReport::Log("pulling".to_owned()),
                _ => step(0, "pull", StepStatus::Done),
            };
            says(test, order, seq, what).await;
        }
        test.app.clock.advance(1_500);
        moves(test, order, OrderState::Done, None).await;

        let deployment = get_deployment(&admin, &id).await;
        assert_eq!(deployment["status"], "success");
        assert_eq!(deployment["durationMs"], 1_500);
        assert_eq!(deployment["hosts"][0]["hostName"], "one");
        let steps: Vec<_> = deployment["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| {
                format!(
                    "{} {}",
                    s["name"].as_str().unwrap(),
                    s["status"].as_str().unwrap()
                )
            })
            .collect();
        assert_eq!(
            steps,
            ["targets done", "resolve-env done", "digest done", "pull done"]
        );

        let (status, log) = admin.get(&format!("/api/v1/deployments/{id}/log")).await;
        assert_eq!(status, 200);
        let log = log.as_str().unwrap();
        let kinds: Vec<_> = log
            .lines()
            .filter_map(|line| line.strip_prefix("event: "))
            .collect();
        assert_eq!(
            kinds,
            [
                "status", "status", "step", "step", "step", "step", "log", "step", "host", "status", "end"
            ]
        );
        let (_, application) = admin.get(&format!("/api/v1/applications/{application}")).await;
        assert_eq!(application["status"], 4);
        let stranger = test.stranger("elsewhere").await;
        assert_eq!(
            stranger.get(&format!("/api/v1/deployments/{id}/log")).await.0,
            404
        );
        assert_eq!(
            stranger
                .post(&format!("/api/v1/deployments/{id}/redeploy"), Value::Null)
                .await
                .0,
            404
        );
    }
);

both_databases!(one_runs_one_waits_and_a_newer_one_supersedes_it, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let application = new_application(&admin, &[host]).await;
    let first = deploy(&admin, &application, "1.0.0").await;
    let order = orders(&admin, &first).await[0];
    let second = deploy(&admin, &application, "1.1.0").await;
    let third = deploy(&admin, &application, "1.2.0").await;
    let superseded = get_deployment(&admin, &second).await;
    assert_eq!(superseded["status"], "cancelled");
    assert!(
        superseded["error"].as_str().unwrap().contains(&third),
        "{superseded}"
    );
    assert_eq!(get_deployment(&admin, &third).await["status"], "pending");

    moves(test, order, OrderState::Failed, Some("no space left")).await;
    let failed = get_deployment(&admin, &first).await;
    assert_eq!(
        (&failed["status"], &failed["error"]),
        (&json!("failure"), &json!("no space left"))
    );
    wait_until(&admin, &third, |d| d["status"] == "running").await;
    orders(&admin, &third).await;

    let (status, body) = admin.delete(&format!("/api/v1/applications/{application}")).await;
    assert_eq!((status, &body["type"]), (409, &json!("deployment-under-way")));
});

both_databases!(one_goes_back_to_what_ran_before_or_to_a_chosen_one, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let application = new_application(&admin, &[host]).await;
    let first = succeed(&admin, &application, "1.0.0").await;
    let rollback = async |id: &str, body: Value| {
        test.app.clock.advance(10);
        admin
            .post(&format!("/api/v1/deployments/{id}/rollback"), body)
            .await
    };
    let (status, body) = rollback(&first, Value::Null).await;
    assert_eq!(
        (status, &body["type"]),
        (409, &json!("nothing-to-go-back-to")),
        "{body}"
    );
    let second = succeed(&admin, &application, "1.1.0").await;
    let third = succeed(&admin, &application, "1.2.0").await;

    for (id, body, expected) in [
        (&third, json!({}), "1.1.0"),
        (&first, json!({}), "1.0.0"),
        (&third, json!({"to": second}), "1.1.0"),
    ] {
        let (status, answer) = rollback(id, body).await;
        assert_eq!(status, 202, "{answer}");
        let back = answer["deploymentId"].as_str().unwrap();
        for order in orders(&admin, back).await {
            moves(test, order, OrderState::Done, None).await;
        }
        let back = get_deployment(&admin, back).await;
        assert_eq!(
            (back["version"].as_str(), back["triggerType"].as_str()),
            (Some(expected), Some("rollback"))
        );
        assert_eq!(back["status"], "success");
    }
    let (_, stats) = admin
        .get(&format!("/api/v1/applications/{application}/stats"))
        .await;
    assert_eq!(
        (&stats["total"], &stats["successRatio"]),
        (&json!(6), &json!(1.0))
    );
});

both_databases!(a_redeploy_repeats_settings_as_they_were, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let application = new_application(&admin, &[host]).await;
    let first = succeed(&admin, &application, "1.0.0").await;
    let path = format!("/api/v1/applications/{application}");
    admin.patch(&path, json!({"container": {"ports": []}})).await;
    test.app.clock.advance(10);
    let (status, answer) = admin
        .post(&format!("/api/v1/deployments/{first}/redeploy"), Value::Null)
        .await;
    assert_eq!(status, 202, "{answer}");
    let id = answer["deploymentId"].as_str().unwrap();
    let spec = asked(test, orders(&admin, id).await[0]).await;
    assert_eq!(spec.container.ports.len(), 1);
    assert_eq!(get_deployment(&admin, id).await["originId"], first.as_str());
});

both_databases!(what_waits_and_what_runs_can_be_called_off, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let application = new_application(&admin, &[host]).await;
    let running = deploy(&admin, &application, "1.0.0").await;
    orders(&admin, &running).await;
    let waiting = deploy(&admin, &application, "1.1.0").await;
    let viewer = test.member("vera", Role::Viewer).await;
    let cancel = |id: &str| format!("/api/v1/deployments/{id}/cancel");
    assert_eq!(viewer.post(&cancel(&waiting), Value::Null).await.0, 403);

    let (status, body) = admin.post(&cancel(&waiting), Value::Null).await;
    assert_eq!((status, &body["status"]), (202, &json!("cancelled")), "{body}");
    // Its order was not handed over yet: nothing has to be put back.
    let (status, body) = admin.post(&cancel(&running), Value::Null).await;
    assert_eq!((status, &body["status"]), (202, &json!("cancelled")), "{body}");
    assert_eq!(admin.post(&cancel(&running), Value::Null).await.0, 409);
});

both_databases!(what_can_t_be_deployed_fails_before_any_host_is_touched, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let application = new_application(&admin, &[host]).await;
    let path = format!("/api/v1/applications/{application}");
    for (body, kind) in [
        (
            json!({"version": "1", "environment": "nowhere"}),
            "no-environment",
        ),
        (json!({"version": "-1"}), "invalid"),
    ] {
        let (_, answer) = admin.post(&format!("{path}/deployments"), body).await;
        assert_eq!(answer["type"], kind);
    }
    admin.patch(&path, json!({"environments": {"default": {}}})).await;
    let (_, answer) = admin
        .post(&format!("{path}/deployments"), json!({"version": "1"}))
        .await;
    assert_eq!(answer["type"], "no-targets");

    // The selector fits no host.
    admin
        .patch(
            &path,
            json!({"environments": {"default": {"selector": {"web": "none"}}}}),
        )
        .await;
    let id = deploy(&admin, &application, "1").await;
    let failed = wait_until(&admin, &id, |d| d["status"] == "failure").await;
    assert!(
        failed["error"].as_str().unwrap().contains("no host matches"),
        "{failed}"
    );
    assert_eq!(failed["hosts"], json!([]));

    // The registry is asked, and has no such tag.
    let password =
        std::fs::read_to_string(std::env::var("MUSTER_TEST_REGISTRY_PASSWORD_FILE").unwrap()).unwrap();
    let registry = json!({"name": "main", "url": format!("http://{}", std::env::var("MUSTER_TEST_REGISTRY").unwrap()),
        "authType": "username-password", "username": std::env::var("MUSTER_TEST_REGISTRY_USER").unwrap(),
        "password": password.trim()});
    let registry = created(&admin, "/api/v1/registries", registry).await;
    let change = json!({"registryId": registry["id"], "image": "muster/web",
        "environments": {"default": {"selector": {"web": "one"}}}});
    let (status, body) = admin.patch(&path, change).await;
    assert_eq!(status, 200, "{body}");
    let id = deploy(&admin, &application, "no-such-tag").await;
    let failed = wait_until(&admin, &id, |d| d["status"] == "failure").await;
    assert!(
        failed["error"]
            .as_str()
            .unwrap()
            .contains("no image muster/web:no-such-tag"),
        "{failed}"
    );

    let id = deploy(&admin, &application, "1.0.0").await;
    let spec = asked(test, orders(&admin, &id).await[0]).await;
    let digest = spec.digest.unwrap();
    assert!(digest.starts_with("sha256:"));
    assert_eq!(get_deployment(&admin, &id).await["digest"], digest);
    let expected = wire::PullAuth::UsernamePassword {
        username: std::env::var("MUSTER_TEST_REGISTRY_USER").unwrap(),
        password_secret: "registry".to_owned(),
    };
    assert_eq!(spec.pull_auth, expected);
});
