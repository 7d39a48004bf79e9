//! Milliseconds since the Unix epoch: an integer in databases and on the wire, RFC 3339 UTC in JSON.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A point in time, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(transparent))]
pub struct UnixMs(pub i64);

impl UnixMs {
    /// Milliseconds in a second.
    pub const SECOND: i64 = 1_000;
    /// Milliseconds in a minute.
    pub const MINUTE: i64 = 60 * Self::SECOND;
    /// Milliseconds in an hour.
    pub const HOUR: i64 = 60 * Self::MINUTE;
    /// Milliseconds in a UTC day.
    pub const DAY: i64 = 24 * Self::HOUR;

    /// This time moved by `ms` (which may be negative); it stops at the ends of the range.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this time; negative if `earlier` is later.
    pub const fn ms_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The start of the UTC interval of `width_ms` that this time lies in; the least time there is for the interval
    /// that begins before it.
    #[must_use]
    pub const fn floor_to(self, width_ms: i64) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(width_ms)))
    }

    fn timestamp(self) -> Timestamp {
        let limit = if self.0 < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        };
        Timestamp::from_millisecond(self.0).unwrap_or(limit)
    }
}

impl fmt::Display for UnixMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.timestamp())
    }
}

impl fmt::Debug for UnixMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for UnixMs {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        text.parse::<Timestamp>().map(|at| Self(at.as_millisecond()))
    }
}

impl Serialize for UnixMs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for UnixMs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
            text.parse()
                .map_err(|_| D::Error::custom("expected a time such as 2026-01-31T09:30:00Z"))
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for UnixMs {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for UnixMs {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn json_is_rfc3339_utc_with_milliseconds() {
        assert_eq!(
            serde_json::to_string(&UnixMs(1_700_000_000_123)).unwrap(),
            "\"2023-11-14T22:13:20.123Z\""
        );
    }

    #[test]
    fn floor_is_aligned_before_the_epoch_too() {
        assert_eq!(UnixMs(-1).floor_to(UnixMs::HOUR), UnixMs(-UnixMs::HOUR));
        assert_eq!(UnixMs(3_600_001).floor_to(UnixMs::HOUR), UnixMs(UnixMs::HOUR));
    }

    #[test]
    fn the_ends_of_the_range_are_no_trouble() {
        for time in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX].map(UnixMs) {
            assert!(time.floor_to(UnixMs::DAY) <= time);
            assert!(!time.to_string().is_empty());
        }
    }

    proptest! {
        #[test]
        fn json_round_trips(ms in 0_i64..4_102_444_800_000) {
            let json = serde_json::to_string(&UnixMs(ms)).unwrap();
            prop_assert_eq!(serde_json::from_str::<UnixMs>(&json).unwrap(), UnixMs(ms));
        }
    }
}
