//! What those who are narrowed see of what is about everything: the audit log and join tokens, on both databases.

use serde_json::{Value, json};

use super::permissions::{give, template};
use crate::{
    access::Role,
    delivery::tests::new_host,
    testing::{Client, both_databases},
};

fn seen(page: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = page["items"].as_array().unwrap().iter();
    rows.map(|row| (text(&row["objectKind"]), text(&row["objectId"])))
        .collect()
}

async fn relabel(client: &Client<'_>, host: &str, value: &str) -> u16 {
    let body = json!({"labels": {"a": value}});
    client.patch(&format!("/api/v1/hosts/{host}"), body).await.0
}

both_databases!(whoever_is_narrowed_sees_their_part_of_the_log, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let adam = test.member("adam", Role::Admin).await;
    let (one, two) = (
        new_host(test, "one").await.to_string(),
        new_host(test, "two").await.to_string(),
    );
    let body = json!({"name": "shop", "image": "team/shop"});
    let (_, shop) = olga.post("/api/v1/applications", body).await;
    let shop = shop["id"].as_str().unwrap().to_owned();
    let (_, mail) = olga
        .post(
            "/api/v1/applications",
            json!({"name": "mail", "image": "team/mail"}),
        )
        .await;
    let objects = json!({"hosts": [one], "applications": [mail["id"]]});
    let narrow = template(&olga, "one", json!([]), objects).await;
    assert_eq!(give(&olga, "adam", json!({"templateId": narrow})).await.0, 200);
    for value in ["b", "c", "d"] {
        assert_eq!(relabel(&olga, &one, value).await, 200);
        assert_eq!(relabel(&olga, &two, value).await, 200);
    }
    assert_eq!(relabel(&adam, &two, "e").await, 404, "refused, and his own doing");

    let (status, page) = adam.get("/api/v1/audit").await;
    assert_eq!(status, 200, "{page}");
    let rows = seen(&page);
    let about = |kind: &str, id: &str| {
        rows.iter()
            .filter(|row| **row == (kind.to_owned(), id.to_owned()))
            .count()
    };
    assert!(about("host", &one) >= 3, "{page}");
    assert_eq!(about("application", &shop), 0);
    assert_eq!(about("application", mail["id"].as_str().unwrap()), 1);
    let others = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["objectId"] == json!(two) && row["actorName"] != "adam");
    assert_eq!(others.count(), 0, "{page}");
    assert!(
        rows.iter()
            .all(|(kind, _)| ["host", "application"].contains(&kind.as_str())
                || kind == "environment"
                || kind == "secretGroup"
                || kind == "server"),
        "neither members nor templates: {page}"
    );
    // Pages are full, whatever lies between.
    let (_, first) = adam
        .get(&format!("/api/v1/audit?limit=2&objectKind=host&objectId={one}"))
        .await;
    assert_eq!(seen(&first).len(), 2);
    let (_, hidden) = adam.get(&format!("/api/v1/audit?objectId={shop}")).await;
    assert_eq!(hidden["items"], json!([]));
    let (_, lines) = adam.get("/api/v1/audit/export").await;
    assert!(
        !lines.to_string().contains(&shop) && lines.to_string().contains(&one),
        "{lines}"
    );
    let (_, all) = olga.get("/api/v1/audit?limit=500").await;
    assert!(seen(&all).len() > rows.len());
});

both_databases!(join_tokens_of_other_clusters_are_not_there, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let adam = test.member("adam", Role::Admin).await;
    let mut clusters = Vec::new();
    for name in ["web", "db"] {
        let (_, cluster) = olga.post("/api/v1/clusters", json!({"name": name})).await;
        clusters.push(cluster["id"].clone());
    }
    let narrow = template(&olga, "web", json!([]), json!({"clusters": [clusters[0]]})).await;
    assert_eq!(give(&olga, "adam", json!({"templateId": narrow})).await.0, 200);
    let mut tokens = Vec::new();
    for body in [
        json!({"clusterId": clusters[0]}),
        json!({"clusterId": clusters[1]}),
        json!({"clusterId": clusters[0], "environment": "prod"}),
        json!({}),
    ] {
        let (status, token) = olga.post("/api/v1/join-tokens", body).await;
        assert_eq!(status, 201, "{token}");
        tokens.push(token["id"].as_str().unwrap().to_owned());
        test.app.clock.advance(1);
    }
    let ids = async |client: &Client<'_>| -> Vec<String> {
        let (_, page) = client.get("/api/v1/join-tokens").await;
        let items = page["items"].as_array().unwrap().iter();
        items
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(&adam).await, [tokens[2].clone(), tokens[0].clone()]);
    let withdraw = async |id: &str| adam.delete(&format!("/api/v1/join-tokens/{id}")).await.0;
    assert_eq!(
        (withdraw(&tokens[1]).await, withdraw(&tokens[3]).await),
        (404, 404)
    );
    assert_eq!(ids(&olga).await.len(), 4);
    assert_eq!(withdraw(&tokens[0]).await, 204);

    let objects = json!({"objects": {"clusters": [clusters[0]], "environments": ["prod"]}});
    assert_eq!(
        olga.patch(&format!("/api/v1/permission-templates/{narrow}"), objects)
            .await
            .0,
        200
    );
    assert_eq!(ids(&adam).await, [tokens[2].clone()]);
});
