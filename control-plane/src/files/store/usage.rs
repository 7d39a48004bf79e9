//! How much an org has.

use muster_base::OrgId;

use super::unsigned;
use crate::{
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

/// Pieces that are no file's and no upload's, or may be stored and are not known to be, are bytes until they are swept away.
const SQL: &str = "select cast(coalesce(sum(size), 0) as bigint) as bytes, cast(coalesce(sum(item), 0) as bigint) as items \
    from (select size, 1 as item from files where org_id = $1 \
    union all select size, 1 as item from file_uploads where org_id = $1 \
    union all select size, 0 as item from file_pieces where org_id = $1 and file_id is null \
    and (stored = 0 or upload_id is null)) as kept";

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
