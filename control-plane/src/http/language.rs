//! The language that a request's sender reads.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};

use crate::notify::Language;

/// The language of `Accept-Language`, for what is mailed to its sender.
#[derive(Debug, Clone, Copy)]
pub struct Spoken(pub Language);

impl<S: Send + Sync> FromRequestParts<S> for Spoken {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(spoken(&parts.headers).unwrap_or_default()))
    }
}

/// The language that `Accept-Language` asks for, if it asks for one that we know.
pub fn spoken(headers: &HeaderMap) -> Option<Language> {
    let header = headers.get(header::ACCEPT_LANGUAGE)?;
    Language::accepted(header.to_str().ok()?)
}
