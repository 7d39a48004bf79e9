//! Opens what the configuration names.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use muster_base::{ExposeSecret as _, SecretString};
use object_store::{
    BackoffConfig, ClientOptions, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
    local::LocalFileSystem,
};

use super::{Folder, Storage, StorageError};
use crate::config::{FILES, FilesConfig, Place};

const CONNECT: Duration = Duration::from_secs(4);
/// A piece goes through in this time.
const WHOLE: Duration = Duration::from_secs(30);
const RETRIES: usize = 3;

impl Storage {
    /// Opens the storage; asks nobody yet.
    pub(super) fn open(config: &FilesConfig, data: &Path) -> Result<Self, StorageError> {
        let opened = match &config.url {
            None => made(&data.join(FILES)).and_then(|()| folder(&data.join(FILES), false)),
            Some(Place::Folder(path)) => folder(path, true),
            Some(Place::Bucket { bucket, prefix }) => s3(config, bucket).map(|store| Self {
                store: Arc::new(store),
                prefix: prefix.clone(),
                folder: None,
            }),
        };
        opened.map_err(StorageError::Config)
    }
}

fn made(path: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("{} can't be made", path.display()))
}

/// One that somebody named is never made: if it is not there, its disk is not mounted.
fn folder(path: &Path, is_configured: bool) -> anyhow::Result<Storage> {
    let found = fs::metadata(path).with_context(|| {
        format!(
            "the folder of files.url, {}, is not there: mount it, or make it",
            path.display()
        )
    })?;
    if !found.is_dir() {
        bail!("{} is no folder", path.display());
    }
    let store = LocalFileSystem::new_with_prefix(path)?.with_fsync(true);
    Ok(Storage {
        store: Arc::new(store),
        prefix: String::new(),
        folder: Some(Folder {
            path: path.to_owned(),
            is_configured,
        }),
    })
}

fn s3(config: &FilesConfig, bucket: &str) -> anyhow::Result<AmazonS3> {
    let options = ClientOptions::new()
        .with_connect_timeout(CONNECT)
        .with_timeout(WHOLE)
        .with_allow_http(true);
    let retry = RetryConfig {
        max_retries: RETRIES,
        retry_timeout: WHOLE,
        backoff: BackoffConfig::default(),
    };
    let mut builder = match (&config.access_key_id, secret(config)?) {
        (Some(id), Some(secret)) => AmazonS3Builder::new()
            .with_access_key_id(id.expose_secret())
            .with_secret_access_key(secret.expose_secret()),
        (None, None) => AmazonS3Builder::from_env(),
        _ => bail!("files.access_key_id goes with files.secret_access_key or files.secret_access_key_file"),
    };
    if let Some(endpoint) = &config.endpoint {
        builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
    }
    if let Some(region) = &config.region {
        builder = builder.with_region(region);
    }
    let store = builder
        .with_bucket_name(bucket)
        .with_virtual_hosted_style_request(config.virtual_hosted_style)
        .with_client_options(options)
        .with_retry(retry)
        // Not every store that calls itself compatible has it.
        .with_disable_bulk_delete(true)
        .build()?;
    Ok(store)
}

fn secret(config: &FilesConfig) -> anyhow::Result<Option<SecretString>> {
    let Some(file) = &config.secret_access_key_file else {
        return Ok(config.secret_access_key.clone());
    };
    let text = zeroize::Zeroizing::new(
        fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?,
    );
    Ok(Some(SecretString::from(text.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_somebody_named_is_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let mount = dir.path().join("mount");
        let config = FilesConfig {
            url: Some(Place::Folder(mount.clone())),
            ..FilesConfig::default()
        };
        let error = Storage::open(&config, dir.path()).unwrap_err();
        let words = crate::error::chain(&error);
        assert!(words.contains("is not there: mount it, or make it"), "{words}");
        assert!(!mount.exists());
        fs::create_dir(&mount).unwrap();
        assert!(Storage::open(&config, dir.path()).is_ok());
        assert!(Storage::open(&FilesConfig::default(), dir.path()).is_ok());
        assert!(
            dir.path().join(FILES).is_dir(),
            "the one of the data directory is"
        );
    }
}
