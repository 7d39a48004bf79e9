//! Where a table or view is live: `database_states` of servers, by the document that a design's part came from.

use muster_base::{DocumentId, OrgId, ReleaseId, ServerId, UnixMs};
use muster_documents::Design;
use sqlx::AssertSqlSafe;

use crate::{
    access::{ObjectKind, Scope},
    db::{Db, DbError},
    with_pool,
};

/// A database that may hold it.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::schema) struct Record {
    pub(in crate::schema) server_id: ServerId,
    pub(in crate::schema) label: String,
    pub(in crate::schema) environment: String,
    pub(in crate::schema) database: String,
    pub(in crate::schema) release_id: Option<ReleaseId>,
    pub(in crate::schema) version: Option<String>,
    pub(in crate::schema) reached_at: UnixMs,
    design: String,
}

impl Record {
    /// All that is live there.
    pub(in crate::schema) fn design(&self) -> Result<Design, DbError> {
        serde_json::from_str(&self.design)
            .map_err(|_| DbError::Corrupt("database_states.design: a design that can't be read".to_owned()))
    }
}

/// Databases in reach whose design names the document, at most so many. Ids are written there in their one way.
pub(in crate::schema) async fn list(
    db: &Db,
    (org, scope): (OrgId, &Scope),
    document: DocumentId,
    limit: i64,
) -> Result<Vec<Record>, DbError> {
    let server = db.id_among("d.id", 4);
    let environment = db.text_among("d.environment", 5);
    let database = db.text_among("s.database", 6);
    let sql = format!(
        "select s.server_id, d.label, d.environment, s.database, s.release_id, r.version, s.reached_at, s.design \
         from database_states s join db_servers d on d.id = s.server_id \
         left join releases r on r.id = s.release_id \
         where d.org_id = $1 and d.deleted_at is null and s.design like $2 \
         and ($4 is null or {server}) and ($5 is null or {environment}) and ($6 is null or {database}) \
         order by d.environment, d.label, s.database limit $3"
    );
    Ok(with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(format!("%{document}%"))
        .bind(limit)
        .bind(scope.keys(ObjectKind::Servers))
        .bind(scope.keys(ObjectKind::Environments))
        .bind(scope.keys(ObjectKind::Databases))
        .fetch_all(pool)
        .await)?)
}

/// What a document's newest revisions said, newest first: number, name and spec. What was deleted said nothing.
pub(in crate::schema) async fn list_revisions(
    db: &Db,
    id: DocumentId,
    limit: i64,
) -> Result<Vec<(i64, String, String)>, DbError> {
    const SQL: &str = "select revision, name, spec from document_revisions \
        where document_id = $1 and change <> 'deleted' order by revision desc limit $2";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(id)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}
