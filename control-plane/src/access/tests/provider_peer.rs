//! A provider for tests: OpenID Connect with its own signing key, and the two calls of GitHub and Gitee. It checks what
//! a provider checks (client, redirect, code verifier) and can be told to say what none should.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use muster_base::{random_token, sha256};
use reqwest::Url;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::config::{ProviderConfig, ProviderKind};

const CLIENT: &str = "muster-client";
const SECRET: &str = "planted client/secret";

type Twist = Box<dyn Fn(&mut Value) + Send>;

#[derive(Clone)]
struct Shared {
    issuer: String,
    key: Arc<Vec<u8>>,
    /// What each code was given out for: the parameters of its authorisation.
    codes: Arc<Mutex<BTreeMap<String, BTreeMap<String, String>>>>,
    /// Changes the claims of the next tokens.
    twist: Arc<Mutex<Option<Twist>>>,
    /// Signs the next tokens with another key.
    forges: Arc<Mutex<bool>>,
    now_s: Arc<Mutex<i64>>,
}

/// The provider.
pub(crate) struct Provider {
    shared: Shared,
    stop: CancellationToken,
}

fn new_key() -> Vec<u8> {
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    key.unwrap().as_ref().to_vec()
}

impl Provider {
    pub(crate) async fn open(now_s: i64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shared = Shared {
            issuer: format!("http://{}", listener.local_addr().unwrap()),
            key: Arc::new(new_key()),
            codes: Arc::default(),
            twist: Arc::default(),
            forges: Arc::default(),
            now_s: Arc::new(Mutex::new(now_s)),
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/user", get(user))
            .with_state(shared.clone());
        let stop = CancellationToken::new();
        let serving = axum::serve(listener, router);
        TaskTracker::new().spawn(
            stop.clone()
                .run_until_cancelled_owned(async move { serving.await.unwrap() }),
        );
        Self { shared, stop }
    }

    pub(crate) fn configs(&self) -> BTreeMap<String, ProviderConfig> {
        let config = |kind, own: bool| {
            let at = |path: &str| own.then(|| format!("{}{path}", self.shared.issuer));
            ProviderConfig {
                kind,
                label: None,
                client_id: CLIENT.to_owned(),
                client_secret: Some(SECRET.into()),
                client_secret_file: None,
                issuer: (!own).then(|| self.shared.issuer.clone()),
                authorize_url: at("/authorize"),
                token_url: at("/token"),
                user_url: at("/user"),
                scopes: None,
            }
        };
        BTreeMap::from([
            ("corp".to_owned(), config(ProviderKind::Oidc, false)),
            ("github".to_owned(), config(ProviderKind::Github, true)),
            ("gitee".to_owned(), config(ProviderKind::Gitee, true)),
        ])
    }

    /// Somebody signs in there: the code and the state that their browser brings back.
    pub(crate) fn consent(&self, url: &str, subject: &str) -> (String, String) {
        let url = Url::parse(url).unwrap();
        assert_eq!(url.path(), "/authorize");
        let mut asked: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["client_id"], CLIENT);
        assert_eq!(asked["code_challenge_method"], "S256");
        assert_eq!(asked["code_challenge"].len(), 43);
        let state = asked["state"].clone();
        asked.insert("subject".to_owned(), subject.to_owned());
        let code = random_token("code_");
        self.shared.codes.lock().unwrap().insert(code.clone(), asked);
        (code, state)
    }

    /// Changes what the next tokens say.
    pub(crate) fn twist(&self, twist: impl Fn(&mut Value) + Send + 'static) {
        *self.shared.twist.lock().unwrap() = Some(Box::new(twist));
    }

    pub(crate) fn forge(&self, forges: bool) {
        *self.shared.forges.lock().unwrap() = forges;
    }

    pub(crate) fn set_time(&self, now_s: i64) {
        *self.shared.now_s.lock().unwrap() = now_s;
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn discovery(State(shared): State<Shared>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", shared.issuer);
    Json(
        json!({"issuer": shared.issuer, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
        "jwks_uri": at("/keys"), "response_types_supported": ["code"]}),
    )
}

async fn keys(State(shared): State<Shared>) -> Json<Value> {
    let mut key = Jwk::from_encoding_key(&EncodingKey::from_ec_der(&shared.key), Algorithm::ES256).unwrap();
    key.common.key_id = Some("one".to_owned());
    let strange = json!({"kty": "XYZ", "kid": "zero"});
    Json(json!({"keys": [strange, key]}))
}

async fn token(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response {
    let form = Url::parse(&format!("http://form?{body}")).unwrap();
    let form: BTreeMap<String, String> = form.query_pairs().into_owned().collect();
    let asked = shared.codes.lock().unwrap().remove(&form["code"]);
    let Some(asked) = asked else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let challenge = URL_SAFE_NO_PAD.encode(sha256(form["code_verifier"].as_bytes()).0);
    let by_header = headers.get("authorization").map(|value| {
        let pair = STANDARD
            .decode(value.to_str().unwrap().trim_start_matches("Basic "))
            .unwrap();
        String::from_utf8(pair).unwrap() == format!("{CLIENT}:planted+client%2Fsecret")
    });
    let by_form = form.get("client_secret").is_some_and(|secret| secret == SECRET);
    let ours = form["grant_type"] == "authorization_code"
        && form["redirect_uri"] == asked["redirect_uri"]
        && challenge == asked["code_challenge"]
        && by_header.unwrap_or(by_form);
    if !ours {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let access = format!("access-{}", asked["subject"]);
    let Some(nonce) = asked.get("nonce") else {
        return Json(json!({"access_token": access, "token_type": "bearer"})).into_response();
    };
    let now = *shared.now_s.lock().unwrap();
    let mut claims = json!({"iss": shared.issuer, "sub": asked["subject"], "aud": CLIENT, "exp": now + 300, "iat": now,
        "nonce": nonce, "email": "somebody@example.com"});
    if let Some(twist) = shared.twist.lock().unwrap().as_ref() {
        twist(&mut claims);
    }
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some("one".to_owned());
    let forged = new_key();
    let key = if *shared.forges.lock().unwrap() {
        &forged
    } else {
        shared.key.as_ref()
    };
    let id_token = match claims["alg"].as_str() {
        Some("none") => format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        ),
        Some(_) => encode(
            &Header::new(Algorithm::HS256),
            &claims,
            &EncodingKey::from_secret(SECRET.as_bytes()),
        )
        .unwrap(),
        None => encode(&header, &claims, &EncodingKey::from_ec_der(key)).unwrap(),
    };
    Json(json!({"access_token": access, "id_token": id_token, "token_type": "Bearer"})).into_response()
}

async fn user(headers: HeaderMap) -> Response {
    let token = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let subject = token
        .strip_prefix("Bearer access-")
        .and_then(|subject| subject.parse::<i64>().ok());
    match subject {
        Some(id) => Json(json!({"id": id, "login": format!("octo{id}"), "name": null, "two_factor": true}))
            .into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}
