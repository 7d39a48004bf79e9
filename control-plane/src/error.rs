//! The one error of the crate: what happened, apart from how it is said. Each room has its own enum, which knows
//! how to become this; `http::problem` turns this into a response, and nothing else does.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use crate::{access::Operation, db::DbError, flaw::Flaw};

/// Why something was not done, in terms that HTTP, the link and the command line can each put in their own words.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none, or it isn't the caller's.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The input is wrong; each entry says where and what to do.
    #[error("the input is not valid")]
    Invalid(Vec<FieldError>),
    /// Nobody, or not anybody any more.
    #[error("sign in first")]
    Unauthenticated,
    /// Signed in, but lacking this permission.
    #[error("you need the permission {0}")]
    Forbidden(Operation),
    /// Signed in, but this is refused for a reason other than a missing permission.
    /// `code` is stable, the message for a person.
    #[error("{message}")]
    Denied {
        /// Kebab-case.
        code: &'static str,
        /// Why, and what to do.
        message: Cow<'static, str>,
    },
    /// The present state does not allow it. `code` is stable, the message for a person.
    #[error("{message}")]
    Conflict {
        /// Kebab-case.
        code: &'static str,
        /// What is in the way and what to do.
        message: String,
    },
    /// A field whose value must be unique has one that somebody else has.
    #[error("this {0} is taken: choose another")]
    Taken(&'static str),
    /// Bigger than allowed.
    #[error("{0}")]
    TooLarge(Cow<'static, str>),
    /// What is asked for begins after the end.
    #[error("this begins after the end: there are {size} bytes")]
    OutOfRange {
        /// How much there is.
        size: u64,
    },
    /// Too often.
    #[error("too many requests")]
    RateLimited {
        /// When to try again.
        retry_after: Duration,
    },
    /// Another part (an agent, a registry) can't be reached or gave a useless answer.
    #[error("{0}")]
    Upstream(String),
    /// The database does not answer now.
    #[error("the database does not answer")]
    DatabaseUnavailable(#[source] DbError),
    /// Our own fault; logged, never shown.
    #[error("internal error")]
    Internal(#[source] anyhow::Error),
}

/// A field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// JSON path such as `container.ports[0].hostPort`; empty for the whole body.
    pub field: String,
    /// What is wrong and what to do.
    pub message: String,
    /// The same for callers that say it in another language: `length`, `taken`, `wrong`…; `invalid` where only the
    /// message says it.
    #[schema(value_type = String)]
    pub code: &'static str,
    /// What the code's sentence needs: `least`, `most`…
    #[schema(value_type = BTreeMap<String, String>)]
    pub params: BTreeMap<&'static str, String>,
}

impl FieldError {
    /// Of one field.
    pub fn new(field: impl Into<String>, flaw: impl Into<Flaw>) -> Self {
        let flaw = flaw.into();
        Self {
            field: field.into(),
            message: flaw.to_string(),
            code: flaw.code(),
            params: flaw.params(),
        }
    }
}

impl Error {
    /// One wrong field.
    pub fn invalid(field: impl Into<String>, flaw: impl Into<Flaw>) -> Self {
        Self::Invalid(vec![FieldError::new(field, flaw)])
    }

    /// Refused for a reason with a stable code.
    pub fn denied(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::Denied {
            code,
            message: message.into(),
        }
    }

    /// A conflict with a stable code.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::Conflict {
            code,
            message: message.into(),
        }
    }

    /// Our own fault.
    pub fn internal(error: impl Into<anyhow::Error>) -> Self {
        Self::Internal(error.into())
    }
}

/// An error with its causes, each said once: `what: why: why that`.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let words = next.to_string();
        if !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = next.source();
    }
    text
}

impl From<DbError> for Error {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unavailable(_) => Self::DatabaseUnavailable(error),
            DbError::Refused(_) | DbError::Migrate(_) | DbError::Corrupt(_) => Self::Internal(error.into()),
        }
    }
}
