//! Ways into an org that a person takes by themselves, on both databases.

use axum::http::Method;
use serde_json::json;

use crate::{access::Role, testing::both_databases};

both_databases!(a_request_is_taken_back_by_whom_it_is, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let (_, nora) = test.user("nora").await;
    let (_, paul) = test.user("paul").await;
    let (_, setting) = olga
        .call(Method::PUT, "/api/v1/org/entry", Some(json!({"fields": []})))
        .await;
    let wish = json!({"code": setting["code"]});
    let (status, applied) = nora.post("/api/v1/join-requests", wish.clone()).await;
    assert_eq!(status, 202);
    let own = format!("/api/v1/me/join-requests/{}", applied["orgId"].as_str().unwrap());
    assert_eq!(paul.delete(&own).await.0, 404, "it is nora's");
    assert_eq!(nora.delete(&own).await.0, 204);
    assert_eq!(nora.delete(&own).await.0, 404);
    assert_eq!(olga.get("/api/v1/join-requests").await.1["items"], json!([]));
    test.app.clock.advance(10);
    assert_eq!(
        nora.post("/api/v1/join-requests", wish).await.0,
        202,
        "and may ask again"
    );
});

both_databases!(users_make_orgs_where_their_platform_lets_them, |test| {
    let (_, nora) = test.user("nora").await;
    let admin = test.admin().await;
    let (_, platforms) = admin.get("/api/v1/platforms").await;
    let platform = format!(
        "/api/v1/platforms/{}",
        platforms["items"][0]["id"].as_str().unwrap()
    );
    let make = async |slug: &str| {
        let body = json!({"name": format!("Team {slug}"), "slug": slug});
        nora.post("/api/v1/me/orgs", body).await
    };
    assert_eq!(make("first").await.0, 403, "not before it is allowed");
    assert_eq!(nora.get("/api/v1/me").await.1["makesOrgs"], false);
    let (status, patched) = admin.patch(&platform, json!({"orgsByUsers": true})).await;
    assert_eq!((status, &patched["orgsByUsers"]), (200, &json!(true)));
    assert_eq!(nora.get("/api/v1/me").await.1["makesOrgs"], true);
    let (status, org) = make("first").await;
    assert_eq!(status, 201, "{org}");
    let (_, me) = nora.get("/api/v1/me").await;
    assert_eq!(
        (&me["orgs"][0]["id"], &me["orgs"][0]["role"]),
        (&org["id"], &json!("OWNER"))
    );
    assert_eq!(
        nora.get("/api/v1/environments").await.1["items"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    assert_eq!(make("first").await.0, 409, "a short name is one org's");
    assert_eq!(make("Not a slug").await.0, 422);
    for n in 1..10 {
        assert_eq!(make(&format!("more-{n}")).await.0, 201);
    }
    let (status, enough) = make("too-many").await;
    assert_eq!((status, &enough["type"]), (409, &json!("enough-orgs")));
    assert_eq!(admin.patch(&platform, json!({"orgsByUsers": false})).await.0, 200);
    assert_eq!(make("late").await.0, 403);
    assert_eq!(
        admin.get("/api/v1/me").await.1["makesOrgs"],
        false,
        "a manager's way is another"
    );
});
