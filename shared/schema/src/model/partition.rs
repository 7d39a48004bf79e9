//! How a table is cut into partitions, and what a partition holds.

use serde::{Deserialize, Serialize};

use super::{Expression, IndexPart, Name};

/// `partition by …`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionBy {
    /// By what kind of rule.
    pub strategy: Strategy,
    /// Over what.
    pub parts: Vec<IndexPart>,
    /// MySQL's partitions, which are no tables: definitions in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<Expression>,
}

/// The rule by which rows are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// From here to there.
    Range,
    /// These values.
    List,
    /// A remainder.
    Hash,
    /// MySQL's own hash of a key.
    Key,
    /// MySQL's `range columns`.
    RangeColumns,
    /// MySQL's `list columns`.
    ListColumns,
    /// MySQL's `linear hash`.
    LinearHash,
    /// MySQL's `linear key`.
    LinearKey,
}

/// PostgreSQL: this table is a partition of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionOf {
    /// The table that it is part of.
    pub parent: Name,
    /// Which rows it holds.
    pub bounds: Bounds,
}

/// Which rows a partition holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bounds {
    /// What no other holds.
    Default,
    /// `in (…)`.
    In(Vec<Expression>),
    /// `from (…) to (…)`; `minvalue` and `maxvalue` are expressions here.
    Range(Vec<Expression>, Vec<Expression>),
    /// `with (modulus …, remainder …)`.
    Hash(u32, u32),
}
