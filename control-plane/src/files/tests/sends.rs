//! Sending files to hosts, with a host whose agent's link is real and answers as it is told.

use axum::http::Method;
use muster_agent::link::{Downloads, IncomingOrder, OrderRequest};
use muster_base::{Clock, OrderId};
use muster_identity::order::{OrderHead, OrderKind};
use muster_protocol::latest::{
    BytesReply, BytesWish, FileOrder, OrderOutcome, OrderPayload, OrderReply, OrderStatus, SignedOrder,
};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep, timeout};

use super::{FILES, new_file, new_folder, noise};
use crate::{
    access::Role,
    delivery::tests::new_host,
    link::{
        self,
        tests::host::{Host, Running},
    },
    testing::{Client, Test, both_databases},
    work,
};

const SENDS: &str = "/api/v1/files/sends";
const PATIENCE: Duration = Duration::from_secs(20);

async fn connected(test: &Test, by: &Client<'_>) -> (Host, Running) {
    link::start(&test.app, ([127, 0, 0, 1], 0).into()).await.unwrap();
    let (status, grant) = by.post("/api/v1/join-tokens", json!({})).await;
    assert_eq!(status, 201, "{grant}");
    let host = Host::join(&grant, &test.app.clock).await;
    let running = host.run();
    host.until_online(&test.app).await;
    work::start(&test.app).await.unwrap();
    (host, running)
}

fn order_of(incoming: &IncomingOrder) -> (OrderHead, FileOrder) {
    let OrderRequest::Run(order) = &incoming.request else {
        panic!("not an order");
    };
    let order: &SignedOrder = order;
    let head = OrderHead::from_bytes(&order.body).unwrap();
    assert_eq!(head.kind, OrderKind::File);
    match muster_protocol::decode::<OrderPayload>(&order.payload).unwrap() {
        OrderPayload::File(file) => (head, file),
        other => panic!("{other:?}"),
    }
}

async fn ends(incoming: IncomingOrder, status: OrderStatus, error: Option<&str>) {
    let outcome = OrderOutcome {
        status,
        started_at: muster_base::UnixMs(1),
        ended_at: muster_base::UnixMs(2),
        error: error.map(str::to_owned),
        digest: None,
        server_version: None,
        events: 0,
    };
    let end = OrderReply::Outcome(Box::new(outcome));
    incoming.replies.send(end).await.unwrap();
    drop(incoming.replies);
    drop(incoming.stored.await);
}

/// All that comes, and how it ends.
async fn fetch(downloads: &Downloads, order: OrderId, offset: u64) -> (Vec<u8>, BytesReply) {
    let mut download = downloads.open(BytesWish { order, offset }).await.unwrap();
    let mut bytes = Vec::new();
    loop {
        match timeout(PATIENCE, download.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap()
        {
            BytesReply::Piece(piece) => bytes.extend(piece),
            end => return (bytes, end),
        }
    }
}

async fn until_outcomes(client: &Client<'_>, send: &Value, wanted: Value) -> Value {
    let path = format!("{SENDS}/{}", send["id"].as_str().unwrap());
    let give_up = Instant::now() + PATIENCE;
    loop {
        let (status, seen) = client.get(&path).await;
        assert_eq!(status, 200, "{seen}");
        if seen["outcomes"] == wanted {
            return seen;
        }
        assert!(Instant::now() < give_up, "{seen}");
        sleep(Duration::from_millis(20)).await;
    }
}

async fn targets(client: &Client<'_>, send: &Value) -> Vec<Value> {
    let path = format!("{SENDS}/{}/targets", send["id"].as_str().unwrap());
    let (status, page) = client.get(&path).await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().unwrap().clone()
}

both_databases!(a_file_goes_to_a_host_that_fetches_it, |test| {
    let admin = test.admin().await;
    let (host, mut running) = connected(test, &admin).await;
    let mut orders = running.take_orders();
    let bytes = noise(200_000);
    let file = new_file(&admin, "app.conf", None, &bytes).await;
    let body = json!({"fileIds": [file], "hosts": [host.id], "destination": "/srv/app/", "mode": "0640"});
    let (status, sent) = admin.post(SENDS, body).await;
    assert_eq!(status, 202, "{sent}");
    assert_eq!(sent["mode"], "640");
    assert_eq!(sent["files"][0]["path"], "/srv/app/app.conf");

    let incoming = timeout(PATIENCE, orders.recv()).await.unwrap().unwrap();
    let (head, asked) = order_of(&incoming);
    assert_eq!((head.host, asked.mode, asked.replace), (host.id, 0o640, false));
    assert_eq!(asked.path, "/srv/app/app.conf");
    assert_eq!(
        (asked.size, asked.sha256),
        (200_000, muster_base::sha256(&bytes).0)
    );
    assert_eq!(head.expires.ms_since(head.not_before), 24 * 3_600 * 1_000);

    let order = head.order;
    incoming.replies.send(OrderReply::Accepted).await.unwrap();
    until_outcomes(&admin, &sent, json!({"accepted": 1})).await;
    assert_eq!(
        fetch(&running.downloads, order, 0).await,
        (bytes.clone(), BytesReply::End)
    );
    assert_eq!(
        fetch(&running.downloads, order, 150_000).await,
        (bytes[150_000..].to_vec(), BytesReply::End)
    );
    for (order, offset) in [(Clock::system().new_id(), 0), (order, 200_001)] {
        let (bytes, end) = fetch(&running.downloads, order, offset).await;
        assert!(bytes.is_empty() && matches!(end, BytesReply::Never(_)), "{end:?}");
    }
    ends(incoming, OrderStatus::Done, None).await;
    let seen = until_outcomes(&admin, &sent, json!({"done": 1})).await;
    let (_, end) = fetch(&running.downloads, order, 0).await;
    assert!(matches!(end, BytesReply::Never(_)), "it has ended: {end:?}");
    let (_, listed) = admin.get(SENDS).await;
    assert_eq!(listed["items"], json!([seen]));
    let all = targets(&admin, &sent).await;
    assert_eq!(all[0]["hostId"], json!(host.id), "{all:?}");
    assert_eq!(all[0]["state"], "done");
    let (_, order) = admin.get(&format!("/api/v1/orders/{order}")).await;
    assert_eq!(
        (&order["kind"], &order["subjectId"]),
        (&json!("file"), &sent["id"])
    );
    for (operation, object) in [("file:send", &sent["id"]), ("file:sent", &order["id"])] {
        let (_, audit) = admin.get(&format!("/api/v1/audit?operation={operation}")).await;
        assert_eq!(&audit["items"][0]["objectId"], object, "{audit}");
    }
    running.stop().await;
});

both_databases!(a_file_that_is_deleted_first_is_not_sent, |test| {
    let admin = test.admin().await;
    let (host, mut running) = connected(test, &admin).await;
    let mut orders = running.take_orders();
    let file = new_file(&admin, "a", None, b"a").await;
    let body = json!({"fileIds": [file], "hosts": [host.id], "destination": "/srv/a", "replace": true});
    let (status, sent) = admin.post(SENDS, body).await;
    assert_eq!(status, 202, "{sent}");
    let incoming = timeout(PATIENCE, orders.recv()).await.unwrap().unwrap();
    let (head, asked) = order_of(&incoming);
    assert!(asked.replace);
    let (status, _) = admin.call(Method::DELETE, &format!("{FILES}/{file}"), None).await;
    assert_eq!(status, 204);
    let (_, end) = fetch(&running.downloads, head.order, 0).await;
    assert!(
        matches!(&end, BytesReply::Never(why) if why.contains("deleted")),
        "{end:?}"
    );
    ends(incoming, OrderStatus::Failed, Some("the file was deleted")).await;
    until_outcomes(&admin, &sent, json!({"failed": 1})).await;
    let all = targets(&admin, &sent).await;
    assert_eq!(all[0]["error"], "the file was deleted");
    let (_, seen) = admin.get(SENDS).await;
    assert_eq!(seen["items"][0]["files"][0]["name"], "a", "it is still known");
    running.stop().await;
});

both_databases!(what_waits_is_taken_back, |test| {
    let admin = test.admin().await;
    let [one, two] = [new_host(test, "one").await, new_host(test, "two").await];
    let file = new_file(&admin, "a", None, b"a").await;
    let other = new_file(&admin, "b", None, b"b").await;
    let body =
        json!({"fileIds": [file, other], "hosts": [one, two], "destination": "/srv/", "expiresInS": 60});
    let (status, sent) = admin.post(SENDS, body).await;
    assert_eq!(status, 202, "{sent}");
    assert_eq!(sent["outcomes"], json!({"queued": 4}));
    let path = format!("{SENDS}/{}/cancel", sent["id"].as_str().unwrap());
    let (status, taken) = admin.post(&path, json!({})).await;
    assert_eq!(status, 200, "{taken}");
    assert_eq!(taken["outcomes"], json!({"cancelled": 4}));
    assert!(taken["cancelledAt"].is_string());
    let (status, problem) = admin.post(&path, json!({})).await;
    assert_eq!(status, 409, "{problem}");
    for target in targets(&admin, &sent).await {
        let path = format!("/api/v1/orders/{}", target["orderId"].as_str().unwrap());
        assert_eq!(admin.get(&path).await.1["state"], "cancelled");
    }
});

both_databases!(what_can_t_be_sent_is_said, |test| {
    let admin = test.member("ann", Role::Admin).await;
    let host = new_host(test, "one").await;
    let file = new_file(&admin, "a", None, b"a").await;
    let other = new_file(&admin, "b", None, b"b").await;
    let folder = new_folder(&admin, "docs", None).await;
    let (_, own) = admin.post(FILES, json!({"name": "own", "ownerType": 1})).await;
    let own = new_file(&admin, "mine", Some(own["id"].as_str().unwrap()), b"m").await;
    let good = json!({"fileIds": [file], "hosts": [host], "destination": "/srv/a"});
    let nobody = Clock::system().new_id::<OrderId>();
    for (field, value, wanted) in [
        ("fileIds", json!([]), 422),
        ("fileIds", json!([file, other]), 422),
        ("fileIds", json!([folder]), 422),
        ("fileIds", json!([own]), 409),
        ("fileIds", json!([nobody]), 404),
        ("hosts", json!([]), 422),
        ("hosts", json!([nobody]), 404),
        ("destination", json!("srv/a"), 422),
        ("destination", json!("/srv/../etc/a"), 422),
        ("destination", json!("/srv/a\n"), 422),
        ("mode", json!("4755"), 422),
        ("mode", json!("rw"), 422),
        ("expiresInS", json!(59), 422),
        ("expiresInS", json!(604_801), 422),
        ("selector", json!({"none": "has"}), 202),
        ("unknown", json!(1), 422),
    ] {
        let mut body = good.clone();
        body[field] = value.clone();
        let (status, answer) = admin.post(SENDS, body).await;
        assert_eq!(status, wanted, "{field} {value}: {answer}");
    }
    let body = json!({"fileIds": [file], "selector": {"none": "has"}, "destination": "/srv/a"});
    assert_eq!(admin.post(SENDS, body).await.0, 422);
});

both_databases!(two_files_of_one_name_have_no_place_together, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let folder = new_folder(&admin, "docs", None).await;
    let one = new_file(&admin, "a", None, b"a").await;
    let two = new_file(&admin, "a", Some(&folder), b"b").await;
    let body = json!({"fileIds": [one, two], "hosts": [host], "destination": "/srv/"});
    let (status, problem) = admin.post(SENDS, body).await;
    assert_eq!(status, 422, "{problem}");
    assert!(
        problem.to_string().contains("two files of the name a"),
        "{problem}"
    );
    let (_, seen) = admin.get(SENDS).await;
    assert_eq!(seen["items"], json!([]));
});

both_databases!(an_org_has_only_so_many_files_on_their_way, |test| {
    let admin = test.admin().await;
    let mut hosts = Vec::new();
    for n in 0..100 {
        hosts.push(new_host(test, &format!("host-{n}")).await);
    }
    let mut files = Vec::new();
    for n in 0..20 {
        files.push(new_file(&admin, &format!("file-{n}"), None, b"a").await);
    }
    let all = json!({"fileIds": files, "hosts": hosts, "destination": "/srv/"});
    let (status, sent) = admin.post(SENDS, all).await;
    assert_eq!(status, 202, "{sent}");
    let one = json!({"fileIds": [files[0]], "hosts": [hosts[0]], "destination": "/srv/other"});
    let (status, problem) = admin.post(SENDS, one.clone()).await;
    assert_eq!(status, 409, "{problem}");
    assert!(problem.to_string().contains("too-many-open-files"), "{problem}");
    let path = format!("{SENDS}/{}/cancel", sent["id"].as_str().unwrap());
    assert_eq!(admin.post(&path, json!({})).await.0, 200);
    let (status, sent) = admin.post(SENDS, one).await;
    assert_eq!(status, 202, "{sent}");
});

both_databases!(who_is_narrowed_sends_and_sees_only_what_they_reach, |test| {
    let admin = test.admin().await;
    let [one, two] = [new_host(test, "one").await, new_host(test, "two").await];
    let docs = new_folder(&admin, "docs", None).await;
    let theirs = new_file(&admin, "theirs", Some(&docs), b"a").await;
    let hidden = new_file(&admin, "hidden", None, b"b").await;
    let member = test.member("narrow", Role::Viewer).await;
    let operations = json!(["file:read", "file:send"]);
    let body =
        json!({"name": "narrow", "operations": operations, "objects": {"hosts": [one], "files": [docs]}});
    let (status, template) = admin.post("/api/v1/permission-templates", body).await;
    assert_eq!(status, 201, "{template}");
    let (_, members) = admin.get("/api/v1/members").await;
    let items = members["items"].as_array().unwrap();
    let found = items
        .iter()
        .find(|member| member["username"] == "narrow")
        .unwrap();
    let path = format!(
        "/api/v1/members/{}/permissions",
        found["userId"].as_str().unwrap()
    );
    let body = json!({"templateId": template["id"]});
    assert_eq!(admin.call(Method::PUT, &path, Some(body)).await.0, 200);

    for (file, host, wanted) in [(&theirs, one, 202), (&hidden, one, 404), (&theirs, two, 404)] {
        let body = json!({"fileIds": [file], "hosts": [host], "destination": "/srv/a"});
        let (status, answer) = member.post(SENDS, body).await;
        assert_eq!(status, wanted, "{answer}");
    }
    let body = json!({"fileIds": [theirs, hidden], "hosts": [one, two], "destination": "/srv/"});
    let (_, all) = admin.post(SENDS, body).await;
    let body = json!({"fileIds": [hidden], "hosts": [one], "destination": "/srv/a"});
    let (_, unseen) = admin.post(SENDS, body).await;
    let (_, page) = member.get(SENDS).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 2, "{page}");
    let path = format!("{SENDS}/{}", all["id"].as_str().unwrap());
    let (_, seen) = member.get(&path).await;
    assert_eq!(seen["outcomes"], json!({"queued": 1}), "{seen}");
    assert_eq!(seen["files"].as_array().unwrap().len(), 1, "{seen}");
    assert_eq!(targets(&member, &all).await.len(), 1);
    for path in ["", "/targets", "/cancel"] {
        let path = format!("{SENDS}/{}{path}", unseen["id"].as_str().unwrap());
        let method = if path.ends_with("cancel") {
            Method::POST
        } else {
            Method::GET
        };
        assert_eq!(member.call(method, &path, None).await.0, 404, "{path}");
    }
    let (status, taken) = member.post(&format!("{path}/cancel"), json!({})).await;
    assert_eq!(status, 200, "{taken}");
    let (_, left) = admin.get(&path).await;
    assert_eq!(
        left["outcomes"],
        json!({"cancelled": 1, "queued": 3}),
        "only theirs"
    );
    let stranger = test.member("plain", Role::Member).await;
    assert_eq!(stranger.get(SENDS).await.0, 403);
});
