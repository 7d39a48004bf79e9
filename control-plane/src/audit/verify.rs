//! Whether a log is as it was written, through its files and its table as one chain.
//!
//! The head says how many rows there are and what the last one's hash is. It is read first: rows that are written
//! meanwhile come after it, so that an intact log never looks broken. Rows after it are believed only if the head has
//! moved over them since.
//!
//! A file of the archive counts only if the log itself says that these rows went into it, with its hash: who writes to
//! the database can't put another file in its place.

use std::collections::BTreeMap;

use super::{
    AuditRow, Filter,
    archive::{Archive, OPERATION, Voucher},
    chain,
    reader::{ReadError, Reader},
    store,
};
use crate::db::{Db, DbError};

/// Rows of the table that are read at a time.
const BATCH: i64 = 1_000;

/// What came of a look at a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chain {
    /// Every row is there and unchanged.
    Intact {
        /// How many there are.
        rows: i64,
        /// How many of them are in files.
        archived: i64,
    },
    /// Something was changed or removed.
    Broken {
        /// Number of the first row that is missing, changed, or not vouched for by the head.
        first: i64,
    },
    /// A file of the archive is missing, was changed, or does not open.
    Unreadable {
        /// Number of its first row.
        first: i64,
        /// Which, and why.
        why: String,
    },
}

/// Checks a scope's rows against each other and against the head.
pub(super) async fn walk(db: &Db, archive: &Archive, scope: &str) -> Result<Chain, DbError> {
    let files = store::archive::list(db, scope).await?;
    let archived = files.last().map_or(0, |file| file.last_seq);
    let (end, head_hash) = store::head(db, scope).await?;
    let reader = Reader { db, archive, scope };
    let (mut seq, mut previous, mut vouchers) = (0, Vec::new(), BTreeMap::new());
    while seq < end {
        let rows = match reader.next(&Filter::default(), seq, BATCH.min(end - seq)).await {
            Ok(rows) => rows,
            Err(ReadError::File(error)) => {
                return Ok(Chain::Unreadable {
                    first: seq + 1,
                    why: crate::error::chain(&error),
                });
            }
            Err(ReadError::Db(error)) => return Err(error),
        };
        if rows.is_empty() {
            return Ok(Chain::Broken { first: seq + 1 });
        }
        for row in rows {
            let hash = chain::hash(&previous, &row);
            if row.seq != seq + 1 || row.hash != hex::encode(hash) {
                return Ok(Chain::Broken { first: seq + 1 });
            }
            vouchers.extend(voucher(&row).map(|voucher| (voucher.first_seq, voucher)));
            seq = row.seq;
            previous = hash.to_vec();
            // A file may go on beyond a head that was moved back; the table's rows are cut off by the limit.
            if seq == end {
                break;
            }
        }
    }
    if head_hash != previous {
        return Ok(Chain::Broken { first: end.max(1) });
    }
    if let Some(file) = files
        .iter()
        .find(|file| vouchers.get(&file.first_seq) != Some(&Voucher::of(file)))
    {
        return Ok(Chain::Broken {
            first: file.first_seq,
        });
    }
    let last = store::last(db, scope).await?.max(archived);
    let written_since = last > end && store::head(db, scope).await?.0 >= last;
    Ok(if last <= end || written_since {
        Chain::Intact { rows: end, archived }
    } else {
        Chain::Broken { first: end + 1 }
    })
}

fn voucher(row: &AuditRow) -> Option<Voucher> {
    let by_us = row.operation == OPERATION && row.actor_kind == "system";
    let text = row.after.as_deref().filter(|_| by_us)?;
    serde_json::from_str(text).ok()
}
