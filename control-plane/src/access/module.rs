//! Modules: the groups that built-in operations are in, for people who put roles and templates together.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Operation;

/// A group of built-in operations. The first seven are the seed's groups 0–6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Module {
    /// Hosts, clusters, environments, readings, alerts.
    Hosts,
    /// Applications, deployments, registries.
    Applications,
    /// Files.
    Files,
    /// The org itself.
    OrgProfile,
    /// Members, departments, API keys.
    Members,
    /// Roles and permission templates.
    PermissionTemplates,
    /// What is above orgs.
    Platform,
    /// Database servers and releases.
    Schema,
    /// Secrets.
    Secrets,
    /// The audit log.
    Audit,
}

/// The module of each noun, and the noun in words.
const NOUNS: &[(&str, Module, &str)] = &[
    ("host", Module::Hosts, "hosts"),
    ("cluster", Module::Hosts, "clusters"),
    ("environment", Module::Hosts, "environments"),
    ("joinToken", Module::Hosts, "join tokens"),
    ("telemetry", Module::Hosts, "readings"),
    ("order", Module::Hosts, "work orders"),
    ("alert", Module::Hosts, "alerts"),
    ("container", Module::Hosts, "containers"),
    ("containerLog", Module::Hosts, "the logs of containers"),
    ("secret", Module::Secrets, "secrets"),
    ("registry", Module::Applications, "registries"),
    ("application", Module::Applications, "applications"),
    ("deployment", Module::Applications, "deployments"),
    ("server", Module::Schema, "database servers"),
    ("design", Module::Schema, "database designs"),
    ("flow", Module::Schema, "approval flows"),
    ("release", Module::Schema, "releases"),
    ("window", Module::Schema, "maintenance windows"),
    ("file", Module::Files, "files"),
    ("org", Module::OrgProfile, "the org"),
    ("member", Module::Members, "members"),
    ("department", Module::Members, "departments"),
    ("role", Module::PermissionTemplates, "roles"),
    ("template", Module::PermissionTemplates, "permission templates"),
    ("apiKey", Module::Members, "API keys"),
    ("audit", Module::Audit, "the audit log"),
];

impl Operation {
    fn noun(self) -> Option<&'static (&'static str, Module, &'static str)> {
        let noun = self.code().split(':').next()?;
        NOUNS.iter().find(|(known, ..)| *known == noun)
    }

    /// The module that it is in.
    pub fn module(self) -> Module {
        self.noun().map_or(Module::Platform, |(_, module, _)| *module)
    }

    /// For people: `read hosts`.
    pub fn name(self) -> String {
        let verb = self.code().rsplit(':').next().unwrap_or_default();
        match self.noun() {
            Some((.., noun)) => format!("{verb} {noun}"),
            None => self.code().replace(':', " "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_s_noun_is_in_a_module() {
        for operation in Operation::ALL {
            assert!(operation.noun().is_some(), "add the noun of {operation} to NOUNS");
        }
        assert_eq!(Operation::HostRead.name(), "read hosts");
    }
}
