//! `muster restore`.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufReader, Read},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use muster_base::{Clock, ExposeSecret, SecretString};

use super::{AUDIT, BackupError, Manifest, Unlock, archive::Reader, files, key::Header, store};
use crate::{
    access::{Actor, Identity},
    app::App,
    audit::{self, Entry},
    config::{self, Config},
    db::{self, Databases, Db, DbError, Schema},
    in_tx,
    keys::{self, Keys},
    secrets::seal::stream::OpenReader,
};

type Archive = Reader<OpenReader<BufReader<File>>>;

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// What the backup says of itself.
    pub manifest: Manifest,
    /// Hosts that the restored control plane knows.
    pub hosts: i64,
}

/// Restores the backup at `from` into the directory `data`, and for PostgreSQL into the empty database at `database`
/// or else the one that the backup's configuration names.
pub async fn restore(
    from: &Path,
    data: &Path,
    unlock: &Unlock,
    database: Option<SecretString>,
    clock: &Clock,
) -> Result<Restored, BackupError> {
    let opened = File::open(from).map_err(|e| BackupError::File(from.to_owned(), e))?;
    let mut input = BufReader::new(opened);
    let header = Header::read(&mut input, from, unlock)?;
    let sealed = OpenReader::new(input, &header.key, header.prefix, &header.bytes);
    let mut archive = Reader::new(sealed);
    let manifest = manifest(&mut archive, from)?;
    if manifest.database == "postgres" && manifest.version != env!("CARGO_PKG_VERSION") {
        return Err(BackupError::OtherVersion(manifest.version));
    }
    make_empty(data)?;
    let (tables, config) = unpack(&mut archive, data)?;
    let config = match database {
        Some(url) => with_database(&config, &url).ok_or_else(|| BackupError::NotABackup(from.to_owned()))?,
        None => config,
    };
    // Under another name: a control plane whose database is not ready yet must not be started.
    let early = data.join("muster.toml.restoring");
    write_private(&early, config.as_bytes())?;
    let loaded = Config::load(data, Some(&early)).map_err(BackupError::Config)?;
    let keys = Keys::load(data)?;
    let databases = match &loaded.database.url {
        Some(url) => {
            let databases = Databases::existing(data, Some(url)).await?;
            if db::schema(&databases).await? != Schema::Empty {
                return Err(BackupError::NotEmpty);
            }
            databases.close().await;
            let databases = Databases::postgres(url).await?;
            if let Db::Postgres(pool) = &databases.main {
                store::postgres::copy_in(pool, &tables).await?;
            }
            databases
        }
        None => Databases::sqlite(data).await?,
    };
    let app = App::new(loaded, databases, clock.clone(), keys);
    let hosts = make_good(&app, &manifest).await?;
    app.stop().await;
    drop(fs::remove_dir_all(data.join(TABLES)));
    let path = data.join(config::FILE_NAME);
    fs::rename(&early, &path).map_err(|e| BackupError::File(path, e))?;
    Ok(Restored { manifest, hosts })
}

/// Where tables are until they are in the database.
const TABLES: &str = "restoring";

fn manifest(archive: &mut Archive, from: &Path) -> Result<Manifest, BackupError> {
    let name = archive.next().map_err(BackupError::Damaged)?;
    if name.as_deref() != Some("manifest.json") {
        return Err(BackupError::NotABackup(from.to_owned()));
    }
    let text = archive.small().map_err(BackupError::Damaged)?;
    serde_json::from_str(&text).map_err(|_| BackupError::NotABackup(from.to_owned()))
}

fn make_empty(data: &Path) -> Result<(), BackupError> {
    let file = |e| BackupError::File(data.to_owned(), e);
    if data.exists() && fs::read_dir(data).map_err(file)?.next().is_some() {
        return Err(BackupError::Exists(data.to_owned()));
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data)
        .map_err(file)
}

/// Writes the entries to `data`; the paths of PostgreSQL's tables, and the configuration, which is not written.
fn unpack(
    archive: &mut Archive,
    data: &Path,
) -> Result<(Vec<std::path::PathBuf>, zeroize::Zeroizing<String>), BackupError> {
    let (mut tables, mut config) = (Vec::new(), None);
    while let Some(name) = archive.next().map_err(BackupError::Damaged)? {
        if let Some(file) = name.strip_prefix(AUDIT) {
            let path = archived(data, file)
                .ok_or_else(|| BackupError::Damaged(io::ErrorKind::InvalidData.into()))?;
            write(archive, &path)?;
            continue;
        }
        if let Some(object) = name.strip_prefix(files::OBJECTS) {
            let path = files::path(data, object)
                .ok_or_else(|| BackupError::Damaged(io::ErrorKind::InvalidData.into()))?;
            write(archive, &path)?;
            continue;
        }
        match (name.as_str(), name.strip_prefix("table/")) {
            (keys::FILE_NAME | "muster.db" | "telemetry.db", _) => write(archive, &data.join(&name))?,
            (config::FILE_NAME, _) => config = Some(archive.small().map_err(BackupError::Damaged)?),
            (_, Some(table)) if table.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') => {
                let directory = data.join(TABLES);
                let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
                made.map_err(|e| BackupError::File(directory.clone(), e))?;
                let path = directory.join(table);
                write(archive, &path)?;
                tables.push(path);
            }
            (_, _) => return Err(BackupError::Damaged(io::ErrorKind::InvalidData.into())),
        }
    }
    let config = config.ok_or_else(|| BackupError::Damaged(io::ErrorKind::UnexpectedEof.into()))?;
    Ok((tables, config))
}

/// Where a file of the audit log's archive belongs, once its folder is there; none for a name that is none of ours.
fn archived(data: &Path, file: &str) -> Option<std::path::PathBuf> {
    let (scope, name) = file.split_once('/')?;
    let ours = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let named = name.strip_suffix(".audit").is_some_and(ours);
    let folder = data.join(config::ARCHIVE).join(scope);
    let made = named
        && ours(scope)
        && DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .is_ok();
    made.then(|| folder.join(name))
}

fn write(archive: &mut Archive, path: &Path) -> Result<(), BackupError> {
    let file = |e| BackupError::File(path.to_owned(), e);
    let mut output = private(path).map_err(file)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        // Reading fails for the backup's sake, writing for the disk's.
        let count = archive.read(&mut buffer).map_err(BackupError::Damaged)?;
        if count == 0 {
            return output.sync_all().map_err(file);
        }
        io::Write::write_all(&mut output, &buffer[..count]).map_err(file)?;
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> Result<(), BackupError> {
    let file = |e| BackupError::File(path.to_owned(), e);
    let mut output = private(path).map_err(file)?;
    io::Write::write_all(&mut output, bytes).map_err(file)?;
    output.sync_all().map_err(file)
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// The configuration with another database.
fn with_database(config: &str, url: &SecretString) -> Option<zeroize::Zeroizing<String>> {
    let mut table: toml::Table = config.parse().ok()?;
    let section = table
        .entry("database")
        .or_insert_with(|| toml::Table::new().into())
        .as_table_mut()?;
    section.insert("url".into(), url.expose_secret().into());
    Some(zeroize::Zeroizing::new(table.to_string()))
}

/// What must not go on from where the backup was. See the room's page.
async fn make_good(app: &App, manifest: &Manifest) -> Result<i64, DbError> {
    let who = Identity {
        actor: Actor::System { part: "restore" },
        ip: None,
        platform: None,
    };
    let entry = Entry::done("backup:restore", "controlPlane", &manifest.database).after(manifest);
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        store::raise_sequences(tx, now).await?;
        store::end_sessions(tx, now).await?;
        store::forget_planes(tx).await?;
        audit::record(app, tx, &who, None, entry).await?;
    });
    store::count_hosts(&app.db).await
}
