//! The variables that tell tests where the services are.

use std::collections::BTreeMap;

/// The `MUSTER_TEST_…` variables of what was started.
#[derive(Clone, Debug, Default)]
pub struct Env(BTreeMap<&'static str, String>);

impl Env {
    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.insert(name, value.into());
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
