//! `[remote_write]`

use std::path::PathBuf;

use muster_base::SecretString;
use serde::Deserialize;

/// Who else gets the readings; without this section nobody does.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteWriteConfig {
    /// Where to: `https://prometheus.example.com/api/v1/write`.
    pub url: SecretString,
    /// Sent as `Authorization`.
    pub authorization: Option<SecretString>,
    /// A file that holds it, read with each request.
    pub authorization_file: Option<PathBuf>,
    /// Slugs of the orgs whose readings are sent; all, if there are none.
    #[serde(default)]
    pub orgs: Vec<String>,
}
