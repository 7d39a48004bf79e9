//! Platforms and their administrators through their calls, on both databases.

use axum::http::Method;
use serde_json::{Value, json};

use crate::{
    access::Role,
    testing::{Client, Test, both_databases},
};

const PASSWORD: &str = "a password for tests";

/// Another platform, with its id.
async fn platform(test: &Test, code: &str) -> String {
    let body = json!({"code": code, "name": code});
    let (status, made) = test.admin().await.post("/api/v1/platforms", body).await;
    assert_eq!(status, 201, "{made}");
    made["id"].as_str().unwrap().to_owned()
}

async fn default_platform(test: &Test) -> String {
    let (_, page) = test.admin().await.get("/api/v1/platforms").await;
    let found = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|platform| platform["code"] == "default");
    found.unwrap()["id"].as_str().unwrap().to_owned()
}

async fn administrator<'t>(test: &'t Test, name: &str, platform: &str, kind: &str) -> Client<'t> {
    let (user, client) = test.user(name).await;
    let body = json!({"userId": user, "platformId": platform, "kind": kind});
    let (status, made) = test.admin().await.post("/api/v1/administrators", body).await;
    assert_eq!(status, 201, "{made}");
    client
}

fn names(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["username"].as_str().unwrap())
        .collect()
}

both_databases!(administrators_see_and_change_their_platforms_only, |test| {
    let (home, shop) = (default_platform(test).await, platform(test, "shop").await);
    let mary = administrator(test, "mary", &shop, "manager").await;
    let otto = administrator(test, "otto", &shop, "operator").await;
    let vera = test.member("vera", Role::Owner).await;

    let new =
        |name: &str, platform: &str| json!({"username": name, "password": PASSWORD, "platformId": platform});
    let (status, nora) = mary.post("/api/v1/users", new("nora", &shop)).await;
    assert_eq!((status, nora["registeredBy"].as_str()), (201, Some("mary")));
    assert_eq!(
        mary.post("/api/v1/users", new("else", &home)).await.0,
        404,
        "not her platform"
    );
    assert_eq!(
        otto.post("/api/v1/users", new("else", &shop)).await.0,
        403,
        "operators look"
    );
    assert_eq!(vera.post("/api/v1/users", new("else", &shop)).await.0, 403);

    for client in [&mary, &otto] {
        assert_eq!(names(&client.get("/api/v1/users").await.1), ["nora"]);
        assert_eq!(
            client.get("/api/v1/platforms").await.1["items"][0]["code"],
            "shop"
        );
        assert_eq!(
            client.get(&format!("/api/v1/users?platformId={home}")).await.0,
            404
        );
    }
    assert_eq!(vera.get("/api/v1/platforms").await.0, 403);
    let path = format!("/api/v1/users/{}", nora["id"].as_str().unwrap());
    assert_eq!(otto.patch(&path, json!({"nickName": "N"})).await.0, 403);
    assert_eq!(mary.patch(&path, json!({"nickName": "N"})).await.0, 200);
    let (_, everybody) = test.admin().await.get("/api/v1/users").await;
    let own = everybody["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|user| user["username"] == "mary")
        .unwrap();
    let path = format!("/api/v1/users/{}", own["id"].as_str().unwrap());
    assert_eq!(mary.get(&path).await.0, 404, "she herself is of another platform");

    let body = json!({"name": "Shop", "slug": "shop", "ownerId": nora["id"]});
    assert_eq!(otto.post("/api/v1/orgs", body.clone()).await.0, 403);
    assert_eq!(mary.post("/api/v1/orgs", body).await.0, 201);
    assert_eq!(mary.get("/api/v1/orgs").await.1["items"][0]["slug"], "shop");
    assert_eq!(
        mary.get("/api/v1/hosts").await.0,
        403,
        "administering lets nobody into an org"
    );
    let in_org = mary.in_org("shop");
    assert_eq!(in_org.get("/api/v1/hosts").await.0, 404);
});

both_databases!(a_manager_adds_operators_and_no_managers, |test| {
    let (home, shop) = (default_platform(test).await, platform(test, "shop").await);
    let mary = administrator(test, "mary", &shop, "manager").await;
    let (nora, _) = test.user("nora").await;
    let add = async |platform: &str, kind: &str| {
        let body = json!({"userId": nora, "platformId": platform, "kind": kind});
        mary.post("/api/v1/administrators", body).await.0
    };
    assert_eq!(add(&shop, "manager").await, 403);
    assert_eq!(add(&home, "operator").await, 404);
    assert_eq!(add(&shop, "operator").await, 201);
    assert_eq!(names(&mary.get("/api/v1/administrators").await.1).len(), 2);
    let admin = test.admin().await;
    let body = json!({"userId": nora, "platformId": shop, "kind": "manager"});
    assert_eq!(admin.post("/api/v1/administrators", body).await.0, 201);
    assert_eq!(
        add(&shop, "operator").await,
        403,
        "nor lowers she another manager"
    );
    let path = format!("/api/v1/administrators/{nora}/platforms/{shop}");
    assert_eq!(mary.delete(&path).await.0, 403);
    assert_eq!(admin.delete(&path).await.0, 204);
    assert_eq!(admin.delete(&path).await.0, 404);
});

both_databases!(a_manager_takes_over_nobody_who_administers_more, |test| {
    let (home, shop) = (default_platform(test).await, platform(test, "shop").await);
    let mary = administrator(test, "mary", &home, "manager").await;
    administrator(test, "max", &home, "manager").await;
    administrator(test, "otto", &home, "operator").await;
    administrator(test, "odo", &shop, "operator").await;
    let (_, users) = mary.get("/api/v1/users").await;
    let change = async |name: &str| {
        let of = |user: &&Value| user["username"] == name;
        let found = users["items"].as_array().unwrap().iter().find(of).unwrap();
        let path = format!("/api/v1/users/{}", found["id"].as_str().unwrap());
        let body = json!({"password": "a password of another's choice"});
        mary.patch(&path, body).await.0
    };
    assert_eq!(change("otto").await, 200, "an operator of what she manages");
    assert_eq!(change("max").await, 403, "another manager");
    assert_eq!(change("odo").await, 403, "an administrator of another platform");
    assert_eq!(change("mary").await, 403, "her own changes by what she knows");
});

both_databases!(registering_needs_a_platform_and_one_of_its_managers, |test| {
    let shop = platform(test, "shop").await;
    administrator(test, "mary", &shop, "manager").await;
    administrator(test, "otto", &shop, "operator").await;
    let register = async |platform: &str, administrator: &str| {
        let (_, users) = test.admin().await.get("/api/v1/users").await;
        let account = users["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|user| user["username"] == administrator);
        let account = account.map_or("u0000000000", |user| user["account"].as_str().unwrap());
        let body =
            json!({"platform": platform, "administrator": account, "username": "nora", "password": PASSWORD});
        test.nobody().post("/api/v1/auth/register", body).await
    };
    let (status, refusal) = register("shop", "otto").await;
    assert_eq!(status, 422, "an operator can't vouch: {refusal}");
    assert_eq!(
        register("nowhere", "mary").await,
        (422, refusal.clone()),
        "the same words for either"
    );
    assert_eq!(register("default", "mary").await.0, 422);
    let (status, nora) = register("shop", "mary").await;
    assert_eq!((status, &nora["platformId"]), (201, &json!(shop)));
    let login = json!({"login": "nora", "password": PASSWORD, "platform": "shop"});
    assert_eq!(test.nobody().post("/api/v1/auth/login", login).await.0, 200);
    let login = json!({"login": "nora", "password": PASSWORD});
    assert_eq!(
        test.nobody().post("/api/v1/auth/login", login).await.0,
        401,
        "another platform"
    );
});

both_databases!(a_disabled_platform_s_people_are_out_at_once, |test| {
    let vera = test.member("vera", Role::Owner).await;
    let (_, key) = vera
        .post("/api/v1/api-keys", json!({"name": "k", "kind": "full"}))
        .await;
    let key = test.with_token(key["key"].as_str().unwrap());
    let path = format!("/api/v1/platforms/{}", default_platform(test).await);
    let admin = test.admin().await;
    assert_eq!(admin.patch(&path, json!({"status": "disabled"})).await.0, 200);
    assert_eq!(
        (vera.get("/api/v1/me").await.0, key.get("/api/v1/org").await.0),
        (401, 401)
    );
    let login = json!({"login": "vera", "password": PASSWORD});
    assert_eq!(test.nobody().post("/api/v1/auth/login", login).await.0, 401);
    assert_eq!(admin.patch(&path, json!({"status": "active"})).await.0, 200);
    assert_eq!(vera.get("/api/v1/me").await.0, 200);
});

both_databases!(a_platform_s_own_operations_are_given_and_answered_for, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let vera = test.member("vera", Role::Viewer).await;
    let platform = format!("/api/v1/platforms/{}", default_platform(test).await);
    let admin = test.admin().await;
    let (status, module) = admin
        .post(&format!("{platform}/modules"), json!({"name": "CRM"}))
        .await;
    assert_eq!(status, 201, "{module}");
    let operation = |code: &str| json!({"moduleId": module["id"], "code": code, "name": code});
    let path = format!("{platform}/operations");
    assert_eq!(
        admin.post(&path, operation("host:read")).await.0,
        409,
        "built-in ones can't be changed"
    );
    assert_eq!(admin.post(&path, operation("crm")).await.0, 422);
    let (status, made) = admin.post(&path, operation("crm:read")).await;
    assert_eq!(status, 201, "{made}");
    let role = json!({"code": "sales", "name": "Sales", "operations": ["crm:read"]});
    let (status, role) = admin.post(&format!("{platform}/roles"), role).await;
    assert_eq!(status, 201, "{role}");
    assert_eq!(
        olga.get("/api/v1/operations").await.1["own"][0]["operations"][0]["code"],
        "crm:read"
    );

    let check = async |by: &Client<'_>| {
        by.post("/api/v1/me/permissions/check", json!({"operation": "crm:read"}))
            .await
            .1["allowed"]
            .clone()
    };
    assert_eq!(
        (check(&vera).await, check(&olga).await),
        (json!(false), json!(true))
    );
    let (_, members) = olga.get("/api/v1/members").await;
    let id = members["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|m| m["username"] == "vera")
        .unwrap();
    let path_of = format!("/api/v1/members/{}/permissions", id["userId"].as_str().unwrap());
    let body = json!({"roleId": role["id"]});
    assert_eq!(olga.call(Method::PUT, &path_of, Some(body)).await.0, 200);
    assert_eq!(check(&vera).await, json!(true));
    assert_eq!(
        vera.get("/api/v1/me/permissions").await.1["operations"]
            .as_array()
            .unwrap()
            .last()
            .unwrap(),
        "crm:read"
    );

    let operation = format!("{path}/{}", made["id"].as_str().unwrap());
    assert_eq!(admin.delete(&operation).await.1["type"], "in-use");
    let of_module = format!("{platform}/modules/{}", module["id"].as_str().unwrap());
    assert_eq!(admin.delete(&of_module).await.1["type"], "in-use");

    // A changed role counts at once.
    let of_role = format!("{platform}/roles/{}", role["id"].as_str().unwrap());
    let (status, less) = admin
        .patch(&of_role, json!({"name": "Nothing", "operations": []}))
        .await;
    assert_eq!((status, &less["code"]), (200, &json!("sales")), "{less}");
    assert_eq!(check(&vera).await, json!(false));
    assert_eq!(
        admin.patch(&of_role, json!({"operations": ["no:such"]})).await.0,
        422
    );
    assert_eq!(olga.patch(&of_role, json!({"operations": []})).await.0, 403);

    let renamed = json!({"name": "Customers"});
    assert_eq!(
        admin.patch(&of_module, renamed.clone()).await.1["name"],
        "Customers"
    );
    let (_, other) = admin
        .post(&format!("{platform}/modules"), json!({"name": "Other"}))
        .await;
    let of_other = format!("{platform}/modules/{}", other["id"].as_str().unwrap());
    assert_eq!(admin.patch(&of_other, renamed).await.0, 409);
    let moved = json!({"name": "Read", "moduleId": other["id"]});
    let (status, moved) = admin.patch(&operation, moved).await;
    assert_eq!((status, &moved["code"]), (200, &json!("crm:read")), "{moved}");
    let nowhere = json!({"moduleId": "0199c0de-0000-7000-8000-000000000000"});
    assert_eq!(admin.patch(&operation, nowhere).await.0, 422);
    assert_eq!(admin.delete(&of_module).await.0, 204);
    assert_eq!(admin.delete(&of_module).await.0, 404);
    assert_eq!(admin.delete(&operation).await.0, 204, "nothing gives it any more");
    assert_eq!(admin.delete(&of_other).await.0, 204);
});

both_databases!(users_are_found_by_all_that_is_known_of_them, |test| {
    let admin = test.admin().await;
    for name in ["anna", "anton", "berta"] {
        test.app.clock.advance(1_000);
        let body = json!({"username": name, "password": PASSWORD, "email": format!("{name}@example.com")});
        assert_eq!(admin.post("/api/v1/users", body).await.0, 201);
    }
    let (_, page) = admin.get("/api/v1/users?search=an").await;
    assert_eq!(names(&page), ["anton", "anna"], "newest first");
    let (_, first) = admin.get("/api/v1/users?search=an&limit=1").await;
    let next = format!(
        "/api/v1/users?search=an&limit=1&cursor={}",
        first["nextCursor"].as_str().unwrap()
    );
    assert_eq!(names(&admin.get(&next).await.1), ["anna"]);
    let at = page["items"][0]["createdAt"].as_str().unwrap();
    let (_, late) = admin.get(&format!("/api/v1/users?registeredFrom={at}")).await;
    assert_eq!(names(&late), ["berta", "anton"]);
    assert_eq!(
        names(&admin.get("/api/v1/users?search=%25").await.1),
        Vec::<&str>::new()
    );

    test.sign_in("berta", PASSWORD).await;
    let now = admin.get("/api/v1/users?search=berta").await.1["items"][0]["lastLoginAt"].clone();
    let now = now.as_str().unwrap();
    let path = format!("/api/v1/users?lastLoginFrom={now}");
    assert_eq!(names(&admin.get(&path).await.1), ["berta"]);
    let path = format!("/api/v1/users?lastLoginTo={now}");
    assert_eq!(names(&admin.get(&path).await.1), Vec::<&str>::new());
    let path = format!("/api/v1/users?registeredTo={at}");
    assert_eq!(names(&admin.get(&path).await.1), ["anna"]);
    let path = format!(
        "/api/v1/users?search=an&platformId={}",
        default_platform(test).await
    );
    assert_eq!(names(&admin.get(&path).await.1), ["anton", "anna"]);

    let anna = &page["items"][1]["id"];
    let known = json!({"mobile": "+4915112345678", "nickName": "Nan"});
    let path = format!("/api/v1/users/{}", anna.as_str().unwrap());
    assert_eq!(admin.patch(&path, known).await.0, 200);
    for search in ["Nan", "%2B49151", "anna@"] {
        let path = format!("/api/v1/users?search={search}");
        assert_eq!(names(&admin.get(&path).await.1), ["anna"], "{search}");
    }
});

both_databases!(orgs_are_found_by_platform_and_by_what_they_are_called, |test| {
    let admin = test.admin().await;
    test.stranger("elsewhere").await;
    let other = platform(test, "shop").await;
    let found = async |query: &str| {
        let (status, page) = admin.get(&format!("/api/v1/orgs?{query}")).await;
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|org| org["slug"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let here = default_platform(test).await;
    assert_eq!(found("search=ELSE").await, ["elsewhere"]);
    assert_eq!(found("search=%25").await, Vec::<String>::new());
    assert_eq!(
        found(&format!("search=else&platformId={here}")).await,
        ["elsewhere"]
    );
    assert_eq!(found(&format!("platformId={other}")).await, Vec::<String>::new());
    let (_, page) = admin.get("/api/v1/orgs?search=else").await;
    assert_eq!(page["items"][0]["platformId"], here.as_str());
});

both_databases!(a_platform_s_role_is_given_to_a_user_and_taken_away, |test| {
    let admin = test.admin().await;
    let platform = format!("/api/v1/platforms/{}", default_platform(test).await);
    let role = json!({"code": "sales", "name": "Sales", "operations": ["host:read"]});
    let (_, role) = admin.post(&format!("{platform}/roles"), role).await;
    let (id, _) = test.user("vera").await;
    let path = format!("/api/v1/users/{id}");
    let given = admin.patch(&path, json!({"roleId": role["id"]})).await;
    assert_eq!((given.0, &given.1["roleId"]), (200, &role["id"]));
    assert_eq!(
        admin.patch(&path, json!({"nickName": "V"})).await.1["roleId"],
        role["id"],
        "it stays"
    );
    let of_role = format!("{platform}/roles/{}", role["id"].as_str().unwrap());
    assert_eq!(admin.delete(&of_role).await.1["type"], "in-use");
    let taken = admin.patch(&path, json!({"roleId": null})).await;
    assert_eq!((taken.0, &taken.1["roleId"]), (200, &Value::Null), "{}", taken.1);
    assert_eq!(admin.delete(&of_role).await.0, 204);
});

/// Gives a role to a member of the org that `by` manages members of.
async fn give(by: &Client<'_>, username: &str, role: &Value) -> u16 {
    let (_, found) = by.get(&format!("/api/v1/members?search={username}")).await;
    let user = found["items"][0]["userId"].as_str().unwrap();
    let path = format!("/api/v1/members/{user}/permissions");
    by.call(Method::PUT, &path, Some(json!({"roleId": role["id"]})))
        .await
        .0
}

both_databases!(
    a_manager_puts_into_a_role_what_they_have_where_it_is_given,
    |test| {
        let home = default_platform(test).await;
        let roles = format!("/api/v1/platforms/{home}/roles");
        let olga = test.member("olga", Role::Owner).await;
        test.member("vera", Role::Viewer).await;
        // Who is in no org has nothing to give.
        let outside = administrator(test, "outside", &home, "manager").await;
        let role =
            |code: &str, operations: &[&str]| json!({"code": code, "name": code, "operations": operations});
        let (status, refused) = outside.post(&roles, role("looks", &["host:read"])).await;
        assert_eq!(
            (status, &refused["type"]),
            (403, &json!("above-you")),
            "{refused}"
        );
        assert_eq!(outside.post(&roles, role("empty", &[])).await.0, 201);

        let mary = administrator(test, "mary", &home, "manager").await;
        let body = json!({"username": "mary", "role": "MEMBER"});
        assert_eq!(olga.post("/api/v1/members", body).await.0, 201);
        assert_eq!(
            mary.post(&roles, role("executes", &["release:execute"])).await.0,
            403
        );
        let (status, looks) = mary.post(&roles, role("looks", &["host:read"])).await;
        assert_eq!(status, 201, "{looks}");
        let path = format!("{roles}/{}", looks["id"].as_str().unwrap());
        assert_eq!(give(&olga, "vera", &looks).await, 200);
        let with = |operations: &[&str]| json!({"operations": operations});
        assert_eq!(
            mary.patch(&path, with(&["host:read", "release:execute"])).await.0,
            403,
            "vera would have it at once"
        );
        let more = ["host:read", "deployment:create"];
        assert_eq!(mary.patch(&path, with(&more)).await.0, 200);
        assert_eq!(outside.patch(&path, json!({"name": "Looks"})).await.0, 200);
        assert_eq!(outside.patch(&path, with(&["host:read"])).await.0, 200, "less");
        assert_eq!(outside.patch(&path, with(&more)).await.0, 403);

        // It is given where she is not.
        test.app.clock.advance(1);
        let anna = test.stranger("acme").await;
        test.user("walt").await;
        let body = json!({"username": "walt", "role": "VIEWER"});
        assert_eq!(anna.post("/api/v1/members", body).await.0, 201);
        assert_eq!(give(&anna, "walt", &looks).await, 200);
        assert_eq!(mary.patch(&path, with(&more)).await.0, 403);
        let all = ["host:read", "release:execute"];
        assert_eq!(test.admin().await.patch(&path, with(&all)).await.0, 200);
        assert_eq!(
            mary.patch(&path, json!({"name": "Both"})).await.0,
            200,
            "what it had may stay"
        );
    }
);
