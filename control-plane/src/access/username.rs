//! Names that users sign in with.
//!
//! Unique in the platform, and not to be taken for anything else that signs somebody in: an account, an address, a
//! number, or the super administrator. The managers of the platform may change one; whoever is signed in stays it.

use super::AccessError;
use crate::{app::App, flaw::Flaw};

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

/// Sign-in takes names, accounts, addresses and numbers: a name must not look like one of the others.
fn is_ambiguous(username: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    digits(username.trim_start_matches(['u', '+']))
}
