//! `[mail]`

use std::path::PathBuf;

use muster_base::SecretString;
use serde::Deserialize;

/// The SMTP server that mail goes out by; without this section none goes out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// Name or address of the server; its certificate must be for this.
    pub host: String,
    /// By default 587 with `starttls`, 465 with `tls`, 25 with `none`.
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub security: MailSecurity,
    /// Who signs in there; nobody does without it.
    pub username: Option<String>,
    /// With which password.
    pub password: Option<SecretString>,
    /// A file that holds the password, read whenever mail is sent.
    pub password_file: Option<PathBuf>,
    /// Who the mail is from: `Muster <muster@example.com>`.
    pub from: String,
    /// A CA (PEM) to believe beside the system's, for a server with a certificate of one's own.
    pub ca_file: Option<PathBuf>,
}

/// How a connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailSecurity {
    /// Not at all: for a server on this machine.
    None,
    /// In clear until both agree on TLS; nothing is sent to a server that can't.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
}
