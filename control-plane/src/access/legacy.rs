//! Ids that people, orgs and members had in the system that they came from (`legacyId`).
//!
//! They are set when something is made, by an import or by hand, and never change. Within its platform (a member's:
//! within its org) a legacy id names one thing. Scripts go on using an org's: `Muster-Org` takes it like a slug; the
//! search for users and for members finds theirs.

use super::AccessError;

/// A legacy id as it is kept.
pub(super) fn check(id: String) -> Result<String, AccessError> {
    if (1..=256).contains(&id.chars().count()) && !id.chars().any(char::is_control) {
        Ok(id)
    } else {
        Err(AccessError::invalid(
            "legacyId",
            "must have 1 to 256 characters, without control characters",
        ))
    }
}
