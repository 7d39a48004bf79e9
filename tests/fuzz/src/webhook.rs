//! The bodies of `POST /webhook/deploy` and `POST /webhook/git/{id}`, through the whole HTTP side, on an embedded database.

use std::sync::LazyLock;

use aws_lc_rs::hmac;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request, header},
};
use muster_base::{Clock, ExposeSecret as _, SecretString, UnixMs};
use muster_control_plane::{
    access,
    app::App,
    config::{Config, SuperAdmin},
    db::Databases,
    http,
    keys::Keys,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;

use crate::choose;

const NOW: UnixMs = UnixMs(1_800_000_000_000);
/// Stand in seeds for what is made anew in each process.
const ID: &str = "@ID@";
const TOKEN: &str = "@TOKEN@";

struct Plane {
    runtime: Runtime,
    router: Router,
    application: String,
    token: SecretString,
    /// For each Git host an application and its secret.
    git: Vec<(String, SecretString)>,
    _data: TempDir,
}

const ADMIN: &str = "root";
const PASSWORD: &str = "a password for targets";

/// Git hosts: their names, the header that names an event, and events.
const HOSTS: [(&str, &str, [&str; 4]); 4] = [
    ("github", "x-github-event", ["push", "pull_request", "ping", "x"]),
    (
        "gitee",
        "x-gitee-event",
        ["Push Hook", "Tag Push Hook", "Merge Request Hook", "x"],
    ),
    (
        "gitlab",
        "x-gitlab-event",
        ["Push Hook", "Tag Push Hook", "Merge Request Hook", "x"],
    ),
    (
        "codeup",
        "codeup-event",
        ["Push Hook", "Tag Push Hook", "Merge Request Hook", "x"],
    ),
];

static PLANE: LazyLock<Plane> = LazyLock::new(Plane::start);

/// Starts the control plane before a clock runs for single inputs.
pub fn start_plane() {
    LazyLock::force(&PLANE);
}

/// A body; `@ID@` and `@TOKEN@` stand for an application's id and its token.
pub fn webhook(data: &[u8]) {
    let body = match std::str::from_utf8(data) {
        Ok(text) => text
            .replace(ID, &PLANE.application)
            .replace(TOKEN, PLANE.token.expose_secret())
            .into_bytes(),
        Err(_) => data.to_vec(),
    };
    let (status, answer) = PLANE.call("/webhook/deploy", &[], body);
    let answer = lawful(status, &answer, &PLANE.token);
    assert_eq!(status == 202, answer["success"] == json!(true));
}

/// A Git host, one of its events, and a body, which comes with that host's proof.
pub fn git_webhook(data: &[u8]) {
    let Some((host, rest)) = choose(data, HOSTS.len()) else {
        return;
    };
    let (_, event_header, events) = HOSTS[host];
    let Some((event, body)) = choose(rest, events.len()) else {
        return;
    };
    let (application, secret) = &PLANE.git[host];
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
    let signature = format!("sha256={}", hex::encode(hmac::sign(&key, body)));
    let secret_text = secret.expose_secret();
    let headers = [
        (event_header, events[event]),
        ("x-hub-signature-256", signature.as_str()),
        ("x-gitee-token", secret_text),
        ("x-gitlab-token", secret_text),
        ("x-codeup-token", secret_text),
    ];
    let path = format!("/webhook/git/{application}");
    let (status, answer) = PLANE.call(&path, &headers, body.to_vec());
    assert_ne!(status, 401, "the proof holds: {answer}");
    lawful(status, &answer, secret);
}

/// The answer, after a look at it.
fn lawful(status: u16, answer: &str, secret: &SecretString) -> Value {
    assert!(status < 500, "{status}: {answer}");
    assert!(
        !answer.contains(secret.expose_secret()),
        "the secret is in the answer"
    );
    let answer: Value = serde_json::from_str(answer).expect("every answer is JSON");
    assert!(
        status == 202 || answer["type"].is_string(),
        "a refusal is a problem"
    );
    answer
}

impl Plane {
    /// A control plane with one application that may be deployed by webhook, to no host.
    fn start() -> Self {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let data = tempfile::tempdir().expect("a directory");
        let router = runtime.block_on(async {
            let mut config = Config::load(data.path(), None).expect("the defaults");
            config.delivery.webhook_per_address_per_minute = u32::MAX;
            config.delivery.webhook_per_application_per_minute = u32::MAX;
            let password_hash = access::hash_password(PASSWORD.into()).await.expect("a hash");
            config.super_admin = Some(SuperAdmin {
                account: ADMIN.into(),
                password_hash,
            });
            let databases = Databases::sqlite(data.path()).await.expect("a database");
            let app = App::new(config, databases, Clock::manual(NOW), Keys::new([7; 32]));
            app.start().await.expect("a started app");
            http::router(app)
        });
        let mut plane = Self {
            runtime,
            router,
            application: String::new(),
            token: SecretString::from(""),
            git: Vec::new(),
            _data: data,
        };
        let credentials = json!({"login": ADMIN, "password": PASSWORD});
        let admin = plane.made("/api/v1/auth/login", "", &credentials, "accessToken");
        let application = json!({
            "name": "shop",
            "image": "team/shop",
            "environments": {"default": {"selector": {"web": "none"}}},
        });
        plane.application = plane.made("/api/v1/applications", &admin, &application, "id");
        let path = format!("/api/v1/applications/{}/webhook-token", plane.application);
        plane.token = plane.made(&path, &admin, &json!({}), "token").into();
        for (host, ..) in HOSTS {
            let push = json!({
                "branches": {"regex": [".*"], "exclude": {"prefix": ["wip"]}},
                "tags": {"regex": ["v.*"]},
            });
            let triggers = json!({ host: {"push": push, "pullRequest": {"branches": {"regex": [".*"]}}} });
            let application = json!({
                "name": host,
                "image": "team/shop",
                "repository": {"provider": host, "repoId": "7"},
                "environments": {"default": {"selector": {"web": "none"}, "triggerSpec": triggers}},
            });
            let id = plane.made("/api/v1/applications", &admin, &application, "id");
            let path = format!("/api/v1/applications/{id}/git-secret");
            let secret = plane.made(&path, &admin, &json!({}), "secret");
            plane.git.push((id, secret.into()));
        }
        plane
    }

    fn made(&self, path: &str, bearer: &str, body: &Value, field: &str) -> String {
        let bearer = format!("Bearer {bearer}");
        let headers = [(header::AUTHORIZATION.as_str(), bearer.as_str())];
        let headers = if bearer.len() > 7 { headers.as_slice() } else { &[] };
        let (status, answer) = self.call(path, headers, body.to_string().into_bytes());
        let answer: Value = serde_json::from_str(&answer).expect("every answer is JSON");
        let made = answer[field].as_str().map(ToOwned::to_owned);
        made.unwrap_or_else(|| panic!("{path}: {status} {answer}"))
    }

    fn call(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> (u16, String) {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).expect("a request");
        self.runtime.block_on(async {
            let answer = self.router.clone().oneshot(request).await;
            let answer = answer.unwrap_or_else(|never| match never {});
            let status = answer.status().as_u16();
            let bytes = to_bytes(answer.into_body(), 1 << 20)
                .await
                .expect("a short answer");
            (status, String::from_utf8_lossy(&bytes).into_owned())
        })
    }
}
