//! `[sign_in.providers.NAME]`

use std::path::PathBuf;

use muster_base::SecretString;
use serde::Deserialize;

/// Somebody else's sign-in that is believed here. The name is in addresses: lower-case letters, digits and hyphens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// How it is spoken to.
    pub kind: ProviderKind,
    /// For people; the name in the file if left out.
    pub label: Option<String>,
    /// What we are called there.
    pub client_id: String,
    /// How we prove it.
    pub client_secret: Option<SecretString>,
    /// A file that holds it.
    pub client_secret_file: Option<PathBuf>,
    /// OpenID Connect: who issues, as the provider writes it; everything else is found from here.
    pub issuer: Option<String>,
    /// GitHub and Gitee: where people are sent, for a server of one's own.
    pub authorize_url: Option<String>,
    /// GitHub and Gitee: where codes are exchanged.
    pub token_url: Option<String>,
    /// GitHub and Gitee: where it says who somebody is.
    pub user_url: Option<String>,
    /// What we ask for; `openid profile email` with OpenID Connect.
    pub scopes: Option<String>,
}

/// How a provider is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// OpenID Connect.
    Oidc,
    /// GitHub's OAuth.
    Github,
    /// Gitee's OAuth.
    Gitee,
}

impl ProviderKind {
    /// The type of binding that it makes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::Github => "github",
            Self::Gitee => "gitee",
        }
    }
}
