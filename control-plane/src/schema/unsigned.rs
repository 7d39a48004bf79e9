//! Releases without a signature, as whoever vouches for one looks at them ([`super::vouching`]).
//!
//! What is shown is taken from what the digest is of, read once: rows that another query reads, or that change between two
//! reads, could show one SQL beside the digest of another.

use muster_base::{OrgId, ReleaseId, ServerId, TicketId, UnixMs, sha256};
use serde::de::DeserializeOwned;

use super::{
    PlannedAsides, ProposedStatement, Release, ReleaseApproval, RiskLevel, SchemaError, ServerSql,
    release_seal,
    store::{
        self,
        release_seal::{Papers, Target},
    },
    vouching,
};
use crate::{access::Identity, app::App, db::DbError};

/// A release without a signature that could be executed still, with all that whoever vouches for it looks at.
#[derive(Debug)]
pub struct UnsignedRelease {
    /// Its org.
    pub org: OrgId,
    /// Its id.
    pub id: ReleaseId,
    /// The ticket that it came from.
    pub ticket: TicketId,
    /// Its project; empty without one.
    pub project: String,
    /// Its version.
    pub version: String,
    /// Its environment.
    pub environment: String,
    /// Its database.
    pub database: String,
    /// The highest risk on any server.
    pub risk: RiskLevel,
    /// When it was made, by what the database says.
    pub created_at: UnixMs,
    /// SHA-256 of the SQL as it was proposed, hexadecimal; that is not what is executed.
    pub proposed_sha256: String,
    /// SHA-256 over all that is vouched for.
    pub digest: String,
    /// Whether one may vouch for it.
    pub may_be_vouched: bool,
    /// Who approved it, oldest first.
    pub approvers: Vec<UnsignedApprover>,
    /// What would run on each of its servers.
    pub targets: Vec<UnsignedTarget>,
    /// Why that can't be read; then there is none of it, and nobody may vouch for it.
    pub unreadable: Option<String>,
}

/// Somebody's yes, by what the database says.
#[derive(Debug)]
pub struct UnsignedApprover {
    /// Who, as people are told apart.
    pub person: String,
    /// Their name.
    pub name: String,
    /// What they said.
    pub comment: String,
    /// When.
    pub at: UnixMs,
}

/// What would run on one server.
#[derive(Debug)]
pub struct UnsignedTarget {
    /// The server.
    pub server: ServerId,
    /// Its label; empty if there is no such server.
    pub label: String,
    /// What the database is called there.
    pub database: String,
    /// The highest risk in it.
    pub risk: RiskLevel,
    /// Statement by statement.
    pub statements: Vec<ProposedStatement>,
    /// SQL that takes it back; SQL that was proposed as text has none.
    pub rollback_sql: Option<String>,
    /// What that doesn't bring back.
    pub not_taken_back: Vec<String>,
    /// What it sets aside, kept rows among it.
    pub set_aside: Option<PlannedAsides>,
    /// SHA-256 of the design that is there afterwards, hexadecimal; none of SQL as text.
    pub design_sha256: Option<String>,
    /// The release that it was computed against.
    pub base: Option<ReleaseId>,
}

/// Releases of all orgs that have no signature and could be executed still, newest first, at most so many.
pub async fn list_unsigned(
    app: &App,
    who: &Identity,
    limit: i64,
) -> Result<Vec<UnsignedRelease>, SchemaError> {
    who.require_super_admin()?;
    let since = vouching::signed_since(app).await?;
    let mut all = Vec::new();
    for open in store::release_seal::list_unsigned(&app.db, limit).await? {
        if let Some(papers) = store::release_seal::find(&app.db, (open.org_id, open.id)).await? {
            all.push(told(&papers, since));
        }
    }
    Ok(all)
}

/// One that can't be read does not hide the others.
fn told(papers: &Papers, since: Option<UnixMs>) -> UnsignedRelease {
    let head = &papers.head;
    let read: Result<Vec<UnsignedTarget>, DbError> = papers.targets.iter().map(target).collect();
    let (targets, unreadable) = match read {
        Ok(targets) => (targets, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let approvers = papers.approvers.iter().map(|yes| UnsignedApprover {
        person: yes.person.clone(),
        name: yes.name.clone(),
        comment: yes.comment.clone(),
        at: yes.at,
    });
    UnsignedRelease {
        org: head.org_id,
        id: head.id,
        ticket: head.ticket_id,
        project: head.project.clone(),
        version: head.version.clone(),
        environment: head.environment.clone(),
        database: head.database.clone(),
        risk: RiskLevel::parse(&head.risk),
        created_at: head.created_at,
        proposed_sha256: sha256(head.proposed.as_bytes()).to_string(),
        digest: release_seal::digest(papers),
        may_be_vouched: unreadable.is_none() && since.is_none_or(|since| head.created_at < since),
        approvers: approvers.collect(),
        targets,
        unreadable,
    }
}

fn target(target: &Target) -> Result<UnsignedTarget, DbError> {
    let design = target.design.as_ref();
    Ok(UnsignedTarget {
        server: target.server_id,
        label: target.label.clone().unwrap_or_default(),
        database: target.database.clone(),
        risk: RiskLevel::parse(&target.risk),
        statements: release_seal::statements(target)?,
        rollback_sql: target.rollback_sql.clone(),
        not_taken_back: read("not_taken_back", &target.not_taken_back)?,
        set_aside: set_aside(target)?,
        design_sha256: design.map(|design| sha256(design.as_bytes()).to_string()),
        base: target.base_release_id,
    })
}

/// Puts what the digest is of in the place of what was read before. Nothing is put, and it is false, where the two are not of the
/// same servers in the same order, or what the caller's reach was asked by has changed.
pub(super) fn put(
    papers: &Papers,
    release: &mut Release,
    servers: &mut [ServerSql],
) -> Result<bool, SchemaError> {
    let head = &papers.head;
    let is_same = head.ticket_id == release.ticket_id
        && head.environment == release.environment
        && head.database == release.database;
    let targets = papers.targets.iter().map(|target| target.server_id);
    if !is_same || !targets.eq(servers.iter().map(|sql| sql.server)) {
        return Ok(false);
    }
    release.project.clone_from(&head.project);
    release.version.clone_from(&head.version);
    release.risk = RiskLevel::parse(&head.risk);
    release.created_at = head.created_at;
    for (target, sql) in papers.targets.iter().zip(servers) {
        if sql.sql != target.sql || sql.rollback_sql != target.rollback_sql {
            // They are of another text.
            sql.findings.clear();
            sql.row_counts = None;
            sql.proof = None;
        }
        sql.database.clone_from(&target.database);
        sql.sql.clone_from(&target.sql);
        sql.sha256.clone_from(&target.sql_sha256);
        sql.risk = RiskLevel::parse(&target.risk);
        sql.statements = release_seal::statements(target)?;
        sql.rollback_sql.clone_from(&target.rollback_sql);
        sql.not_taken_back = read("not_taken_back", &target.not_taken_back)?;
        sql.set_aside = set_aside(target)?;
    }
    Ok(true)
}

/// Who approved it, oldest first, as the digest has it.
pub(super) fn approvals(papers: &Papers) -> Vec<ReleaseApproval> {
    let approvers = papers.approvers.iter();
    approvers
        .map(|yes| ReleaseApproval {
            name: yes.name.clone(),
            comment: yes.comment.clone(),
            at: yes.at,
        })
        .collect()
}

fn set_aside(target: &Target) -> Result<Option<PlannedAsides>, DbError> {
    let text = target.set_aside.as_deref();
    text.map(|text| read("set_aside", text)).transpose()
}

fn read<T: DeserializeOwned>(column: &str, text: &str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|error| DbError::Corrupt(format!("ticket_servers.{column}: {error}")))
}
