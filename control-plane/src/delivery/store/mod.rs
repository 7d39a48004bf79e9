//! Rows of the delivery room.

use serde::{Serialize, de::DeserializeOwned};

use crate::db::DbError;

pub(super) mod annotation;
pub(super) mod application;
pub(super) mod claim;
pub(super) mod deployment;
pub(super) mod deployment_payload;
pub(super) mod env_var;
pub(super) mod environment;
pub(super) mod image_hub;
pub(super) mod placement;
pub(super) mod progress;
pub(super) mod registry;
pub(super) mod registry_read;
pub(super) mod rollout;
pub(super) mod token;
pub(super) mod turn;
pub(super) mod version;
pub(super) mod webhook_guard;

/// A JSON column that must be readable.
pub(super) fn from_json<T: DeserializeOwned>(text: &str, column: &str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|_| DbError::Corrupt(column.to_owned()))
}

/// For a JSON column.
pub(super) fn to_json<T: Serialize>(value: &T, column: &str) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|_| DbError::Corrupt(column.to_owned()))
}
