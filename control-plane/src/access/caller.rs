//! Who is asking. A use-case can't be called without one of these, and decides by it.

use std::{net::IpAddr, ops::Deref, sync::Arc};

use muster_base::{ApiKeyId, ApplicationId, GitHookId, HostId, OrgId, PlatformId, SessionId, UserId};

use super::{
    Asked, Decision, Object, Operation, Operations, Permissions, Role, Scope,
    check::{self, Check},
    refusal::Refusals,
};
use crate::error::Error;

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// The super administrator of the configuration file.
    SuperAdmin {
        /// Sign-in name.
        account: String,
        /// The sign-in.
        session: Option<SessionId>,
    },
    /// A person, signed in.
    User {
        /// The person.
        user: UserId,
        /// Unique in the platform.
        username: String,
        /// The sign-in.
        session: SessionId,
    },
    /// A person's API key.
    ApiKey {
        /// Whose key.
        user: UserId,
        /// Name of the key, for people.
        name: String,
        /// The key.
        key: ApiKeyId,
    },
    /// An application's deploy token.
    Webhook {
        /// The application whose token it is.
        application: ApplicationId,
    },
    /// A project's Git hook.
    GitHook {
        /// The hook.
        hook: GitHookId,
        /// In whose name it executes; nobody while it is not believed.
        user: Option<UserId>,
        /// For people.
        name: String,
    },
    /// A host's agent.
    Agent {
        /// The host.
        host: HostId,
    },
    /// Muster itself: a schedule, a clean-up.
    System {
        /// Which part.
        part: &'static str,
    },
}

impl Actor {
    /// The word in the audit log.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SuperAdmin { .. } => "superAdmin",
            Self::User { .. } => "user",
            Self::ApiKey { .. } => "apiKey",
            Self::Webhook { .. } => "webhook",
            Self::GitHook { .. } => "gitHook",
            Self::Agent { .. } => "agent",
            Self::System { .. } => "system",
        }
    }

    /// Id within its kind.
    pub fn id(&self) -> String {
        match self {
            Self::SuperAdmin { account, .. } => account.clone(),
            Self::User { user, .. } => user.to_string(),
            Self::ApiKey { key, .. } => key.to_string(),
            Self::Webhook { application } => application.to_string(),
            Self::GitHook { hook, .. } => hook.to_string(),
            Self::Agent { host } => host.to_string(),
            Self::System { part } => (*part).to_owned(),
        }
    }

    /// Name for people.
    pub fn name(&self) -> String {
        match self {
            Self::SuperAdmin { account, .. } => account.clone(),
            Self::User { username, .. } => username.clone(),
            Self::ApiKey { name, .. } | Self::GitHook { name, .. } => name.clone(),
            Self::Webhook { .. } => "webhook".to_owned(),
            Self::Agent { .. } => "agent".to_owned(),
            Self::System { part } => (*part).to_owned(),
        }
    }

    /// The person behind it, if a person of the database is.
    pub const fn user(&self) -> Option<UserId> {
        match self {
            Self::User { user, .. } | Self::ApiKey { user, .. } => Some(*user),
            Self::GitHook { user, .. } => *user,
            Self::SuperAdmin { .. } | Self::Webhook { .. } | Self::Agent { .. } | Self::System { .. } => None,
        }
    }

    /// The API key, if it is one.
    pub const fn key(&self) -> Option<ApiKeyId> {
        match self {
            Self::ApiKey { key, .. } => Some(*key),
            Self::SuperAdmin { .. }
            | Self::User { .. }
            | Self::Webhook { .. }
            | Self::GitHook { .. }
            | Self::Agent { .. }
            | Self::System { .. } => None,
        }
    }

    /// Tells people apart when one must not approve what the same one wrote: a key or a Git hook counts as its person,
    /// and the super administrator as one person.
    pub fn person(&self) -> String {
        match self.user() {
            Some(user) => user.to_string(),
            None => format!("{}:{}", self.kind(), self.id()),
        }
    }
}

/// Somebody who proved who they are, in no org yet.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Who.
    pub actor: Actor,
    /// From where.
    pub ip: Option<IpAddr>,
    /// The realm they belong to; the super administrator belongs to none.
    pub platform: Option<PlatformId>,
}

impl Identity {
    /// Whether this is the super administrator.
    pub const fn is_super_admin(&self) -> bool {
        matches!(self.actor, Actor::SuperAdmin { .. })
    }

    /// The user, if they signed in themselves: an API key is for an org's work, not for its user's own things.
    pub fn require_user(&self) -> Result<UserId, Error> {
        match &self.actor {
            Actor::User { user, .. } => Ok(*user),
            Actor::SuperAdmin { .. }
            | Actor::ApiKey { .. }
            | Actor::Webhook { .. }
            | Actor::GitHook { .. }
            | Actor::Agent { .. }
            | Actor::System { .. } => Err(Error::denied(
                "only-users",
                "this is for users: sign in as one (the super administrator and API keys can't do it)",
            )),
        }
    }

    /// Whether this is that user, signed in themselves.
    pub fn is_user(&self, id: UserId) -> bool {
        matches!(&self.actor, Actor::User { user, .. } if *user == id)
    }

    /// Only the super administrator passes.
    pub fn require_super_admin(&self) -> Result<(), Error> {
        if self.is_super_admin() || check::is_out(Check::SuperAdmin) {
            Ok(())
        } else {
            Err(Error::denied(
                "only-super-admin",
                "only the super administrator may do this",
            ))
        }
    }
}

/// Somebody acting in one org, with what they may do there.
#[derive(Debug, Clone)]
pub struct Caller {
    identity: Identity,
    org: OrgId,
    permissions: Arc<Permissions>,
    /// What they asked for in this request and did not get.
    refusals: Refusals,
}

impl Caller {
    /// Somebody with these permissions in `org`. Only `access` and `http::caller` decide them.
    pub(crate) fn new(identity: Identity, org: OrgId, permissions: Permissions) -> Self {
        Self {
            identity,
            org,
            permissions: Arc::new(permissions),
            refusals: Refusals::default(),
        }
    }

    /// Muster itself, for what it does by schedule; it may do everything in `org`.
    pub fn system(part: &'static str, org: OrgId) -> Self {
        let identity = Identity {
            actor: Actor::System { part },
            ip: None,
            platform: None,
        };
        Self::new(identity, org, Permissions::everything())
    }

    /// The same caller, from this address.
    #[must_use]
    pub(crate) fn seen_from(mut self, ip: IpAddr) -> Self {
        self.identity.ip = Some(ip);
        self
    }

    /// A deploy token, which may do nothing but deploy.
    pub fn webhook(application: ApplicationId, org: OrgId, ip: Option<IpAddr>) -> Self {
        let identity = Identity {
            actor: Actor::Webhook { application },
            ip,
            platform: None,
        };
        let operations = [Operation::DeploymentCreate, Operation::DeploymentRead]
            .into_iter()
            .collect();
        Self::new(identity, org, Permissions::only(operations))
    }

    /// Whoever calls a project's Git hook and is not believed: for the audit row.
    pub fn git_hook(hook: GitHookId, org: OrgId, ip: Option<IpAddr>) -> Self {
        let identity = Identity {
            actor: Actor::GitHook {
                hook,
                user: None,
                name: "git hook".to_owned(),
            },
            ip,
            platform: None,
        };
        Self::new(identity, org, Permissions::default())
    }

    /// A host's agent: for audit rows about what it did or refused.
    pub fn agent(host: HostId, org: OrgId, ip: Option<IpAddr>) -> Self {
        let identity = Identity {
            actor: Actor::Agent { host },
            ip,
            platform: None,
        };
        Self::new(identity, org, Permissions::default())
    }

    /// The org that every query of this call is scoped by.
    pub const fn org(&self) -> OrgId {
        self.org
    }

    /// Role in the org; none for the super administrator, webhooks and Muster itself.
    pub fn role(&self) -> Option<Role> {
        self.permissions.role
    }

    /// What they may do here.
    pub fn operations(&self) -> Operations {
        self.permissions.operations()
    }

    /// Everything known of what they may do here.
    pub fn permissions(&self) -> &Permissions {
        &self.permissions
    }

    /// What they asked for and did not get, for the audit row.
    pub(crate) fn refusals(&self) -> Refusals {
        self.refusals.clone()
    }

    /// Which objects they may do it on, for the queries of lists.
    pub fn scope(&self) -> &Scope {
        &self.permissions.scope
    }

    /// Passes if they may do `operation` here, on whatever is in their reach.
    pub fn require(&self, operation: Operation) -> Result<(), Error> {
        self.passes(operation, None)
    }

    /// Passes if they may do `operation` on this object. One that is out of their reach is not there.
    pub fn require_on(&self, operation: Operation, object: &Object<'_>) -> Result<(), Error> {
        self.passes(operation, Some(object))
    }

    /// Passes if they may do `operation` on any object of the kind, those to come included: for what makes new ones
    /// and for what concerns all of them.
    pub fn require_all(&self, operation: Operation, kind: super::ObjectKind) -> Result<(), Error> {
        self.passes(operation, Some(&Object::All(kind)))
    }

    /// Whether they may do `operation` here: a question, whose answer no audit row tells.
    pub fn may(&self, operation: Operation) -> bool {
        let asked = Asked::BuiltIn(operation);
        self.permissions.decide(asked, None) == Decision::Allowed
    }

    /// Whether they may do `operation` on this object: a question, too.
    pub fn may_on(&self, operation: Operation, object: &Object<'_>) -> bool {
        let asked = Asked::BuiltIn(operation);
        self.permissions.decide(asked, Some(object)) == Decision::Allowed
    }

    /// Whether this object is in their reach, whatever they want with it.
    pub fn reaches(&self, object: &Object<'_>) -> bool {
        self.permissions.scope.reaches(object).is_ok()
    }

    fn passes(&self, operation: Operation, object: Option<&Object<'_>>) -> Result<(), Error> {
        let decision = self.permissions.decide(Asked::BuiltIn(operation), object);
        match decision {
            Decision::Allowed => self.refusals.note_passed(operation),
            Decision::NotGiven | Decision::Limited => self.refusals.note_refused(operation, object, false),
            Decision::OutOfReach(_) => self.refusals.note_refused(operation, object, true),
        }
        match decision {
            Decision::Allowed => Ok(()),
            Decision::NotGiven | Decision::Limited => Err(Error::Forbidden(operation)),
            Decision::OutOfReach(kind) => Err(match object {
                Some(Object::All(_)) => Error::denied(
                    "narrowed",
                    format!(
                        "your permissions are narrowed to some {}s: you can't act on all of them",
                        kind.noun()
                    ),
                ),
                Some(object) => Error::NotFound(object.noun()),
                None => Error::NotFound("object"),
            }),
        }
    }
}

impl Deref for Caller {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.identity
    }
}
