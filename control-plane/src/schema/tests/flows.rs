//! Approval flows: which one a ticket gets, its steps in order, who may decide them.

use serde_json::{Value, json};

use super::{propose, server};
use crate::{
    access::Role,
    testing::{Client, Test, both_databases},
};

const APPLY: &str = "/api/v1/schema/apply";

/// A document of a flow.
fn flow(name: &str, spec: &str) -> String {
    format!("apiVersion: v1alpha1\nkind: ApprovalFlow\nmetadata: {{name: {name}}}\nspec: {spec}\n")
}

async fn apply_flow(test: &Test, name: &str, spec: &str) {
    let (status, applied) = test.admin().await.post_text(APPLY, &flow(name, spec)).await;
    assert_eq!(status, 200, "{applied}");
}

/// Proposes something safe; the ticket's path.
async fn opened(client: &Client<'_>, version: &str) -> String {
    let (status, proposed) = propose(client, version, &["pg"], "create table a (id int);").await;
    assert_eq!(status, 201, "{proposed}");
    format!(
        "/api/v1/schema/tickets/{}",
        proposed["ticketId"].as_str().unwrap()
    )
}

async fn approve(client: &Client<'_>, ticket: &str) -> (u16, Value) {
    client.post(&format!("{ticket}/approve"), json!({})).await
}

/// Where the steps stand, and how often each was approved by what counts.
async fn standing(client: &Client<'_>, ticket: &str) -> Vec<(String, usize)> {
    let (status, seen) = client.get(ticket).await;
    assert_eq!(status, 200, "{seen}");
    let counting = |step: &Value| {
        let approvals = step["approvals"].as_array().unwrap();
        approvals.iter().filter(|one| one["counts"] == true).count()
    };
    seen["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["state"].as_str().unwrap().to_owned(), counting(step)))
        .collect()
}

fn said(states: &[(&str, usize)]) -> Vec<(String, usize)> {
    states
        .iter()
        .map(|(state, count)| ((*state).to_owned(), *count))
        .collect()
}

/// Codes of somebody's messages about tickets, by name: the tests' clock stands still.
async fn told(client: &Client<'_>) -> Vec<String> {
    let (_, page) = client.get("/api/v1/messages?limit=500").await;
    let mut codes: Vec<String> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|message| message["mode"] == 3)
        .map(|message| message["code"].as_str().unwrap().to_owned())
        .collect();
    codes.sort_unstable();
    codes
}

async fn id_of(client: &Client<'_>) -> String {
    let (_, me) = client.get("/api/v1/me").await;
    me["id"]
        .as_str()
        .or(me["user"]["id"].as_str())
        .unwrap_or_else(|| panic!("{me}"))
        .to_owned()
}

both_databases!(steps_are_approved_in_order_by_whom_they_name, |test| {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let (bob, cas) = (
        test.member("bob", Role::Admin).await,
        test.member("cas", Role::Admin).await,
    );
    let head = json!({"name": "Data", "headId": id_of(&cas).await, "memberIds": []});
    assert_eq!(test.admin().await.post("/api/v1/departments", head).await.0, 201);
    let spec = "{environments: [prod], steps: [{name: lead, user: bob}, {name: data, departmentHead: Data}, \
        {name: risky, role: OWNER, fromRisk: destructive}]}";
    apply_flow(test, "strict", spec).await;
    let ticket = opened(&ann, "1.0").await;

    let (_, seen) = bob.get(&ticket).await;
    let first = &seen["steps"][0];
    assert_eq!(
        (&first["flow"], &first["flowRevision"], &first["approverKind"]),
        (&json!("strict"), &json!(1), &json!("user"))
    );
    assert_eq!(first["openTo"], json!(["bob"]));
    assert_eq!(seen["steps"][1]["openTo"], json!(["cas"]));
    assert_eq!(seen["steps"][2]["skipped"], "risk");
    assert_eq!(
        (&seen["decidable"], &seen["rejectable"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(told(&bob).await, ["toApprove"]);
    assert!(told(&cas).await.is_empty(), "it is not their turn yet");

    // The approver of another step, and the super administrator, whom it does not name.
    for other in [&cas, &test.admin().await] {
        let (status, refused) = approve(other, &ticket).await;
        assert_eq!(
            (status, &refused["type"]),
            (403, &json!("not-an-approver")),
            "{refused}"
        );
        let (status, _) = other
            .post(&format!("{ticket}/reject"), json!({"comment": "no"}))
            .await;
        assert_eq!(status, 403);
    }
    let (status, pending) = approve(&bob, &ticket).await;
    assert_eq!(
        (status, &pending["status"]),
        (200, &json!("pending")),
        "{pending}"
    );
    assert_eq!(pending["releaseId"], Value::Null);
    let (status, again) = approve(&bob, &ticket).await;
    assert_eq!(
        (status, &again["type"]),
        (409, &json!("already-approved")),
        "{again}"
    );
    assert_eq!(
        standing(&ann, &ticket).await,
        said(&[("approved", 1), ("current", 0), ("skipped", 0)])
    );
    assert_eq!(told(&cas).await, ["toApprove"]);
    let waiting = "/api/v1/schema/tickets?waitsForMe=true";
    assert_eq!(cas.get(waiting).await.1["items"][0]["step"]["number"], 2);
    assert_eq!(bob.get(waiting).await.1["items"], json!([]));

    let (status, done) = approve(&cas, &ticket).await;
    assert_eq!((status, &done["status"]), (200, &json!("approved")), "{done}");
    let release = format!("/api/v1/schema/releases/{}", done["releaseId"].as_str().unwrap());
    let (_, release) = ann.get(&release).await;
    let names: Vec<_> = release["approvals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert_eq!(names, ["bob", "cas"]);
    assert_eq!(told(&ann).await, ["stepApproved", "ticketApproved"]);
    let (_, audit) = test.admin().await.get("/api/v1/audit?limit=500").await;
    let rows = audit["items"].as_array().unwrap();
    let of = |outcome: &str| {
        rows.iter()
            .filter(|row| {
                row["objectKind"] == "ticket"
                    && row["operation"] == "release:approve"
                    && row["outcome"] == outcome
            })
            .count()
    };
    assert_eq!(of("done"), 2);
    assert!(rows.iter().filter(|row| row["outcome"] == "refused").count() >= 4);
});

both_databases!(without_a_flow_one_other_person_approves, |test| {
    server(test, "pg", "Postgres").await;
    let (ann, bob) = (
        test.member("ann", Role::Admin).await,
        test.member("bob", Role::Admin).await,
    );
    apply_flow(
        test,
        "elsewhere",
        "{environments: [test], steps: [{name: one, role: OWNER}]}",
    )
    .await;
    let ticket = opened(&ann, "1.0").await;
    let (_, seen) = ann.get(&ticket).await;
    assert_eq!(seen["steps"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&seen["steps"][0]["approverKind"], &seen["steps"][0]["flow"]),
        (&json!("anyone"), &json!(""))
    );
    assert_eq!(approve(&ann, &ticket).await.0, 403);
    assert_eq!(approve(&bob, &ticket).await.1["status"], "approved");
});

both_databases!(a_quorum_counts_people_and_all_means_those_who_can, |test| {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Admin).await;
    let (bob, cas, dan) = (
        test.member("bob", Role::Admin).await,
        test.member("cas", Role::Admin).await,
        test.member("dan", Role::Admin).await,
    );
    apply_flow(test, "two", "{steps: [{name: both, role: ADMIN, quorum: 2}]}").await;
    let ticket = opened(&ann, "1.0").await;
    assert_eq!(approve(&bob, &ticket).await.1["status"], "pending");
    let key = json!({"name": "ci", "kind": "full"});
    let (_, key) = bob.post("/api/v1/api-keys", key).await;
    let by_key = test.with_token(key["key"].as_str().or(key["token"].as_str()).unwrap());
    assert_eq!(approve(&by_key, &ticket).await.0, 409, "a key is its person");
    assert_eq!(
        approve(&ann, &ticket).await.0,
        403,
        "the author counts for nothing"
    );
    assert_eq!(approve(&cas, &ticket).await.1["status"], "approved");

    apply_flow(
        test,
        "two",
        "{steps: [{name: each, users: [bob, cas, dan], quorum: all}]}",
    )
    .await;
    let ticket = opened(&ann, "2.0").await;
    approve(&bob, &ticket).await;
    approve(&cas, &ticket).await;
    assert_eq!(standing(&ann, &ticket).await, said(&[("current", 2)]));
    // Whoever leaves is not waited for; what is there already makes the release.
    let dans = format!("/api/v1/members/{}", id_of(&dan).await);
    assert_eq!(test.admin().await.delete(&dans).await.0, 204);
    assert_eq!(approve(&dan, &ticket).await.0, 403);
    let (status, done) = approve(&cas, &ticket).await;
    assert_eq!((status, &done["status"]), (200, &json!("approved")), "{done}");
});

both_databases!(
    a_yes_counts_no_more_when_its_giver_left_or_lost_the_right,
    |test| {
        server(test, "pg", "Postgres").await;
        let ann = test.member("ann", Role::Member).await;
        let (bob, cas, dan) = (
            test.member("bob", Role::Admin).await,
            test.member("cas", Role::Admin).await,
            test.member("dan", Role::Admin).await,
        );
        apply_flow(
            test,
            "two",
            "{steps: [{name: first, role: ADMIN}, {name: second, role: ADMIN}]}",
        )
        .await;
        let ticket = opened(&ann, "1.0").await;
        approve(&bob, &ticket).await;
        let bobs = format!("/api/v1/members/{}", id_of(&bob).await);
        let lowered = test.admin().await.patch(&bobs, json!({"role": "MEMBER"})).await;
        assert_eq!(lowered.0, 200, "{}", lowered.1);
        assert_eq!(
            standing(&ann, &ticket).await,
            said(&[("current", 0), ("waiting", 0)])
        );
        assert_eq!(approve(&cas, &ticket).await.1["status"], "pending");
        assert_eq!(
            standing(&ann, &ticket).await,
            said(&[("approved", 1), ("current", 0)])
        );
        let (_, done) = approve(&dan, &ticket).await;
        assert_eq!(done["status"], "approved", "{done}");
        let release = format!("/api/v1/schema/releases/{}", done["releaseId"].as_str().unwrap());
        let (_, release) = ann.get(&release).await;
        let names: Vec<_> = release["approvals"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["name"])
            .collect();
        assert_eq!(
            names,
            ["cas", "dan"],
            "what did not count is not under the release"
        );
    }
);

both_databases!(a_step_that_nobody_can_approve_says_so, |test| {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    test.member("cas", Role::Member).await;
    assert_eq!(
        test.admin()
            .await
            .post("/api/v1/departments", json!({"name": "Data"}))
            .await
            .0,
        201
    );
    let stuck = async |spec: &str, version: &str| {
        apply_flow(test, "f", spec).await;
        let ticket = opened(&ann, version).await;
        let (_, seen) = ann.get(&ticket).await;
        seen["steps"][0].clone()
    };
    let step = stuck("{steps: [{name: data, departmentHead: Data}]}", "1").await;
    assert_eq!(
        (&step["stuck"], &step["menders"]),
        (&json!("nobody"), &json!(["bob"]))
    );
    let step = stuck("{steps: [{name: one, user: cas}]}", "2").await;
    assert_eq!(step["stuck"], "notAllowed");
    let step = stuck("{steps: [{name: one, role: ADMIN, quorum: 2}]}", "3").await;
    assert_eq!(
        (&step["stuck"], &step["openTo"]),
        (&json!("tooFew"), &json!(["bob"]))
    );
    apply_flow(test, "f", "{steps: [{name: one, user: bob}]}").await;
    let own = opened(&bob, "4").await;
    let (_, seen) = bob.get(&own).await;
    assert_eq!(seen["steps"][0]["stuck"], "onlyAuthor");
    assert_eq!(told(&ann).await, ["ticketStuck"; 3]);
    assert_eq!(
        told(&bob).await,
        [
            "ticketStuck",
            "ticketStuck",
            "ticketStuck",
            "ticketStuck",
            "toApprove"
        ]
    );
});

both_databases!(flows_name_people_who_are_there, |test| {
    let admin = test.admin().await;
    let wrong = async |spec: &str| {
        let (status, refused) = admin.post_text(APPLY, &flow("f", spec)).await;
        assert_eq!(status, 422, "{refused}");
        refused["errors"][0]["message"].as_str().unwrap().to_owned()
    };
    assert!(
        wrong("{steps: [{name: one, user: nobody}]}")
            .await
            .contains("the org has no member nobody")
    );
    assert!(
        wrong("{steps: [{name: one, role: DBA}]}")
            .await
            .contains("the org has no role DBA")
    );
    assert!(
        wrong("{steps: [{name: one, departmentHead: Data}]}")
            .await
            .contains("the org has no department Data")
    );
    assert!(
        wrong("{steps: [{name: one, role: ADMIN, environments: [nowhere]}]}")
            .await
            .contains("there is no environment nowhere")
    );
});

both_databases!(another_org_s_approver_and_its_flows_have_no_say, |test| {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    let stranger = test.stranger("others").await;
    apply_flow(test, "f", "{steps: [{name: one, role: ADMIN}]}").await;
    let theirs = flow("lax", "{steps: [{name: one, role: MEMBER}]}");
    assert_eq!(stranger.post_text(APPLY, &theirs).await.0, 200);
    let ticket = opened(&ann, "1.0").await;
    assert_eq!(ann.get(&ticket).await.1["steps"].as_array().unwrap().len(), 1);
    for verb in ["approve", "reject", "resubmit"] {
        let path = format!("{ticket}/{verb}");
        assert_eq!(
            stranger.post(&path, json!({"comment": "x"})).await.0,
            404,
            "{verb}"
        );
    }
    let waiting = "/api/v1/schema/tickets?waitsForMe=true";
    assert_eq!(stranger.get(waiting).await.1["items"], json!([]));
    // In reach of somebody else's database only.
    let only = json!({"name": "stock", "operations": ["release:approve", "release:read"], "objects": {"databases": ["stock"]}});
    let (status, template) = test
        .admin()
        .await
        .post("/api/v1/permission-templates", only)
        .await;
    assert_eq!(status, 201, "{template}");
    let eve = test.member("eve", Role::Admin).await;
    let path = format!("/api/v1/members/{}/permissions", id_of(&eve).await);
    let body = json!({"templateId": template["id"]});
    let (status, set) = test
        .admin()
        .await
        .call(axum::http::Method::PUT, &path, Some(body))
        .await;
    assert_eq!(status, 200, "{set}");
    assert_eq!(approve(&eve, &ticket).await.0, 404);
    assert_eq!(ann.get(&ticket).await.1["steps"][0]["openTo"], json!(["bob"]));
    assert_eq!(approve(&bob, &ticket).await.1["status"], "approved");
});
