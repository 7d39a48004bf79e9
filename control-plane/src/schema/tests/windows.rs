//! Maintenance windows: what is asked for while none is open waits, is refused or hurries; what waits begins once.

use axum::http::Method;
use muster_base::UnixMs;
use serde_json::{Value, json};

use super::{
    executions::{moves, order},
    release, server,
};
use crate::{
    access::Role,
    schema::waiting,
    testing::{Client, Test, both_databases},
    work::OrderState,
};

pub(super) const PROD: &str = "/api/v1/schema/policies/prod";
/// Tests begin on a Thursday at 20:26:40: a few minutes before this opens.
pub(super) const OPENS: &str = "2026-05-28T20:30:00.000Z";
pub(super) const NEXT_WEEK: &str = "2026-06-04T20:30:00.000Z";

pub(super) fn thursdays(more: &Value) -> Value {
    let mut windows =
        json!({"zone": "UTC", "weekly": [{"days": ["thursday"], "from": "20:30", "to": "20:40"}]});
    for (name, value) in more.as_object().unwrap() {
        windows[name] = value.clone();
    }
    json!({ "windows": windows })
}

pub(super) async fn set(client: &Client<'_>, policy: Value) -> Value {
    let (status, policy) = client.call(Method::PUT, PROD, Some(policy)).await;
    assert_eq!(status, 200, "{policy}");
    policy
}

/// An admin, an owner, and the path of a release on `pg`.
pub(super) async fn scene(test: &Test, windows: Value) -> (Client<'_>, Client<'_>, String) {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    let eve = test.member("eve", Role::Owner).await;
    let release = release(&ann, &bob, "1.0", &["pg"], "create table t (id int)").await;
    set(&bob, windows).await;
    (bob, eve, format!("/api/v1/schema/releases/{release}"))
}

async fn execute(client: &Client<'_>, release: &str, more: Value) -> (u16, Value) {
    let mut body = more;
    body["server"] = json!("pg");
    client.post(&format!("{release}/execute"), body).await
}

/// Executes; the execution's path.
pub(super) async fn executing(client: &Client<'_>, release: &str, more: Value) -> String {
    let (status, executing) = execute(client, release, more).await;
    assert_eq!(status, 202, "{executing}");
    format!(
        "/api/v1/schema/executions/{}",
        executing["executionId"].as_str().unwrap()
    )
}

/// Looks at what waits until the execution is as it should be: the process's own task may be just doing it.
pub(super) async fn until(
    test: &Test,
    client: &Client<'_>,
    path: &str,
    is_so: impl Fn(&Value) -> bool,
) -> Value {
    for _ in 0..100 {
        waiting::look(&test.app).await.unwrap();
        let (_, execution) = client.get(path).await;
        if is_so(&execution) {
            return execution;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("never: {}", client.get(path).await.1);
}

pub(super) async fn orders(client: &Client<'_>) -> usize {
    client.get("/api/v1/orders").await.1["items"]
        .as_array()
        .unwrap()
        .len()
}

pub(super) async fn audited(client: &Client<'_>, operation: &str) -> Vec<String> {
    let (_, audit) = client.get("/api/v1/audit?limit=500").await;
    let rows = audit["items"].as_array().unwrap().iter();
    rows.filter(|row| row["operation"] == operation && row["outcome"] == "done")
        .map(|row| row["detail"].as_str().unwrap_or_default().to_owned())
        .collect()
}

both_databases!(windows_are_part_of_the_policy, |test| {
    server(test, "pg", "Postgres").await;
    let bob = test.member("bob", Role::Admin).await;
    assert_eq!(bob.get(PROD).await.1["windows"], Value::Null);
    let policy = set(&bob, thursdays(&json!({"anyoneMayOverride": true}))).await;
    assert_eq!(
        policy["windows"],
        json!({
            "zone": "UTC", "weekly": [{"days": ["thursday"], "from": "20:30", "to": "20:40"}], "freezes": [],
            "outside": "wait", "anyoneMayOverride": true,
        })
    );
    assert_eq!(bob.get(PROD).await.1["windows"], policy["windows"]);
    let wrong =
        json!({"windows": {"zone": "Nowhere", "weekly": [{"days": [], "from": "20:30", "to": "20:40"}]}});
    let (status, problem) = bob.call(Method::PUT, PROD, Some(wrong)).await;
    let fields: Vec<_> = super::errors(&problem)
        .into_iter()
        .map(|(field, _)| field)
        .collect();
    assert_eq!(
        (status, fields),
        (
            422,
            vec!["windows.zone".to_owned(), "windows.weekly[0].days".to_owned()]
        ),
        "{problem}"
    );
    let wrong =
        json!({"windows": {"zone": "UTC", "weekly": [{"days": ["monday"], "from": "24:00", "to": "1"}]}});
    assert_eq!(bob.call(Method::PUT, PROD, Some(wrong)).await.0, 422);
    let kept = set(&bob, json!({"authorMayDecide": true})).await;
    assert_eq!(kept["windows"], policy["windows"], "nothing was said of them");
    let eve = test.member("eve", Role::Owner).await;
    assert_eq!(set(&eve, json!({"windows": null})).await["windows"], Value::Null);
});

both_databases!(whoever_loosens_windows_may_begin_outside_of_them, |test| {
    let bob = test.member("bob", Role::Admin).await;
    let eve = test.member("eve", Role::Owner).await;
    let with = |freezes: Value| thursdays(&json!({ "freezes": freezes }));
    let freeze = |from: &str, to: &str| json!({"from": from, "to": to});
    let over = freeze("2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z");
    let comes = freeze("2026-06-01T00:00:00Z", "2026-06-05T00:00:00Z");
    set(&bob, with(json!([over, comes]))).await;
    // What is over may go, and what freezes more may come.
    set(&bob, with(json!([comes]))).await;
    let longer = freeze("2026-05-20T00:00:00Z", "2026-06-06T00:00:00Z");
    set(&bob, with(json!([longer]))).await;
    let looser = [
        json!({"windows": null}),
        with(json!([])),
        with(json!([freeze("2026-05-20T00:00:00Z", "2026-06-05T00:00:00Z")])),
        thursdays(&json!({"freezes": [longer], "anyoneMayOverride": true})),
    ];
    for policy in looser {
        let (status, refused) = bob.call(Method::PUT, PROD, Some(policy.clone())).await;
        assert_eq!(status, 403, "{policy}: {refused}");
        assert!(
            refused["detail"].as_str().unwrap().contains("window:override"),
            "{refused}"
        );
        set(&eve, policy).await;
        set(&eve, with(json!([longer]))).await;
    }
});

both_databases!(what_is_asked_for_outside_waits_and_begins_once, |test| {
    let (bob, _, release) = scene(test, thursdays(&json!({}))).await;
    let (_, seen) = bob.get(&release).await;
    assert_eq!(
        (&seen["window"]["open"], &seen["window"]["opensAt"]),
        (&json!(false), &json!(OPENS)),
        "{seen}"
    );
    let path = executing(&bob, &release, json!({})).await;
    let (_, waits) = bob.get(&path).await;
    assert_eq!(
        (&waits["status"], &waits["orderId"]),
        (&json!("pending"), &Value::Null)
    );
    assert_eq!(
        (&waits["waits"]["for"], &waits["waits"]["until"]),
        (&json!("window"), &json!(OPENS)),
        "{waits}"
    );
    let (status, twice) = execute(&bob, &release, json!({})).await;
    assert_eq!(
        (status, &twice["type"]),
        (409, &json!("already-running")),
        "{twice}"
    );
    waiting::look(&test.app).await.unwrap();
    assert_eq!(orders(&bob).await, 0, "the window is shut");

    test.app.clock.advance(4 * UnixMs::MINUTE);
    // Two control planes, and this one's own task.
    let other = test.app_with_config(|_| {});
    let (one, two) = tokio::join!(waiting::look(&test.app), waiting::look(&other));
    one.and(two).unwrap();
    let begun = until(test, &bob, &path, |execution| !execution["orderId"].is_null()).await;
    assert_eq!(
        (&begun["waits"], orders(&bob).await),
        (&Value::Null, 1),
        "{begun}"
    );
    let mut order = order(test, &begun).await;
    assert_eq!(order.expires_at.to_string(), "2026-05-28T20:40:00.000Z");
    assert_eq!(order.created_by, "bob");
    assert_eq!(audited(&bob, "release:begun").await, ["it had waited"]);

    // Its host could not be reached while the window was open.
    test.app.clock.advance(10 * UnixMs::MINUTE);
    moves(test, &mut order, OrderState::Expired).await;
    let (_, again) = bob.get(&path).await;
    assert_eq!(
        (&again["status"], &again["waits"]["until"]),
        (&json!("pending"), &json!(NEXT_WEEK)),
        "{again}"
    );
    assert_eq!(again["waits"]["givesUpAt"], waits["waits"]["givesUpAt"]);

    test.app.clock.advance(31 * UnixMs::DAY);
    let admin = test.admin().await;
    let ended = until(test, &admin, &path, |execution| execution["status"] != "pending").await;
    assert_eq!(
        (&ended["status"], &ended["error"]),
        (
            &json!("failure"),
            &json!("no maintenance window opened in time; nothing was changed")
        )
    );
    assert_eq!(ended["steps"][0]["status"], "skipped");
});

both_databases!(a_policy_that_changes_changes_the_wait, |test| {
    let (bob, eve, release) = scene(test, thursdays(&json!({}))).await;
    let path = executing(&bob, &release, json!({})).await;
    let freeze = json!({"from": "2026-05-20T00:00:00Z", "to": "2026-06-04T20:35:00Z", "reason": "audit"});
    set(&bob, thursdays(&json!({"freezes": [freeze]}))).await;
    assert_eq!(
        bob.get(&path).await.1["waits"]["until"],
        "2026-06-04T20:35:00.000Z"
    );
    set(&eve, json!({"windows": null})).await;
    until(test, &bob, &path, |execution| !execution["orderId"].is_null()).await;

    // Nothing may wait for longer than a month.
    let (_, cancelled) = bob.post(&format!("{path}/cancel"), json!({})).await;
    assert_eq!(cancelled["status"], "cancelled", "{cancelled}");
    let freeze = json!({"from": "2026-05-20T00:00:00Z", "to": "2026-12-01T00:00:00Z"});
    set(&bob, thursdays(&json!({"freezes": [freeze]}))).await;
    let (status, refused) = execute(&bob, &release, json!({})).await;
    assert_eq!(
        (status, &refused["type"]),
        (409, &json!("no-window")),
        "{refused}"
    );
});

both_databases!(outside_the_windows_it_is_refused_or_takes_a_reason, |test| {
    let (bob, eve, release) = scene(test, thursdays(&json!({"outside": "refuse"}))).await;
    let (status, refused) = execute(&bob, &release, json!({})).await;
    assert_eq!(
        (status, &refused["type"]),
        (409, &json!("outside-windows")),
        "{refused}"
    );
    assert!(refused["detail"].as_str().unwrap().contains(OPENS), "{refused}");
    let reason = json!({"overrideReason": " the shop is down "});
    assert_eq!(execute(&bob, &release, reason.clone()).await.0, 403);
    for wrong in [
        json!({"overrideReason": " "}),
        json!({"overrideReason": "x", "notBefore": OPENS}),
    ] {
        let (status, problem) = execute(&eve, &release, wrong).await;
        assert_eq!(
            (status, &problem["errors"][0]["field"]),
            (422, &json!("overrideReason")),
            "{problem}"
        );
    }
    let path = executing(&eve, &release, reason.clone()).await;
    let (_, hurried) = eve.get(&path).await;
    assert_eq!(hurried["overrideReason"], "the shop is down", "{hurried}");
    let order = order(test, &hurried).await;
    assert_eq!(order.expires_at.ms_since(order.not_before), UnixMs::HOUR);
    let said = audited(&eve, "release:execute").await;
    assert!(
        said[0].contains("outside the maintenance windows: the shop is down"),
        "{said:?}"
    );
    assert_eq!(
        audited(&eve, "window:override").await,
        ["begins at once: the shop is down"]
    );
    assert_eq!(eve.post(&format!("{path}/cancel"), json!({})).await.0, 200);

    // The policy may let everybody.
    set(
        &eve,
        thursdays(&json!({"outside": "refuse", "anyoneMayOverride": true})),
    )
    .await;
    let path = executing(&bob, &release, reason.clone()).await;
    assert_eq!(bob.post(&format!("{path}/cancel"), json!({})).await.0, 200);

    // In a window nobody needs a reason, and none is kept.
    test.app.clock.advance(4 * UnixMs::MINUTE);
    set(&bob, thursdays(&json!({"outside": "refuse"}))).await;
    let path = executing(&bob, &release, reason).await;
    let (_, begun) = bob.get(&path).await;
    assert_eq!(begun["overrideReason"], Value::Null, "{begun}");
    assert_eq!(bob.post(&format!("{path}/cancel"), json!({})).await.0, 200);
    let path = executing(&bob, &release, json!({"notBefore": "2026-05-28T20:35:00Z"})).await;
    let reason = json!({"overrideReason": "why wait"});
    let (_, begun) = eve.post(&format!("{path}/start"), reason).await;
    assert_eq!(
        (&begun["waits"], &begun["overrideReason"]),
        (&Value::Null, &Value::Null),
        "it only waited for its time: {begun}"
    );
});

both_databases!(what_waits_is_cancelled_or_started_at_once, |test| {
    let (bob, eve, release) = scene(test, thursdays(&json!({}))).await;
    let path = executing(&bob, &release, json!({})).await;
    let (status, cancelled) = bob.post(&format!("{path}/cancel"), json!({})).await;
    assert_eq!(
        (status, &cancelled["status"], &cancelled["waits"]),
        (200, &json!("cancelled"), &Value::Null),
        "{cancelled}"
    );
    assert_eq!(bob.post(&format!("{path}/cancel"), json!({})).await.0, 409);

    let path = executing(&bob, &release, json!({"notBefore": "2026-05-28T20:35:00Z"})).await;
    let (_, waits) = bob.get(&path).await;
    assert_eq!(waits["waits"]["for"], "time");
    let start = format!("{path}/start");
    let reason = json!({"overrideReason": "the shop is down"});
    let stranger = test.stranger("others").await;
    assert_eq!(stranger.post(&start, reason.clone()).await.0, 404);
    assert_eq!(bob.post(&start, reason.clone()).await.0, 403);
    assert_eq!(eve.post(&start, json!({"overrideReason": ""})).await.0, 422);
    let (status, begun) = eve.post(&start, reason.clone()).await;
    assert_eq!(
        (status, &begun["waits"], &begun["overrideReason"]),
        (200, &Value::Null, &json!("the shop is down")),
        "{begun}"
    );
    assert_eq!(begun["notBefore"], Value::Null);
    let mut order = order(test, &begun).await;
    assert_eq!(order.created_by, "eve");
    assert_eq!(
        audited(&eve, "window:override").await,
        ["begins at once: the shop is down"]
    );
    let (status, twice) = eve.post(&start, reason).await;
    assert_eq!((status, &twice["type"]), (409, &json!("not-waiting")), "{twice}");

    // Its host was away for that hour: it waits as long as it would have.
    test.app.clock.advance(UnixMs::HOUR);
    moves(test, &mut order, OrderState::Expired).await;
    let bob = test.sign_in("bob", "a password for tests").await;
    let (_, again) = bob.get(&path).await;
    assert_eq!(
        (&again["waits"]["until"], &again["waits"]["givesUpAt"]),
        (&json!(NEXT_WEEK), &waits["waits"]["givesUpAt"]),
        "{again}"
    );
    assert_eq!(again["overrideReason"], "the shop is down");
});

both_databases!(whoever_may_not_execute_any_more_begins_nothing, |test| {
    let (bob, eve, release) = scene(test, thursdays(&json!({}))).await;
    let path = executing(&bob, &release, json!({})).await;
    let (_, members) = eve.get("/api/v1/members").await;
    let rows = members["items"].as_array().unwrap();
    let member = rows.iter().find(|one| one["username"] == "bob").unwrap();
    let member = format!("/api/v1/members/{}", member["userId"].as_str().unwrap());
    let (status, lowered) = eve.patch(&member, json!({"role": "VIEWER"})).await;
    assert_eq!(status, 200, "{lowered}");
    test.app.clock.advance(4 * UnixMs::MINUTE);
    let ended = until(test, &eve, &path, |execution| execution["status"] != "pending").await;
    assert_eq!(
        (&ended["status"], &ended["error"]),
        (
            &json!("failure"),
            &json!("bob may not execute releases here any more; nothing was changed")
        )
    );
    assert_eq!(orders(&eve).await, 0);
});
