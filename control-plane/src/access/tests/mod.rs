//! The room through its API, on both databases.

use muster_base::sha256;
use serde_json::json;

mod address;
mod administrators;
mod code;
mod cookie;
mod entry;
mod fields;
mod imported;
mod invitation;
mod legacy;
mod mail;
mod matrix;
mod people;
mod permissions;
mod provider;
pub(crate) mod provider_peer;
mod reach;
mod region;
mod revocation;
mod second_factor;
mod standing;
mod strength;
mod third_part;
mod upgrade;

use super::Role;
use crate::testing::both_databases;

both_databases!(signing_in_and_out, |test| {
    let (status, body) = test
        .nobody()
        .post(
            "/api/v1/auth/login",
            json!({"login": "root", "password": "not this one"}),
        )
        .await;
    assert_eq!((status, body["type"].as_str()), (401, Some("unauthenticated")));
    assert_eq!(test.nobody().get("/api/v1/me").await.0, 401);
    assert_eq!(test.with_token("eyJx").get("/api/v1/me").await.0, 401);

    let admin = test.admin().await;
    let (status, me) = admin.get("/api/v1/me").await;
    assert_eq!(status, 200);
    assert_eq!(me["user"]["superAdmin"], true);
    assert_eq!(me["orgs"][0]["slug"], "default");

    assert_eq!(admin.post("/api/v1/auth/logout", json!({})).await.0, 204);
    assert_eq!(
        admin.get("/api/v1/me").await.0,
        401,
        "an access token ends with its session"
    );
});

both_databases!(
    a_refresh_token_works_once_and_its_reuse_ends_the_session,
    |test| {
        let body = json!({"login": "root", "password": "a password for tests"});
        let (_, signed_in) = test.nobody().post("/api/v1/auth/login", body).await;
        let old = json!({"refreshToken": signed_in["refreshToken"]});
        let (status, renewed) = test.nobody().post("/api/v1/auth/refresh", old.clone()).await;
        assert_eq!(status, 200);
        let client = test.with_token(renewed["accessToken"].as_str().unwrap());
        assert_eq!(client.get("/api/v1/me").await.0, 200);

        assert_eq!(test.nobody().post("/api/v1/auth/refresh", old).await.0, 401);
        assert_eq!(
            client.get("/api/v1/me").await.0,
            401,
            "the thief's reuse ends the session for both"
        );
        let next = json!({"refreshToken": renewed["refreshToken"]});
        assert_eq!(test.nobody().post("/api/v1/auth/refresh", next).await.0, 401);
    }
);

both_databases!(any_token_that_was_exchanged_ends_its_session, |test| {
    let body = json!({"login": "root", "password": "a password for tests"});
    let refresh = async |token: &serde_json::Value| {
        let body = json!({"refreshToken": token});
        test.nobody().post("/api/v1/auth/refresh", body).await
    };
    let (_, signed_in) = test.nobody().post("/api/v1/auth/login", body.clone()).await;
    let stolen = signed_in["refreshToken"].clone();
    // The thief is first, and goes on.
    let mut thief = signed_in.clone();
    for _ in 0..3 {
        let (status, next) = refresh(&thief["refreshToken"]).await;
        assert_eq!(status, 200, "{next}");
        thief = next;
    }
    let client = test.with_token(thief["accessToken"].as_str().unwrap());
    assert_eq!(client.get("/api/v1/me").await.0, 200);
    // What only looks like one of its tokens ends nothing.
    let (named, _) = stolen.as_str().unwrap().rsplit_once('.').unwrap();
    assert_eq!(
        refresh(&json!(format!("{named}.{}", "0".repeat(32)))).await.0,
        401
    );
    assert_eq!(client.get("/api/v1/me").await.0, 200);

    assert_eq!(refresh(&stolen).await.0, 401);
    assert_eq!(client.get("/api/v1/me").await.0, 401, "the robbed ends it");
    assert_eq!(refresh(&thief["refreshToken"]).await.0, 401);
    let (_, log) = test
        .admin()
        .await
        .get("/api/v1/audit?scope=platform&operation=auth:refresh")
        .await;
    let rows = log["items"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[0]["outcome"]), (1, &json!("refused")), "{log}");
});

both_databases!(a_token_of_before_tokens_named_sessions_still_counts, |test| {
    let (_, signed_in) = test
        .nobody()
        .post(
            "/api/v1/auth/login",
            json!({"login": "root", "password": "a password for tests"}),
        )
        .await;
    let hash = sha256(signed_in["refreshToken"].as_str().unwrap().as_bytes()).0;
    let of_before = "mrt_of-before";
    super::store::session::for_tests_set_hash(&test.app.db, &hash, &sha256(of_before.as_bytes()).0).await;
    let refresh = async |token: &serde_json::Value| {
        let body = json!({"refreshToken": token});
        test.nobody().post("/api/v1/auth/refresh", body).await
    };
    let (status, first) = refresh(&json!(of_before)).await;
    assert_eq!(status, 200, "{first}");
    let (status, second) = refresh(&first["refreshToken"]).await;
    assert_eq!(status, 200, "{second}");
    assert_eq!(refresh(&json!(of_before)).await.0, 401);
    assert_eq!(
        refresh(&second["refreshToken"]).await.0,
        401,
        "it is known for as long as the session"
    );
});

both_databases!(people_see_only_their_own_orgs, |test| {
    let ann = test.member("ann", Role::Admin).await;
    let stranger = test.stranger("acme").await;
    assert_eq!(ann.get("/api/v1/org").await.1["slug"], "default");
    assert_eq!(stranger.get("/api/v1/org").await.1["slug"], "acme");
    let (status, _) = test
        .sign_in("owner-of-acme", "a password for tests")
        .await
        .in_org("default")
        .get("/api/v1/org")
        .await;
    assert_eq!(status, 404);
    let (_, homeless) = test.user("nomad").await;
    assert_eq!(homeless.get("/api/v1/org").await.0, 403);
    assert_eq!(homeless.get("/api/v1/me").await.0, 200);
    assert_eq!(
        ann.get("/api/v1/users").await.0,
        403,
        "all users are for the super administrator"
    );
});

both_databases!(a_role_counts_from_the_next_request_on, |test| {
    let owner = test.member("olga", Role::Owner).await;
    let ann = test.member("ann", Role::Admin).await;
    let rename = json!({"name": "Renamed"});
    assert_eq!(ann.patch("/api/v1/org", rename.clone()).await.0, 200);

    let (_, members) = owner.get("/api/v1/members").await;
    let id = |name: &str| {
        let of = |m: &&serde_json::Value| m["username"] == name;
        members["items"].as_array().unwrap().iter().find(of).unwrap()["userId"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let path = format!("/api/v1/members/{}", id("ann"));
    assert_eq!(owner.patch(&path, json!({"role": "VIEWER"})).await.0, 200);
    assert_eq!(ann.patch("/api/v1/org", rename).await.0, 403);

    let (_, rows) = owner.get("/api/v1/audit").await;
    assert_eq!(rows["items"][0]["outcome"], "refused");
    assert_eq!(rows["items"][0]["actorName"], "ann");
    assert_eq!(owner.get("/api/v1/audit/verify").await.1["intact"], true);
});

both_databases!(an_org_has_exactly_one_owner, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let ann = test.member("ann", Role::Admin).await;
    let (status, body) = test
        .admin()
        .await
        .post("/api/v1/members", json!({"username": "ann", "role": "ADMIN"}))
        .await;
    assert_eq!(status, 422, "{body}");
    let (_, second) = test.user("zoe").await;
    assert_eq!(second.get("/api/v1/me").await.0, 200);
    let (status, body) = test
        .admin()
        .await
        .post("/api/v1/members", json!({"username": "zoe", "role": "OWNER"}))
        .await;
    assert_eq!((status, body["type"].as_str()), (409, Some("second-owner")));

    let (_, members) = olga.get("/api/v1/members").await;
    let path_of = |name: &str| {
        let member = members["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|m| m["username"] == name)
            .unwrap();
        format!("/api/v1/members/{}", member["userId"].as_str().unwrap())
    };
    assert_eq!(
        olga.delete(&path_of("olga")).await.0,
        409,
        "the owner can't leave"
    );
    assert_eq!(
        olga.patch(&path_of("olga"), json!({"role": "ADMIN"})).await.0,
        409
    );
    assert_eq!(
        ann.patch(&path_of("ann"), json!({"role": "OWNER"})).await.0,
        403,
        "above her own role"
    );

    assert_eq!(olga.patch(&path_of("ann"), json!({"role": "OWNER"})).await.0, 200);
    let (_, members) = ann.get("/api/v1/members").await;
    let owners = members["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|m| m["role"] == "OWNER")
        .count();
    assert_eq!(owners, 1);
    assert_eq!(olga.delete(&path_of("olga")).await.0, 204, "she may leave now");
});

both_databases!(an_api_key_does_what_its_kind_and_its_person_may, |test| {
    let ann = test.member("ann", Role::Admin).await;
    let make = async |kind: &str| {
        let (status, key) = ann
            .post("/api/v1/api-keys", json!({"name": kind, "kind": kind}))
            .await;
        assert_eq!(status, 201, "{key}");
        (
            key["id"].as_str().unwrap().to_owned(),
            key["key"].as_str().unwrap().to_owned(),
        )
    };
    let ((_, full), (id, readonly)) = (make("full").await, make("readonly").await);
    assert!(full.starts_with("dw_"));
    assert_eq!(
        test.with_token(&full)
            .patch("/api/v1/org", json!({"name": "By key"}))
            .await
            .0,
        200
    );
    assert_eq!(test.with_token(&readonly).get("/api/v1/org").await.0, 200);
    assert_eq!(
        test.with_token(&readonly)
            .patch("/api/v1/org", json!({"name": "No"}))
            .await
            .0,
        403
    );
    assert_eq!(
        test.with_token(&full)
            .post("/api/v1/api-keys", json!({"name": "x", "kind": "full"}))
            .await
            .0,
        403
    );

    assert_eq!(ann.delete(&format!("/api/v1/api-keys/{id}")).await.0, 204);
    assert_eq!(test.with_token(&readonly).get("/api/v1/org").await.0, 401);
    let (_, list) = ann.get("/api/v1/api-keys").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert!(!list.to_string().contains(&full), "a key is shown once");
});

both_databases!(a_disabled_user_is_out_at_once, |test| {
    let (id, ann) = test.user("ann").await;
    assert_eq!(ann.get("/api/v1/me").await.0, 200);
    let (status, _) = test
        .admin()
        .await
        .patch(&format!("/api/v1/users/{id}"), json!({"status": "disabled"}))
        .await;
    assert_eq!(status, 200);
    assert_eq!(ann.get("/api/v1/me").await.0, 401);
    let again = json!({"login": "ann", "password": "a password for tests"});
    assert_eq!(test.nobody().post("/api/v1/auth/login", again).await.0, 401);
});

both_databases!(wrong_input_says_what_to_do, |test| {
    let admin = test.admin().await;
    let (status, body) = admin
        .post(
            "/api/v1/users",
            json!({"username": "x y", "password": "long enough for it"}),
        )
        .await;
    assert_eq!(
        (status, body["errors"][0]["field"].as_str()),
        (422, Some("username"))
    );
    let (status, body) = admin
        .post(
            "/api/v1/users",
            json!({"username": "bob", "password": "long enough", "x": 1}),
        )
        .await;
    assert_eq!(status, 422, "unknown fields are refused: {body}");
    for name in ["13800000000", "u0123456789"] {
        let body = json!({"username": name, "password": "long enough for it"});
        assert_eq!(
            admin.post("/api/v1/users", body).await.0,
            422,
            "{name} is not a name"
        );
    }
    test.user("bob").await;
    let (status, body) = admin
        .post(
            "/api/v1/users",
            json!({"username": "bob", "password": "long enough for it"}),
        )
        .await;
    assert_eq!((status, body["type"].as_str()), (409, Some("taken")));
    assert_eq!(admin.get("/api/v1/nothing").await.0, 404);
    assert_eq!(admin.delete("/api/v1/me").await.0, 405);
});
