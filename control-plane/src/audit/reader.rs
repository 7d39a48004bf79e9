//! A log's rows, oldest first, wherever they are: in files of the archive, then in the table.

use super::{
    AuditRow, Filter,
    archive::{Archive, Unreadable},
    store,
};
use crate::db::{Db, DbError};

/// One log.
pub(super) struct Reader<'a> {
    pub(super) db: &'a Db,
    pub(super) archive: &'a Archive,
    pub(super) scope: &'a str,
}

/// Why rows can't be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// A file of the archive.
    #[error(transparent)]
    File(#[from] Unreadable),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Reader<'_> {
    /// Rows with a number above `after` that pass the filter: those of one file, or at most `limit` of the table.
    /// None at the end.
    pub(super) async fn next(
        &self,
        filter: &Filter,
        mut after: i64,
        limit: i64,
    ) -> Result<Vec<AuditRow>, ReadError> {
        loop {
            if let Some(file) = store::archive::first_after(self.db, self.scope, after).await? {
                let mut rows = self.archive.read(&file).await?;
                rows.retain(|row| row.seq > after && filter.passes(row));
                if !rows.is_empty() {
                    return Ok(rows);
                }
                after = file.last_seq;
                continue;
            }
            let rows = store::list_from(self.db, self.scope, filter, after, limit).await?;
            // They may have moved into a file between the two looks.
            if store::archive::end(self.db, self.scope).await?.0 <= after {
                return Ok(rows);
            }
        }
    }
}

impl Filter {
    /// Whether the row is one of those that are wanted; as the query of the table decides it.
    fn passes(&self, row: &AuditRow) -> bool {
        let is =
            |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        is(&self.actor, &row.actor_id)
            && is(&self.operation, &row.operation)
            && is(&self.object_kind, &row.object_kind)
            && is(&self.object_id, &row.object_id)
            && self.outcome.is_none_or(|outcome| outcome.as_str() == row.outcome)
            && self.from.is_none_or(|from| row.at >= from)
            && self.to.is_none_or(|to| row.at < to)
            && self.reach.as_ref().is_none_or(|reach| reach.passes(row))
    }
}
