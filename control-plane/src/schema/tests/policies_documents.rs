//! Environments' policies in documents: applied, left as they are, exported.

use serde_json::{Value, json};

use super::{
    documents::{APPLY, changes},
    errors,
};
use crate::{access::Role, testing::both_databases};

const PROD: &str = "/api/v1/schema/policies/prod";

/// With the flow that it names in the same text, after it.
const STRICT: &str = "apiVersion: v1alpha1\nkind: Environment\nmetadata: {name: prod}\nspec:\n  label: Live\n  policy:\n    \
    flows: {destructive: owners}\n    windows: {zone: Europe/Berlin, weekly: [{days: [sunday], from: '02:00', to: '04:00'}]}\n    \
    setAsideDays: 30\n    maxRows: 1000\n    lint: {select-star: error}\n---\n\
    apiVersion: v1alpha1\nkind: ApprovalFlow\nmetadata: {name: owners}\nspec: {environments: [prod], \
    steps: [{name: owner, role: OWNER}]}\n";

fn only(policy: &str) -> String {
    format!("apiVersion: v1alpha1\nkind: Environment\nmetadata: {{name: prod}}\nspec: {{policy: {policy}}}\n")
}

fn change_of(applied: &Value, name: &str) -> String {
    let all = changes(applied);
    let found = all.iter().find(|(of, _, _)| of == name);
    found.unwrap_or_else(|| panic!("{applied}")).1.clone()
}

both_databases!(a_policy_is_applied_kept_and_exported, |test| {
    let admin = test.admin().await;
    let (status, tried) = admin.post_text(&format!("{APPLY}?dryRun=true"), STRICT).await;
    assert_eq!((status, change_of(&tried, "prod").as_str()), (200, "changed"));
    assert_eq!(
        admin.get(PROD).await.1["updatedAt"],
        Value::Null,
        "it was only tried"
    );

    let (status, applied) = admin.post_text(APPLY, STRICT).await;
    assert_eq!(status, 200, "{applied}");
    let (_, policy) = admin.get(PROD).await;
    assert_eq!(
        (
            &policy["flows"]["destructive"],
            &policy["setAsideDays"],
            &policy["maxRows"]
        ),
        (&json!("owners"), &json!(30), &json!(1000)),
        "{policy}"
    );
    assert_eq!(policy["windows"]["weekly"][0]["days"], json!(["sunday"]));
    let (_, again) = admin.post_text(APPLY, STRICT).await;
    assert_eq!(change_of(&again, "prod"), "unchanged", "{again}");
    let (_, same) = admin.get(PROD).await;
    assert_eq!(same["updatedAt"], policy["updatedAt"]);

    // What is left out stays, null takes away.
    let (_, applied) = admin
        .post_text(APPLY, &only("{maxRows: null, authorMayDecide: true}"))
        .await;
    assert_eq!(change_of(&applied, "prod"), "changed");
    let (_, policy) = admin.get(PROD).await;
    assert_eq!(
        (
            &policy["maxRows"],
            &policy["authorMayDecide"],
            &policy["flows"]["destructive"]
        ),
        (&Value::Null, &json!(true), &json!("owners")),
        "{policy}"
    );

    let (_, text) = admin.get("/api/v1/schema/export?kind=Environment").await;
    let text = text.as_str().unwrap();
    assert!(
        text.contains("setAsideDays: 30") && text.contains("label: Live") && !text.contains("updatedBy"),
        "{text}"
    );
    assert!(!text.contains("ApprovalFlow"), "{text}");
    let (status, again) = admin.post_text(APPLY, text).await;
    assert_eq!(status, 200, "{again}\n{text}");
    assert!(
        changes(&again).iter().all(|(_, change, _)| change == "unchanged"),
        "{again}\n{text}"
    );
    let (_, audit) = admin.get("/api/v1/audit?limit=500").await;
    let set = audit["items"].as_array().unwrap().iter();
    assert_eq!(
        set.filter(|row| row["operation"] == "environment:policy").count(),
        2,
        "each change is on record, and nothing else"
    );
});

both_databases!(a_policy_that_is_wrong_or_not_theirs_is_refused, |test| {
    let admin = test.admin().await;
    for (policy, field, says) in [
        (
            "{flows: {safe: nobody}}",
            "spec.policy.flows.safe",
            "there is no ApprovalFlow nobody",
        ),
        (
            "{setAsideDays: 0}",
            "spec.policy.setAsideDays",
            "must be 1 to 365",
        ),
        ("{maxRowss: 1}", "spec.policy", "unknown field"),
        ("often", "spec.policy", "must be a map of fields"),
    ] {
        let (status, wrong) = admin.post_text(APPLY, &only(policy)).await;
        assert_eq!(status, 422, "{policy}: {wrong}");
        let (found, message) = errors(&wrong).remove(0);
        assert_eq!(found, field, "{policy}: {wrong}");
        assert!(
            message.contains(says) && message.contains("line"),
            "{policy}: {message}"
        );
    }
    assert_eq!(admin.get(PROD).await.1["updatedAt"], Value::Null);
    // Whoever may design, but sets no policies.
    let ann = test.member("ann", Role::Member).await;
    let (status, refused) = ann.post_text(APPLY, &only("{maxRows: 5}")).await;
    assert_eq!(status, 403, "{refused}");
    assert_eq!(admin.get(PROD).await.1["updatedAt"], Value::Null);
    let (status, text) = ann.get("/api/v1/schema/export").await;
    assert_eq!(status, 200, "{text}");
});
