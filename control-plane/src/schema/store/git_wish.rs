//! Rows of `git_wishes`, and the executions that they began.

use muster_base::{ExecutionId, GitHookId, GitPushId, GitWishId, OrgId, ReleaseId, ServerId, UnixMs, UserId};
use serde::Serialize;

use crate::{
    access::{ObjectKind, Scope},
    db::{Db, DbError, Tx},
    schema::{
        ExecutionStatus,
        git_push::{GitExecution, GitRefusal, GitWish, GitWishState},
        reach,
    },
    with_pool, with_tx,
};

/// A wish to be written down.
pub(in crate::schema) struct NewWish<'a> {
    pub(in crate::schema) id: GitWishId,
    pub(in crate::schema) push: GitPushId,
    pub(in crate::schema) hook: GitHookId,
    /// In whose name the hook acts now.
    pub(in crate::schema) person: UserId,
    pub(in crate::schema) position: i64,
    pub(in crate::schema) sha: &'a str,
    pub(in crate::schema) author: &'a str,
    pub(in crate::schema) title: &'a str,
    pub(in crate::schema) wish: &'a str,
    /// Environment and version.
    pub(in crate::schema) place: Option<(&'a str, &'a str)>,
    /// It is refused already; open if not.
    pub(in crate::schema) refusal: Option<GitRefusal>,
    pub(in crate::schema) at: UnixMs,
}

/// A wish that is to be decided, with what its hook says now.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::schema) struct OpenWish {
    pub(in crate::schema) id: GitWishId,
    pub(in crate::schema) org_id: OrgId,
    pub(in crate::schema) hook_id: GitHookId,
    pub(in crate::schema) user_id: UserId,
    /// In whose name the hook acted when it was heard; nothing of old ones.
    pub(in crate::schema) person_id: Option<UserId>,
    /// Whether the hook is on.
    pub(in crate::schema) enabled: bool,
    /// The project's name.
    pub(in crate::schema) project: String,
    pub(in crate::schema) environment: String,
    pub(in crate::schema) version: String,
    pub(in crate::schema) at: UnixMs,
}

/// What became of a wish.
pub(in crate::schema) struct Decided<'a> {
    pub(in crate::schema) state: GitWishState,
    pub(in crate::schema) release: Option<ReleaseId>,
    pub(in crate::schema) refusals: &'a [GitRefusal],
}

fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|error| DbError::Corrupt(error.to_string()))
}

pub(in crate::schema) async fn insert(tx: &mut Tx, wish: &NewWish<'_>) -> Result<(), DbError> {
    const SQL: &str = "insert into git_wishes (id, push_id, hook_id, position, sha, author, title, wish, environment, \
        version, state, refusals, at, person_id) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    let state = match wish.refusal {
        Some(_) => GitWishState::Refused,
        None => GitWishState::Open,
    };
    let refusals: Vec<&GitRefusal> = wish.refusal.iter().collect();
    let refusals = json(&refusals)?;
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(wish.id)
            .bind(wish.push)
            .bind(wish.hook)
            .bind(wish.position)
            .bind(wish.sha)
            .bind(wish.author)
            .bind(wish.title)
            .bind(wish.wish)
            .bind(wish.place.map(|(environment, _)| environment))
            .bind(wish.place.map(|(_, version)| version))
            .bind(state.as_str())
            .bind(refusals)
            .bind(wish.at)
            .bind(wish.person)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Writes what became of it, unless that stands already.
pub(in crate::schema) async fn close(
    tx: &mut Tx,
    id: GitWishId,
    decided: &Decided<'_>,
) -> Result<(), DbError> {
    const SQL: &str = "update git_wishes set state = $2, release_id = $3, refusals = $4 where id = $1 \
        and state = 'open'";
    let refusals = json(decided.refusals)?;
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(decided.state.as_str())
            .bind(decided.release)
            .bind(refusals)
            .execute(conn)
            .await?;
    });
    Ok(())
}

const OPEN: &str = "select w.id, h.org_id, w.hook_id, h.user_id, w.person_id, h.enabled, d.name as project, w.environment, \
    w.version, w.at \
    from git_wishes w join git_hooks h on h.id = w.hook_id join documents d on d.id = h.project_id \
    where w.state = 'open' and w.environment is not null and w.version is not null";

/// What is open of a push, in its order.
pub(in crate::schema) async fn list_open_of(db: &Db, push: GitPushId) -> Result<Vec<OpenWish>, DbError> {
    let sql = format!("{OPEN} and w.push_id = $1 order by w.position");
    Ok(with_pool!(db, |pool| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(push)
        .fetch_all(pool)
        .await)?)
}

/// What was heard before this time and is open still, of all orgs; oldest first.
pub(in crate::schema) async fn list_open_before(
    db: &Db,
    time: UnixMs,
    limit: i64,
) -> Result<Vec<OpenWish>, DbError> {
    let sql = format!("{OPEN} and w.at < $1 order by w.at, w.push_id, w.position limit $2");
    Ok(with_pool!(db, |pool| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(time)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

#[derive(sqlx::FromRow)]
struct Record {
    id: GitWishId,
    push_id: GitPushId,
    sha: String,
    author: String,
    title: String,
    wish: String,
    environment: Option<String>,
    version: Option<String>,
    state: String,
    release_id: Option<ReleaseId>,
    refusals: String,
}

impl TryFrom<Record> for (GitPushId, GitWish) {
    type Error = DbError;

    fn try_from(record: Record) -> Result<Self, DbError> {
        let corrupt = |_| DbError::Corrupt(format!("git_wishes.refusals of {}", record.id));
        let wish = GitWish {
            refusals: serde_json::from_str(&record.refusals).map_err(corrupt)?,
            id: record.id,
            sha: record.sha,
            author: record.author,
            title: record.title,
            wish: record.wish,
            environment: record.environment,
            version: record.version,
            state: GitWishState::parse(&record.state)?,
            release_id: record.release_id,
            executions: Vec::new(),
        };
        Ok((record.push_id, wish))
    }
}

/// What these pushes ask for, in its order, as far as it is in reach: by the release if there is one, else by the
/// environment.
pub(in crate::schema) async fn list(
    db: &Db,
    (org, scope): (OrgId, &Scope),
    pushes: &[GitPushId],
) -> Result<Vec<(GitPushId, GitWish)>, DbError> {
    let sql = format!(
        "select w.id, w.push_id, w.sha, w.author, w.title, w.wish, w.environment, w.version, w.state, w.release_id, \
         w.refusals from git_wishes w join git_pushes p on p.id = w.push_id left join releases r on r.id = w.release_id \
         where p.org_id = $1 and {} and ((w.release_id is null and ($3 is null or {})) \
         or (w.release_id is not null and {})) order by w.push_id, w.position",
        db.id_among("w.push_id", 2),
        db.text_among("w.environment", 3),
        reach::condition(db, "r", "r.ticket_id", 3),
    );
    let pushes = json(pushes)?;
    let records: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(org)
        .bind(pushes)
        .bind(scope.keys(ObjectKind::Environments))
        .bind(scope.keys(ObjectKind::Databases))
        .bind(scope.keys(ObjectKind::Servers))
        .fetch_all(pool)
        .await)?;
    records.into_iter().map(TryInto::try_into).collect()
}

#[derive(sqlx::FromRow)]
struct ExecutionRecord {
    wish_id: GitWishId,
    id: ExecutionId,
    label: String,
    status: String,
}

/// What these wishes began.
pub(in crate::schema) async fn executions(
    db: &Db,
    org: OrgId,
    wishes: &[GitWishId],
) -> Result<Vec<(GitWishId, GitExecution)>, DbError> {
    let sql = format!(
        "select e.wish_id, e.id, s.label, e.status from executions e join db_servers s on s.id = e.server_id \
         where e.org_id = $1 and e.wish_id is not null and {} order by s.label",
        db.id_among("e.wish_id", 2)
    );
    let wishes = json(wishes)?;
    let records: Vec<ExecutionRecord> = with_pool!(db, |pool| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(org)
        .bind(wishes)
        .fetch_all(pool)
        .await)?;
    let execution = |record: ExecutionRecord| {
        let execution = GitExecution {
            id: record.id,
            server: record.label,
            status: ExecutionStatus::parse(&record.status)?,
        };
        Ok((record.wish_id, execution))
    };
    records.into_iter().map(execution).collect()
}

/// The servers on which a wish was asked for.
pub(in crate::schema) async fn asked_on(db: &Db, wish: GitWishId) -> Result<Vec<ServerId>, DbError> {
    const SQL: &str = "select server_id from executions where wish_id = $1";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(wish)
        .fetch_all(pool)
        .await)?)
}
