//! The policy by which a deployment goes over many hosts, as people write it.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, OneOfBuilder, RefOr, Schema, Type},
};

use super::fields::Fields;
use crate::flaw::Flaw;

/// A number of hosts or servers, or a part of all of them such as `"25%"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// So many.
    Hosts(u32),
    /// So many of a hundred.
    Percent(u8),
}

impl Share {
    /// Of `total`; what is not a whole host is rounded up if `up`, else down.
    pub fn of(self, total: usize, up: bool) -> usize {
        match self {
            Self::Hosts(count) => usize::try_from(count).unwrap_or(usize::MAX),
            Self::Percent(percent) => {
                let hundredths = total.saturating_mul(usize::from(percent));
                if up {
                    hundredths.div_ceil(100)
                } else {
                    hundredths / 100
                }
            }
        }
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Hosts(count) => serializer.serialize_u32(*count),
            Self::Percent(percent) => serializer.collect_str(&format_args!("{percent}%")),
        }
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(u32),
            Text(String),
        }
        let message = "a number, or a percentage such as \"25%\"";
        match Either::deserialize(deserializer).map_err(|_| D::Error::custom(message))? {
            Either::Number(count) => Ok(Self::Hosts(count)),
            Either::Text(text) => {
                let percent = text
                    .strip_suffix('%')
                    .and_then(|digits| digits.parse::<u8>().ok());
                let percent = percent.filter(|percent| *percent <= 100);
                percent
                    .map(Self::Percent)
                    .ok_or_else(|| D::Error::custom(message))
            }
        }
    }
}

impl PartialSchema for Share {
    fn schema() -> RefOr<Schema> {
        let one = |kind| ObjectBuilder::new().schema_type(kind).build();
        OneOfBuilder::new()
            .item(one(Type::Integer))
            .item(one(Type::String))
            .description(Some(
                "A number of hosts or servers, or a part of all of them such as `25%`.",
            ))
            .into()
    }
}

impl ToSchema for Share {}

/// What happens to the hosts that were changed when a rollout stops.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnFailure {
    /// They stay as they are.
    #[default]
    Stop,
    /// They get what ran there before.
    RollBack,
}

/// What happens to hosts that are not connected when it is their turn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Offline {
    /// Their orders wait for them, for `waitS`; then they have failed.
    #[default]
    Wait,
    /// They are left out, and don't count as failed.
    Skip,
    /// They have failed.
    Fail,
}

/// What happens to a deployment that is asked for while another waits for its turn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Queue {
    /// It takes the place of the one that waits.
    #[default]
    Supersede,
    /// It waits behind it.
    Queue,
}

/// How deployments go over the hosts of an environment. Without anything set: all hosts at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Rollout {
    /// Hosts at a time; all if not given.
    #[schema(required = false)]
    pub batch_size: Option<Share>,
    /// Label by whose value hosts are ordered, then by name; those without it come last.
    pub order_by: Option<String>,
    /// Whether somebody must say "go on" after the first batch.
    pub pause_after_first: bool,
    /// How many hosts may fail; one more stops the rollout. 0 if not given.
    #[schema(required = false)]
    pub max_failures: Share,
    /// What happens to the changed hosts then.
    pub on_failure: OnFailure,
    /// What happens to hosts that are not connected.
    pub offline: Offline,
    /// Seconds that an order waits for its host; 1,800 if not given.
    #[schema(minimum = 10, maximum = 86_400)]
    pub wait_s: u32,
    /// What happens to a deployment that is asked for while another waits.
    pub queue: Queue,
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            batch_size: None,
            order_by: None,
            pause_after_first: false,
            max_failures: Share::Hosts(0),
            on_failure: OnFailure::default(),
            offline: Offline::default(),
            wait_s: 1_800,
            queue: Queue::default(),
        }
    }
}

impl Rollout {
    pub(super) fn check(&self, field: &str, fields: &mut Fields) {
        let some = !matches!(self.batch_size, Some(Share::Hosts(0) | Share::Percent(0)));
        fields.check(some, format!("{field}.batchSize"), Flaw::AtLeast(1));
        let label = self.order_by.as_deref();
        let plain =
            label.is_none_or(|label| (1..=128).contains(&label.len()) && !label.contains(char::is_control));
        fields.check(plain, format!("{field}.orderBy"), "the name of a label");
        let waits = (10..=86_400).contains(&self.wait_s);
        fields.check(waits, format!("{field}.waitS"), Flaw::Range(10, 86_400));
    }

    /// Each host's batch, for `total` hosts in their order.
    pub(super) fn batches(&self, total: usize) -> Vec<i64> {
        let size = self
            .batch_size
            .map_or(total, |share| share.of(total, true))
            .max(1);
        (0..total)
            .map(|position| i64::try_from(position / size).unwrap_or(i64::MAX))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(json: &str) -> Rollout {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn shares_are_read_as_people_write_them() {
        let read = policy(r#"{"batchSize":"25%","maxFailures":3}"#);
        assert_eq!(read.batch_size, Some(Share::Percent(25)));
        assert_eq!(read.max_failures, Share::Hosts(3));
        assert_eq!(serde_json::to_value(&read).unwrap()["batchSize"], "25%");
        for wrong in [
            r#"{"batchSize":"x"}"#,
            r#"{"batchSize":"101%"}"#,
            r#"{"batchSize":-1}"#,
        ] {
            assert!(serde_json::from_str::<Rollout>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn batches_are_as_big_as_asked_for() {
        assert_eq!(policy("{}").batches(3), [0, 0, 0]);
        assert_eq!(policy(r#"{"batchSize":2}"#).batches(5), [0, 0, 1, 1, 2]);
        assert_eq!(policy(r#"{"batchSize":"10%"}"#).batches(4), [0, 1, 2, 3]);
        assert_eq!(Share::Percent(3).of(200, false), 6);
        assert_eq!(Share::Percent(3).of(10, false), 0);
    }
}
