//! Administrators of platforms.
//!
//! The super administrator may do everything. A *manager* of a platform changes its users, orgs and roles and may add
//! operators; an *operator* only looks. Both are users, bound to the platforms one by one; what they see and change is
//! limited to those. None of it lets them into an org: for that they must be members like everybody else.

use std::collections::BTreeMap;

use muster_base::{PlatformId, UnixMs, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    AccessError, Identity,
    check::{self, Check},
    store,
};
use crate::{
    app::App,
    audit::{self, Entry},
    error::Error,
    flaw::Flaw,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
};

/// What an administrator may do in a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AdministratorKind {
    /// Looks.
    Operator,
    /// Changes.
    Manager,
}

impl AdministratorKind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Manager => "manager",
        }
    }

    pub(super) fn read(text: &str) -> Result<Self, crate::db::DbError> {
        match text {
            "operator" => Ok(Self::Operator),
            "manager" => Ok(Self::Manager),
            _ => Err(crate::db::DbError::Corrupt("administrators.kind".to_owned())),
        }
    }
}

/// A user as an administrator of a platform.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Administrator {
    /// The user.
    pub user_id: UserId,
    /// Their account.
    pub account: String,
    /// Their name in their platform.
    pub username: String,
    /// The platform that they administer.
    pub platform_id: PlatformId,
    /// What they may do there.
    pub kind: AdministratorKind,
    /// Who added them.
    pub added_by: String,
    /// When.
    pub created_at: UnixMs,
}

/// An administrator to be added; one that is there already takes the new kind.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewAdministrator {
    /// The user.
    pub user_id: UserId,
    /// The platform.
    pub platform_id: PlatformId,
    /// What they may do there.
    pub kind: AdministratorKind,
}

/// A platform that somebody administers.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Administered {
    /// The platform.
    pub platform_id: PlatformId,
    /// What they may do there.
    pub kind: AdministratorKind,
}

/// Which platforms somebody administers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authority {
    /// All: the super administrator.
    All,
    /// These.
    Some(BTreeMap<PlatformId, AdministratorKind>),
}

impl Authority {
    /// What `who` administers. API keys administer nothing.
    pub async fn of(app: &App, who: &Identity) -> Result<Self, AccessError> {
        if who.is_super_admin() {
            return Ok(Self::All);
        }
        let super::Actor::User { user, .. } = &who.actor else {
            return Ok(Self::Some(BTreeMap::new()));
        };
        let rows = store::administrator::platforms_of(&app.db, *user).await?;
        Ok(Self::Some(rows.into_iter().collect()))
    }

    /// Passes for any administrator.
    pub async fn require_any(app: &App, who: &Identity) -> Result<Self, AccessError> {
        match Self::of(app, who).await? {
            Self::Some(platforms) if platforms.is_empty() && !check::is_out(Check::Administrator) => {
                Err(denied("only-administrators", "only administrators may do this"))
            }
            authority => Ok(authority),
        }
    }

    /// Passes for whoever manages a platform.
    pub async fn require_manager(app: &App, who: &Identity) -> Result<Self, AccessError> {
        let authority = Self::require_any(app, who).await?;
        match &authority {
            Self::Some(platforms)
                if !platforms.values().any(|kind| *kind == AdministratorKind::Manager)
                    && !check::is_out(Check::Manager) =>
            {
                Err(denied("only-looks", ONLY_LOOK))
            }
            Self::All | Self::Some(_) => Ok(authority),
        }
    }

    /// What a query filters platforms by: a JSON array of ids; none: all.
    pub fn keys(&self) -> Option<String> {
        match self {
            Self::All => None,
            Self::Some(platforms) => {
                let ids: Vec<_> = platforms.keys().collect();
                Some(serde_json::to_string(&ids).unwrap_or_else(|_| "[]".to_owned()))
            }
        }
    }

    /// Passes if they may see the platform; one that they don't administer is not there.
    pub fn see(&self, platform: PlatformId) -> Result<(), AccessError> {
        match self {
            Self::All => Ok(()),
            Self::Some(platforms) if platforms.contains_key(&platform) => Ok(()),
            Self::Some(_) if check::is_out(Check::Platform) => Ok(()),
            Self::Some(_) => Err(AccessError::NoPlatform),
        }
    }

    /// Passes if they may change what is in the platform.
    pub fn manage(&self, platform: PlatformId) -> Result<(), AccessError> {
        self.see(platform)?;
        match self {
            Self::Some(platforms)
                if platforms.get(&platform) == Some(&AdministratorKind::Operator)
                    && !check::is_out(Check::PlatformManager) =>
            {
                Err(denied("only-looks", ONLY_LOOK))
            }
            Self::All | Self::Some(_) => Ok(()),
        }
    }

    /// Passes if they may change the person themselves, password included: whoever could change an administrator of
    /// more than they manage could sign in as them.
    pub(super) async fn change_user(&self, app: &App, user: UserId) -> Result<(), AccessError> {
        let Self::Some(own) = self else { return Ok(()) };
        let theirs = store::administrator::platforms_of(&app.db, user).await?;
        let below = |(platform, kind): &(PlatformId, AdministratorKind)| {
            *kind == AdministratorKind::Operator && own.get(platform) == Some(&AdministratorKind::Manager)
        };
        if theirs.iter().all(below) {
            Ok(())
        } else {
            Err(denied(
                "administers-more",
                "they administer more than you manage: ask the super administrator",
            ))
        }
    }
}

const ONLY_LOOK: &str = "operators only look: ask a manager of this platform";

pub(super) fn denied(code: &'static str, message: &'static str) -> AccessError {
    AccessError::Refused(Error::denied(code, message))
}

/// The platforms that somebody is bound to as an administrator.
pub(super) async fn list_mine(app: &App, who: &Identity) -> Result<Vec<Administered>, AccessError> {
    let Authority::Some(platforms) = Authority::of(app, who).await? else {
        return Ok(Vec::new());
    };
    let administered = |(platform_id, kind)| Administered { platform_id, kind };
    Ok(platforms.into_iter().map(administered).collect())
}

/// Administrators of the platforms that the caller administers.
pub(super) async fn list(
    app: &App,
    who: &Identity,
    query: &PageQuery,
) -> Result<Page<Administrator>, AccessError> {
    let authority = Authority::require_any(app, who).await?;
    let after = query.cursor::<(UserId, PlatformId)>()?;
    let rows = store::administrator::list(&app.db, authority.keys(), after, query.fetch()).await?;
    Ok(query.page(rows, |row| Cursor::of(&(row.user_id, row.platform_id))))
}

/// Adds an administrator: the super administrator any, a manager operators of the platforms they manage.
pub(super) async fn add(
    app: &App,
    who: &Identity,
    new: NewAdministrator,
) -> Result<Administrator, AccessError> {
    let authority = Authority::require_any(app, who).await?;
    authority.manage(new.platform_id)?;
    may_set(&authority, Some(new.kind))?;
    store::platform::find(&app.db, new.platform_id)
        .await?
        .ok_or(AccessError::NoPlatform)?;
    let user = super::user::get(app, new.user_id)
        .await
        .map_err(|_| AccessError::invalid("userId", Flaw::NoSuch("user")))?;
    let administrator = Administrator {
        user_id: user.id,
        account: user.account,
        username: user.username,
        platform_id: new.platform_id,
        kind: new.kind,
        added_by: who.actor.name(),
        created_at: app.clock.now(),
    };
    in_tx!(app.db, |tx| {
        let before = store::administrator::find(tx, new.user_id, new.platform_id).await?;
        may_set(&authority, before)?;
        store::administrator::upsert(tx, &administrator).await?;
        let entry = Entry::done("administrator:add", "administrator", new.user_id)
            .before(&before)
            .after(&administrator);
        audit::record(app, tx, who, None, entry).await?;
    });
    Ok(administrator)
}

/// Takes an administrator's platform away.
pub(super) async fn remove(
    app: &App,
    who: &Identity,
    (user, platform): (UserId, PlatformId),
) -> Result<(), AccessError> {
    let authority = Authority::require_any(app, who).await?;
    authority.manage(platform)?;
    in_tx!(app.db, |tx| {
        let before = store::administrator::find(tx, user, platform)
            .await?
            .ok_or(AccessError::NoAdministrator)?;
        may_set(&authority, Some(before))?;
        store::administrator::delete(tx, user, platform).await?;
        let entry = Entry::done("administrator:remove", "administrator", user).before(&before);
        audit::record(app, tx, who, None, entry).await?;
    });
    Ok(())
}

/// Managers are the super administrator's to add and remove.
fn may_set(authority: &Authority, kind: Option<AdministratorKind>) -> Result<(), AccessError> {
    match (authority, kind) {
        (Authority::Some(_), Some(AdministratorKind::Manager)) => Err(denied(
            "only-super-admin",
            "only the super administrator adds, changes and removes managers",
        )),
        (Authority::All | Authority::Some(_), Some(_) | None) => Ok(()),
    }
}
