//! Names that users sign in with.
//!
//! Unique in the platform, and not to be taken for anything else that signs somebody in: an account, an address, a
//! number, or the super administrator. The managers of the platform may change one, while no
//! approval flow names somebody by it; whoever is signed in stays it.

use muster_base::UserId;

use super::AccessError;
use crate::{app::App, flaw::Flaw, schema};

/// The name, if it can be one.
pub(super) fn check_username(app: &App, username: &str) -> Result<String, AccessError> {
    let username = username.trim().to_owned();
    let length = username.chars().count();
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '@';
    if !(2..=64).contains(&length) || username.chars().any(odd) {
        return Err(AccessError::invalid("username", Flaw::Username));
    }
    if is_ambiguous(&username) {
        return Err(AccessError::invalid("username", Flaw::Ambiguous));
    }
    let admin = app.config.super_admin.as_ref();
    if admin.is_some_and(|admin| admin.account == username) {
        return Err(AccessError::Taken("username"));
    }
    Ok(username)
}

/// Passes if no approval flow names somebody by the old name, who would be nobody, or by the new one, who would be another.
pub(super) async fn require_unnamed(app: &App, user: UserId, names: [&str; 2]) -> Result<(), AccessError> {
    match schema::flow_naming(app, user, names).await? {
        None => Ok(()),
        // Which flow is its org's business, and whoever manages users need not be in it.
        Some(_) => Err(AccessError::Conflict {
            code: "named-in-flow",
            message: "an approval flow of an org that the user is in names somebody by the old name or by the new one: it has \
                      to name the user's id instead before"
                .to_owned(),
        }),
    }
}

/// Sign-in takes names, accounts, addresses and numbers: a name must not look like one of the others.
fn is_ambiguous(username: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    digits(username.trim_start_matches(['u', '+']))
}
