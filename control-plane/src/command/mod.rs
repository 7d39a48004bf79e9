//! The subcommands of `muster` that work beside a serving control plane, one file each.

pub mod backup;
pub mod doctor;
pub mod keys;
pub mod releases;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use muster_base::Clock;
use muster_control_plane::{
    access::{Actor, Identity},
    app::App,
    config::{self, Config},
    db::{self, Databases, Schema},
    keys::Keys,
};

/// Which control plane.
#[derive(Args)]
pub struct Place {
    /// Where the data is.
    #[arg(long, default_value = "/var/lib/muster")]
    pub data: PathBuf,
    /// Configuration file; by default muster.toml in the data directory.
    #[arg(long)]
    pub config: Option<PathBuf>,
}

impl Place {
    /// The control plane's configuration.
    pub fn config(&self) -> anyhow::Result<Config> {
        Config::load(&self.data, self.config.as_deref()).context("the configuration can't be used")
    }

    /// The configuration file.
    pub fn config_file(&self) -> PathBuf {
        let file = self.config.clone();
        file.unwrap_or_else(|| self.data.join(config::FILE_NAME))
    }

    /// The control plane's parts, without starting any: it may serve meanwhile.
    pub async fn app(&self) -> anyhow::Result<App> {
        let config = self.config()?;
        let keys = Keys::load(&self.data)?;
        let databases = existing(&self.data, &config).await?;
        Ok(App::new(config, databases, Clock::system(), keys))
    }
}

/// Who has the data directory has everything that the super administrator has.
pub fn operator(app: &App) -> Identity {
    let admin = app.config.super_admin.as_ref();
    Identity {
        actor: Actor::SuperAdmin {
            account: admin.map_or_else(|| "operator".to_owned(), |admin| admin.account.clone()),
            session: None,
        },
        ip: None,
        platform: None,
    }
}

/// The databases as they are; of this program's own version only.
async fn existing(data: &Path, config: &Config) -> anyhow::Result<Databases> {
    let databases = Databases::existing(data, config.database.url.as_ref())
        .await
        .context("the database can't be used")?;
    match db::schema(&databases).await? {
        Schema::Current => Ok(databases),
        Schema::Behind(_) | Schema::Empty => {
            bail!("the database is of an older version: start `muster serve` of this version first")
        }
        Schema::Ahead(_) | Schema::Different(_) => {
            bail!("the database is of another version than this program: use the one that serves")
        }
    }
}

/// A line of a command's output.
#[expect(clippy::print_stdout, reason = "the command's output")]
pub fn say(line: impl std::fmt::Display) {
    println!("{line}");
}
