//! Rows of `alert_receivers`.

use muster_base::{AlertReceiverId, OrgId, UnixMs};
use sqlx::AssertSqlSafe;

use super::{from_json, to_json};
use crate::{
    alerts::receiver::{AlertReceiver, ReceiverKind, ReceiverTest},
    db::{Db, DbError, Tx},
    notify::Language,
    with_pool, with_tx,
};

const COLUMNS: &str = "org_id, id, name, kind, language, enabled, addresses, place, signed, message, last_test_at, \
    last_test_ok, last_test, created_by, created_at, updated_at";

#[derive(sqlx::FromRow)]
struct Row {
    org_id: OrgId,
    id: AlertReceiverId,
    name: String,
    kind: String,
    language: String,
    enabled: bool,
    addresses: String,
    place: String,
    signed: bool,
    message: Option<String>,
    last_test_at: Option<UnixMs>,
    last_test_ok: Option<bool>,
    last_test: Option<String>,
    created_by: String,
    created_at: UnixMs,
    updated_at: UnixMs,
}

impl Row {
    fn receiver(self) -> Result<(OrgId, AlertReceiver), DbError> {
        let test = self.last_test_at.zip(self.last_test_ok).zip(self.last_test);
        let receiver = AlertReceiver {
            id: self.id,
            name: self.name,
            kind: ReceiverKind::read(&self.kind)?,
            language: Language::read(&self.language)
                .ok_or_else(|| DbError::Corrupt("alert_receivers.language".to_owned()))?,
            enabled: self.enabled,
            addresses: from_json(&self.addresses, "alert_receivers.addresses")?,
            place: self.place,
            signed: self.signed,
            message: self.message,
            last_test: test.map(|((at, ok), message)| ReceiverTest { ok, message, at }),
            created_by: self.created_by,
            created_at: self.created_at,
            updated_at: self.updated_at,
        };
        Ok((self.org_id, receiver))
    }
}

pub(in crate::alerts) async fn count(tx: &mut Tx, org: OrgId) -> Result<i64, DbError> {
    const SQL: &str = "select count(*) from alert_receivers where org_id = $1";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .fetch_one(conn)
        .await)?)
}

pub(in crate::alerts) async fn insert(
    tx: &mut Tx,
    org: OrgId,
    receiver: &AlertReceiver,
) -> Result<(), DbError> {
    const SQL: &str = "insert into alert_receivers (id, org_id, name, kind, language, enabled, addresses, place, \
        signed, created_by, created_at, updated_at, message) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    let addresses = to_json(&receiver.addresses, "alert_receivers.addresses")?;
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(receiver.id)
            .bind(org)
            .bind(&receiver.name)
            .bind(receiver.kind.as_str())
            .bind(receiver.language.as_str())
            .bind(receiver.enabled)
            .bind(addresses)
            .bind(&receiver.place)
            .bind(receiver.signed)
            .bind(&receiver.created_by)
            .bind(receiver.created_at)
            .bind(receiver.updated_at)
            .bind(&receiver.message)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Forgets the last test, which was of the receiver as it was.
pub(in crate::alerts) async fn update(
    tx: &mut Tx,
    org: OrgId,
    receiver: &AlertReceiver,
) -> Result<bool, DbError> {
    const SQL: &str = "update alert_receivers set name = $3, kind = $4, language = $5, enabled = $6, addresses = $7, \
        place = $8, signed = $9, updated_at = $10, message = $11, last_test_at = null, \
        last_test_ok = null, last_test = null where org_id = $1 and id = $2";
    let addresses = to_json(&receiver.addresses, "alert_receivers.addresses")?;
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(receiver.id)
        .bind(&receiver.name)
        .bind(receiver.kind.as_str())
        .bind(receiver.language.as_str())
        .bind(receiver.enabled)
        .bind(addresses)
        .bind(&receiver.place)
        .bind(receiver.signed)
        .bind(receiver.updated_at)
        .bind(&receiver.message)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub(in crate::alerts) async fn set_test(
    tx: &mut Tx,
    org: OrgId,
    id: AlertReceiverId,
    test: &ReceiverTest,
) -> Result<(), DbError> {
    const SQL: &str = "update alert_receivers set last_test_at = $3, last_test_ok = $4, last_test = $5 \
        where org_id = $1 and id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(id)
            .bind(test.at)
            .bind(test.ok)
            .bind(&test.message)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::alerts) async fn delete(tx: &mut Tx, org: OrgId, id: AlertReceiverId) -> Result<bool, DbError> {
    const SQL: &str = "delete from alert_receivers where org_id = $1 and id = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Of the org.
pub(in crate::alerts) async fn find(
    db: &Db,
    org: OrgId,
    id: AlertReceiverId,
) -> Result<Option<AlertReceiver>, DbError> {
    Ok(select(db, Some(org), id).await?.map(|(_, receiver)| receiver))
}

/// Of whichever org: for what is sent to it.
pub(in crate::alerts) async fn find_any(
    db: &Db,
    id: AlertReceiverId,
) -> Result<Option<(OrgId, AlertReceiver)>, DbError> {
    select(db, None, id).await
}

async fn select(
    db: &Db,
    org: Option<OrgId>,
    id: AlertReceiverId,
) -> Result<Option<(OrgId, AlertReceiver)>, DbError> {
    let sql = format!("select {COLUMNS} from alert_receivers where id = $1 and ($2 is null or org_id = $2)");
    let row: Option<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(id)
        .bind(org)
        .fetch_optional(pool)
        .await)?;
    row.map(Row::receiver).transpose()
}

/// By name.
pub(in crate::alerts) async fn list(
    db: &Db,
    org: OrgId,
    after: &str,
    limit: i64,
) -> Result<Vec<AlertReceiver>, DbError> {
    let sql = format!(
        "select {COLUMNS} from alert_receivers where org_id = $1 and name > $2 order by name limit $3"
    );
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(after)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(|row| Ok(row.receiver()?.1)).collect()
}
