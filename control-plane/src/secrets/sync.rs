//! Syncs: making a group hold what its provider holds.
//!
//! A group that is due is leased for a minute by whoever serves, so that no two sync it at once; a run's row is there
//! from its beginning, and a run that died is ended by the next one. What the provider answers is applied in one
//! transaction or not at all:
//!
//! | at the provider | here |
//! |---|---|
//! | new | a secret, `synced` |
//! | another value | a new version |
//! | another name of the same secret | the new name |
//! | there, and can't be one here (too long, no name) | what is here stays as it is, and the run says so |
//! | gone, and nothing refers to it | deleted |
//! | gone, and a variable refers to it | kept and `stale`: deployments that need it stop until it is back |
//! | everything gone | nothing is removed, the run fails: a wrong path looks the same; `allowEmpty` removes |
//!
//! A run that fails is tried again after twice the interval, then four times and so on up to six hours, because a
//! provider locks out who keeps knocking with a wrong secret; one that was asked too often after what it asks for.

use std::{collections::BTreeMap, fmt, time::Duration};

use muster_base::{SecretGroupId, SecretProviderId, SecretSyncId, UnixMs};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use utoipa::ToSchema;

use super::{
    SecretsError, apply,
    group::{self, SecretGroup},
    infisical::{ProviderFault, Remote},
    provider::{self, SecretProvider},
    store,
    sync_plan::Untaken,
};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    http::page::{Cursor, Page, PageQuery},
    in_tx, outbound,
};

const LOOK_EVERY: Duration = Duration::from_secs(15);
const LEASE_MS: i64 = UnixMs::MINUTE;
/// Signing in, listing, and listing by the older way.
const PATIENCE: Duration = Duration::from_secs(26);
const AT_ONCE: i64 = 4;
const LONGEST_BACK_OFF_MS: i64 = 6 * UnixMs::HOUR;
const KEPT_MS: i64 = 90 * UnixMs::DAY;
/// Secrets of one group that come by sync.
const MOST: usize = 1_000;

pub(super) type Remotes = BTreeMap<String, Remote>;

/// The room's memory. What matters is in the tables.
pub struct SecretSync {
    http: Option<reqwest::Client>,
    pub(super) wake: Notify,
}

impl Default for SecretSync {
    fn default() -> Self {
        Self {
            http: outbound::client(),
            wake: Notify::new(),
        }
    }
}

impl SecretSync {
    pub(super) fn http(&self) -> Result<&reqwest::Client, ProviderFault> {
        self.http.as_ref().ok_or(ProviderFault::NoTls)
    }
}

impl fmt::Debug for SecretSync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretSync").finish_non_exhaustive()
    }
}

/// One run of a sync.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretSyncRun {
    /// Id.
    pub id: SecretSyncId,
    /// The group.
    pub group_id: SecretGroupId,
    /// The provider.
    pub provider_id: SecretProviderId,
    /// `schedule` or `manual`.
    pub trigger_type: String,
    /// Who asked for it.
    pub created_by: String,
    /// When it began.
    pub started_at: UnixMs,
    /// When it ended.
    pub ended_at: Option<UnixMs>,
    /// `running`, `success` or `failure`.
    pub status: String,
    /// What it did.
    #[serde(flatten)]
    pub counts: SyncCounts,
    /// What could not be taken, and why.
    pub left_out: Vec<LeftOut>,
    /// Why it failed.
    pub error: Option<String>,
}

/// How many secrets a sync did what with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncCounts {
    /// New here.
    pub added: u32,
    /// Have another value.
    pub changed: u32,
    /// Have another name.
    pub renamed: u32,
    /// Were stale and are back at the provider.
    pub restored: u32,
    /// Are gone at the provider, and here.
    pub removed: u32,
    /// Are gone at the provider and kept here, because something refers to them.
    pub stale: u32,
    /// As they were.
    pub unchanged: u32,
}

/// A secret of the provider that can't be one here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeftOut {
    /// Its name there.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// How a sync by hand is to be.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SyncNow {
    /// Whether the provider may have nothing there, which removes everything here.
    #[serde(default)]
    pub allow_empty: bool,
}

/// Starts the loop that syncs by schedule.
pub fn start(app: &App) {
    app.tasks.keep("secrets.sync", run(app.clone()));
}

async fn run(app: App) {
    let stopping = app.tasks.stopping();
    while !stopping.is_cancelled() {
        tokio::select! {
            looked = sync_due(&app) => if let Err(error) = looked {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "it can't be told which groups of secrets are due; trying again"
                );
            },
            () = stopping.cancelled() => break,
        }
        tokio::select! {
            () = app.secret_sync.wake.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stopping.cancelled() => {}
        }
    }
}

/// Syncs every group that is due.
pub(super) async fn sync_due(app: &App) -> Result<(), SecretsError> {
    loop {
        let now = app.clock.now();
        let claimed = in_tx!(app.db, |tx| {
            store::sync::claim_due(tx, now, now.plus_ms(LEASE_MS), AT_ONCE).await?
        });
        if claimed.is_empty() {
            return Ok(());
        }
        let runs = claimed.into_iter().map(|(org, id)| async move {
            let caller = Caller::system("secrets.sync", org);
            if let Err(error) = run_claimed(app, &caller, id, "schedule", false).await {
                tracing::warn!(
                    secret.group.id = %id,
                    error = &error as &dyn std::error::Error,
                    "a group of secrets was not synced"
                );
            }
        });
        futures_util::future::join_all(runs).await;
    }
}

/// Syncs a group now. A client that goes away leaves the run to its end.
pub(super) async fn sync_now(
    app: &App,
    caller: &Caller,
    id: SecretGroupId,
    wanted: SyncNow,
) -> Result<SecretSyncRun, SecretsError> {
    let group = group::find_for(app, caller, Operation::SecretWrite, id).await?;
    if group.provider_id.is_none() {
        return Err(SecretsError::NotSynced);
    }
    let now = app.clock.now();
    let mine = in_tx!(app.db, |tx| {
        store::sync::claim(tx, caller.org(), id, now, now.plus_ms(LEASE_MS)).await?
    });
    if !mine {
        return Err(SecretsError::SyncUnderWay);
    }
    let (done, end) = tokio::sync::oneshot::channel();
    let task = {
        let (app, caller) = (app.clone(), caller.clone());
        async move {
            let run = run_claimed(&app, &caller, id, "manual", wanted.allow_empty).await;
            // Nobody may be waiting any more.
            drop(done.send(run));
        }
    };
    app.tasks.spawn("secrets.sync.now", task);
    end.await.map_err(|_| SecretsError::SyncUnderWay)?
}

pub(super) async fn list(
    app: &App,
    caller: &Caller,
    id: SecretGroupId,
    query: &PageQuery,
) -> Result<Page<SecretSyncRun>, SecretsError> {
    group::get(app, caller, id).await?;
    let before = query.cursor::<SecretSyncId>()?;
    let rows = store::sync::list(&app.db, caller.org(), id, before, query.fetch()).await?;
    Ok(query.page(rows, |row| Cursor::of(&row.id)))
}

/// A run of a group that was claimed, from its row to its end.
async fn run_claimed(
    app: &App,
    caller: &Caller,
    id: SecretGroupId,
    trigger: &'static str,
    allow_empty: bool,
) -> Result<SecretSyncRun, SecretsError> {
    let org = caller.org();
    let group = store::group::find(&app.db, org, id)
        .await?
        .ok_or(SecretsError::NoGroup)?;
    let provider_id = group.provider_id.ok_or(SecretsError::NotSynced)?;
    let provider = provider::find(app, org, provider_id).await?;
    let run = SecretSyncRun {
        id: app.clock.new_id(),
        group_id: id,
        provider_id,
        trigger_type: trigger.to_owned(),
        created_by: caller.actor.name(),
        started_at: app.clock.now(),
        ended_at: None,
        status: "running".to_owned(),
        counts: SyncCounts::default(),
        left_out: Vec::new(),
        error: None,
    };
    in_tx!(app.db, |tx| {
        store::sync::end_interrupted(tx, org, id, run.started_at).await?;
        store::sync::delete_before(tx, org, id, run.started_at.plus_ms(-KEPT_MS)).await?;
        store::sync::insert(tx, org, &run).await?;
    });
    let fetched = match tokio::time::timeout(PATIENCE, provider::fetch(app, org, &provider)).await {
        Ok(fetched) => fetched,
        Err(_) => Err(ProviderFault::Unreachable(provider.url.to_string()).into()),
    };
    let applied = match fetched.and_then(|found| check(found, allow_empty || group.secret_count == 0)) {
        Ok((found, left_out)) => apply::apply(app, caller, &run, found, left_out).await,
        Err(error) => Err(error),
    };
    match applied {
        Ok(done) => Ok(done),
        Err(error) => fail(app, caller, &group, &provider, run, error).await,
    }
}

/// What can be a secret here, and what can't.
fn check(found: Remotes, may_be_empty: bool) -> Result<(Remotes, (Vec<LeftOut>, Untaken)), SecretsError> {
    let (mut fit, mut left_out, mut untaken) = (Remotes::new(), Vec::new(), Untaken::default());
    for (name, remote) in found {
        let reason = super::secret::check_name(&name)
            .and_then(|()| super::value::check_synced(&remote.value))
            .err();
        match reason {
            None => {
                fit.insert(name, remote);
            }
            Some(error) => {
                left_out.push(LeftOut {
                    name: name.chars().filter(|c| !c.is_control()).take(128).collect(),
                    reason: error.to_string(),
                });
                untaken.references.insert(remote.reference);
                untaken.names.insert(name);
            }
        }
    }
    // If nothing can be taken, nothing that was taken before is removed.
    if fit.is_empty() && !may_be_empty {
        return Err(match left_out.into_iter().next() {
            None => SecretsError::NothingThere,
            Some(LeftOut { name, reason }) => SecretsError::NothingTaken {
                count: untaken.names.len(),
                name,
                reason,
            },
        });
    }
    if fit.len() > MOST {
        return Err(SecretsError::TooMany(MOST));
    }
    left_out.truncate(100);
    Ok((fit, (left_out, untaken)))
}

/// Ends a run that did nothing.
async fn fail(
    app: &App,
    caller: &Caller,
    group: &SecretGroup,
    provider: &SecretProvider,
    mut run: SecretSyncRun,
    error: SecretsError,
) -> Result<SecretSyncRun, SecretsError> {
    let org = caller.org();
    let now = app.clock.now();
    let pause = match &error {
        SecretsError::Provider(ProviderFault::RateLimited(pause)) => i64::try_from(pause.as_millis()).ok(),
        _ => None,
    };
    "failure".clone_into(&mut run.status);
    run.ended_at = Some(now);
    run.error = Some(error.for_record());
    in_tx!(app.db, |tx| {
        let failures = store::sync::count_failure(tx, org, group.id).await?;
        let next = now.plus_ms(pause.unwrap_or_else(|| back_off_ms(provider.interval_s, failures)));
        store::sync::release(tx, org, group.id, next).await?;
        store::sync::finish(tx, org, &run).await?;
        store::provider::set_last_sync(tx, org, provider.id, now, &run.status).await?;
        let entry = Entry::failed(Operation::SecretWrite, "secretGroup", group.id)
            .detail(format!("sync: {}", run.error.as_deref().unwrap_or_default()));
        // A schedule that fails again and again would fill the log with one sentence; its runs are listed anyhow.
        if run.trigger_type == "manual" || failures == 1 {
            audit::record(app, tx, caller, Some(org), entry).await?;
        }
    });
    Ok(run)
}

fn back_off_ms(interval_s: u32, failures: i64) -> i64 {
    let doublings = u32::try_from(failures.clamp(0, 16)).unwrap_or(16);
    let interval_ms = i64::from(interval_s) * UnixMs::SECOND;
    interval_ms
        .saturating_mul(1 << doublings)
        .min(LONGEST_BACK_OFF_MS.max(interval_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_make_a_schedule_patient_but_never_for_ever() {
        assert_eq!(back_off_ms(300, 1), 600_000);
        assert_eq!(back_off_ms(300, 2), 1_200_000);
        assert_eq!(back_off_ms(300, 60), 6 * UnixMs::HOUR);
        assert_eq!(back_off_ms(86_400, 9), UnixMs::DAY);
    }
}
