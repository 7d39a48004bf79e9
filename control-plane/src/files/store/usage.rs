//! How much an org has.

use muster_base::OrgId;

use super::unsigned;
use crate::{
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

const SQL: &str = "select cast(coalesce(sum(size), 0) as bigint) as bytes, count(*) as items from \
    (select size from files where org_id = $1 union all select size from file_uploads where org_id = $1) as kept";

/// Bytes and items.
pub(in crate::files) async fn read(db: &Db, org: OrgId) -> Result<(u64, u64), DbError> {
    let row: (i64, i64) = with_pool!(db, |pool| sqlx::query_as(SQL).bind(org).fetch_one(pool).await)?;
    both(row)
}

/// The same in a transaction.
pub(in crate::files) async fn read_in(tx: &mut Tx, org: OrgId) -> Result<(u64, u64), DbError> {
    let row: (i64, i64) = with_tx!(tx, |conn| sqlx::query_as(SQL).bind(org).fetch_one(conn).await?);
    both(row)
}

fn both((bytes, items): (i64, i64)) -> Result<(u64, u64), DbError> {
    Ok((unsigned(bytes, "bytes of files")?, unsigned(items, "files")?))
}
