//! Rows of `work_orders` and `work_sequences`.

use muster_base::{HostId, OrderId, OrgId, UnixMs};
use muster_protocol::latest::{OrderOutcome, OrderRefusal, SignedOrder};
use sqlx::{AssertSqlSafe, QueryBuilder};
use uuid::Uuid;

use crate::{
    db::{Db, DbError, Tx},
    with_pool, with_tx,
    work::{Order, OrderKind, OrderState, reach::Reach},
};

const COLUMNS: &str = "id, org_id, host_id, kind, subject_id, state, approvals, created_by, created_at, not_before, \
    expires_at, sequence, sent_at, accepted_at, started_at, ended_at, cancel_requested_at, error, digest, \
    server_version, reseals";

/// Rows that are inserted by one statement: each has a dozen parameters.
const PAGE: usize = 500;

#[derive(sqlx::FromRow)]
struct Record {
    id: OrderId,
    org_id: OrgId,
    host_id: HostId,
    kind: String,
    subject_id: Uuid,
    state: String,
    approvals: String,
    created_by: String,
    created_at: UnixMs,
    not_before: UnixMs,
    expires_at: UnixMs,
    sequence: Option<i64>,
    sent_at: Option<UnixMs>,
    accepted_at: Option<UnixMs>,
    started_at: Option<UnixMs>,
    ended_at: Option<UnixMs>,
    cancel_requested_at: Option<UnixMs>,
    error: Option<String>,
    digest: Option<String>,
    server_version: Option<String>,
    reseals: i64,
}

/// An order that may need a hand.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub(in crate::work) struct Open {
    pub id: OrderId,
    pub host_id: HostId,
    pub not_before: UnixMs,
    /// Known to wait for its host.
    pub waits: bool,
    /// No host has it yet.
    pub is_before_hand_over: bool,
    /// A file for its host.
    pub is_file: bool,
    pub cancel_requested_at: Option<UnixMs>,
}

pub(in crate::work) async fn insert(tx: &mut Tx, order: &Order, payload: &[u8]) -> Result<(), DbError> {
    const SQL: &str = "insert into work_orders (id, org_id, host_id, kind, subject_id, state, payload, approvals, \
        not_before, expires_at, created_by, created_at, reseals) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0)";
    let approvals = serde_json::to_string(&order.approvals).unwrap_or_default();
    with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(order.id)
        .bind(order.org)
        .bind(order.host_id)
        .bind(order.kind.as_str())
        .bind(order.subject_id)
        .bind(order.state.as_str())
        .bind(payload)
        .bind(approvals)
        .bind(order.not_before)
        .bind(order.expires_at)
        .bind(&order.created_by)
        .bind(order.created_at)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

pub(in crate::work) async fn insert_many(tx: &mut Tx, orders: &[(Order, Vec<u8>)]) -> Result<(), DbError> {
    with_tx!(tx, |conn| {
        for page in orders.chunks(PAGE) {
            let mut sql = QueryBuilder::new(
                "insert into work_orders (id, org_id, host_id, kind, subject_id, state, payload, approvals, \
                 not_before, expires_at, created_by, created_at, reseals) ",
            );
            sql.push_values(page, |mut row, (order, payload)| {
                row.push_bind(order.id)
                    .push_bind(order.org)
                    .push_bind(order.host_id)
                    .push_bind(order.kind.as_str())
                    .push_bind(order.subject_id)
                    .push_bind(order.state.as_str())
                    .push_bind(payload)
                    .push_bind(serde_json::to_string(&order.approvals).unwrap_or_default())
                    .push_bind(order.not_before)
                    .push_bind(order.expires_at)
                    .push_bind(&order.created_by)
                    .push_bind(order.created_at)
                    .push_bind(order.reseals);
            });
            sql.build().execute(&mut *conn).await?;
        }
    });
    Ok(())
}

/// Ends those of these orders that no host has got; which ones that were.
pub(in crate::work) async fn cancel_many(
    tx: &mut Tx,
    ids: &[OrderId],
    why: &str,
    now: UnixMs,
) -> Result<Vec<OrderId>, DbError> {
    let sql = format!(
        "update work_orders set state = 'cancelled', ended_at = $2, error = $3, sealed = null \
         where {} and state in ('queued', 'waitingForHost') returning id",
        tx.id_among("id", 1)
    );
    let ids = serde_json::to_string(ids).unwrap_or_else(|_| "[]".to_owned());
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(ids)
        .bind(now)
        .bind(why)
        .fetch_all(conn)
        .await)?)
}

/// Those of these orders that have not ended and that nobody has asked to stop.
pub(in crate::work) async fn list_unstopped(db: &Db, ids: &[OrderId]) -> Result<Vec<OrderId>, DbError> {
    let sql = format!(
        "select id from work_orders where {} and cancel_requested_at is null and ended_at is null order by id",
        db.id_among("id", 1)
    );
    let ids = serde_json::to_string(ids).unwrap_or_else(|_| "[]".to_owned());
    Ok(with_pool!(db, |pool| sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(ids)
        .fetch_all(pool)
        .await)?)
}

pub(in crate::work) async fn find(db: &Db, id: OrderId) -> Result<Option<Order>, DbError> {
    let sql = format!("select {COLUMNS} from work_orders where id = $1");
    let row: Option<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    row.map(order).transpose()
}

/// The order; nobody else changes it until the transaction ends.
pub(in crate::work) async fn lock(tx: &mut Tx, db: &Db, id: OrderId) -> Result<Option<Order>, DbError> {
    let sql = format!(
        "select {COLUMNS} from work_orders where id = $1{}",
        db.for_update()
    );
    let row: Option<Record> = with_tx!(tx, |conn| sqlx::query_as(AssertSqlSafe(sql))
        .bind(id)
        .fetch_optional(conn)
        .await)?;
    row.map(order).transpose()
}

/// The org's orders before `before`, newest first, of one host or all.
pub(in crate::work) async fn list(
    db: &Db,
    org: OrgId,
    host: Option<HostId>,
    reach: &Reach,
    before: Option<OrderId>,
    limit: i64,
) -> Result<Vec<Order>, DbError> {
    let sql = format!(
        "select {COLUMNS} from work_orders where org_id = $1 and ($2 is null or host_id = $2) \
         and ($3 is null or id < $3) and ($5 is null or {}) and ($6 is null or {}) order by id desc limit $4",
        db.id_among("host_id", 5),
        db.text_among("kind", 6)
    );
    let rows: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(host)
        .bind(before)
        .bind(limit)
        .bind(&reach.hosts)
        .bind(&reach.kinds)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(order).collect()
}

/// Orders that have not ended and whose time has come, oldest first, after one of them.
pub(in crate::work) async fn list_open(
    db: &Db,
    now: UnixMs,
    after: Option<(UnixMs, OrderId)>,
    limit: i64,
) -> Result<Vec<Open>, DbError> {
    const SQL: &str = "select id, host_id, not_before, state = 'waitingForHost' as waits, \
        state in ('queued', 'waitingForHost') as is_before_hand_over, kind = 'file' as is_file, cancel_requested_at \
        from work_orders where ended_at is null and not_before <= $1 and (not_before, id) > ($2, $3) \
        order by not_before, id limit $4";
    let (not_before, id) = after.unwrap_or((UnixMs(i64::MIN), OrderId::from_uuid(Uuid::nil())));
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(now)
        .bind(not_before)
        .bind(id)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

/// How many of the org's orders of a kind have not ended.
pub(in crate::work) async fn count_open(tx: &mut Tx, org: OrgId, kind: OrderKind) -> Result<i64, DbError> {
    // Of those that are open there are few, of all that an org ever had there are many.
    const SQL: &str = "with still_open as materialized \
        (select org_id, kind from work_orders where ended_at is null) \
        select count(*) from still_open where org_id = $1 and kind = $2";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(kind.as_str())
        .fetch_one(conn)
        .await)?)
}

/// Orders whose time passed before they were handed over.
pub(in crate::work) async fn list_overdue(db: &Db, now: UnixMs, limit: i64) -> Result<Vec<OrderId>, DbError> {
    const SQL: &str = "select id from work_orders where ended_at is null and state in ('queued', 'waitingForHost') \
        and expires_at <= $1 order by id limit $2";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(now)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

/// The host's orders that have not ended, in the order they came in.
pub(in crate::work) async fn list_open_of_host(tx: &mut Tx, host: HostId) -> Result<Vec<OrderId>, DbError> {
    const SQL: &str = "select id from work_orders where host_id = $1 and ended_at is null order by id";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(host)
        .fetch_all(conn)
        .await)?)
}

/// The payload as it was submitted.
pub(in crate::work) async fn payload(db: &Db, id: OrderId) -> Result<Vec<u8>, DbError> {
    const SQL: &str = "select payload from work_orders where id = $1";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(id)
        .fetch_one(pool)
        .await)?)
}

/// The exact order that was signed, if it was and has not ended.
pub(in crate::work) async fn signed(db: &Db, id: OrderId) -> Result<Option<SignedOrder>, DbError> {
    const SQL: &str = "select body, key_id, signature, payload, sealed from work_orders \
        where id = $1 and body is not null and ended_at is null";
    type Parts = (Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>);
    let parts: Option<Parts> =
        with_pool!(db, |pool| sqlx::query_as(SQL).bind(id).fetch_optional(pool).await)?;
    let Some((body, key_id, signature, payload, sealed)) = parts else {
        return Ok(None);
    };
    let key_id = key_id
        .try_into()
        .map_err(|_| DbError::Corrupt("work_orders.key_id".to_owned()))?;
    Ok(Some(SignedOrder {
        body,
        key_id,
        signature,
        payload,
        sealed,
    }))
}

/// The host's next sequence number.
pub(in crate::work) async fn next_sequence(tx: &mut Tx, host: HostId) -> Result<i64, DbError> {
    const SQL: &str = "insert into work_sequences (host_id, last) values ($1, 1) \
        on conflict (host_id) do update set last = work_sequences.last + 1 returning last";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(host)
        .fetch_one(conn)
        .await)?)
}

pub(in crate::work) async fn set_state(tx: &mut Tx, id: OrderId, state: OrderState) -> Result<(), DbError> {
    const SQL: &str = "update work_orders set state = $2 where id = $1";
    with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(state.as_str())
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

pub(in crate::work) async fn set_sent(
    tx: &mut Tx,
    id: OrderId,
    sequence: i64,
    signed: &SignedOrder,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update work_orders set state = 'sent', sequence = $2, body = $3, key_id = $4, signature = $5, \
        sealed = $6, sent_at = $7 where id = $1";
    with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(sequence)
        .bind(&signed.body)
        .bind(signed.key_id.as_slice())
        .bind(&signed.signature)
        .bind(&signed.sealed)
        .bind(now)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

pub(in crate::work) async fn set_accepted(tx: &mut Tx, id: OrderId, now: UnixMs) -> Result<(), DbError> {
    const SQL: &str = "update work_orders set state = 'accepted', accepted_at = $2 where id = $1";
    with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(now)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// Back into the queue, to be sealed for the host's new key.
pub(in crate::work) async fn set_unsealed(tx: &mut Tx, id: OrderId) -> Result<(), DbError> {
    const SQL: &str = "update work_orders set state = 'queued', sequence = null, body = null, key_id = null, \
        signature = null, sealed = null, reseals = reseals + 1 where id = $1";
    with_tx!(tx, |conn| sqlx::query(SQL).bind(id).execute(conn).await.map(drop))?;
    Ok(())
}

pub(in crate::work) async fn set_cancel_requested(
    tx: &mut Tx,
    id: OrderId,
    by: &str,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update work_orders set cancel_requested_at = coalesce(cancel_requested_at, $2), \
        cancel_requested_by = coalesce(cancel_requested_by, $3) where id = $1";
    with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(now)
        .bind(by)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// How an order ended, beside its state.
#[derive(Debug, Default)]
pub(in crate::work) struct End<'a> {
    pub error: Option<&'a str>,
    pub refusal: Option<&'a OrderRefusal>,
    pub outcome: Option<&'a OrderOutcome>,
}

/// Ends the order; its sealed secrets go.
pub(in crate::work) async fn set_ended(
    tx: &mut Tx,
    id: OrderId,
    state: OrderState,
    end: &End<'_>,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update work_orders set state = $2, ended_at = $3, started_at = $4, error = $5, refusal = $6, \
        digest = $7, server_version = $8, sealed = null where id = $1";
    let refusal = end.refusal.and_then(|r| serde_json::to_string(r).ok());
    with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(state.as_str())
        .bind(now)
        .bind(end.outcome.map(|o| o.started_at))
        .bind(end.error)
        .bind(refusal)
        .bind(end.outcome.and_then(|o| o.digest.as_deref()))
        .bind(end.outcome.and_then(|o| o.server_version.as_deref()))
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

fn order(row: Record) -> Result<Order, DbError> {
    let corrupt = |what: &str| DbError::Corrupt(format!("work_orders.{what} of {}", row.id));
    Ok(Order {
        id: row.id,
        org: row.org_id,
        host_id: row.host_id,
        kind: OrderKind::parse(&row.kind).ok_or_else(|| corrupt("kind"))?,
        subject_id: row.subject_id,
        state: OrderState::parse(&row.state).ok_or_else(|| corrupt("state"))?,
        approvals: serde_json::from_str(&row.approvals).map_err(|_| corrupt("approvals"))?,
        created_by: row.created_by,
        created_at: row.created_at,
        not_before: row.not_before,
        expires_at: row.expires_at,
        sequence: row.sequence,
        sent_at: row.sent_at,
        accepted_at: row.accepted_at,
        started_at: row.started_at,
        ended_at: row.ended_at,
        cancel_requested_at: row.cancel_requested_at,
        error: row.error,
        digest: row.digest,
        server_version: row.server_version,
        reseals: row.reseals,
    })
}
