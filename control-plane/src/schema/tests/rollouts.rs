//! A release on many servers: canary first, halt at a failure, resume, continue, call off; nothing twice.

use serde_json::{Value, json};

use super::{
    executions::{moves, order},
    release, server,
};
use crate::{
    access::{Caller, Role},
    in_tx,
    keys::Keys,
    schema::{SchemaError, rolling, store, waiting},
    testing::{Client, Test, both_databases},
    work::OrderState,
};

const SERVERS: [&str; 4] = ["pg-0", "pg-1", "pg-2", "pg-3"];

/// An admin, and the path of a release on four servers.
pub(super) async fn scene(test: &Test) -> (Client<'_>, String) {
    for label in SERVERS {
        server(test, label, "Postgres").await;
    }
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    let release = release(&ann, &bob, "1.0", &SERVERS, "create table t (id int)").await;
    (bob, format!("/api/v1/schema/releases/{release}"))
}

/// Begins a rollout; its path.
pub(super) async fn rolling_out(client: &Client<'_>, release: &str, body: Value) -> String {
    let (status, rolling) = client.post(&format!("{release}/rollouts"), body).await;
    assert_eq!(status, 202, "{rolling}");
    format!(
        "/api/v1/schema/rollouts/{}",
        rolling["rolloutId"].as_str().unwrap()
    )
}

/// Lets the tasks look until the rollout is as it should be; the process's own may be just doing it, and another control
/// plane's too.
pub(super) async fn until(
    test: &Test,
    client: &Client<'_>,
    path: &str,
    is_so: impl Fn(&Value) -> bool,
) -> Value {
    for _ in 0..100 {
        let (one, two) = tokio::join!(rolling::look(&test.app), rolling::look(&test.app));
        one.and(two).unwrap();
        waiting::look(&test.app).await.unwrap();
        let (_, rollout) = client.get(path).await;
        if is_so(&rollout) {
            return rollout;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("never: {}", client.get(path).await.1);
}

/// How many servers have been begun.
pub(super) fn begun(rollout: &Value) -> usize {
    let servers = rollout["servers"].as_array().unwrap().iter();
    servers.filter(|server| !server["executionId"].is_null()).count()
}

/// The statuses of the executions, server by server.
fn statuses(rollout: &Value) -> Vec<Value> {
    let servers = rollout["servers"].as_array().unwrap().iter();
    servers.map(|server| server["executionStatus"].clone()).collect()
}

/// The execution on the nth server.
pub(super) async fn execution(client: &Client<'_>, rollout: &Value, nth: usize) -> Value {
    let id = rollout["servers"][nth]["executionId"].as_str().unwrap();
    client.get(&format!("/api/v1/schema/executions/{id}")).await.1
}

/// Waits until so many are begun, and those that are pending have their orders.
pub(super) async fn until_begun(test: &Test, client: &Client<'_>, path: &str, count: usize) -> Value {
    let rollout = until(test, client, path, |rollout| begun(rollout) == count).await;
    for nth in 0..rollout["servers"].as_array().unwrap().len() {
        if rollout["servers"][nth]["executionStatus"] != "pending" {
            continue;
        }
        for _ in 0..100 {
            waiting::look(&test.app).await.unwrap();
            if !execution(client, &rollout, nth).await["orderId"].is_null() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
    rollout
}

/// The execution on the nth server ends so.
pub(super) async fn ends(test: &Test, client: &Client<'_>, rollout: &Value, nth: usize, state: OrderState) {
    let mut order = order(test, &execution(client, rollout, nth).await).await;
    order.ended_at = Some(test.app.clock.now());
    order.error = (state != OrderState::Done).then(|| "no room".to_owned());
    moves(test, &mut order, state).await;
}

/// What was audited of the operation, newest first.
async fn audited(client: &Client<'_>, operation: &str) -> Vec<Value> {
    let (_, audit) = client.get("/api/v1/audit?limit=500").await;
    let rows = audit["items"].as_array().unwrap().iter();
    rows.filter(|row| row["operation"] == operation)
        .map(|row| row["detail"].clone())
        .collect()
}

both_databases!(waves_follow_one_another_and_nothing_runs_twice, |test| {
    let (bob, release) = scene(test).await;
    let body = json!({"waves": [1, "50%"], "pauseAfterFirst": true});
    let path = rolling_out(&bob, &release, body).await;
    let (status, twice) = bob.post(&format!("{release}/rollouts"), json!({})).await;
    assert_eq!(
        (status, &twice["type"]),
        (409, &json!("already-rolling")),
        "{twice}"
    );
    let first = until_begun(test, &bob, &path, 1).await;
    let waves: Vec<_> = first["servers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["wave"].clone())
        .collect();
    assert_eq!(
        (waves, &first["waveCount"]),
        (vec![json!(0), json!(1), json!(1), json!(2)], &json!(3))
    );
    let early = bob.post(&format!("{path}/continue"), json!({})).await;
    assert_eq!(
        (early.0, &early.1["type"]),
        (409, &json!("rollout-elsewhere")),
        "{}",
        early.1
    );

    ends(test, &bob, &first, 0, OrderState::Done).await;
    let paused = until(test, &bob, &path, |rollout| rollout["status"] == "paused").await;
    assert_eq!(begun(&paused), 1);
    assert_eq!(
        bob.post(&format!("{path}/resume"), json!({})).await.0,
        409,
        "it has not halted"
    );
    let (status, continued) = bob.post(&format!("{path}/continue"), json!({})).await;
    assert_eq!(
        (status, &continued["status"]),
        (200, &json!("rolling")),
        "{continued}"
    );
    let second = until_begun(test, &bob, &path, 3).await;
    ends(test, &bob, &second, 1, OrderState::Done).await;
    rolling::look(&test.app).await.unwrap();
    assert_eq!(
        begun(&bob.get(&path).await.1),
        3,
        "a wave waits for all of the one before"
    );
    ends(test, &bob, &second, 2, OrderState::Done).await;
    let third = until_begun(test, &bob, &path, 4).await;
    ends(test, &bob, &third, 3, OrderState::Done).await;
    let ended = until(test, &bob, &path, |rollout| !rollout["endedAt"].is_null()).await;
    assert_eq!(ended["status"], "success", "{ended}");
    let (_, executions) = bob.get("/api/v1/schema/executions").await;
    assert_eq!(executions["items"].as_array().unwrap().len(), 4);
    let (_, listed) = bob.get(&format!("{release}/rollouts")).await;
    assert_eq!(listed["items"][0]["id"], ended["id"]);
    assert_eq!(
        audited(&bob, "release:wave").await,
        [
            "wave 3 of 3: pg-3",
            "wave 2 of 3: pg-1, pg-2",
            "wave 1 of 3: pg-0"
        ]
    );
    test.app.clock.advance(10);
    rolling_out(&bob, &release, json!({})).await;
});

both_databases!(a_failure_halts_and_resuming_skips_what_succeeded, |test| {
    let (bob, release) = scene(test).await;
    let body = json!({"servers": ["pg-2", "pg-1", "pg-2", "pg-0"], "waves": [1, 1]});
    let path = rolling_out(&bob, &release, body).await;
    let first = until_begun(test, &bob, &path, 1).await;
    assert_eq!(
        first["servers"][0]["serverLabel"], "pg-2",
        "in the order that was asked for"
    );
    assert_eq!(first["servers"].as_array().unwrap().len(), 3);
    ends(test, &bob, &first, 0, OrderState::Done).await;
    let second = until_begun(test, &bob, &path, 2).await;
    ends(test, &bob, &second, 1, OrderState::RolledBack).await;
    let halted = until(test, &bob, &path, |rollout| rollout["status"] == "halted").await;
    assert_eq!(
        (&halted["reason"], &halted["servers"][1]["error"]),
        (&json!("pg-1: no room"), &json!("no room")),
        "{halted}"
    );
    rolling::look(&test.app).await.unwrap();
    assert_eq!(
        statuses(&bob.get(&path).await.1),
        [json!("success"), json!("rolledBack"), Value::Null]
    );
    assert_eq!(audited(&bob, "release:halted").await, ["pg-1: no room"]);
    assert_eq!(bob.post(&format!("{path}/continue"), json!({})).await.0, 409);

    test.app.clock.advance(10);
    let (status, resumed) = bob.post(&format!("{path}/resume"), json!({})).await;
    assert_eq!((status, &resumed["reason"]), (200, &Value::Null), "{resumed}");
    let again = until_begun(test, &bob, &path, 2).await;
    assert_eq!(
        again["servers"][0]["executionId"],
        first["servers"][0]["executionId"]
    );
    assert_ne!(
        again["servers"][1]["executionId"],
        second["servers"][1]["executionId"]
    );
    ends(test, &bob, &again, 1, OrderState::Done).await;
    let third = until_begun(test, &bob, &path, 3).await;
    ends(test, &bob, &third, 2, OrderState::NeedsAttention).await;
    until(test, &bob, &path, |rollout| rollout["status"] == "halted").await;
    assert_eq!(bob.post(&format!("{path}/resume"), json!({})).await.0, 200);
    let last = until_begun(test, &bob, &path, 3).await;
    ends(test, &bob, &last, 2, OrderState::Done).await;
    let ended = until(test, &bob, &path, |rollout| !rollout["endedAt"].is_null()).await;
    assert_eq!(ended["status"], "success", "{ended}");
    let (status, problem) = bob.post(&format!("{path}/cancel"), json!({})).await;
    assert_eq!(
        (status, &problem["type"]),
        (409, &json!("rollout-ended")),
        "{problem}"
    );
});

both_databases!(what_a_halt_finds_of_its_wave_begins_no_more, |test| {
    let (bob, release) = scene(test).await;
    let path = rolling_out(&bob, &release, json!({"waves": [3]})).await;
    let wave = until_begun(test, &bob, &path, 3).await;
    // One host is at work, one has not got its order.
    let mut running = order(test, &execution(&bob, &wave, 1).await).await;
    running.accepted_at = Some(test.app.clock.now());
    moves(test, &mut running, OrderState::Accepted).await;
    let cancel = format!(
        "/api/v1/schema/executions/{}/cancel",
        wave["servers"][0]["executionId"].as_str().unwrap()
    );
    assert_eq!(bob.post(&cancel, json!({})).await.0, 200);
    let halted = until(test, &bob, &path, |rollout| rollout["status"] == "halted").await;
    assert_eq!(
        statuses(&halted),
        [
            json!("cancelled"),
            json!("running"),
            json!("cancelled"),
            Value::Null
        ],
        "{halted}"
    );
    assert_eq!(
        halted["servers"][2]["error"],
        "not begun: the rollout was halted; nothing was changed"
    );
    let withdrawn = order(test, &execution(&bob, &halted, 2).await).await;
    assert_eq!(withdrawn.state, OrderState::Cancelled);
    let reason = halted["reason"].as_str().unwrap();
    assert!(reason.starts_with("pg-0: "), "{reason}");
    assert!(!reason.contains("pg-2"), "{reason}");

    running.ended_at = Some(test.app.clock.now());
    moves(test, &mut running, OrderState::Done).await;
    test.app.clock.advance(10);
    assert_eq!(bob.post(&format!("{path}/resume"), json!({})).await.0, 200);
    let again = until_begun(test, &bob, &path, 3).await;
    assert_eq!(
        statuses(&again),
        [json!("pending"), json!("success"), json!("pending"), Value::Null]
    );
});

both_databases!(a_rollout_is_called_off_and_what_runs_goes_on, |test| {
    let (bob, release) = scene(test).await;
    let path = rolling_out(&bob, &release, json!({"waves": [2]})).await;
    let wave = until_begun(test, &bob, &path, 2).await;
    let mut running = order(test, &execution(&bob, &wave, 0).await).await;
    moves(test, &mut running, OrderState::Accepted).await;
    let stranger = test.stranger("others").await;
    assert_eq!(stranger.get(&path).await.0, 404);
    assert_eq!(stranger.get(&format!("{release}/rollouts")).await.0, 404);
    for word in ["continue", "resume", "cancel"] {
        assert_eq!(stranger.post(&format!("{path}/{word}"), json!({})).await.0, 404);
    }
    let (status, off) = bob.post(&format!("{path}/cancel"), json!({})).await;
    assert_eq!((status, &off["status"]), (200, &json!("cancelled")), "{off}");
    assert_eq!(
        statuses(&off),
        [json!("running"), json!("cancelled"), Value::Null, Value::Null],
        "{off}"
    );
    running.ended_at = Some(test.app.clock.now());
    moves(test, &mut running, OrderState::Done).await;
    rolling::look(&test.app).await.unwrap();
    let (_, ended) = bob.get(&path).await;
    assert_eq!(statuses(&ended)[0], "success");
    assert_eq!(begun(&ended), 2);
    assert_eq!(bob.post(&format!("{path}/resume"), json!({})).await.0, 409);
});

both_databases!(what_is_wrong_is_said_at_once, |test| {
    let (bob, release) = scene(test).await;
    let wrong = json!({"servers": ["pg-0", "nowhere"], "waves": [1, 0], "overrideReason": " "});
    let (status, problem) = bob.post(&format!("{release}/rollouts"), wrong).await;
    let fields: Vec<_> = super::errors(&problem)
        .into_iter()
        .map(|(field, _)| field)
        .collect();
    assert_eq!(
        (status, fields),
        (
            422,
            vec![
                "servers[1]".to_owned(),
                "waves[1]".to_owned(),
                "overrideReason".to_owned()
            ]
        ),
        "{problem}"
    );
    for wrong in [json!(["0.5%"]), json!(["101%"]), json!([-1])] {
        let body = json!({ "waves": wrong });
        assert_eq!(bob.post(&format!("{release}/rollouts"), body).await.0, 422);
    }
    let many = json!({"servers": vec!["pg-0"; 101], "waves": vec![1; 21]});
    let (_, problem) = bob.post(&format!("{release}/rollouts"), many).await;
    assert_eq!(super::errors(&problem).len(), 2, "{problem}");
});

both_databases!(where_it_is_executed_by_itself_it_waits_and_says_so, |test| {
    let (bob, release) = scene(test).await;
    let (status, alone) = bob
        .post(&format!("{release}/execute"), json!({"server": "pg-0"}))
        .await;
    assert_eq!(status, 202, "{alone}");
    let path = rolling_out(&bob, &release, json!({"waves": [2]})).await;
    let one = until_begun(test, &bob, &path, 1).await;
    assert_eq!(
        (&one["servers"][0]["underWay"], &one["servers"][0]["executionId"]),
        (&alone["executionId"], &Value::Null),
        "{one}"
    );
    let execution = format!(
        "/api/v1/schema/executions/{}",
        alone["executionId"].as_str().unwrap()
    );
    let mut order = order(test, &bob.get(&execution).await.1).await;
    order.ended_at = Some(test.app.clock.now());
    moves(test, &mut order, OrderState::Done).await;
    let two = until_begun(test, &bob, &path, 2).await;
    assert_eq!(two["servers"][0]["underWay"], Value::Null);
});

both_databases!(a_control_plane_that_stops_in_the_middle_loses_nothing, |test| {
    let (bob, release) = scene(test).await;
    let path = rolling_out(&bob, &release, json!({})).await;
    let first = until_begun(test, &bob, &path, 1).await;
    test.app.tasks.stop(std::time::Duration::from_secs(10)).await;
    ends(test, &bob, &first, 0, OrderState::Done).await;
    let restarted = test.app_with(Keys::load(test.data()).unwrap());
    rolling::look(&restarted).await.unwrap();
    waiting::look(&restarted).await.unwrap();
    let (_, second) = bob.get(&path).await;
    assert_eq!(
        statuses(&second),
        [
            json!("success"),
            json!("pending"),
            json!("pending"),
            json!("pending")
        ],
        "{second}"
    );
    for nth in 1..4 {
        ends(test, &bob, &second, nth, OrderState::Done).await;
    }
    rolling::look(&restarted).await.unwrap();
    assert_eq!(bob.get(&path).await.1["status"], "success");
});

both_databases!(a_server_of_a_rollout_stays_and_a_removed_one_is_refused, |test| {
    let (bob, release) = scene(test).await;
    let (_, page) = bob.get("/api/v1/schema/servers").await;
    let servers = page["items"].as_array().unwrap();
    let path_of = |label: &str| {
        let server = servers.iter().find(|server| server["label"] == label).unwrap();
        format!("/api/v1/schema/servers/{}", server["id"].as_str().unwrap())
    };
    let last = path_of("pg-3");
    let path = rolling_out(&bob, &release, json!({"waves": [1]})).await;
    let (status, problem) = bob.delete(&last).await;
    assert_eq!(
        (status, &problem["type"]),
        (409, &json!("server-in-use")),
        "{problem}"
    );
    assert_eq!(bob.post(&format!("{path}/cancel"), json!({})).await.0, 200);
    assert_eq!(bob.delete(&last).await.0, 204);
    test.app.clock.advance(10);
    let (status, problem) = bob.post(&format!("{release}/rollouts"), json!({})).await;
    assert_eq!(status, 422, "{problem}");
    assert_eq!(
        super::errors(&problem),
        [("servers".to_owned(), "the server pg-3 was removed".to_owned())]
    );
    rolling_out(&bob, &release, json!({"servers": ["pg-0"]})).await;
});

both_databases!(
    an_order_that_came_since_the_servers_were_read_is_taken_back,
    |test| {
        let (bob, release) = scene(test).await;
        let path = rolling_out(&bob, &release, json!({"waves": [2]})).await;
        until_begun(test, &bob, &path, 2).await;
        let rows = store::rollout::list_rolling(&test.app.db, None, 1).await.unwrap();
        let mut seen = store::rollout::list_servers(&test.app.db, rows[0].id)
            .await
            .unwrap();
        // As they were before the orders were given.
        for server in &mut seen {
            server.order_id = None;
        }
        let caller = Caller::system("schema.rolling", rows[0].org_id);
        let withdrawn = async || -> Result<usize, SchemaError> {
            let taken = in_tx!(test.app.db, |tx| rolling::withdraw(
                &test.app,
                tx,
                &caller,
                (&seen, "called off")
            )
            .await?);
            Ok(taken.len())
        };
        assert_eq!(withdrawn().await.unwrap(), 2);
        let (_, rollout) = bob.get(&path).await;
        assert_eq!(
            statuses(&rollout),
            [json!("cancelled"), json!("cancelled"), Value::Null, Value::Null]
        );
        assert_eq!(withdrawn().await.unwrap(), 0, "once");
    }
);
