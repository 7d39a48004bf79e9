//! Trying rules says what a Git host's call would do, and does nothing.

use serde_json::{Value, json};

use super::created;
use crate::{access::Role, testing::both_databases};

both_databases!(rules_can_be_tried_before_they_are_kept, |test| {
    let admin = test.admin().await.in_org("default");
    let body = json!({"name": "shop", "image": "team/shop",
    "repository": {"provider": "github", "repoId": "42"},
    "environments": {
        "default": {"triggerSpec": {"github": {"push": {"branches":
            {"prefix": ["release/"], "exclude": {"regex": [".*-wip"]}}, "tags": {"regex": ["v[0-9.]+"]}}}}},
        "prod": {},
    }});
    let id = created(&admin, "/api/v1/applications", body).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/v1/applications/{id}/try-event");
    let tried = async |body: Value| {
        let (status, answer) = admin.post(&path, body).await;
        assert_eq!(status, 200, "{answer}");
        answer["items"].clone()
    };

    let found = tried(json!({"event": "tag", "reference": "v1.4.2"})).await;
    assert_eq!(
        found,
        json!([
            {"environment": "default", "outcome": "deploys", "version": "v1.4.2",
                "rule": {"kind": "regex", "pattern": "v[0-9.]+"}},
            {"environment": "prod", "outcome": "noRules", "rule": null, "version": null},
        ])
    );
    let sha = "a".repeat(40);
    let found = tried(json!({"event": "push", "reference": "release/2", "sha": sha})).await;
    assert_eq!(
        (&found[0]["outcome"], &found[0]["version"]),
        (&json!("deploys"), &json!(sha))
    );
    let found = tried(json!({"event": "push", "reference": "release/2-wip"})).await;
    assert_eq!(found[0]["rule"], json!({"kind": "regex", "pattern": ".*-wip"}));
    assert_eq!(found[0]["outcome"], "excluded");
    let found = tried(json!({"event": "push", "reference": "main"})).await;
    assert_eq!(found[0]["outcome"], "noMatch");
    let found = tried(json!({"event": "merged", "reference": "release/2"})).await;
    assert_eq!(found[0]["outcome"], "noRules");

    // Rules that are not kept, for another host; what they make of the name is no tag.
    let specs = json!({"default": {"gitee": {"push": {"tags": {"prefix": ["v"]}}}}});
    let found =
        tried(json!({"provider": "gitee", "event": "tag", "reference": "v1/2", "triggerSpecs": specs})).await;
    assert_eq!(
        (&found[0]["outcome"], &found[0]["version"]),
        (&json!("badVersion"), &json!("v1/2"))
    );
    assert_eq!(found.as_array().unwrap().len(), 1);

    let specs = json!({"default": {"github": {"push": {"tags": {"regex": ["("]}}}}});
    let wrong = json!({"event": "tag", "reference": "v1", "triggerSpecs": specs});
    let (status, problem) = admin.post(&path, wrong).await;
    assert_eq!(
        (status, &problem["errors"][0]["field"]),
        (422, &json!("triggerSpecs.default.github.push.tags")),
        "{problem}"
    );
    let (_, deployments) = admin.get("/api/v1/deployments").await;
    assert_eq!(deployments["items"], json!([]));

    let viewer = test.member("vera", Role::Viewer).await;
    let event = json!({"event": "tag", "reference": "v1"});
    assert_eq!(viewer.post(&path, event.clone()).await.0, 200);
    assert_eq!(test.stranger("elsewhere").await.post(&path, event).await.0, 404);
});
