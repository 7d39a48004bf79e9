//! The host's own veto: what this host ever accepts, whatever the control plane signs.
//!
//! The file is `/etc/muster/agent-policy.toml` (or `--policy FILE`), owned by root and writable by nobody else: the
//! worker refuses to work with any other. The control plane can neither read nor change it. Keys that Muster does
//! not know are an error, since a misspelt rule would otherwise be no rule.
//!
//! # Without a file
//! Nothing is listed, so nothing runs: no registry, no image, no database. Ports from 1024 up, named volumes and the
//! usual networks need no listing, and neither do starting, stopping and reading the logs of containers that Muster
//! deployed, of which there are none without a rule. No file is written. A refusal names the rule and the line that would allow the order.
//!
//! # Invariants
//! - An absent section is the strictest one. There is no switch that turns the policy off.
//! - Only the worker's verdict counts; the resident never sees the file.

mod file;
mod files;
mod pattern;
mod rules;
mod sql;

use std::{io, path::PathBuf};

use muster_protocol::latest::{OrderPayload, OrderRefusal};

pub use file::TEMPLATE;
pub use pattern::{ImageRef, ImageRefError, is_digest};
pub use sql::RiskCeiling;

/// Where the policy is looked for if nobody says otherwise.
pub const DEFAULT_PATH: &str = crate::config::DEFAULT_POLICY;

/// The policy file can't be used. Nothing runs until that is put right.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// It is there but can't be read.
    #[error("the policy file {path} can't be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody other than its owner could change it.
    #[error("the policy file {path} is not safe: {problem}")]
    Unsafe {
        /// The file.
        path: PathBuf,
        /// What is wrong and how to put it right.
        problem: String,
    },
    /// It is not a policy.
    #[error("the policy file {path} is not valid: {problem}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, key and reason.
        problem: String,
    },
}

/// An order breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the policy of this host forbids it ({rule}): {message}")]
pub struct PolicyRefusal {
    /// The rule's name as it stands in the file, for instance `images.allow`.
    pub rule: &'static str,
    /// What is forbidden and what its administrator would write to allow it.
    pub message: String,
}

impl From<PolicyRefusal> for OrderRefusal {
    fn from(refusal: PolicyRefusal) -> Self {
        Self::Policy {
            rule: refusal.rule.to_owned(),
            message: refusal.message,
        }
    }
}

/// What this host accepts.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    file: file::PolicyFile,
    path: PathBuf,
}

impl Policy {
    /// The first rule that `payload` breaks, if any.
    pub fn check(&self, payload: &OrderPayload) -> Result<(), PolicyRefusal> {
        match payload {
            OrderPayload::Deploy(spec) => self.check_deploy(spec),
            OrderPayload::Handover(spec) => self.check_deploy(&spec.deploy),
            OrderPayload::FullDeploy(spec) => {
                self.check_deploy(&spec.deploy)?;
                rules::check_more(&spec.more)
            }
            OrderPayload::Sql(spec) => self.check_sql(spec),
            OrderPayload::GuardedSql(held) => self.check_sql(&held.spec),
            OrderPayload::TestServer(target) => self.check_target(target).map(drop),
            // Whether it is one that Muster deployed, only the engine knows: see `check_action`.
            OrderPayload::Container(order) => self.check_action(&order.name, true),
            // Where the path really leads, only a look can tell: see `check_file`.
            OrderPayload::File(order) => self.check_file(&order.path),
        }
    }

    /// Whether a running container that Muster did not start may be replaced.
    pub const fn may_replace_unmanaged(&self) -> bool {
        self.file.containers.replace_unmanaged
    }

    /// Whether people may start and stop this container; `managed`: Muster deployed it.
    pub fn check_action(&self, name: &str, managed: bool) -> Result<(), PolicyRefusal> {
        let what = format!("the container {name} may not be started or stopped from afar");
        self.check_reach(
            self.file.containers.actions,
            "containers.actions",
            "actions",
            &what,
            managed,
        )
    }

    /// Whether people may read this container's log.
    pub fn check_log(&self, name: &str, managed: bool) -> Result<(), PolicyRefusal> {
        let what = format!("the log of the container {name} may not be read from afar");
        self.check_reach(
            self.file.containers.logs,
            "containers.logs",
            "logs",
            &what,
            managed,
        )
    }

    fn check_reach(
        &self,
        reach: file::Reach,
        rule: &'static str,
        key: &str,
        what: &str,
        managed: bool,
    ) -> Result<(), PolicyRefusal> {
        let wanted = match (reach, managed) {
            (file::Reach::All, _) | (file::Reach::Managed, true) => return Ok(()),
            (file::Reach::None, true) => "managed",
            (file::Reach::None | file::Reach::Managed, false) => "all",
        };
        let what = if managed {
            what.to_owned()
        } else {
            format!("{what}: Muster did not deploy it")
        };
        self.refuse(rule, &what, &format!("{key} = \"{wanted}\" under [containers]"))
    }

    fn refuse<T>(&self, rule: &'static str, what: &str, how: &str) -> Result<T, PolicyRefusal> {
        let path = self.path.display();
        Err(PolicyRefusal {
            rule,
            message: format!("{what}. To allow it, its administrator sets {how} in {path} on this host"),
        })
    }
}
