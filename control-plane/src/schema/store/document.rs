//! Rows of `documents` and `document_revisions`.

use muster_base::{DocumentId, OrgId, UnixMs, UserId};
use muster_documents::{Kind, Spec};

use crate::{
    access::{Caller, ObjectKind, Scope},
    db::{Db, DbError, Tx},
    schema::document::{Revision, Stored},
    with_pool, with_tx,
};

#[derive(sqlx::FromRow)]
struct Record {
    id: DocumentId,
    kind: String,
    name: String,
    label: Option<String>,
    database: Option<String>,
    revision: i64,
    spec: String,
    created_at: UnixMs,
    updated_at: UnixMs,
    updated_by: String,
}

impl TryFrom<Record> for Stored {
    type Error = DbError;

    fn try_from(record: Record) -> Result<Self, DbError> {
        let corrupt = |what: &str| DbError::Corrupt(format!("documents.{what} of {}", record.id));
        let kind = Kind::parse(&record.kind).ok_or_else(|| corrupt("kind"))?;
        Ok(Self {
            spec: Spec::from_json(kind, &record.spec).map_err(|_| corrupt("spec"))?,
            json: record.spec,
            id: record.id,
            name: record.name,
            label: record.label,
            database: record.database,
            revision: record.revision,
            created_at: record.created_at,
            updated_at: record.updated_at,
            updated_by: record.updated_by,
        })
    }
}

/// What a new revision is.
#[derive(Debug, Clone, Copy)]
pub(in crate::schema) enum What {
    Created,
    Changed,
    Restored,
    Deleted,
}

impl What {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Restored => "restored",
            Self::Deleted => "deleted",
        }
    }
}

/// Keeps others from writing documents of the org until the transaction ends: what one names, another may be removing.
pub(in crate::schema) async fn one_at_a_time(tx: &mut Tx, org: OrgId) -> Result<(), DbError> {
    match tx {
        // The single writer.
        Tx::Sqlite(_) => {}
        Tx::Postgres(tx) => {
            sqlx::query("select pg_advisory_xact_lock(hashtextextended('documents ' || $1::text, 0))")
                .bind(org)
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok(())
}

pub(in crate::schema) async fn insert(tx: &mut Tx, org: OrgId, of: &Stored) -> Result<(), DbError> {
    const SQL: &str = "insert into documents (id, org_id, kind, name, label, database, revision, draft, spec, \
        created_at, updated_at, updated_by) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(of.id)
            .bind(org)
            .bind(of.spec.kind().as_str())
            .bind(&of.name)
            .bind(&of.label)
            .bind(&of.database)
            .bind(of.revision)
            .bind(of.spec.is_draft())
            .bind(&of.json)
            .bind(of.created_at)
            .bind(of.updated_at)
            .bind(&of.updated_by)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Writes the next revision of a document that is locked.
pub(in crate::schema) async fn update(tx: &mut Tx, org: OrgId, of: &Stored) -> Result<(), DbError> {
    const SQL: &str = "update documents set name = $3, label = $4, database = $5, revision = $6, draft = $7, \
        spec = $8, updated_at = $9, updated_by = $10 where org_id = $1 and id = $2 and deleted_at is null";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(of.id)
            .bind(&of.name)
            .bind(&of.label)
            .bind(&of.database)
            .bind(of.revision)
            .bind(of.spec.is_draft())
            .bind(&of.json)
            .bind(of.updated_at)
            .bind(&of.updated_by)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::schema) async fn set_deleted(
    tx: &mut Tx,
    org: OrgId,
    id: DocumentId,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update documents set deleted_at = $3 where org_id = $1 and id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(id)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::schema) async fn add_revision(
    tx: &mut Tx,
    caller: &Caller,
    of: &Stored,
    what: What,
) -> Result<(), DbError> {
    const SQL: &str = "insert into document_revisions (document_id, revision, change, name, label, spec, person, \
        by_name, at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(of.id)
            .bind(of.revision)
            .bind(what.as_str())
            .bind(&of.name)
            .bind(&of.label)
            .bind(&of.json)
            .bind(caller.actor.person())
            .bind(caller.actor.name())
            .bind(of.updated_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// The document of that kind and name in that database (or in none), kept from others until the transaction ends.
pub(in crate::schema) async fn lock_named(
    tx: &mut Tx,
    db: &Db,
    org: OrgId,
    (kind, database, name): (Kind, Option<&str>, &str),
) -> Result<Option<Stored>, DbError> {
    const SQL: &str = "select id, kind, name, label, database, revision, spec, created_at, updated_at, updated_by \
        from documents where org_id = $1 and kind = $2 and name = $3 and coalesce(database, '') = $4 \
        and deleted_at is null";
    let sql = format!("{SQL}{}", db.for_update());
    let record: Option<Record> = with_tx!(tx, |conn| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(org)
        .bind(kind.as_str())
        .bind(name)
        .bind(database.unwrap_or_default())
        .fetch_optional(conn)
        .await)?;
    record.map(Stored::try_from).transpose()
}

/// The document, kept from others until the transaction ends.
pub(in crate::schema) async fn lock(
    tx: &mut Tx,
    db: &Db,
    org: OrgId,
    id: DocumentId,
) -> Result<Option<Stored>, DbError> {
    const SQL: &str = "select id, kind, name, label, database, revision, spec, created_at, updated_at, updated_by \
        from documents where org_id = $1 and id = $2 and deleted_at is null";
    let sql = format!("{SQL}{}", db.for_update());
    let record: Option<Record> = with_tx!(tx, |conn| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(org)
        .bind(id)
        .fetch_optional(conn)
        .await)?;
    record.map(Stored::try_from).transpose()
}

/// The tables and views of a database, as the transaction sees them.
pub(in crate::schema) async fn list_in(
    tx: &mut Tx,
    org: OrgId,
    database: &str,
) -> Result<Vec<Stored>, DbError> {
    const SQL: &str = "select id, kind, name, label, database, revision, spec, created_at, updated_at, updated_by \
        from documents where org_id = $1 and database = $2 and kind in ('TableSnapshot', 'ViewSnapshot') \
        and deleted_at is null order by name";
    let records: Vec<Record> = with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(org)
        .bind(database)
        .fetch_all(conn)
        .await)?;
    records.into_iter().map(Stored::try_from).collect()
}

/// The approval flows of the orgs that a user is in: their names and specs.
pub(in crate::schema) async fn flows_around(db: &Db, user: UserId) -> Result<Vec<(String, String)>, DbError> {
    const SQL: &str = "select d.name, d.spec from documents d join members m on m.org_id = d.org_id \
        where m.user_id = $1 and d.kind = 'ApprovalFlow' and d.deleted_at is null order by d.name";
    with_pool!(db, |pool| sqlx::query_as(SQL).bind(user).fetch_all(pool).await).map_err(DbError::from)
}

/// Every project, as the transaction sees them.
pub(in crate::schema) async fn list_projects(tx: &mut Tx, org: OrgId) -> Result<Vec<Stored>, DbError> {
    const SQL: &str = "select id, kind, name, label, database, revision, spec, created_at, updated_at, updated_by \
        from documents where org_id = $1 and kind = 'Project' and deleted_at is null order by name";
    let records: Vec<Record> = with_tx!(tx, |conn| sqlx::query_as(SQL).bind(org).fetch_all(conn).await)?;
    records.into_iter().map(Stored::try_from).collect()
}

pub(in crate::schema) async fn find(db: &Db, org: OrgId, id: DocumentId) -> Result<Option<Stored>, DbError> {
    const SQL: &str = "select id, kind, name, label, database, revision, spec, created_at, updated_at, updated_by \
        from documents where org_id = $1 and id = $2 and deleted_at is null";
    let record: Option<Record> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    record.map(Stored::try_from).transpose()
}

/// Which documents.
#[derive(Debug, Clone, Default)]
pub(in crate::schema) struct Filter {
    pub(in crate::schema) kind: Option<Kind>,
    pub(in crate::schema) database: Option<String>,
    /// In the name or label, in any case.
    pub(in crate::schema) search: Option<String>,
    /// Whether those of servers too.
    pub(in crate::schema) servers: bool,
    pub(in crate::schema) after: Option<DocumentId>,
    pub(in crate::schema) limit: i64,
}

/// By id, and so oldest first. A database that is out of reach takes its tables and views with it.
pub(in crate::schema) async fn list(
    db: &Db,
    (org, scope): (OrgId, &Scope),
    filter: &Filter,
) -> Result<Vec<Stored>, DbError> {
    let sql = format!(
        "select id, kind, name, label, database, revision, spec, created_at, updated_at, updated_by from documents \
         where org_id = $1 and ($2 is null or kind = $2) and ($3 is null or database = $3) and ($4 is null or id > $4) \
         and deleted_at is null and ($7 or kind <> 'Server') \
         and ($8 is null or lower(name) like $8 escape '\\' or lower(coalesce(label, '')) like $8 escape '\\') and ($6 is null or database is null or {}) order by id limit $5",
        db.text_among("database", 6)
    );
    let records: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(org)
        .bind(filter.kind.map(Kind::as_str))
        .bind(&filter.database)
        .bind(filter.after)
        .bind(filter.limit)
        .bind(scope.keys(ObjectKind::Databases))
        .bind(filter.servers)
        .bind(filter.search.as_deref().map(like))
        .fetch_all(pool)
        .await)?;
    records.into_iter().map(Stored::try_from).collect()
}

/// The pattern of what has that text in it.
fn like(text: &str) -> String {
    let escaped = text
        .to_lowercase()
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_");
    format!("%{escaped}%")
}

#[derive(sqlx::FromRow)]
struct RevisionRecord {
    revision: i64,
    change: String,
    name: String,
    label: Option<String>,
    spec: String,
    by_name: String,
    at: UnixMs,
}

impl From<RevisionRecord> for (Revision, String) {
    fn from(record: RevisionRecord) -> Self {
        let revision = Revision {
            revision: record.revision,
            change: record.change,
            name: record.name,
            label: record.label,
            by: record.by_name,
            at: record.at,
        };
        (revision, record.spec)
    }
}

/// Newest first.
pub(in crate::schema) async fn list_revisions(
    db: &Db,
    id: DocumentId,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Revision>, DbError> {
    const SQL: &str = "select revision, change, name, label, '' as spec, by_name, at from document_revisions \
        where document_id = $1 and ($2 is null or revision < $2) order by revision desc limit $3";
    let records: Vec<RevisionRecord> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(id)
        .bind(before)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    Ok(records
        .into_iter()
        .map(|record| <(Revision, String)>::from(record).0)
        .collect())
}

/// One revision and what it says, as JSON.
pub(in crate::schema) async fn find_revision(
    db: &Db,
    id: DocumentId,
    revision: i64,
) -> Result<Option<(Revision, String)>, DbError> {
    const SQL: &str = "select revision, change, name, label, spec, by_name, at from document_revisions \
        where document_id = $1 and revision = $2";
    let record: Option<RevisionRecord> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(id)
        .bind(revision)
        .fetch_optional(pool)
        .await)?;
    Ok(record.map(Into::into))
}
