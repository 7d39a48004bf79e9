//! What the API takes, refuses and keeps to itself.

use axum::http::Method;
use serde_json::{Value, json};

use super::{alerts, busy, made, mail_to, rounds};
use crate::{
    access::Role,
    alerts::evaluator::Evaluator,
    delivery::tests::new_host,
    testing::{Client, both_databases},
};

async fn refused(client: &Client<'_>, path: &str, body: Value) -> Vec<String> {
    let (status, problem) = client.post(path, body).await;
    assert_eq!(status, 422, "{problem}");
    let errors = problem["errors"].as_array().unwrap().iter();
    errors
        .map(|error| error["field"].as_str().unwrap().to_owned())
        .collect()
}

both_databases!(rules_are_checked_made_changed_and_deleted, |test| {
    let ann = test.member("ann", Role::Admin).await;
    let path = "/api/v1/alerts/rules";
    let wrong = json!({"name": " x", "forS": -1, "repeatS": 5, "note": "a\nb",
        "check": {"kind": "threshold", "series": "cpu.nothing", "comparison": "above", "threshold": 1}});
    let fields = refused(&ann, path, wrong).await;
    assert_eq!(fields, ["name", "check.series", "forS", "repeatS", "note"]);
    let wrong = json!({"name": "x", "check": {"kind": "diskFull", "hours": 0}});
    assert_eq!(refused(&ann, path, wrong).await, ["check.hours"]);
    let mut stranger = busy(&[]);
    stranger["receivers"] = json!(["0199c0de-0000-7000-8000-000000000000"]);
    assert_eq!(refused(&ann, path, stranger).await, ["receivers"]);
    let unknown = json!({"name": "x", "check": {"kind": "hostDown", "hours": 1}});
    assert_eq!(ann.post(path, unknown).await.0, 422);

    let rule = made(&ann, path, json!({"name": "down", "check": {"kind": "hostDown"}})).await;
    assert_eq!(rule["severity"], "warning");
    assert_eq!(
        (&rule["forS"], &rule["repeatS"], &rule["inbox"]),
        (&json!(60), &json!(14_400), &json!(true))
    );
    let (status, problem) = ann
        .post(path, json!({"name": "down", "check": {"kind": "hostDown"}}))
        .await;
    assert_eq!((status, &problem["type"]), (409, &json!("name-taken")));
    let one = format!("{path}/{}", rule["id"].as_str().unwrap());
    let off = json!({"name": "down", "enabled": false, "check": {"kind": "hostDown"}});
    let (status, changed) = ann.call(Method::PUT, &one, Some(off)).await;
    assert_eq!((status, &changed["enabled"]), (200, &json!(false)));
    assert_eq!(ann.get(&one).await.1, changed);
    assert_eq!(ann.get(path).await.1["items"], json!([changed]));
    assert_eq!(ann.delete(&one).await.0, 204);
    assert_eq!(ann.get(&one).await.0, 404);
    let (_, log) = ann.get("/api/v1/audit?operation=alert:write").await;
    assert_eq!(log["items"].as_array().map(Vec::len), Some(3), "{log}");
});

both_databases!(receivers_keep_their_addresses_to_themselves, |test| {
    let ann = test.member("ann", Role::Admin).await;
    let path = "/api/v1/alerts/receivers";
    for (body, field) in [
        (json!({"name": "a", "kind": "mail"}), "addresses"),
        (
            json!({"name": "a", "kind": "mail", "addresses": ["nobody"]}),
            "addresses",
        ),
        (json!({"name": "a", "kind": "slack"}), "url"),
        (json!({"name": "a", "kind": "slack", "url": "ftp://a/b"}), "url"),
        (
            json!({"name": "a", "kind": "slack", "url": "http://169.254.169.254/x"}),
            "url",
        ),
        (
            json!({"name": "a", "kind": "slack", "url": "https://a/b", "key": "k"}),
            "key",
        ),
    ] {
        assert_eq!(refused(&ann, path, body).await, [field]);
    }
    let hook = json!({"name": "hook", "kind": "webhook", "url": "https://hooks.example.org:8443/planted-token",
        "key": "planted-key"});
    let hook = made(&ann, path, hook).await;
    assert_eq!(
        (&hook["place"], &hook["signed"]),
        (&json!("https://hooks.example.org:8443"), &json!(true))
    );
    let one = format!("{path}/{}", hook["id"].as_str().unwrap());
    let kept = json!({"name": "renamed", "kind": "webhook"});
    let (status, kept) = ann.call(Method::PUT, &one, Some(kept)).await;
    assert_eq!(
        (status, &kept["place"], &kept["signed"]),
        (200, &hook["place"], &json!(true)),
        "{kept}"
    );
    let moved = json!({"name": "renamed", "kind": "webhook", "url": "https://b.example.org/planted"});
    let (_, moved) = ann.call(Method::PUT, &one, Some(moved)).await;
    assert_eq!(moved["signed"], json!(false), "a new address has no key: {moved}");

    let rule = made(&ann, "/api/v1/alerts/rules", busy(&[&hook])).await;
    let (status, problem) = ann.delete(&one).await;
    assert_eq!((status, &problem["type"]), (409, &json!("receiver-in-use")));
    let rule = format!("/api/v1/alerts/rules/{}", rule["id"].as_str().unwrap());
    assert_eq!(ann.delete(&rule).await.0, 204);
    let (_, log) = ann.get("/api/v1/audit?limit=100").await;
    let (_, list) = ann.get(path).await;
    for text in [log, list, kept, moved] {
        assert!(!text.to_string().contains("planted"), "{text}");
    }
    assert_eq!(ann.delete(&one).await.0, 204);
});

both_databases!(
    the_narrow_see_and_silence_only_their_hosts_and_write_no_rules,
    |test| {
        let owner = test.member("olga", Role::Owner).await;
        let ann = test.member("ann", Role::Admin).await;
        let (mine, other) = (new_host(test, "web-1").await, new_host(test, "web-2").await);
        let mut rule = busy(&[]);
        rule["forS"] = 0.into();
        made(&owner, "/api/v1/alerts/rules", rule.clone()).await;
        let mut evaluator = Evaluator::new(&test.app);
        rounds(test, &mut evaluator, other, 95, 1).await;
        rounds(test, &mut evaluator, mine, 95, 1).await;
        assert_eq!(alerts(&ann, "").await.len(), 2);

        let template = json!({"name": "one", "operations": [], "objects": {"hosts": [mine]}});
        let template = made(&owner, "/api/v1/permission-templates", template).await;
        let (_, members) = owner.get("/api/v1/members?search=ann").await;
        let path = format!(
            "/api/v1/members/{}/permissions",
            members["items"][0]["userId"].as_str().unwrap()
        );
        let given = owner
            .call(Method::PUT, &path, Some(json!({"templateId": template["id"]})))
            .await;
        assert_eq!(given.0, 200, "{given:?}");
        let seen = alerts(&ann, "").await;
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0]["hostId"], json!(mine));
        let hidden = alerts(&owner, &format!("host={other}")).await.remove(0);
        let path = format!("/api/v1/alerts/{}", hidden["id"].as_str().unwrap());
        assert_eq!((ann.get(&path).await.0, owner.get(&path).await.0), (404, 200));
        rule["name"] = "another".into();
        assert_eq!(ann.post("/api/v1/alerts/rules", rule).await.0, 403);
        assert_eq!(ann.post("/api/v1/alerts/receivers", mail_to("a@b")).await.0, 403);
        let ends = test.app.clock.now().plus_ms(60_000);
        let silence = |matchers: Value| json!({"matchers": matchers, "endsAt": ends, "reason": "why"});
        for (matchers, status) in [
            (json!({"hosts": {"ids": [mine]}}), 201),
            (json!({"hosts": {"ids": [mine, other]}}), 404),
            (json!({}), 403),
        ] {
            assert_eq!(
                ann.post("/api/v1/alerts/silences", silence(matchers)).await.0,
                status
            );
        }
    }
);
