//! The language that a request's sender reads.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};

use crate::notify::Language;

/// The language of `Accept-Language`, for what is mailed to its sender.
#[derive(Debug, Clone, Copy)]
pub struct Spoken(pub Language);

impl<S: Send + Sync> FromRequestParts<S> for Spoken {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let header = parts.headers.get(header::ACCEPT_LANGUAGE);
        let wish = header.and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok(Self(Language::accepted(wish)))
    }
}
