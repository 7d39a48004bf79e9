//! `[files]`

use std::path::PathBuf;

use muster_base::SecretString;
use serde::Deserialize;

/// The folder of files in the data directory.
pub const FILES: &str = "files";

/// Where the bytes of files are kept, and how many.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FilesConfig {
    /// `s3://bucket/prefix` or `file:///folder`; without it, a folder in the data directory. What is there is not moved
    /// when this changes.
    pub url: Option<Place>,
    /// Address of a store that is not Amazon's: `https://minio.example.com`.
    pub endpoint: Option<String>,
    /// Its region; `us-east-1` by default.
    pub region: Option<String>,
    /// Whether the bucket stands before the endpoint's name instead of after it.
    pub virtual_hosted_style: bool,
    /// Who signs in there; without one, what stands in `AWS_*` variables or what the cloud gives this machine.
    pub access_key_id: Option<SecretString>,
    /// With which secret.
    pub secret_access_key: Option<SecretString>,
    /// A file that holds the secret, read at the start.
    pub secret_access_key_file: Option<PathBuf>,
    /// Most bytes of an org, those of unfinished uploads included.
    pub org_bytes: u64,
    /// Most files and folders of an org.
    pub org_items: u64,
    /// Most bytes of a file.
    pub file_bytes: u64,
    /// What must stay free on this machine's disk, in bytes, where files are kept on it: the databases need it.
    pub keep_free_bytes: u64,
}

impl Default for FilesConfig {
    fn default() -> Self {
        const GIB: u64 = 1 << 30;
        Self {
            url: None,
            endpoint: None,
            region: None,
            virtual_hosted_style: false,
            access_key_id: None,
            secret_access_key: None,
            secret_access_key_file: None,
            org_bytes: 20 * GIB,
            org_items: 100_000,
            file_bytes: 5 * GIB,
            keep_free_bytes: GIB,
        }
    }
}

/// A place for files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A bucket.
    Bucket {
        /// Its name.
        bucket: String,
        /// What stands before every name in it; may be empty.
        prefix: String,
    },
}

impl TryFrom<String> for Place {
    type Error = &'static str;

    fn try_from(url: String) -> Result<Self, Self::Error> {
        const WORDS: &str = "must be s3://bucket/prefix or file:///folder";
        if let Some(path) = url.strip_prefix("file://").filter(|path| path.starts_with('/')) {
            return Ok(Self::Folder(path.into()));
        }
        let rest = url.strip_prefix("s3://").ok_or(WORDS)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_name = |text: &str| {
            text.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        };
        let prefix = prefix.trim_matches('/');
        let parts_are_names = prefix
            .split('/')
            .all(|part| is_name(part) && part != "." && part != "..");
        if bucket.is_empty() || !is_name(bucket) || !parts_are_names {
            return Err(WORDS);
        }
        Ok(Self::Bucket {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> Result<Place, &'static str> {
        Place::try_from(url.to_owned())
    }

    #[test]
    fn a_place_is_a_bucket_or_a_folder() {
        let bucket = |bucket: &str, prefix: &str| {
            Ok(Place::Bucket {
                bucket: bucket.to_owned(),
                prefix: prefix.to_owned(),
            })
        };
        assert_eq!(place("s3://files"), bucket("files", ""));
        assert_eq!(place("s3://files/muster/a/"), bucket("files", "muster/a"));
        assert_eq!(place("file:///srv/files"), Ok(Place::Folder("/srv/files".into())));
        for wrong in [
            "",
            "s3://",
            "s3://a/../b",
            "s3://user:secret@host/x",
            "file://srv",
            "https://x/y",
        ] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }
}
