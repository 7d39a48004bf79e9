//! The body of `POST /webhook/deploy`, through the whole HTTP side, on an embedded database.

use std::sync::LazyLock;

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

const NOW: UnixMs = UnixMs(1_800_000_000_000);
/// Stand in seeds for what is made anew in each process.
const ID: &str = "@ID@";
const TOKEN: &str = "@TOKEN@";

struct Plane {
    runtime: Runtime,
    router: Router,
    application: String,
    token: SecretString,
    _data: TempDir,
}

const ADMIN: &str = "root";
const PASSWORD: &str = "a password for targets";

static PLANE: LazyLock<Plane> = LazyLock::new(Plane::start);

/// A body; `@ID@` and `@TOKEN@` stand for an application's id and its token.
pub fn webhook(data: &[u8]) {
    let body = match std::str::from_utf8(data) {
        Ok(text) => text
            .replace(ID, &PLANE.application)
            .replace(TOKEN, PLANE.token.expose_secret())
            .into_bytes(),
        Err(_) => data.to_vec(),
    };
    let (status, answer) = PLANE.call(Method::POST, "/webhook/deploy", "", body);
    assert!(status < 500, "{status}: {answer}");
    assert!(
        !answer.contains(PLANE.token.expose_secret()),
        "the token is in the answer"
    );
    let answer: Value = serde_json::from_str(&answer).expect("every answer is JSON");
    assert_eq!(status == 202, answer["success"] == json!(true));
    assert!(
        status == 202 || answer["type"].is_string(),
        "a refusal is a problem"
    );
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
        plane
    }

    fn made(&self, path: &str, bearer: &str, body: &Value, field: &str) -> String {
        let (status, answer) = self.call(Method::POST, path, bearer, body.to_string().into_bytes());
        let answer: Value = serde_json::from_str(&answer).expect("every answer is JSON");
        let made = answer[field].as_str().map(ToOwned::to_owned);
        made.unwrap_or_else(|| panic!("{path}: {status} {answer}"))
    }

    fn call(&self, method: Method, path: &str, bearer: &str, body: Vec<u8>) -> (u16, String) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json");
        if !bearer.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
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
