//! A field of a patch: left out, taken away with `null`, or given a value.

use serde::{Deserialize, Deserializer};

/// What is to become of a field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// It stays.
    #[default]
    Keep,
    /// It becomes this; `None` takes it away.
    To(Option<T>),
}

impl<T: Copy> Change<T> {
    /// What it is to become; none if it stays or is taken away.
    pub fn said(&self) -> Option<T> {
        match self {
            Self::Keep => None,
            Self::To(value) => *value,
        }
    }
}

impl<T> Change<T> {
    /// The field after the change.
    pub fn apply(self, present: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::To(value) => *present = value,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::To)
    }
}
