//! What a caller wanted and did not get, noted where it is decided, so that the audit row of a refusal says what was
//! asked for and on what, and not only which address was called.
//!
//! One request has one of these, shared by its [`Caller`](super::Caller) and whoever writes the row when the answer is
//! known. What was noted is only told if the answer is a refusal: a use-case may ask for a permission that it can do
//! without.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Object, Operation};

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The operation.
    pub operation: Operation,
    /// Kind and id of the object, if one was named.
    pub object: Option<(&'static str, String)>,
    /// Whether it is given, but not on this object.
    pub out_of_reach: bool,
}

/// What was asked for in a request.
#[derive(Debug, Clone, Default)]
pub struct Refusals(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    refused: Option<Wanted>,
    passed: Option<Operation>,
}

impl Refusals {
    /// Notes that an operation is given.
    pub(super) fn note_passed(&self, operation: Operation) {
        self.with(|noted| noted.passed = Some(operation));
    }

    /// Notes that one is not, or not on this object.
    pub(super) fn note_refused(&self, operation: Operation, object: Option<&Object<'_>>, out_of_reach: bool) {
        let refused = Wanted {
            operation,
            object: object.map(Object::named),
            out_of_reach,
        };
        self.with(|noted| noted.refused = Some(refused));
    }

    /// What was refused last.
    pub fn refused(&self) -> Option<Wanted> {
        self.with(|noted| noted.refused.clone())
    }

    /// What was refused last, else what was given last: it was refused for another reason then.
    pub fn asked(&self) -> Option<Wanted> {
        self.with(|noted| {
            let passed = noted.passed.map(|operation| Wanted {
                operation,
                object: None,
                out_of_reach: false,
            });
            noted.refused.clone().or(passed)
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Noted) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
