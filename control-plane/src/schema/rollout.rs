//! A release on its way over many of its servers: how far that is, going on and calling it off. What comes next is decided by
//! [`super::waves`] and done by [`super::rolling`].

use muster_base::{ExecutionId, ReleaseId, ReleaseRolloutId, ServerId, UnixMs};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    ExecutionStatus, MaintenanceWindows, Release, SchemaError,
    begin::{self, Asked},
    execute::require_override,
    policy, release, rolling,
    store::{self, rollout::Word},
};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    db::DbError,
    delivery::Share,
    http::page::{Cursor, Page, PageQuery},
    in_tx, work,
};

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

    /// Whether nothing happens until somebody says something.
    pub(super) const fn waits_for_a_word(self) -> bool {
        matches!(self, Self::Paused | Self::Halted)
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

pub(super) fn word<'a>(caller: &Caller, person: &'a str, name: &'a str) -> Word<'a> {
    Word {
        person,
        name,
        key: caller.actor.key(),
    }
}

pub(super) async fn windows(
    app: &App,
    caller: &Caller,
    release: &Release,
) -> Result<Option<MaintenanceWindows>, SchemaError> {
    let policy = policy::of_environment(app, caller.org(), &release.environment).await?;
    Ok(policy.windows)
}

/// Refuses now what may not even wait, as it would be for one execution. Each execution is judged again when it begins.
pub(super) fn may_begin(
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
