//! Files whose org, or whose person, is gone. The deepest go first, so that no folder goes before what is in it.

use muster_base::UnixMs;

use crate::{
    db::{DbError, Tx},
    with_tx,
};

/// Some of those of orgs that are deleted; how many.
pub(in crate::files) async fn delete_of_gone_orgs(tx: &mut Tx, limit: i64) -> Result<u64, DbError> {
    const SQL: &str = "delete from files where id in (select f.id from files f join orgs o on o.id = f.org_id \
        where o.deleted_at is not null order by length(f.path) desc limit $1)";
    Ok(with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(limit)
        .execute(conn)
        .await?
        .rows_affected()))
}

/// Notes who left, and forgets it of those who came back.
pub(in crate::files) async fn note(tx: &mut Tx, now: UnixMs) -> Result<(), DbError> {
    const BACK: &str = "update files set left_at = null where owner_type = 1 and left_at is not null and exists \
        (select 1 from members m where m.org_id = files.org_id and m.user_id = files.owner_id)";
    const LEFT: &str = "update files set left_at = $1 where owner_type = 1 and left_at is null and not exists \
        (select 1 from members m where m.org_id = files.org_id and m.user_id = files.owner_id)";
    with_tx!(tx, |conn| {
        sqlx::query(BACK).execute(conn).await?;
    });
    with_tx!(tx, |conn| {
        sqlx::query(LEFT).bind(now).execute(conn).await?;
    });
    Ok(())
}

/// Some of those whose person left before then; how many.
pub(in crate::files) async fn delete(tx: &mut Tx, before: UnixMs, limit: i64) -> Result<u64, DbError> {
    const SQL: &str = "delete from files where id in (select f.id from files f where f.owner_type = 1 \
        and f.left_at < $1 and not exists (select 1 from members m where m.org_id = f.org_id and m.user_id = f.owner_id) \
        and not exists (select 1 from files c where c.parent_id = f.id and (c.left_at is null or c.left_at >= $1)) \
        order by length(f.path) desc limit $2)";
    Ok(with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(before)
        .bind(limit)
        .execute(conn)
        .await?
        .rows_affected()))
}
