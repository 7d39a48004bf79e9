//! Deployments that another system did and tells of.

use axum::http::Method;
use serde_json::{Value, json};

use super::{deploy, get_deployment, new_host, rollout::succeed};
use crate::{access::Role, testing::both_databases};

both_databases!(
    another_system_s_deployments_are_on_record_and_nothing_more,
    |test| {
        let admin = test.admin().await;
        let host = new_host(test, "one").await;
        let application = super::rollout::application(&admin, &[host], json!({})).await;
        let ours = succeed(&admin, &application, "1", &[1]).await;
        test.app.clock.advance(60_000);
        let path = format!("/api/v1/applications/{application}/tracked-deployments");
        let at = |s: i64| test.app.clock.now().plus_ms(s * 1_000).to_string();
        let told = json!({"tracker": "jenkins", "version": "2", "status": "success",
        "startedAt": at(-30), "completedAt": at(-10)});
        let call = async |body: &Value| {
            admin
                .call_with(
                    Method::POST,
                    &path,
                    Some(body.clone()),
                    Some(("idempotency-key", "run-9")),
                )
                .await
        };
        let (status, made) = call(&told).await;
        assert_eq!(status, 201, "{made}");
        assert_eq!(
            (&made["triggerType"], &made["status"], &made["durationMs"]),
            (&json!("tracker:jenkins"), &json!("success"), &json!(20_000)),
            "{made}"
        );
        assert_eq!(call(&told).await.1["id"], made["id"], "told twice, it is one");
        let id = made["id"].as_str().unwrap();
        assert_eq!(get_deployment(&admin, id).await["hosts"], json!([]));
        let (_, states) = admin
            .get(&format!("/api/v1/applications/{application}/environments"))
            .await;
        assert_eq!(states["items"][0]["version"], "2", "{states}");
        let (_, stats) = admin
            .get(&format!("/api/v1/applications/{application}/stats"))
            .await;
        assert_eq!(stats["success"], 2, "{stats}");

        // Muster goes back to what it did itself.
        test.app.clock.advance(10);
        let (status, back) = admin
            .post(&format!("/api/v1/deployments/{id}/rollback"), json!({}))
            .await;
        assert_eq!(status, 202, "{back}");
        let back = get_deployment(&admin, back["deploymentId"].as_str().unwrap()).await;
        assert_eq!(back["originId"], json!(ours));

        for (field, body) in [
            (
                "tracker",
                json!({"tracker": "Jenkins 2", "version": "2", "status": "success"}),
            ),
            (
                "version",
                json!({"tracker": "jenkins", "version": "no good", "status": "success"}),
            ),
            (
                "digest",
                json!({"tracker": "jenkins", "version": "2", "status": "success", "digest": "sha256:1"}),
            ),
            (
                "completedAt",
                json!({"tracker": "jenkins", "version": "2", "status": "success", "completedAt": at(900)}),
            ),
            (
                "completedAt",
                json!({"tracker": "jenkins", "version": "2", "status": "failure", "startedAt": at(5)}),
            ),
        ] {
            let (status, refused) = admin.post(&path, body).await;
            assert_eq!(
                (status, &refused["errors"][0]["field"]),
                (422, &json!(field)),
                "{refused}"
            );
        }
        let (status, refused) = admin
            .post(
                &path,
                json!({"tracker": "jenkins", "version": "2", "status": "running"}),
            )
            .await;
        assert_eq!(status, 422, "{refused}");
        let viewer = test.member("vera", Role::Viewer).await;
        assert_eq!(viewer.post(&path, told.clone()).await.0, 403);
        deploy(&admin, &application, "3").await;
    }
);
