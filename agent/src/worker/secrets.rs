//! The secrets of one order, in clear only in this process and only until it ends.

use std::collections::HashMap;

use muster_base::SecretString;
use muster_protocol::latest::SecretValues;

/// The order refers to a secret that did not come with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the order holds no secret named `{0}`")]
pub struct MissingSecret(pub String);

/// Values by the name that the order refers to them by.
#[derive(Debug, Default)]
pub struct Secrets(HashMap<String, SecretString>);

impl Secrets {
    /// The value of that name.
    pub fn get(&self, name: &str) -> Result<&SecretString, MissingSecret> {
        self.0.get(name).ok_or_else(|| MissingSecret(name.to_owned()))
    }

    /// Every value, so that none shows in a text.
    pub fn values(&self) -> Vec<SecretString> {
        self.0.values().cloned().collect()
    }
}

impl From<SecretValues> for Secrets {
    fn from(values: SecretValues) -> Self {
        let named = values.0.into_iter();
        Self(named.map(|(name, value)| (name, value.into())).collect())
    }
}
