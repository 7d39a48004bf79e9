//! `[sign_in]`

use serde::{Deserialize, Serialize};

/// How people sign in.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SignInConfig {
    /// When everybody is asked for a second factor; a user may want it more often, not less.
    pub mfa: Mfa,
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
