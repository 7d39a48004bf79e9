//! `muster backup` and `muster restore`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use muster_base::{Clock, SecretString};
use muster_control_plane::backup::{self, FilesTaken, Parts, RecoveryKey, Unlock};

use super::{Place, say};

#[derive(Args)]
pub struct BackupArgs {
    #[command(flatten)]
    place: Place,
    /// The file to write; must not be there.
    #[arg(long)]
    to: PathBuf,
    /// Leave out readings: hosts, people, secrets, orders and releases only.
    #[arg(long)]
    without_telemetry: bool,
    /// Leave out the bytes of files; those in a bucket or another folder are never in a backup.
    #[arg(long)]
    without_files: bool,
    #[command(flatten)]
    key: KeyArgs,
}

#[derive(Args)]
pub struct RestoreArgs {
    /// The backup.
    #[arg(long)]
    from: PathBuf,
    /// Where the data is to be; not there yet, or empty.
    #[arg(long)]
    data: PathBuf,
    /// An empty PostgreSQL database instead of the one that the backup names. Also read from MUSTER_RESTORE_DATABASE,
    /// which keeps a password out of the process list.
    #[arg(long, env = "MUSTER_RESTORE_DATABASE", hide_env_values = true)]
    database: Option<String>,
    #[command(flatten)]
    key: KeyArgs,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct KeyArgs {
    /// File that holds the backup's passphrase; `-` reads it from standard input.
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
    /// File that holds the recovery key: 64 hexadecimal digits, readable by you only.
    #[arg(long)]
    key_file: Option<PathBuf>,
}

impl KeyArgs {
    fn read(&self) -> anyhow::Result<Unlock> {
        match (&self.passphrase_file, &self.key_file) {
            (Some(file), _) => Ok(Unlock::Passphrase(crate::read_password(file)?)),
            (None, Some(file)) => Ok(Unlock::RecoveryKey(RecoveryKey::read(file)?)),
            (None, None) => anyhow::bail!("give --passphrase-file or --key-file"),
        }
    }
}

pub async fn backup(args: BackupArgs) -> anyhow::Result<()> {
    let unlock = args.key.read()?;
    let app = args.place.app().await?;
    let config = args.place.config_file();
    let parts = Parts {
        telemetry: !args.without_telemetry,
        files: !args.without_files,
    };
    let made = backup::backup(&app, &config, &args.to, &unlock, parts).await;
    app.stop().await;
    let made = made.context("there is no backup")?;
    let readings = if made.manifest.telemetry {
        "with"
    } else {
        "without"
    };
    say(format_args!(
        "{}: {} bytes, {} of {}, {readings} readings",
        args.to.display(),
        made.bytes,
        made.manifest.database,
        made.manifest.created_at
    ));
    match made.files {
        FilesTaken::Taken { count, bytes } => {
            say(format_args!(
                "with the bytes of files: {count} pieces, {bytes} bytes"
            ));
        }
        FilesTaken::LeftOut => {
            say("without the bytes of files: a restore knows the files and can't read them.");
        }
        FilesTaken::Elsewhere => {
            say(
                "the bytes of files are where files.url says, not in this backup: they need one of their own.",
            );
        }
    }
    Ok(())
}

pub async fn restore(args: RestoreArgs) -> anyhow::Result<()> {
    let unlock = args.key.read()?;
    let database = args.database.map(SecretString::from);
    let restored = backup::restore(&args.from, &args.data, &unlock, database, &Clock::system()).await;
    let restored = restored.context("nothing was restored")?;
    say(format_args!(
        "restored to what was at {}: {} hosts",
        restored.manifest.created_at, restored.hosts
    ));
    say(
        "what was stored after that is not in it: readings that hosts sent since, changes, hosts that joined.",
    );
    say(
        "hosts that were removed and tokens and keys that were withdrawn since count again: withdraw them again.",
    );
    say(format_args!(
        "everybody was signed out. Next: muster serve --data {}",
        args.data.display()
    ));
    Ok(())
}
