//! Who is asking. A use-case can't be called without one of these, and decides by it.

use std::{net::IpAddr, ops::Deref};

use muster_base::{ApiKeyId, ApplicationId, HostId, OrgId, PlatformId, SessionId, UserId};

use super::{Operation, Operations, Role};
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
            Self::Agent { host } => host.to_string(),
            Self::System { part } => (*part).to_owned(),
        }
    }

    /// Name for people.
    pub fn name(&self) -> String {
        match self {
            Self::SuperAdmin { account, .. } => account.clone(),
            Self::User { username, .. } => username.clone(),
            Self::ApiKey { name, .. } => name.clone(),
            Self::Webhook { .. } => "webhook".to_owned(),
            Self::Agent { .. } => "agent".to_owned(),
            Self::System { part } => (*part).to_owned(),
        }
    }

    /// The person behind it, if a person of the database is.
    pub const fn user(&self) -> Option<UserId> {
        match self {
            Self::User { user, .. } | Self::ApiKey { user, .. } => Some(*user),
            Self::SuperAdmin { .. } | Self::Webhook { .. } | Self::Agent { .. } | Self::System { .. } => None,
        }
    }

    /// Tells people apart when one must not approve what the same one wrote: a key counts as its person, and
    /// the super administrator as one person.
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

    /// Only the super administrator passes.
    pub fn require_super_admin(&self) -> Result<(), Error> {
        if self.is_super_admin() {
            Ok(())
        } else {
            Err(Error::Denied("only the super administrator may do this".into()))
        }
    }
}

/// Somebody acting in one org, with what they may do there.
#[derive(Debug, Clone)]
pub struct Caller {
    identity: Identity,
    org: OrgId,
    role: Option<Role>,
    operations: Operations,
}

impl Caller {
    /// Somebody with exactly these operations in `org`. Only `access` and `http::caller` decide them.
    pub(crate) const fn new(
        identity: Identity,
        org: OrgId,
        role: Option<Role>,
        operations: Operations,
    ) -> Self {
        Self {
            identity,
            org,
            role,
            operations,
        }
    }

    /// Muster itself, for what it does by schedule; it may do everything in `org`.
    pub fn system(part: &'static str, org: OrgId) -> Self {
        let identity = Identity {
            actor: Actor::System { part },
            ip: None,
            platform: None,
        };
        Self::new(identity, org, None, Operations::all())
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
        Self::new(identity, org, None, operations)
    }

    /// A host's agent: for audit rows about what it did or refused.
    pub fn agent(host: HostId, org: OrgId, ip: Option<IpAddr>) -> Self {
        let identity = Identity {
            actor: Actor::Agent { host },
            ip,
            platform: None,
        };
        Self::new(identity, org, None, Operations::default())
    }

    /// The org that every query of this call is scoped by.
    pub const fn org(&self) -> OrgId {
        self.org
    }

    /// Role in the org; none for the super administrator, webhooks and Muster itself.
    pub const fn role(&self) -> Option<Role> {
        self.role
    }

    /// What they may do here.
    pub const fn operations(&self) -> Operations {
        self.operations
    }

    /// Passes if they may do `operation` here.
    pub fn require(&self, operation: Operation) -> Result<(), Error> {
        if self.operations.contains(operation) {
            Ok(())
        } else {
            Err(Error::Forbidden(operation))
        }
    }
}

impl Deref for Caller {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.identity
    }
}
