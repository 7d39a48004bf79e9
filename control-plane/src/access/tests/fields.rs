//! Fields of people and orgs that those who administer them set and see, and what managers change of orgs.

use serde_json::json;

use crate::{access::Role, testing::both_databases};

const PASSWORD: &str = "a password for tests";
const PIXEL: &str = "data:image/png;base64,iVBORw0KGgo=";

both_databases!(a_manager_sets_all_of_a_user_and_renames_them, |test| {
    let admin = test.admin().await;
    let body = json!({"username": "nora", "password": PASSWORD, "gender": 2, "birthday": "1999-12-31",
        "portrait": PIXEL});
    let (status, nora) = admin.post("/api/v1/users", body).await;
    assert_eq!(status, 201, "{nora}");
    assert_eq!(
        (&nora["gender"], &nora["birthday"], &nora["portrait"]),
        (&json!(2), &json!("1999-12-31"), &json!(PIXEL))
    );
    let (_, vera) = test.user("vera").await;
    let signed_in = test.sign_in("nora", PASSWORD).await;

    let path = format!("/api/v1/users/{}", nora["id"].as_str().unwrap());
    let wrong = [
        (json!({"username": "vera"}), 409),
        (json!({"username": "root"}), 409),
        (json!({"username": "a b"}), 422),
        (json!({"username": "12345"}), 422),
        (json!({"gender": 4}), 422),
        (json!({"birthday": "2001-02-29"}), 422),
        (json!({"portrait": "http://example.com/a.png"}), 422),
    ];
    for (body, expected) in wrong {
        let (status, answer) = admin.patch(&path, body.clone()).await;
        assert_eq!(status, expected, "{body}: {answer}");
    }
    let body =
        json!({"username": "norah", "gender": 3, "birthday": "", "portrait": "https://example.com/a.png"});
    let (status, norah) = admin.patch(&path, body).await;
    assert_eq!((status, &norah["username"]), (200, &json!("norah")), "{norah}");
    assert_eq!(
        (&norah["gender"], &norah["birthday"], &norah["portrait"]),
        (&json!(3), &json!(null), &json!("https://example.com/a.png"))
    );
    let (_, me) = signed_in.get("/api/v1/me").await;
    assert_eq!(
        me["user"]["username"], "norah",
        "whoever is signed in stays so: {me}"
    );
    let login = json!({"login": "nora", "password": PASSWORD});
    assert_eq!(test.nobody().post("/api/v1/auth/login", login).await.0, 401);
    test.sign_in("norah", PASSWORD).await;
    assert_eq!(vera.patch(&path, json!({"username": "mine"})).await.0, 403);
});

both_databases!(orgs_bindings_and_messages_say_whose_they_are, |test| {
    let admin = test.admin().await;
    let (id, olga) = test.user("olga").await;
    let body = json!({"name": "Acme", "slug": "acme", "ownerId": id, "alias": "A", "logo": PIXEL,
        "contact": "Olga", "mobile": "13800000000"});
    let (status, acme) = admin.post("/api/v1/orgs", body).await;
    assert_eq!(status, 201, "{acme}");
    let olga = olga.in_org("acme");
    let (_, org) = olga.get("/api/v1/org").await;
    for field in ["alias", "logo", "contact", "mobile", "platformId"] {
        assert!(
            !org[field].is_null() && org[field] == acme[field],
            "{field}: {org}"
        );
    }
    assert_eq!((&org["alias"], &org["logo"]), (&json!("A"), &json!(PIXEL)));

    let body = json!({"email": "olga@example.com", "password": PASSWORD});
    assert_eq!(olga.patch("/api/v1/me/profile", body).await.0, 200);
    let (_, bindings) = olga.get("/api/v1/me/bindings").await;
    assert_eq!(bindings["items"][0]["userId"], json!(id), "{bindings}");

    // The short name is free to change, and free for nobody else while it is there.
    assert_eq!(
        olga.patch("/api/v1/org", json!({"slug": "default"})).await.1["errors"][0]["field"],
        "slug"
    );
    assert_eq!(olga.patch("/api/v1/org", json!({"slug": "Not One"})).await.0, 422);
    let (status, moved) = olga.patch("/api/v1/org", json!({"slug": "acme-2"})).await;
    assert_eq!((status, &moved["slug"]), (200, &json!("acme-2")), "{moved}");
    assert_eq!(olga.get("/api/v1/org").await.0, 404, "the old one names no org");
    assert_eq!(olga.in_org("acme-2").get("/api/v1/org").await.0, 200);
});

both_databases!(managers_change_the_orgs_of_their_platform, |test| {
    let admin = test.admin().await;
    let olga = test.member("olga", Role::Owner).await;
    let (_, org) = olga.get("/api/v1/org").await;
    let path = format!("/api/v1/orgs/{}", org["id"].as_str().unwrap());
    let body = json!({"code": "other", "name": "Other"});
    let (_, other) = admin.post("/api/v1/platforms", body).await;
    let mut administrators = Vec::new();
    for (name, kind, platform) in [
        ("mary", "manager", &org["platformId"]),
        ("otto", "operator", &org["platformId"]),
        ("theo", "manager", &other["id"]),
    ] {
        let (id, client) = test.user(name).await;
        let body = json!({"userId": id, "platformId": platform, "kind": kind});
        assert_eq!(admin.post("/api/v1/administrators", body).await.0, 201);
        administrators.push(client);
    }
    let [mary, otto, theo] = &administrators[..] else {
        panic!("three of them");
    };

    let (_, listed) = mary.get("/api/v1/orgs").await;
    assert_eq!(listed["items"][0]["owner"], "olga", "{listed}");
    assert_eq!(otto.get(&path).await.1["name"], "Default");
    assert_eq!(theo.get(&path).await.0, 404);

    let change = json!({"alias": "D", "contact": "Mary"});
    assert_eq!(otto.patch(&path, change.clone()).await.0, 403);
    assert_eq!(theo.patch(&path, change.clone()).await.0, 404);
    assert_eq!(olga.patch(&path, change.clone()).await.0, 403, "hers is /org");
    let (status, changed) = mary.patch(&path, change).await;
    assert_eq!((status, &changed["contact"]), (200, &json!("Mary")), "{changed}");
    assert_eq!(mary.get("/api/v1/hosts").await.0, 403, "nobody is let in by it");

    let (_, inbox) = olga.get("/api/v1/messages").await;
    assert_eq!(
        inbox["items"][0]["code"], "orgChanged",
        "members hear of it: {inbox}"
    );
    let (_, members) = olga.get("/api/v1/members").await;
    assert_eq!(
        inbox["items"][0]["owner"], members["items"][0]["userId"],
        "{inbox}"
    );
    let (_, log) = olga.get("/api/v1/audit?operation=org:write").await;
    assert_eq!(log["items"][0]["actorName"], "mary", "{log}");
});
