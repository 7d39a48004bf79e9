//! A gateway for text messages, for tests.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::IntoResponse,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::super::{Channel, Language, Template, mailer::Fault, sms::Gateway, template::Words};
use crate::config::{SmsBody, SmsConfig, SmsMethod};

/// A message that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) uri: Uri,
    pub(crate) authorization: Option<String>,
    pub(crate) body: String,
}

#[derive(Clone)]
struct Shared {
    texts: watch::Sender<Vec<Text>>,
    answer: Arc<Mutex<(StatusCode, &'static str)>>,
}

/// The gateway.
pub(crate) struct SmsGateway {
    address: std::net::SocketAddr,
    shared: Shared,
    stop: CancellationToken,
}

impl SmsGateway {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared {
            texts: watch::Sender::new(Vec::new()),
            answer: Arc::new(Mutex::new((StatusCode::OK, "{\"code\":\"OK\"}"))),
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

    pub(crate) fn config(&self) -> SmsConfig {
        SmsConfig {
            url: format!("http://{}/send?key=planted-key", self.address).into(),
            method: SmsMethod::Post,
            body: Some("{\"to\":\"{to}\",\"text\":\"{text}\"}".into()),
            body_type: SmsBody::Json,
            authorization: Some("Bearer planted-token".into()),
            authorization_file: None,
            expect: Some("OK".to_owned()),
            per_number_per_day: 10,
            per_day: 100,
        }
    }

    pub(crate) fn answer(&self, status: StatusCode, body: &'static str) {
        *self.shared.answer.lock().unwrap() = (status, body);
    }

    /// What was sent to this number, once there are so many.
    pub(crate) async fn wait_for(&self, to: &str, count: usize) -> Vec<String> {
        let of = |texts: &Vec<Text>| -> Vec<String> {
            let bodies = texts
                .iter()
                .map(|text| serde_json::from_str::<Value>(&text.body).unwrap());
            let mine = bodies.filter(|body| body["to"] == to);
            mine.map(|body| body["text"].as_str().unwrap().to_owned())
                .collect()
        };
        let mut texts = self.shared.texts.subscribe();
        let arrived = tokio::time::timeout(
            Duration::from_secs(20),
            texts.wait_for(|texts| of(texts).len() >= count),
        );
        of(&arrived
            .await
            .unwrap_or_else(|_| panic!("no message {count} to {to}"))
            .unwrap())
    }

    pub(crate) fn texts(&self) -> Vec<Text> {
        self.shared.texts.borrow().clone()
    }
}

impl Drop for SmsGateway {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn take(State(shared): State<Shared>, uri: Uri, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let text = Text {
        uri,
        authorization: headers
            .get("authorization")
            .map(|value| value.to_str().unwrap().to_owned()),
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    shared.texts.send_modify(|texts| texts.push(text));
    let (status, body) = *shared.answer.lock().unwrap();
    (status, body)
}

fn words() -> Words {
    let words = Template::SmsCode.words(
        Language::Zh,
        &std::collections::BTreeMap::new(),
        Some(&"123456".into()),
    );
    words.unwrap()
}

async fn send(config: &SmsConfig) -> Result<(), Fault> {
    let gateway = Gateway::new(config).await.map_err(Fault::Server)?;
    gateway.send("+8613800000000", &words()).await
}

#[tokio::test]
async fn a_gateway_is_called_as_the_configuration_says() {
    assert_eq!(json!(Channel::Sms), json!("sms"));
    let gateway = SmsGateway::open().await;
    send(&gateway.config()).await.unwrap();
    let text = gateway.texts().remove(0);
    assert_eq!(text.authorization.as_deref(), Some("Bearer planted-token"));
    let body: Value = serde_json::from_str(&text.body).unwrap();
    assert_eq!(body["to"], "+8613800000000");
    assert!(
        body["text"].as_str().unwrap().contains("您的验证码是 123456"),
        "{body}"
    );

    let by_query = SmsConfig {
        url: format!("http://{}/s?to={{to}}&text={{text}}", gateway.address).into(),
        method: SmsMethod::Get,
        ..gateway.config()
    };
    send(&by_query).await.unwrap();
    let text = gateway.texts().remove(1);
    let query = text.uri.query().unwrap();
    assert!(
        query.starts_with("to=%2B8613800000000&text=%E3%80%90") && text.body.is_empty(),
        "{query}"
    );
}

#[tokio::test]
async fn no_fault_of_a_gateway_repeats_what_was_sent() {
    let gateway = SmsGateway::open().await;
    let check = async |status, body, expected: fn(&Fault) -> bool| {
        gateway.answer(status, body);
        let fault = send(&gateway.config()).await.unwrap_err();
        assert!(expected(&fault), "{fault:?}");
        let told = format!("{fault:?}");
        assert!(
            !told.contains("planted") && !told.contains("123456") && !told.contains("echo"),
            "{told}"
        );
    };
    check(StatusCode::OK, "echo 123456", |fault| {
        matches!(fault, Fault::Later(_))
    })
    .await;
    check(StatusCode::BAD_REQUEST, "echo 123456", |fault| {
        matches!(fault, Fault::Refused(_))
    })
    .await;
    check(StatusCode::UNAUTHORIZED, "echo", |fault| {
        matches!(fault, Fault::Server(_))
    })
    .await;
    check(StatusCode::INTERNAL_SERVER_ERROR, "echo", |fault| {
        matches!(fault, Fault::Server(_))
    })
    .await;
    check(StatusCode::FOUND, "echo", |fault| {
        matches!(fault, Fault::Server(_))
    })
    .await;
    let nowhere = SmsConfig {
        url: "http://127.0.0.1:9/planted?text={text}".into(),
        ..gateway.config()
    };
    let fault = send(&nowhere).await.unwrap_err();
    let told = format!("{fault:?}");
    assert!(
        matches!(fault, Fault::Server(_)) && !told.contains("planted") && !told.contains("123456"),
        "{told}"
    );
}
