//! What commits ask for and do not get, each with its reason; and in whose name a hook executes.

use axum::http::Method;
use muster_base::UnixMs;
use serde_json::{Value, json};

use super::{
    git_hooks::{approved, commit, github, hook, project, proposed, push, pushed, reasons},
    new_server, server,
    windows::{set, thursdays},
};
use crate::{
    access::Role,
    db::DbError,
    in_tx,
    schema::git_wish,
    testing::{Client, Test, both_databases},
    with_tx,
};

async fn member_path(client: &Client<'_>, name: &str) -> String {
    let (_, members) = client.get("/api/v1/members").await;
    let mut all = members["items"].as_array().unwrap().iter();
    let found = all.find(|one| one["username"] == name).unwrap();
    format!("/api/v1/members/{}", found["userId"].as_str().unwrap())
}

/// Lets a member reach these objects only.
async fn narrow(by: &Client<'_>, member: &str, objects: Value) {
    let body = json!({"name": objects.to_string(), "operations": [], "objects": objects});
    let (status, template) = by.post("/api/v1/permission-templates", body).await;
    assert_eq!(status, 201, "{template}");
    let body = json!({"templateId": template["id"]});
    let path = format!("{member}/permissions");
    let (status, given) = by.call(Method::PUT, &path, Some(body)).await;
    assert_eq!(status, 200, "{given}");
}

async fn shop(test: &Test) -> (Client<'_>, Client<'_>, String) {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    let shop = project(test, "shop").await;
    (ann, bob, shop)
}

both_databases!(what_is_refused_is_in_the_log_with_its_reason, |test| {
    let (ann, bob, shop) = shop(test).await;
    let hook = hook(&bob, &shop, json!({})).await;
    proposed(&ann, "pending", &["pg"]).await;
    let rejected = proposed(&ann, "rejected", &["pg"]).await;
    let no = json!({"comment": "not so"});
    assert_eq!(bob.post(&format!("{rejected}/reject"), no).await.0, 200);
    let withdrawn = proposed(&ann, "withdrawn", &["pg"]).await;
    assert_eq!(ann.post(&format!("{withdrawn}/withdraw"), json!({})).await.0, 200);
    approved(&ann, &bob, "1.0", &["pg"]).await;
    // Of no project, and of another.
    super::release(&ann, &bob, "alone", &["pg"], "create table a (id int)").await;
    let message = "release: all (nowhere#1.0) (test#1.0) (prod#9) (prod#alone) (prod#pending)\n\
        release: more (prod#rejected) (prod#withdrawn) (prod #1.0) (prod#1.0) (prod#1.0)\n\
        release: 1.0";
    let wishes = pushed(test, &hook, &[commit(1, message)]).await;
    let said: Vec<Vec<&str>> = wishes.iter().map(reasons).collect();
    let expected: [&[&str]; 11] = [
        &["noEnvironment"],
        &["noRelease"],
        &["noRelease"],
        &["noRelease"],
        &["pending"],
        &["rejected"],
        &["withdrawn"],
        &["malformed"],
        &[],
        &["repeated"],
        &["noBracket"],
    ];
    assert_eq!(said, expected);
    let (_, log) = bob.get(&format!("{shop}/pushes")).await;
    assert_eq!(log["items"][0]["wishes"], json!(wishes));
    let (_, begun) = bob.get("/api/v1/schema/executions").await;
    assert_eq!(begun["items"].as_array().unwrap().len(), 1, "{begun}");
    assert_eq!(wishes[8]["executions"][0]["id"], begun["items"][0]["id"]);

    // What was refused stays so: approving it later does not execute what an old call asked for.
    approved(&ann, &bob, "9", &["pg"]).await;
    pushed(test, &hook, &[commit(1, message)]).await;
    let again = pushed(test, &hook, &[commit(1, message), commit(2, "x")]).await;
    assert!(
        again.iter().all(|wish| reasons(wish) == ["heardBefore"]),
        "{again:?}"
    );
    let (_, begun) = bob.get("/api/v1/schema/executions").await;
    assert_eq!(begun["items"].as_array().unwrap().len(), 1);
});

both_databases!(pushes_that_do_not_count_are_in_the_log_too, |test| {
    let (ann, bob, shop) = shop(test).await;
    approved(&ann, &bob, "1.0", &["pg"]).await;
    let usual = hook(&bob, &shop, json!({})).await;
    let globs = hook(&bob, &shop, json!({"branches": ["release/*", "live"]})).await;
    let off = hook(&bob, &shop, json!({"enabled": false})).await;
    let elsewhere = hook(&bob, &shop, json!({"repository": "acme/other"})).await;
    let wish = [commit(1, "release: x (prod#1.0)")];
    let many: Vec<Value> = (10..70).map(|n| commit(n, "release: x (prod#1.0)")).collect();
    let mut trunk = push("trunk", &[commit(2, "nothing")]);
    trunk["repository"]["default_branch"] = json!("trunk");
    // Its homepage says what its admin typed.
    let mut disguised = push("main", &wish);
    disguised["repository"]["full_name"] = json!("mallory/own");
    for (hook, body, reason) in [
        (&usual, push("feature", &wish), json!("branch")),
        (&usual, trunk, Value::Null),
        (&usual, disguised, json!("repository")),
        (&usual, push("main", &many), json!("tooMany")),
        (&globs, push("main", &wish), json!("branch")),
        (&globs, push("release/1", &[commit(3, "nothing")]), Value::Null),
        (&off, push("main", &wish), json!("off")),
        (&elsewhere, push("main", &wish), json!("repository")),
    ] {
        let (status, answer) = github(test, hook, "push", &body).await;
        assert_eq!((status, &answer["wishes"]), (202, &json!([])), "{answer}");
        let (_, log) = bob.get(&format!("{shop}/pushes?hook={}", hook.0)).await;
        assert_eq!(log["items"][0]["reason"], reason, "{log}");
    }
    for (event, body) in [
        (
            "push",
            json!({"ref": "refs/tags/v1", "after": "1".repeat(40), "repository": {"id": 7}}),
        ),
        (
            "push",
            json!({"ref": "refs/heads/main", "after": "0".repeat(40), "repository": {"id": 7}}),
        ),
        ("star", json!({})),
    ] {
        let (status, answer) = github(test, &usual, event, &body).await;
        assert_eq!((status, &answer["wishes"]), (202, &json!([])), "{event} {body}");
    }
    let (_, begun) = bob.get("/api/v1/schema/executions").await;
    assert_eq!(begun["items"], json!([]));
    // On a branch that doesn't count it was not heard; when it is merged it is.
    let merged = pushed(test, &usual, &wish).await;
    assert_eq!(merged[0]["state"], "executed", "{merged:?}");
    let (_, hooks) = bob.get(&format!("{shop}/hooks")).await;
    assert_eq!(hooks["items"].as_array().unwrap().len(), 4);
    assert!(!hooks["items"][0]["heardAt"].is_null());
});

both_databases!(windows_hold_for_commits_too, |test| {
    let (ann, bob, shop) = shop(test).await;
    for version in ["1.0", "1.1"] {
        approved(&ann, &bob, version, &["pg"]).await;
    }
    // An owner, who may override windows: a hook may not.
    let eve = test.member("eve", Role::Owner).await;
    let hook = hook(&eve, &shop, json!({})).await;
    set(&eve, thursdays(&json!({"outside": "refuse"}))).await;
    let refused = pushed(test, &hook, &[commit(1, "release: x (prod#1.0)")]).await;
    assert_eq!(reasons(&refused[0]), ["outsideWindows"]);
    set(&eve, thursdays(&json!({"outside": "wait"}))).await;
    let waits = pushed(test, &hook, &[commit(2, "release: x (prod#1.1)")]).await;
    assert_eq!(waits[0]["state"], "executed", "{waits:?}");
    let id = waits[0]["executions"][0]["id"].as_str().unwrap();
    let (_, execution) = bob.get(&format!("/api/v1/schema/executions/{id}")).await;
    assert_eq!(execution["waits"]["for"], "window", "{execution}");
});

both_databases!(a_hook_has_the_rights_of_its_person_as_they_are, |test| {
    let (ann, bob, shop) = shop(test).await;
    let olga = test.member("olga", Role::Owner).await;
    for version in ["1", "2", "3", "4", "5"] {
        approved(&ann, &bob, version, &["pg"]).await;
    }
    let hook = hook(&bob, &shop, json!({})).await;
    let works = async || {
        let (_, hooks) = olga.get(&format!("{shop}/hooks")).await;
        let one = &hooks["items"][0];
        (one["username"].as_str().unwrap().to_owned(), one["works"] == true)
    };
    assert_eq!(works().await, ("bob".to_owned(), true));

    // Narrowed away from the environment, then without the operation, then gone.
    let path = member_path(&olga, "bob").await;
    narrow(&olga, &path, json!({"environments": ["test"]})).await;
    let wish = |n: u32| commit(n, &format!("release: x (prod#{n})"));
    assert_eq!(
        reasons(&pushed(test, &hook, &[wish(1)]).await[0]),
        ["noEnvironment"]
    );
    let (_, log) = bob.get(&format!("{shop}/pushes")).await;
    assert_eq!(log["items"][0]["wishes"], json!([]), "it is out of bob's reach");
    let (_, log) = olga.get(&format!("{shop}/pushes")).await;
    assert_eq!(log["items"][0]["wishes"].as_array().unwrap().len(), 1);
    let elsewhere = new_server("elsewhere", "Postgres", super::host(test).await);
    let (_, elsewhere) = olga.post("/api/v1/schema/servers", elsewhere).await;
    narrow(&olga, &path, json!({"servers": [elsewhere["id"]]})).await;
    assert_eq!(reasons(&pushed(test, &hook, &[wish(2)]).await[0]), ["noRelease"]);
    let (status, body) = olga.patch(&path, json!({"role": "MEMBER"})).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(reasons(&pushed(test, &hook, &[wish(3)]).await[0]), ["notAllowed"]);
    assert_eq!(works().await, ("bob".to_owned(), false));
    assert_eq!(olga.delete(&path).await.0, 204);
    assert_eq!(reasons(&pushed(test, &hook, &[wish(4)]).await[0]), ["personGone"]);

    // Who saves it has it execute in their name; members, keys and the super administrator can't.
    let input = json!({"provider": "github", "repository": "acme/shop", "branches": ["main"]});
    let one = format!("{shop}/hooks/{}", hook.0);
    assert_eq!(ann.status(Method::PUT, &one, Some(input.clone())).await, 403);
    let admin = test.admin().await;
    assert_eq!(admin.status(Method::PUT, &one, Some(input.clone())).await, 403);
    assert_eq!(admin.post(&format!("{one}/secret"), Value::Null).await.0, 403);
    let (_, key) = olga
        .post("/api/v1/api-keys", json!({"name": "ci", "kind": "full"}))
        .await;
    let key = test.with_token(key["key"].as_str().unwrap());
    assert_eq!(key.status(Method::PUT, &one, Some(input.clone())).await, 403);
    let (status, saved) = olga.call(Method::PUT, &one, Some(input)).await;
    assert_eq!((status, &saved["username"]), (200, &json!("olga")), "{saved}");
    let wishes = pushed(test, &hook, &[wish(5)]).await;
    assert_eq!(wishes[0]["state"], "executed", "{wishes:?}");
});

both_databases!(what_is_written_of_a_hook_is_checked, |test| {
    let bob = test.member("bob", Role::Admin).await;
    let shop = project(test, "shop").await;
    let path = format!("{shop}/hooks");
    for (body, field) in [
        (json!({"provider": "github", "repository": ""}), "repository"),
        (json!({"provider": "github", "repository": " a"}), "repository"),
        (
            json!({"provider": "github", "repository": "a", "branches": [""]}),
            "branches[0]",
        ),
        (
            json!({"provider": "github", "repository": "a", "branches": vec!["x"; 21]}),
            "branches",
        ),
    ] {
        let (status, problem) = bob.post(&path, body).await;
        assert_eq!(
            (status, &problem["errors"][0]["field"]),
            (422, &json!(field)),
            "{problem}"
        );
    }
    for _ in 0..20 {
        hook(&bob, &shop, json!({})).await;
    }
    let (status, problem) = bob
        .post(&path, json!({"provider": "gitee", "repository": "a"}))
        .await;
    assert_eq!((status, &problem["type"]), (409, &json!("too-many-git-hooks")));
});

both_databases!(what_a_hook_heard_while_it_was_off_stays_refused, |test| {
    let (ann, bob, shop) = shop(test).await;
    approved(&ann, &bob, "1.0", &["pg"]).await;
    let off = hook(&bob, &shop, json!({"enabled": false})).await;
    let wish = commit(1, "release: x (prod#1.0)");
    let body = push("main", std::slice::from_ref(&wish));
    let first = github(test, &off, "push", &body).await;
    assert_eq!(first.1["message"], "the hook is off");
    // A branch that does not count is not heard, whether the hook is on or off.
    let elsewhere = commit(2, "release: x (prod#1.0)");
    github(
        test,
        &off,
        "push",
        &push("feature", std::slice::from_ref(&elsewhere)),
    )
    .await;
    let on = json!({"provider": "github", "repository": "acme/shop"});
    let one = format!("{shop}/hooks/{}", off.0);
    assert_eq!(bob.status(Method::PUT, &one, Some(on)).await, 200);
    assert_eq!(
        github(test, &off, "push", &body).await,
        first,
        "the same call has the same answer"
    );
    let again = pushed(test, &off, &[wish, commit(3, "x")]).await;
    assert_eq!(reasons(&again[0]), ["heardBefore"]);
    let merged = pushed(test, &off, &[elsewhere]).await;
    assert_eq!(merged[0]["state"], "executed", "{merged:?}");
});

both_databases!(what_was_left_open_is_refused_where_it_is_outdated, |test| {
    let (ann, bob, shop) = shop(test).await;
    let olga = test.member("olga", Role::Admin).await;
    let hook = hook(&bob, &shop, json!({})).await;
    let wishes = pushed(test, &hook, &[commit(1, "release: x (prod#1.0)")]).await;
    assert_eq!(reasons(&wishes[0]), ["noRelease"]);
    approved(&ann, &bob, "1.0", &["pg"]).await;
    let heard = test.app.clock.now();
    // As if it had been heard so long ago and not been decided since; what became of it.
    let decided = async |ago: i64| {
        let reopen = async || -> Result<(), DbError> {
            in_tx!(test.app.db, |tx| {
                with_tx!(tx, |conn| {
                    sqlx::query("update git_wishes set state = 'open', refusals = '[]', at = $1")
                        .bind(heard.plus_ms(-ago))
                        .execute(conn)
                        .await?;
                });
            });
            Ok(())
        };
        reopen().await.unwrap();
        git_wish::decide_left_open(&test.app).await.unwrap();
        let (_, log) = bob.get(&format!("{shop}/pushes")).await;
        log["items"][0]["wishes"][0].clone()
    };
    let one = format!("{shop}/hooks/{}", hook.0);
    let input = |enabled: bool| json!({"provider": "github", "repository": "acme/shop", "enabled": enabled});
    let wish = decided(UnixMs::DAY).await;
    assert_eq!(
        (&wish["state"], reasons(&wish)),
        (&json!("refused"), vec!["failed"]),
        "too old"
    );
    assert_eq!(bob.status(Method::PUT, &one, Some(input(false))).await, 200);
    let wish = decided(UnixMs::HOUR).await;
    assert_eq!(
        (&wish["state"], reasons(&wish)),
        (&json!("refused"), vec!["failed"]),
        "off"
    );
    assert_eq!(olga.status(Method::PUT, &one, Some(input(true))).await, 200);
    let wish = decided(UnixMs::HOUR).await;
    assert_eq!(
        (&wish["state"], reasons(&wish)),
        (&json!("refused"), vec!["failed"]),
        "another's"
    );
    assert_eq!(bob.status(Method::PUT, &one, Some(input(true))).await, 200);
    let wish = decided(UnixMs::HOUR).await;
    assert_eq!(wish["state"], "executed", "{wish}");
});
