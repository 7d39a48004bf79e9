//! `muster backup`.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::{AUDIT, BackupError, FilesTaken, Manifest, Unlock, archive::Entries, files, key::Header, store};
use crate::{
    app::App,
    config::FILE_NAME,
    db::{Db, SqlitePools},
    secrets::seal::stream::SealWriter,
};

pub(super) type Archive = Entries<SealWriter<BufWriter<File>>>;

/// What was written.
#[derive(Debug)]
pub struct Made {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Its size.
    pub bytes: u64,
    /// Whether the bytes of files are in it.
    pub files: FilesTaken,
}

/// What need not be in a backup.
#[derive(Debug, Clone, Copy)]
pub struct Parts {
    /// Readings.
    pub telemetry: bool,
    /// The bytes of files.
    pub files: bool,
}

/// Writes a backup of the control plane, whose configuration file is `config`, to `to`, which must not be there. It may
/// serve meanwhile.
pub async fn backup(
    app: &App,
    config: &Path,
    to: &Path,
    unlock: &Unlock,
    parts: Parts,
) -> Result<Made, BackupError> {
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let partial = beside(to);
    let file = |e| BackupError::File(partial.clone(), e);
    let mut output = create(&partial).map_err(file)?;
    let written = async {
        let header = Header::make(unlock)?;
        header.write(&mut output).map_err(file)?;
        let sealed = SealWriter::new(BufWriter::new(output), &header.key, header.prefix, &header.bytes);
        let mut archive = Entries::new(sealed);
        let (manifest, files) = fill(app, config, &mut archive, parts).await?;
        let written = archive.finish().and_then(SealWriter::finish).map_err(file)?;
        let output = written.into_inner().map_err(|e| file(e.into_error()))?;
        output.sync_all().map_err(file)?;
        Ok((manifest, files, output.metadata().map_err(file)?.len()))
    };
    let written = match written.await {
        Ok(written) => publish(&partial, to).map(|()| written).map_err(file),
        Err(error) => Err(error),
    };
    if written.is_err() {
        // Whatever it is, it is no backup.
        drop(fs::remove_file(&partial));
    }
    written.map(|(manifest, files, bytes)| Made {
        manifest,
        bytes,
        files,
    })
}

async fn fill(
    app: &App,
    config: &Path,
    archive: &mut Archive,
    Parts {
        telemetry,
        files: wanted,
    }: Parts,
) -> Result<(Manifest, FilesTaken), BackupError> {
    let manifest = Manifest {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        created_at: app.clock.now(),
        database: app.db.name().to_owned(),
        telemetry,
    };
    let text = serde_json::to_vec(&manifest).map_err(|e| BackupError::Damaged(e.into()))?;
    let put = |archive: &mut Archive, name: &str, bytes: &[u8]| {
        archive.put(name, bytes).map_err(BackupError::Damaged)
    };
    put(archive, "manifest.json", &text)?;
    put(
        archive,
        "master.key",
        app.keys.source().read()?.to_text().as_bytes(),
    )?;
    match (&app.db, &app.telemetry_db) {
        (Db::Sqlite(main), Db::Sqlite(readings)) => {
            copy_sqlite(archive, "muster.db", main).await?;
            if telemetry {
                copy_sqlite(archive, "telemetry.db", readings).await?;
            }
        }
        (Db::Postgres(pool), _) | (_, Db::Postgres(pool)) => {
            store::postgres::copy_out(pool, telemetry, archive).await?;
        }
    }
    if app.config.audit.archive_dir.is_none() {
        let folder = app.config.audit.folder(&app.config.data);
        put_files(archive, &folder).map_err(|e| BackupError::File(folder, e))?;
    }
    let files = match (wanted, &app.config.files.url) {
        (_, Some(_)) => FilesTaken::Elsewhere,
        (false, None) => FilesTaken::LeftOut,
        (true, None) => files::put(archive, &app.config.data)?,
    };
    let text = fs::read(config).map_err(|e| BackupError::File(config.to_owned(), e))?;
    put(archive, FILE_NAME, &zeroize::Zeroizing::new(text))?;
    Ok((manifest, files))
}

/// The audit archive's files, `AUDIT/SCOPE/FILE`. After the database: rows that moved into a file since are in both.
fn put_files(archive: &mut Archive, folder: &Path) -> io::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for scope in fs::read_dir(folder)? {
        let scope = scope?;
        for file in fs::read_dir(scope.path())? {
            let path = file?.path();
            let names = (scope.file_name(), path.file_name().map(ToOwned::to_owned));
            if let (Some(scope), Some(Some(name))) =
                (names.0.to_str(), names.1.as_ref().map(|name| name.to_str()))
                && path.extension().is_some_and(|extension| extension == "audit")
            {
                archive.copy(&format!("{AUDIT}{scope}/{name}"), &mut File::open(&path)?)?;
            }
        }
    }
    Ok(())
}

/// A copy beside the database, where its own readers can read it, for as long as it takes to seal it.
async fn copy_sqlite(archive: &mut Archive, name: &str, pools: &SqlitePools) -> Result<(), BackupError> {
    let copy = Temporary(
        pools
            .path
            .with_extension(format!("backup-{}", std::process::id())),
    );
    drop(fs::remove_file(&copy.0));
    store::sqlite::vacuum_into(pools, &copy.0).await?;
    let mut file = File::open(&copy.0).map_err(|e| BackupError::File(copy.0.clone(), e))?;
    archive.copy(name, &mut file).map_err(BackupError::Damaged)
}

struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

fn create(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Gives the whole file its name; never that of another.
fn publish(partial: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(partial, to)?;
    fs::remove_file(partial)?;
    let directory = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

fn beside(to: &Path) -> PathBuf {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    to.with_file_name(name)
}
