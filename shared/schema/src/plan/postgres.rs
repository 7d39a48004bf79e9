//! Plans for PostgreSQL.

use super::{Plan, PlanOptions, Refusal};
use crate::Schema;

/// The way from one schema to another.
pub(super) fn plan(from: &Schema, to: &Schema, _options: &PlanOptions) -> Result<Plan, Refusal> {
    if from == to {
        return Ok(Plan::default());
    }
    Err(Refusal::because("plans for PostgreSQL are not made yet"))
}
