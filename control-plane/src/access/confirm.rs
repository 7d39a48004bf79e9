//! The password once more, before what a session alone must not do.
//!
//! A session may be stolen, and is a row that whoever writes to the database can make; a password is in somebody's head. Attempts are
//! counted by person and address, apart from those at the door.

use muster_base::{SecretString, UserId};

use super::{AccessError, Identity, password, store, turns::Line};
use crate::{app::App, flaw::Flaw};

/// The user who asks, once they have entered their password again.
pub(super) async fn confirm_password(
    app: &App,
    who: &Identity,
    password: SecretString,
) -> Result<UserId, AccessError> {
    let id = who.require_user()?;
    if is_own_password(app, who, id, password).await? {
        Ok(id)
    } else {
        Err(AccessError::invalid("password", Flaw::Wrong))
    }
}

/// Passes for the super administrator with their password, which stands in the configuration: a session is a row that somebody
/// who can write to the database could make.
pub async fn confirm_super_admin(
    app: &App,
    who: &Identity,
    password: SecretString,
) -> Result<(), AccessError> {
    who.require_super_admin().map_err(AccessError::Refused)?;
    app.throttle.attempt("again the super administrator", who.ip)?;
    let admin = app.config.super_admin.as_ref();
    let hash = admin.map(|admin| admin.password_hash.clone());
    if password::verify(password, hash, Line::Known).await? {
        Ok(())
    } else {
        Err(AccessError::invalid("password", Flaw::Wrong))
    }
}

/// Whether this is the password of the user who asks. Their attempts are counted apart from those of strangers at the
/// door, who would keep them from it otherwise.
pub(super) async fn is_own_password(
    app: &App,
    who: &Identity,
    id: UserId,
    password: SecretString,
) -> Result<bool, AccessError> {
    app.throttle.attempt(&format!("again {id}"), who.ip)?;
    let present = store::user::password_hash(&app.db, id)
        .await?
        .map(SecretString::from);
    password::verify(password, present, Line::Known).await
}
