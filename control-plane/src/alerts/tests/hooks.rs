//! Receivers on a socket: each format, signatures, answers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_lc_rs::hmac;
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{PATIENCE, busy, made, rounds};
use crate::{access::Role, alerts::evaluator::Evaluator, delivery::tests::new_host, testing::both_databases};

const KEY: &str = "planted-key";

/// A call that arrived.
#[derive(Debug, Clone)]
struct Call {
    uri: Uri,
    headers: HeaderMap,
    body: String,
}

#[derive(Clone)]
struct Shared {
    calls: watch::Sender<Vec<Call>>,
    answer: Arc<Mutex<(StatusCode, &'static str)>>,
}

/// A server that takes calls and answers as it was told.
struct Peer {
    address: std::net::SocketAddr,
    shared: Shared,
    stop: CancellationToken,
}

impl Peer {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared {
            calls: watch::Sender::new(Vec::new()),
            answer: Arc::new(Mutex::new((StatusCode::OK, r#"{"errcode":0,"code":0}"#))),
        };
        let router = Router::new().fallback(take).with_state(shared.clone());
        let stop = CancellationToken::new();
        let serving = axum::serve(listener, router);
        TaskTracker::new().spawn(
            stop.clone()
                .run_until_cancelled_owned(async move { serving.await.unwrap() }),
        );
        Self {
            address,
            shared,
            stop,
        }
    }

    fn receiver(&self, kind: &str, key: Option<&str>) -> Value {
        let url = format!("http://{}/{kind}?access_token=planted-token", self.address);
        json!({"name": kind, "kind": kind, "url": url, "key": key})
    }

    fn answer(&self, status: StatusCode, body: &'static str) {
        *self.shared.answer.lock().unwrap() = (status, body);
    }

    /// Every call, once there are so many.
    async fn calls(&self, many: usize) -> Vec<Call> {
        let mut calls = self.shared.calls.subscribe();
        let found = timeout(PATIENCE, calls.wait_for(|calls| calls.len() >= many)).await;
        found.expect("calls that did not come").unwrap().clone()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn take(
    State(shared): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    let body = String::from_utf8(body.to_vec()).unwrap();
    shared
        .calls
        .send_modify(|calls| calls.push(Call { uri, headers, body }));
    *shared.answer.lock().unwrap()
}

impl Call {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn query(&self) -> HashMap<String, String> {
        let url: reqwest::Url = format!("http://peer{}", self.uri).parse().unwrap();
        url.query_pairs().into_owned().collect()
    }
}

fn sign(key: &str, text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

both_databases!(each_receiver_gets_its_format_with_its_signature, |test| {
    let ann = test.member("ann", Role::Admin).await;
    let host = new_host(test, "web-1").await;
    let peer = Peer::open().await;
    let mut receivers = Vec::new();
    for (kind, key) in [
        ("webhook", Some(KEY)),
        ("slack", None),
        ("dingtalk", Some(KEY)),
        ("feishu", Some(KEY)),
        ("wecom", None),
    ] {
        let mut body = peer.receiver(kind, key);
        body["language"] = if kind == "webhook" { "en" } else { "zh" }.into();
        receivers.push(made(&ann, "/api/v1/alerts/receivers", body).await);
    }
    let mut rule = busy(&receivers.iter().collect::<Vec<_>>());
    rule["name"] = "busy <!channel> & co".into();
    let rule = made(&ann, "/api/v1/alerts/rules", rule).await;
    let mut evaluator = Evaluator::new(&test.app);
    rounds(test, &mut evaluator, host, 95, 5).await;
    let calls = peer.calls(5).await;
    assert_eq!(calls.len(), 5);
    let to = |kind: &str| {
        let mut of_kind = calls.iter().filter(|call| call.uri.path() == format!("/{kind}"));
        of_kind.next().unwrap_or_else(|| panic!("{kind}"))
    };
    for call in &calls {
        assert_eq!(call.query()["access_token"], "planted-token");
        assert!(call.headers["muster-delivery"].to_str().unwrap().len() == 36);
    }

    let webhook = to("webhook");
    let body = webhook.json();
    assert_eq!(
        (&body["event"], &body["severity"], &body["count"]),
        (&json!("fires"), &json!("critical"), &json!(1))
    );
    assert_eq!(
        (&body["rule"]["id"], &body["alerts"][0]["host"]),
        (&rule["id"], &json!("web-1"))
    );
    assert_eq!(body["alerts"][0]["value"], json!(95.0));
    let header = webhook.headers["muster-signature"].to_str().unwrap();
    let (time, signature) = header.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    assert_eq!(
        signature,
        hex::encode(sign(KEY, &format!("{time}.{}", webhook.body)))
    );

    let slack = to("slack").json()["text"].as_str().unwrap().to_owned();
    assert!(
        slack.starts_with("【严重】busy &lt;!channel&gt; &amp; co\n"),
        "{slack}"
    );
    let ding = to("dingtalk");
    assert_eq!(ding.json()["msgtype"], "text");
    assert!(
        ding.json()["text"]["content"]
            .as_str()
            .unwrap()
            .contains("web-1 (cpu.total 95.0 %)")
    );
    let query = ding.query();
    let wanted = STANDARD.encode(sign(KEY, &format!("{}\n{KEY}", query["timestamp"])));
    assert_eq!(
        (query["sign"].as_str(), query["timestamp"].len()),
        (wanted.as_str(), 13)
    );
    let feishu = to("feishu").json();
    assert_eq!(feishu["msg_type"], "text");
    assert!(
        feishu["content"]["text"]
            .as_str()
            .unwrap()
            .contains("look at the queue")
    );
    let time = feishu["timestamp"].as_str().unwrap();
    assert_eq!(
        feishu["sign"],
        json!(STANDARD.encode(sign(&format!("{time}\n{KEY}"), "")))
    );
    let wecom = to("wecom").json();
    assert_eq!(wecom["msgtype"], "text");
    assert!(wecom["text"]["content"].as_str().unwrap().contains("/alerts"));
});

both_databases!(a_receiver_is_told_in_the_org_s_own_words, |test| {
    let ann = test.member("ann", Role::Admin).await;
    let peer = Peer::open().await;
    let mut ding = peer.receiver("dingtalk", None);
    for (wrong, code) in [
        ("{secret}", "blanks"),
        ("{title", "blanks"),
        ("a\u{7}", "control"),
        ("a\rb", "control"),
        (&"x".repeat(1_501), "too-long"),
    ] {
        ding["message"] = json!(wrong);
        let (status, problem) = ann.post("/api/v1/alerts/receivers", ding.clone()).await;
        let error = &problem["errors"][0];
        assert_eq!(
            (status, &error["field"], &error["code"]),
            (422, &json!("message"), &json!(code))
        );
    }
    ding["message"] = json!("@ops {severity}: {rule}\r\n{count} of {what}");
    let ding = made(&ann, "/api/v1/alerts/receivers", ding).await;
    assert_eq!(ding["message"], "@ops {severity}: {rule}\n{count} of {what}");
    let path = format!("/api/v1/alerts/receivers/{}", ding["id"].as_str().unwrap());
    assert_eq!(ann.post(&format!("{path}/test"), json!({})).await.1["ok"], true);
    let host = new_host(test, "web-1").await;
    made(&ann, "/api/v1/alerts/rules", busy(&[&ding])).await;
    let mut evaluator = Evaluator::new(&test.app);
    rounds(test, &mut evaluator, host, 95, 5).await;
    let said: Vec<Value> = peer.calls(2).await.iter().map(Call::json).collect();
    let said: Vec<&str> = said
        .iter()
        .map(|call| call["text"]["content"].as_str().unwrap())
        .collect();
    assert!(said[0].starts_with("@ops "), "{said:?}");
    assert!(
        said[1].contains("busy\n1 of web-1 (cpu.total 95.0 %)"),
        "{said:?}"
    );
});

both_databases!(what_a_receiver_answers_decides_what_comes_next, |test| {
    let ann = test.member("ann", Role::Admin).await;
    let peer = Peer::open().await;
    let ding = made(&ann, "/api/v1/alerts/receivers", peer.receiver("dingtalk", None)).await;
    let path = format!("/api/v1/alerts/receivers/{}", ding["id"].as_str().unwrap());
    let (status, tested) = ann.post(&format!("{path}/test"), json!({})).await;
    assert_eq!((status, &tested["ok"]), (200, &json!(true)), "{tested}");
    assert!(peer.calls(1).await[0].body.contains("ann asked Muster"));
    peer.answer(StatusCode::OK, r#"{"errcode":310000,"errmsg":"sign not match"}"#);
    let (_, tested) = ann.post(&format!("{path}/test"), json!({})).await;
    assert_eq!(
        tested["message"],
        "the receiver answers errcode 310000: sign not match"
    );
    let (_, shown) = ann.get(&path).await;
    assert_eq!(shown["lastTest"], tested);
    peer.answer(StatusCode::FOUND, "");
    let (_, tested) = ann.post(&format!("{path}/test"), json!({})).await;
    assert_eq!(tested["message"], "the receiver answers 302 Found");

    // What passes is tried again by the outbox; what doesn't is dead at once.
    let host = new_host(test, "web-1").await;
    made(&ann, "/api/v1/alerts/rules", busy(&[&ding])).await;
    let mut evaluator = Evaluator::new(&test.app);
    peer.answer(StatusCode::SERVICE_UNAVAILABLE, "planted-answer");
    rounds(test, &mut evaluator, host, 95, 5).await;
    peer.calls(4).await;
    let admin = test.maker().await;
    let letter = async |wanted: &str| {
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            let (_, page) = admin.get("/api/v1/outbox").await;
            let letters = page["items"].as_array().unwrap();
            let found = letters.iter().find(|letter| letter["template"] == "alert-fires");
            if let Some(found) = found
                && found["lastError"] == wanted
            {
                assert!(!page.to_string().contains("planted"), "{page}");
                return found.clone();
            }
            assert!(tokio::time::Instant::now() < end, "{page}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waiting = letter("the receiver answers 503 Service Unavailable").await;
    assert_eq!(
        (&waiting["state"], &waiting["kind"], &waiting["recipient"]),
        (&json!("waiting"), &json!("hook"), &json!("dingtalk"))
    );
    peer.answer(StatusCode::OK, r#"{"errcode":0}"#);
    test.app.clock.advance(31_000);
    test.app.notify.wake();
    let sent = letter("").await;
    assert_eq!((&sent["state"], &sent["attempts"]), (&json!("sent"), &json!(2)));
});
