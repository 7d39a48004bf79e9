//! A client of the HTTP API for one person, key or nobody.

use crate::wait::{self, Found};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::net::IpAddr;
use std::time::Duration;
use ureq::http::{HeaderMap, Method, Request};

/// Bytes of a piece of an upload, at most.
const PIECE: usize = 4 << 20;

/// Speaks to one control plane as one caller.
#[derive(Clone)]
pub struct Api {
    base: String,
    bearer: Option<String>,
    org: Option<String>,
    from: Option<IpAddr>,
    http: ureq::Agent,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body as it came.
    pub text: String,
    /// When to ask again, in seconds, if it says so.
    pub retry_after: Option<u64>,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.text).with_context(|| format!("not JSON: {}", self.text))
    }
}

impl Api {
    /// Nobody in particular, at `base` (`http://127.0.0.1:PORT`).
    pub fn new(base: &str) -> Self {
        // A deployment with ?wait=1 takes as long as its health check.
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_mins(3)));
        Self {
            base: base.to_owned(),
            bearer: None,
            org: None,
            from: None,
            http: config.build().into(),
        }
    }

    /// The address it speaks to.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The same with an access token or API key.
    #[must_use]
    pub fn with_bearer(&self, token: &str) -> Self {
        Self {
            bearer: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// The same in another org than the caller's first, by its slug or id.
    #[must_use]
    pub fn in_org(&self, org: &str) -> Self {
        Self {
            org: Some(org.to_owned()),
            ..self.clone()
        }
    }

    /// The same, as a proxy before the control plane that passes on what this address says.
    #[must_use]
    pub fn forwarding(&self, from: IpAddr) -> Self {
        Self {
            from: Some(from),
            ..self.clone()
        }
    }

    /// Signs in.
    pub fn login(&self, login: &str, password: &str) -> Result<Self> {
        let answer = self.post(
            "/api/v1/auth/login",
            &json!({"login": login, "password": password}),
        )?;
        Ok(self.with_bearer(text(&answer, "accessToken")?))
    }

    /// The access token or key that it speaks with.
    pub fn bearer(&self) -> Option<&str> {
        self.bearer.as_deref()
    }

    /// A stream of events, line by line as they come; it ends when this is dropped.
    pub fn follow(&self, path: &str) -> Result<impl Iterator<Item = std::io::Result<String>> + use<>> {
        let mut request = Request::builder().uri(format!("{}{path}", self.base));
        if let Some(bearer) = &self.bearer {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        let answer = self.http.run(request.body(())?)?;
        ensure!(answer.status() == 200, "GET {path} answers {}", answer.status());
        Ok(BufReader::new(answer.into_body().into_reader()).lines())
    }

    /// One call; any status is an answer.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer> {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes())?)
            .uri(format!("{}{path}", self.base));
        if let Some(bearer) = &self.bearer {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        if let Some(org) = &self.org {
            request = request.header("muster-org", org);
        }
        if let Some(from) = self.from {
            request = request.header("x-forwarded-for", from.to_string());
        }
        let mut answer = match body {
            Some(body) => self.http.run(
                request
                    .header("content-type", "application/json")
                    .body(body.to_string())?,
            ),
            None => self.http.run(request.body(())?),
        }
        .with_context(|| format!("{method} {path} got no answer"))?;
        let status = answer.status().as_u16();
        let text = answer
            .body_mut()
            .read_to_string()
            .with_context(|| format!("{method} {path}: the answer broke off"))?;
        Ok(Answer {
            status,
            text,
            retry_after: retry_after(answer.headers()),
        })
    }

    /// Sends something that is no JSON; any status is an answer.
    pub fn send(&self, path: &str, content_type: &str, body: Vec<u8>) -> Result<Answer> {
        let request = Request::post(format!("{}{path}", self.base)).header("content-type", content_type);
        let mut answer = self.http.run(request.body(body)?)?;
        Ok(Answer {
            status: answer.status().as_u16(),
            text: answer.body_mut().read_to_string()?,
            retry_after: retry_after(answer.headers()),
        })
    }

    /// Uploads one of the org's files, whose SHA-256 is `hash`; its id.
    pub fn upload(&self, name: &str, bytes: &[u8], hash: &str) -> Result<String> {
        let upload = self.upload_pieces(name, bytes, hash)?;
        let path = format!("/api/v1/files/uploads/{upload}/complete");
        let file = self.post(&path, &json!({}))?;
        Ok(text(&file, "id")?.to_owned())
    }

    /// The same, but for the last step: the upload's id.
    pub fn upload_pieces(&self, name: &str, bytes: &[u8], hash: &str) -> Result<String> {
        let body = json!({"name": name, "size": bytes.len(), "hash": hash});
        let upload = self.post("/api/v1/files/uploads", &body)?;
        let id = text(&upload, "id")?.to_owned();
        for (n, piece) in bytes.chunks(PIECE).enumerate() {
            let offset = n * PIECE;
            self.upload_piece(&id, offset, piece.to_vec())
                .with_context(|| format!("uploading {name}"))?;
        }
        Ok(id)
    }

    /// One piece of an upload that was begun.
    pub fn upload_piece(&self, upload: &str, offset: usize, bytes: Vec<u8>) -> Result<()> {
        let mut request = Request::put(format!(
            "{}/api/v1/files/uploads/{upload}/content?offset={offset}",
            self.base
        ));
        if let Some(bearer) = &self.bearer {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        let answer = self.http.run(request.body(bytes)?)?;
        ensure!(
            answer.status() == 200,
            "the piece at {offset} answers {}",
            answer.status()
        );
        Ok(())
    }

    /// Reads something that has to be there.
    pub fn get(&self, path: &str) -> Result<Value> {
        self.must("GET", path, None)
    }

    /// Reads something that is no JSON and has to be there.
    pub fn get_text(&self, path: &str) -> Result<String> {
        let answer = self.call("GET", path, None)?;
        ensure!(
            answer.status == 200,
            "GET {path} answered {}: {}",
            answer.status,
            answer.text
        );
        Ok(answer.text)
    }

    /// Sends something that has to be accepted.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.must("POST", path, Some(body))
    }

    /// Changes something that has to be accepted.
    pub fn patch(&self, path: &str, body: &Value) -> Result<Value> {
        self.must("PATCH", path, Some(body))
    }

    /// Removes something that has to be there.
    pub fn delete(&self, path: &str) -> Result<Value> {
        self.must("DELETE", path, None)
    }

    /// All items of a list, page by page.
    pub fn list(&self, path: &str) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let joint = if path.contains('?') { '&' } else { '?' };
            let page = match &cursor {
                Some(cursor) => self.get(&format!("{path}{joint}cursor={cursor}"))?,
                None => self.get(path)?,
            };
            items.extend(
                page["items"]
                    .as_array()
                    .with_context(|| format!("{path} is not a list: {page}"))?
                    .iter()
                    .cloned(),
            );
            match page["nextCursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return Ok(items),
            }
        }
    }

    /// Reads `path` until `field` has one of the values `wanted`; any value of `never` fails at once.
    pub fn await_field(
        &self,
        path: &str,
        field: &str,
        wanted: &[&str],
        never: &[&str],
        deadline: Duration,
    ) -> Result<Value> {
        wait::until(
            &format!("{field} of {path} to be one of {wanted:?}"),
            deadline,
            || {
                let thing = self.get(path)?;
                let value = thing[field].as_str().unwrap_or_default();
                if never.contains(&value) {
                    bail!("{path} is {value}: {thing}");
                }
                Ok(if wanted.contains(&value) {
                    Found::Yes(thing)
                } else {
                    Found::No(thing.to_string())
                })
            },
        )
    }

    fn must(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let answer = self.call(method, path, body)?;
        if !(200..300).contains(&answer.status) {
            bail!("{method} {path} answered {}: {}", answer.status, answer.text);
        }
        if answer.text.is_empty() {
            Ok(Value::Null)
        } else {
            answer.json()
        }
    }
}

/// A text field that has to be there.
pub fn text<'a>(thing: &'a Value, field: &str) -> Result<&'a str> {
    thing[field]
        .as_str()
        .with_context(|| format!("no text field {field} in {thing}"))
}

fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get("retry-after")?.to_str().ok()?.parse().ok()
}
