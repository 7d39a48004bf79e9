//! An Infisical server for tests: universal auth and the list of secrets, with the answers, errors and particularities
//! of its published API. It checks what Infisical checks (client, token, project) and can be told to misbehave.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Query, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(super) const CLIENT: &str = "1e4f5c8a-client";
pub(super) const CLIENT_SECRET: &str = "planted-client-secret";
pub(super) const PROJECT: &str = "7e2f1a4c-project";
const TOKEN: &str = "eyJhbGciOi.planted-access-token";

/// How it misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Well,
    /// 429 with `Retry-After: 90`.
    Busy,
    /// 403, as when the identity has no role in the project.
    Forbids,
    /// The identity may see names, not values.
    Hides,
    /// 500.
    Broken,
    /// Sends people to another address.
    Redirects,
    /// Answers something that is not the list.
    Talks,
    /// Answers without an end.
    Endless,
}

#[derive(Clone)]
struct Secret {
    id: String,
    value: String,
}

struct Inner {
    mood: Mutex<Mood>,
    /// By path, then by key.
    folders: Mutex<BTreeMap<String, BTreeMap<String, Secret>>>,
    /// Path of what is imported into each folder.
    imports: Mutex<BTreeMap<String, String>>,
    /// A server of before `/api/v4/secrets`.
    old: Mutex<bool>,
    next: Mutex<u32>,
    logins: Mutex<u32>,
    lists: Mutex<u32>,
}

/// The server.
pub(super) struct Peer {
    inner: Arc<Inner>,
    address: String,
    stop: CancellationToken,
}

impl Peer {
    pub(super) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Inner {
            mood: Mutex::new(Mood::Well),
            folders: Mutex::default(),
            imports: Mutex::default(),
            old: Mutex::new(false),
            next: Mutex::new(0),
            logins: Mutex::new(0),
            lists: Mutex::new(0),
        });
        let router = Router::new()
            .route("/api/v1/auth/universal-auth/login", post(login))
            .route("/api/v4/secrets", get(list_v4))
            .route("/api/v3/secrets/raw", get(list_v3))
            .fallback(no_route)
            .with_state(Arc::clone(&inner));
        let stop = CancellationToken::new();
        let serving = axum::serve(listener, router);
        TaskTracker::new().spawn(
            stop.clone()
                .run_until_cancelled_owned(async move { serving.await.unwrap() }),
        );
        Self { inner, address, stop }
    }

    pub(super) fn url(&self) -> &str {
        &self.address
    }

    /// Sets a secret, as somebody does in its console; one that is there keeps its id.
    pub(super) fn set(&self, path: &str, key: &str, value: &str) {
        let mut folders = self.inner.folders.lock().unwrap();
        let folder = folders.entry(path.to_owned()).or_default();
        if let Some(secret) = folder.get_mut(key) {
            secret.value = value.to_owned();
            return;
        }
        let mut next = self.inner.next.lock().unwrap();
        *next += 1;
        let secret = Secret {
            id: format!("00000000-0000-4000-8000-{:012}", *next),
            value: value.to_owned(),
        };
        folder.insert(key.to_owned(), secret);
    }

    pub(super) fn remove(&self, path: &str, key: &str) {
        let mut folders = self.inner.folders.lock().unwrap();
        folders.get_mut(path).unwrap().remove(key).unwrap();
    }

    /// Gives a secret another key; its id stays.
    pub(super) fn rename(&self, path: &str, key: &str, new: &str) {
        let mut folders = self.inner.folders.lock().unwrap();
        let folder = folders.get_mut(path).unwrap();
        let secret = folder.remove(key).unwrap();
        folder.insert(new.to_owned(), secret);
    }

    pub(super) fn import(&self, from: &str, into: &str) {
        self.inner
            .imports
            .lock()
            .unwrap()
            .insert(into.to_owned(), from.to_owned());
    }

    pub(super) fn is_now(&self, mood: Mood) {
        *self.inner.mood.lock().unwrap() = mood;
    }

    pub(super) fn is_old(&self) {
        *self.inner.old.lock().unwrap() = true;
    }

    pub(super) fn logins(&self) -> u32 {
        *self.inner.logins.lock().unwrap()
    }

    pub(super) fn lists(&self) -> u32 {
        *self.inner.lists.lock().unwrap()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn refuse(status: StatusCode, error: &str, message: &str) -> Response {
    let body = json!({"reqId": "req-1", "statusCode": status.as_u16(), "message": message, "error": error});
    (status, Json(body)).into_response()
}

/// What fastify answers where there is no route.
async fn no_route(request: Request) -> Response {
    let message = format!("Route {}:{} not found", request.method(), request.uri().path());
    let body = json!({"message": message, "error": "Not Found", "statusCode": 404});
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

async fn login(State(inner): State<Arc<Inner>>, Json(body): Json<Value>) -> Response {
    *inner.logins.lock().unwrap() += 1;
    if body["clientId"] != CLIENT || body["clientSecret"] != CLIENT_SECRET {
        return refuse(
            StatusCode::UNAUTHORIZED,
            "UnauthorizedError",
            "Invalid credentials",
        );
    }
    Json(json!({"accessToken": TOKEN, "expiresIn": 7200, "accessTokenMaxTTL": 43200, "tokenType": "Bearer"}))
        .into_response()
}

async fn list_v4(
    State(inner): State<Arc<Inner>>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    if *inner.old.lock().unwrap() {
        return no_route(request).await;
    }
    list(&inner, &query, query.get("projectId"), &headers)
}

async fn list_v3(
    State(inner): State<Arc<Inner>>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    list(&inner, &query, query.get("workspaceId"), &headers)
}

fn list(
    inner: &Inner,
    query: &BTreeMap<String, String>,
    project: Option<&String>,
    headers: &HeaderMap,
) -> Response {
    *inner.lists.lock().unwrap() += 1;
    if headers
        .get(header::AUTHORIZATION)
        .is_none_or(|value| value != &format!("Bearer {TOKEN}"))
    {
        return refuse(StatusCode::UNAUTHORIZED, "UnauthorizedError", "Token missing");
    }
    let mood = *inner.mood.lock().unwrap();
    match mood {
        Mood::Well | Mood::Hides => {}
        Mood::Busy => {
            let message = "Rate limit exceeded. Please try again in 90 seconds";
            let mut response = refuse(StatusCode::TOO_MANY_REQUESTS, "RateLimitExceeded", message);
            response.headers_mut().insert(header::RETRY_AFTER, 90.into());
            return response;
        }
        Mood::Forbids => {
            return refuse(
                StatusCode::FORBIDDEN,
                "PermissionDenied",
                "You are not allowed to describeSecret on secrets",
            );
        }
        Mood::Broken => {
            return refuse(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalServerError",
                "Something went wrong",
            );
        }
        Mood::Redirects => {
            return (StatusCode::FOUND, [(header::LOCATION, "http://169.254.169.254/")]).into_response();
        }
        Mood::Talks => return "<html>planted-page</html>".into_response(),
        Mood::Endless => return "x".repeat(20 << 20).into_response(),
    }
    if project.is_none_or(|project| project != PROJECT) {
        return refuse(StatusCode::NOT_FOUND, "NotFound", "Project not found");
    }
    let Some(environment) = query.get("environment") else {
        return refuse(
            StatusCode::BAD_REQUEST,
            "BadRequest",
            "Missing project id or environment",
        );
    };
    let path = query.get("secretPath").map_or("/", String::as_str);
    let folders = inner.folders.lock().unwrap();
    // A folder or environment that is not there is an empty one.
    let shown = |path: &str| -> Vec<Value> {
        let folder = folders.get(path).filter(|_| environment == "prod");
        let secrets = folder.into_iter().flatten();
        secrets
            .map(|(key, secret)| one(key, secret, environment, mood))
            .collect()
    };
    let mut imports = Vec::new();
    if query.get("include_imports").is_some_and(|value| value == "true")
        && let Some(from) = inner.imports.lock().unwrap().get(path)
    {
        imports.push(
            json!({"secretPath": from, "environment": environment, "folderId": "f", "secrets": shown(from)}),
        );
    }
    Json(json!({"secrets": shown(path), "imports": imports})).into_response()
}

fn one(key: &str, secret: &Secret, environment: &str, mood: Mood) -> Value {
    let hidden = mood == Mood::Hides;
    let value = if hidden {
        "<hidden-by-infisical>"
    } else {
        &secret.value
    };
    json!({"id": secret.id, "_id": secret.id, "workspace": PROJECT, "environment": environment, "version": 1,
        "type": "shared", "secretKey": key, "secretValue": value, "secretComment": "", "secretValueHidden": hidden,
        "isRotatedSecret": false, "tags": [], "secretMetadata": [],
        "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:00.000Z"})
}
