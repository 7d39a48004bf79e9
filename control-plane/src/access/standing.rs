//! Where somebody stands who asks what they may do: in an org, or in none.
//!
//! Whoever is in no org may still have a role in their platform. It gives operations of the platform's own, for the
//! applications that it fronts, and those ask for them here. An API key is for an org's work, and is nothing without it.

use muster_base::PlatformId;

use super::{
    AccessError, Caller, Identified, Identity, Operations, Permissions, authenticate,
    permission::{Codes, SourceKind},
    store,
};
use crate::app::App;

/// Somebody who asks what they may do.
#[derive(Debug, Clone)]
pub enum Standing {
    /// In an org.
    In(Caller),
    /// In none.
    Outside(Outside),
}

/// Somebody in no org.
#[derive(Debug, Clone)]
pub struct Outside {
    /// Who.
    pub identity: Identity,
    /// Their platform.
    pub(super) platform: PlatformId,
    permissions: Permissions,
}

impl Standing {
    /// The caller, if they are in an org.
    pub const fn caller(&self) -> Option<&Caller> {
        match self {
            Self::In(caller) => Some(caller),
            Self::Outside(_) => None,
        }
    }

    /// What they may do.
    pub fn permissions(&self) -> &Permissions {
        match self {
            Self::In(caller) => caller.permissions(),
            Self::Outside(outside) => &outside.permissions,
        }
    }
}

/// In the org that they name or in their first one; in none, what their platform gives them.
pub async fn stand(app: &App, who: Identified, wanted: Option<&str>) -> Result<Standing, AccessError> {
    match authenticate::enter_org(app, who.clone(), wanted).await {
        Err(AccessError::Homeless) => outside(app, who.identity).await.map(Standing::Outside),
        other => other.map(Standing::In),
    }
}

async fn outside(app: &App, identity: Identity) -> Result<Outside, AccessError> {
    let (Ok(user), Some(platform)) = (identity.require_user(), identity.platform) else {
        return Err(AccessError::Homeless);
    };
    let mut permissions = Permissions::default();
    if let Some((name, operations)) = store::role::find_of_user(&app.db, user).await? {
        // As in an org: built-in operations are an org's to give.
        let mut codes = Codes::stored(Some(&operations));
        codes.operations = Operations::default();
        permissions.sources.push(codes.source(SourceKind::OwnRole, name));
    }
    Ok(Outside {
        identity,
        platform,
        permissions,
    })
}
