//! From a credential to somebody, and from somebody to what they may do in an org.

use std::{fmt, net::IpAddr};

use muster_base::{OrgId, UnixMs, sha256};
use subtle::ConstantTimeEq;

use super::{
    AccessError, Actor, Caller, Identity, Operation, Operations, Role, api_key::KeyKind, session, store,
    token,
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
    /// A key's org and operations; a session narrows nothing.
    limits: Option<(OrgId, Operations)>,
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
            if let Some(csrf) = csrf {
                let expected = session::csrf_token(&app.keys, found.id);
                if !bool::from(csrf.as_bytes().ct_eq(expected.as_bytes())) {
                    return Err(AccessError::Csrf);
                }
            }
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
    let kind: KeyKind = found.kind.parse().map_err(|()| AccessError::NotSignedIn)?;
    store::api_key::touch(&app.db, found.id, now).await?;
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
        limits: Some((found.org, kind.operations())),
    })
}

/// Puts somebody into the org they name by id or slug, or into their first one, with what they may do there.
pub async fn enter_org(app: &App, who: Identified, wanted: Option<&str>) -> Result<Caller, AccessError> {
    let Identified { identity, limits } = who;
    if let Some(user) = identity.actor.user() {
        let member = match (limits, wanted) {
            (Some((org, _)), None) => {
                store::member::find_entry(&app.db, user, Some(&org.to_string())).await?
            }
            (_, wanted) => store::member::find_entry(&app.db, user, wanted).await?,
        };
        let (org, role) = member.ok_or(if wanted.is_some() {
            AccessError::NoOrg
        } else {
            AccessError::Homeless
        })?;
        let role: Role = role.parse().map_err(|_| AccessError::NoOrg)?;
        let operations = match limits {
            Some((limit, _)) if limit != org => return Err(AccessError::NoOrg),
            Some((_, limit)) => Operations::of_role(role).and(limit),
            None => Operations::of_role(role),
        };
        return Ok(Caller::new(identity, org, Some(role), operations));
    }
    let org = store::org::find(&app.db, wanted)
        .await?
        .ok_or(AccessError::NoOrg)?;
    Ok(Caller::new(identity, org, None, Operations::all()))
}

impl KeyKind {
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
