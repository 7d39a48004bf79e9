//! Versions of an application: what CI built, what the registry has, what was deployed, in one list, newest first.
//!
//! A version is a row as soon as anybody speaks of it: CI with [`super::version_report`], the registry when it is read
//! ([`super::version_read`]), a deployment. The row stays until nothing holds it: a tag that left the registry, was never
//! reported and never deployed is forgotten.

use muster_base::{ApplicationId, DeploymentId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{DeliveryError, application, store};
use crate::{
    access::{Caller, Object, Operation},
    app::App,
    db::DbError,
    http::page::{Cursor, PageQuery},
};

/// How a build went, as CI says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum BuildStatus {
    /// It runs.
    Building,
    /// The image is made.
    Built,
    /// There is none.
    BuildFailed,
}

impl BuildStatus {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Built => "built",
            Self::BuildFailed => "buildFailed",
        }
    }

    pub(super) fn read(text: &str) -> Result<Self, DbError> {
        [Self::Building, Self::Built, Self::BuildFailed]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| DbError::Corrupt("versions.build_status".to_owned()))
    }
}

/// A version of an application.
#[expect(
    clippy::struct_field_names,
    reason = "the image tag is the version, here as everywhere"
)]
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// The image tag.
    pub version: String,
    /// Its build; null if CI reported none.
    pub build: Option<Build>,
    /// What the registry had when it was last read; null if it was not looked for.
    pub registry: Option<InRegistry>,
    /// Environments within the caller's reach where it is what succeeded last.
    pub runs: Vec<VersionRun>,
    /// When it was first heard of.
    pub created_at: UnixMs,
}

/// A build, as CI reported it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Build {
    /// How it went.
    pub status: BuildStatus,
    /// The commit.
    pub commit: Option<String>,
    /// Branch or tag.
    pub branch: Option<String>,
    /// The commit's first line.
    pub message: Option<String>,
    /// The build's page.
    pub url: Option<String>,
    /// The image that came out of it.
    pub digest: Option<String>,
    /// Length of the log; 0 if there is none.
    pub log_bytes: i64,
    /// When it began, if that was reported.
    pub started_at: Option<UnixMs>,
    /// When it ended.
    pub completed_at: Option<UnixMs>,
    /// Who reported.
    pub reported_by: String,
    /// When they did last.
    pub reported_at: UnixMs,
}

/// What the registry had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InRegistry {
    /// Whether it had the tag.
    pub present: bool,
    /// What the tag pointed to; null if that was not asked yet.
    pub digest: Option<String>,
    /// When the digest was asked for.
    pub digest_at: Option<UnixMs>,
}

/// A version in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionRun {
    /// The environment.
    pub environment: String,
    /// The deployment that brought it there.
    pub deployment_id: DeploymentId,
    /// The image that it brought.
    pub digest: Option<String>,
    /// Since when.
    pub since: UnixMs,
}

/// When the registry was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegistryRead {
    /// When.
    pub at: UnixMs,
    /// How many tags it had.
    pub tags: i64,
    /// Whether these are all of them.
    pub complete: bool,
    /// Why it could not be read, for a person; what is known of it is then of an earlier time.
    pub error: Option<String>,
}

/// A page of versions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionPage {
    /// The versions.
    pub items: Vec<Version>,
    /// Cursor of the next page; null on the last.
    #[schema(required)]
    pub next_cursor: Option<String>,
    /// When the registry was last read for this application; null before the first time.
    #[schema(required)]
    pub registry: Option<RegistryRead>,
}

/// Which versions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct VersionQuery {
    /// Part of the version, the commit or the branch.
    pub search: Option<String>,
    /// How many, 1–500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

/// The log of a build.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuildLog {
    /// As CI reported it.
    pub log: String,
}

/// A version with its place in the list.
#[derive(Debug)]
pub(super) struct Placed {
    pub place: i64,
    pub version: Version,
}

/// Versions, newest first.
pub(super) async fn list(
    app: &App,
    caller: &Caller,
    id: ApplicationId,
    query: VersionQuery,
) -> Result<VersionPage, DeliveryError> {
    application::find_for(app, caller, Operation::ApplicationRead, id).await?;
    let org = caller.org();
    let paging = PageQuery::new(query.limit, query.cursor);
    let before: Option<(i64, String)> = paging.cursor()?;
    let pattern = query.search.as_deref().map(store::version::pattern);
    let rows = store::version::list(
        &app.db,
        org,
        id,
        pattern.as_deref(),
        before.as_ref(),
        paging.fetch(),
    )
    .await?;
    let page = paging.page(rows, |row| Cursor::of(&(row.place, &row.version.version)));
    let mut items: Vec<Version> = page.items.into_iter().map(|row| row.version).collect();
    add_runs(app, caller, id, &mut items).await?;
    Ok(VersionPage {
        items,
        next_cursor: page.next_cursor,
        registry: store::registry_read::find_read(&app.db, org, id).await?,
    })
}

/// One version.
pub(super) async fn get(
    app: &App,
    caller: &Caller,
    id: ApplicationId,
    version: &str,
) -> Result<Version, DeliveryError> {
    application::find_for(app, caller, Operation::ApplicationRead, id).await?;
    find(app, caller, id, version).await
}

/// The same for whoever reported it.
pub(super) async fn find(
    app: &App,
    caller: &Caller,
    id: ApplicationId,
    version: &str,
) -> Result<Version, DeliveryError> {
    let found = store::version::find(&app.db, caller.org(), id, version).await?;
    let mut found = found.ok_or(DeliveryError::NotFound("version"))?;
    add_runs(app, caller, id, std::slice::from_mut(&mut found)).await?;
    Ok(found)
}

/// The log of a version's build.
pub(super) async fn log(
    app: &App,
    caller: &Caller,
    id: ApplicationId,
    version: &str,
) -> Result<BuildLog, DeliveryError> {
    application::find_for(app, caller, Operation::ApplicationRead, id).await?;
    let found = store::version::find_log(&app.db, caller.org(), id, version).await?;
    let log = found.ok_or(DeliveryError::NotFound("version"))?;
    Ok(BuildLog { log })
}

async fn add_runs(
    app: &App,
    caller: &Caller,
    id: ApplicationId,
    versions: &mut [Version],
) -> Result<(), DeliveryError> {
    for (version, run) in store::version::list_runs(&app.db, caller.org(), id).await? {
        if !caller.reaches(&Object::ApplicationIn(id, &run.environment)) {
            continue;
        }
        let here = versions.iter_mut().find(|one| one.version == version);
        if let Some(here) = here {
            here.runs.push(run);
        }
    }
    Ok(())
}
