//! Takes rollouts of releases from wave to wave.
//!
//! It takes no input but the tables: each look asks [`super::waves::next`] what is due of each rollout, and does it in one
//! transaction with the rollout's row locked, so that of several control planes one makes a wave's executions, and one that
//! stops or dies in the middle has lost nothing. Those executions begin as any that waits does ([`super::waiting`]): in the
//! environment's windows, one after the other on one database, judged by what holds then. What can't begin there
//! ends as a failure that says why, and halts the rollout like any other.

use muster_base::{ExecutionId, OrderId, ReleaseRolloutId};

use super::{
    ExecutionStatus, ReleaseRolloutStatus, SchemaError, ServerSql, begin,
    store::{
        self,
        rollout::{Rolling, ServerRecord},
    },
    waiting,
    waves::{self, Next},
};
use crate::{
    access::Caller,
    app::App,
    audit::{self, Entry},
    db::{DbError, Tx},
    in_tx,
    work::{self, Order},
};

const BATCH: i64 = 64;
/// Executions that one look makes of a wave; the next look makes the next ones.
const BEGUN_AT_ONCE: usize = 10;
/// An error that is kept as a halt's reason is cut to so many characters.
const MOST_ERROR: usize = 500;

/// Does everything that is due.
pub(super) async fn look(app: &App) -> Result<(), DbError> {
    let mut after = None;
    loop {
        let batch = store::rollout::list_rolling(&app.db, after, BATCH).await?;
        let ids: Vec<ReleaseRolloutId> = batch.iter().map(|rolling| rolling.id).collect();
        let mut servers = store::rollout::list_servers_of(&app.db, &ids).await?;
        for rolling in &batch {
            let servers = servers.remove(&rolling.id).unwrap_or_default();
            if let Err(error) = advance(app, rolling, &servers).await {
                tracing::warn!(
                    rollout.id = %rolling.id,
                    error = &error as &dyn std::error::Error,
                    "a rollout of a release does not go on; trying again"
                );
            }
        }
        after = batch.last().map(|rolling| rolling.id);
        if i64::try_from(batch.len()).is_ok_and(|count| count < BATCH) {
            return Ok(());
        }
    }
}

/// Takes the step that is due, if one is, of what was seen.
async fn advance(app: &App, seen: &Rolling, servers: &[ServerRecord]) -> Result<(), SchemaError> {
    let planned = next(seen, servers)?;
    let approved = match planned {
        Next::Wait => return Ok(()),
        // It never changes.
        Next::Begin(_) => store::ticket::list_servers(&app.db, seen.ticket_id).await?,
        Next::Pause | Next::Halt | Next::End => Vec::new(),
    };
    let taken_back = in_tx!(app.db, |tx| {
        let rolling = store::rollout::lock(tx, &app.db, seen.id).await?;
        let Some(rolling) = rolling else { return Ok(()) };
        let servers = store::rollout::list_servers_in(tx, rolling.id).await?;
        // Somebody else was faster.
        if rolling.status()? != ReleaseRolloutStatus::Rolling || next(&rolling, &servers)? != planned {
            return Ok(());
        }
        match planned {
            Next::Wait => Vec::new(),
            Next::Begin(wave) => {
                begin_wave(app, tx, &rolling, (wave, &servers, &approved)).await?;
                Vec::new()
            }
            Next::Pause => {
                pause(app, tx, &rolling).await?;
                Vec::new()
            }
            Next::Halt => halt(app, tx, &rolling, &servers).await?,
            Next::End => {
                end(app, tx, &rolling).await?;
                Vec::new()
            }
        }
    });
    for order in &taken_back {
        work::told(app, order);
    }
    Ok(())
}

fn next(rolling: &Rolling, servers: &[ServerRecord]) -> Result<Next, DbError> {
    let states: Result<Vec<_>, DbError> = servers.iter().map(ServerRecord::state).collect();
    let states = states?;
    Ok(match waves::next(rolling.pauses(), &states) {
        // The others of its wave are begun, and on these the release is being executed by itself.
        Next::Begin(wave) if !servers.iter().any(|server| begins(server, wave)) => Next::Wait,
        next => next,
    })
}

/// Whether it is its turn, and nothing is in the way.
fn begins(server: &ServerRecord, wave: i64) -> bool {
    server.wave == wave && server.execution_id.is_none() && server.under_way.is_none()
}

/// Makes the executions of a wave, or the next few of them, which wait for their turn. A server on which the release is being
/// executed by itself gets its own when that has ended.
async fn begin_wave(
    app: &App,
    tx: &mut Tx,
    rolling: &Rolling,
    (wave, servers, approved): (i64, &[ServerRecord], &[ServerSql]),
) -> Result<(), SchemaError> {
    let now = app.clock.now();
    let not_before = rolling.not_before.filter(|time| *time > now);
    let by = store::execution::By {
        org: rolling.org_id,
        person: &rolling.person,
        name: &rolling.name,
        key: rolling.key_id,
    };
    let mut begun = Vec::new();
    let due = servers.iter().filter(|server| begins(server, wave));
    for server in due.take(BEGUN_AT_ONCE) {
        let sql = approved.iter().find(|sql| sql.server == server.server_id);
        let id: ExecutionId = app.clock.new_id();
        let row = store::execution::NewExecution {
            id,
            release: rolling.release_id,
            server: server.server_id,
            host: server.agent_id,
            dry_run: rolling.dry_run,
            not_before,
            statements: sql.map_or(&[], |sql| &sql.statements),
            at: now,
            look_at: Some(now),
            wait_until: Some(not_before.unwrap_or(now).plus_ms(begin::WAIT_MS)),
            override_reason: None,
            hurry_reason: rolling.override_reason.as_deref(),
            wish: None,
        };
        store::execution::insert(tx, &by, &row).await?;
        store::rollout::set_execution(tx, rolling.id, server.server_id, id).await?;
        begun.push(server.label.as_str());
    }
    let detail = format!("wave {} of {}: {}", wave + 1, rolling.waves, begun.join(", "));
    let entry = Entry::done("release:wave", "rollout", rolling.id).detail(detail);
    record(app, tx, rolling, entry).await
}

async fn pause(app: &App, tx: &mut Tx, rolling: &Rolling) -> Result<(), SchemaError> {
    let status = (ReleaseRolloutStatus::Paused, None);
    store::rollout::set_status(tx, rolling.id, status, None).await?;
    let entry = Entry::done("release:paused", "rollout", rolling.id).detail("the first wave is done");
    record(app, tx, rolling, entry).await
}

/// Nothing more begins, not even what waits of the wave. Hand what is returned to [`work::told`] after the commit.
async fn halt(
    app: &App,
    tx: &mut Tx,
    rolling: &Rolling,
    servers: &[ServerRecord],
) -> Result<Vec<Order>, SchemaError> {
    const WHY: &str = "not begun: the rollout was halted; nothing was changed";
    let reason = halted_by(servers)?;
    let status = (ReleaseRolloutStatus::Halted, Some(reason.as_str()));
    store::rollout::set_status(tx, rolling.id, status, None).await?;
    store::told::set_halted(tx, rolling.id).await?;
    let taken_back = withdraw(app, tx, &system(rolling), (servers, WHY)).await?;
    let entry = Entry::failed("release:halted", "rollout", rolling.id).detail(reason);
    record(app, tx, rolling, entry).await?;
    Ok(taken_back)
}

async fn end(app: &App, tx: &mut Tx, rolling: &Rolling) -> Result<(), SchemaError> {
    let status = (ReleaseRolloutStatus::Success, None);
    store::rollout::set_status(tx, rolling.id, status, Some(app.clock.now())).await?;
    record(
        app,
        tx,
        rolling,
        Entry::done("release:ended", "rollout", rolling.id),
    )
    .await
}

/// Ends those executions that no host has got yet. Hand what is returned to [`work::told`] after the commit.
pub(super) async fn withdraw(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    (servers, why): (&[ServerRecord], &str),
) -> Result<Vec<Order>, SchemaError> {
    let pending = servers.iter().filter(|server| is_pending(server));
    let mut pending: Vec<_> = pending
        .filter_map(|server| Some((server.execution_id?, server.order_id)))
        .collect();
    // In the order in which windows that are set take orders back.
    pending.sort_unstable();
    let (mut taken_back, mut withdrawn) = (Vec::new(), Vec::new());
    for (id, order) in pending {
        let (ended, order) = withdraw_one(app, tx, (id, order), why).await?;
        taken_back.extend(order);
        if ended {
            withdrawn.push(id);
        }
    }
    // The log's rows come one after the other: nobody has to wait for an order's row meanwhile.
    for id in withdrawn {
        let entry = Entry::failed("release:ended", "execution", id).detail(why);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    }
    Ok(taken_back)
}

/// Ends an execution, seen with this order, that no host has got yet; whether it did, and its order if that was taken back.
async fn withdraw_one(
    app: &App,
    tx: &mut Tx,
    (id, seen): (ExecutionId, Option<OrderId>),
    why: &str,
) -> Result<(bool, Option<Order>), SchemaError> {
    // The order's row first, as whoever hears of the host holds them.
    let mut taken = match seen {
        Some(order) => work::take_back(app, tx, order, why).await?,
        None => None,
    };
    if taken.is_none() {
        if waiting::end(app, tx, id, (ExecutionStatus::Cancelled, why)).await? {
            return Ok((true, None));
        }
        // It waits no more: since it was read it may have left its wait, with an order that has not gone yet.
        let live = store::waiting::order_of_pending(tx, id).await?;
        if let Some(order) = live.filter(|live| seen != Some(*live)) {
            taken = work::take_back(app, tx, order, why).await?;
        }
    }
    let Some(order) = taken else {
        return Ok((false, None));
    };
    let ended = store::execution::set_status(tx, id, ExecutionStatus::Cancelled, &order).await?;
    store::execution::close_steps(tx, id).await?;
    Ok((ended, Some(order)))
}

fn is_pending(server: &ServerRecord) -> bool {
    matches!(server.run(), Ok(Some(ExecutionStatus::Pending)))
}

fn system(rolling: &Rolling) -> Caller {
    Caller::system("schema.rolling", rolling.org_id)
}

async fn record(app: &App, tx: &mut Tx, rolling: &Rolling, entry: Entry) -> Result<(), SchemaError> {
    audit::record(app, tx, &system(rolling), Some(rolling.org_id), entry).await?;
    Ok(())
}

/// What failed, for people.
fn halted_by(servers: &[ServerRecord]) -> Result<String, DbError> {
    let mut said = Vec::new();
    for server in servers {
        if !server.state()?.failed() {
            continue;
        }
        let why = match (&server.error, server.run()?) {
            (Some(error), _) => error.chars().take(MOST_ERROR).collect(),
            (None, Some(status)) => status.as_str().to_owned(),
            (None, None) => String::new(),
        };
        said.push(format!("{}: {why}", server.label));
    }
    Ok(said.join("; "))
}
