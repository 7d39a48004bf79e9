//! What an environment wants of webhook calls beside the token: who has not got it is told what a wrong token is told.

use aws_lc_rs::hmac;
use axum::http::Method;
use serde_json::{Value, json};

use super::{deploy, new_application, new_host, new_token};
use crate::{
    access::Role,
    testing::{Client, both_databases},
};

/// Calls with a signature by this secret, as of so many seconds from now.
async fn call_signed(
    client: &Client<'_>,
    path: &str,
    body: &Value,
    secret: &str,
    off_s: i64,
) -> (u16, Value) {
    let time = (client.test().app.clock.now().0 / 1_000 + off_s).to_string();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let digest = hmac::sign(&key, format!("{time}.{body}").as_bytes());
    let signature = format!("sha256={}", hex::encode(digest));
    let headers = [
        ("x-muster-timestamp", time.as_str()),
        ("x-muster-signature-256", signature.as_str()),
    ];
    let (status, _, answer) = client
        .respond(Method::POST, path, Some(body.clone()), &headers)
        .await;
    (status, answer)
}

async fn reasons(admin: &Client<'_>, application: &str) -> Vec<String> {
    let path = format!("/api/v1/applications/{application}/webhook-refusals");
    let (status, body) = admin.get(&path).await;
    assert_eq!(status, 200, "{body}");
    let rows = body["items"].as_array().unwrap().iter();
    let mut said: Vec<_> = rows
        .map(|row| format!("{} {}", row["reason"].as_str().unwrap(), row["environment"]))
        .collect();
    // They came in the same millisecond.
    said.sort();
    said
}

both_databases!(calls_are_signed_where_the_environment_wants_it, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let application = new_application(&admin, &[host]).await;
    let token = new_token(&admin, &application).await;
    let path = format!("/api/v1/applications/{application}/webhook-guards");
    let (status, made) = admin.post(&format!("{path}/default/secret"), Value::Null).await;
    assert_eq!(status, 201, "{made}");
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("whs_"), "{made}");

    let nobody = test.nobody();
    let hook = "/webhook/deploy";
    let right = json!({"applicationId": application, "version": "1", "token": token});
    let wrong = json!({"applicationId": application, "version": "1", "token": "whk_0"});
    let refused = call_signed(&nobody, hook, &wrong, secret, 0).await;
    assert_eq!(refused.0, 401);
    // All of them are told the same.
    assert_eq!(nobody.post(hook, right.clone()).await, refused);
    assert_eq!(
        call_signed(&nobody, hook, &right, "whs_another", 0).await,
        refused
    );
    assert_eq!(call_signed(&nobody, hook, &right, secret, -301).await, refused);
    assert_eq!(call_signed(&nobody, hook, &right, secret, 302).await, refused);
    let (status, first) = call_signed(&nobody, hook, &right, secret, -290).await;
    assert_eq!(status, 202, "{first}");
    // The same signed call is the same deployment, another one is another.
    let (_, again) = call_signed(&nobody, hook, &right, secret, -290).await;
    assert_eq!(again["deploymentId"], first["deploymentId"]);
    test.app.clock.advance(10);
    let (_, other) = call_signed(&nobody, hook, &right, secret, 1).await;
    assert_ne!(other["deploymentId"], first["deploymentId"]);
    assert_eq!(
        reasons(&admin, &application).await,
        [
            "noSignature \"default\"",
            "signature \"default\"",
            "timestamp \"default\"",
            "timestamp \"default\"",
            "token null",
        ]
    );
    // Builds are reported under the same conditions.
    let report = json!({"applicationId": application, "version": "1", "token": token, "build": {"status": "building"}});
    assert_eq!(nobody.post("/webhook/version", report.clone()).await.0, 401);
    assert_eq!(
        call_signed(&nobody, "/webhook/version", &report, secret, 0)
            .await
            .0,
        200
    );

    // Another environment's token needs none.
    let token_path = format!("/api/v1/applications/{application}/webhook-token");
    let (_, of_prod) = admin.post(&token_path, json!({"environment": "prod"})).await;
    let there = json!({"applicationId": application, "version": "1", "token": of_prod["token"]});
    assert_eq!(nobody.post(hook, there).await.0, 202);

    // A new secret ends the one before; without one no call is signed.
    let (_, newer) = admin.post(&format!("{path}/default/secret"), Value::Null).await;
    assert_eq!(call_signed(&nobody, hook, &right, secret, 2).await, refused);
    let newer = newer["secret"].as_str().unwrap();
    assert_eq!(call_signed(&nobody, hook, &right, newer, 2).await.0, 202);
    let (status, guard) = admin
        .patch(&format!("{path}/default"), json!({"signed": false}))
        .await;
    assert_eq!((status, &guard["signed"]), (200, &json!(false)), "{guard}");
    assert_eq!(nobody.post(hook, right).await.0, 202);
    let (_, audit) = admin.get("/api/v1/audit?limit=500").await;
    for secret in [secret, newer] {
        assert!(!audit.to_string().contains(secret));
    }
});

both_databases!(calls_come_from_where_they_may, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let application = new_application(&admin, &[host]).await;
    let token = new_token(&admin, &application).await;
    let path = format!("/api/v1/applications/{application}/webhook-guards");
    let (status, refused) = admin
        .patch(
            &format!("{path}/default"),
            json!({"networks": ["10.0.0.0/8", "nowhere"]}),
        )
        .await;
    assert_eq!(
        (status, &refused["errors"][0]["field"]),
        (422, &json!("networks[1]")),
        "{refused}"
    );
    let (status, by_hand) = admin
        .patch(&format!("{path}/default"), json!({"signed": true}))
        .await;
    assert_eq!(status, 422, "{by_hand}");
    let wanted = json!({"networks": ["10.1.0.0/16", "2001:db8::1", "10.1.0.0/16"]});
    let (status, guard) = admin.patch(&format!("{path}/default"), wanted).await;
    assert_eq!(status, 200, "{guard}");
    assert_eq!(guard["networks"], json!(["10.1.0.0/16", "2001:db8::1/128"]));
    let (_, list) = admin.get(&path).await;
    assert_eq!(list["items"][0], guard, "{list}");

    let body = json!({"applicationId": application, "version": "1", "token": token});
    let from = async |ip: &str| {
        let client = test.nobody().at(ip.parse().unwrap());
        client.post("/webhook/deploy", body.clone()).await
    };
    let mut wrong = body.clone();
    wrong["token"] = json!("whk_0");
    let told = test.nobody().post("/webhook/deploy", wrong).await;
    assert_eq!(from("10.2.0.1").await, told);
    assert_eq!(from("2001:db8::2").await, told);
    assert_eq!(from("10.1.200.1").await.0, 202);
    assert_eq!(from("2001:db8::1").await.0, 202);
    // An address that is not known is not among them.
    assert_eq!(test.nobody().post("/webhook/deploy", body.clone()).await, told);
    let reasons = reasons(&admin, &application).await;
    assert_eq!(
        reasons
            .iter()
            .filter(|reason| reason.starts_with("address"))
            .count(),
        3
    );

    // An administrator deploys from anywhere.
    deploy(&admin, &application, "2").await;
    let (status, _) = admin.delete(&format!("/api/v1/applications/{application}")).await;
    assert_eq!(status, 409, "a deployment is under way");
});

both_databases!(who_may_set_what_calls_need, |test| {
    let admin = test.admin().await;
    let application = new_application(&admin, &[]).await;
    let path = format!("/api/v1/applications/{application}");
    let viewer = test.member("vera", Role::Viewer).await;
    let member = test.member("mia", Role::Member).await;
    assert_eq!(viewer.get(&format!("{path}/webhook-guards")).await.0, 200);
    for client in [&viewer, &member] {
        let guard = format!("{path}/webhook-guards/default");
        assert_eq!(client.patch(&guard, json!({"networks": []})).await.0, 403);
        assert_eq!(client.post(&format!("{guard}/secret"), Value::Null).await.0, 403);
        assert_eq!(client.get(&format!("{path}/webhook-refusals")).await.0, 403);
    }
    let nowhere = format!("{path}/webhook-guards/qa");
    assert_eq!(admin.patch(&nowhere, json!({"networks": []})).await.0, 404);
    assert_eq!(admin.post(&format!("{nowhere}/secret"), Value::Null).await.0, 404);
    // Its secrets go with it.
    admin
        .post(&format!("{path}/webhook-guards/default/secret"), Value::Null)
        .await;
    assert_eq!(admin.delete(&path).await.0, 204);
});
