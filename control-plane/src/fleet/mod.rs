//! Environments, clusters, hosts, join tokens, enrolment, and the fleet's own keys.
//!
//! An **environment** (dev, test, prod…) is one entity for the whole product; other rooms refer to it by name. A
//! **cluster** groups hosts. A **host** is a machine that an agent runs on; it is made by enrolment only. A **join
//! token** is the right to enrol one host or several, and says what they get (cluster, environment, labels). An
//! **instance** is what a cloud says of a machine; it is imported, or told by the machine's own agent, and linked to the
//! host that it is.
//!
//! | table | holds |
//! |---|---|
//! | `environments`, `clusters` | of each org |
//! | `hosts` | hosts; a removed one keeps its row (`deleted_at`), by which its certificate is refused |
//! | `host_accounts` | accounts that people sign in to hosts with ([`account`]); their passwords are in the room `secrets` |
//! | `instances` | what clouds say of machines, and which of them is which host |
//! | `instance_claims` | which instance each host says that it is, by what its cloud tells its agent |
//! | `join_tokens` | only hashes |
//! | `join_token_uses` | which key joined as which host, so that a host whose answer was lost can ask again |
//! | `fleet_keys` | the CAs and the signing keys, sealed by the master key; how they rotate: [`rotation`] |
//! | `host_identities` | which CA speaks for each host, which roots and signing keys it believes, how its clock goes |
//!
//! A host's way: enrolled (a token's use is spent and the host made in one transaction) → admitted with each session
//! (facts kept if they changed) → renewed (a new certificate for the same host) → removed (its session ends at once,
//! its certificate is refused from then on; there is no way back but to enrol anew).
//!
//! Who: `host:*`, `cluster:*`, `environment:*`, `joinToken:*`; instances are imported and forgotten by whoever may write
//! all hosts, and seen by whoever may see all hosts, or the host that they are. What a host is allowed it is allowed by its
//! certificate: it never has a caller of its own but for audit rows.
//!
//! Fails how: a bad, spent, expired or withdrawn token is refused alike and audited; when the database does not
//! answer, joins are asked to come back, sessions end and agents try again.
//!
//! Invariants
//! - Every query carries the org; a host's certificate must name the org that its row has.
//! - A token is spent if and only if its host was made, and once for each host: whoever asks again with the same token
//!   and key, before it was ever seen, is the same host.
//! - Private keys leave neither the process nor, unsealed, the memory.

mod account;
mod api;
mod change;
mod cluster;
mod enrolment;
mod environment;
mod environment_apply;
mod error;
mod facts;
mod host;
mod host_list;
mod instance;
mod instance_cloud;
mod instance_edit;
mod instance_import;
mod instance_layers;
mod join_token;
mod key_store;
mod key_use;
mod labels;
mod place;
pub mod rotation;
mod store;
#[cfg(test)]
mod tests;

pub use self::{
    api::router,
    cluster::{Cluster, cluster_exists, cluster_names},
    environment::{Environment, EnvironmentType, find_environment, list_environments},
    environment_apply::{EnvironmentApplied, EnvironmentDocument, apply_environment, environment_known},
    error::FleetError,
    host::{Host, find_host, find_host_for, seal_key},
    host_list::{HostSelector, find_hosts, hosts_in_reach, select_hosts},
    key_store::{FleetKeys, SHELVES},
    labels::Labels,
    place::{HostPlace, host_places, silence_ms},
};
pub(crate) use self::{
    change::Change,
    enrolment::{
        admit, enrol, is_to_be_told, left, note_facts, note_keys_taken, note_seal_key, note_takeover, renew,
        to_upgrade,
    },
    environment::seed_environments,
    facts::short,
    host::{removed_hosts, removed_since},
    instance_cloud::note_cloud,
    key_store::{load as load_keys, look as look_for_keys, watch as watch_keys},
};

/// Hosts whose clocks were ahead or behind by more than `ms` when they connected last, the worst first: name, and by how
/// much it was ahead.
pub async fn skewed_hosts(
    db: &crate::db::Db,
    ms: i64,
    limit: i64,
) -> Result<Vec<(String, i64)>, crate::db::DbError> {
    store::host_identity::list_skewed(db, ms, limit).await
}

/// What this room does by schedule.
pub fn jobs() -> Vec<crate::schedule::Job> {
    vec![crate::schedule::Job {
        name: "fleet.key-rotation",
        every_ms: muster_base::UnixMs::MINUTE,
        run: rotation::progress,
    }]
}

#[cfg(test)]
pub(crate) use self::host::delete as remove_host_for_tests;

/// A host that said what time it is.
#[cfg(test)]
pub(crate) async fn add_skewed_host_for_tests(
    app: &crate::app::App,
    org: muster_base::OrgId,
    name: &str,
    ahead_ms: i64,
) {
    let (host, facts) = (app.clock.new_id(), facts::Facts::default());
    let add = async || -> Result<(), crate::db::DbError> {
        crate::in_tx!(app.db, |tx| {
            let new = store::host::NewHost {
                id: host,
                org,
                name,
                cluster: None,
                environment: None,
                labels: "{}",
                facts: &facts,
                seal_public_key: &[0; 32],
                certificate_expires_at: app.clock.now(),
                now: app.clock.now(),
            };
            store::host::insert(tx, &new).await?;
            store::host_identity::set_ca(tx, host, uuid::Uuid::nil()).await?;
            store::host_identity::set_clock(tx, host, ahead_ms).await?;
        });
        Ok(())
    };
    add().await.unwrap();
}

/// Join tokens for the door's tests.
#[cfg(test)]
pub(crate) mod join_tokens_for_tests {
    use muster_base::JoinTokenId;

    pub(crate) use super::join_token::{create, withdraw};
    use crate::{access::Caller, app::App, http::page::PageQuery};

    pub(crate) async fn uses_left(app: &App, caller: &Caller, id: JoinTokenId) -> Option<i64> {
        let page = super::join_token::list(app, caller, &PageQuery::default())
            .await
            .unwrap();
        page.items
            .iter()
            .find(|token| token.id == id)
            .map(|token| token.uses_left)
    }
}
