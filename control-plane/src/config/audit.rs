//! `[audit]`

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// How long the audit log's rows stay in the database. Nothing is ever deleted: they move into sealed files.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditConfig {
    /// Rows older than this are archived, in days; without it they stay in the database.
    pub keep_days: Option<u32>,
    /// The folder of the archive's files; several control planes on one database share it.
    pub archive_dir: Option<PathBuf>,
}

/// The archive's folder in the data directory.
pub const ARCHIVE: &str = "audit-archive";

impl AuditConfig {
    /// The folder of the archive's files.
    pub fn folder(&self, data: &Path) -> PathBuf {
        self.archive_dir.clone().unwrap_or_else(|| data.join(ARCHIVE))
    }
}
