//! Rows of `file_sends`, `file_send_files` and `file_send_targets`.

use muster_base::{FileId, FileSendId, FileSendTargetId, HostId, OrderId, OrgId, UnixMs};
use sqlx::{AssertSqlSafe, QueryBuilder};
use uuid::Uuid;

use super::{file::reached, signed, unsigned};
use crate::{
    db::{Db, DbError, Tx},
    files::{
        file::path_text,
        send::{FileSend, FileSendTarget, SentFile, mode_text},
    },
    with_pool, with_tx,
    work::OrderState,
};

/// Rows that are inserted by one statement.
const PAGE: usize = 500;

const COLUMNS: &str =
    "s.id, s.created_by, s.created_at, s.expires_at, s.destination, s.mode, s.replaces, s.cancelled_at";

#[derive(sqlx::FromRow)]
struct Record {
    id: FileSendId,
    created_by: String,
    created_at: UnixMs,
    expires_at: UnixMs,
    destination: String,
    mode: i64,
    replaces: bool,
    cancelled_at: Option<UnixMs>,
}

/// What somebody may see of an org's sends: those with a file and a host in their reach.
#[derive(Debug, Clone)]
pub(in crate::files) struct Reach {
    pub(in crate::files) org: OrgId,
    /// As in [`crate::files::file::Sight`].
    pub(in crate::files) files: Option<String>,
    /// The hosts, as a JSON array; none: all.
    pub(in crate::files) hosts: Option<String>,
}

/// What is sent to where, as it is stored.
#[derive(Debug)]
pub(in crate::files) struct NewTarget {
    pub(in crate::files) id: FileSendTargetId,
    pub(in crate::files) file: FileId,
    pub(in crate::files) host: HostId,
    pub(in crate::files) host_name: String,
    pub(in crate::files) order: Option<OrderId>,
    pub(in crate::files) state: OrderState,
    pub(in crate::files) error: Option<&'static str>,
    pub(in crate::files) ended_at: Option<UnixMs>,
}

/// One send of an org at a time.
pub(in crate::files) async fn lock(tx: &mut Tx, org: OrgId) -> Result<(), DbError> {
    match tx {
        // The single writer.
        Tx::Sqlite(_) => {}
        Tx::Postgres(tx) => {
            sqlx::query("select pg_advisory_xact_lock(hashtextextended('file sends ' || $1::text, 0))")
                .bind(org)
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok(())
}

/// All of a send at once.
pub(in crate::files) async fn insert(
    tx: &mut Tx,
    org: OrgId,
    send: &FileSend,
    mode: u32,
    files: &[(Vec<Uuid>, SentFile)],
    targets: &[NewTarget],
) -> Result<(), DbError> {
    const SEND: &str = "insert into file_sends (id, org_id, created_by, created_at, expires_at, destination, mode, \
        replaces, cancelled_at) values ($1, $2, $3, $4, $5, $6, $7, $8, null)";
    with_tx!(tx, |conn| {
        sqlx::query(SEND)
            .bind(send.id)
            .bind(org)
            .bind(&send.created_by)
            .bind(send.created_at)
            .bind(send.expires_at)
            .bind(&send.destination)
            .bind(i64::from(mode))
            .bind(send.replace)
            .execute(&mut *conn)
            .await?;
        let mut sql = QueryBuilder::new(
            "insert into file_send_files (send_id, file_id, path, name, size, hash, target) ",
        );
        sql.push_values(files, |mut row, (path, file)| {
            row.push_bind(send.id)
                .push_bind(file.file_id)
                .push_bind(path_text(path))
                .push_bind(&file.name)
                .push_bind(signed(file.size))
                .push_bind(&file.hash)
                .push_bind(&file.path);
        });
        sql.build().execute(&mut *conn).await?;
        for page in targets.chunks(PAGE) {
            let mut sql = QueryBuilder::new(
                "insert into file_send_targets (id, send_id, file_id, host_id, host_name, order_id, state, error, \
                 ended_at) ",
            );
            sql.push_values(page, |mut row, target| {
                row.push_bind(target.id)
                    .push_bind(send.id)
                    .push_bind(target.file)
                    .push_bind(target.host)
                    .push_bind(&target.host_name)
                    .push_bind(target.order)
                    .push_bind(target.state.as_str())
                    .push_bind(target.error)
                    .push_bind(target.ended_at);
            });
            sql.build().execute(&mut *conn).await?;
        }
    });
    Ok(())
}

/// The condition on a send `s` that something of it is in reach: parameters 2 (files) and 3 (hosts).
fn in_reach(db: &Db) -> String {
    format!(
        "($2 is null or exists (select 1 from file_send_files f where f.send_id = s.id and {})) \
         and ($3 is null or exists (select 1 from file_send_targets t where t.send_id = s.id and {}))",
        reached(matches!(db, Db::Sqlite(_)), "f.path", 2),
        db.id_among("t.host_id", 3)
    )
}

/// The org's sends before one, newest first; without their files and outcomes.
pub(in crate::files) async fn list(
    db: &Db,
    reach: &Reach,
    before: Option<FileSendId>,
    limit: i64,
) -> Result<Vec<FileSend>, DbError> {
    let sql = format!(
        "select {COLUMNS} from file_sends s where s.org_id = $1 and {} and ($4 is null or s.id < $4) \
         order by s.id desc limit $5",
        in_reach(db)
    );
    let rows: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(reach.org)
        .bind(&reach.files)
        .bind(&reach.hosts)
        .bind(before)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(send).collect())
}

pub(in crate::files) async fn find(
    db: &Db,
    reach: &Reach,
    id: FileSendId,
) -> Result<Option<FileSend>, DbError> {
    let sql = format!(
        "select {COLUMNS} from file_sends s where s.org_id = $1 and {} and s.id = $4",
        in_reach(db)
    );
    let row: Option<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(reach.org)
        .bind(&reach.files)
        .bind(&reach.hosts)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    Ok(row.map(send))
}

/// Fills in the files that are in reach, and how many targets in reach are how far.
pub(in crate::files) async fn fill(db: &Db, reach: &Reach, sends: &mut [FileSend]) -> Result<(), DbError> {
    type FileRow = (FileSendId, FileId, String, i64, String, String);
    type Count = (FileSendId, String, i64);
    let ids: Vec<_> = sends.iter().map(|send| send.id).collect();
    let ids = serde_json::to_string(&ids).unwrap_or_else(|_| "[]".to_owned());
    let is_sqlite = matches!(db, Db::Sqlite(_));
    let files_sql = format!(
        "select f.send_id, f.file_id, f.name, f.size, f.hash, f.target from file_send_files f \
         where {} and ($2 is null or {}) order by f.name, f.file_id",
        db.id_among("f.send_id", 1),
        reached(is_sqlite, "f.path", 2)
    );
    let files: Vec<FileRow> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(files_sql))
        .bind(&ids)
        .bind(&reach.files)
        .fetch_all(pool)
        .await)?;
    let counts_sql = format!(
        "select t.send_id, t.state, count(*) from file_send_targets t \
         join file_send_files f on f.send_id = t.send_id and f.file_id = t.file_id \
         where {} and ($2 is null or {}) and ($3 is null or {}) group by t.send_id, t.state",
        db.id_among("t.send_id", 1),
        reached(is_sqlite, "f.path", 2),
        db.id_among("t.host_id", 3)
    );
    let counts: Vec<Count> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(counts_sql))
        .bind(&ids)
        .bind(&reach.files)
        .bind(&reach.hosts)
        .fetch_all(pool)
        .await)?;
    for send in sends {
        for (_, file_id, name, size, hash, path) in files.iter().filter(|row| row.0 == send.id) {
            send.files.push(SentFile {
                file_id: *file_id,
                name: name.clone(),
                size: unsigned(*size, "file_send_files.size")?,
                hash: hash.clone(),
                path: path.clone(),
            });
        }
        let own = counts.iter().filter(|row| row.0 == send.id);
        send.outcomes = own.map(|(_, state, count)| (state.clone(), *count)).collect();
    }
    Ok(())
}

#[derive(sqlx::FromRow)]
struct TargetRecord {
    id: FileSendTargetId,
    file_id: FileId,
    target: String,
    host_id: HostId,
    host_name: String,
    order_id: Option<OrderId>,
    state: String,
    error: Option<String>,
    ended_at: Option<UnixMs>,
}

/// A send's targets in reach, after one.
pub(in crate::files) async fn targets(
    db: &Db,
    reach: &Reach,
    send: FileSendId,
    after: Option<FileSendTargetId>,
    limit: i64,
) -> Result<Vec<FileSendTarget>, DbError> {
    let sql = format!(
        "select t.id, t.file_id, f.target, t.host_id, t.host_name, t.order_id, t.state, t.error, t.ended_at \
         from file_send_targets t join file_send_files f on f.send_id = t.send_id and f.file_id = t.file_id \
         where t.send_id = $1 and ($2 is null or {}) and ($3 is null or {}) and ($4 is null or t.id > $4) \
         order by t.id limit $5",
        reached(matches!(db, Db::Sqlite(_)), "f.path", 2),
        db.id_among("t.host_id", 3)
    );
    let rows: Vec<TargetRecord> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(send)
        .bind(&reach.files)
        .bind(&reach.hosts)
        .bind(after)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(target).collect()
}

/// The orders of a send, for hosts in reach, that no host was known to have a moment ago.
pub(in crate::files) async fn waiting(
    db: &Db,
    reach: &Reach,
    send: FileSendId,
) -> Result<Vec<OrderId>, DbError> {
    let sql = format!(
        "select t.order_id from file_send_targets t \
         join file_send_files f on f.send_id = t.send_id and f.file_id = t.file_id \
         where t.send_id = $1 and ($2 is null or {}) and ($3 is null or {}) \
         and t.state in ('queued', 'waitingForHost') and t.order_id is not null",
        reached(matches!(db, Db::Sqlite(_)), "f.path", 2),
        db.id_among("t.host_id", 3)
    );
    Ok(with_pool!(db, |pool| sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(send)
        .bind(&reach.files)
        .bind(&reach.hosts)
        .fetch_all(pool)
        .await)?)
}

/// Notes that these orders were taken back.
pub(in crate::files) async fn set_taken_back(
    tx: &mut Tx,
    send: FileSendId,
    orders: &[OrderId],
    why: &str,
    now: UnixMs,
) -> Result<(), DbError> {
    const SEND: &str = "update file_sends set cancelled_at = $2 where id = $1";
    let sql = format!(
        "update file_send_targets set state = 'cancelled', error = $3, ended_at = $4 where send_id = $1 and {}",
        tx.id_among("order_id", 2)
    );
    let orders = serde_json::to_string(orders).unwrap_or_else(|_| "[]".to_owned());
    with_tx!(tx, |conn| {
        sqlx::query(AssertSqlSafe(sql))
            .bind(send)
            .bind(orders)
            .bind(why)
            .bind(now)
            .execute(&mut *conn)
            .await?;
        sqlx::query(SEND).bind(send).bind(now).execute(conn).await?;
    });
    Ok(())
}

/// Notes where an order stands.
pub(in crate::files) async fn set_state(
    tx: &mut Tx,
    order: OrderId,
    state: OrderState,
    error: Option<&str>,
    ended_at: Option<UnixMs>,
) -> Result<(), DbError> {
    const SQL: &str =
        "update file_send_targets set state = $2, error = $3, ended_at = $4 where order_id = $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(order)
            .bind(state.as_str())
            .bind(error)
            .bind(ended_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// The file that an order is about, if it is still there as it was.
pub(in crate::files) async fn content(db: &Db, order: OrderId) -> Result<Option<(FileId, u64)>, DbError> {
    const SQL: &str = "select f.id, f.size from file_send_targets t \
        join file_send_files s on s.send_id = t.send_id and s.file_id = t.file_id \
        join files f on f.id = s.file_id and f.hash = s.hash where t.order_id = $1";
    let row: Option<(FileId, i64)> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(order)
        .fetch_optional(pool)
        .await)?;
    row.map(|(id, size)| Ok((id, unsigned(size, "files.size")?)))
        .transpose()
}

/// Forgets sends that are older, some at a time.
pub(in crate::files) async fn delete_before(tx: &mut Tx, before: UnixMs, limit: i64) -> Result<(), DbError> {
    const SQL: &str = "delete from file_sends where id in \
        (select id from file_sends where created_at < $1 order by created_at limit $2)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(before).bind(limit).execute(conn).await?;
    });
    Ok(())
}

fn send(row: Record) -> FileSend {
    FileSend {
        id: row.id,
        created_by: row.created_by,
        created_at: row.created_at,
        expires_at: row.expires_at,
        destination: row.destination,
        mode: mode_text(u32::try_from(row.mode).unwrap_or_default()),
        replace: row.replaces,
        cancelled_at: row.cancelled_at,
        files: Vec::new(),
        outcomes: std::collections::BTreeMap::new(),
    }
}

fn target(row: TargetRecord) -> Result<FileSendTarget, DbError> {
    let state = OrderState::parse(&row.state)
        .ok_or_else(|| DbError::Corrupt(format!("file_send_targets.state of {}", row.id)))?;
    Ok(FileSendTarget {
        id: row.id,
        file_id: row.file_id,
        path: row.target,
        host_id: row.host_id,
        host_name: row.host_name,
        order_id: row.order_id,
        state,
        error: row.error,
        ended_at: row.ended_at,
    })
}
