//! Environments' policies: which flow decides what, whether authors decide; and what was rejected and corrected.

use axum::http::Method;
use serde_json::{Value, json};

use super::{propose, server};
use crate::{
    access::Role,
    testing::{Client, both_databases},
};

const APPLY: &str = "/api/v1/schema/apply";
const PROD: &str = "/api/v1/schema/policies/prod";

const FLOWS: &str = "apiVersion: v1alpha1\nkind: ApprovalFlow\nmetadata: {name: light}\nspec: {environments: [test], \
    steps: [{name: any, role: MEMBER}]}\n---\n\
    apiVersion: v1alpha1\nkind: ApprovalFlow\nmetadata: {name: hard}\nspec: {environments: [test], \
    steps: [{name: owner, role: OWNER}]}\n";

async fn set(client: &Client<'_>, policy: Value) -> (u16, Value) {
    client.call(Method::PUT, PROD, Some(policy)).await
}

fn path(proposed: &Value) -> String {
    format!(
        "/api/v1/schema/tickets/{}",
        proposed["ticketId"]
            .as_str()
            .unwrap_or_else(|| panic!("{proposed}"))
    )
}

both_databases!(the_policy_names_the_flow_for_each_risk, |test| {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    assert_eq!(bob.post_text(APPLY, FLOWS).await.0, 200);
    let (_, usual) = ann.get(PROD).await;
    assert_eq!(
        (&usual["authorMayDecide"], &usual["updatedAt"]),
        (&json!(false), &Value::Null),
        "{usual}"
    );
    let (status, wrong) = set(&bob, json!({"flows": {"safe": "nowhere"}})).await;
    assert_eq!(
        (status, &wrong["errors"][0]["field"]),
        (422, &json!("flows.safe")),
        "{wrong}"
    );
    assert_eq!(set(&ann, json!({})).await.0, 403);
    let policy = json!({"flows": {"safe": "light", "destructive": "hard"}});
    let (status, policy) = set(&bob, policy).await;
    assert_eq!((status, &policy["updatedBy"]), (200, &json!("bob")), "{policy}");
    let (_, all) = ann.get("/api/v1/schema/policies").await;
    let prod = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["environment"] == "prod");
    assert_eq!(prod.unwrap()["flows"]["destructive"], "hard", "{all}");

    let flow_of = async |version: &str, sql: &str| {
        let (_, proposed) = propose(&ann, version, &["pg"], sql).await;
        let (_, ticket) = ann.get(&path(&proposed)).await;
        ticket["steps"][0]["flow"].as_str().unwrap().to_owned()
    };
    assert_eq!(flow_of("1", "create table a (id int)").await, "light");
    assert_eq!(flow_of("2", "drop table a").await, "hard");

    // What a policy names stays, and so does the choice.
    let (_, documents) = bob
        .get("/api/v1/schema/documents?kind=ApprovalFlow&search=hard")
        .await;
    let hard = format!(
        "/api/v1/schema/documents/{}",
        documents["items"][0]["id"].as_str().unwrap()
    );
    let (status, used) = bob.delete(&hard).await;
    assert_eq!(
        (status, &used["type"]),
        (409, &json!("document-in-use")),
        "{used}"
    );
    assert_eq!(set(&bob, json!({})).await.0, 200);
    assert_eq!(bob.delete(&hard).await.0, 204);
    assert_eq!(flow_of("3", "drop table a").await, "");
    let stranger = test.stranger("others").await;
    assert_eq!(
        stranger.get(PROD).await.1["updatedAt"],
        Value::Null,
        "theirs is another"
    );
    assert_eq!(bob.get("/api/v1/schema/policies/nowhere").await.0, 404);
});

both_databases!(authors_decide_only_where_the_policy_lets_them, |test| {
    server(test, "pg", "Postgres").await;
    let bob = test.member("bob", Role::Admin).await;
    let (_, before) = propose(&bob, "1", &["pg"], "select 1").await;
    assert_eq!(set(&bob, json!({"authorMayDecide": true})).await.0, 200);
    let approve = async |ticket: &Value| {
        let path = format!("{}/approve", path(ticket));
        bob.post(&path, json!({})).await
    };
    assert_eq!(
        approve(&before).await.0,
        403,
        "it was opened under another policy"
    );
    let (_, after) = propose(&bob, "2", &["pg"], "select 1").await;
    let (_, third) = propose(&bob, "3", &["pg"], "select 1").await;
    assert_eq!(approve(&after).await.1["status"], "approved");
    assert_eq!(set(&bob, json!({"authorMayDecide": false})).await.0, 200);
    assert_eq!(
        approve(&third).await.0,
        403,
        "nor does an old one outlive its policy"
    );
    let reject = format!("{}/reject", path(&third));
    assert_eq!(bob.post(&reject, json!({"comment": "x"})).await.0, 403);
});

both_databases!(
    what_was_rejected_is_corrected_and_goes_through_all_steps_again,
    |test| {
        server(test, "pg", "Postgres").await;
        let (ann, bob) = (
            test.member("ann", Role::Member).await,
            test.member("bob", Role::Admin).await,
        );
        let (_, first) = propose(&ann, "1.0", &["pg"], "drop table a").await;
        let first = path(&first);
        let resubmit = format!("{first}/resubmit");
        let (status, early) = ann.post(&resubmit, json!({})).await;
        assert_eq!((status, &early["type"]), (409, &json!("not-rejected")), "{early}");
        bob.post(&format!("{first}/reject"), json!({"comment": "not the table"}))
            .await;
        let (_, messages) = ann.get("/api/v1/messages").await;
        let message = &messages["items"][0];
        assert_eq!(
            (
                &message["code"],
                &message["params"]["reason"],
                &message["subMode"]
            ),
            (&json!("ticketRejected"), &json!("not the table"), &json!(1))
        );
        assert_eq!(ann.get(&first).await.1["resubmittable"], true);
        assert_eq!(bob.post(&resubmit, json!({})).await.0, 403, "it is not theirs");
        let body = json!({"sql": "alter table a drop column b", "comment": "only the column"});
        let (status, second) = ann.post(&resubmit, body).await;
        assert_eq!(status, 201, "{second}");
        let second = path(&second);
        let (_, seen) = bob.get(&second).await;
        assert_eq!(
            (&seen["version"], &seen["sql"], &seen["decidable"]),
            (&json!("1.0"), &json!("alter table a drop column b"), &json!(true))
        );
        assert_eq!(seen["events"][0]["comment"], "only the column");
        let (_, old) = bob.get(&first).await;
        assert_eq!(old["correctedBy"], seen["id"]);
        assert_eq!(
            (&seen["corrects"], &old["sql"]),
            (&old["id"], &json!("drop table a"))
        );
        assert_eq!(
            (&old["resubmittable"], &old["steps"][0]["state"]),
            (&json!(false), &json!("ended"))
        );
        let (status, twice) = ann.post(&resubmit, json!({})).await;
        assert_eq!(
            (status, &twice["type"]),
            (409, &json!("already-corrected")),
            "{twice}"
        );
        // Taken back, it may be corrected once more.
        assert_eq!(ann.post(&format!("{second}/withdraw"), json!({})).await.0, 200);
        assert_eq!(ann.post(&resubmit, json!({})).await.0, 201);
    }
);

both_databases!(what_was_published_is_computed_anew, |test| {
    server(test, "pg", "Postgres").await;
    let (ann, bob) = (
        test.member("ann", Role::Member).await,
        test.member("bob", Role::Admin).await,
    );
    let design = |column: &str| {
        format!(
            "apiVersion: v1alpha1\nkind: DatabaseSnapshot\nmetadata: {{name: shop}}\nspec:\n  \
             basic: {{name: shop, comment: Orders, type: Postgres}}\n---\n\
             apiVersion: v1alpha1\nkind: TableSnapshot\nmetadata: {{name: t}}\nspec:\n  database: shop\n  columns:\n    \
             - {{name: {column}, dataType: bigint, primaryKey: true}}\n"
        )
    };
    assert_eq!(ann.post_text(APPLY, &design("wrong")).await.0, 200);
    let body = json!({"version": "1.0", "database": "shop", "environment": "prod", "servers": ["pg"]});
    let (status, first) = ann.post("/api/v1/schema/publish", body).await;
    assert_eq!(status, 201, "{first}");
    let first = path(&first);
    bob.post(&format!("{first}/reject"), json!({"comment": "call it id"}))
        .await;
    assert_eq!(ann.post_text(APPLY, &design("id")).await.0, 200);
    let resubmit = format!("{first}/resubmit");
    assert_eq!(ann.post(&resubmit, json!({"sql": "select 1"})).await.0, 422);
    let (status, second) = ann.post(&resubmit, json!({})).await;
    assert_eq!(status, 201, "{second}");
    let sql = second["servers"][0]["sql"].as_str().unwrap();
    assert!(sql.contains("id bigint") && !sql.contains("wrong"), "{sql}");
});
