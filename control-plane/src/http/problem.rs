//! RFC 9457 problems: the one place where an [`Error`] becomes a response.

use std::borrow::Cow;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    error::{Error, FieldError},
    flaw::Flaw,
};

/// What a handler returns.
pub type ApiResult<T> = Result<T, ApiError>;

/// An [`Error`] on its way out.
#[derive(Debug)]
pub struct ApiError(Error);

impl<E: Into<Error>> From<E> for ApiError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// The body of every error: `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Stable, kebab-case: `not-found`, `invalid`, `unauthenticated`, `forbidden`…
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub kind: Cow<'static, str>,
    /// The kind in words.
    pub title: &'static str,
    /// HTTP status.
    pub status: u16,
    /// What happened and what to do.
    pub detail: String,
    /// Fields that are wrong.
    pub errors: Vec<FieldError>,
    /// The permission that is missing, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, kind, title) = classify(&self.0);
        if let Error::Internal(source) = &self.0 {
            tracing::error!(error = format!("{source:#}"), "internal error");
        }
        if let Error::DatabaseUnavailable(source) = &self.0 {
            tracing::warn!(
                error = source as &dyn std::error::Error,
                "the database does not answer"
            );
        }
        let detail = self.0.to_string();
        let retry_after = match &self.0 {
            Error::RateLimited { retry_after } => Some(retry_after.as_secs().max(1)),
            Error::DatabaseUnavailable(_) => Some(5),
            _ => None,
        };
        let operation = if let Error::Forbidden(operation) = &self.0 {
            Some(operation.to_string())
        } else {
            None
        };
        let length = match &self.0 {
            Error::OutOfRange { size } => HeaderValue::try_from(format!("bytes */{size}")).ok(),
            _ => None,
        };
        let errors = match self.0 {
            Error::Invalid(errors) => errors,
            Error::Taken(field) => vec![FieldError::new(field, Flaw::Taken)],
            _ => Vec::new(),
        };
        let mut response = written(&Problem {
            kind: kind.into(),
            title,
            status: status.as_u16(),
            detail,
            errors,
            operation,
        });
        if let Some(seconds) = retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(length) = length {
            response.headers_mut().insert(header::CONTENT_RANGE, length);
        }
        response
    }
}

/// Status, type and title of each error.
fn classify(error: &Error) -> (StatusCode, &'static str, &'static str) {
    match error {
        Error::NotFound(_) => (StatusCode::NOT_FOUND, "not-found", "Not found"),
        Error::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Invalid input"),
        Error::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated", "Not signed in"),
        Error::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden", "Not allowed"),
        Error::Denied { code, .. } => (StatusCode::FORBIDDEN, code, "Not allowed"),
        Error::Conflict { code, .. } => (StatusCode::CONFLICT, code, "Conflict"),
        Error::Taken(_) => (StatusCode::CONFLICT, "taken", "Conflict"),
        Error::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large"),
        Error::OutOfRange { .. } => (StatusCode::RANGE_NOT_SATISFIABLE, "out-of-range", "Out of range"),
        Error::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, "rate-limited", "Too many requests"),
        Error::Upstream(_) => (StatusCode::BAD_GATEWAY, "upstream", "Another part did not answer"),
        Error::DatabaseUnavailable(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "database-unavailable",
            "Database unavailable",
        ),
        Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error"),
    }
}

/// A problem that no use-case raised: routing, bodies, limits.
pub(super) fn respond(
    status: StatusCode,
    kind: Cow<'static, str>,
    title: &'static str,
    detail: String,
    errors: Vec<FieldError>,
) -> Response {
    written(&Problem {
        kind,
        title,
        status: status.as_u16(),
        detail,
        errors,
        operation: None,
    })
}

fn written(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(problem).unwrap_or_default();
    (
        status,
        [
            (header::CONTENT_TYPE, "application/problem+json"),
            (header::CACHE_CONTROL, "no-store"),
        ],
        body,
    )
        .into_response()
}
