//! What a sync found, put into the tables: all of it in one transaction.

use muster_base::{SecretId, SecretString};

use super::{
    SecretsError,
    secret::{Secret, SecretVersion},
    store,
    sync::{LeftOut, Remotes, SecretSyncRun, SyncCounts},
    sync_plan::{Change, Local, Untaken, plan},
    value,
};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    db::Tx,
    delivery, in_tx,
};

/// Names in an audit row.
const NAMED: usize = 20;

/// Makes the group hold `found`, and ends the run.
pub(super) async fn apply(
    app: &App,
    caller: &Caller,
    run: &SecretSyncRun,
    found: Remotes,
    (left_out, untaken): (Vec<LeftOut>, Untaken),
) -> Result<SecretSyncRun, SecretsError> {
    let org = caller.org();
    let mut done = run.clone();
    done.left_out = left_out;
    let mut names = Vec::new();
    in_tx!(app.db, |tx| {
        let group = store::group::lock(tx, &app.db, org, run.group_id)
            .await?
            .ok_or(SecretsError::NoGroup)?;
        if group.provider_id != Some(run.provider_id) {
            return Err(SecretsError::NotSynced);
        }
        let rows = store::sync::list_sealed(tx, org, run.group_id).await?;
        let plan = plan(
            rows.into_iter().map(|row| local(app, caller, row)).collect(),
            found,
            &untaken,
        );
        done.counts = SyncCounts {
            unchanged: count(plan.unchanged),
            ..SyncCounts::default()
        };
        let gone: Vec<String> = drop_gone(caller, tx, &plan.gone, &mut done.counts).await?;
        names.extend(gone);
        for change in &plan.changed {
            names.push(change.name.clone());
            write_change(app, caller, tx, run, change, &mut done.counts).await?;
        }
        for (name, remote) in &plan.added {
            names.push(name.clone());
            add(app, caller, tx, run, name, &remote.reference, &remote.value).await?;
            done.counts.added += 1;
        }
        finish(app, caller, tx, &mut done, &names).await?;
    });
    Ok(done)
}

/// The run's end, the group's next one, and what the log keeps of it.
async fn finish(
    app: &App,
    caller: &Caller,
    tx: &mut Tx,
    done: &mut SecretSyncRun,
    names: &[String],
) -> Result<(), SecretsError> {
    let (org, now) = (caller.org(), app.clock.now());
    "success".clone_into(&mut done.status);
    done.ended_at = Some(now);
    let interval_ms = store::provider::interval_ms(tx, org, done.provider_id).await?;
    store::sync::release(tx, org, done.group_id, now.plus_ms(interval_ms)).await?;
    store::sync::forgive(tx, org, done.group_id).await?;
    store::sync::finish(tx, org, done).await?;
    store::provider::set_last_sync(tx, org, done.provider_id, now, &done.status).await?;
    if names.is_empty() && done.trigger_type == "schedule" {
        return Ok(());
    }
    let more = names.len().saturating_sub(NAMED);
    let mut listed = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 {
        listed = format!("{listed} and {more} more");
    }
    let c = done.counts;
    let detail = format!(
        "sync: {} added, {} changed, {} renamed, {} restored, {} removed, {} stale: {listed}",
        c.added, c.changed, c.renamed, c.restored, c.removed, c.stale
    );
    let entry = Entry::done(Operation::SecretWrite, "secretGroup", done.group_id)
        .detail(detail)
        .after(&done);
    audit::record(app, tx, caller, Some(org), entry).await?;
    Ok(())
}

fn local(app: &App, caller: &Caller, row: store::sync::SealedSecret) -> Local {
    let place = value::place(caller.org(), row.id, row.version);
    Local {
        id: row.id,
        name: row.name,
        reference: row.provider_reference,
        stale: row.stale,
        version: row.version,
        value: value::open(app, &place, &row.value).ok(),
    }
}

/// Deletes what nothing refers to and marks the rest; names of what was not stale before.
async fn drop_gone(
    caller: &Caller,
    tx: &mut Tx,
    gone: &[SecretId],
    counts: &mut SyncCounts,
) -> Result<Vec<String>, SecretsError> {
    if gone.is_empty() {
        return Ok(Vec::new());
    }
    let org = caller.org();
    let referred = delivery::secrets_referred_to(tx, org, gone).await?;
    let (kept, free): (Vec<SecretId>, Vec<SecretId>) = gone.iter().partition(|id| referred.contains(id));
    let mut names = store::sync::mark_stale(tx, org, &kept).await?;
    counts.stale = count(kept.len());
    names.extend(store::sync::delete_many(tx, org, &free).await?);
    counts.removed = count(free.len());
    Ok(names)
}

async fn write_change(
    app: &App,
    caller: &Caller,
    tx: &mut Tx,
    run: &SecretSyncRun,
    change: &Change,
    counts: &mut SyncCounts,
) -> Result<(), SecretsError> {
    let (org, now) = (caller.org(), app.clock.now());
    let mut version = change.version;
    if let Some(new) = &change.value {
        version += 1;
        let sealed = value::seal(app, &value::place(org, change.id, version), new)?;
        let row = SecretVersion {
            version,
            created_by: run.created_by.clone(),
            created_at: now,
        };
        store::value::insert(tx, org, change.id, &row, &sealed).await?;
        counts.changed += 1;
    }
    counts.renamed += u32::from(change.renamed);
    counts.restored += u32::from(change.restored);
    store::sync::update_secret(tx, org, run.provider_id, change, (version, now)).await?;
    Ok(())
}

async fn add(
    app: &App,
    caller: &Caller,
    tx: &mut Tx,
    run: &SecretSyncRun,
    name: &str,
    reference: &str,
    value: &SecretString,
) -> Result<(), SecretsError> {
    let (org, now) = (caller.org(), app.clock.now());
    let secret = Secret {
        id: app.clock.new_id(),
        group_id: run.group_id,
        name: name.to_owned(),
        description: String::new(),
        source: "synced".to_owned(),
        provider_id: Some(run.provider_id),
        provider_reference: Some(reference.to_owned()),
        stale: false,
        version: 1,
        created_by: run.created_by.clone(),
        created_at: now,
        updated_at: now,
    };
    let sealed = value::seal(app, &value::place(org, secret.id, 1), value)?;
    store::secret::insert(tx, org, &secret).await?;
    let row = SecretVersion {
        version: 1,
        created_by: run.created_by.clone(),
        created_at: now,
    };
    store::value::insert(tx, org, secret.id, &row, &sealed).await?;
    Ok(())
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
