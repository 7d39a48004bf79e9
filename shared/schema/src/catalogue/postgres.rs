//! PostgreSQL's catalogue.

use super::{Answers, Query};
use crate::{Dialect, Schema, Unreadable};

/// What to ask.
pub(super) const QUERIES: &[Query] = &[];

/// What the answers say.
pub(super) fn assemble(_answers: &Answers) -> Result<Schema, Unreadable> {
    Err(Unreadable::Dialect(Dialect::Postgres))
}
