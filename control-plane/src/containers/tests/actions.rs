//! Starting, stopping and restarting.

use muster_agent::link::{IncomingOrder, OrderRequest};
use muster_identity::order::{OrderHead, OrderKind};
use muster_protocol::latest::{
    ContainerAction, ContainerOrder, OrderOutcome, OrderPayload, OrderReply, OrderStatus, SignedOrder,
};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep, timeout};

use super::{application, connected, container, has, narrowed};
use crate::{
    delivery::tests::{deploy, new_host},
    testing::{Client, both_databases},
    work,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// Takes the order and says how it ended.
async fn does(incoming: IncomingOrder, status: OrderStatus, error: Option<&str>) -> SignedOrder {
    let OrderRequest::Run(order) = incoming.request else {
        panic!("not an order");
    };
    let outcome = OrderOutcome {
        status,
        started_at: muster_base::UnixMs(1),
        ended_at: muster_base::UnixMs(2),
        error: error.map(str::to_owned),
        digest: None,
        server_version: None,
        events: 0,
    };
    for reply in [OrderReply::Accepted, OrderReply::Outcome(Box::new(outcome))] {
        incoming.replies.send(reply).await.unwrap();
    }
    drop(incoming.replies);
    drop(incoming.stored.await);
    *order
}

async fn ended(client: &Client<'_>, order: &str) -> Value {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let (status, order) = client.get(&format!("/api/v1/orders/{order}")).await;
        assert_eq!(status, 200, "{order}");
        if !order["endedAt"].is_null() {
            return order;
        }
        assert!(Instant::now() < give_up, "{order}");
        sleep(Duration::from_millis(20)).await;
    }
}

both_databases!(an_action_is_a_signed_order_and_leaves_its_rows, |test| {
    let admin = test.admin().await;
    let (host, mut running) = connected(test, &admin, &[container("web", None)]).await;
    let mut orders = running.take_orders();
    work::start(&test.app).await.unwrap();
    let path = |action: &str| format!("/api/v1/hosts/{}/containers/web/{action}", host.id);

    for (action, body, wanted) in [
        ("start", None, ContainerAction::Start),
        ("stop", None, ContainerAction::Stop { grace_ms: None }),
        (
            "restart",
            Some(json!({"graceS": 30})),
            ContainerAction::Restart {
                grace_ms: Some(30_000),
            },
        ),
    ] {
        let (status, ordered) = admin.call(axum::http::Method::POST, &path(action), body).await;
        assert_eq!(status, 202, "{ordered}");
        let incoming = timeout(PATIENCE, orders.recv()).await.unwrap().unwrap();
        let failed = action == "restart";
        let (status, error) = if failed {
            (OrderStatus::Failed, Some("it fell over"))
        } else {
            (OrderStatus::Done, None)
        };
        let sent = does(incoming, status, error).await;
        let head = OrderHead::from_bytes(&sent.body).unwrap();
        assert_eq!((head.host, head.kind), (host.id, OrderKind::Container));
        assert!(sent.sealed.is_empty(), "it needs no secret");
        assert_eq!(
            muster_protocol::decode::<OrderPayload>(&sent.payload).unwrap(),
            OrderPayload::Container(ContainerOrder {
                name: "web".to_owned(),
                action: wanted,
            })
        );
        let order = ended(&admin, ordered["orderId"].as_str().unwrap()).await;
        assert_eq!(order["kind"], "container");
        assert_eq!(order["subjectId"], json!(host.id));
        assert_eq!(order["state"], if failed { "failed" } else { "done" });
        let (_, audit) = admin
            .get(&format!("/api/v1/audit?operation=container:{action}"))
            .await;
        assert_eq!(
            audit["items"][0]["objectId"],
            format!("{}/web", host.id),
            "{audit}"
        );
        let (_, audit) = admin.get("/api/v1/audit?operation=container:ended").await;
        assert_eq!(
            audit["items"][0]["outcome"],
            if failed { "failed" } else { "done" },
            "{audit}"
        );
    }
    for (body, what) in [
        (json!({"graceS": 3_601}), "too long"),
        (json!({"grace": 1}), "unknown"),
    ] {
        assert_eq!(admin.post(&path("stop"), body).await.0, 422, "{what}");
    }
    let path = format!("/api/v1/hosts/{}/containers/nobody/start", host.id);
    assert_eq!(admin.post(&path, json!({})).await.0, 404);
    running.stop().await;
});

both_databases!(
    what_can_t_be_done_now_is_refused_before_an_order_is_made,
    |test| {
        let admin = test.admin().await;
        let away = new_host(test, "away").await;
        let (host, running) = connected(test, &admin, &[]).await;
        let body =
            json!({"name": "shop", "image": "team/shop", "environments": {"default": {"hosts": [away]}}});
        let (_, shop) = admin.post("/api/v1/applications", body).await;
        let shop = shop["id"].as_str().unwrap();
        let other = application(&admin, "other").await;
        has(test, away, &[container("web", None)]).await;
        has(
            test,
            host.id,
            &[container("shop", Some(shop)), container("other", Some(&other))],
        )
        .await;
        let refused = async |path: String| {
            let (status, problem) = admin.post(&path, json!({})).await;
            let code = problem["type"].as_str().unwrap_or_default().to_owned();
            (status, code.rsplit('/').next().unwrap_or_default().to_owned())
        };
        let (status, code) = refused(format!("/api/v1/hosts/{away}/containers/web/stop")).await;
        assert_eq!((status, code.as_str()), (409, "host-offline"));

        let deployment = deploy(&admin, shop, "1").await;
        let give_up = Instant::now() + PATIENCE;
        loop {
            let (_, seen) = admin.get(&format!("/api/v1/deployments/{deployment}")).await;
            if seen["status"] == "running" {
                break;
            }
            assert!(Instant::now() < give_up, "{seen}");
            sleep(Duration::from_millis(20)).await;
        }
        let (status, code) = refused(format!("/api/v1/hosts/{}/containers/shop/restart", host.id)).await;
        assert_eq!((status, code.as_str()), (409, "deployment-under-way"));
        let (_, orders) = admin.get(&format!("/api/v1/orders?host={}", host.id)).await;
        assert_eq!(orders["items"], json!([]), "nothing was ordered");
        let path = format!("/api/v1/hosts/{}/containers/other/restart", host.id);
        let (status, made) = admin.post(&path, json!({})).await;
        assert_eq!(status, 202, "another application's container: {made}");
        running.stop().await;
    }
);

both_databases!(who_is_narrowed_touches_only_what_they_reach, |test| {
    let admin = test.admin().await;
    let [one, two] = [new_host(test, "one").await, new_host(test, "two").await];
    let shop = application(&admin, "shop").await;
    has(
        test,
        one,
        &[container("plain", None), container("shop", Some(&shop))],
    )
    .await;
    has(test, two, &[container("plain", None)]).await;
    let operate = json!(["container:operate"]);
    let here = narrowed(test, "here", operate.clone(), json!({"hosts": [one]})).await;
    let theirs = narrowed(test, "theirs", operate, json!({"applications": [shop]})).await;
    // The hosts are away: whoever may hears of that, whoever may not finds nothing.
    for (client, host, name, status) in [
        (&here, one, "plain", 409),
        (&here, one, "shop", 409),
        (&here, two, "plain", 404),
        (&theirs, one, "shop", 409),
        (&theirs, one, "plain", 404),
    ] {
        let path = format!("/api/v1/hosts/{host}/containers/{name}/stop");
        assert_eq!(client.post(&path, json!({})).await.0, status, "{name} on {host}");
    }
});
