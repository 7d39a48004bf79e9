//! The webhook: one answer for whoever has no valid token, and each call once.

use axum::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{deploy, moves, new_application, new_host, new_token, orders, wait_until};
use crate::{
    testing::{Client, both_databases},
    work::OrderState,
};

async fn call(client: &Client<'_>, body: Value, key: Option<&str>) -> (u16, Value) {
    let header = key.map(|key| ("idempotency-key", key));
    client
        .call_with(Method::POST, "/webhook/deploy", Some(body), header)
        .await
}

both_databases!(a_token_deploys_its_application, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let application = new_application(&admin, &[host]).await;
    let token = new_token(&admin, &application).await;
    assert!(token.starts_with("whk_"));

    let body = json!({"applicationId": application, "version": "v1.2.3", "token": token});
    let (status, answer) = call(&test.nobody(), body, None).await;
    assert_eq!(status, 202, "{answer}");
    assert_eq!(answer["success"], true);
    let expected = json!({"id": application, "name": "shop", "version": "v1.2.3"});
    assert_eq!(answer["application"], expected);
    let id = answer["deploymentId"].as_str().unwrap();
    let deployment = wait_until(&admin, id, |d| d["status"] == "running").await;
    assert_eq!(deployment["triggerType"], "webhook");
    assert_eq!(deployment["triggeredBy"]["kind"], "webhook");
    assert_eq!(deployment["image"], "docker.io/team/shop:v1.2.3");

    let sent = json!({"body": {"applicationId": application, "version": "v1.2.3"}, "isCut": false});
    assert_eq!(deployment["triggerPayload"], sent);
    let detail = format!("/api/v1/deployments/{id}");
    for path in [
        "/api/v1/audit?limit=500",
        "/api/v1/applications",
        "/api/v1/deployments",
        &detail,
    ] {
        assert!(!admin.get(path).await.1.to_string().contains(&token), "{path}");
    }
});

both_databases!(whoever_has_no_valid_token_learns_nothing, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let application = new_application(&admin, &[host]).await;
    let token = new_token(&admin, &application).await;
    let absent = Uuid::from_u128(9).to_string();
    let wrong = "whk_0000000000000000000000000000000000000000000";
    let refused = [
        json!({"applicationId": application, "version": "1", "token": wrong}),
        json!({"applicationId": application, "version": "1", "token": ""}),
        json!({"applicationId": application, "version": "1"}),
        json!({"applicationId": application, "version": "no good", "token": wrong}),
        json!({"applicationId": absent, "version": "1", "token": token}),
        json!({"applicationId": absent, "version": "1", "token": wrong}),
        json!({"applicationId": "nonsense", "version": "1", "token": token}),
        json!({"version": "1", "token": token}),
        json!({}),
    ];
    let (status, first) = call(&test.nobody(), refused[0].clone(), None).await;
    assert_eq!(status, 401);
    for body in refused {
        assert_eq!(
            call(&test.nobody(), body.clone(), None).await,
            (401, first.clone()),
            "{body}"
        );
    }
    let path = format!("/api/v1/applications/{application}");
    admin.patch(&path, json!({"webhookEnabled": false})).await;
    let right = json!({"applicationId": application, "version": "1", "token": token});
    assert_eq!(call(&test.nobody(), right.clone(), None).await, (401, first));

    admin.patch(&path, json!({"webhookEnabled": true})).await;
    let bad_version = json!({"applicationId": application, "version": "no good", "token": token});
    assert_eq!(call(&test.nobody(), bad_version, None).await.0, 422);
    let told = json!({"applicationId": application, "version": format!("1-{token}"), "token": token});
    let (status, answer) = call(&test.nobody(), told, None).await;
    assert_eq!(status, 422, "{answer}");
    assert!(!answer.to_string().contains(&token), "{answer}");
    let unknown = json!({"applicationId": application, "version": "1", "token": token, "image": "evil"});
    assert_eq!(call(&test.nobody(), unknown, None).await.0, 422);
    assert_eq!(call(&test.nobody(), right, None).await.0, 202);
    let (_, audit) = admin.get("/api/v1/audit?limit=500").await;
    let rows = audit["items"].as_array().unwrap().iter();
    let refused = rows.filter(|row| row["actorKind"] == "webhook" && row["outcome"] == "refused");
    assert_eq!(refused.count(), 6, "{audit}");
});

both_databases!(a_rotated_token_works_for_the_overlap_and_no_longer, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let application = new_application(&admin, &[host]).await;
    let old = new_token(&admin, &application).await;
    let new = new_token(&admin, &application).await;
    let with = |token: &str| json!({"applicationId": application, "version": "1", "token": token});
    assert_eq!(call(&test.nobody(), with(&old), None).await.0, 202);
    assert_eq!(call(&test.nobody(), with(&new), None).await.0, 202);
    test.app.clock.advance(3_600_001);
    assert_eq!(call(&test.nobody(), with(&old), None).await.0, 401);
    assert_eq!(call(&test.nobody(), with(&new), None).await.0, 202);

    let path = format!("/api/v1/applications/{application}/webhook-token");
    let admin = test.admin().await;
    let (status, body) = admin.post(&path, json!({"overlapS": 0})).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(call(&test.nobody(), with(&new), None).await.0, 401);
});

both_databases!(no_token_that_works_is_crowded_out_by_others, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let application = new_application(&admin, &[host]).await;
    let path = format!("/api/v1/applications/{application}/webhook-token");
    let made = async |environment: &str, overlap_s: u32| {
        test.app.clock.advance(1);
        admin
            .post(&path, json!({"environment": environment, "overlapS": overlap_s}))
            .await
    };
    let (_, first) = made("default", 0).await;
    let mut of_prod = Vec::new();
    // An environment has eight at once, and one that ends the others is always had.
    for round in 0..5 {
        for n in 0..8 {
            let (status, body) = made("prod", if n == 0 { 0 } else { 600_000 }).await;
            assert_eq!(status, 200, "{round} {n}: {body}");
            of_prod.push(body["token"].clone());
        }
        let (status, body) = made("prod", 600_000).await;
        assert_eq!(
            (status, &body["errors"][0]["field"]),
            (422, &json!("overlapS")),
            "{body}"
        );
    }
    let with = |token: &Value| json!({"applicationId": application, "version": "1", "token": token});
    for token in of_prod[32..].iter().chain([&first["token"]]) {
        assert_eq!(call(&test.nobody(), with(token), None).await.0, 202);
    }
    for token in &of_prod[..8] {
        assert_eq!(call(&test.nobody(), with(token), None).await.0, 401);
    }
});

both_databases!(a_delivery_that_is_sent_twice_counts_once, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let application = new_application(&admin, &[host]).await;
    let token = new_token(&admin, &application).await;
    let body = |version: &str| json!({"applicationId": application, "version": version, "token": token});
    let nobody = test.nobody();

    let both = tokio::join!(
        call(&nobody, body("1.0.0"), Some("run-17")),
        call(&nobody, body("1.0.0"), Some("run-17")),
    );
    assert_eq!((both.0.0, both.1.0), (202, 202), "{both:?}");
    assert_eq!(both.0.1["deploymentId"], both.1.1["deploymentId"]);
    let again = call(&nobody, body("1.0.0"), Some("run-17")).await;
    assert_eq!(again.1["deploymentId"], both.0.1["deploymentId"]);
    let (status, other) = call(&nobody, body("2.0.0"), Some("run-17")).await;
    assert_eq!((status, &other["type"]), (409, &json!("idempotency-key-reused")));
    assert_eq!(call(&nobody, body("1.0.0"), Some("a key")).await.0, 422);
    let (_, list) = admin.get("/api/v1/deployments").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
});

both_databases!(concurrent_webhooks_never_interleave, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let application = new_application(&admin, &[host]).await;
    let token = new_token(&admin, &application).await;
    let calls = (0..8).map(|i| {
        let body = json!({"applicationId": application, "version": format!("1.0.{i}"), "token": token});
        let nobody = test.nobody();
        async move { call(&nobody, body, None).await }
    });
    for (status, body) in futures_util::future::join_all(calls).await {
        assert_eq!(status, 202, "{body}");
    }
    let (_, list) = admin.get("/api/v1/deployments").await;
    let count = |status: &str| {
        let items = list["items"].as_array().unwrap().iter();
        items.filter(|d| d["status"] == status).count()
    };
    assert!(count("running") <= 1 && count("pending") <= 1, "{list:#}");
    assert_eq!(count("running") + count("pending") + count("cancelled"), 8);
});

both_databases!(waiting_answers_when_it_has_ended, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let application = new_application(&admin, &[host]).await;
    let token = new_token(&admin, &application).await;
    let body = json!({"applicationId": application, "version": "1.0.0", "token": token});
    let nobody = test.nobody();
    let waiting = nobody.call(Method::POST, "/webhook/deploy?wait=1", Some(body));
    let hosts_work = async {
        let id = loop {
            let (_, list) = admin.get("/api/v1/deployments").await;
            match list["items"][0]["id"].as_str() {
                Some(id) => break id.to_owned(),
                None => tokio::task::yield_now().await,
            }
        };
        let order = orders(&admin, &id).await[0];
        moves(
            test,
            order,
            OrderState::RolledBack,
            Some("the new container exited"),
        )
        .await;
    };
    let ((status, answer), ()) = tokio::join!(waiting, hosts_work);
    assert_eq!((status, &answer["success"]), (200, &json!(false)), "{answer}");
    assert_eq!(answer["status"], "rolledBack");
    assert!(
        answer["message"]
            .as_str()
            .unwrap()
            .contains("the new container exited")
    );
});

both_databases!(a_valid_token_can_be_used_only_so_often, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let application = new_application(&admin, &[host]).await;
    let token = new_token(&admin, &application).await;
    let body = json!({"applicationId": application, "version": "1.0.0", "token": token});
    let mut limited = None;
    for _ in 0..200 {
        let (status, answer) = call(&test.nobody(), body.clone(), Some("same")).await;
        if status == 429 {
            limited = Some(answer);
            break;
        }
        assert_eq!(status, 202, "{answer}");
    }
    assert_eq!(limited.unwrap()["type"], "rate-limited");
    // By hand it goes on.
    deploy(&admin, &application, "1.0.1").await;
});
