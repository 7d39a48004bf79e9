//! Rows of `work_order_events`.

use muster_base::{OrderId, UnixMs};
use muster_protocol::latest::{OrderEvent, StepReport, StepStatus};

use crate::{
    db::{Db, DbError, Tx},
    with_pool, with_tx,
    work::StoredEvent,
};

#[derive(sqlx::FromRow)]
struct Record {
    seq: i64,
    at: UnixMs,
    kind: String,
    step: Option<i64>,
    name: String,
    status: String,
    duration_ms: Option<i64>,
    rows: Option<i64>,
    detail: String,
}

/// Keeps an event; `false` if it was kept before.
pub(in crate::work) async fn insert(
    tx: &mut Tx,
    order: OrderId,
    event: &OrderEvent,
) -> Result<bool, DbError> {
    const SQL: &str = "insert into work_order_events (order_id, seq, at, kind, step, name, status, duration_ms, rows, \
        detail) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (order_id, seq) do nothing";
    let record = record(event);
    let done = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(order)
        .bind(record.seq)
        .bind(record.at)
        .bind(&record.kind)
        .bind(record.step)
        .bind(&record.name)
        .bind(&record.status)
        .bind(record.duration_ms)
        .bind(record.rows)
        .bind(&record.detail)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// An order's events after `after`, in order.
pub(in crate::work) async fn list(
    db: &Db,
    order: OrderId,
    after: i64,
    limit: i64,
) -> Result<Vec<StoredEvent>, DbError> {
    const SQL: &str = "select seq, at, kind, step, name, status, duration_ms, rows, detail from work_order_events \
        where order_id = $1 and seq > $2 order by seq limit $3";
    let rows: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(order)
        .bind(after)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(stored).collect())
}

fn record(event: &OrderEvent) -> Record {
    let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let (seq, at) = (i64::from(event.seq), event.at);
    match &event.what {
        StepReport::Step {
            index,
            name,
            status,
            duration_ms,
            rows,
            detail,
        } => Record {
            seq,
            at,
            kind: "step".to_owned(),
            step: Some(i64::from(*index)),
            name: name.clone(),
            status: match status {
                StepStatus::Running => "running",
                StepStatus::Done => "done",
                StepStatus::Failed => "failed",
                StepStatus::Skipped => "skipped",
            }
            .to_owned(),
            duration_ms: duration_ms.map(whole),
            rows: rows.map(whole),
            detail: detail.clone(),
        },
        StepReport::Log(line) => Record {
            seq,
            at,
            kind: "log".to_owned(),
            step: None,
            name: String::new(),
            status: String::new(),
            duration_ms: None,
            rows: None,
            detail: line.clone(),
        },
    }
}

fn stored(row: Record) -> StoredEvent {
    StoredEvent {
        seq: row.seq,
        at: row.at,
        kind: row.kind,
        step: row.step,
        name: row.name,
        status: row.status,
        duration_ms: row.duration_ms,
        rows: row.rows,
        detail: row.detail,
    }
}
