//! A small S3 server: objects in buckets, by path, with signatures of version 4 that are checked as Amazon checks them.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use aws_lc_rs::hmac;
use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use muster_base::sha256;
use tokio_util::task::TaskTracker;

pub(super) const BUCKET: &str = "muster-files";
pub(super) const KEY_ID: &str = "AKIDEXAMPLE";
pub(super) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
pub(super) const REGION: &str = "eu-central-1";

/// The server, for as long as the test runs.
#[derive(Clone, Default)]
pub(super) struct Peer(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    objects: BTreeMap<String, Bytes>,
    /// The next so many calls get this answer instead.
    trouble: Option<(usize, StatusCode, &'static str)>,
    calls: Vec<String>,
}

impl Peer {
    /// Listens on a port of this machine; its address.
    pub(super) async fn open() -> (Self, String) {
        let peer = Self::default();
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(peer.clone());
        TaskTracker::new().spawn(async move { axum::serve(listener, router).await.unwrap() });
        (peer, address)
    }

    /// Names of the objects.
    pub(super) fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().objects.keys().cloned().collect()
    }

    /// The next `count` calls get this.
    pub(super) fn fail(&self, count: usize, status: u16, body: &'static str) {
        let status = StatusCode::from_u16(status).unwrap();
        self.0.lock().unwrap().trouble = Some((count, status, body));
    }

    /// From now on it answers again.
    pub(super) fn calm(&self) {
        self.0.lock().unwrap().trouble = None;
    }

    /// How many calls there were with this method.
    pub(super) fn calls(&self, method: &str) -> usize {
        let inner = self.0.lock().unwrap();
        inner.calls.iter().filter(|call| call.starts_with(method)).count()
    }
}

async fn answer(State(peer): State<Peer>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 16 << 20).await.unwrap();
    let mut inner = peer.0.lock().unwrap();
    inner.calls.push(format!("{} {}", parts.method, parts.uri));
    if let Some((count, status, text)) = inner.trouble.take() {
        if count > 1 {
            inner.trouble = Some((count - 1, status, text));
        }
        return (status, text).into_response();
    }
    let query = parts.uri.query().unwrap_or_default();
    if let Err(why) = signed(&parts.method, parts.uri.path(), query, &parts.headers, &body) {
        return error(StatusCode::FORBIDDEN, why);
    }
    let Some(name) = parts.uri.path().strip_prefix(&format!("/{BUCKET}/")) else {
        return error(StatusCode::NOT_FOUND, "NoSuchBucket");
    };
    match parts.method {
        Method::PUT => {
            inner.objects.insert(name.to_owned(), body.clone());
            [(header::ETAG, format!("\"{}\"", sha256(&body)))].into_response()
        }
        Method::GET | Method::HEAD => match inner.objects.get(name) {
            Some(object) => read(object, &parts.headers),
            None => error(StatusCode::NOT_FOUND, "NoSuchKey"),
        },
        Method::DELETE => {
            inner.objects.remove(name);
            StatusCode::NO_CONTENT.into_response()
        }
        _ => error(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
    }
}

fn read(object: &Bytes, headers: &HeaderMap) -> Response {
    let always = [
        (header::ETAG, format!("\"{}\"", sha256(object))),
        (header::LAST_MODIFIED, "Sun, 29 Nov 2026 12:00:00 GMT".to_owned()),
    ];
    let range = headers.get(header::RANGE).map(|range| {
        let range = range.to_str().unwrap().strip_prefix("bytes=").unwrap();
        let (first, last) = range.split_once('-').unwrap();
        (first.parse::<usize>().unwrap(), last.parse::<usize>().unwrap())
    });
    let Some((first, last)) = range else {
        return (always, object.clone()).into_response();
    };
    if first >= object.len() {
        return error(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange");
    }
    let last = last.min(object.len() - 1);
    let range = [(
        header::CONTENT_RANGE,
        format!("bytes {first}-{last}/{}", object.len()),
    )];
    (
        StatusCode::PARTIAL_CONTENT,
        always,
        range,
        object.slice(first..=last),
    )
        .into_response()
}

fn error(status: StatusCode, code: &str) -> Response {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>");
    (status, [(header::CONTENT_TYPE, "application/xml")], body).into_response()
}

/// Checks an `AWS4-HMAC-SHA256` signature.
fn signed(
    method: &Method,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), &'static str> {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let fields = header("authorization")
        .strip_prefix("AWS4-HMAC-SHA256 ")
        .ok_or("AccessDenied")?;
    let field = |name: &str| {
        let mut fields = fields.split(',').map(str::trim);
        fields
            .find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
            .unwrap_or_default()
    };
    let scope = field("Credential")
        .strip_prefix(&format!("{KEY_ID}/"))
        .ok_or("InvalidAccessKeyId")?;
    let content = header("x-amz-content-sha256");
    if content != sha256(body).to_string() {
        return Err("XAmzContentSHA256Mismatch");
    }
    let names = field("SignedHeaders");
    for needed in ["host", "x-amz-content-sha256", "x-amz-date"] {
        if !names.split(';').any(|name| name == needed) {
            return Err("AccessDenied");
        }
    }
    let mut canonical = format!("{method}\n{path}\n{query}\n");
    for name in names.split(';') {
        writeln!(canonical, "{name}:{}", header(name).trim()).unwrap();
    }
    write!(canonical, "\n{names}\n{content}").unwrap();
    let date = header("x-amz-date");
    let text = format!(
        "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
        sha256(canonical.as_bytes())
    );
    let (day, rest) = scope.split_once('/').ok_or("AccessDenied")?;
    if rest != format!("{REGION}/s3/aws4_request") || !date.starts_with(day) {
        return Err("AuthorizationHeaderMalformed");
    }
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for step in [day, REGION, "s3", "aws4_request"] {
        key = mac(&key, step);
    }
    if hex::encode(mac(&key, &text)) == field("Signature") {
        Ok(())
    } else {
        Err("SignatureDoesNotMatch")
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}
