//! Git hooks of projects: who is believed, what a commit executes, and that it does so once.

use aws_lc_rs::hmac;
use axum::http::Method;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    executions::{moves, order},
    server,
};
use crate::{
    access::Role,
    schema::git_wish,
    testing::{Client, Test, both_databases},
    with_tx,
    work::OrderState,
};

pub(super) const HOST: &str = "https://git.example.com";

/// A project and a person who may execute; the project's path.
pub(super) async fn project(test: &Test, name: &str) -> String {
    let admin = test.admin().await;
    let text = format!(
        "apiVersion: v1alpha1\nkind: Project\nmetadata: {{name: {name}}}\nspec: {{description: Orders, applications: [shop-web]}}\n"
    );
    let (status, applied) = admin.post_text("/api/v1/schema/apply", &text).await;
    assert_eq!(status, 200, "{applied}");
    let id = applied["applied"][0]["id"].as_str().unwrap();
    format!("/api/v1/schema/projects/{id}")
}

/// A hook of the project for `acme/shop`: its id and its secret.
pub(super) async fn hook(client: &Client<'_>, project: &str, more: Value) -> (String, String) {
    let mut body = json!({"provider": "github", "repository": "acme/shop"});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let (status, made) = client.post(&format!("{project}/hooks"), body).await;
    assert_eq!(status, 201, "{made}");
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    assert_eq!(made["path"], format!("/webhook/release/{}", text("id")));
    (text("id"), text("secret"))
}

/// A commit that nobody wrote before.
pub(super) fn commit(n: u32, message: &str) -> Value {
    json!({"id": format!("{n:040x}"), "message": message, "author": {"name": "Mallory", "email": "m@example.com"}})
}

pub(super) fn push(branch: &str, commits: &[Value]) -> Value {
    let last = commits.last().map_or(&Value::Null, |commit| &commit["id"]);
    json!({"ref": format!("refs/heads/{branch}"), "before": "0".repeat(40), "after": last, "deleted": false,
        "commits": commits, "project_id": 7,
        "repository": {"id": 7, "full_name": "acme/shop", "homepage": format!("{HOST}/acme/shop"), "default_branch": "main"}})
}

fn hmac_of(secret: &str, text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

async fn call(test: &Test, id: &str, headers: &[(&str, &str)], body: &Value) -> (u16, Value) {
    test.app.clock.advance(10);
    let path = format!("/webhook/release/{id}");
    let (status, _, answer) = test
        .nobody()
        .respond(Method::POST, &path, Some(body.clone()), headers)
        .await;
    (status, answer)
}

/// As GitHub calls.
pub(super) async fn github(
    test: &Test,
    (id, secret): &(String, String),
    event: &str,
    body: &Value,
) -> (u16, Value) {
    let signature = format!("sha256={}", hex::encode(hmac_of(secret, &body.to_string())));
    let headers = [
        ("x-github-event", event),
        ("x-hub-signature-256", signature.as_str()),
    ];
    call(test, id, &headers, body).await
}

/// What became of the commits of a push to `main`.
pub(super) async fn pushed(test: &Test, hook: &(String, String), commits: &[Value]) -> Vec<Value> {
    let (status, answer) = github(test, hook, "push", &push("main", commits)).await;
    assert_eq!(status, 202, "{answer}");
    answer["wishes"].as_array().unwrap().clone()
}

/// The reasons of what was refused.
pub(super) fn reasons(wish: &Value) -> Vec<&str> {
    let refusals = wish["refusals"].as_array().unwrap().iter();
    refusals
        .map(|refusal| refusal["reason"].as_str().unwrap())
        .collect()
}

/// A ticket for the project `shop` and `prod`; its path.
pub(super) async fn proposed(client: &Client<'_>, version: &str, servers: &[&str]) -> String {
    let body = json!({"project": "shop", "version": version, "database": "shop", "environment": "prod",
        "servers": servers, "sql": "create table t (id int)"});
    let (status, made) = client.post("/api/v1/schema/proposals", body).await;
    assert_eq!(status, 201, "{made}");
    format!("/api/v1/schema/tickets/{}", made["ticketId"].as_str().unwrap())
}

pub(super) async fn approved(author: &Client<'_>, approver: &Client<'_>, version: &str, servers: &[&str]) {
    let ticket = proposed(author, version, servers).await;
    let (status, ticket) = approver.post(&format!("{ticket}/approve"), json!({})).await;
    assert_eq!(status, 200, "{ticket}");
}

async fn executions(client: &Client<'_>) -> Vec<Value> {
    let (_, page) = client.get("/api/v1/schema/executions").await;
    page["items"].as_array().unwrap().clone()
}

/// Ends an execution.
async fn succeeds(test: &Test, client: &Client<'_>, id: &str) {
    let (_, execution) = client.get(&format!("/api/v1/schema/executions/{id}")).await;
    let mut order = order(test, &execution).await;
    moves(test, &mut order, OrderState::Accepted).await;
    moves(test, &mut order, OrderState::Done).await;
}

both_databases!(a_push_executes_what_its_bracket_says_and_once, |test| {
    server(test, "pg", "Postgres").await;
    server(test, "pg2", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    let shop = project(test, "shop").await;
    approved(&ann, &bob, "1.0.Release", &["pg", "pg2"]).await;
    let hook = hook(&bob, &shop, json!({})).await;
    let (status, answer) = github(test, &hook, "ping", &json!({"zen": "x"})).await;
    assert_eq!((status, &answer["message"]), (202, &json!("pong")));

    let commits = [
        commit(1, "Fix a typo"),
        commit(2, "release: 1.0.Release (prod#1.0.Release)\n\nAt last."),
    ];
    let body = push("main", &commits);
    let (status, answer) = github(test, &hook, "push", &body).await;
    assert_eq!((status, &answer["success"]), (202, &json!(true)), "{answer}");
    let wish = &answer["wishes"][0];
    assert_eq!(
        (&wish["state"], &wish["environment"], &wish["version"]),
        (&json!("executed"), &json!("prod"), &json!("1.0.Release")),
        "{answer}"
    );
    let begun = executions(&bob).await;
    assert_eq!(begun.len(), 2, "one on each server");
    assert!(begun.iter().all(|one| one["by"] == "bob (git)"), "{begun:?}");
    assert!(begun.iter().all(|one| !one["orderId"].is_null()), "{begun:?}");

    // The same call, whatever else the host says of it; and the commit with another push.
    for _ in 0..2 {
        assert_eq!(github(test, &hook, "push", &body).await.1, answer);
    }
    let again = pushed(test, &hook, &[commits[1].clone(), commit(3, "More")]).await;
    assert_eq!((again.len(), reasons(&again[0])), (1, vec!["heardBefore"]));
    // Another commit that asks for the same.
    let running = pushed(test, &hook, &[commit(4, "release: again (prod#1.0.Release)")]).await;
    assert_eq!(reasons(&running[0]), ["alreadyRunning", "alreadyRunning"]);
    assert_eq!(running[0]["state"], "refused");
    assert_eq!(executions(&bob).await.len(), 2);

    let of = |server: &str| {
        let found = wish["executions"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["server"] == server);
        found.unwrap()["id"].as_str().unwrap().to_owned()
    };
    succeeds(test, &bob, &of("pg")).await;
    succeeds(test, &bob, &of("pg2")).await;
    let done = pushed(test, &hook, &[commit(5, "release: once more (prod#1.0.Release)")]).await;
    assert_eq!(reasons(&done[0]), ["alreadyExecuted"]);

    let (_, log) = bob.get(&format!("{shop}/pushes")).await;
    let items = log["items"].as_array().unwrap();
    assert_eq!(items.len(), 4, "{log}");
    let first = &items[3];
    assert_eq!(
        (&first["branch"], &first["commits"], &first["isComplete"]),
        (&json!("main"), &json!(2), &json!(true))
    );
    let wish = &first["wishes"][0];
    assert_eq!(
        (&wish["author"], &wish["title"], &wish["sha"]),
        (
            &json!("Mallory"),
            &json!("release: 1.0.Release (prod#1.0.Release)"),
            &commits[1]["id"]
        )
    );
    assert_eq!(wish["executions"][0]["status"], "success", "{first}");
    let (_, page) = bob.get(&format!("{shop}/pushes?limit=1")).await;
    let next = page["nextCursor"].as_str().unwrap();
    let (_, page) = bob.get(&format!("{shop}/pushes?limit=1&cursor={next}")).await;
    assert_eq!(page["items"][0]["id"], items[1]["id"]);
    let (_, audit) = bob.get("/api/v1/audit?limit=500").await;
    let rows = audit["items"].as_array().unwrap().iter();
    let asked = rows.filter(|row| row["operation"] == "release:execute" && row["actorKind"] == "gitHook");
    assert_eq!(asked.count(), 2, "{audit}");
    assert!(!audit.to_string().contains(&hook.1));
});

both_databases!(each_host_proves_itself_in_its_own_way, |test| {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    let shop = project(test, "shop").await;
    for (n, provider) in (1..).zip(["github", "gitee", "gitlab", "codeup"]) {
        let version = format!("1.{n}");
        approved(&ann, &bob, &version, &["pg"]).await;
        // Codeup tells its id and its pages, but no full name.
        let repository = if provider == "gitlab" { "7" } else { "Acme/Shop" };
        let hook = hook(
            &bob,
            &shop,
            json!({"provider": provider, "repository": repository}),
        )
        .await;
        let stamp = test.app.clock.now().0.to_string();
        let signed = STANDARD.encode(hmac_of(&hook.1, &format!("{stamp}\n{}", hook.1)));
        let mut body = push("main", &[commit(n, &format!("release: x (prod#{version})"))]);
        if provider == "codeup" {
            body["repository"].as_object_mut().unwrap().remove("full_name");
        }
        let (status, answer) = match provider {
            "github" => github(test, &hook, "push", &body).await,
            "gitee" => {
                let headers = [
                    ("x-gitee-event", "Push Hook"),
                    ("x-gitee-token", signed.as_str()),
                    ("x-gitee-timestamp", stamp.as_str()),
                ];
                call(test, &hook.0, &headers, &body).await
            }
            "gitlab" => {
                let headers = [
                    ("x-gitlab-event", "Push Hook"),
                    ("x-gitlab-token", hook.1.as_str()),
                ];
                call(test, &hook.0, &headers, &body).await
            }
            _ => {
                let headers = [("codeup-event", "Push Hook"), ("x-codeup-token", hook.1.as_str())];
                call(test, &hook.0, &headers, &body).await
            }
        };
        assert_eq!(status, 202, "{provider}: {answer}");
        assert_eq!(answer["wishes"][0]["state"], "executed", "{provider}: {answer}");
    }
    assert_eq!(executions(&bob).await.len(), 4);
});

both_databases!(whoever_does_not_know_the_secret_is_told_nothing, |test| {
    let bob = test.member("bob", Role::Admin).await;
    let shop = project(test, "shop").await;
    let hook = hook(&bob, &shop, json!({})).await;
    let body = push("main", &[commit(1, "release: x (prod#1)")]);
    let signed = |secret: &str| format!("sha256={}", hex::encode(hmac_of(secret, &body.to_string())));
    let (right, wrong) = (signed(&hook.1), signed("prh_other"));
    let zeros = signed("prh_0000000000000000000000000000000000000000000");
    let absent = muster_base::Clock::system()
        .new_id::<muster_base::GitHookId>()
        .to_string();
    let mut answers = Vec::new();
    for (id, signature) in [
        (hook.0.as_str(), wrong.as_str()),
        (hook.0.as_str(), ""),
        (hook.0.as_str(), "sha256="),
        (absent.as_str(), right.as_str()),
        (absent.as_str(), zeros.as_str()),
        ("not-an-id", right.as_str()),
    ] {
        let headers = [("x-github-event", "push"), ("x-hub-signature-256", signature)];
        let (status, answer) = call(test, id, &headers, &body).await;
        assert_eq!(status, 401, "{answer}");
        answers.push(answer);
    }
    // No signature, another host's proof, the right proof of another body.
    let token = [
        ("x-gitlab-event", "Push Hook"),
        ("x-gitlab-token", hook.1.as_str()),
    ];
    answers.push(call(test, &hook.0, &[], &body).await.1);
    answers.push(call(test, &hook.0, &token, &body).await.1);
    let headers = [
        ("x-github-event", "push"),
        ("x-hub-signature-256", right.as_str()),
    ];
    let other = push("main", &[commit(2, "release: x (prod#1)")]);
    answers.push(call(test, &hook.0, &headers, &other).await.1);
    assert!(answers.windows(2).all(|two| two[0] == two[1]), "{answers:?}");

    // A new secret ends the old one.
    let (status, renewed) = bob
        .post(&format!("{shop}/hooks/{}/secret", hook.0), Value::Null)
        .await;
    assert_eq!(status, 200, "{renewed}");
    assert_eq!(github(test, &hook, "push", &body).await.0, 401);
    let renewed = (hook.0.clone(), renewed["secret"].as_str().unwrap().to_owned());
    assert_eq!(github(test, &renewed, "push", &body).await.0, 202);
    let (status, _) = github(test, &renewed, "push", &json!({"ref": 1})).await;
    assert_eq!(status, 422);
    let (_, audit) = bob.get("/api/v1/audit?limit=500").await;
    let rows = audit["items"].as_array().unwrap().iter();
    assert!(
        rows.filter(|row| row["outcome"] == "refused" && row["objectKind"] == "gitHook")
            .count()
            > 3
    );
    assert!(!audit.to_string().contains(&renewed.1));
});

both_databases!(what_a_dead_control_plane_left_open_is_executed_once, |test| {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    let shop = project(test, "shop").await;
    let hook = hook(&bob, &shop, json!({})).await;
    approved(&ann, &bob, "1.0", &["pg"]).await;
    let commits = [
        commit(1, "release: x (prod#1.0)"),
        commit(2, "release: x (prod#1.1)"),
    ];
    let wishes = pushed(test, &hook, &commits).await;
    assert_eq!(
        (&wishes[0]["state"], reasons(&wishes[1])),
        (&json!("executed"), vec!["noRelease"])
    );
    // As if it had died after the first was executed and before it said so, and before it looked at the second.
    approved(&ann, &bob, "1.1", &["pg"]).await;
    let reopen = async || -> Result<(), crate::db::DbError> {
        crate::in_tx!(test.app.db, |tx| {
            with_tx!(tx, |conn| {
                sqlx::query("update git_wishes set state = 'open', refusals = '[]'")
                    .execute(conn)
                    .await?;
            });
        });
        Ok(())
    };
    reopen().await.unwrap();
    git_wish::decide_left_open(&test.app).await.unwrap();
    assert_eq!(
        executions(&bob).await.len(),
        1,
        "whoever wrote it down may be at it"
    );
    test.app.clock.advance(61_000);
    git_wish::decide_left_open(&test.app).await.unwrap();
    let (_, log) = bob.get(&format!("{shop}/pushes")).await;
    for wish in log["items"][0]["wishes"].as_array().unwrap() {
        assert_eq!(
            (&wish["state"], reasons(wish)),
            (&json!("executed"), vec![]),
            "{log}"
        );
        assert_eq!(wish["executions"].as_array().unwrap().len(), 1);
    }
    assert_eq!(executions(&bob).await.len(), 2);
});

both_databases!(another_org_finds_neither_the_project_nor_its_hooks, |test| {
    let bob = test.member("bob", Role::Admin).await;
    let shop = project(test, "shop").await;
    let hook = hook(&bob, &shop, json!({})).await;
    let stranger = test.stranger("acme").await;
    let body = json!({"provider": "github", "repository": "acme/shop"});
    let one = format!("{shop}/hooks/{}", hook.0);
    for (method, path, body) in [
        (Method::GET, shop.clone(), None),
        (Method::GET, format!("{shop}/hooks"), None),
        (Method::GET, format!("{shop}/pushes"), None),
        (Method::POST, format!("{shop}/hooks"), Some(body.clone())),
        (Method::PUT, one.clone(), Some(body.clone())),
        (Method::POST, format!("{one}/secret"), None),
        (Method::DELETE, one.clone(), None),
    ] {
        assert_eq!(stranger.status(method, &path, body).await, 404, "{path}");
    }
    let (_, theirs) = stranger.get("/api/v1/schema/projects").await;
    assert_eq!(theirs["items"], json!([]));
    let (_, ours) = bob.get("/api/v1/schema/projects?search=SHO").await;
    assert_eq!(
        (&ours["items"][0]["hooks"], &ours["items"][0]["applications"]),
        (&json!(1), &json!(["shop-web"])),
        "{ours}"
    );
    // A hook of one project is not another's, and a project with hooks stays.
    let other = project(test, "stock").await;
    assert_eq!(bob.delete(&format!("{other}/hooks/{}", hook.0)).await.0, 404);
    let document = shop.replace("projects", "documents");
    let (status, kept) = bob.delete(&document).await;
    assert_eq!(
        (status, &kept["type"]),
        (409, &json!("document-in-use")),
        "{kept}"
    );
    assert_eq!(bob.delete(&one).await.0, 204);
    assert_eq!(bob.delete(&one).await.0, 404);
    assert_eq!(bob.delete(&document).await.0, 204);
    // A document of another kind is no project.
    let text = "apiVersion: v1alpha1\nkind: DatabaseSnapshot\nmetadata: {name: shop}\nspec: {basic: {name: shop, comment: Orders, type: Postgres}}\n";
    let (_, applied) = bob.post_text("/api/v1/schema/apply", text).await;
    let path = format!(
        "/api/v1/schema/projects/{}",
        applied["applied"][0]["id"].as_str().unwrap()
    );
    assert_eq!(bob.get(&path).await.0, 404, "{applied}");
});
