//! Templates, roles, grants and scopes, through every room's calls, on both databases.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use crate::{
    access::Role,
    delivery::tests::{deploy, new_application, new_host},
    schema::tests as schema,
    testing::{Client, Test, both_databases},
};

/// A revocation counts within a second; the rest is for a busy machine.
const SOON: Duration = Duration::from_secs(10);

async fn id_of(client: &Client<'_>, username: &str) -> String {
    let (_, members) = client.get("/api/v1/members").await;
    let of = |member: &&Value| member["username"] == username;
    let found = members["items"].as_array().unwrap().iter().find(of);
    found.unwrap()["userId"].as_str().unwrap().to_owned()
}

pub(super) async fn give(by: &Client<'_>, username: &str, body: Value) -> (u16, Value) {
    let path = format!("/api/v1/members/{}/permissions", id_of(by, username).await);
    by.call(Method::PUT, &path, Some(body)).await
}

pub(super) async fn template(by: &Client<'_>, name: &str, operations: Value, objects: Value) -> String {
    let body = json!({"name": name, "operations": operations, "objects": objects});
    let (status, made) = by.post("/api/v1/permission-templates", body).await;
    assert_eq!(status, 201, "{made}");
    made["id"].as_str().unwrap().to_owned()
}

fn names(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| item["name"].as_str().unwrap()).collect()
}

/// Three hosts, one of them in the cluster `web` and the environment `prod`.
async fn three_hosts(test: &Test) -> [String; 3] {
    let admin = test.admin().await;
    let hosts = [
        new_host(test, "one").await,
        new_host(test, "three").await,
        new_host(test, "two").await,
    ];
    let (_, cluster) = admin.post("/api/v1/clusters", json!({"name": "web"})).await;
    let place = json!({"clusterId": cluster["id"], "environment": "prod"});
    let (status, host) = admin.patch(&format!("/api/v1/hosts/{}", hosts[1]), place).await;
    assert_eq!(status, 200, "{host}");
    hosts.map(|host| host.to_string())
}

both_databases!(a_template_scoped_to_a_host_shows_that_host_only, |test| {
    let [one, three, two] = three_hosts(test).await;
    let olga = test.member("olga", Role::Owner).await;
    let vera = test.member("vera", Role::Viewer).await;
    assert_eq!(names(&vera.get("/api/v1/hosts").await.1), ["one", "three", "two"]);

    let only_two = template(&olga, "only two", json!(["host:write"]), json!({"hosts": [two]})).await;
    let (status, given) = give(&olga, "vera", json!({"templateId": only_two})).await;
    assert_eq!(status, 200, "{given}");
    assert_eq!(given["effective"]["objects"]["hosts"], json!([two]));

    // A page of one is full although the hosts before it are out of reach: the query filters, not the page.
    let (_, page) = vera.get("/api/v1/hosts?limit=1").await;
    assert_eq!((names(&page), page["nextCursor"].is_null()), (vec!["two"], true));
    assert_eq!(vera.get(&format!("/api/v1/hosts/{two}")).await.0, 200);
    let rename = json!({"name": "2"});
    for other in [&one, &three] {
        for path in [
            format!("/api/v1/hosts/{other}"),
            format!("/api/v1/hosts/{other}/containers"),
            format!("/api/v1/hosts/{other}/metrics?series=cpu.total"),
            format!("/api/v1/hosts/{other}/live"),
        ] {
            assert_eq!(vera.get(&path).await.0, 404, "{path}");
        }
        let path = format!("/api/v1/hosts/{other}");
        assert_eq!(
            vera.patch(&path, rename.clone()).await.0,
            404,
            "the scope narrows the template's operations"
        );
    }
    assert_eq!(vera.patch(&format!("/api/v1/hosts/{two}"), rename).await.0, 200);
    assert!(names(&vera.get("/api/v1/clusters").await.1).is_empty());

    // A direct grant of a cluster adds its hosts, and an edit of the template counts at once.
    let (_, clusters) = olga.get("/api/v1/clusters").await;
    let cluster = clusters["items"][0]["id"].clone();
    let more = json!({"templateId": only_two, "objects": {"clusters": [cluster]}});
    assert_eq!(give(&olga, "vera", more).await.0, 200);
    assert_eq!(names(&vera.get("/api/v1/hosts").await.1), ["2", "three"]);
    let wider = json!({"objects": {"hosts": [one, two]}});
    let path = format!("/api/v1/permission-templates/{only_two}");
    assert_eq!(olga.patch(&path, wider).await.0, 200);
    assert_eq!(names(&vera.get("/api/v1/hosts").await.1), ["2", "one", "three"]);
    let prod = json!({"objects": {"environments": ["prod"]}});
    assert_eq!(olga.patch(&path, prod).await.0, 200);
    assert_eq!(names(&vera.get("/api/v1/hosts").await.1), ["three"]);
    assert_eq!(names(&vera.get("/api/v1/environments").await.1), ["prod"]);
});

both_databases!(applications_secrets_and_servers_are_narrowed_too, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let mona = test.member("mona", Role::Member).await;
    let host = new_host(test, "one").await;
    let shop = new_application(&olga, &[host]).await;
    let body = json!({"name": "mail", "image": "team/mail"});
    let (_, mail) = olga.post("/api/v1/applications", body).await;
    let mut groups = Vec::new();
    for name in ["mail", "shop"] {
        let (_, group) = olga.post("/api/v1/secrets/groups", json!({"name": name})).await;
        groups.push(group["id"].as_str().unwrap().to_owned());
    }
    for (application, name) in [(&shop, "A"), (&mail["id"].as_str().unwrap().to_owned(), "B")] {
        let body = json!({"applicationId": application, "name": name, "value": "1"});
        assert_eq!(olga.post("/api/v1/env-vars", body).await.0, 201);
    }
    let deployed = deploy(&olga, &shop, "1").await;

    let objects =
        json!({"applications": [mail["id"]], "secretGroups": [groups[0]], "environments": ["default"]});
    let narrow = template(&olga, "mail", json!([]), objects).await;
    assert_eq!(give(&olga, "mona", json!({"templateId": narrow})).await.0, 200);

    assert_eq!(names(&mona.get("/api/v1/applications").await.1), ["mail"]);
    assert_eq!(names(&mona.get("/api/v1/env-vars").await.1), ["B"]);
    assert_eq!(names(&mona.get("/api/v1/secrets/groups").await.1), ["mail"]);
    assert_eq!(mona.get("/api/v1/deployments").await.1["items"], json!([]));
    assert_eq!(mona.get("/api/v1/orders").await.1["items"], json!([]));
    for path in [
        format!("/api/v1/applications/{shop}"),
        format!("/api/v1/deployments/{deployed}"),
        format!("/api/v1/deployments/{deployed}/log"),
        format!("/api/v1/secrets/groups/{}", groups[1]),
    ] {
        assert_eq!(mona.get(&path).await.0, 404, "{path}");
    }
    let path = format!("/api/v1/applications/{shop}/deployments");
    assert_eq!(mona.post(&path, json!({"version": "2"})).await.0, 404);
    let path = format!("/api/v1/deployments/{deployed}/cancel");
    assert_eq!(mona.post(&path, json!({})).await.0, 404);
});

both_databases!(servers_and_databases_are_narrowed, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let mona = test.member("mona", Role::Admin).await;
    let host = schema::host(test).await;
    let mut servers = Vec::new();
    for label in ["near", "far"] {
        let (status, made) = olga
            .post(
                "/api/v1/schema/servers",
                schema::new_server(label, "Postgres", host),
            )
            .await;
        assert_eq!(status, 201, "{made}");
        servers.push(made["id"].as_str().unwrap().to_owned());
    }
    let propose = async |by: &Client<'_>, version: &str, server: &str, database: &str| {
        let body = json!({
            "version": version, "database": database, "environment": "prod", "servers": [server],
            "sql": "create table t (id bigint primary key)",
        });
        by.post("/api/v1/schema/proposals", body).await
    };
    let mut tickets = Vec::new();
    for (version, server, database) in [
        ("1", "near", "shop"),
        ("2", "near", "stock"),
        ("3", "far", "shop"),
    ] {
        let (status, made) = propose(&olga, version, server, database).await;
        assert_eq!(status, 201, "{made}");
        tickets.push(made["ticketId"].as_str().unwrap().to_owned());
    }
    let objects = json!({"servers": [servers[0]], "databases": ["shop"]});
    let narrow = template(&olga, "near shop", json!([]), objects).await;
    assert_eq!(give(&olga, "mona", json!({"templateId": narrow})).await.0, 200);

    let ids = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap();
        items
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let (_, seen) = mona.get("/api/v1/schema/servers").await;
    assert_eq!(ids(&seen), servers[..1], "{seen}");
    let (_, seen) = mona.get("/api/v1/schema/tickets").await;
    assert_eq!(ids(&seen), tickets[..1], "{seen}");
    let server = format!("/api/v1/schema/servers/{}", servers[1]);
    assert_eq!(mona.get(&server).await.0, 404);
    assert_eq!(mona.delete(&server).await.0, 404);
    for ticket in &tickets[1..] {
        let path = format!("/api/v1/schema/tickets/{ticket}");
        assert_eq!(mona.get(&path).await.0, 404, "{path}");
        assert_eq!(
            mona.post(&format!("{path}/approve"), json!({})).await.0,
            404,
            "{path}"
        );
    }
    assert_eq!(
        mona.get(&format!("/api/v1/schema/tickets/{}", tickets[0]))
            .await
            .0,
        200
    );
    for (server, database) in [("far", "shop"), ("near", "stock")] {
        let (status, refused) = propose(&mona, "9", server, database).await;
        assert!(
            [403, 404, 422].contains(&status),
            "{server} {database}: {status} {refused}"
        );
    }
    let (status, made) = propose(&mona, "9", "near", "shop").await;
    assert_eq!(status, 201, "{made}");
});

both_databases!(nobody_gives_more_than_they_have, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let adam = test.member("adam", Role::Admin).await;
    test.member("vera", Role::Viewer).await;
    let [one, ..] = three_hosts(test).await;

    let transfer = json!({"name": "x", "operations": ["org:transfer"]});
    assert_eq!(
        adam.post("/api/v1/permission-templates", transfer.clone())
            .await
            .0,
        403
    );
    let role = json!({"code": "boss", "name": "Boss", "operations": ["org:transfer"]});
    assert_eq!(adam.post("/api/v1/roles", role.clone()).await.0, 403);
    assert_eq!(
        give(&adam, "vera", json!({"operations": ["org:transfer"]}))
            .await
            .0,
        403
    );
    let (status, role) = olga.post("/api/v1/roles", role).await;
    assert_eq!(status, 201, "{role}");
    assert_eq!(give(&adam, "vera", json!({"roleId": role["id"]})).await.0, 403);
    let path = format!("/api/v1/roles/{}", role["id"].as_str().unwrap());
    assert_eq!(adam.patch(&path, json!({"operations": []})).await.0, 403);

    // Whoever is narrowed gives nothing that is not.
    let narrow = template(&olga, "one", json!([]), json!({"hosts": [one]})).await;
    assert_eq!(give(&olga, "adam", json!({"templateId": narrow})).await.0, 200);
    let wide = json!({"name": "wide", "operations": ["host:read"]});
    assert_eq!(adam.post("/api/v1/permission-templates", wide).await.0, 403);
    let same = json!({"name": "same", "operations": ["host:read"], "objects": {"hosts": [one]}});
    assert_eq!(adam.post("/api/v1/permission-templates", same).await.0, 201);
    let (status, _) = adam.post("/api/v1/clusters", json!({"name": "new"})).await;
    assert_eq!(status, 403, "a new cluster would be out of their reach");
    let path = format!("/api/v1/members/{}", id_of(&olga, "vera").await);
    assert_eq!(adam.patch(&path, json!({"role": "MEMBER"})).await.0, 403);

    let (status, body) = give(&olga, "olga", json!({"templateId": narrow})).await;
    assert_eq!((status, body["type"].as_str()), (409, Some("owner-has-all")));
});

both_databases!(presets_stay_and_what_is_in_use_is_not_deleted, |test| {
    let olga = test.member("olga", Role::Owner).await;
    test.member("vera", Role::Viewer).await;
    let (_, page) = olga.get("/api/v1/permission-templates").await;
    let deploy = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["name"] == "Deploy")
        .unwrap();
    let path = format!("/api/v1/permission-templates/{}", deploy["id"].as_str().unwrap());
    assert_eq!(
        olga.patch(&path, json!({"name": "x"})).await.1["type"],
        "built-in"
    );
    assert_eq!(olga.delete(&path).await.1["type"], "built-in");

    let mine = template(&olga, "mine", json!(["host:write"]), json!({})).await;
    assert_eq!(give(&olga, "vera", json!({"templateId": mine})).await.0, 200);
    let path = format!("/api/v1/permission-templates/{mine}");
    assert_eq!(olga.delete(&path).await.1["type"], "in-use");
    assert_eq!(give(&olga, "vera", json!({})).await.0, 200);
    assert_eq!(olga.delete(&path).await.0, 204);
    let unknown = json!({"name": "x", "operations": ["crm:read"]});
    assert_eq!(olga.post("/api/v1/permission-templates", unknown).await.0, 422);
    let (status, body) = olga
        .post(
            "/api/v1/permission-templates",
            json!({"name": "mine", "objects": {"hosts": ["x"]}}),
        )
        .await;
    assert_eq!(
        (status, body["errors"][0]["field"].as_str()),
        (422, Some("objects"))
    );
});

both_databases!(the_explainer_tells_the_chain_that_decided, |test| {
    let [one, _, two] = three_hosts(test).await;
    let olga = test.member("olga", Role::Owner).await;
    let vera = test.member("vera", Role::Viewer).await;
    let narrow = template(&olga, "field", json!(["host:write"]), json!({"hosts": [one]})).await;
    assert_eq!(give(&olga, "vera", json!({"templateId": narrow})).await.0, 200);

    let id = id_of(&olga, "vera").await;
    let ask = async |by: &Client<'_>, operation: &str, host: &str| {
        let path = format!(
            "/api/v1/members/{id}/permissions/explain?operation={operation}&objectKind=hosts&objectId={host}"
        );
        by.get(&path).await
    };
    let (_, why) = ask(&olga, "host:write", &one).await;
    assert_eq!(
        (&why["allowed"], why["chain"].clone()),
        (
            &json!(true),
            json!([
                {"step": "role", "name": "VIEWER", "passes": false},
                {"step": "template", "name": "field", "passes": true},
                {"step": "scope", "name": "host", "passes": true},
            ])
        )
    );
    let (_, why) = ask(&olga, "host:write", &two).await;
    assert_eq!(
        (&why["allowed"], &why["chain"][2]["passes"]),
        (&json!(false), &json!(false))
    );
    let (_, why) = ask(&olga, "host:delete", &one).await;
    assert_eq!(
        why["chain"].as_array().unwrap().len(),
        2,
        "nothing gives it: {why}"
    );
    assert_eq!(
        ask(&vera, "host:read", &one).await.0,
        200,
        "one may ask about oneself"
    );
    assert_eq!(
        ask(&vera, "host:read", &two).await.0,
        404,
        "but not about what one can't see"
    );

    let check = async |operation: &str| {
        let body = json!({"operation": operation, "objectKind": "hosts", "objectId": one});
        vera.post("/api/v1/me/permissions/check", body).await.1["allowed"].clone()
    };
    assert_eq!(
        (check("host:write").await, check("host:delete").await),
        (json!(true), json!(false))
    );
    let (_, mine) = vera.get("/api/v1/me/permissions").await;
    assert_eq!(
        (&mine["role"], &mine["objects"]["hosts"]),
        (&json!("VIEWER"), &json!([one]))
    );
});

both_databases!(
    an_open_log_ends_with_the_permission_and_with_the_session,
    |test| {
        let olga = test.member("olga", Role::Owner).await;
        let mona = test.member("mona", Role::Member).await;
        let max = test.member("max", Role::Member).await;
        let host = new_host(test, "one").await;
        let shop = new_application(&olga, &[host]).await;
        // The host is not connected: the deployment waits, and so does its log.
        let id = deploy(&olga, &shop, "1").await;
        let path = format!("/api/v1/deployments/{id}/log");

        let mut narrowed = mona.follow(&path).await;
        narrowed.wait_for("event: status").await;
        let mut signed_out = max.follow(&path).await;
        signed_out.wait_for("event: status").await;
        let mut stays = olga.follow(&path).await;
        stays.wait_for("event: status").await;

        let none = template(&olga, "none", json!([]), json!({"applications": []})).await;
        assert_eq!(give(&olga, "mona", json!({"templateId": none})).await.0, 200);
        narrowed.end_within(SOON).await;
        assert_eq!(mona.get(&path).await.0, 404);

        assert_eq!(max.post("/api/v1/auth/logout-everywhere", json!({})).await.0, 204);
        signed_out.end_within(SOON).await;

        let cancel = format!("/api/v1/deployments/{id}/cancel");
        assert_eq!(olga.post(&cancel, json!({})).await.0, 202);
        let rest = stays.end_within(SOON).await;
        assert!(
            rest.contains("event: end"),
            "whoever may goes on to the end: {rest}"
        );
    }
);
