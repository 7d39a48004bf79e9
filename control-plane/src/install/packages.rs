//! The packages that are there to be given out.

use std::{
    collections::BTreeMap,
    fs::{self, File, Metadata},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use aws_lc_rs::digest::{Context, SHA256};
use tracing::warn;

use crate::config::Config;

/// In the data directory.
const FOLDER: &str = "packages";
const PREFIX: &str = "muster-agent_";
const SUFFIX: &str = ".deb";

/// A package of the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    /// File name; holds nothing that a shell or a URL would have to be told about.
    pub(super) name: String,
    /// Debian's name of the architecture.
    pub(super) architecture: String,
    /// SHA-256 of the file, hexadecimal.
    pub(super) sha256: String,
    /// Where it is.
    pub(super) path: PathBuf,
}

/// Knows the packages, and the sums of those that have not changed since they were last read. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Packages(Arc<Mutex<Sums>>);

/// A file is the same as long as it has this time and length.
type Sums = BTreeMap<PathBuf, (SystemTime, u64, String)>;

impl Packages {
    /// One for each architecture, in order of architectures. What can't be read is left out.
    pub(super) async fn list(&self, config: &Config) -> Vec<Package> {
        let folders = [config.data.join(FOLDER), config.install.packages.clone()];
        let sums = self.clone();
        // Reads files, and whole ones after a change.
        let listed = tokio::task::spawn_blocking(move || sums.read(&folders)).await;
        listed.unwrap_or_default()
    }

    /// The package with this file name.
    pub(super) async fn find(&self, config: &Config, name: &str) -> Option<Package> {
        let mut listed = self.list(config).await;
        listed.retain(|package| package.name == name);
        listed.pop()
    }

    fn read(&self, folders: &[PathBuf]) -> Vec<Package> {
        let mut chosen = BTreeMap::new();
        for folder in folders {
            for (architecture, name) in newest(folder) {
                chosen.entry(architecture).or_insert_with(|| folder.join(name));
            }
        }
        let mut packages = Vec::new();
        for (architecture, path) in chosen {
            match self.sum(&path) {
                Ok(sha256) => packages.push(Package {
                    name: path
                        .file_name()
                        .unwrap_or_default()
                        .to_string_lossy()
                        .into_owned(),
                    architecture,
                    sha256,
                    path,
                }),
                Err(error) => warn!(%error, package = %path.display(), "a package can't be read"),
            }
        }
        packages
    }

    fn sum(&self, path: &Path) -> io::Result<String> {
        let mut file = File::open(path)?;
        let about: Metadata = file.metadata()?;
        let (modified, length) = (about.modified()?, about.len());
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, bytes, sum)) = known.get(path)
            && (*at, *bytes) == (modified, length)
        {
            return Ok(sum.clone());
        }
        drop(known);
        let mut digest = Digest(Context::new(&SHA256));
        io::copy(&mut file, &mut digest)?;
        let sum = hex::encode(digest.0.finish());
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(path.to_owned(), (modified, length, sum.clone()));
        Ok(sum)
    }
}

struct Digest(Context);

impl io::Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The file with the greatest version in `folder` for each architecture. No folder is an empty one.
fn newest(folder: &Path) -> BTreeMap<String, String> {
    let mut newest: BTreeMap<String, (Version, String)> = BTreeMap::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return BTreeMap::new();
    };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let Some((version, architecture)) = parse(&name) else {
            continue;
        };
        let version = order(version);
        if newest
            .get(architecture)
            .is_none_or(|(present, _)| *present < version)
        {
            newest.insert(architecture.to_owned(), (version, name));
        }
    }
    newest
        .into_iter()
        .map(|(architecture, (_, name))| (architecture, name))
        .collect()
}

/// `muster-agent_VERSION_ARCHITECTURE.deb`, of characters that need no quoting anywhere.
fn parse(name: &str) -> Option<(&str, &str)> {
    let (version, architecture) = name
        .strip_prefix(PREFIX)?
        .strip_suffix(SUFFIX)?
        .rsplit_once('_')?;
    let plain = |text: &str, more: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    (plain(version, ".+-~") && plain(architecture, "-")).then_some((version, architecture))
}

type Version = Vec<(String, u64)>;

/// Numbers in a version count as numbers: 0.10 is after 0.9.
fn order(version: &str) -> Version {
    let mut parts: Version = Vec::new();
    let mut rest = version;
    while !rest.is_empty() {
        let text = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (words, tail) = rest.split_at(text);
        let digits = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        let (number, tail) = tail.split_at(digits);
        parts.push((words.to_owned(), number.parse().unwrap_or(0)));
        rest = tail;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_packages() {
        assert_eq!(
            parse("muster-agent_0.1.0-1_amd64.deb"),
            Some(("0.1.0-1", "amd64"))
        );
        for other in [
            "muster_0.1.0-1_amd64.deb",
            "muster-agent_0.1.0-1_amd64.deb.part",
            "muster-agent_$(id)_amd64.deb",
            "muster-agent_1_.deb",
            "muster-agent_1_a'b.deb",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn the_greatest_version_counts_and_the_first_folder_before_the_second() {
        let (own, shipped) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for name in [
            "muster-agent_0.9.0-1_amd64.deb",
            "muster-agent_0.10.0-1_amd64.deb",
            "other.deb",
        ] {
            fs::write(own.path().join(name), name).unwrap();
        }
        for name in ["muster-agent_2.0.0-1_amd64.deb", "muster-agent_2.0.0-1_arm64.deb"] {
            fs::write(shipped.path().join(name), name).unwrap();
        }
        let packages = Packages::default();
        let folders = [
            own.path().to_owned(),
            shipped.path().to_owned(),
            "/nonexistent".into(),
        ];
        let listed = packages.read(&folders);
        let names: Vec<_> = listed.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "muster-agent_0.10.0-1_amd64.deb",
                "muster-agent_2.0.0-1_arm64.deb"
            ]
        );
        assert_eq!(
            listed[0].sha256,
            hex::encode(muster_base::sha256(names[0].as_bytes()).0)
        );
        assert_eq!(packages.read(&folders), listed);

        fs::write(&listed[0].path, "another package of another length").unwrap();
        assert_ne!(packages.read(&folders)[0].sha256, listed[0].sha256);
    }
}
