//! What an operation is done on, as far as permissions can be narrowed to it.

use muster_base::{ApplicationId, ClusterId, HostId, SecretGroupId, ServerId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::AccessError;

/// A kind of object that permissions can be narrowed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ObjectKind {
    /// Clusters, with the hosts in them.
    Clusters,
    /// Hosts.
    Hosts,
    /// Environments, by name, with what is in them.
    Environments,
    /// Applications.
    Applications,
    /// Files and folders.
    Files,
    /// Database servers.
    Servers,
    /// Databases, by name.
    Databases,
    /// Groups of secrets.
    SecretGroups,
}

impl ObjectKind {
    /// The noun, for errors.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Clusters => "cluster",
            Self::Hosts => "host",
            Self::Environments => "environment",
            Self::Applications => "application",
            Self::Files => "file",
            Self::Servers => "database server",
            Self::Databases => "database",
            Self::SecretGroups => "secret group",
        }
    }

    /// The word in the audit log.
    const fn word(self) -> &'static str {
        match self {
            Self::Servers => "server",
            Self::SecretGroups => "secretGroup",
            Self::Clusters
            | Self::Hosts
            | Self::Environments
            | Self::Applications
            | Self::Files
            | Self::Databases => self.noun(),
        }
    }

    /// The key of an object of this kind, in the one way it is written.
    pub(super) fn key(self, text: &str) -> Result<String, AccessError> {
        match self {
            Self::Environments | Self::Databases if (1..=128).contains(&text.chars().count()) => {
                Ok(text.to_owned())
            }
            Self::Environments | Self::Databases => Err(AccessError::invalid(
                "objects",
                format!("the name of a {} has 1 to 128 characters", self.noun()),
            )),
            Self::Clusters
            | Self::Hosts
            | Self::Applications
            | Self::Files
            | Self::Servers
            | Self::SecretGroups => Uuid::try_parse(text).map(|id| id.to_string()).map_err(|_| {
                AccessError::invalid("objects", format!("{text:?} is not the id of a {}", self.noun()))
            }),
        }
    }
}

/// What an operation is done on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object<'a> {
    /// A cluster.
    Cluster(ClusterId),
    /// A host, or something of it.
    Host {
        /// The host.
        id: HostId,
        /// Where it is.
        cluster: Option<ClusterId>,
        /// Its environment.
        environment: Option<&'a str>,
    },
    /// A place for a host that is not there yet.
    Place {
        /// The cluster.
        cluster: Option<ClusterId>,
        /// The environment.
        environment: Option<&'a str>,
    },
    /// An environment.
    Environment(&'a str),
    /// An application.
    Application(ApplicationId),
    /// An application in one environment: a deployment, a variable, a token.
    ApplicationIn(ApplicationId, &'a str),
    /// A file or folder: its own id, and those of the folders that it is in.
    File(&'a [Uuid]),
    /// A database server.
    Server {
        /// The server.
        id: ServerId,
        /// Its environment.
        environment: &'a str,
    },
    /// A database on servers: a ticket, a release.
    Database {
        /// Its name.
        name: &'a str,
        /// The environment.
        environment: &'a str,
        /// The servers.
        servers: &'a [ServerId],
    },
    /// A database by name alone.
    DatabaseName(&'a str),
    /// A group of secrets, or a secret in it.
    SecretGroup(SecretGroupId),
    /// Every object of a kind, those to come included.
    All(ObjectKind),
}

impl Object<'_> {
    /// The noun, for errors.
    pub const fn noun(&self) -> &'static str {
        match self {
            Self::Cluster(_) => "cluster",
            Self::Host { .. } => "host",
            Self::Place { .. } => "cluster or environment",
            Self::Environment(_) => "environment",
            Self::Application(_) | Self::ApplicationIn(..) => "application",
            Self::File(_) => "file",
            Self::Server { .. } => "database server",
            Self::Database { .. } | Self::DatabaseName(_) => "database",
            Self::SecretGroup(_) => "secret group",
            Self::All(kind) => kind.noun(),
        }
    }

    /// Its kind and its id or name, as the audit log has them; no id for all of a kind.
    pub(super) fn named(&self) -> (&'static str, String) {
        match *self {
            Self::Cluster(id)
            | Self::Place {
                cluster: Some(id), ..
            } => ("cluster", id.to_string()),
            Self::Host { id, .. } => ("host", id.to_string()),
            Self::Place { environment, .. } => ("environment", environment.unwrap_or_default().to_owned()),
            Self::Environment(name) => ("environment", name.to_owned()),
            Self::Application(id) | Self::ApplicationIn(id, _) => ("application", id.to_string()),
            Self::File(path) => ("file", path.first().map(ToString::to_string).unwrap_or_default()),
            Self::Server { id, .. } => ("server", id.to_string()),
            Self::Database { name, .. } | Self::DatabaseName(name) => ("database", name.to_owned()),
            Self::SecretGroup(id) => ("secretGroup", id.to_string()),
            Self::All(kind) => (kind.word(), String::new()),
        }
    }
}
