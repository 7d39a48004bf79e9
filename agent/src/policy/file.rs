//! The policy file: its keys, how it is read and who may have written it.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::Path,
};

use serde::{Deserialize, Deserializer, de::Error as _};

use super::{
    Policy, PolicyError, RiskCeiling,
    pattern::{ImagePattern, NamePattern, PathPattern, PortRange},
};

/// A commented file with the defaults, for `muster-agent policy --template`.
pub const TEMPLATE: &str = include_str!("template.toml");

const MAX_BYTES: u64 = 256 * 1024;
const WRITABLE_BY_OTHERS: u32 = 0o022;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PolicyFile {
    pub images: Images,
    pub ports: Ports,
    pub mounts: Mounts,
    pub containers: Containers,
    pub files: Files,
    pub sql: Sql,
    pub databases: Vec<Database>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Images {
    pub registries: Vec<NamePattern>,
    pub allow: Vec<ImagePattern>,
    pub require_digest: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Ports {
    pub allow: Vec<PortRange>,
}

impl Default for Ports {
    fn default() -> Self {
        Self {
            allow: vec![PortRange::UNPRIVILEGED],
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Mounts {
    pub bind: Vec<BindRule>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BindRule {
    #[serde(deserialize_with = "absolute")]
    pub path: String,
    #[serde(default)]
    pub write: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Containers {
    pub privileged: bool,
    pub host_network: bool,
    pub replace_unmanaged: bool,
    pub actions: Reach,
    pub logs: Reach,
}

/// Which containers something may be done with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Reach {
    /// None.
    None,
    /// Those that Muster deployed: the other rules let them in.
    #[default]
    Managed,
    /// Every one.
    All,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Files {
    pub allow: Vec<PathPattern>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Sql {
    pub max_risk: RiskCeiling,
    pub scratch: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Database {
    pub host: NamePattern,
    #[serde(default = "any_port")]
    pub ports: Vec<PortRange>,
    pub name: NamePattern,
    pub max_risk: Option<RiskCeiling>,
    pub scratch: Option<bool>,
}

fn any_port() -> Vec<PortRange> {
    vec![PortRange::ANY]
}

/// Every path is below the empty one, so a rule that names no place would allow all of them.
fn absolute<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let path = String::deserialize(deserializer)?;
    if path.starts_with('/') {
        Ok(path)
    } else {
        Err(D::Error::custom(format!("`{path}` is not an absolute path")))
    }
}

impl Policy {
    /// Reads the file, which must belong to root or to whom this process runs as, and be writable by nobody else.
    /// No file is the strictest policy.
    pub fn load(path: &Path) -> Result<Self, PolicyError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Ok(Self {
                    path: path.to_owned(),
                    ..Self::default()
                });
            }
            Err(source) => return Err(read_error(path, source)),
        };
        // Of the open file, so that it can't be exchanged between the check and the reading.
        let about = file.metadata().map_err(|e| read_error(path, e))?;
        check_owner(path, about.uid(), about.mode())?;
        let mut text = String::new();
        file.take(MAX_BYTES + 1)
            .read_to_string(&mut text)
            .map_err(|e| read_error(path, e))?;
        if text.len() as u64 > MAX_BYTES {
            return invalid(path, "it is larger than 256 KiB".to_owned());
        }
        Self::parse(&text, path)
    }

    /// Reads a policy from text; `path` only serves the messages.
    pub fn parse(text: &str, path: &Path) -> Result<Self, PolicyError> {
        match toml::from_str(text) {
            Ok(file) => Ok(Self {
                file,
                path: path.to_owned(),
            }),
            Err(e) => invalid(path, e.to_string()),
        }
    }
}

fn check_owner(path: &Path, owner: u32, mode: u32) -> Result<(), PolicyError> {
    let me = nix::unistd::geteuid().as_raw();
    let problem = if owner != 0 && owner != me {
        format!(
            "it belongs to user {owner}; run `chown root:root {}`",
            path.display()
        )
    } else if mode & WRITABLE_BY_OTHERS != 0 {
        format!(
            "its group or others may write it; run `chmod go-w {}`",
            path.display()
        )
    } else {
        return Ok(());
    };
    Err(PolicyError::Unsafe {
        path: path.to_owned(),
        problem,
    })
}

fn read_error(path: &Path, source: io::Error) -> PolicyError {
    PolicyError::Read {
        path: path.to_owned(),
        source,
    }
}

fn invalid(path: &Path, problem: String) -> Result<Policy, PolicyError> {
    Err(PolicyError::Invalid {
        path: path.to_owned(),
        problem,
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn the_template_is_a_valid_policy_and_the_default_one() {
        let policy = Policy::parse(TEMPLATE, Path::new("template")).unwrap();
        assert_eq!(
            format!("{:?}", policy.file),
            format!("{:?}", PolicyFile::default())
        );
    }

    #[test]
    fn a_misspelt_key_is_an_error_that_names_it() {
        let error = Policy::parse("[containers]\nprivilegd = true", Path::new("p")).unwrap_err();
        assert!(error.to_string().contains("privilegd"), "{error}");
    }

    #[test]
    fn a_bind_mount_s_path_is_absolute() {
        for path in ["", "srv", "./srv"] {
            let text = format!("[mounts]\nbind = [{{ path = \"{path}\" }}]");
            assert!(Policy::parse(&text, Path::new("p")).is_err(), "{path}");
        }
    }

    #[test]
    fn a_file_that_others_may_write_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("policy.toml");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
        let error = Policy::load(&path).unwrap_err();
        assert!(error.to_string().contains("chmod go-w"), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Policy::load(&path).is_ok());
    }

    #[test]
    fn no_file_is_the_strictest_policy() {
        let policy = Policy::load(Path::new("/nonexistent/policy.toml")).unwrap();
        assert!(policy.file.images.allow.is_empty() && policy.file.databases.is_empty());
    }
}
