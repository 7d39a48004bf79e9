//! Rows of `git_hooks`.

use muster_base::{DocumentId, GitHookId, OrgId, UnixMs, UserId};

use crate::{
    db::{Db, DbError, Tx},
    delivery::GitProvider,
    schema::git_hook::{GitHook, path},
    with_pool, with_tx,
};

const COLUMNS: &str = "id, org_id, project_id, provider, repository, branches, enabled, user_id, username, \
    created_at, updated_at, heard_at";

#[derive(sqlx::FromRow)]
struct Record {
    id: GitHookId,
    org_id: OrgId,
    project_id: DocumentId,
    provider: String,
    repository: String,
    branches: String,
    enabled: bool,
    user_id: UserId,
    username: String,
    created_at: UnixMs,
    updated_at: UnixMs,
    heard_at: Option<UnixMs>,
}

impl TryFrom<Record> for GitHook {
    type Error = DbError;

    fn try_from(record: Record) -> Result<Self, DbError> {
        let corrupt = |what: &str| DbError::Corrupt(format!("git_hooks.{what} of {}", record.id));
        let mut known = GitProvider::ALL.into_iter();
        let provider = known
            .find(|provider| provider.as_str() == record.provider)
            .ok_or_else(|| corrupt("provider"))?;
        Ok(Self {
            id: record.id,
            provider,
            branches: serde_json::from_str(&record.branches).map_err(|_| corrupt("branches"))?,
            repository: record.repository,
            enabled: record.enabled,
            username: record.username,
            works: true,
            path: path(record.id),
            heard_at: record.heard_at,
            created_at: record.created_at,
            updated_at: record.updated_at,
            user: record.user_id,
            project: record.project_id,
        })
    }
}

fn branches(of: &GitHook) -> Result<String, DbError> {
    serde_json::to_string(&of.branches).map_err(|error| DbError::Corrupt(error.to_string()))
}

pub(in crate::schema) async fn insert(tx: &mut Tx, org: OrgId, hook: &GitHook) -> Result<(), DbError> {
    const SQL: &str = "insert into git_hooks (id, org_id, project_id, provider, repository, branches, enabled, \
        user_id, username, created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let branches = branches(hook)?;
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(hook.id)
            .bind(org)
            .bind(hook.project)
            .bind(hook.provider.as_str())
            .bind(&hook.repository)
            .bind(branches)
            .bind(hook.enabled)
            .bind(hook.user)
            .bind(&hook.username)
            .bind(hook.created_at)
            .bind(hook.updated_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Whether it is there.
pub(in crate::schema) async fn update(tx: &mut Tx, org: OrgId, hook: &GitHook) -> Result<bool, DbError> {
    const SQL: &str = "update git_hooks set provider = $3, repository = $4, branches = $5, enabled = $6, \
        user_id = $7, username = $8, updated_at = $9 where org_id = $1 and id = $2";
    let branches = branches(hook)?;
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(hook.id)
        .bind(hook.provider.as_str())
        .bind(&hook.repository)
        .bind(branches)
        .bind(hook.enabled)
        .bind(hook.user)
        .bind(&hook.username)
        .bind(hook.updated_at)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Whether it was there.
pub(in crate::schema) async fn delete(tx: &mut Tx, org: OrgId, id: GitHookId) -> Result<bool, DbError> {
    const SQL: &str = "delete from git_hooks where org_id = $1 and id = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Notes that its host called.
pub(in crate::schema) async fn touch(tx: &mut Tx, id: GitHookId, now: UnixMs) -> Result<(), DbError> {
    const SQL: &str = "update git_hooks set heard_at = $2 where id = $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(id).bind(now).execute(conn).await?;
    });
    Ok(())
}

pub(in crate::schema) async fn find(db: &Db, org: OrgId, id: GitHookId) -> Result<Option<GitHook>, DbError> {
    let sql = format!("select {COLUMNS} from git_hooks where org_id = $1 and id = $2");
    let record: Option<Record> = with_pool!(db, |pool| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    record.map(TryInto::try_into).transpose()
}

/// A hook and its org, for whoever has nothing but its id.
pub(in crate::schema) async fn find_anywhere(
    db: &Db,
    id: GitHookId,
) -> Result<Option<(OrgId, GitHook)>, DbError> {
    let sql = format!("select {COLUMNS} from git_hooks where id = $1");
    let record: Option<Record> = with_pool!(db, |pool| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    let pair = |record: Record| Ok((record.org_id, record.try_into()?));
    record.map(pair).transpose()
}

/// Oldest first.
pub(in crate::schema) async fn list(
    db: &Db,
    (org, project): (OrgId, DocumentId),
    after: Option<GitHookId>,
    limit: i64,
) -> Result<Vec<GitHook>, DbError> {
    let sql = format!(
        "select {COLUMNS} from git_hooks where org_id = $1 and project_id = $2 and ($3 is null or id > $3) \
         order by id limit $4"
    );
    let records: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(org)
        .bind(project)
        .bind(after)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    records.into_iter().map(TryInto::try_into).collect()
}

pub(in crate::schema) async fn count(tx: &mut Tx, project: DocumentId) -> Result<i64, DbError> {
    const SQL: &str = "select count(*) from git_hooks where project_id = $1";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(project)
        .fetch_one(conn)
        .await)?)
}

/// How many hooks each of these projects has; those without are left out.
pub(in crate::schema) async fn counts(
    db: &Db,
    org: OrgId,
    projects: &[DocumentId],
) -> Result<Vec<(DocumentId, i64)>, DbError> {
    let sql = format!(
        "select project_id, count(*) from git_hooks where org_id = $1 and {} group by project_id",
        db.id_among("project_id", 2)
    );
    let projects = serde_json::to_string(projects).map_err(|error| DbError::Corrupt(error.to_string()))?;
    Ok(with_pool!(db, |pool| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(org)
        .bind(projects)
        .fetch_all(pool)
        .await)?)
}
