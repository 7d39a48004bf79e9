//! Going back and deploying again: to which hosts, and to what.

use serde_json::{Value, json};

use super::{
    asked, deploy, get_deployment, moves,
    rollout::{all_do, application, call, hosts, open_orders, orders_back, succeed},
    runs, wait_until,
};
use crate::{access::Role, testing::both_databases, work::OrderState};

both_databases!(going_back_and_again_go_to_the_hosts_of_today, |test| {
    let admin = test.admin().await;
    let hosts = hosts(test, 4).await;
    let application = application(&admin, &hosts[..2], json!({})).await;
    let first = succeed(&admin, &application, "1", &[2]).await;
    // The first host is taken out, two come in.
    let path = format!("/api/v1/applications/{application}");
    let body = json!({"environments": {"default": {"hosts": hosts[1..], "rollout": {"batchSize": 2}}}});
    let (status, body) = admin.patch(&path, body).await;
    assert_eq!(status, 200, "{body}");
    let second = succeed(&admin, &application, "2", &[2, 1]).await;
    for (id, what) in [(&second, "rollback"), (&first, "redeploy")] {
        test.app.clock.advance(10);
        let answer = call(&admin, id, what, json!({})).await;
        let id = answer["deploymentId"].as_str().unwrap();
        for count in [2, 1] {
            all_do(test, &open_orders(&admin, id, count).await).await;
        }
        let done = wait_until(&admin, id, |d| d["status"] == "success").await;
        let names = done["hosts"].as_array().unwrap().iter();
        let names: Vec<_> = names.map(|host| host["hostName"].as_str().unwrap()).collect();
        assert_eq!(names, ["host-01", "host-02", "host-03"], "{what}");
        assert_eq!(done["version"], "1");
    }
});

both_databases!(a_host_goes_back_to_what_ran_there_last, |test| {
    let admin = test.admin().await;
    let hosts = hosts(test, 2).await;
    let rollout = json!({"batchSize": 1, "onFailure": "rollBack", "queue": "queue"});
    let application = application(&admin, &hosts, rollout).await;
    let path = format!("/api/v1/applications/{application}");
    succeed(&admin, &application, "1", &[1, 1]).await;
    let second = succeed(&admin, &application, "2", &[1, 1]).await;
    let rule = async |required: bool| {
        let body = json!({"environments": {"default": {"hosts": hosts, "approvalRequired": required,
            "rollout": {"batchSize": 1, "onFailure": "rollBack", "queue": "queue"}}}});
        let (status, body) = admin.patch(&path, body).await;
        assert_eq!(status, 200, "{body}");
    };
    rule(true).await;
    let third = deploy(&admin, &application, "3").await;
    rule(false).await;
    // While the third waits, version 2 is taken away.
    test.app.clock.advance(10);
    let back = call(&admin, &second, "rollback", json!({})).await;
    let back = back["deploymentId"].as_str().unwrap();
    for _ in 0..2 {
        all_do(test, &open_orders(&admin, back, 1).await).await;
    }
    wait_until(&admin, back, |d| d["status"] == "success").await;
    let ann = test.member("ann", Role::Admin).await;
    test.app.clock.advance(10);
    let (status, body) = ann
        .post(&format!("/api/v1/deployments/{third}/approve"), Value::Null)
        .await;
    assert_eq!(status, 202, "{body}");
    all_do(test, &open_orders(&admin, &third, 1).await).await;
    let order = open_orders(&admin, &third, 1).await[0];
    moves(test, order, OrderState::RolledBack, Some("not healthy")).await;
    let orders = orders_back(&admin, &third, 1).await;
    assert_eq!(asked(test, orders[0]).await.version, "1");
});

both_databases!(later_batches_get_what_the_first_host_pulled, |test| {
    let admin = test.admin().await;
    let hosts = hosts(test, 3).await;
    let application = application(&admin, &hosts, json!({"batchSize": 1})).await;
    let id = deploy(&admin, &application, "1").await;
    let digest = |letter: &str| format!("sha256:{}", letter.repeat(64));
    let first = open_orders(&admin, &id, 1).await[0];
    assert_eq!(asked(test, first).await.digest, None, "nobody could be asked");
    // What is no digest is not believed.
    runs(test, first, "latest").await;
    let second = open_orders(&admin, &id, 1).await[0];
    assert_eq!(asked(test, second).await.digest, None);
    runs(test, second, &digest("a")).await;
    let third = open_orders(&admin, &id, 1).await[0];
    assert_eq!(asked(test, third).await.digest, Some(digest("a")));
    runs(test, third, &digest("a")).await;
    wait_until(&admin, &id, |d| d["status"] == "success").await;
    assert_eq!(get_deployment(&admin, &id).await["digest"], digest("a"));
});
