//! The variables that tell tests where the services are.

use std::collections::BTreeMap;

const NAMES: [&str; 7] = [
    "MUSTER_TEST_POSTGRES_URL",
    "MUSTER_TEST_MYSQL_URL",
    "MUSTER_TEST_DOCKER_HOST",
    "MUSTER_TEST_REGISTRY",
    "MUSTER_TEST_REGISTRY_USER",
    "MUSTER_TEST_REGISTRY_PASSWORD_FILE",
    "MUSTER_TEST_IMAGE",
];

/// The `MUSTER_TEST_…` variables of what was started.
#[derive(Clone, Debug, Default)]
pub struct Env(BTreeMap<&'static str, String>);

impl Env {
    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.insert(name, value.into());
    }

    /// What this process was given, where `cargo verify` started it.
    pub fn from_process() -> Self {
        let name_of = |name: &str| NAMES.iter().copied().find(|known| *known == name);
        Self(
            std::env::vars()
                .filter_map(|(name, value)| Some((name_of(&name)?, value)))
                .collect(),
        )
    }

    /// Adds what was started beside it.
    pub fn extend(&mut self, more: &Self) {
        self.0
            .extend(more.0.iter().map(|(name, value)| (*name, value.clone())));
    }

    /// The value of one variable, if its service was started.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All of them, for `Command::envs`.
    pub fn vars(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }
}
