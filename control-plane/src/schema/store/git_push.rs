//! Rows of `git_pushes` and `git_hook_commits`.

use std::collections::BTreeSet;

use muster_base::{DocumentId, GitHookId, GitPushId, OrgId, UnixMs};
use sqlx::QueryBuilder;

use crate::{
    db::{Db, DbError, Tx},
    schema::git_push::{GitPush, GitPushReason},
    with_pool, with_tx,
};

/// Pushes that are kept of a hook.
const KEPT: i64 = 1_000;
/// Rows that are inserted by one statement: each has two parameters.
const PAGE: usize = 500;

/// A push to be written down.
pub(in crate::schema) struct NewPush<'a> {
    pub(in crate::schema) id: GitPushId,
    pub(in crate::schema) hook: GitHookId,
    /// What makes two calls the same one.
    pub(in crate::schema) key: &'a str,
    pub(in crate::schema) repository: &'a str,
    pub(in crate::schema) branch: &'a str,
    pub(in crate::schema) sha: &'a str,
    pub(in crate::schema) commits: i64,
    pub(in crate::schema) is_complete: bool,
    pub(in crate::schema) reason: Option<GitPushReason>,
    pub(in crate::schema) at: UnixMs,
}

/// False if the same call came before.
pub(in crate::schema) async fn insert(tx: &mut Tx, org: OrgId, push: &NewPush<'_>) -> Result<bool, DbError> {
    const SQL: &str = "insert into git_pushes (id, org_id, hook_id, call_key, repository, branch, sha, commits, \
        is_complete, reason, at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
        on conflict (hook_id, call_key) do nothing";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(push.id)
        .bind(org)
        .bind(push.hook)
        .bind(push.key)
        .bind(push.repository)
        .bind(push.branch)
        .bind(push.sha)
        .bind(push.commits)
        .bind(push.is_complete)
        .bind(push.reason.map(GitPushReason::as_str))
        .bind(push.at)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// The push that this call was before, and why it was not looked at.
pub(in crate::schema) async fn find_by_key(
    tx: &mut Tx,
    hook: GitHookId,
    key: &str,
) -> Result<Option<(GitPushId, Option<GitPushReason>)>, DbError> {
    const SQL: &str = "select id, reason from git_pushes where hook_id = $1 and call_key = $2";
    let found: Option<(GitPushId, Option<String>)> = with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(hook)
        .bind(key)
        .fetch_optional(conn)
        .await)?;
    let Some((id, reason)) = found else {
        return Ok(None);
    };
    let reason = reason.as_deref().map(GitPushReason::parse).transpose()?;
    Ok(Some((id, reason)))
}

/// False if the hook has heard of the commit before.
pub(in crate::schema) async fn take_commit(tx: &mut Tx, hook: GitHookId, sha: &str) -> Result<bool, DbError> {
    const SQL: &str = "insert into git_hook_commits (hook_id, sha) values ($1, $2) \
        on conflict (hook_id, sha) do nothing";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(hook)
        .bind(sha)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// The hook has heard of these commits from now on.
pub(in crate::schema) async fn take_commits(
    tx: &mut Tx,
    hook: GitHookId,
    commits: &BTreeSet<&str>,
) -> Result<(), DbError> {
    let commits: Vec<&str> = commits.iter().copied().collect();
    with_tx!(tx, |conn| {
        for page in commits.chunks(PAGE) {
            let mut sql = QueryBuilder::new("insert into git_hook_commits (hook_id, sha) ");
            sql.push_values(page, |mut row, sha| {
                row.push_bind(hook).push_bind(*sha);
            });
            sql.push(" on conflict (hook_id, sha) do nothing");
            sql.build().execute(&mut *conn).await?;
        }
    });
    Ok(())
}

/// Forgets what a hook heard before its newest pushes, but not what is to be decided still.
pub(in crate::schema) async fn forget_old(tx: &mut Tx, hook: GitHookId) -> Result<(), DbError> {
    const SQL: &str = "delete from git_pushes where hook_id = $1 and id < \
        (select id from git_pushes where hook_id = $1 order by id desc limit 1 offset $2) \
        and not exists (select 1 from git_wishes w where w.push_id = git_pushes.id and w.state = 'open')";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(hook).bind(KEPT - 1).execute(conn).await?;
    });
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Record {
    id: GitPushId,
    hook_id: GitHookId,
    repository: String,
    branch: String,
    sha: String,
    commits: i64,
    is_complete: bool,
    reason: Option<String>,
    at: UnixMs,
}

impl TryFrom<Record> for GitPush {
    type Error = DbError;

    fn try_from(record: Record) -> Result<Self, DbError> {
        let reason = record.reason.as_deref();
        Ok(Self {
            id: record.id,
            hook_id: record.hook_id,
            reason: reason.map(GitPushReason::parse).transpose()?,
            repository: record.repository,
            branch: record.branch,
            sha: record.sha,
            commits: record.commits,
            is_complete: record.is_complete,
            at: record.at,
            wishes: Vec::new(),
        })
    }
}

/// What the hooks of a project heard, without what it asked for; newest first.
pub(in crate::schema) async fn list(
    db: &Db,
    (org, project): (OrgId, DocumentId),
    hook: Option<GitHookId>,
    before: Option<GitPushId>,
    limit: i64,
) -> Result<Vec<GitPush>, DbError> {
    const SQL: &str = "select p.id, p.hook_id, p.repository, p.branch, p.sha, p.commits, p.is_complete, p.reason, \
        p.at from git_pushes p join git_hooks h on h.id = p.hook_id where h.org_id = $1 and h.project_id = $2 \
        and ($3 is null or p.hook_id = $3) and ($4 is null or p.id < $4) order by p.id desc limit $5";
    let records: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(project)
        .bind(hook)
        .bind(before)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    records.into_iter().map(TryInto::try_into).collect()
}
