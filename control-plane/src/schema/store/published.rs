//! Where a table or view is live: rows of `database_state_parts`, which are the parts of each design in `database_states`
//! by the document that they came from. So no whole design is read to know of one table.

use muster_base::{DocumentId, OrgId, ReleaseId, ServerId, UnixMs};
use muster_documents::{Design, DesignTable, DesignView};
use serde::Serialize;
use sqlx::AssertSqlSafe;

use crate::{
    access::{ObjectKind, Scope},
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

const TABLE: &str = "table";

/// A database that holds it.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::schema) struct Record {
    pub(in crate::schema) server_id: ServerId,
    pub(in crate::schema) label: String,
    pub(in crate::schema) environment: String,
    pub(in crate::schema) database: String,
    pub(in crate::schema) release_id: Option<ReleaseId>,
    pub(in crate::schema) version: Option<String>,
    pub(in crate::schema) reached_at: UnixMs,
    kind: String,
    part: String,
}

/// What is live of a document in a database.
pub(in crate::schema) enum Part {
    Table(Box<DesignTable>),
    View(Box<DesignView>),
}

impl Record {
    /// What is live there.
    pub(in crate::schema) fn part(&self) -> Result<Part, DbError> {
        let read = if self.kind == TABLE {
            serde_json::from_str(&self.part).map(Part::Table)
        } else {
            serde_json::from_str(&self.part).map(Part::View)
        };
        read.map_err(|_| DbError::Corrupt("database_state_parts.part: a part that can't be read".to_owned()))
    }
}

/// A part as a row.
#[derive(Serialize)]
struct Row {
    document: String,
    kind: &'static str,
    part: String,
}

/// Puts a design's parts in the place of those that were live there.
pub(super) async fn set_parts(
    tx: &mut Tx,
    (server, database): (ServerId, &str),
    design: &Design,
) -> Result<(), DbError> {
    const REMOVE: &str = "delete from database_state_parts where server_id = $1 and database = $2";
    let unwritten = |_: serde_json::Error| DbError::Corrupt("a part of a design can't be written".to_owned());
    let mut rows = Vec::with_capacity(design.tables.len() + design.views.len());
    for table in &design.tables {
        rows.push(Row {
            document: table.id.to_string(),
            kind: TABLE,
            part: serde_json::to_string(table).map_err(unwritten)?,
        });
    }
    for view in &design.views {
        rows.push(Row {
            document: view.id.to_string(),
            kind: "view",
            part: serde_json::to_string(view).map_err(unwritten)?,
        });
    }
    let rows = serde_json::to_string(&rows).map_err(unwritten)?;
    // One statement for all of them, however many tables there are.
    let each = match &*tx {
        Tx::Sqlite(_) => "json_each($3) p",
        Tx::Postgres(_) => "jsonb_array_elements($3::jsonb) p",
    };
    let insert = format!(
        "insert into database_state_parts (server_id, database, document, kind, part) \
         select $1, $2, p.value ->> 'document', p.value ->> 'kind', p.value ->> 'part' from {each} \
         where true on conflict do nothing"
    );
    with_tx!(tx, |conn| {
        sqlx::query(REMOVE)
            .bind(server)
            .bind(database)
            .execute(&mut *conn)
            .await?;
        sqlx::query(AssertSqlSafe(insert))
            .bind(server)
            .bind(database)
            .bind(rows)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Databases in reach where the document is live, at most so many.
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
        "select s.server_id, d.label, d.environment, s.database, s.release_id, r.version, s.reached_at, p.kind, p.part \
         from database_state_parts p \
         join database_states s on s.server_id = p.server_id and s.database = p.database \
         join db_servers d on d.id = s.server_id \
         left join releases r on r.id = s.release_id \
         where p.document = $2 and d.org_id = $1 and d.deleted_at is null \
         and ($4 is null or {server}) and ($5 is null or {environment}) and ($6 is null or {database}) \
         order by d.environment, d.label, s.database limit $3"
    );
    Ok(with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(document.to_string())
        .bind(limit)
        .bind(scope.keys(ObjectKind::Servers))
        .bind(scope.keys(ObjectKind::Environments))
        .bind(scope.keys(ObjectKind::Databases))
        .fetch_all(pool)
        .await)?)
}

/// What a document's revisions before one said, newest first: number, name and spec. What was deleted said nothing.
pub(in crate::schema) async fn list_revisions(
    db: &Db,
    id: DocumentId,
    (before, limit): (i64, i64),
) -> Result<Vec<(i64, String, String)>, DbError> {
    const SQL: &str = "select revision, name, spec from document_revisions \
        where document_id = $1 and change <> 'deleted' and revision < $2 order by revision desc limit $3";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(id)
        .bind(before)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}
