//! SQL of this room.

pub(super) mod list;
pub(super) mod outbox;

#[cfg(test)]
pub(super) mod for_tests {
    use muster_base::LetterId;

    use crate::{db::Db, with_pool};

    /// What a letter carries, as it is stored.
    pub(in crate::notify) async fn secret(db: &Db, id: LetterId) -> String {
        let sql = "select secret from outbox where id = $1";
        let found = with_pool!(db, |pool| sqlx::query_scalar(sql).bind(id).fetch_one(pool).await);
        found.unwrap()
    }
}
