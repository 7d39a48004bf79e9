//! Git hosts' webhooks: who is believed, what deploys, and that it deploys once.

use aws_lc_rs::hmac;
use axum::http::Method;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{asked, created, get_deployment, new_host, orders, wait_until};
use crate::testing::{Client, both_databases};

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

async fn application(client: &Client<'_>, provider: &str, environments: Value) -> (String, String) {
    let body = json!({"name": format!("shop-{provider}"), "image": "team/shop", "environments": environments,
        "repository": {"provider": provider, "repoId": "7", "repoOwner": "acme", "repoName": "shop"}});
    let made = created(client, "/api/v1/applications", body).await;
    let id = made["id"].as_str().unwrap().to_owned();
    let (status, secret) = client
        .post(&format!("/api/v1/applications/{id}/git-secret"), Value::Null)
        .await;
    assert_eq!(status, 200, "{secret}");
    assert_eq!(secret["path"], format!("/webhook/git/{id}"));
    (id, secret["secret"].as_str().unwrap().to_owned())
}

fn hmac_of(secret: &str, text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

async fn call(client: &Client<'_>, id: &str, headers: &[(&str, &str)], body: &Value) -> (u16, Value) {
    client.test().app.clock.advance(10);
    let path = format!("/webhook/git/{id}");
    let (status, _, answer) = client
        .respond(Method::POST, &path, Some(body.clone()), headers)
        .await;
    (status, answer)
}

/// As GitHub calls.
async fn github(client: &Client<'_>, id: &str, secret: &str, event: &str, body: &Value) -> (u16, Value) {
    let signature = format!("sha256={}", hex::encode(hmac_of(secret, &body.to_string())));
    let delivery = muster_base::random_token("");
    let headers = [
        ("x-github-event", event),
        ("x-hub-signature-256", signature.as_str()),
        ("x-github-delivery", delivery.as_str()),
    ];
    call(client, id, &headers, body).await
}

fn push(reference: &str, sha: &str) -> Value {
    json!({"ref": reference, "before": "0".repeat(40), "after": sha, "deleted": false,
        "repository": {"id": 7, "full_name": "acme/shop"}, "pusher": {"name": "ann"}})
}

both_databases!(what_is_pushed_goes_where_its_rules_fit_and_once, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let environments = json!({
        "test": {"hosts": [host], "triggerSpec": {"github": {"push": {"branches": {"precise": ["main"]}}}}},
        "prod": {"hosts": [host], "triggerSpec": {"github": {"push": {"tags": {"prefix": ["v"]}}}}},
        "staging": {"hosts": [host], "triggerSpec": {"github": {"pullRequest": {"branches": {"precise": ["main"]}},
            "version": "pr-{sha7}"}}},
    });
    let (id, secret) = application(&admin, "github", environments).await;
    let nobody = test.nobody();

    let (status, answer) = github(&nobody, &id, &secret, "ping", &json!({"zen": "x"})).await;
    assert_eq!((status, &answer["message"]), (202, &json!("pong")));
    let body = push("refs/tags/v1.2.0", SHA);
    let (status, answer) = github(&nobody, &id, &secret, "push", &body).await;
    assert_eq!(status, 202, "{answer}");
    let deployed = answer["deployments"].as_array().unwrap();
    assert_eq!(
        (deployed.len(), &deployed[0]["environment"]),
        (1, &json!("prod")),
        "{answer}"
    );
    assert_eq!(deployed[0]["version"], "v1.2.0");
    let deployment = deployed[0]["deploymentId"].as_str().unwrap();
    let shown = get_deployment(&admin, deployment).await;
    assert_eq!(
        (&shown["triggerType"], &shown["triggeredBy"]["kind"]),
        (&json!("github"), &json!("webhook"))
    );
    assert_eq!(shown["triggerPayload"]["body"]["ref"], "refs/tags/v1.2.0");
    assert_eq!(
        asked(test, orders(&admin, deployment).await[0]).await.version,
        "v1.2.0"
    );

    // The same call again, also under another delivery's name: the signature covers the body only.
    for _ in 0..3 {
        let (_, again) = github(&nobody, &id, &secret, "push", &body).await;
        assert_eq!(again["deployments"][0]["deploymentId"], deployment);
    }
    let (_, list) = admin.get("/api/v1/deployments").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);

    let (_, answer) = github(&nobody, &id, &secret, "push", &push("refs/heads/main", SHA)).await;
    assert_eq!(answer["deployments"][0]["version"], SHA, "{answer}");
    assert_eq!(answer["deployments"][0]["environment"], "test");
    let merged = json!({"action": "closed", "repository": {"id": 7},
        "pull_request": {"merged": true, "merge_commit_sha": SHA, "base": {"ref": "main"}}});
    let (_, answer) = github(&nobody, &id, &secret, "pull_request", &merged).await;
    assert_eq!(answer["deployments"][0]["version"], "pr-0123456", "{answer}");

    let mut elsewhere = push("refs/heads/main", SHA);
    elsewhere["repository"]["id"] = json!(8);
    for (event, body) in [
        ("push", push("refs/heads/other", SHA)),
        ("push", push("refs/heads/main", &"0".repeat(40))),
        ("push", elsewhere),
        ("star", json!({})),
    ] {
        let (status, answer) = github(&nobody, &id, &secret, event, &body).await;
        assert_eq!(
            (status, &answer["deployments"]),
            (202, &json!([])),
            "{event} {body}"
        );
    }
    let (status, _) = github(&nobody, &id, &secret, "push", &json!({"ref": 1})).await;
    assert_eq!(status, 422);
});

both_databases!(whoever_has_no_valid_proof_is_told_nothing, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let environments =
        json!({"prod": {"hosts": [host], "triggerSpec": {"github": {"push": {"tags": {"prefix": ["v"]}}}}}});
    let (id, secret) = application(&admin, "github", environments).await;
    let body = push("refs/tags/v1", SHA);
    let right = format!("sha256={}", hex::encode(hmac_of(&secret, &body.to_string())));
    let wrong = format!("sha256={}", hex::encode(hmac_of("gwh_other", &body.to_string())));
    let nobody = test.nobody();
    let absent = muster_base::Clock::system()
        .new_id::<muster_base::ApplicationId>()
        .to_string();
    let mut answers = Vec::new();
    for (id, signature) in [
        (id.as_str(), wrong.as_str()),
        (id.as_str(), ""),
        (id.as_str(), "sha256="),
        (absent.as_str(), right.as_str()),
        ("not-an-id", right.as_str()),
    ] {
        let headers = [("x-github-event", "push"), ("x-hub-signature-256", signature)];
        let (status, answer) = call(&nobody, id, &headers, &body).await;
        assert_eq!(status, 401, "{answer}");
        answers.push(answer);
    }
    // An application whose secret was never made.
    let unmade = json!({"name": "bare", "image": "team/bare", "environments": {"prod": {"hosts": [host],
        "triggerSpec": {"github": {"push": {"tags": {"prefix": ["v"]}}}}}},
        "repository": {"provider": "github", "repoId": "7", "repoPath": "bare"}});
    let unmade = created(&admin, "/api/v1/applications", unmade).await;
    for secret in ["gwh_0000000000000000000000000000000000000000000", ""] {
        let bare = unmade["id"].as_str().unwrap();
        let (status, answer) = github(&nobody, bare, secret, "push", &body).await;
        assert_eq!(status, 401, "{answer}");
        answers.push(answer);
    }
    // The right proof of another body.
    let headers = [
        ("x-github-event", "push"),
        ("x-hub-signature-256", right.as_str()),
    ];
    let (status, answer) = call(&nobody, &id, &headers, &push("refs/tags/v2", SHA)).await;
    assert_eq!(status, 401);
    answers.push(answer);
    // Another host's proof.
    let headers = [
        ("x-gitlab-event", "Tag Push Hook"),
        ("x-gitlab-token", secret.as_str()),
    ];
    let (status, answer) = call(&nobody, &id, &headers, &body).await;
    assert_eq!(status, 401);
    answers.push(answer);
    assert!(answers.windows(2).all(|two| two[0] == two[1]), "{answers:?}");

    // A new secret ends the old one.
    let (_, renewed) = admin
        .post(&format!("/api/v1/applications/{id}/git-secret"), Value::Null)
        .await;
    assert_eq!(github(&nobody, &id, &secret, "push", &body).await.0, 401);
    let renewed = renewed["secret"].as_str().unwrap();
    assert_eq!(github(&nobody, &id, renewed, "push", &body).await.0, 202);
    let (_, audit) = admin.get("/api/v1/audit?limit=500").await;
    assert!(!audit.to_string().contains(renewed), "{audit}");
});

both_databases!(
    hosts_that_do_not_sign_the_body_deploy_what_the_registry_has,
    |test| {
        let admin = test.admin().await;
        let host = new_host(test, "one").await;
        let nobody = test.nobody();
        let password = std::env::var("MUSTER_TEST_REGISTRY_PASSWORD_FILE").unwrap();
        let password = std::fs::read_to_string(password).unwrap();
        let registry = json!({"name": "main", "url": format!("http://{}", std::env::var("MUSTER_TEST_REGISTRY").unwrap()),
        "authType": "username-password", "username": std::env::var("MUSTER_TEST_REGISTRY_USER").unwrap(),
        "password": password.trim()});
        let registry = created(&admin, "/api/v1/registries", registry).await;
        let push = |tag: &str| json!({"ref": format!("refs/tags/{tag}"), "after": SHA, "project_id": 7, "repository": {"id": 7}});
        for provider in ["gitee", "gitlab", "codeup"] {
            let rules = json!({provider: {"push": {"tags": {"regex": [".*"]}}}});
            let environments = json!({"prod": {"hosts": [host], "triggerSpec": rules, "imageWaitS": 0}});
            let (id, secret) = application(&admin, provider, environments).await;
            let stamp = test.app.clock.now().0.to_string();
            let signed = STANDARD.encode(hmac_of(&secret, &format!("{stamp}\n{secret}")));
            let headers: Vec<(&str, &str)> = match provider {
                "gitee" => vec![
                    ("x-gitee-event", "Tag Push Hook"),
                    ("x-gitee-token", &signed),
                    ("x-gitee-timestamp", &stamp),
                ],
                "gitlab" => vec![("x-gitlab-event", "Tag Push Hook"), ("x-gitlab-token", &secret)],
                _ => vec![("codeup-event", "Tag Push Hook"), ("x-codeup-token", &secret)],
            };
            let deployment = async |tag: &str| {
                let (status, answer) = call(&nobody, &id, &headers, &push(tag)).await;
                assert_eq!(status, 202, "{provider}: {answer}");
                let id = answer["deployments"][0]["deploymentId"]
                    .as_str()
                    .unwrap()
                    .to_owned();
                wait_until(&admin, &id, |d| {
                    d["status"] == "failure" || d["hosts"].as_array().is_some_and(|hosts| !hosts.is_empty())
                })
                .await
            };
            let stopped = deployment("1.0.0").await;
            assert_eq!(
                (&stopped["status"], &stopped["triggerType"]),
                (&json!("failure"), &json!(provider))
            );
            assert!(
                stopped["error"].as_str().unwrap().contains("does not sign"),
                "{stopped}"
            );
            let change = json!({"registryId": registry["id"], "image": "muster/web"});
            let (status, body) = admin.patch(&format!("/api/v1/applications/{id}"), change).await;
            assert_eq!(status, 200, "{body}");
            let stopped = deployment("never-built").await;
            assert!(
                stopped["error"].as_str().unwrap().contains("no image"),
                "{stopped}"
            );
            let going = deployment("1.1.0").await;
            assert_eq!(going["status"], "running", "{going}");
        }
    }
);

both_databases!(
    a_repository_is_one_application_s_unless_folders_tell_them_apart,
    |test| {
        let admin = test.admin().await;
        application(&admin, "github", json!({"prod": {}})).await;
        let other = |path: &str| {
            json!({"name": format!("other-{}", path.len()), "image": "team/other",
            "repository": {"provider": "github", "repoId": "7", "repoPath": path}})
        };
        let (status, body) = admin.post("/api/v1/applications", other("")).await;
        assert_eq!((status, &body["type"]), (409, &json!("name-taken")), "{body}");
        created(&admin, "/api/v1/applications", other("mail/")).await;
        let wrong = json!({"environments": {"prod": {"triggerSpec": {"github": {"push": {"tags": {"regex": ["("]}}}}}}});
        let made = created(
            &admin,
            "/api/v1/applications",
            json!({"name": "plain", "image": "x"}),
        )
        .await;
        let path = format!("/api/v1/applications/{}", made["id"].as_str().unwrap());
        assert_eq!(admin.patch(&path, wrong).await.0, 422);
        let (status, body) = admin.post(&format!("{path}/git-secret"), Value::Null).await;
        assert_eq!(
            (status, &body["errors"][0]["field"]),
            (422, &json!("repository")),
            "{body}"
        );
    }
);
