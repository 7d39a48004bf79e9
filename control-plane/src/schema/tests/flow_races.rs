//! Many who decide at once: each is counted once, and there is one release.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{propose, server};
use crate::{
    access::Role,
    testing::{Client, Test, both_databases},
};

async fn opened(test: &Test, author: &Client<'_>, steps: &str) -> String {
    let flow = format!(
        "apiVersion: v1alpha1\nkind: ApprovalFlow\nmetadata: {{name: f}}\nspec: {{steps: [{steps}]}}\n"
    );
    let (status, applied) = test.admin().await.post_text("/api/v1/schema/apply", &flow).await;
    assert_eq!(status, 200, "{applied}");
    let (status, proposed) = propose(author, "1.0", &["pg"], "select 1").await;
    assert_eq!(status, 201, "{proposed}");
    format!(
        "/api/v1/schema/tickets/{}",
        proposed["ticketId"].as_str().unwrap()
    )
}

fn approvals(ticket: &Value) -> Vec<usize> {
    let steps = ticket["steps"].as_array().unwrap();
    steps
        .iter()
        .map(|step| step["approvals"].as_array().unwrap().len())
        .collect()
}

both_databases!(one_person_s_many_clicks_are_one_yes, |test| {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    test.member("cas", Role::Admin).await;
    let ticket = opened(
        test,
        &ann,
        "{name: both, role: ADMIN, quorum: 2}, {name: last, role: ADMIN}",
    )
    .await;
    let path = format!("{ticket}/approve");
    let clicks = join_all((0..8).map(|_| bob.post(&path, json!({})))).await;
    let good = clicks.iter().filter(|(status, _)| *status == 200).count();
    assert_eq!(good, 1, "{clicks:?}");
    assert!(
        clicks.iter().all(|(status, _)| [200, 409].contains(status)),
        "{clicks:?}"
    );
    let (_, seen) = ann.get(&ticket).await;
    assert_eq!(
        (approvals(&seen), &seen["status"]),
        (vec![1, 0], &json!("pending"))
    );
});

both_databases!(the_last_approvals_at_once_make_one_release, |test| {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let mut admins = Vec::new();
    for name in ["bob", "cas", "dan", "eve", "fay"] {
        admins.push(test.member(name, Role::Admin).await);
    }
    let ticket = opened(test, &ann, "{name: three, role: ADMIN, quorum: 3}").await;
    let path = format!("{ticket}/approve");
    let answers = join_all(admins.iter().map(|admin| admin.post(&path, json!({})))).await;
    let of = |wanted: u16| answers.iter().filter(|(status, _)| *status == wanted).count();
    assert_eq!((of(200), of(409)), (3, 2), "{answers:?}");
    let released = answers.iter().filter(|(_, body)| body["releaseId"].is_string());
    assert_eq!(released.count(), 1);
    let (_, page) = ann.get("/api/v1/schema/releases").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    let (_, seen) = ann.get(&ticket).await;
    assert_eq!((approvals(&seen), &seen["status"]), (vec![3], &json!("approved")));
});

both_databases!(a_yes_and_a_no_at_once_are_one_decision, |test| {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let (bob, cas) = (
        test.member("bob", Role::Admin).await,
        test.member("cas", Role::Admin).await,
    );
    let ticket = opened(test, &ann, "{name: one, role: ADMIN}").await;
    let (yes, no, back) = (
        format!("{ticket}/approve"),
        format!("{ticket}/reject"),
        format!("{ticket}/withdraw"),
    );
    let (approved, rejected, withdrawn) = tokio::join!(
        bob.post(&yes, json!({})),
        cas.post(&no, json!({"comment": "no"})),
        ann.post(&back, json!({}))
    );
    let all = [&approved, &rejected, &withdrawn];
    assert_eq!(
        all.iter().filter(|(status, _)| *status == 200).count(),
        1,
        "{all:?}"
    );
    let (_, seen) = ann.get(&ticket).await;
    let (_, page) = ann.get("/api/v1/schema/releases").await;
    let releases = page["items"].as_array().unwrap().len();
    assert_eq!(releases == 1, seen["status"] == "approved", "{seen}");
});

both_databases!(a_rejected_ticket_is_corrected_by_one_other, |test| {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    let ticket = opened(test, &ann, "{name: one, role: ADMIN}").await;
    let (status, _) = bob
        .post(&format!("{ticket}/reject"), json!({"comment": "name it"}))
        .await;
    assert_eq!(status, 200);
    let path = format!("{ticket}/resubmit");
    let answers = join_all((0..6).map(|nth| {
        let body = json!({"version": format!("1.{nth}"), "sql": "select 2"});
        ann.post(&path, body)
    }))
    .await;
    let good = answers.iter().filter(|(status, _)| *status == 201).count();
    assert_eq!(good, 1, "{answers:?}");
});
