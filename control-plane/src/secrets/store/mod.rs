//! Rows of the secrets room.

use serde::Serialize;

pub(super) mod credential;
pub(super) mod group;
pub(super) mod provider;
pub(super) mod secret;
pub(super) mod sync;
pub(super) mod value;

/// Ids as the JSON array that [`crate::db::Db::id_among`] takes.
fn id_list<T: Serialize>(ids: &[T]) -> String {
    serde_json::to_string(ids).unwrap_or_else(|_| "[]".to_owned())
}
