//! Secrets: what applications and other rooms need to know and nobody may read in passing.
//!
//! A **group** holds **secrets**; a secret has versions, the newest of which counts, and is referred to elsewhere as
//! `@secret:<id>`. **Credentials** are the single passwords and tokens that belong to things of other rooms
//! (a registry, a database server); they are kept here so that one place seals. [`SHELVES`] tells the keys room what
//! to seal anew after a rotation of the master key.
//!
//! Tables: `secret_groups`, `secrets`, `secret_versions`, `credentials`.
//!
//! Who: `secret:read` lists names and versions; `secret:write` makes, changes and deletes; `secret:reveal` shows a
//! value, one at a time, and leaves an audit row each time.
//!
//! What fails: deleting a secret that an env var refers to, or a group that holds secrets (409); a sealed value that
//! was moved, changed or sealed with a key that is not here (logged as an internal error, never half-opened); a
//! secret that is gone or stale when an order needs it (the order is not sent).
//!
//! Invariants
//! - Values are AES-256-GCM sealed with the row's identity as associated data; only [`seal`] names the cipher.
//! - No list, no audit row, no log line and no error holds a value.
//! - Every query carries the org.
//! - Versions are only ever added; a rollback is a new version with an old value.

mod api;
mod credential;
mod error;
mod group;
pub mod seal;
mod secret;
mod store;
#[cfg(test)]
mod tests;
mod value;

use crate::keys::{Purpose, Shelf, ShelfKind};

/// Where this room keeps sealed values.
pub const SHELVES: &[Shelf] = &[
    Shelf {
        table: "secret_versions",
        column: "value",
        purpose: Purpose::Secrets,
        org: Some("org_id"),
        kind: ShelfKind::Always("secret"),
        id: "secret_id",
        version: Some("version"),
    },
    Shelf {
        table: "credentials",
        column: "value",
        purpose: Purpose::Secrets,
        org: Some("org_id"),
        kind: ShelfKind::Column("kind", CredentialKind::WORDS),
        id: "owner_id",
        version: None,
    },
];

pub use self::{
    api::router,
    credential::{CredentialKind, delete_credential, find_credential, put_credential},
    error::SecretsError,
    group::{NewSecretGroup, SecretGroup, SecretGroupPatch, group_exists, list_of_group},
    secret::{NewSecret, RevealedSecret, Secret, SecretPatch, SecretVersion, find},
    value::{SecretReference, resolve},
};
