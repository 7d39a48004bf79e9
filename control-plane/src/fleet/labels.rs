//! Labels: what people sort and select hosts by.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::FleetError;
use crate::{db::DbError, flaw::Flaw};

const MAX_LABELS: usize = 64;
const MAX_KEY: usize = 63;
const MAX_VALUE: usize = 255;

/// Key and value pairs, sorted by key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Labels(pub BTreeMap<String, String>);

impl Labels {
    /// Whether all of `wanted` are here with the same values.
    pub fn contain(&self, wanted: &Labels) -> bool {
        wanted.0.iter().all(|(key, value)| self.0.get(key) == Some(value))
    }

    pub(super) fn check(&self) -> Result<(), FleetError> {
        let good_key = |key: &str| {
            (1..=MAX_KEY).contains(&key.len())
                && key
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'/'))
        };
        let good_value =
            |value: &str| value.len() <= MAX_VALUE && !value.chars().any(|c| c.is_control() || c == ',');
        if self.0.len() > MAX_LABELS {
            return Err(FleetError::invalid("labels", Flaw::TooMany(MAX_LABELS)));
        }
        for (key, value) in &self.0 {
            if !good_key(key) {
                let flaw = Flaw::LabelKey(key.clone(), MAX_KEY);
                return Err(FleetError::invalid("labels", flaw));
            }
            if !good_value(value) {
                let flaw = Flaw::LabelValue(key.clone(), MAX_VALUE);
                return Err(FleetError::invalid("labels", flaw));
            }
        }
        Ok(())
    }

    /// Reads `key=value,key=value`, as it stands in query strings.
    pub(crate) fn from_query(text: &str) -> Result<Self, FleetError> {
        text.split(',')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (key, value) = pair
                    .split_once('=')
                    .ok_or_else(|| FleetError::invalid("label", Flaw::Pairs))?;
                Ok((key.to_owned(), value.to_owned()))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }

    pub(super) fn from_json(text: &str) -> Result<Self, DbError> {
        serde_json::from_str(text).map_err(|e| DbError::Corrupt(format!("labels: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_a_query_are_read_and_matched() {
        let wanted = Labels::from_query("tier=web,zone=a").unwrap();
        let has = |text| Labels::from_query(text).unwrap().contain(&wanted);
        assert!(has("tier=web,zone=a,x=y"));
        assert!(!has("tier=web"));
        assert!(!has("tier=web,zone=b"));
        assert!(Labels::from_query("tier").is_err());
        assert!(Labels::from_query("").unwrap().0.is_empty());
    }

    #[test]
    fn bad_labels_are_refused() {
        for text in ["a b=c", "=x", "ké=x"] {
            assert!(Labels::from_query(text).unwrap().check().is_err(), "{text}");
        }
        assert!(
            Labels::from_query("app.kubernetes.io/name=x y")
                .unwrap()
                .check()
                .is_ok()
        );
    }
}
