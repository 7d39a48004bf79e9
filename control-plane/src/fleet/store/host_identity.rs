//! Rows of `host_identities`: which CA speaks for each host, what it believes, how its clock goes. A removed host does
//! not count.

use muster_base::HostId;
use uuid::Uuid;

use crate::{
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

/// The CA that issued the host's present certificate.
pub(in crate::fleet) async fn set_ca(tx: &mut Tx, host: HostId, ca: Uuid) -> Result<(), DbError> {
    const SQL: &str = "insert into host_identities (host_id, ca_id, roots, signing) values ($1, $2, '', '') \
        on conflict (host_id) do update set ca_id = excluded.ca_id";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(host).bind(ca).execute(conn).await?;
    });
    Ok(())
}

/// How far the host's clock is ahead.
pub(in crate::fleet) async fn set_clock(tx: &mut Tx, host: HostId, ahead_ms: i64) -> Result<(), DbError> {
    const SQL: &str = "update host_identities set clock_ahead_ms = $2 where host_id = $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(host).bind(ahead_ms).execute(conn).await?;
    });
    Ok(())
}

/// Hosts whose clocks are ahead or behind by more than `ms`, the worst first.
pub(in crate::fleet) async fn list_skewed(
    db: &Db,
    ms: i64,
    limit: i64,
) -> Result<Vec<(String, i64)>, DbError> {
    const SQL: &str = "select h.name, k.clock_ahead_ms from hosts h join host_identities k on k.host_id = h.id \
        where h.deleted_at is null and (k.clock_ahead_ms > $1 or k.clock_ahead_ms < -$1) \
        order by abs(k.clock_ahead_ms) desc, h.name limit $2";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(ms)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

/// What the host believes.
pub(in crate::fleet) async fn set_believed(
    tx: &mut Tx,
    host: HostId,
    roots: &str,
    signing: &str,
) -> Result<(), DbError> {
    const SQL: &str = "update host_identities set roots = $2, signing = $3 where host_id = $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(host)
            .bind(roots)
            .bind(signing)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// What the host believes: roots, signing keys.
pub(in crate::fleet) async fn find_believed(
    db: &Db,
    host: HostId,
) -> Result<Option<(String, String)>, DbError> {
    const SQL: &str = "select roots, signing from host_identities where host_id = $1";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(host)
        .fetch_optional(pool)
        .await)?)
}

/// How many hosts there are.
pub(in crate::fleet) async fn count(db: &Db) -> Result<i64, DbError> {
    const SQL: &str = "select count(*) from hosts where deleted_at is null";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .fetch_one(pool)
        .await)?)
}

/// What some hosts believe.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::fleet) struct Belief {
    /// Roots, hexadecimal.
    pub(in crate::fleet) roots: Option<String>,
    /// Signing keys, hexadecimal.
    pub(in crate::fleet) signing: Option<String>,
    /// How many hosts believe just that.
    pub(in crate::fleet) hosts: i64,
}

/// How many hosts believe what.
pub(in crate::fleet) async fn count_beliefs(db: &Db) -> Result<Vec<Belief>, DbError> {
    const SQL: &str = "select k.roots, k.signing, count(*) as hosts from hosts h \
        join host_identities k on k.host_id = h.id where h.deleted_at is null group by k.roots, k.signing";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL).fetch_all(pool).await)?)
}

/// How many hosts have a certificate of which CA.
pub(in crate::fleet) async fn count_certificates(db: &Db) -> Result<Vec<(Option<Uuid>, i64)>, DbError> {
    const SQL: &str = "select k.ca_id, count(*) from hosts h join host_identities k on k.host_id = h.id \
        where h.deleted_at is null group by k.ca_id";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL).fetch_all(pool).await)?)
}
