//! Versions: what CI, the registry and deployments say of them; and the registry itself, with what was pushed for the test.

use axum::http::Method;
use muster_base::{random_token, sha256};
use serde_json::{Value, json};

use super::{
    created, deploy, moves, new_application, new_host, new_token, orders, registry::real, wait_until,
};
use crate::{
    access::Role,
    testing::{Client, both_databases},
    work::OrderState,
};

/// A repository of this test alone in the real registry.
pub(super) struct Repository {
    http: reqwest::Client,
    pub(super) name: String,
}

impl Repository {
    pub(super) fn new() -> Self {
        Self {
            http: crate::outbound::client().unwrap(),
            name: format!("tests/{}", random_token("").to_lowercase()),
        }
    }

    async fn call(&self, method: Method, url: &str, kind: &str, body: Vec<u8>) -> reqwest::Response {
        let (root, user, password) = real();
        let url = if url.starts_with("http") {
            url.to_owned()
        } else {
            format!("{root}/v2/{}/{url}", self.name)
        };
        let request = self.http.request(method, url).basic_auth(user, Some(password));
        request
            .header("content-type", kind)
            .body(body)
            .send()
            .await
            .unwrap()
    }

    /// An image without layers; another for each tag.
    pub(super) async fn push(&self, tag: &str) -> String {
        let config = json!({"architecture": "amd64", "os": "linux", "tag": tag}).to_string();
        let digest = format!("sha256:{}", sha256(config.as_bytes()));
        let begun = self
            .call(Method::POST, "blobs/uploads/", "text/plain", Vec::new())
            .await;
        let place = begun.headers()["location"].to_str().unwrap().to_owned();
        let joint = if place.contains('?') { '&' } else { '?' };
        let end = format!("{place}{joint}digest={digest}");
        let put = self
            .call(
                Method::PUT,
                &end,
                "application/octet-stream",
                config.clone().into_bytes(),
            )
            .await;
        assert_eq!(put.status(), 201);
        let kind = "application/vnd.docker.distribution.manifest.v2+json";
        let manifest = json!({"schemaVersion": 2, "mediaType": kind, "layers": [], "config":
            {"mediaType": "application/vnd.docker.container.image.v1+json", "size": config.len(), "digest": digest}});
        let path = format!("manifests/{tag}");
        let put = self
            .call(Method::PUT, &path, kind, manifest.to_string().into_bytes())
            .await;
        assert_eq!(put.status(), 201);
        put.headers()["docker-content-digest"]
            .to_str()
            .unwrap()
            .to_owned()
    }

    async fn remove(&self, digest: &str) {
        let gone = self
            .call(
                Method::DELETE,
                &format!("manifests/{digest}"),
                "text/plain",
                Vec::new(),
            )
            .await;
        assert_eq!(gone.status(), 202);
    }
}

pub(super) async fn new_registry(client: &Client<'_>) -> String {
    let (url, username, password) = real();
    let body = json!({"name": "main", "url": url, "authType": "username-password",
        "username": username, "password": password});
    let registry = created(client, "/api/v1/registries", body).await;
    registry["id"].as_str().unwrap().to_owned()
}

/// All items of a list, page by page.
async fn all(client: &Client<'_>, path: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut next = path.to_owned();
    for _ in 0..100 {
        let (status, page) = client.get(&next).await;
        assert_eq!(status, 200, "{page}");
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(cursor) = page["nextCursor"].as_str() else {
            return items;
        };
        next = format!("{path}&cursor={cursor}");
    }
    panic!("{path} has no end");
}

fn names(items: &[Value], field: &str) -> Vec<String> {
    items
        .iter()
        .map(|item| item[field].as_str().unwrap().to_owned())
        .collect()
}

both_databases!(a_registry_is_read_page_by_page, |test| {
    let admin = test.admin().await;
    let repository = Repository::new();
    let mut digests = Vec::new();
    for tag in ["a", "b", "c", "d", "e"] {
        digests.push(repository.push(tag).await);
    }
    let path = format!("/api/v1/registries/{}", new_registry(&admin).await);

    let tags = format!("{path}/tags?repository={}&limit=2", repository.name);
    let (_, first) = admin.get(&tags).await;
    assert_eq!(first["items"].as_array().unwrap().len(), 2, "{first}");
    let found = all(&admin, &tags).await;
    assert_eq!(names(&found, "tag"), ["a", "b", "c", "d", "e"]);
    assert_eq!(names(&found, "digest"), digests);

    let list = format!("{path}/repositories");
    let (_, one) = admin.get(&format!("{list}?limit=1")).await;
    let cursor = one["nextCursor"].as_str().unwrap();
    let (_, next) = admin.get(&format!("{list}?limit=1&cursor={cursor}")).await;
    assert_eq!(next["items"].as_array().unwrap().len(), 1, "{next}");
    assert_ne!(one["items"], next["items"]);
    let repositories = all(&admin, &format!("{list}?limit=500")).await;
    assert!(
        names(&repositories, "name").contains(&repository.name),
        "{repositories:?}"
    );

    let (status, problem) = admin
        .get(&format!("{path}/tags?repository=tests/nothing-here"))
        .await;
    assert_eq!(status, 502);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("has no image tests/nothing-here"),
        "{problem}"
    );
    for wrong in [
        "repository=Not%20one",
        "repository=a/../b",
        "limit=2",
        "repository=a&cursor=e30",
    ] {
        assert_eq!(admin.get(&format!("{path}/tags?{wrong}")).await.0, 422, "{wrong}");
    }
});

both_databases!(versions_come_from_ci_the_registry_and_deployments, |test| {
    let admin = test.admin().await;
    let repository = Repository::new();
    let mut digests = Vec::new();
    for tag in ["1.9.0", "1.10.0", "1.2.0"] {
        digests.push(repository.push(tag).await);
    }
    let host = new_host(test, "one").await;
    let body = json!({"name": "shop", "image": repository.name, "registryId": new_registry(&admin).await,
        "environments": {"default": {"hosts": [host]}}});
    let id = created(&admin, "/api/v1/applications", body).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/v1/applications/{id}");
    let (_, before) = admin.get(&format!("{path}/versions")).await;
    assert_eq!(before, json!({"items": [], "nextCursor": null, "registry": null}));

    let (status, read) = admin.post(&format!("{path}/read-registry"), Value::Null).await;
    assert_eq!(status, 200, "{read}");
    assert_eq!(
        (&read["tags"], &read["complete"], &read["error"]),
        (&json!(3), &json!(true), &Value::Null)
    );
    let versions = all(&admin, &format!("{path}/versions?limit=2")).await;
    assert_eq!(names(&versions, "version"), ["1.10.0", "1.9.0", "1.2.0"]);
    assert_eq!(versions[0]["registry"]["digest"], json!(digests[1]));

    // A deployment that the registry confirms, one of a version that is nowhere.
    let deployment = deploy(&admin, &id, "1.9.0").await;
    for order in orders(&admin, &deployment).await {
        moves(test, order, OrderState::Done, None).await;
    }
    let nowhere = deploy(&admin, &id, "7.7.7").await;
    wait_until(&admin, &nowhere, |d| d["status"] == "failure").await;
    let versions = all(&admin, &format!("{path}/versions?limit=2")).await;
    assert_eq!(names(&versions, "version"), ["7.7.7", "1.10.0", "1.9.0", "1.2.0"]);
    assert_eq!(versions[0]["registry"], Value::Null);
    let run = &versions[2]["runs"][0];
    assert_eq!(
        (&run["environment"], &run["deploymentId"]),
        (&json!("default"), &json!(deployment))
    );
    assert_eq!(run["digest"], json!(digests[0]));

    // Tags go: what was deployed is remembered, what nobody else spoke of is not.
    repository.remove(&digests[0]).await;
    repository.remove(&digests[2]).await;
    let (_, again) = admin.post(&format!("{path}/read-registry"), Value::Null).await;
    assert_eq!(again, read, "who asks again at once gets what was read");
    test.app.clock.advance(6_000);
    let (_, read) = admin.post(&format!("{path}/read-registry"), Value::Null).await;
    assert_eq!(read["tags"], 1, "{read}");
    let (_, list) = admin.get(&format!("{path}/versions")).await;
    let versions = list["items"].as_array().unwrap();
    assert_eq!(names(versions, "version"), ["7.7.7", "1.10.0", "1.9.0"]);
    assert_eq!(
        versions[2]["registry"],
        json!({"present": false, "digest": null, "digestAt": null})
    );
    assert_eq!(list["registry"], read);

    // A registry that can't be read changes nothing but the note of it.
    let gone = json!({"name": "gone", "url": "http://127.0.0.1:1"});
    let gone = created(&admin, "/api/v1/registries", gone).await;
    assert_eq!(admin.patch(&path, json!({"registryId": gone["id"]})).await.0, 200);
    test.app.clock.advance(6_000);
    let (status, read) = admin.post(&format!("{path}/read-registry"), Value::Null).await;
    assert_eq!(status, 200);
    assert!(
        read["error"].as_str().unwrap().contains("can't be reached"),
        "{read}"
    );
    let (_, after) = admin.get(&format!("{path}/versions")).await;
    assert_eq!(after["items"], list["items"]);
    assert_eq!(after["registry"], read);
});

both_databases!(ci_reports_its_builds, |test| {
    let admin = test.admin().await.in_org("default");
    let id = new_application(&admin, &[]).await;
    let path = format!("/api/v1/applications/{id}/versions/2.0.0");
    let put = async |client: &Client<'_>, body: Value| client.call(Method::PUT, &path, Some(body)).await;
    let digest = format!("sha256:{}", "ab".repeat(32));

    let begins = json!({"status": "building", "commit": "0123abc", "branch": "main", "message": "Faster carts",
        "url": "https://ci.example.com/7"});
    let (status, version) = put(&admin, begins).await;
    assert_eq!(
        (status, &version["build"]["status"]),
        (200, &json!("building")),
        "{version}"
    );
    let lifecycle = async || admin.get(&format!("/api/v1/applications/{id}")).await.1["status"].clone();
    assert_eq!(lifecycle().await, 1);
    test.app.clock.advance(90_000);
    let ends = json!({"status": "built", "digest": digest, "log": "step 1\nstep 2\n"});
    let (_, version) = put(&admin, ends).await;
    let build = &version["build"];
    assert_eq!(
        (&build["commit"], &build["digest"]),
        (&json!("0123abc"), &json!(digest))
    );
    assert_eq!(
        (&build["logBytes"], &build["message"]),
        (&json!(14), &json!("Faster carts"))
    );
    assert_ne!(build["startedAt"], build["completedAt"]);
    assert_eq!(lifecycle().await, 2);
    let (_, log) = admin.get(&format!("{path}/log")).await;
    assert_eq!(log, json!({"log": "step 1\nstep 2\n"}));
    let search = async |text: &str| {
        let (_, list) = admin
            .get(&format!("/api/v1/applications/{id}/versions?search={text}"))
            .await;
        list["items"].as_array().unwrap().len()
    };
    assert_eq!(
        (search("MAIN").await, search("123AB").await, search("2_0").await),
        (1, 1, 0)
    );

    put(&admin, json!({"status": "building"})).await;
    let (_, version) = put(&admin, json!({"status": "buildFailed", "log": "no"})).await;
    assert_eq!(
        (&version["build"]["commit"], &version["build"]["logBytes"]),
        (&Value::Null, &json!(2))
    );
    assert_eq!(lifecycle().await, -2);

    for wrong in [
        json!({"status": "done"}),
        json!({"status": "built", "digest": "latest"}),
        json!({"status": "built", "url": "javascript:alert(1)"}),
        json!({"status": "built", "message": "a\nb"}),
        json!({"status": "built", "log": "x".repeat(512 * 1024 + 1)}),
        json!({"status": "built", "extra": 1}),
    ] {
        assert_eq!(put(&admin, wrong.clone()).await.0, 422);
    }
    let viewer = test.member("vera", Role::Viewer).await;
    assert_eq!(put(&viewer, json!({"status": "built"})).await.0, 403);
    assert_eq!(viewer.get(&format!("{path}/log")).await.0, 200);
    let stranger = test.stranger("elsewhere").await;
    assert_eq!(put(&stranger, json!({"status": "built"})).await.0, 404);
    assert_eq!(stranger.get(&path).await.0, 404);
    let nothing = format!("/api/v1/applications/{id}/versions/0.0.1");
    assert_eq!(admin.get(&nothing).await.0, 404);
    let (_, audit) = admin.get("/api/v1/audit?limit=500").await;
    assert!(audit.to_string().contains("version 2.0.0 reported as built"));
    assert!(!audit.to_string().contains("step 1"));
});

both_databases!(the_deploy_token_reports_builds_too, |test| {
    let admin = test.admin().await;
    let id = new_application(&admin, &[]).await;
    let token = new_token(&admin, &id).await;
    let report = async |token: &str, build: Value| {
        let body = json!({"applicationId": id, "version": "3.0.0", "token": token, "build": build});
        test.nobody().post("/webhook/version", body).await
    };
    let (status, version) = report(&token, json!({"status": "built", "commit": "abc"})).await;
    assert_eq!(
        (status, &version["build"]["reportedBy"]),
        (200, &json!("webhook")),
        "{version}"
    );
    let (status, problem) = report(&token, json!({"status": "built", "log": format!("curl {token}")})).await;
    assert_eq!(
        (status, &problem["errors"][0]["field"]),
        (422, &json!("token")),
        "{problem}"
    );
    let wrong = "whk_0000000000000000000000000000000000000000000";
    let (status, refused) = report(wrong, json!({"status": "built"})).await;
    assert_eq!(status, 401);
    assert!(!refused.to_string().contains("shop"), "{refused}");
    let (_, versions) = admin.get(&format!("/api/v1/applications/{id}/versions")).await;
    assert!(!versions.to_string().contains(&token));
});
