//! Rows of the alerts room.

use serde::{Serialize, de::DeserializeOwned};

use crate::db::DbError;

pub(super) mod alert;
pub(super) mod annotation;
pub(super) mod receiver;
pub(super) mod rule;
pub(super) mod silence;

/// A JSON column that must be readable.
fn from_json<T: DeserializeOwned>(text: &str, column: &str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|_| DbError::Corrupt(column.to_owned()))
}

/// For a JSON column.
fn to_json<T: Serialize>(value: &T, column: &str) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|_| DbError::Corrupt(column.to_owned()))
}
