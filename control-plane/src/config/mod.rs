//! Configuration: defaults, then `DATA/muster.toml` (or `--config`), then the environment
//! (`MUSTER_HTTP__LISTEN=127.0.0.1:9000`), the later wins. Unknown keys are refused, so that a typo is seen.

mod address;
mod audit;
mod database;
mod delivery;
mod files;
mod http;
mod install;
mod link;
mod mail;
mod outbox;
mod provider;
mod remote_write;
mod sign_in;
mod sms;
mod telemetry;

use std::path::{Path, PathBuf};

use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use muster_base::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

pub use self::{
    address::as_seen_from_outside,
    audit::{ARCHIVE, AuditConfig},
    database::DatabaseConfig,
    delivery::DeliveryConfig,
    files::{FILES, FilesConfig, Place},
    http::HttpConfig,
    install::InstallConfig,
    link::LinkConfig,
    mail::{MailConfig, MailSecurity},
    outbox::OutboxConfig,
    provider::{ProviderConfig, ProviderKind},
    remote_write::RemoteWriteConfig,
    sign_in::{Mfa, SignInConfig},
    sms::{SmsBody, SmsConfig, SmsMethod},
    telemetry::TelemetryConfig,
};

/// File name in the data directory.
pub const FILE_NAME: &str = "muster.toml";

/// Everything that can be configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// HTTP API and console.
    pub http: HttpConfig,
    /// The agents' door.
    pub link: LinkConfig,
    /// Database.
    pub database: DatabaseConfig,
    /// Retention of readings.
    pub telemetry: TelemetryConfig,
    /// How long the audit log stays in the database.
    pub audit: AuditConfig,
    /// Deployments.
    pub delivery: DeliveryConfig,
    /// Where files are kept, and how much of them.
    pub files: FilesConfig,
    /// What new hosts are given.
    pub install: InstallConfig,
    /// The mail server.
    pub mail: Option<MailConfig>,
    /// The gateway for text messages.
    pub sms: Option<SmsConfig>,
    /// What leaves the house.
    pub outbox: OutboxConfig,
    /// Who else gets the readings.
    pub remote_write: Option<RemoteWriteConfig>,
    /// How people sign in.
    pub sign_in: SignInConfig,
    /// The super administrator; absent until set up.
    pub super_admin: Option<SuperAdmin>,
    /// Where the data is; from the command line.
    #[serde(skip)]
    pub data: PathBuf,
}

/// The one super administrator.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuperAdmin {
    /// Sign-in name.
    pub account: String,
    /// argon2id hash in PHC form.
    pub password_hash: SecretString,
}

#[derive(Serialize)]
struct Defaults {
    http: HttpConfig,
    link: LinkConfig,
    database: toml::Table,
    telemetry: TelemetryConfig,
    audit: AuditConfig,
    delivery: DeliveryConfig,
    files: toml::Table,
    install: InstallConfig,
    outbox: OutboxConfig,
    sign_in: SignInConfig,
}

impl Config {
    /// Reads the configuration for the data directory `data`.
    pub fn load(data: &Path, file: Option<&Path>) -> Result<Self, Box<figment::Error>> {
        let file = file.map_or_else(|| data.join(FILE_NAME), Path::to_owned);
        // A relative one would be looked for in the folders above, too.
        let file = std::path::absolute(file).map_err(|error| figment::Error::from(error.to_string()))?;
        Self::read(data, Toml::file(file))
    }

    /// As [`Config::load`], of a file that has this text.
    pub fn of_text(data: &Path, text: &str) -> Result<Self, Box<figment::Error>> {
        Self::read(data, Toml::string(text))
    }

    fn read(data: &Path, file: impl figment::Provider) -> Result<Self, Box<figment::Error>> {
        let defaults = Defaults {
            http: HttpConfig::default(),
            link: LinkConfig::default(),
            database: toml::Table::new(),
            telemetry: TelemetryConfig::default(),
            audit: AuditConfig::default(),
            delivery: DeliveryConfig::default(),
            files: toml::Table::new(),
            install: InstallConfig::default(),
            outbox: OutboxConfig::default(),
            sign_in: SignInConfig::default(),
        };
        let mut config: Self = Figment::from(Serialized::defaults(defaults))
            .merge(file)
            .merge(
                Env::prefixed("MUSTER_")
                    .filter(|key| key.as_str().contains("__"))
                    .split("__"),
            )
            .extract()
            .map_err(Box::new)?;
        data.clone_into(&mut config.data);
        Ok(config)
    }

    /// The address that people use, without a slash at its end, for links in mail.
    pub fn base_url(&self) -> String {
        match &self.http.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", as_seen_from_outside(self.http.listen)),
        }
    }

    /// The text of a new configuration file. The hash is in it: write it 0600.
    pub fn initial_file(database: Option<&SecretString>, admin: &SuperAdmin) -> String {
        let mut table = toml::Table::new();
        if let Some(url) = database {
            let mut section = toml::Table::new();
            section.insert("url".into(), url.expose_secret().into());
            table.insert("database".into(), section.into());
        }
        let mut section = toml::Table::new();
        section.insert("account".into(), admin.account.clone().into());
        section.insert("password_hash".into(), admin.password_hash.expose_secret().into());
        table.insert("super_admin".into(), section.into());
        table.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_need_no_file_and_a_typo_is_refused() {
        let data = tempfile::tempdir().unwrap();
        let config = Config::load(data.path(), None).unwrap();
        assert_eq!(config.http.listen.port(), 8440);
        assert!(config.super_admin.is_none());

        std::fs::write(data.path().join(FILE_NAME), "[http]\nlissten = \"x\"\n").unwrap();
        assert!(Config::load(data.path(), None).is_err());
    }

    #[test]
    fn a_file_in_a_folder_above_is_not_meant() {
        let here = std::env::current_dir().unwrap();
        let above = tempfile::tempdir_in(&here).unwrap();
        std::fs::write(above.path().join(FILE_NAME), "[http]\nlisten = \"[::1]:1\"\n").unwrap();
        let relative = above.path().strip_prefix(&here).unwrap().join("data");
        assert_eq!(Config::load(&relative, None).unwrap().http.listen.port(), 8440);
    }

    #[test]
    fn the_initial_file_is_read_back() {
        let data = tempfile::tempdir().unwrap();
        let admin = SuperAdmin {
            account: "a\"b".into(),
            password_hash: "$argon2id$x".into(),
        };
        let url = SecretString::from("postgres://u:p@h/d");
        std::fs::write(
            data.path().join(FILE_NAME),
            Config::initial_file(Some(&url), &admin),
        )
        .unwrap();
        let config = Config::load(data.path(), None).unwrap();
        assert_eq!(config.super_admin.unwrap().account, "a\"b");
        assert_eq!(config.database.url.unwrap().expose_secret(), "postgres://u:p@h/d");
    }
}
