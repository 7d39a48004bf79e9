//! `[install]`

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What new hosts are given.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstallConfig {
    /// Folder with packages of the agent; those in `packages/` in the data directory count before them.
    pub packages: PathBuf,
}

impl Default for InstallConfig {
    fn default() -> Self {
        Self {
            packages: "/usr/share/muster/packages".into(),
        }
    }
}
