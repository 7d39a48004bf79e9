//! Setting up: what `muster setup` does.
//!
//! It makes the master key, tries the database and creates its tables, and writes the configuration file with the
//! super administrator (argon2id hash), readable by its owner only, last of all: a set-up that broke off can be run
//! again. A control plane that is set up is not set up twice.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use muster_base::SecretString;

use crate::{
    access::{self, AccessError},
    config::{Config, FILE_NAME, SuperAdmin},
    db::{Databases, DbError},
    keys::{KeyError, Keys},
};

/// Why a set-up stopped. Nothing it made is in the way of running it again.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// There is a configuration file with a super administrator.
    #[error("{0} is set up already: change the password with `muster setup password`")]
    Done(PathBuf),
    /// There is no configuration file yet.
    #[error("{0} is not set up: run `muster setup` first")]
    NotDone(PathBuf),
    /// The account's name is not usable.
    #[error("the account must have 2 to 64 characters, without spaces")]
    Account,
    /// The password is not usable.
    #[error("the password is not usable")]
    Password(#[source] AccessError),
    /// The configuration file can't be read.
    #[error("the configuration can't be read")]
    Config(#[source] Box<figment::Error>),
    /// The master key.
    #[error("the master key can't be made or read")]
    Key(#[from] KeyError),
    /// The database.
    #[error("the database can't be used")]
    Db(#[from] DbError),
    /// A file.
    #[error("{0} can't be written")]
    File(PathBuf, #[source] io::Error),
}

/// Sets up a control plane in `data`.
pub async fn setup(
    data: &Path,
    account: &str,
    password: SecretString,
    database: Option<SecretString>,
) -> Result<(), SetupError> {
    let length = account.chars().count();
    if !(2..=64).contains(&length) || account.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(SetupError::Account);
    }
    let file = data.join(FILE_NAME);
    let config = Config::load(data, None).map_err(SetupError::Config)?;
    if config.super_admin.is_some() {
        return Err(SetupError::Done(data.to_owned()));
    }
    let password_hash = access::hash_password(password)
        .await
        .map_err(SetupError::Password)?;
    let directory = fs::DirBuilder::new().recursive(true).mode(0o700).create(data);
    directory.map_err(|e| SetupError::File(data.to_owned(), e))?;
    Keys::load_or_create(data)?;
    let database = database.or(config.database.url);
    match &database {
        Some(url) => Databases::postgres(url).await?,
        None => Databases::sqlite(data).await?,
    }
    .close()
    .await;
    let admin = SuperAdmin {
        account: account.to_owned(),
        password_hash,
    };
    let present = fs::read_to_string(&file).unwrap_or_default();
    let text = format!("{present}{}", Config::initial_file(database.as_ref(), &admin));
    write_private(&file, &text).map_err(|e| SetupError::File(file, e))
}

/// Gives the super administrator a new password.
pub async fn set_password(data: &Path, password: SecretString) -> Result<(), SetupError> {
    let file = data.join(FILE_NAME);
    let config = Config::load(data, None).map_err(SetupError::Config)?;
    let Some(admin) = config.super_admin else {
        return Err(SetupError::NotDone(data.to_owned()));
    };
    let password_hash = access::hash_password(password)
        .await
        .map_err(SetupError::Password)?;
    let read = fs::read_to_string(&file).map_err(|e| SetupError::File(file.clone(), e))?;
    let old = muster_base::ExposeSecret::expose_secret(&admin.password_hash).to_owned();
    let text = read.replace(&old, muster_base::ExposeSecret::expose_secret(&password_hash));
    write_private(&file, &text).map_err(|e| SetupError::File(file, e))
}

/// Writes a file that only its owner can read, whole or not at all.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    let parent = path.parent().unwrap_or_else(|| Path::new("."));
    fs::File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn a_set_up_makes_a_private_file_and_is_not_done_twice() {
        let data = tempfile::tempdir().unwrap();
        setup(data.path(), "root", "a long password".into(), None)
            .await
            .unwrap();
        let mode = fs::metadata(data.path().join(FILE_NAME))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = setup(data.path(), "root", "a long password".into(), None).await;
        assert!(matches!(again, Err(SetupError::Done(_))));

        let before = fs::read_to_string(data.path().join(FILE_NAME)).unwrap();
        set_password(data.path(), "another password".into())
            .await
            .unwrap();
        assert_ne!(fs::read_to_string(data.path().join(FILE_NAME)).unwrap(), before);
        assert!(Config::load(data.path(), None).unwrap().super_admin.is_some());
    }
}
