//! A release on many of its servers: in which waves, how far that is, going on and calling it off. What comes next is
//! decided by [`super::waves`] and done by [`super::rolling`].

use muster_base::{ExecutionId, ReleaseId, ReleaseRolloutId, ServerId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    ExecutionStatus, MaintenanceWindows, Release, SchemaError, ServerSql,
    begin::{self, Asked},
    error::field_error,
    execute::{check, require_override},
    policy, release, rolling,
    store::{self, rollout::Word},
    waves,
};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    db::DbError,
    delivery::Share,
    error::FieldError,
    flaw::Flaw,
    http::page::{Cursor, Page, PageQuery},
    in_tx, work,
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

/// Where a rollout stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ReleaseRolloutStatus {
    /// A wave is under way, or about to be.
    Rolling,
    /// The first wave is done, and somebody has to say "continue".
    Paused,
    /// An execution did not succeed; nothing more begins until somebody says "resume".
    Halted,
    /// Every server has it.
    Success,
    /// It was called off.
    Cancelled,
}

impl ReleaseRolloutStatus {
    const ALL: [Self; 5] = [
        Self::Rolling,
        Self::Paused,
        Self::Halted,
        Self::Success,
        Self::Cancelled,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Rolling => "rolling",
            Self::Paused => "paused",
            Self::Halted => "halted",
            Self::Success => "success",
            Self::Cancelled => "cancelled",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, DbError> {
        let mut all = Self::ALL.into_iter();
        all.find(|status| status.as_str() == text)
            .ok_or_else(|| DbError::Corrupt(format!("release_rollouts.status: {text}")))
    }
}

/// A release on its way over many servers.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseRollout {
    /// Id.
    pub id: ReleaseRolloutId,
    /// The release.
    pub release_id: ReleaseId,
    /// Its version.
    pub version: String,
    /// Its environment.
    pub environment: String,
    /// Its database.
    pub database: String,
    /// Whether it only tries.
    pub dry_run: bool,
    /// How big its waves were asked to be.
    pub waves: Vec<Share>,
    /// How many waves there are.
    pub wave_count: i64,
    /// Whether somebody must say "continue" after the first wave.
    pub pause_after_first: bool,
    /// Not before this time.
    #[schema(required)]
    pub not_before: Option<UnixMs>,
    /// Why it keeps to no maintenance window; null if it does.
    #[schema(required)]
    pub override_reason: Option<String>,
    /// Where it stands.
    pub status: ReleaseRolloutStatus,
    /// Who failed and why, where it halted.
    #[schema(required)]
    pub reason: Option<String>,
    /// Who asked for it.
    pub by: String,
    /// When.
    pub created_at: UnixMs,
    /// When it ended.
    #[schema(required)]
    pub ended_at: Option<UnixMs>,
}

/// A rollout with its servers.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseRolloutDetail {
    #[serde(flatten)]
    #[schema(inline)]
    rollout: ReleaseRollout,
    /// In the order that they come in.
    pub servers: Vec<ReleaseRolloutServer>,
}

/// A server of a rollout.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseRolloutServer {
    /// The server.
    pub server: ServerId,
    /// Its label.
    pub server_label: String,
    /// Its wave, from 0.
    pub wave: i64,
    /// Its latest execution; null if none was begun: in a rollout that has ended, none will be.
    #[schema(required)]
    pub execution_id: Option<ExecutionId>,
    /// Where that stands.
    #[schema(required)]
    pub execution_status: Option<ExecutionStatus>,
    /// What went wrong.
    #[schema(required)]
    pub error: Option<String>,
    /// Another execution of the release that is under way there; the rollout's own begins when that has ended.
    #[schema(required)]
    pub under_way: Option<ExecutionId>,
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

fn word<'a>(caller: &Caller, person: &'a str, name: &'a str) -> Word<'a> {
    Word {
        person,
        name,
        key: caller.actor.key(),
    }
}

async fn windows(
    app: &App,
    caller: &Caller,
    release: &Release,
) -> Result<Option<MaintenanceWindows>, SchemaError> {
    let policy = policy::of_environment(app, caller.org(), &release.environment).await?;
    Ok(policy.windows)
}

/// Refuses now what may not even wait, as it would be for one execution. Each execution is judged again when it begins.
fn may_begin(
    caller: &Caller,
    windows: Option<&MaintenanceWindows>,
    (now, not_before, reason): (UnixMs, Option<UnixMs>, Option<&str>),
) -> Result<(), SchemaError> {
    let hurries = reason.is_some();
    begin::start(
        windows,
        Asked {
            now,
            not_before,
            hurries,
        },
    )?;
    // A window that is open now may be shut when a later wave begins.
    if hurries && windows.is_some() {
        require_override(caller, windows)?;
    }
    Ok(())
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

pub(super) async fn list(
    app: &App,
    caller: &Caller,
    id: ReleaseId,
    query: &PageQuery,
) -> Result<Page<ReleaseRollout>, SchemaError> {
    caller.require(Operation::ReleaseRead)?;
    let release = release::find(app, caller, id).await?;
    let before = query.cursor::<ReleaseRolloutId>()?;
    let of = (caller.org(), release.id);
    let rows = store::rollout::list(&app.db, of, before, query.fetch()).await?;
    Ok(query.page(rows, |rollout| Cursor::of(&rollout.id)))
}

pub(super) async fn get(
    app: &App,
    caller: &Caller,
    id: ReleaseRolloutId,
) -> Result<ReleaseRolloutDetail, SchemaError> {
    caller.require(Operation::ReleaseRead)?;
    detail(app, caller, id).await
}

async fn detail(
    app: &App,
    caller: &Caller,
    id: ReleaseRolloutId,
) -> Result<ReleaseRolloutDetail, SchemaError> {
    let (rollout, _) = find(app, caller, id).await?;
    let servers = store::rollout::list_servers(&app.db, id).await?;
    let servers: Result<Vec<_>, DbError> = servers.into_iter().map(TryInto::try_into).collect();
    Ok(ReleaseRolloutDetail {
        rollout,
        servers: servers?,
    })
}

/// Says "continue" after the first wave.
pub(super) async fn go_on_after_pause(
    app: &App,
    caller: &Caller,
    id: ReleaseRolloutId,
) -> Result<ReleaseRolloutDetail, SchemaError> {
    caller.require(Operation::ReleaseExecute)?;
    go_on(app, caller, id, (ReleaseRolloutStatus::Paused, "continue")).await
}

/// Goes on after a halt: where it did not succeed it is executed again, then come the waves that were not begun.
pub(super) async fn resume(
    app: &App,
    caller: &Caller,
    id: ReleaseRolloutId,
) -> Result<ReleaseRolloutDetail, SchemaError> {
    caller.require(Operation::ReleaseExecute)?;
    go_on(app, caller, id, (ReleaseRolloutStatus::Halted, "resume")).await
}

/// What begins from now on does so by the caller's word, and with what they may do.
async fn go_on(
    app: &App,
    caller: &Caller,
    id: ReleaseRolloutId,
    (stands, said_word): (ReleaseRolloutStatus, &str),
) -> Result<ReleaseRolloutDetail, SchemaError> {
    let (_, release) = find(app, caller, id).await?;
    let windows = windows(app, caller, &release).await?;
    let (person, name) = (caller.actor.person(), caller.actor.name());
    in_tx!(app.db, |tx| {
        let rolling = store::rollout::lock(tx, &app.db, id).await?;
        let rolling = rolling.ok_or(SchemaError::RolloutEnded)?;
        let status = rolling.status()?;
        if status != stands {
            return Err(SchemaError::RolloutIs(status.as_str()));
        }
        let reason = rolling.override_reason.as_deref();
        may_begin(
            caller,
            windows.as_ref(),
            (app.clock.now(), rolling.not_before, reason),
        )?;
        let continued = stands == ReleaseRolloutStatus::Paused;
        store::rollout::go_on(tx, id, &word(caller, &person, &name), continued).await?;
        let entry = Entry::done(Operation::ReleaseExecute, "rollout", id).detail(said_word);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    detail(app, caller, id).await
}

/// Calls a rollout off: what was not begun never will be; what runs goes on.
pub(super) async fn cancel(
    app: &App,
    caller: &Caller,
    id: ReleaseRolloutId,
) -> Result<ReleaseRolloutDetail, SchemaError> {
    const WHY: &str = "not begun: the rollout was called off; nothing was changed";
    caller.require(Operation::ReleaseExecute)?;
    find(app, caller, id).await?;
    let taken_back = in_tx!(app.db, |tx| {
        let rolling = store::rollout::lock(tx, &app.db, id).await?;
        rolling.ok_or(SchemaError::RolloutEnded)?;
        let servers = store::rollout::list_servers_in(tx, id).await?;
        let taken_back = rolling::withdraw(app, tx, caller, (&servers, WHY)).await?;
        let status = (ReleaseRolloutStatus::Cancelled, None);
        store::rollout::set_status(tx, id, status, Some(app.clock.now())).await?;
        let entry = Entry::done(Operation::ReleaseExecute, "rollout", id).detail("cancel");
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        taken_back
    });
    for order in &taken_back {
        work::told(app, order);
    }
    detail(app, caller, id).await
}

/// The rollout and its release, if they are in the caller's reach.
async fn find(
    app: &App,
    caller: &Caller,
    id: ReleaseRolloutId,
) -> Result<(ReleaseRollout, Release), SchemaError> {
    let rollout = store::rollout::find(&app.db, caller.org(), id)
        .await?
        .ok_or(SchemaError::NoRollout)?;
    match release::find(app, caller, rollout.release_id).await {
        Ok(release) => Ok((rollout, release)),
        Err(SchemaError::NoRelease) => Err(SchemaError::NoRollout),
        Err(error) => Err(error),
    }
}
