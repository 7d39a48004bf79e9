//! Rows of `audit_log` and `audit_heads`.

pub(super) mod archive;

use muster_base::{AuditId, OrgId, UnixMs};

use super::{AuditRow, Filter, Outcome};
use crate::{
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

/// Takes the next number of the scope and gives the hash of the row before. Locks the scope until the
/// transaction ends.
pub(super) async fn next(tx: &mut Tx, scope: &str) -> Result<(i64, Vec<u8>), DbError> {
    const NEXT: &str = "insert into audit_heads (scope, seq, hash) values ($1, 1, $2) \
        on conflict (scope) do update set seq = audit_heads.seq + 1 returning seq, hash";
    Ok(with_tx!(tx, |conn| sqlx::query_as(NEXT)
        .bind(scope)
        .bind(Vec::<u8>::new())
        .fetch_one(conn)
        .await)?)
}

/// Writes the row and makes its hash the head.
pub(super) async fn insert(
    tx: &mut Tx,
    org: Option<OrgId>,
    row: &AuditRow,
    hash: &[u8],
) -> Result<(), DbError> {
    const INSERT: &str = "insert into audit_log (id, scope, seq, org_id, at, actor_kind, actor_id, actor_name, ip, \
        operation, object_kind, object_id, outcome, before, after, detail, hash) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
    with_tx!(tx, |conn| {
        sqlx::query(INSERT)
            .bind(row.id)
            .bind(&row.scope)
            .bind(row.seq)
            .bind(org)
            .bind(row.at)
            .bind(&row.actor_kind)
            .bind(&row.actor_id)
            .bind(&row.actor_name)
            .bind(&row.ip)
            .bind(&row.operation)
            .bind(&row.object_kind)
            .bind(&row.object_id)
            .bind(&row.outcome)
            .bind(&row.before)
            .bind(&row.after)
            .bind(&row.detail)
            .bind(hash)
            .execute(&mut *conn)
            .await?;
        sqlx::query("update audit_heads set hash = $2 where scope = $1")
            .bind(&row.scope)
            .bind(hash)
            .execute(conn)
            .await?;
    });
    Ok(())
}

const COLUMNS: &str = "id, scope, seq, at, actor_kind, actor_id, actor_name, ip, operation, object_kind, object_id, \
    outcome, before, after, detail, hash";

#[derive(sqlx::FromRow)]
struct Record {
    id: AuditId,
    scope: String,
    seq: i64,
    at: UnixMs,
    actor_kind: String,
    actor_id: String,
    actor_name: String,
    ip: Option<String>,
    operation: String,
    object_kind: String,
    object_id: String,
    outcome: String,
    before: Option<String>,
    after: Option<String>,
    detail: String,
    hash: Vec<u8>,
}

impl From<Record> for AuditRow {
    fn from(record: Record) -> Self {
        Self {
            id: record.id,
            seq: record.seq,
            at: record.at,
            actor_kind: record.actor_kind,
            actor_id: record.actor_id,
            actor_name: record.actor_name,
            ip: record.ip,
            operation: record.operation,
            object_kind: record.object_kind,
            object_id: record.object_id,
            outcome: record.outcome,
            before: record.before,
            after: record.after,
            detail: record.detail,
            hash: hex::encode(record.hash),
            scope: record.scope,
        }
    }
}

/// What a row must be; parameters `$4` to `$13`. Each condition stands only where it is asked for, so that an index is
/// found for it.
fn passes(db: &Db, filter: &Filter) -> String {
    let (actor, kind) = (db.text_among("actor_id", 11), db.text_among("object_kind", 12));
    let object = db.text_among("(object_kind || ':' || object_id)", 13);
    let asked = [
        (filter.actor.is_some(), "actor_id", 4),
        (filter.operation.is_some(), "operation", 5),
        (filter.object_kind.is_some(), "object_kind", 6),
        (filter.object_id.is_some(), "object_id", 7),
        (filter.outcome.is_some(), "outcome", 8),
    ]
    .map(|(is_asked, column, n)| {
        if is_asked {
            format!("{column} = ${n}")
        } else {
            format!("${n} is null")
        }
    })
    .join(" and ");
    format!(
        "{asked} and ($9 is null or at >= $9) and ($10 is null or at < $10) \
         and ($11 is null or {actor} or {kind} or {object})"
    )
}

/// Rows with a number below `before`, newest first.
pub(super) async fn list(
    db: &Db,
    scope: &str,
    filter: &Filter,
    before: i64,
    limit: i64,
) -> Result<Vec<AuditRow>, DbError> {
    let sql = format!(
        "select {COLUMNS} from audit_log where scope = $1 and seq < $2 and {} order by seq desc limit $3",
        passes(db, filter)
    );
    select(db, sql, (scope, filter), before, limit).await
}

/// Rows with a number above `after`, oldest first.
pub(super) async fn list_from(
    db: &Db,
    scope: &str,
    filter: &Filter,
    after: i64,
    limit: i64,
) -> Result<Vec<AuditRow>, DbError> {
    let sql = format!(
        "select {COLUMNS} from audit_log where scope = $1 and seq > $2 and {} order by seq limit $3",
        passes(db, filter)
    );
    select(db, sql, (scope, filter), after, limit).await
}

async fn select(
    db: &Db,
    sql: String,
    (scope, filter): (&str, &Filter),
    seq: i64,
    limit: i64,
) -> Result<Vec<AuditRow>, DbError> {
    let [actors, kinds, objects] = match &filter.reach {
        Some(reach) => reach.json().map(Some),
        None => [None, None, None],
    };
    let rows: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(scope)
        .bind(seq)
        .bind(limit)
        .bind(filter.actor.as_deref())
        .bind(filter.operation.as_deref())
        .bind(filter.object_kind.as_deref())
        .bind(filter.object_id.as_deref())
        .bind(filter.outcome.map(Outcome::as_str))
        .bind(filter.from)
        .bind(filter.to)
        .bind(actors)
        .bind(kinds)
        .bind(objects)
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(AuditRow::from).collect())
}

/// Every scope that has rows, or had some.
pub(super) async fn scopes(db: &Db) -> Result<Vec<String>, DbError> {
    const SQL: &str = "select scope from audit_heads union select scope from audit_log \
        union select scope from audit_archives order by scope";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .fetch_all(pool)
        .await)?)
}

/// Number and hash of the scope's last row, as its head has them.
pub(super) async fn head(db: &Db, scope: &str) -> Result<(i64, Vec<u8>), DbError> {
    let head: Option<(i64, Vec<u8>)> = with_pool!(db, |pool| sqlx::query_as(
        "select seq, hash from audit_heads where scope = $1"
    )
    .bind(scope)
    .fetch_optional(pool)
    .await)?;
    Ok(head.unwrap_or_default())
}

/// The highest number of the scope's rows; 0 if there are none.
pub(super) async fn last(db: &Db, scope: &str) -> Result<i64, DbError> {
    const SQL: &str = "select coalesce(max(seq), 0) from audit_log where scope = $1";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(scope)
        .fetch_one(pool)
        .await)?)
}
