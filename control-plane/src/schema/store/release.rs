//! Rows of `releases`.

use muster_base::{OrgId, ReleaseId, TicketId, UnixMs};

use crate::{
    access::{ObjectKind, Scope},
    db::{Db, DbError, Tx},
    schema::{Release, RiskLevel, Ticket, reach},
    with_pool, with_tx,
};

#[derive(sqlx::FromRow)]
struct Record {
    id: ReleaseId,
    ticket_id: TicketId,
    project: String,
    version: String,
    environment: String,
    database: String,
    risk: String,
    created_at: UnixMs,
}

impl From<Record> for Release {
    fn from(record: Record) -> Self {
        Self {
            id: record.id,
            ticket_id: record.ticket_id,
            project: record.project,
            version: record.version,
            environment: record.environment,
            database: record.database,
            risk: RiskLevel::parse(&record.risk),
            created_at: record.created_at,
        }
    }
}

pub(in crate::schema) async fn insert(
    tx: &mut Tx,
    org: OrgId,
    id: ReleaseId,
    ticket: &Ticket,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "insert into releases (id, org_id, ticket_id, project, version, environment, database, risk, \
        created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(org)
            .bind(ticket.id)
            .bind(&ticket.project)
            .bind(&ticket.version)
            .bind(&ticket.environment)
            .bind(&ticket.database)
            .bind(ticket.risk.as_str())
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::schema) async fn find(db: &Db, org: OrgId, id: ReleaseId) -> Result<Option<Release>, DbError> {
    const SQL: &str = "select id, ticket_id, project, version, environment, database, risk, created_at \
        from releases where org_id = $1 and id = $2";
    let record: Option<Record> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    Ok(record.map(Release::from))
}

/// The release of that project, environment and version.
pub(in crate::schema) async fn find_named(
    db: &Db,
    org: OrgId,
    (project, environment, version): (&str, &str, &str),
) -> Result<Option<Release>, DbError> {
    const SQL: &str = "select id, ticket_id, project, version, environment, database, risk, created_at \
        from releases where org_id = $1 and project = $2 and environment = $3 and version = $4";
    let record: Option<Record> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(project)
        .bind(environment)
        .bind(version)
        .fetch_optional(pool)
        .await)?;
    Ok(record.map(Release::from))
}

/// Newest first.
pub(in crate::schema) async fn list(
    db: &Db,
    (org, scope): (OrgId, &Scope),
    before: Option<ReleaseId>,
    limit: i64,
) -> Result<Vec<Release>, DbError> {
    let sql = format!(
        "select r.id, r.ticket_id, r.project, r.version, r.environment, r.database, r.risk, r.created_at \
         from releases r where r.org_id = $1 and ($2 is null or r.id < $2) and {} order by r.id desc limit $3",
        reach::condition(db, "r", "r.ticket_id", 4)
    );
    let records: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(org)
        .bind(before)
        .bind(limit)
        .bind(scope.keys(ObjectKind::Environments))
        .bind(scope.keys(ObjectKind::Databases))
        .bind(scope.keys(ObjectKind::Servers))
        .fetch_all(pool)
        .await)?;
    Ok(records.into_iter().map(Release::from).collect())
}
