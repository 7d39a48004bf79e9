//! Orgs that users make by themselves, where their platform allows it.
//!
//! Whoever makes one is its owner and founder; everything else is as in an org that a manager makes ([`super::org`]).
//! The super administrator allows it, for one platform at a time; it is refused from the moment on when that is taken back, and
//! orgs that were made stay. Nobody owns more than [`MOST`] in this way: a slug is taken from everybody else.

use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    AccessError, Actor, Identity,
    org::{self, Org},
    store,
};
use crate::{app::App, error::Error};

/// Orgs that somebody owns who makes another.
const MOST: i64 = 10;

/// An org that its maker will own.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewOwnOrg {
    /// Name.
    pub name: String,
    /// Short name: lower-case letters, digits and dashes; unique in the platform.
    pub slug: String,
    /// For people.
    #[serde(default)]
    pub description: String,
}

/// Makes it.
pub(super) async fn create(app: &App, who: &Identity, new: NewOwnOrg) -> Result<Org, AccessError> {
    let user = who.require_user()?;
    if !may(app, who).await? {
        let message = "in this platform its managers make the orgs: ask one of them";
        return Err(AccessError::Refused(Error::denied("managers-make-orgs", message)));
    }
    if store::member::count_owned(&app.db, user).await? >= MOST {
        return Err(AccessError::Conflict {
            code: "enough-orgs",
            message: format!("you own {MOST} orgs: give one away or delete one first"),
        });
    }
    let platform = who.platform.ok_or(AccessError::NoPlatform)?;
    let org = org::prepare(app, platform, (&new.name, &new.slug), new.description)?;
    org::insert(app, who, &org, user).await?;
    Ok(org)
}

/// Whether the caller may make orgs.
pub(super) async fn may(app: &App, who: &Identity) -> Result<bool, AccessError> {
    let Actor::User { user, .. } = &who.actor else {
        return Ok(false);
    };
    Ok(store::platform::lets_users_make_orgs(&app.db, *user).await?)
}
