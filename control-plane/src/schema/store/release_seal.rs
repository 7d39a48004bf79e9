//! What a release's signature speaks for, as its rows have it, and the signature itself.

use muster_base::{OrgId, ReleaseId, ServerId, TicketId, UnixMs};
use uuid::Uuid;

use crate::{
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

/// The release, with what its ticket says of it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(in crate::schema) struct Head {
    pub(in crate::schema) id: ReleaseId,
    pub(in crate::schema) org_id: OrgId,
    pub(in crate::schema) ticket_id: TicketId,
    pub(in crate::schema) project: String,
    pub(in crate::schema) version: String,
    pub(in crate::schema) environment: String,
    pub(in crate::schema) database: String,
    pub(in crate::schema) risk: String,
    pub(in crate::schema) created_at: UnixMs,
    /// What it publishes; none of SQL as text.
    pub(in crate::schema) published: Option<String>,
    /// The SQL as proposed.
    pub(in crate::schema) proposed: String,
    pub(in crate::schema) signed_by: Option<Vec<u8>>,
    pub(in crate::schema) signature: Option<Vec<u8>>,
    /// Who vouched for it, as people are told apart; none if the last approval signed it.
    pub(in crate::schema) vouched_by: Option<String>,
    /// Their name.
    pub(in crate::schema) vouched_name: Option<String>,
    pub(in crate::schema) vouched_at: Option<UnixMs>,
    pub(in crate::schema) vouched_reason: Option<String>,
}

/// What is to run on one server. Everything but counts and trials, which come later and change nothing.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(in crate::schema) struct Target {
    pub(in crate::schema) server_id: ServerId,
    /// As the server calls it.
    pub(in crate::schema) database: String,
    pub(in crate::schema) sql: String,
    pub(in crate::schema) sql_sha256: String,
    pub(in crate::schema) risk: String,
    /// As they are stored: what a newer version reads or writes otherwise is still the text that was signed.
    pub(in crate::schema) statements: String,
    pub(in crate::schema) rollback_sql: Option<String>,
    pub(in crate::schema) not_taken_back: String,
    pub(in crate::schema) set_aside: Option<String>,
    /// What is there afterwards.
    pub(in crate::schema) design: Option<String>,
    /// What it was computed against.
    pub(in crate::schema) base_release_id: Option<ReleaseId>,
    pub(in crate::schema) base_reached_at: Option<UnixMs>,
    /// The server's label. Not signed, as is what follows: it is the server's and may change; none if there is no such server.
    pub(in crate::schema) label: Option<String>,
    /// The server's dialect.
    pub(in crate::schema) dialect: Option<String>,
}

/// Somebody's yes that counted.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(in crate::schema) struct Approver {
    pub(in crate::schema) person: String,
    pub(in crate::schema) name: String,
    pub(in crate::schema) step: i64,
    pub(in crate::schema) comment: String,
    pub(in crate::schema) at: UnixMs,
}

/// All of it.
#[derive(Debug, Clone)]
pub(in crate::schema) struct Papers {
    pub(in crate::schema) head: Head,
    pub(in crate::schema) targets: Vec<Target>,
    pub(in crate::schema) approvers: Vec<Approver>,
}

const HEAD: &str = "select r.id, r.org_id, r.ticket_id, r.project, r.version, r.environment, r.database, r.risk, \
    r.created_at, t.published, t.sql as proposed, r.signed_by, r.signature, \
    r.vouched_by, r.vouched_name, r.vouched_at, r.vouched_reason \
    from releases r join tickets t on t.id = r.ticket_id where r.org_id = $1 and r.id = $2";
const TARGETS: &str = "select t.server_id, coalesce(t.database, r.database) as database, t.sql, t.sql_sha256, t.risk, \
    t.statements, t.rollback_sql, t.not_taken_back, t.set_aside, t.design, t.base_release_id, t.base_reached_at, \
    d.label, d.dialect from ticket_servers t join releases r on r.ticket_id = t.ticket_id \
    left join db_servers d on d.id = t.server_id where r.org_id = $1 and r.id = $2 \
    order by t.position, t.server_id";
const APPROVERS: &str = "select a.person, a.name, a.step, a.comment, a.at from ticket_approvals a \
    join releases r on r.ticket_id = a.ticket_id where r.org_id = $1 and r.id = $2 and a.counted \
    order by a.at, a.step, a.person";

/// A release's papers as the transaction sees them.
pub(in crate::schema) async fn find_in(
    tx: &mut Tx,
    (org, id): (OrgId, ReleaseId),
) -> Result<Option<Papers>, DbError> {
    with_tx!(tx, |conn| {
        let head: Option<Head> = sqlx::query_as(HEAD)
            .bind(org)
            .bind(id)
            .fetch_optional(&mut *conn)
            .await?;
        let targets: Vec<Target> = sqlx::query_as(TARGETS)
            .bind(org)
            .bind(id)
            .fetch_all(&mut *conn)
            .await?;
        let approvers: Vec<Approver> = sqlx::query_as(APPROVERS)
            .bind(org)
            .bind(id)
            .fetch_all(conn)
            .await?;
        Ok(head.map(|head| Papers {
            head,
            targets,
            approvers,
        }))
    })
}

/// A release's papers.
pub(in crate::schema) async fn find(
    db: &Db,
    (org, id): (OrgId, ReleaseId),
) -> Result<Option<Papers>, DbError> {
    with_pool!(db, |pool| {
        let head: Option<Head> = sqlx::query_as(HEAD)
            .bind(org)
            .bind(id)
            .fetch_optional(pool)
            .await?;
        let targets: Vec<Target> = sqlx::query_as(TARGETS).bind(org).bind(id).fetch_all(pool).await?;
        let approvers: Vec<Approver> = sqlx::query_as(APPROVERS)
            .bind(org)
            .bind(id)
            .fetch_all(pool)
            .await?;
        Ok(head.map(|head| Papers {
            head,
            targets,
            approvers,
        }))
    })
}

/// Puts a signature on a release that was made in this transaction.
pub(in crate::schema) async fn set(
    tx: &mut Tx,
    id: ReleaseId,
    (signed_by, signature): (&[u8], &[u8]),
) -> Result<(), DbError> {
    const SQL: &str = "update releases set signed_by = $2, signature = $3 where id = $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(signed_by)
            .bind(signature)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Somebody vouches for a release that has no signature. Whether it had none still.
pub(in crate::schema) async fn vouch(
    tx: &mut Tx,
    head: &Head,
    (signed_by, signature): (&[u8], &[u8]),
) -> Result<bool, DbError> {
    const SQL: &str = "update releases set signed_by = $2, signature = $3, vouched_by = $4, vouched_name = $5, \
        vouched_at = $6, vouched_reason = $7 where id = $1 and (signed_by is null or signature is null)";
    let done = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(head.id)
        .bind(signed_by)
        .bind(signature)
        .bind(&head.vouched_by)
        .bind(&head.vouched_name)
        .bind(head.vouched_at)
        .bind(&head.vouched_reason)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(done == 1)
}

/// The oldest release that its last approval signed, by what its row says, and when it was made; of those that come after another, if
/// that is given.
pub(in crate::schema) async fn find_signed_after(
    db: &Db,
    after: Option<(UnixMs, ReleaseId)>,
) -> Result<Option<(OrgId, ReleaseId, UnixMs)>, DbError> {
    const SQL: &str = "select org_id, id, created_at from releases \
        where signed_by is not null and signature is not null and vouched_at is null \
        and (created_at > $1 or (created_at = $1 and id > $2)) order by created_at, id limit 1";
    let (at, id) = after.unwrap_or((UnixMs(i64::MIN), ReleaseId::from_uuid(Uuid::nil())));
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(at)
        .bind(id)
        .fetch_optional(pool)
        .await)?)
}

/// The newest releases of all orgs.
pub(in crate::schema) async fn list_newest(db: &Db, limit: i64) -> Result<Vec<(OrgId, ReleaseId)>, DbError> {
    const SQL: &str = "select org_id, id from releases order by id desc limit $1";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

/// A release without a signature that could be executed still.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(in crate::schema) struct Unsigned {
    pub(in crate::schema) org_id: OrgId,
    pub(in crate::schema) id: ReleaseId,
    pub(in crate::schema) version: String,
    pub(in crate::schema) environment: String,
    pub(in crate::schema) created_at: UnixMs,
}

/// Releases without a signature that could be executed still, newest first: on a server that is there, where they have not
/// succeeded yet, and where what they were computed against is there still.
pub(in crate::schema) async fn list_unsigned(db: &Db, limit: i64) -> Result<Vec<Unsigned>, DbError> {
    const SQL: &str = "select r.org_id, r.id, r.version, r.environment, r.created_at from releases r \
        where (r.signed_by is null or r.signature is null) and exists (select 1 from ticket_servers t \
        join db_servers d on d.id = t.server_id \
        left join database_states s on s.server_id = t.server_id and s.database = coalesce(t.database, r.database) \
        where t.ticket_id = r.ticket_id and d.deleted_at is null \
        and (t.design is null or (s.release_id is not distinct from t.base_release_id \
        and (s.release_id is not null or s.reached_at is not distinct from t.base_reached_at))) \
        and not exists (select 1 from executions e where e.release_id = r.id and e.server_id = t.server_id \
        and e.status = 'success' and not e.dry_run)) \
        order by r.id desc limit $1";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}
