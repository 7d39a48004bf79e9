//! Extractors whose refusals are problems: a JSON body, a query string and path parameters.
//!
//! None lets U+0000 in: PostgreSQL keeps no such text, and a value that one database takes and the other does not
//! would be an internal error where it is a mistake.

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{FromRequest, FromRequestParts, Request, rejection::JsonRejection},
    http::{StatusCode, Uri, request::Parts},
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;

use super::problem::{ApiError, respond};
use crate::error::{Error, FieldError};

/// A JSON body. Unknown fields, missing fields and wrong types answer 422; what isn't JSON at all answers 400.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let RawJson { value, .. } = RawJson::from_request(request, state).await?;
        Ok(Self(value))
    }
}

/// The same, with the bytes as they came: what a signature is over.
#[derive(Debug)]
pub struct RawJson<T> {
    /// What the body says.
    pub value: T,
    /// The body.
    pub bytes: Bytes,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for RawJson<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let whole = Request::from_parts(parts.clone(), body);
        let bytes = match Bytes::from_request(whole, state).await {
            Ok(bytes) => bytes,
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                return Err(ApiError::from(Error::TooLarge("the body is too large".into())).into_response());
            }
            Err(error) => return Err(bad_request(error.status(), error.body_text())),
        };
        if holds_zero(&bytes) {
            return Err(invalid(NO_ZERO.to_owned()));
        }
        let request = Request::from_parts(parts, Body::from(bytes.clone()));
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self { value, bytes }),
            Err(JsonRejection::JsonDataError(error)) => Err(invalid(error.body_text())),
            Err(error) => Err(bad_request(error.status(), error.body_text())),
        }
    }
}

const NO_ZERO: &str = "a text must not contain the character U+0000";

/// Whether a text in this JSON holds U+0000. It can only stand there as an escape that is not itself escaped.
pub(super) fn holds_zero(json: &[u8]) -> bool {
    let mut escaped = false;
    json.iter().enumerate().any(|(at, byte)| {
        let starts_escape = escaped && json[at..].starts_with(b"u0000");
        escaped = *byte == b'\\' && !escaped;
        starts_escape
    })
}

/// A body of text, whatever it says that it is. What is no UTF-8 answers 400.
#[derive(Debug)]
pub struct Text(pub String);

impl<S: Send + Sync> FromRequest<S> for Text {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        match String::from_request(request, state).await {
            Ok(text) if text.contains('\0') => Err(invalid(NO_ZERO.to_owned())),
            Ok(text) => Ok(Self(text)),
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(ApiError::from(Error::TooLarge("the body is too large".into())).into_response())
            }
            Err(error) => Err(bad_request(error.status(), error.body_text())),
        }
    }
}

/// A JSON body that may be left out.
#[derive(Debug)]
pub struct OptionalJson<T>(pub T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        if request.body().is_end_stream() {
            return Ok(Self(T::default()));
        }
        let Json(body) = Json::<Option<T>>::from_request(request, state).await?;
        Ok(Self(body.unwrap_or_default()))
    }
}

/// A query string; a wrong one answers 422. The parameter `org`, which chooses the org where no header can be set, is
/// not the handler's and left out.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let query = parts.uri.query().unwrap_or_default();
        if query.contains("%00") {
            return Err(invalid(NO_ZERO.to_owned()));
        }
        let pairs = query.split('&');
        let own: Vec<_> = pairs.filter(|pair| !pair.starts_with("org=")).collect();
        let parsed = format!("/?{}", own.join("&"))
            .parse()
            .map_err(|_| invalid("the query string can't be read".to_owned()))
            .map(|uri: Uri| axum::extract::Query::<T>::try_from_uri(&uri))?;
        match parsed {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(error) => Err(invalid(error.body_text())),
        }
    }
}

/// Path parameters. An id that is no id names nothing: 404.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let zero = parts.uri.path().contains("%00");
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) if !zero => Ok(Self(value)),
            Ok(_) | Err(_) => Err(ApiError::from(Error::NotFound("object")).into_response()),
        }
    }
}

fn bad_request(status: StatusCode, detail: String) -> Response {
    respond(status, "bad-request".into(), "Bad request", detail, Vec::new())
}

fn invalid(text: String) -> Response {
    let text = shown(&text);
    // serde_path_to_error's text is "Failed to deserialize …: path: message".
    let text = text.split_once(": ").map_or(text.as_str(), |(_, rest)| rest);
    let (field, message) = match text.split_once(": ") {
        Some((field, message)) if !field.contains(' ') => (field.to_owned(), message.to_owned()),
        _ => (String::new(), text.to_owned()),
    };
    ApiError::from(Error::Invalid(vec![FieldError::new(field, message)])).into_response()
}

/// serde's words repeat names and values of the caller's; what is as long as a token or a key may be one.
fn shown(text: &str) -> String {
    const LONGEST: usize = 40;
    const BEGINNING: usize = 12;
    let cut = |word: &str| match word.char_indices().nth(LONGEST) {
        Some(_) => word.chars().take(BEGINNING).chain(['…']).collect(),
        None => word.to_owned(),
    };
    text.split(' ').map(cut).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_token_is_not_repeated() {
        let token = "t".repeat(43);
        let text = format!("unknown field `whk_{token}`, expected `version`");
        assert_eq!(shown(&text), "unknown field `whk_ttttttt… expected `version`");
    }

    #[test]
    fn only_a_zero_that_is_one_is_seen() {
        for json in [r#"{"a":"\u0000"}"#, r#"["x\\\u0000"]"#] {
            assert!(holds_zero(json.as_bytes()), "{json}");
        }
        for json in [r#"{"a":"\\u0000"}"#, r#"["u0000", "\u0001\n"]"#, "", "\\"] {
            assert!(!holds_zero(json.as_bytes()), "{json}");
        }
    }
}
