//! Applications: their rules, and who may change them.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{created, new_application, new_host};
use crate::{access::Role, testing::both_databases};

both_databases!(an_application_is_registered_and_changed, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let path = format!("/api/v1/applications/{}", new_application(&admin, &[host]).await);
    let (_, application) = admin.get(&path).await;
    assert_eq!(application["status"], 0);
    assert_eq!(application["webhookEnvironment"], "default");
    assert_eq!(application["container"]["restart"], "unless-stopped");

    let change = json!({"container": {"healthCheck": {"type": "http", "port": 80, "path": "/up"}},
        "webhookEnabled": false});
    let (status, changed) = admin.patch(&path, change).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(changed["container"]["healthCheck"]["path"], "/up");
    assert_eq!(changed["container"]["ports"], json!([]));
    assert_eq!(changed["name"], "shop");
    let (_, list) = admin.get("/api/v1/applications").await;
    assert_eq!(list["items"][0]["webhookEnabled"], false);
    assert_eq!(admin.delete(&path).await.0, 204);
    assert_eq!(admin.get(&path).await.0, 404);
});

both_databases!(
    what_another_system_kept_of_an_environment_stays_as_it_is,
    |test| {
        let admin = test.admin().await;
        let host = new_host(test, "one").await;
        let id = new_application(&admin, &[host]).await;
        let path = format!("/api/v1/applications/{id}");
        let legacy = json!({"cdPipelineYaml": "serverless-pipeline.yaml",
        "resource": {"aliyun.fc": {"region": "cn-hangzhou", "functions": [{"name": "start-egg"}]}}});
        let environments =
            |legacy: &Value| json!({"environments": {"default": {"hosts": [host], "legacy": legacy}}});
        let (status, changed) = admin.patch(&path, environments(&legacy)).await;
        assert_eq!(status, 200, "{changed}");
        assert_eq!(changed["environments"]["default"]["legacy"], legacy);
        let (_, states) = admin.get(&format!("{path}/environments")).await;
        assert!(
            states.to_string().contains("serverless-pipeline.yaml"),
            "{states}"
        );
        let large = json!({"resource": "x".repeat(17_000)});
        let (status, problem) = admin.patch(&path, environments(&large)).await;
        assert_eq!(
            (status, &problem["errors"][0]["field"]),
            (422, &json!("environments.default.legacy"))
        );
    }
);

both_databases!(a_registry_in_use_stays, |test| {
    let admin = test.admin().await;
    let registry = json!({"name": "main", "url": "https://r.example"});
    let registry = created(&admin, "/api/v1/registries", registry).await;
    let id = registry["id"].as_str().unwrap();
    let body = json!({"name": "shop", "image": "team/shop", "registryId": id});
    let application = created(&admin, "/api/v1/applications", body).await;
    let (status, body) = admin.delete(&format!("/api/v1/registries/{id}")).await;
    assert_eq!((status, &body["type"]), (409, &json!("registry-in-use")));

    let path = format!("/api/v1/applications/{}", application["id"].as_str().unwrap());
    let (status, body) = admin.patch(&path, json!({"image": "other.example/shop"})).await;
    assert_eq!((status, &body["errors"][0]["field"]), (422, &json!("image")));
    let (status, body) = admin.patch(&path, json!({"registryId": null})).await;
    assert_eq!((status, &body["registryId"]), (200, &Value::Null), "{body}");
    assert_eq!(admin.delete(&format!("/api/v1/registries/{id}")).await.0, 204);
});

both_databases!(wrong_applications_are_refused_field_by_field, |test| {
    let admin = test.admin().await;
    let body = json!({"name": "a b", "image": "Shop:1", "registryId": Uuid::nil(),
        "container": {"ports": [{"host": 0, "container": 80}]}, "environments": {"a/b": {}}});
    let (status, body) = admin.post("/api/v1/applications", body).await;
    assert_eq!(status, 422);
    let fields: Vec<_> = body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["field"].as_str().unwrap())
        .collect();
    assert_eq!(
        fields,
        ["name", "registryId", "container.ports[0]", "environments.a/b"]
    );
    let unknown = json!({"name": "a", "image": "x", "port": 80});
    assert_eq!(admin.post("/api/v1/applications", unknown).await.0, 422);
    let deep = json!({"name": "a", "image": "x", "container": {"healthCheck": {"type": "none"}}});
    assert_eq!(admin.post("/api/v1/applications", deep).await.0, 422);
});

both_databases!(who_may_see_and_change_applications, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let id = new_application(&admin, &[host]).await;
    let path = format!("/api/v1/applications/{id}");

    let viewer = test.member("vera", Role::Viewer).await;
    assert_eq!(viewer.get(&path).await.0, 200);
    assert_eq!(
        viewer
            .post(&format!("{path}/deployments"), json!({"version": "1"}))
            .await
            .0,
        403
    );
    let member = test.member("mia", Role::Member).await;
    assert_eq!(member.patch(&path, json!({"description": "x"})).await.0, 403);
    assert_eq!(
        member.post(&format!("{path}/webhook-token"), json!({})).await.0,
        403
    );
    assert_eq!(
        member
            .post(&format!("{path}/deployments"), json!({"version": "1"}))
            .await
            .0,
        202
    );

    let stranger = test.stranger("elsewhere").await;
    for (method, path, body) in [
        ("GET", path.clone(), None),
        ("PATCH", path.clone(), Some(json!({"description": "x"}))),
        ("DELETE", path.clone(), None),
        ("POST", format!("{path}/webhook-token"), None),
        (
            "POST",
            format!("{path}/deployments"),
            Some(json!({"version": "1"})),
        ),
        (
            "POST",
            format!("{path}/import-secrets"),
            Some(json!({"groupId": Uuid::nil()})),
        ),
        ("GET", format!("{path}/stats"), None),
        (
            "POST",
            format!("{path}/tracked-deployments"),
            Some(json!({"tracker": "x", "version": "1", "status": "success"})),
        ),
        ("GET", format!("{path}/webhook-guards"), None),
        ("PATCH", format!("{path}/webhook-guards/default"), Some(json!({}))),
        ("POST", format!("{path}/webhook-guards/default/secret"), None),
        ("GET", format!("{path}/webhook-refusals"), None),
    ] {
        let (status, body) = stranger.call(method.parse().unwrap(), &path, body).await;
        assert_eq!(status, 404, "{method} {path} {body}");
    }
    let (_, list) = stranger.get("/api/v1/deployments").await;
    assert_eq!(list["items"], json!([]));
});

both_databases!(
    an_environment_that_an_application_has_is_the_org_s_and_stays,
    |test| {
        let admin = test.admin().await;
        let body = json!({"name": "shop", "image": "team/shop", "environments": {"qa": {}}});
        let (status, refused) = admin.post("/api/v1/applications", body.clone()).await;
        assert_eq!(
            (status, &refused["errors"][0]["field"]),
            (422, &json!("environments.qa")),
            "{refused}"
        );
        let qa = created(
            &admin,
            "/api/v1/environments",
            json!({"name": "qa", "type": "testing"}),
        )
        .await;
        created(&admin, "/api/v1/applications", body).await;
        let path = format!("/api/v1/environments/{}", qa["id"].as_str().unwrap());
        let (status, body) = admin.delete(&path).await;
        assert_eq!((status, &body["type"]), (409, &json!("in-use")), "{body}");
    }
);
