//! Whether a log is as it was written.
//!
//! The head says how many rows there are and what the last one's hash is. It is read first: rows that are written
//! meanwhile come after it, so that an intact log never looks broken. Rows after it are believed only if the head has
//! moved over them since.

use super::{Filter, chain, store};
use crate::db::{Db, DbError};

/// Rows read at a time.
const BATCH: i64 = 1_000;

/// What came of a look at a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// Every row is there and unchanged.
    Intact {
        /// How many there are.
        rows: i64,
    },
    /// Something was changed or removed.
    Broken {
        /// Number of the first row that is missing, changed, or not vouched for by the head.
        first: i64,
    },
}

/// Checks a scope's rows against each other and against the head.
pub(super) async fn walk(db: &Db, scope: &str) -> Result<Chain, DbError> {
    let (end, head_hash) = store::head(db, scope).await?;
    let (mut seq, mut previous) = (0, Vec::new());
    while seq < end {
        let rows = store::list_from(db, scope, &Filter::default(), seq, BATCH.min(end - seq)).await?;
        if rows.is_empty() {
            return Ok(Chain::Broken { first: seq + 1 });
        }
        for row in rows {
            let hash = chain::hash(&previous, &row);
            if row.seq != seq + 1 || row.hash != hex::encode(hash) {
                return Ok(Chain::Broken { first: seq + 1 });
            }
            seq = row.seq;
            previous = hash.to_vec();
        }
    }
    if head_hash != previous {
        return Ok(Chain::Broken { first: end.max(1) });
    }
    let last = store::last(db, scope).await?;
    let written_since = last > end && store::head(db, scope).await?.0 >= last;
    Ok(if last <= end || written_since {
        Chain::Intact { rows: end }
    } else {
        Chain::Broken { first: end + 1 }
    })
}
