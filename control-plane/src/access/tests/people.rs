//! Orgs, members, joining, messages and departments through their calls, on both databases.

use axum::http::Method;
use serde_json::{Value, json};

use crate::{
    access::Role,
    db::DbError,
    delivery::tests::new_host,
    in_tx,
    testing::{Client, Test, both_databases},
    with_tx,
};

const PASSWORD: &str = "a password for tests";

async fn id_of(client: &Client<'_>, username: &str) -> String {
    let (_, members) = client.get("/api/v1/members").await;
    let of = |member: &&Value| member["username"] == username;
    let found = members["items"].as_array().unwrap().iter().find(of);
    found.unwrap()["userId"].as_str().unwrap().to_owned()
}

async fn contents(client: &Client<'_>) -> Vec<(i64, String)> {
    let (_, page) = client.get("/api/v1/messages").await;
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|item| {
            let content = item["content"].as_str().unwrap().to_owned();
            (item["subMode"].as_i64().unwrap(), content)
        })
        .collect()
}

both_databases!(one_joins_by_code_is_rejected_corrects_and_is_let_in, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let (id, nora) = test.user("nora").await;
    let set = async |fields: Value| {
        let (status, setting) = olga
            .call(Method::PUT, "/api/v1/org/entry", Some(json!({"fields": fields})))
            .await;
        assert_eq!(status, 200, "{setting}");
        setting["code"].as_str().unwrap().to_owned()
    };
    let first = set(json!(["email"])).await;
    assert_eq!(first.len(), 7);
    assert_eq!(
        set(json!(["email"])).await,
        first,
        "the same fields keep the code"
    );
    let code = set(json!(["email", "mobile"])).await;
    assert_ne!(code, first, "other fields make a new one");

    let apply = async |code: &str| {
        test.app.clock.advance(10);
        nora.post("/api/v1/join-requests", json!({"code": code})).await
    };
    assert_eq!(apply(&first).await.0, 422, "the old code is worth nothing");
    let (status, body) = apply(&code).await;
    assert_eq!((status, body["type"].as_str()), (409, Some("profile-incomplete")));
    let profile = json!({"email": "nora@example.com", "mobile": "13800000000", "password": PASSWORD});
    assert_eq!(nora.patch("/api/v1/me/profile", profile).await.0, 200);
    assert_eq!(apply(&code).await.0, 202);
    assert_eq!(nora.get("/api/v1/hosts").await.0, 403, "a request lets nobody in");

    assert_eq!(olga.get("/api/v1/messages/unread").await.1["unread"], 1);
    assert_eq!(
        contents(&olga).await,
        [(0, "nora wants to join Default".to_owned())]
    );
    let (_, page) = olga.get("/api/v1/messages").await;
    assert_eq!(
        (&page["items"][0]["code"], &page["items"][0]["params"]),
        (&json!("wantsToJoin"), &json!({"name": "nora", "org": "Default"}))
    );
    let own = async || nora.get("/api/v1/me/join-requests").await.1["items"][0].clone();
    let pending = own().await;
    assert_eq!(
        (&pending["orgName"], &pending["status"], &pending["reason"]),
        (&json!("Default"), &json!(0), &json!(""))
    );
    let (_, requests) = olga.get("/api/v1/join-requests").await;
    assert_eq!(requests["items"][0]["status"], 0);
    let reject = format!("/api/v1/join-requests/{id}/reject");
    assert_eq!(olga.post(&reject, json!({"reason": "which team?"})).await.0, 204);
    assert_eq!(olga.post(&reject, json!({"reason": "again"})).await.0, 404);
    assert_eq!(
        contents(&nora).await,
        [(1, "Default did not let you in: which team?".to_owned())]
    );
    let rejected = own().await;
    assert_eq!(
        (&rejected["status"], &rejected["reason"]),
        (&json!(-1), &json!("which team?"))
    );

    assert_eq!(apply(&code).await.0, 202);
    assert_eq!(
        own().await["reason"],
        "",
        "what was said of the first wish is not said of the second"
    );
    test.app.clock.advance(10);
    let approve = format!("/api/v1/join-requests/{id}/approve");
    assert_eq!(olga.post(&approve, json!({"role": "VIEWER"})).await.0, 204);
    assert_eq!(
        contents(&nora).await[0],
        (2, "you are a member of Default now".to_owned())
    );
    assert_eq!(nora.get("/api/v1/hosts").await.0, 200);
    assert_eq!(apply(&code).await.0, 422, "a member can't apply");
    assert_eq!(own().await, Value::Null, "who is in waits no more");
    let withdraw = format!("/api/v1/me/join-requests/{}", pending["orgId"].as_str().unwrap());
    assert_eq!(nora.delete(&withdraw).await.0, 404, "nobody leaves by that");
    assert_eq!(nora.get("/api/v1/hosts").await.0, 200);
    assert_eq!(nora.post("/api/v1/messages/read", json!({})).await.0, 204);
    assert_eq!(nora.get("/api/v1/messages/unread").await.1["unread"], 0);
});

both_databases!(an_invitation_works_once_and_for_its_address, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let (_, nora) = test.user("nora").await;
    let (_, paul) = test.user("paul").await;
    let invite = async |body: Value| {
        let (status, made) = olga.post("/api/v1/invitations", body).await;
        assert_eq!(status, 201, "{made}");
        let token = made["link"]
            .as_str()
            .unwrap()
            .rsplit('/')
            .next()
            .unwrap()
            .to_owned();
        (made["id"].as_str().unwrap().to_owned(), token)
    };
    let accept = async |by: &Client<'_>, token: &str| {
        by.post("/api/v1/invitations/accept", json!({"token": token}))
            .await
    };
    let (_, token) = invite(json!({"role": "MEMBER", "email": "Nora@example.com"})).await;
    let look = async |token: &str| {
        let body = json!({"token": token});
        test.nobody().post("/api/v1/invitations/look", body).await
    };
    let (status, view) = look(&token).await;
    assert_eq!(
        (
            status,
            &view["orgName"],
            &view["role"],
            &view["createdBy"],
            &view["platform"]
        ),
        (
            200,
            &json!("Default"),
            &json!("MEMBER"),
            &json!("olga"),
            &json!("default")
        )
    );
    assert_eq!(view["email"], "Nora@example.com");
    assert_eq!(look("inv_made-up").await.0, 404);
    assert_eq!(accept(&paul, &token).await.0, 409, "it is for somebody else");
    assert_eq!(accept(&nora, &token).await.0, 409);
    let profile = json!({"email": "nora@example.com", "password": PASSWORD});
    assert_eq!(nora.patch("/api/v1/me/profile", profile).await.0, 200);
    let (status, body) = accept(&nora, &token).await;
    assert_eq!(
        (status, body["type"].as_str()),
        (409, Some("unverified-address")),
        "anybody can write it down: {body}"
    );
    let mails = test.post.wait_for("nora@example.com", 1).await;
    let proof = json!({"token": super::mail::token(&mails[0].text)});
    assert_eq!(
        test.nobody().post("/api/v1/auth/email/verify", proof).await.0,
        204
    );
    let (status, joined) = accept(&nora, &token).await;
    assert_eq!((status, joined["role"].as_str()), (200, Some("MEMBER")));
    assert_eq!(accept(&nora, &token).await.0, 404, "once");
    assert_eq!(look(&token).await.0, 404, "what was used shows nothing");
    let (_, list) = olga.get("/api/v1/invitations").await;
    assert_eq!(list["items"], json!([]));

    let (id, token) = invite(json!({"role": "VIEWER"})).await;
    assert_eq!(olga.delete(&format!("/api/v1/invitations/{id}")).await.0, 204);
    assert_eq!(accept(&paul, &token).await.0, 404, "revoked");
    let (_, token) = invite(json!({"role": "VIEWER", "expiresInDays": 1})).await;
    test.app.clock.advance(muster_base::UnixMs::DAY);
    let paul = test.sign_in("paul", "a password for tests").await;
    assert_eq!(accept(&paul, &token).await.0, 404, "expired");
    let olga = test.sign_in("olga", "a password for tests").await;
    let owner = json!({"role": "OWNER"});
    assert_eq!(olga.post("/api/v1/invitations", owner).await.0, 409);
});

both_databases!(of_two_transfers_at_once_one_wins_and_one_owner_remains, |test| {
    let olga = test.member("olga", Role::Owner).await;
    test.member("ann", Role::Admin).await;
    test.member("bob", Role::Member).await;
    let ann = format!("/api/v1/members/{}", id_of(&olga, "ann").await);
    let bob = format!("/api/v1/members/{}", id_of(&olga, "bob").await);
    let own = format!("/api/v1/members/{}", id_of(&olga, "olga").await);
    assert_eq!(olga.delete(&own).await.0, 409, "the last owner can't leave");
    let owner = json!({"role": "OWNER"});
    let (first, second) = tokio::join!(olga.patch(&ann, owner.clone()), olga.patch(&bob, owner.clone()));
    let mut statuses = [first.0, second.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403], "{first:?} {second:?}");
    let (_, members) = test.admin().await.get("/api/v1/members").await;
    let owners = members["items"].as_array().unwrap().iter();
    assert_eq!(owners.filter(|member| member["role"] == "OWNER").count(), 1);
    assert_eq!(olga.delete(&own).await.0, 204, "who was the owner may leave");
});

both_databases!(a_changed_profile_tells_the_members_and_names_stay_apart, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let vera = test.member("vera", Role::Viewer).await;
    test.stranger("acme").await;
    let change = json!({"contact": "Vera", "logo": "https://example.com/logo.png"});
    assert_eq!(olga.patch("/api/v1/org", change.clone()).await.0, 200);
    assert_eq!(
        olga.patch("/api/v1/org", change).await.0,
        200,
        "nothing changed: no message"
    );
    assert_eq!(
        contents(&vera).await,
        [(3, "the profile of Default was changed".to_owned())]
    );
    assert_eq!(contents(&olga).await, []);
    let bad = json!({"logo": "javascript:alert(1)"});
    assert_eq!(olga.patch("/api/v1/org", bad).await.0, 422);

    // acme's owner joins Default; acme can't take its name then.
    let add = json!({"username": "owner-of-acme", "role": "VIEWER"});
    assert_eq!(olga.post("/api/v1/members", add).await.0, 201);
    let stranger = test
        .sign_in("owner-of-acme", "a password for tests")
        .await
        .in_org("acme");
    let (status, body) = stranger.patch("/api/v1/org", json!({"name": "Default"})).await;
    assert_eq!((status, body["type"].as_str()), (409, Some("taken")));
});

async fn set_applications(test: &Test, status: i64) {
    let set = async || -> Result<(), DbError> {
        in_tx!(test.app.db, |tx| {
            with_tx!(tx, |conn| {
                sqlx::query("update applications set status = $1")
                    .bind(status)
                    .execute(conn)
                    .await?;
            });
        });
        Ok(())
    };
    set().await.unwrap();
}

both_databases!(an_org_is_deleted_by_its_name_once_it_is_empty, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let ann = test.member("ann", Role::Admin).await;
    let host = new_host(test, "one").await;
    let delete = async |by: &Client<'_>, name: &str| {
        by.call(Method::DELETE, "/api/v1/org", Some(json!({"name": name})))
            .await
    };
    assert_eq!(delete(&ann, "Default").await.0, 403, "the owner's to do");
    assert_eq!(delete(&olga, "default").await.0, 422);
    assert_eq!(delete(&olga, "Default").await.1["type"], "org-in-use");
    assert_eq!(olga.delete(&format!("/api/v1/hosts/{host}")).await.0, 204);
    let shop = json!({"name": "shop", "image": "team/shop"});
    assert_eq!(olga.post("/api/v1/applications", shop).await.0, 201);
    // As after a deployment, wherever that runs now.
    set_applications(test, 4).await;
    assert_eq!(delete(&olga, "Default").await.1["type"], "org-in-use");
    set_applications(test, 1).await;
    assert_eq!(delete(&olga, "Default").await.0, 204);
    assert_eq!(olga.get("/api/v1/org").await.0, 403);
    assert_eq!(olga.get("/api/v1/me").await.1["orgs"], json!([]));
    assert_eq!(test.admin().await.get("/api/v1/me").await.1["orgs"], json!([]));
});

both_databases!(departments_are_a_tree_of_members, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let vera = test.member("vera", Role::Viewer).await;
    let (outside, _) = test.user("nora").await;
    let id = id_of(&olga, "vera").await;
    let make = async |body: Value| olga.post("/api/v1/departments", body).await;
    let (status, top) = make(json!({"name": "IT", "headId": id})).await;
    assert_eq!(status, 201, "{top}");
    let (_, below) = make(json!({"name": "Ops", "parentId": top["id"], "memberIds": [id]})).await;
    assert_eq!(make(json!({"name": "x", "memberIds": [outside]})).await.0, 422);

    let path = format!("/api/v1/departments/{}", top["id"].as_str().unwrap());
    let circle = json!({"name": "IT", "parentId": below["id"]});
    let (status, body) = olga.call(Method::PUT, &path, Some(circle)).await;
    assert_eq!(
        (status, body["errors"][0]["field"].as_str()),
        (422, Some("parentId"))
    );
    assert_eq!(olga.delete(&path).await.1["type"], "has-departments");
    let (_, tree) = vera.get("/api/v1/departments").await;
    assert_eq!(tree["items"].as_array().unwrap().len(), 2);
    assert_eq!(
        vera.post("/api/v1/departments", json!({"name": "x"})).await.0,
        403
    );

    assert_eq!(olga.delete(&format!("/api/v1/members/{id}")).await.0, 204);
    let (_, tree) = olga.get("/api/v1/departments").await;
    let left = tree["items"].as_array().unwrap().iter();
    assert!(left.clone().all(|department| department["headId"].is_null()));
    assert!(
        left.clone()
            .all(|department| department["memberIds"] == json!([]))
    );
});

both_databases!(a_profile_s_values_are_checked_and_unique, |test| {
    let (_, nora) = test.user("nora").await;
    let (_, paul) = test.user("paul").await;
    let good = json!({"email": "n@example.com", "gender": 2, "birthday": "1999-02-28", "nickName": "N",
        "portrait": "data:image/png;base64,AAAA", "password": PASSWORD});
    let (status, profile) = nora.patch("/api/v1/me/profile", good).await;
    assert_eq!(
        (status, &profile["gender"], &profile["birthday"]),
        (200, &json!(2), &json!("1999-02-28"))
    );
    for bad in [
        json!({"gender": 4}),
        json!({"birthday": "1999-02-30"}),
        json!({"email": "nobody"}),
        json!({"portrait": "http://example.com/p.png"}),
        json!({"portrait": format!("data:image/png;base64,{}", "A".repeat(600 << 10))}),
        json!({"nickName": "n".repeat(129)}),
    ] {
        assert_eq!(nora.patch("/api/v1/me/profile", bad.clone()).await.0, 422);
    }
    let (status, body) = paul
        .patch(
            "/api/v1/me/profile",
            json!({"email": "n@example.com", "password": PASSWORD}),
        )
        .await;
    assert_eq!((status, body["type"].as_str()), (409, Some("taken")));
});

both_databases!(
    a_key_for_one_application_does_nothing_else_and_is_rotated,
    |test| {
        let ann = test.member("ann", Role::Admin).await;
        let (_, shop) = ann
            .post(
                "/api/v1/applications",
                json!({"name": "shop", "image": "team/shop"}),
            )
            .await;
        let (_, mail) = ann
            .post(
                "/api/v1/applications",
                json!({"name": "mail", "image": "team/mail"}),
            )
            .await;
        let body = json!({"name": "ci", "kind": "full", "applicationId": shop["id"], "expiresInDays": 2});
        let (status, made) = ann.post("/api/v1/api-keys", body).await;
        assert_eq!(status, 201, "{made}");
        let key = test.with_token(made["key"].as_str().unwrap());
        let path =
            |application: &Value| format!("/api/v1/applications/{}", application["id"].as_str().unwrap());
        assert_eq!(key.get(&path(&shop)).await.0, 200);
        assert_eq!(key.get(&path(&mail)).await.0, 404);
        assert_eq!(
            key.get("/api/v1/applications").await.1["items"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
        assert_eq!(key.get("/api/v1/hosts").await.0, 403);

        let rotate = format!("/api/v1/api-keys/{}/rotate", made["id"].as_str().unwrap());
        assert_eq!(
            test.member("eve", Role::Admin)
                .await
                .post(&rotate, json!({}))
                .await
                .0,
            404,
            "not hers"
        );
        let (status, next) = ann.post(&rotate, json!({"overlapS": 60})).await;
        assert_eq!((status, &next["applicationId"]), (201, &shop["id"]));
        let new = test.with_token(next["key"].as_str().unwrap());
        assert_eq!(
            (key.get(&path(&shop)).await.0, new.get(&path(&shop)).await.0),
            (200, 200)
        );
        test.app.clock.advance(61_000);
        assert_eq!(
            (key.get(&path(&shop)).await.0, new.get(&path(&shop)).await.0),
            (401, 200)
        );
    }
);

both_databases!(
    members_are_found_by_role_status_and_the_beginning_of_a_name,
    |test| {
        let olga = test.member("olga", Role::Owner).await;
        for (name, role) in [
            ("ann_1", Role::Admin),
            ("anna", Role::Viewer),
            ("bob", Role::Viewer),
        ] {
            test.member(name, role).await;
        }
        let found = async |query: &str| {
            let (status, page) = olga.get(&format!("/api/v1/members?{query}")).await;
            assert_eq!(status, 200, "{page}");
            let items = page["items"].as_array().unwrap().iter();
            let mut names: Vec<_> = items
                .map(|item| item["username"].as_str().unwrap().to_owned())
                .collect();
            names.sort();
            names
        };
        assert_eq!(found("role=VIEWER").await, ["anna", "bob"]);
        assert_eq!(found("search=ANN").await, ["ann_1", "anna"]);
        assert_eq!(
            found("search=ann_").await,
            ["ann_1"],
            "no letter means any letter"
        );
        assert_eq!(found("search=ann&role=VIEWER&status=1").await, ["anna"]);
        assert!(found("status=2&role=VIEWER").await.is_empty());
        assert_eq!(olga.get("/api/v1/members?role=KING").await.0, 422);
    }
);
