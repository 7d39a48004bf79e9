//! Ids from the system that people and orgs came from.

use serde_json::json;

use crate::testing::{Client, both_databases};

const PASSWORD: &str = "a password for tests";

both_databases!(old_ids_are_kept_and_taken_where_scripts_use_them, |test| {
    let admin = test.admin().await;
    let user = async |name: &str, old: &str| {
        let body = json!({"username": name, "password": PASSWORD, "legacyId": old});
        admin.post("/api/v1/users", body).await
    };
    let (status, ann) = user("ann", "42").await;
    assert_eq!((status, &ann["legacyId"]), (201, &json!("42")), "{ann}");
    let (status, taken) = user("ben", "42").await;
    assert_eq!(status, 409, "one user of a platform: {taken}");
    assert_eq!(user("ben", "").await.0, 422);
    let (_, found) = admin.get("/api/v1/users?search=42").await;
    assert_eq!(found["items"][0]["username"], "ann");
    let (_, part) = admin.get("/api/v1/users?search=4").await;
    assert_eq!(part["items"], json!([]), "a part of an id names nobody");

    let org = async |slug: &str, old: &str| {
        let body = json!({"name": slug, "slug": slug, "ownerId": ann["id"], "legacyId": old});
        admin.post("/api/v1/orgs", body).await
    };
    let (status, shop) = org("shop", "7:shop").await;
    assert_eq!((status, &shop["legacyId"]), (201, &json!("7:shop")), "{shop}");
    assert_eq!(org("store", "7:shop").await.0, 409);
    assert_eq!(
        org("other", "shop").await.0,
        201,
        "a legacy id may be another's slug"
    );
    let ann = test.sign_in("ann", PASSWORD).await;
    let by = async |client: Client<'_>, name: &str| {
        let (status, org) = client.in_org(name).get("/api/v1/org").await;
        (status, org["slug"].as_str().unwrap_or_default().to_owned())
    };
    for client in [test.sign_in("ann", PASSWORD).await, test.admin().await] {
        assert_eq!(by(client, "7:shop").await, (200, "shop".to_owned()));
    }
    assert_eq!(
        by(test.admin().await, "shop").await.1,
        "shop",
        "a slug comes first"
    );
    let (_, stranger) = test.user("stranger").await;
    assert_eq!(by(stranger, "7:shop").await.0, 404);

    test.user("eve").await;
    let ann = ann.in_org("shop");
    let member = json!({"username": "eve", "role": "VIEWER", "legacyId": "9:shop"});
    let (status, eve) = ann.post("/api/v1/members", member).await;
    assert_eq!((status, &eve["legacyId"]), (201, &json!("9:shop")), "{eve}");
    let (_, found) = ann.get("/api/v1/members?search=9:shop").await;
    assert_eq!(found["items"][0]["username"], "eve");
    let again = json!({"username": "stranger", "role": "VIEWER", "legacyId": "9:shop"});
    assert_eq!(ann.post("/api/v1/members", again).await.0, 409);
});
