//! Sequences.

use serde::{Deserialize, Serialize};

use super::Name;

/// A sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// `smallint`, `integer` or `bigint`.
    pub data_type: String,
    /// How it counts.
    pub options: SequenceOptions,
    /// The table and column with which it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owned_by: Option<(Name, String)>,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// How a sequence counts; what isn't written is filled in by the server's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceOptions {
    /// Its first number.
    pub start: i64,
    /// From one number to the next.
    pub increment: i64,
    /// No number is below.
    pub min: i64,
    /// No number is above.
    pub max: i64,
    /// How many a session takes at a time.
    pub cache: i64,
    /// Whether it begins again at its end.
    pub cycle: bool,
}

impl SequenceOptions {
    /// What PostgreSQL fills in for a type (`smallint`, `integer`, else `bigint`).
    pub fn standard(data_type: &str) -> Self {
        Self {
            start: 1,
            increment: 1,
            min: 1,
            max: largest(data_type),
            cache: 1,
            cycle: false,
        }
    }

    /// What PostgreSQL fills in where only some options were written.
    pub fn filled(
        data_type: &str,
        increment: Option<i64>,
        (min, max): (Option<i64>, Option<i64>),
        start: Option<i64>,
    ) -> Self {
        let increment = increment.unwrap_or(1);
        let is_up = increment > 0;
        let min = min.unwrap_or(if is_up { 1 } else { -largest(data_type) - 1 });
        let max = max.unwrap_or(if is_up { largest(data_type) } else { -1 });
        Self {
            start: start.unwrap_or(if is_up { min } else { max }),
            increment,
            min,
            max,
            cache: 1,
            cycle: false,
        }
    }
}

fn largest(data_type: &str) -> i64 {
    match data_type {
        "smallint" => i64::from(i16::MAX),
        "integer" => i64::from(i32::MAX),
        _ => i64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_written_is_filled_in_as_the_server_does() {
        assert_eq!(
            SequenceOptions::filled("integer", None, (None, None), None),
            SequenceOptions::standard("integer")
        );
        let down = SequenceOptions::filled("bigint", Some(-5), (None, None), None);
        assert_eq!((down.start, down.min, down.max), (-1, i64::MIN, -1));
        let from_min = SequenceOptions::filled("smallint", None, (Some(10), None), None);
        assert_eq!((from_min.start, from_min.max), (10, 32_767));
    }
}
