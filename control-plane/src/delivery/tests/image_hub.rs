//! The catalogue of images, its dictionaries, and versions that are read from the registry.

use serde_json::{Value, json};

use super::{
    created,
    version::{Repository, new_registry},
};
use crate::{access::Role, testing::both_databases};

both_databases!(images_are_catalogued_with_words_of_dictionaries, |test| {
    let admin = test.admin().await.in_org("default");
    let (_, words) = admin.get("/api/v1/image-words").await;
    let words = words["items"].as_array().unwrap();
    assert!(
        words.contains(&json!({"kind": "type", "code": "database", "name": "Database", "builtIn": true}))
    );
    assert!(
        words
            .iter()
            .any(|word| word["code"] == "dockerHub" && word["kind"] == "source")
    );

    let own = json!({"kind": "type", "code": "gateway", "name": "Gateway"});
    assert_eq!(admin.post("/api/v1/image-words", own.clone()).await.0, 201);
    assert_eq!(admin.post("/api/v1/image-words", own).await.0, 409);
    let built_in = json!({"kind": "type", "code": "os", "name": "OS"});
    assert_eq!(admin.post("/api/v1/image-words", built_in).await.0, 409);
    let body = json!({"name": "Nginx", "image": "team/nginx", "source": "private", "type": "gateway",
        "url": "https://example.org/nginx", "description": "A web server",
        "usage": "docker pull team/nginx", "versions": ["1.27", "1.26"]});
    let nginx = created(&admin, "/api/v1/images", body.clone()).await;
    assert_eq!(
        (&nginx["status"], &nginx["type"]),
        (&json!("available"), &json!("gateway"))
    );
    assert_eq!(admin.post("/api/v1/images", body).await.0, 409);
    let path = format!("/api/v1/images/{}", nginx["id"].as_str().unwrap());
    assert_eq!(admin.delete("/api/v1/image-words/type/gateway").await.0, 409);
    assert_eq!(admin.delete("/api/v1/image-words/type/os").await.0, 404);
    assert_eq!(admin.delete("/api/v1/image-words/shape/gateway").await.0, 404);

    let mysql = json!({"name": "MySQL", "image": "library/mysql", "source": "dockerHub", "type": "database"});
    created(&admin, "/api/v1/images", mysql).await;
    let found = async |query: &str| {
        let (status, list) = admin.get(&format!("/api/v1/images?{query}")).await;
        assert_eq!(status, 200, "{list}");
        let items = list["items"].as_array().unwrap();
        items
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(found("").await, ["MySQL", "Nginx"]);
    assert_eq!(found("search=WEB").await, ["Nginx"]);
    assert_eq!(found("type=database").await, ["MySQL"]);
    assert_eq!(found("source=private&type=database").await, Vec::<String>::new());

    let change = json!({"status": "deprecated", "type": "server", "url": null});
    let (status, nginx) = admin.patch(&path, change).await;
    assert_eq!(
        (status, &nginx["status"], &nginx["url"]),
        (200, &json!("deprecated"), &Value::Null)
    );
    assert_eq!(admin.delete("/api/v1/image-words/type/gateway").await.0, 204);
    for (field, value) in [
        ("image", json!("Nginx:1")),
        ("type", json!("gateway")),
        ("source", json!("nowhere")),
        ("url", json!("javascript:alert(1)")),
        ("versions", json!(["a b"])),
        ("name", json!("")),
        ("registryId", nginx["id"].clone()),
    ] {
        let mut change = json!({});
        change[field] = value;
        let (status, problem) = admin.patch(&path, change).await;
        assert_eq!(
            (status, &problem["errors"][0]["field"]),
            (422, &json!(field)),
            "{problem}"
        );
    }

    let viewer = test.member("vera", Role::Viewer).await;
    assert_eq!(viewer.get(&path).await.0, 200);
    assert_eq!(viewer.delete(&path).await.0, 403);
    let stranger = test.stranger("elsewhere").await;
    assert_eq!(
        (stranger.get(&path).await.0, stranger.delete(&path).await.0),
        (404, 404)
    );
    assert_eq!(stranger.get("/api/v1/images").await.1["items"], json!([]));
    assert_eq!(admin.delete(&path).await.0, 204);
    assert_eq!(admin.get(&path).await.0, 404);
});

both_databases!(an_image_s_versions_are_those_of_its_registry, |test| {
    let admin = test.admin().await;
    let repository = Repository::new();
    for tag in ["1", "2", "3"] {
        repository.push(tag).await;
    }
    let registry = new_registry(&admin).await;
    let body = json!({"name": "Web", "image": repository.name, "registryId": registry, "source": "private",
        "type": "server", "versions": ["0.9"]});
    let image = created(&admin, "/api/v1/images", body).await;
    let path = format!("/api/v1/images/{}", image["id"].as_str().unwrap());
    let (_, first) = admin.get(&format!("{path}/versions?limit=2")).await;
    assert_eq!(
        (&first["items"], &first["live"]),
        (&json!(["1", "2"]), &json!(true))
    );
    let cursor = first["nextCursor"].as_str().unwrap();
    let (_, second) = admin
        .get(&format!("{path}/versions?limit=2&cursor={cursor}"))
        .await;
    assert_eq!(
        (&second["items"], &second["nextCursor"]),
        (&json!(["3"]), &Value::Null)
    );

    // A registry that an image is of is not deleted under it.
    assert_eq!(
        admin.delete(&format!("/api/v1/registries/{registry}")).await.0,
        409
    );
    // Where the registry can't say it, somebody's list stands, and why.
    assert_eq!(
        admin.patch(&path, json!({"image": "tests/nothing-here"})).await.0,
        200
    );
    let (status, written) = admin.get(&format!("{path}/versions")).await;
    assert_eq!(
        (status, &written["items"], &written["live"]),
        (200, &json!(["0.9"]), &json!(false))
    );
    assert!(
        written["error"].as_str().unwrap().contains("has no image"),
        "{written}"
    );
    assert_eq!(admin.patch(&path, json!({"registryId": null})).await.0, 200);
    let (_, written) = admin.get(&format!("{path}/versions")).await;
    assert_eq!(
        (&written["live"], &written["error"]),
        (&json!(false), &Value::Null)
    );
});
