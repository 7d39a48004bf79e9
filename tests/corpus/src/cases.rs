//! The cases: files of YAML, each a map from a case's name to what was there, what is wanted, and for whom.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// A case and where it stands.
#[derive(Debug, Clone)]
pub struct Case {
    /// The file's name.
    pub file: String,
    /// The case's name in it.
    pub name: String,
    /// What it says.
    pub body: Body,
}

/// What a case says. A key that is not known here fails the run: it could change what the case means.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Body {
    /// The schema that is there; nothing by default.
    pub current: Option<String>,
    /// The schema that is wanted.
    pub desired: Option<String>,
    /// The server it is for: `mysql`, `mariadb`, `tidb`, or `!` and one of them.
    pub flavor: Option<String>,
    /// The first version that it is for.
    pub min_version: Option<String>,
    /// The last version that it is for.
    pub max_version: Option<String>,
    /// The words of a refusal; then any refusal passes.
    pub error: Option<String>,
    /// Who connects. In all cases that say so, it is a user whose default schema is `foo`.
    pub user: Option<String>,
    // The rest is about the tool that the cases are from: the SQL that it writes, and its settings.
    pub(crate) up: IgnoredAny,
    pub(crate) down: IgnoredAny,
    pub(crate) config: IgnoredAny,
    pub(crate) enable_drop: IgnoredAny,
    pub(crate) legacy_ignore_quotes: IgnoredAny,
    pub(crate) manage: IgnoredAny,
    pub(crate) managed_roles: IgnoredAny,
    pub(crate) offline: IgnoredAny,
}

impl Body {
    /// What is there, as SQL.
    pub fn current(&self) -> &str {
        self.current.as_deref().unwrap_or_default()
    }

    /// What is wanted, as SQL.
    pub fn desired(&self) -> &str {
        self.desired.as_deref().unwrap_or_default()
    }
}

/// All cases of a folder, in the files' and the names' order.
pub fn read(dir: &Path) -> Result<Vec<Case>> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("{} can't be read", dir.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let is_yaml = path
            .extension()
            .is_some_and(|ending| ending == "yml" || ending == "yaml");
        files.extend(is_yaml.then_some(path));
    }
    files.sort_unstable();
    let mut cases = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path)?;
        let bodies: BTreeMap<String, Body> =
            serde_saphyr::from_str(&text).with_context(|| format!("{} is not understood", path.display()))?;
        let file = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        cases.extend(bodies.into_iter().map(|(name, body)| Case {
            file: file.clone(),
            name,
            body,
        }));
    }
    ensure!(!cases.is_empty(), "{} holds no cases", dir.display());
    Ok(cases)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_read_and_an_unknown_key_is_refused() -> Result<()> {
        let dir = std::env::temp_dir().join(format!("muster-corpus-{}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        let file = dir.join("tests_a.yml");
        std::fs::write(
            &file,
            "A:\n  flavor: \"!tidb\"\n  min_version: '8.0'\n  desired: |\n    create table t (id int);\n  up: \"\"\nB:\n  desired:\n",
        )?;
        let cases = read(&dir)?;
        let names: Vec<_> = cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names, ["A", "B"]);
        assert_eq!(cases[0].body.desired(), "create table t (id int);\n");
        assert_eq!(cases[0].body.flavor.as_deref(), Some("!tidb"));
        assert_eq!(cases[1].body.desired(), "");

        std::fs::write(&file, "A:\n  desired: x\n  sideways: y\n")?;
        assert!(read(&dir).is_err());
        std::fs::remove_dir_all(&dir)?;
        Ok(())
    }
}
