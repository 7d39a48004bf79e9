//! From a credential to somebody, and from somebody to what they may do in an org.

use std::{collections::BTreeSet, fmt, net::IpAddr};

use muster_base::{ApplicationId, OrgId, UnixMs, sha256};

use super::{
    AccessError, Actor, Caller, Identity, ObjectKind, Operation, Operations, Permissions,
    api_key::KeyKind,
    check::{self, Check},
    grant, session, store, token,
};
use crate::app::App;

const API_KEY_PREFIX: &str = "dw_";

/// What a request shows.
#[derive(Clone)]
pub enum Credential {
    /// An access token.
    AccessToken(String),
    /// An API key.
    ApiKey(String),
    /// The console's cookie; `csrf` is `None` for reads, which need none.
    Cookie {
        /// The cookie's value.
        value: String,
        /// The CSRF header, empty if it was missing.
        csrf: Option<String>,
    },
}

impl Credential {
    /// From the bearer token of an `Authorization` header.
    pub fn bearer(token: &str) -> Self {
        if token.starts_with(API_KEY_PREFIX) {
            Self::ApiKey(token.to_owned())
        } else {
            Self::AccessToken(token.to_owned())
        }
    }

    /// From the session cookie.
    pub fn cookie(value: &str, csrf: Option<&str>) -> Self {
        Self::Cookie {
            value: value.to_owned(),
            csrf: csrf.map(str::to_owned),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessToken(_) => "AccessToken(…)",
            Self::ApiKey(_) => "ApiKey(…)",
            Self::Cookie { .. } => "Cookie(…)",
        })
    }
}

/// Somebody, and what their credential narrows them to.
#[derive(Debug, Clone)]
pub struct Identified {
    /// Who.
    pub identity: Identity,
    /// What a key narrows it to; a session narrows nothing.
    limits: Option<KeyLimits>,
}

#[derive(Debug, Clone, Copy)]
struct KeyLimits {
    org: OrgId,
    kind: KeyKind,
    application: Option<ApplicationId>,
}

/// Who shows this credential.
pub async fn identify(
    app: &App,
    credential: Credential,
    ip: Option<IpAddr>,
) -> Result<Identified, AccessError> {
    let now = app.clock.now();
    match credential {
        Credential::AccessToken(text) => {
            let id = token::session_of(&app.keys, &text, now).ok_or(AccessError::NotSignedIn)?;
            let found = store::session::find_live(&app.db, id, now).await?;
            found
                .and_then(|found| session_identity(app, found, ip))
                .ok_or(AccessError::NotSignedIn)
        }
        Credential::Cookie { value, csrf } => {
            let found = store::session::find_live_cookie(&app.db, &sha256(value.as_bytes()).0, now).await?;
            let found = found.ok_or(AccessError::NotSignedIn)?;
            if csrf.is_some_and(|csrf| !session::csrf_matches(&app.keys, found.id, &csrf)) {
                return Err(AccessError::Csrf);
            }
            session::touch(app, &found).await;
            session_identity(app, found, ip).ok_or(AccessError::NotSignedIn)
        }
        Credential::ApiKey(text) => api_key_identity(app, &text, ip, now).await,
    }
}

fn session_identity(app: &App, found: store::session::LiveSession, ip: Option<IpAddr>) -> Option<Identified> {
    let actor = match (found.user, found.username) {
        (Some(user), Some(username)) => Actor::User {
            user,
            username,
            session: found.id,
        },
        // A session without a user is the super administrator's, as long as there is one.
        (None, _) => {
            let admin = app.config.super_admin.as_ref()?;
            Actor::SuperAdmin {
                account: admin.account.clone(),
                session: Some(found.id),
            }
        }
        (Some(_), None) => return None,
    };
    Some(Identified {
        identity: Identity {
            actor,
            ip,
            platform: found.platform,
        },
        limits: None,
    })
}

async fn api_key_identity(
    app: &App,
    text: &str,
    ip: Option<IpAddr>,
    now: UnixMs,
) -> Result<Identified, AccessError> {
    let found = store::api_key::find_live(&app.db, &sha256(text.as_bytes()).0, now).await?;
    let found = found.ok_or(AccessError::NotSignedIn)?;
    store::api_key::touch(&app.db, found.id, now).await?;
    key_identified(found, ip)
}

fn key_identified(found: store::api_key::LiveKey, ip: Option<IpAddr>) -> Result<Identified, AccessError> {
    let kind: KeyKind = found.kind.parse().map_err(|()| AccessError::NotSignedIn)?;
    let actor = Actor::ApiKey {
        user: found.user,
        name: found.name,
        key: found.id,
    };
    let identity = Identity {
        actor,
        ip,
        platform: Some(found.platform),
    };
    Ok(Identified {
        identity,
        limits: Some(KeyLimits {
            org: found.org,
            kind,
            application: found.application,
        }),
    })
}

/// Whether somebody who was let in before still is who they were, as of now: the same session or key.
pub(super) async fn identify_again(app: &App, who: &Identity) -> Result<Identified, AccessError> {
    let now = app.clock.now();
    let session = match &who.actor {
        Actor::User { session, .. }
        | Actor::SuperAdmin {
            session: Some(session),
            ..
        } => *session,
        Actor::ApiKey { key, .. } => {
            let found = store::api_key::find_live_id(&app.db, *key, now).await?;
            return key_identified(found.ok_or(AccessError::NotSignedIn)?, who.ip);
        }
        Actor::SuperAdmin { session: None, .. }
        | Actor::Webhook { .. }
        | Actor::GitHook { .. }
        | Actor::Agent { .. }
        | Actor::System { .. } => return Err(AccessError::NotSignedIn),
    };
    let found = store::session::find_live_id(&app.db, session, now).await?;
    found
        .and_then(|found| session_identity(app, found, who.ip))
        .ok_or(AccessError::NotSignedIn)
}

/// Puts somebody into the org they name by id or slug, or into their first one, with what they may do there.
pub async fn enter_org(app: &App, who: Identified, wanted: Option<&str>) -> Result<Caller, AccessError> {
    let Identified { identity, limits } = who;
    let Some(user) = identity.actor.user() else {
        let org = store::org::find(&app.db, wanted)
            .await?
            .ok_or(AccessError::NoOrg)?;
        return Ok(Caller::new(identity, org, Permissions::everything()));
    };
    let key_org = limits.map(|limits| limits.org.to_string());
    let granted = store::grant::find(&app.db, user, wanted.or(key_org.as_deref())).await?;
    let granted = granted.ok_or(if wanted.is_some() {
        AccessError::NoOrg
    } else {
        AccessError::Homeless
    })?;
    let org = granted.org;
    let mut permissions = grant::permissions(granted)?;
    if let Some(limits) = limits {
        if limits.org != org {
            return Err(AccessError::NoOrg);
        }
        if !check::is_out(Check::KeyKind) {
            permissions = limits.kind.narrow(permissions, limits.application);
        }
    }
    Ok(Caller::new(identity, org, permissions))
}

impl KeyKind {
    /// What is left of somebody's permissions when they use a key of this kind.
    pub(super) fn narrow(
        self,
        mut permissions: Permissions,
        application: Option<ApplicationId>,
    ) -> Permissions {
        let mut operations = self.operations();
        if let Some(id) = application {
            operations = operations.and(on_applications());
            let only = BTreeSet::from([id.to_string()]);
            permissions.scope = permissions.scope.limited_to(ObjectKind::Applications, only);
        }
        permissions.limit = Some((self.as_str(), operations));
        permissions
    }

    /// What a key of this kind may do at most.
    fn operations(self) -> Operations {
        match self {
            Self::Full => Operations::all(),
            Self::Deploy => [
                Operation::ApplicationRead,
                Operation::DeploymentRead,
                Operation::DeploymentCreate,
                Operation::DeploymentCancel,
                Operation::HostRead,
            ]
            .into_iter()
            .collect(),
            Self::Readonly => Operation::ALL
                .iter()
                .copied()
                .filter(|operation| operation.code().ends_with(":read"))
                .collect(),
        }
    }
}

/// What a key that is for one application may do at most: nothing that concerns more than that.
fn on_applications() -> Operations {
    let nouns = ["application:", "deployment:"];
    let on = |operation: &Operation| nouns.iter().any(|noun| operation.code().starts_with(noun));
    Operation::ALL.iter().copied().filter(on).collect()
}
