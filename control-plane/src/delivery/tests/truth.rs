//! What somebody does to containers by hand: found, shown, told, and put right.

use muster_base::{HostId, OrderId};
use muster_protocol::latest::{ContainerFacts, ContainerState};
use serde_json::{Value, json};

use super::{created, deploy, get_deployment, moves, new_host, wait_until};
use crate::{
    access::Role,
    containers::tests::{connected, container, has},
    db::DbError,
    delivery::{
        store,
        truth_look::{count_read_for_tests, look},
    },
    in_tx,
    testing::{Client, Test, both_databases},
    work::OrderState,
};

const MINUTE_MS: i64 = 60_000;
/// Whatever settles has settled.
const SETTLED_MS: i64 = 16_000;

/// The container that this order made.
fn made_by(order: OrderId, state: ContainerState) -> ContainerFacts {
    let mut facts = container("shop", None);
    facts.state = state;
    facts.labels = vec![
        ("muster.order".to_owned(), order.to_string()),
        ("muster.version".to_owned(), "1".to_owned()),
    ];
    facts
}

async fn application(client: &Client<'_>, hosts: &[HostId], more: Value) -> String {
    let mut environment = json!({"hosts": hosts});
    for (key, value) in more.as_object().unwrap() {
        environment[key] = value.clone();
    }
    let body = json!({"name": "shop", "image": "team/shop", "environments": {"default": environment}});
    let made = created(client, "/api/v1/applications", body).await;
    made["id"].as_str().unwrap().to_owned()
}

async fn targets(client: &Client<'_>, application: &str) -> Vec<Value> {
    let path = format!("/api/v1/applications/{application}/environments/default/targets");
    let (status, page) = client.get(&path).await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().unwrap().clone()
}

async fn target(client: &Client<'_>, application: &str, host: HostId) -> Value {
    let all = targets(client, application).await;
    let found = all.into_iter().find(|one| one["hostId"] == json!(host));
    found.unwrap()
}

/// Has all its hosts do a deployment; which order the host had.
async fn all_done(client: &Client<'_>, id: &str, host: HostId) -> OrderId {
    let ordered = wait_until(client, id, |deployment| {
        let hosts = deployment["hosts"].as_array().unwrap();
        !hosts.is_empty() && hosts.iter().all(|host| host["orderId"].is_string())
    })
    .await;
    let mut own = None;
    for one in ordered["hosts"].as_array().unwrap() {
        let order: OrderId = one["orderId"].as_str().unwrap().parse().unwrap();
        moves(client.test(), order, OrderState::Done, None).await;
        if one["hostId"] == json!(host) {
            own = Some(order);
        }
    }
    assert_eq!(get_deployment(client, id).await["status"], "success");
    own.unwrap()
}

async fn inbox(client: &Client<'_>) -> Vec<Value> {
    let (status, page) = client.get("/api/v1/messages").await;
    assert_eq!(status, 200, "{page}");
    let items = page["items"].as_array().unwrap().iter();
    items.filter(|message| message["mode"] == 9).cloned().collect()
}

async fn reconcile(client: &Client<'_>, application: &str) -> (u16, Value) {
    let path = format!("/api/v1/applications/{application}/environments/default/reconcile");
    client.test().app.clock.advance(10);
    client.post(&path, json!({})).await
}

/// What the policy, or a person, asked for to put it right; the newest first.
async fn tries(client: &Client<'_>, application: &str) -> Vec<Value> {
    let path = format!("/api/v1/deployments?applicationId={application}");
    let (status, page) = client.get(&path).await;
    assert_eq!(status, 200, "{page}");
    let all = page["items"].as_array().unwrap().iter();
    all.filter(|one| one["triggerType"] == "reconcile")
        .cloned()
        .collect()
}

/// A look, and the one after it.
async fn looked_twice(test: &Test) {
    look(&test.app).await.unwrap();
    test.app.clock.advance(5_000);
    look(&test.app).await.unwrap();
}

both_databases!(a_look_reads_what_was_placed_and_not_all_that_runs_there, |test| {
    let admin = test.admin().await;
    let org = test.default_org().await;
    let (host, running) = connected(test, &admin, &[]).await;
    let shop = application(&admin, &[host.id], json!({})).await;
    let id = deploy(&admin, &shop, "1").await;
    let order = all_done(&admin, &id, host.id).await;
    let mut all: Vec<_> = (0..300).map(|n| container(&format!("other-{n}"), None)).collect();
    all.push(made_by(order, ContainerState::Running));
    has(test, host.id, &all).await;
    assert_eq!(count_read_for_tests(&test.app, org).await, 1);
    test.app.clock.advance(SETTLED_MS);
    look(&test.app).await.unwrap();
    assert_eq!(target(&admin, &shop, host.id).await["state"], "inStep");

    // Under another name it is found among all of them.
    all.last_mut().unwrap().name = "renamed".to_owned();
    has(test, host.id, &all).await;
    assert_eq!(count_read_for_tests(&test.app, org).await, 301);
    look(&test.app).await.unwrap();
    let seen = target(&admin, &shop, host.id).await;
    assert_eq!(
        (&seen["state"], &seen["found"]["name"]),
        (&json!("missing"), &json!("renamed")),
        "{seen}"
    );

    // Who names another org changes nothing.
    let told = async |org| -> Result<bool, DbError> {
        let of = (org, shop.parse().unwrap(), "default");
        Ok(in_tx!(test.app.db, |tx| {
            store::placement::set_told(tx, of, &[host.id], true).await?
        }))
    };
    assert!(!told(test.app.clock.new_id()).await.unwrap());
    assert!(told(org).await.unwrap());
    running.stop().await;
});

both_databases!(
    what_was_removed_by_hand_is_shown_told_once_and_put_right,
    |test| {
        let admin = test.admin().await;
        let tom = test.member("tom", Role::Member).await;
        let vera = test.member("vera", Role::Viewer).await;
        let (host, running) = connected(test, &admin, &[]).await;
        let shop = application(&admin, &[host.id], json!({})).await;
        assert_eq!(target(&admin, &shop, host.id).await["state"], "notDeployed");
        let (status, refused) = reconcile(&tom, &shop).await;
        assert_eq!(
            (status, &refused["type"]),
            (409, &json!("nothing-drifted")),
            "{refused}"
        );

        let id = deploy(&admin, &shop, "1").await;
        let order = all_done(&admin, &id, host.id).await;
        // What the agent has not told yet is no drift.
        look(&test.app).await.unwrap();
        let seen = target(&admin, &shop, host.id).await;
        assert_eq!(
            (&seen["state"], &seen["expected"]["version"]),
            (&json!("inStep"), &json!("1")),
            "{seen}"
        );
        has(test, host.id, &[made_by(order, ContainerState::Running)]).await;
        test.app.clock.advance(SETTLED_MS);
        look(&test.app).await.unwrap();
        let seen = target(&admin, &shop, host.id).await;
        assert_eq!(
            (&seen["state"], &seen["found"]["state"]),
            (&json!("inStep"), &json!("running")),
            "{seen}"
        );

        has(test, host.id, &[]).await;
        look(&test.app).await.unwrap();
        let seen = target(&vera, &shop, host.id).await;
        assert_eq!(
            (&seen["state"], &seen["drifted"]),
            (&json!("missing"), &json!(true)),
            "{seen}"
        );
        assert!(
            seen["driftSince"].is_string() && seen["found"].is_null(),
            "{seen}"
        );
        for _ in 0..3 {
            looked_twice(test).await;
        }
        let told = inbox(&tom).await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(
            (&told[0]["code"], &told[0]["tip"]),
            (&json!("targetsDrifted"), &json!(shop))
        );
        assert_eq!(inbox(&vera).await.len(), 0, "she can do nothing about it");

        let stranger = test.stranger("elsewhere").await;
        assert_eq!(reconcile(&stranger, &shop).await.0, 404);
        assert_eq!(reconcile(&vera, &shop).await.0, 403);
        let (status, accepted) = reconcile(&tom, &shop).await;
        assert_eq!(status, 202, "{accepted}");
        let again = accepted["deploymentId"].as_str().unwrap();
        let (status, refused) = reconcile(&tom, &shop).await;
        assert_eq!(
            (status, &refused["type"]),
            (409, &json!("deployment-under-way")),
            "{refused}"
        );
        let order = all_done(&admin, again, host.id).await;
        let deployment = get_deployment(&admin, again).await;
        assert_eq!(
            (
                &deployment["triggerType"],
                &deployment["originId"],
                &deployment["version"]
            ),
            (&json!("reconcile"), &json!(id), &json!("1"))
        );
        has(test, host.id, &[made_by(order, ContainerState::Running)]).await;
        looked_twice(test).await;
        let told = inbox(&tom).await;
        assert_eq!(
            (told.len(), &told[0]["code"]),
            (2, &json!("targetsInStep")),
            "{told:?}"
        );
        assert_eq!(target(&admin, &shop, host.id).await["state"], "inStep");
        running.stop().await;
    }
);

both_databases!(
    only_hosts_that_drifted_are_deployed_to_and_absent_ones_are_unknown,
    |test| {
        let admin = test.admin().await;
        let absent = new_host(test, "absent").await;
        let (host, running) = connected(test, &admin, &[]).await;
        let shop = application(&admin, &[host.id, absent], json!({})).await;
        let id = deploy(&admin, &shop, "1").await;
        let order = all_done(&admin, &id, host.id).await;
        has(test, host.id, &[made_by(order, ContainerState::Exited)]).await;
        test.app.clock.advance(SETTLED_MS);
        look(&test.app).await.unwrap();
        assert_eq!(target(&admin, &shop, absent).await["state"], "unknown");
        assert_eq!(target(&admin, &shop, host.id).await["state"], "stopped");

        let (status, accepted) = reconcile(&admin, &shop).await;
        assert_eq!(status, 202, "{accepted}");
        let again = accepted["deploymentId"].as_str().unwrap();
        let order = all_done(&admin, again, host.id).await;
        let deployment = get_deployment(&admin, again).await;
        let hosts = deployment["hosts"].as_array().unwrap();
        assert_eq!((hosts.len(), &hosts[0]["hostId"]), (1, &json!(host.id)));

        // Somebody takes the name for a container of their own, then made it anew with our labels.
        has(test, host.id, &[made_by(order, ContainerState::Running)]).await;
        test.app.clock.advance(SETTLED_MS);
        look(&test.app).await.unwrap();
        let mut other = made_by(order, ContainerState::Running);
        other.image_id = "sha256:02".to_owned();
        for (there, state) in [(container("shop", None), "replaced"), (other, "otherImage")] {
            has(test, host.id, &[there]).await;
            look(&test.app).await.unwrap();
            assert_eq!(target(&admin, &shop, host.id).await["state"], state);
        }
        // Nobody can look: what was found stays noted.
        running.stop().await;
        while test.app.links.is_online(host.id) {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        look(&test.app).await.unwrap();
        let seen = target(&admin, &shop, host.id).await;
        assert_eq!(seen["state"], "unknown");
        assert!(seen["driftSince"].is_string(), "{seen}");
        // A new deployment goes to all of them again.
        let next = deploy(&admin, &shop, "2").await;
        let deployment = wait_until(&admin, &next, |d| {
            d["hosts"].as_array().is_some_and(|h| h.len() == 2)
        })
        .await;
        assert_eq!(deployment["triggerType"], "manual");
    }
);

both_databases!(a_policy_tries_three_times_and_then_leaves_it_to_people, |test| {
    let admin = test.admin().await;
    let (host, running) = connected(test, &admin, &[]).await;
    let shop = application(&admin, &[host.id], json!({"drift": "reconcile"})).await;
    let first = deploy(&admin, &shop, "1").await;
    all_done(&admin, &first, host.id).await;
    // The container never stays: somebody, or something, removes it each time.
    for (attempt, pause) in [(1, 0), (2, 2), (3, 10)] {
        test.app.clock.advance(SETTLED_MS);
        look(&test.app).await.unwrap();
        test.app.clock.advance(pause * MINUTE_MS);
        looked_twice(test).await;
        // One sign-in for each attempt: more are refused, and one ends with the clock.
        let admin = test.admin().await;
        let made = tries(&admin, &shop).await;
        assert_eq!(made.len(), attempt, "{made:?}");
        assert_eq!(made[0]["triggeredBy"]["kind"], "system");
        looked_twice(test).await;
        assert_eq!(tries(&admin, &shop).await.len(), attempt, "one at a time");
        all_done(&admin, made[0]["id"].as_str().unwrap(), host.id).await;
        looked_twice(test).await;
        assert_eq!(tries(&admin, &shop).await.len(), attempt, "it rests");
    }
    test.app.clock.advance(30 * MINUTE_MS);
    looked_twice(test).await;
    looked_twice(test).await;
    let admin = test.admin().await;
    assert_eq!(tries(&admin, &shop).await.len(), 3);
    let seen = target(&admin, &shop, host.id).await;
    assert_eq!(
        (&seen["state"], &seen["attempts"], &seen["held"]),
        (&json!("missing"), &json!(3), &json!("attempts")),
        "{seen}"
    );
    // A person may.
    assert_eq!(reconcile(&admin, &shop).await.0, 202);
    running.stop().await;
});
