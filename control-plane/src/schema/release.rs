//! Releases: approved, and never changed after.

use muster_base::{ReleaseId, TicketId, UnixMs, sha256};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    ReleaseSignature, ReleaseSignatureState, RiskLevel, SchemaError, ServerSql, WindowNow, policy, reach,
    release_seal, store, unsigned,
};
use crate::{
    access::{Caller, Operation},
    app::App,
    http::page::{Cursor, Page, PageQuery},
};

/// An approved release.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// Id.
    pub id: ReleaseId,
    /// The ticket that it came from.
    pub ticket_id: TicketId,
    /// Project; empty without one.
    pub project: String,
    /// Version; unique in the project and environment.
    pub version: String,
    /// Environment.
    pub environment: String,
    /// Database.
    pub database: String,
    /// The highest risk on any server.
    pub risk: RiskLevel,
    /// When its last approval made it.
    pub created_at: UnixMs,
}

/// A release with its SQL.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseDetail {
    #[serde(flatten)]
    #[schema(inline)]
    release: Release,
    /// SHA-256 over each server's id and digest, hexadecimal.
    pub sha256: String,
    /// Whether it still is what was approved: only then is it executed.
    pub signature: ReleaseSignature,
    /// The servers that it is approved for, with the SQL for each.
    pub servers: Vec<ServerSql>,
    /// Who approved it.
    pub approvals: Vec<ReleaseApproval>,
    /// Where the environment's maintenance windows stand; null if it has none.
    #[schema(required)]
    pub window: Option<WindowNow>,
}

/// Somebody's yes.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseApproval {
    /// Who.
    pub name: String,
    /// What they said.
    pub comment: String,
    /// When.
    pub at: UnixMs,
}

pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: &PageQuery,
) -> Result<Page<Release>, SchemaError> {
    caller.require(Operation::ReleaseRead)?;
    let before = query.cursor::<ReleaseId>()?;
    let rows = store::release::list(&app.db, (caller.org(), caller.scope()), before, query.fetch()).await?;
    Ok(query.page(rows, |release| Cursor::of(&release.id)))
}

pub(super) async fn get(app: &App, caller: &Caller, id: ReleaseId) -> Result<ReleaseDetail, SchemaError> {
    caller.require(Operation::ReleaseRead)?;
    let mut release = find(app, caller, id).await?;
    let mut servers = store::ticket::list_servers(&app.db, release.ticket_id).await?;
    let yeses = store::approval::list_counted(&app.db, release.ticket_id).await?;
    let mut approvals: Vec<ReleaseApproval> = yeses
        .into_iter()
        .map(|yes| ReleaseApproval {
            name: yes.name,
            comment: yes.comment,
            at: yes.at,
        })
        .collect();
    let papers = store::release_seal::find(&app.db, (caller.org(), release.id)).await?;
    let papers = papers.ok_or(SchemaError::NoRelease)?;
    let mut signature = release_seal::signature(app, &papers).await?;
    // What one may vouch for is shown from what its digest is of. What is of other servers by now has none.
    if signature.state == ReleaseSignatureState::Missing {
        if unsigned::put(&papers, &mut release, &mut servers)? {
            approvals = unsigned::approvals(&papers);
        } else {
            signature.digest.clear();
            signature.may_be_vouched = false;
        }
    }
    let mut digests = String::new();
    for server in &servers {
        digests.push_str(&server.server.to_string());
        digests.push(' ');
        digests.push_str(&server.sha256);
        digests.push('\n');
    }
    let policy = policy::of_environment(app, caller.org(), &release.environment).await?;
    let now = app.clock.now();
    Ok(ReleaseDetail {
        release,
        sha256: sha256(digests.as_bytes()).to_string(),
        signature,
        servers,
        approvals,
        window: policy.windows.map(|windows| WindowNow::of(windows, now)),
    })
}

/// The release, if it is in the caller's reach.
pub(super) async fn find(app: &App, caller: &Caller, id: ReleaseId) -> Result<Release, SchemaError> {
    let release = store::release::find(&app.db, caller.org(), id)
        .await?
        .ok_or(SchemaError::NoRelease)?;
    let what = (release.environment.as_str(), release.database.as_str());
    if reach::reaches(app, caller, release.ticket_id, what).await? {
        Ok(release)
    } else {
        Err(SchemaError::NoRelease)
    }
}
