//! `[sign_in]`

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::ProviderConfig;

/// How people sign in.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SignInConfig {
    /// When everybody is asked for a second factor; a user may want it more often, not less.
    pub mfa: Mfa,
    /// Passwords that became known and may not be used: SHA-1 hashes sorted by hash, or plain ones; one a line.
    pub breach_list: Option<PathBuf>,
    /// A MaxMind file of cities or countries (`.mmdb`) that tells regions; without it networks stand in for them.
    pub region_file: Option<PathBuf>,
    /// Others whose sign-in is believed here, by name.
    #[serde(skip_serializing)]
    pub providers: BTreeMap<String, ProviderConfig>,
}

/// When a second factor is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mfa {
    /// On a new device or from a new region, of whoever has one.
    #[default]
    Auto,
    /// At each sign-in, of everybody; who has none and no e-mail address can't sign in.
    Always,
}
