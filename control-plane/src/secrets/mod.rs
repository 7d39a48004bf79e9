//! Secrets: what applications and other rooms need to know and nobody may read in passing.
//!
//! A **group** holds **secrets**; a secret has versions, the newest of which counts, and is referred to elsewhere as
//! `@secret:<id>`. **Credentials** are the single passwords and tokens that belong to things of other rooms
//! (a registry, a database server); they are kept here so that one place seals. [`SHELVES`] tells the keys room what
//! to seal anew after a rotation of the master key.
//!
//! A **provider** is where a group's secrets come from ([`sync`]): the group then holds what the provider has and nothing
//! else, and its secrets are read-only here. A secret that vanished there while a variable refers to it is **stale**, and
//! stops the deployments that need it.
//!
//! Tables: `secret_groups`, `secrets`, `secret_versions`, `secret_providers`, `secret_syncs`, `credentials`.
//!
//! Who: `secret:read` lists names, versions, providers and syncs; `secret:write` makes, changes, deletes and syncs (in
//! every group: makes groups and providers, and chooses a group's provider); `secret:reveal` shows a value, one at a
//! time, and leaves an audit row each time.
//!
//! What fails: deleting a secret that an env var refers to, a group that holds secrets, or a provider that groups are
//! synced from (409); a provider that can't be reached, refuses or answers something else (the run's row says so, and
//! nothing is changed); a sealed value that was moved, changed or sealed with a key that is not here (logged as an
//! internal error, never half-opened); a secret that is gone or stale when an order needs it (the order is not sent).
//!
//! Invariants
//! - Values are AES-256-GCM sealed with the row's identity as associated data; only [`seal`] names the cipher. Nobody who
//!   can write to the tables can have a value opened in another place than its own. (They can have an older version of
//!   the same secret count again, or a variable refer to another secret of its org: that is not sealed but audited.)
//! - No list, no audit row, no log line and no error holds a value.
//! - Every query carries the org; the schedule's own look-ups take the org from the row.
//! - Versions are only ever added; a rollback is a new version with an old value.
//! - A sync is applied in one transaction or not at all.

mod api;
mod apply;
mod credential;
mod error;
mod group;
mod infisical;
mod provider;
mod provider_url;
pub mod seal;
mod secret;
mod store;
mod sync;
mod sync_plan;
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
    credential::{CredentialKind, delete_credential, delete_credentials, find_credential, put_credential},
    error::SecretsError,
    group::{NewSecretGroup, SecretGroup, SecretGroupPatch, group_exists, list_of_group},
    infisical::ProviderFault,
    provider::{SecretProvider, SecretProviderPatch},
    provider_url::{ProviderUrl, ProviderUrlError},
    secret::{NewSecret, RevealedSecret, Secret, SecretPatch, SecretVersion, find, find_many, get},
    sync::{SecretSync, SecretSyncRun, start},
    value::{SecretReference, resolve},
};
