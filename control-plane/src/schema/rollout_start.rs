//! Sending a release over many of its servers: which, in which waves, from when. How it goes on from there stands in
//! [`super::rolling`].

use muster_base::{ReleaseId, ReleaseRolloutId, ServerId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Release, SchemaError, ServerSql,
    error::field_error,
    execute::check,
    release, release_seal,
    rollout::{may_begin, windows, word},
    store, waves,
};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    db::DbError,
    delivery::Share,
    error::FieldError,
    flaw::Flaw,
    in_tx,
};

const MOST_WAVES: usize = 20;
/// As many as a release is for.
const MOST_SERVERS: usize = 100;

/// How a release is to go over its servers.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewReleaseRollout {
    /// Ids or labels of servers that the release is approved for, in the order that they come in; all of them if left out.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub servers: Vec<String>,
    /// How many servers each wave has, in numbers or as parts of all; the rest comes in a last one. One, then the rest, if
    /// left out.
    #[serde(default = "one_first")]
    #[schema(required = false, max_items = 20)]
    pub waves: Vec<Share>,
    /// Whether somebody must say "continue" after the first wave.
    #[serde(default)]
    pub pause_after_first: bool,
    /// Run and roll back (PostgreSQL), or only have the servers read it (MySQL).
    #[serde(default)]
    pub dry_run: bool,
    /// Not before this time; now if left out.
    pub not_before: Option<UnixMs>,
    /// Why its waves begin although no maintenance window may be open: takes `window:override`, unless the environment's
    /// policy lets everybody. Not with a `notBefore` that is to come.
    #[schema(min_length = 1, max_length = 500)]
    pub override_reason: Option<String>,
}

fn one_first() -> Vec<Share> {
    vec![Share::Hosts(1)]
}

/// A rollout that was begun.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RollingOut {
    /// Its id.
    pub rollout_id: ReleaseRolloutId,
}

/// Begins a rollout: it is recorded, and its first wave begins a moment later.
pub(super) async fn create(
    app: &App,
    caller: &Caller,
    id: ReleaseId,
    request: NewReleaseRollout,
) -> Result<RollingOut, SchemaError> {
    caller.require(Operation::ReleaseExecute)?;
    let now = app.clock.now();
    let release = release::find(app, caller, id).await?;
    let approved = store::ticket::list_servers(&app.db, release.ticket_id).await?;
    let (chosen, mut wrong) = chosen(&approved, &request.servers);
    wrong.extend(wave_faults(&request.waves));
    wrong.extend(check(request.override_reason.as_deref(), request.not_before, now));
    if !wrong.is_empty() {
        return Err(SchemaError::Invalid(wrong));
    }
    let reason = request.override_reason.as_deref().map(str::trim);
    may_begin(
        caller,
        windows(app, caller, &release).await?.as_ref(),
        (now, request.not_before, reason),
    )?;
    release_seal::require(app, (caller.org(), release.id)).await?;
    let waves = waves::waves(&request.waves, chosen.len());
    let servers: Vec<(ServerId, i64)> = chosen.iter().map(|server| server.server).zip(waves).collect();
    let sizes = serde_json::to_string(&request.waves).map_err(|error| DbError::Corrupt(error.to_string()))?;
    let (person, name) = (caller.actor.person(), caller.actor.name());
    let row = store::rollout::NewRollout {
        id: app.clock.new_id(),
        org: caller.org(),
        release: release.id,
        dry_run: request.dry_run,
        sizes: &sizes,
        pause_after_first: request.pause_after_first,
        not_before: request.not_before,
        override_reason: reason,
        by: word(caller, &person, &name),
        at: now,
        servers: &servers,
    };
    let detail = said(&release, &chosen, &row);
    let write = async || -> Result<(), SchemaError> {
        in_tx!(app.db, |tx| {
            store::rollout::insert(tx, &row).await?;
            // Asked after the rows are there: from then on nobody removes them.
            let removed = store::rollout::list_removed(tx, row.id).await?;
            if !removed.is_empty() {
                let gone = |label: String| field_error("servers", format!("the server {label} was removed"));
                return Err(SchemaError::Invalid(removed.into_iter().map(gone).collect()));
            }
            let entry = Entry::done(Operation::ReleaseExecute, "rollout", row.id).detail(detail);
            audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        });
        Ok(())
    };
    write().await.map_err(|error| match error {
        SchemaError::Db(db) if is_live(&db) => SchemaError::AlreadyRolling,
        other => other,
    })?;
    Ok(RollingOut { rollout_id: row.id })
}

/// What was asked for, for the audit.
fn said(release: &Release, chosen: &[&ServerSql], row: &store::rollout::NewRollout<'_>) -> String {
    let names: Vec<&str> = chosen.iter().map(|server| server.label.as_str()).collect();
    let waves = row.servers.last().map_or(0, |(_, wave)| wave + 1);
    let mut detail = format!(
        "release {} on {}, waves: {waves}",
        release.version,
        names.join(", ")
    );
    if row.dry_run {
        detail.push_str(", dry run");
    }
    if let Some(time) = row.not_before {
        detail.push_str(", not before ");
        detail.push_str(&time.to_string());
    }
    if let Some(reason) = row.override_reason {
        detail.push_str(", whatever the maintenance windows say: ");
        detail.push_str(reason);
    }
    detail
}

fn is_live(error: &DbError) -> bool {
    error.violates_index("release_rollouts_live", "release_rollouts", &["release_id"])
}

/// The servers that are named, each once, or all; with what is wrong.
fn chosen<'a>(approved: &'a [ServerSql], named: &[String]) -> (Vec<&'a ServerSql>, Vec<FieldError>) {
    if named.is_empty() {
        return (approved.iter().collect(), Vec::new());
    }
    if named.len() > MOST_SERVERS {
        let wrong = FieldError::new("servers", Flaw::TooMany(MOST_SERVERS));
        return (Vec::new(), vec![wrong]);
    }
    let mut chosen: Vec<&ServerSql> = Vec::new();
    let mut wrong = Vec::new();
    for (nth, name) in named.iter().enumerate() {
        let is_it = |server: &&ServerSql| server.label == *name || server.server.to_string() == *name;
        match approved.iter().find(is_it) {
            Some(server) if chosen.iter().any(|other| other.server == server.server) => {}
            Some(server) => chosen.push(server),
            None => wrong.push(field_error(
                format!("servers[{nth}]"),
                "the release is not approved for this server",
            )),
        }
    }
    (chosen, wrong)
}

fn wave_faults(waves: &[Share]) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    if waves.len() > MOST_WAVES {
        wrong.push(FieldError::new("waves", Flaw::TooMany(MOST_WAVES)));
    }
    for (nth, size) in waves.iter().enumerate() {
        if matches!(size, Share::Hosts(0) | Share::Percent(0)) {
            wrong.push(FieldError::new(format!("waves[{nth}]"), Flaw::AtLeast(1)));
        }
    }
    wrong
}
