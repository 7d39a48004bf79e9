//! Rows of `tickets`, `ticket_servers` and `ticket_events`.

use muster_base::{OrgId, ReleaseId, ServerId, TicketId, UnixMs};
use serde::{Serialize, de::DeserializeOwned};

use super::proof::{self, ProofRecord};
use crate::{
    access::{Identity, ObjectKind, Scope},
    db::{Db, DbError, Tx},
    schema::{
        RiskLevel, RowCounts, ServerSql, ServerType, Ticket, TicketEvent, TicketStatus,
        held::Held,
        proposal::{PublishedWhat, Ticketing},
        reach,
    },
    with_pool, with_tx,
};

#[derive(sqlx::FromRow)]
struct Record {
    id: TicketId,
    project: String,
    version: String,
    environment: String,
    database: String,
    sql: String,
    risk: String,
    status: String,
    author: String,
    author_name: String,
    release_id: Option<ReleaseId>,
    created_at: UnixMs,
    updated_at: UnixMs,
    corrects: Option<TicketId>,
    author_may_decide: bool,
}

impl Record {
    fn ticket(self) -> Result<(Ticket, String), DbError> {
        let ticket = Ticket {
            id: self.id,
            project: self.project,
            version: self.version,
            environment: self.environment,
            database: self.database,
            status: TicketStatus::parse(&self.status)?,
            risk: RiskLevel::parse(&self.risk),
            author: self.author_name,
            release_id: self.release_id,
            created_at: self.created_at,
            updated_at: self.updated_at,
            corrects: self.corrects,
            person: self.author,
            author_may_decide: self.author_may_decide,
        };
        Ok((ticket, self.sql))
    }
}

pub(in crate::schema) async fn insert(
    tx: &mut Tx,
    org: OrgId,
    ticket: &Ticketing,
    servers: &[ServerSql],
) -> Result<(), DbError> {
    const SQL: &str = "insert into tickets (id, org_id, project, version, environment, database, sql, risk, status, \
        author, author_name, created_at, updated_at, published, corrects, author_may_decide, max_rows, backup_days) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', $9, $10, $11, $11, $12, $13, $14, $15, $16)";
    const SERVER: &str = "insert into ticket_servers (ticket_id, server_id, position, sql, sql_sha256, risk, \
        statements, findings, database, rollback_sql, not_taken_back, set_aside) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let published = ticket.published.as_ref().map(json).transpose()?;
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(ticket.id)
            .bind(org)
            .bind(&ticket.project)
            .bind(&ticket.version)
            .bind(&ticket.environment)
            .bind(&ticket.database)
            .bind(&ticket.sql)
            .bind(ticket.risk.as_str())
            .bind(&ticket.author)
            .bind(&ticket.author_name)
            .bind(ticket.at)
            .bind(published)
            .bind(ticket.corrects)
            .bind(ticket.author_may_decide)
            .bind(ticket.held.max_rows.map(i64::from))
            .bind(ticket.held.backup_days.map(i64::from))
            .execute(&mut *conn)
            .await?;
        for (position, server) in (0_i64..).zip(servers) {
            sqlx::query(SERVER)
                .bind(ticket.id)
                .bind(server.server)
                .bind(position)
                .bind(&server.sql)
                .bind(&server.sha256)
                .bind(server.risk.as_str())
                .bind(json(&server.statements)?)
                .bind(json(&server.findings)?)
                .bind(&server.database)
                .bind(&server.rollback_sql)
                .bind(json(&server.not_taken_back)?)
                .bind(server.set_aside.as_ref().map(json).transpose()?)
                .execute(&mut *conn)
                .await?;
        }
    });
    Ok(())
}

/// Notes what happened to a ticket that is locked, or new.
pub(in crate::schema) async fn add_event(
    tx: &mut Tx,
    ticket: TicketId,
    kind: &str,
    who: &Identity,
    comment: &str,
    at: UnixMs,
) -> Result<(), DbError> {
    const NEXT: &str = "select count(*) from ticket_events where ticket_id = $1";
    const SQL: &str = "insert into ticket_events (ticket_id, position, kind, person, name, comment, at) \
        values ($1, $2, $3, $4, $5, $6, $7)";
    with_tx!(tx, |conn| {
        let position: i64 = sqlx::query_scalar(NEXT)
            .bind(ticket)
            .fetch_one(&mut *conn)
            .await?;
        sqlx::query(SQL)
            .bind(ticket)
            .bind(position)
            .bind(kind)
            .bind(who.actor.person())
            .bind(who.actor.name())
            .bind(comment)
            .bind(at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::schema) async fn set_status(
    tx: &mut Tx,
    id: TicketId,
    status: TicketStatus,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update tickets set status = $2, updated_at = $3 where id = $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(status.as_str())
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// The ticket, kept from others until the transaction ends.
pub(in crate::schema) async fn lock(
    tx: &mut Tx,
    db: &Db,
    org: OrgId,
    id: TicketId,
) -> Result<Option<Ticket>, DbError> {
    const SQL: &str = "select t.id, t.project, t.version, t.environment, t.database, t.sql, t.risk, t.status, \
        t.author, t.author_name, (select r.id from releases r where r.ticket_id = t.id) as release_id, \
        t.created_at, t.updated_at, t.corrects, t.author_may_decide from tickets t where t.org_id = $1 and t.id = $2";
    let sql = format!("{SQL}{}", db.for_update());
    let record: Option<Record> = with_tx!(tx, |conn| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(org)
        .bind(id)
        .fetch_optional(conn)
        .await)?;
    Ok(record.map(Record::ticket).transpose()?.map(|(ticket, _)| ticket))
}

/// The ticket and its SQL as proposed.
pub(in crate::schema) async fn find(
    db: &Db,
    org: OrgId,
    id: TicketId,
) -> Result<Option<(Ticket, String)>, DbError> {
    const SQL: &str = "select t.id, t.project, t.version, t.environment, t.database, t.sql, t.risk, t.status, \
        t.author, t.author_name, r.id as release_id, t.created_at, t.updated_at, t.corrects, t.author_may_decide \
        from tickets t left join releases r on r.ticket_id = t.id where t.org_id = $1 and t.id = $2";
    let record: Option<Record> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    record.map(Record::ticket).transpose()
}

/// Newest first; without the SQL.
pub(in crate::schema) async fn list(
    db: &Db,
    (org, scope): (OrgId, &Scope),
    status: Option<TicketStatus>,
    before: Option<TicketId>,
    limit: i64,
) -> Result<Vec<Ticket>, DbError> {
    let in_reach = reach::condition(db, "t", "t.id", 5);
    let sql = format!(
        "select t.id, t.project, t.version, t.environment, t.database, '' as sql, t.risk, t.status, \
        t.author, t.author_name, r.id as release_id, t.created_at, t.updated_at, t.corrects, t.author_may_decide \
        from tickets t left join releases r on r.ticket_id = t.id \
        where t.org_id = $1 and ($2 is null or t.status = $2) and ($3 is null or t.id < $3) \
        and {in_reach} order by t.id desc limit $4"
    );
    let records: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(org)
        .bind(status.map(TicketStatus::as_str))
        .bind(before)
        .bind(limit)
        .bind(scope.keys(ObjectKind::Environments))
        .bind(scope.keys(ObjectKind::Databases))
        .bind(scope.keys(ObjectKind::Servers))
        .fetch_all(pool)
        .await)?;
    let tickets = records.into_iter().map(Record::ticket);
    tickets.map(|ticket| ticket.map(|(ticket, _)| ticket)).collect()
}

/// What it publishes; none of SQL as text.
/// The newest ticket of that project, environment and version: its id, its database, where it stands.
pub(in crate::schema) async fn find_latest_named(
    db: &Db,
    org: OrgId,
    (project, environment, version): (&str, &str, &str),
) -> Result<Option<(TicketId, String, TicketStatus)>, DbError> {
    const SQL: &str = "select id, database, status from tickets where org_id = $1 and project = $2 \
        and environment = $3 and version = $4 order by id desc limit 1";
    let row: Option<(TicketId, String, String)> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(project)
        .bind(environment)
        .bind(version)
        .fetch_optional(pool)
        .await)?;
    row.map(|(id, database, status)| Ok((id, database, TicketStatus::parse(&status)?)))
        .transpose()
}

pub(in crate::schema) async fn find_published(
    db: &Db,
    id: TicketId,
) -> Result<Option<PublishedWhat>, DbError> {
    const SQL: &str = "select published from tickets where id = $1";
    let text: Option<Option<String>> = with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    text.flatten().as_deref().map(read_json).transpose()
}

/// The ticket that corrects this one; the one that came furthest, if there are several.
pub(in crate::schema) async fn find_correction(
    db: &Db,
    org: OrgId,
    id: TicketId,
) -> Result<Option<(TicketId, TicketStatus)>, DbError> {
    const SQL: &str = "select id, status from tickets where org_id = $1 and corrects = $2 order by case \
        when status in ('pending', 'approved') then 0 when status = 'rejected' then 1 else 2 end, id desc limit 1";
    let row: Option<(TicketId, String)> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    row.map(|(id, status)| Ok((id, TicketStatus::parse(&status)?)))
        .transpose()
}

/// What its author asked for its statements.
pub(in crate::schema) async fn find_held(db: &Db, org: OrgId, id: TicketId) -> Result<Held, DbError> {
    const SQL: &str = "select max_rows, backup_days from tickets where org_id = $1 and id = $2";
    let row: Option<(Option<i64>, Option<i64>)> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    let (rows, days) = row.unwrap_or_default();
    Ok(Held {
        max_rows: rows.and_then(|rows| u32::try_from(rows).ok()),
        backup_days: days.and_then(|days| u16::try_from(days).ok()),
    })
}

/// Notes what was counted on a server.
pub(in crate::schema) async fn set_counts(
    tx: &mut Tx,
    (ticket, server): (TicketId, ServerId),
    counts: &RowCounts,
) -> Result<(), DbError> {
    const SQL: &str = "update ticket_servers set row_counts = $3 where ticket_id = $1 and server_id = $2";
    let counts = json(counts)?;
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(ticket)
            .bind(server)
            .bind(counts)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// The servers that it is for.
pub(in crate::schema) async fn list_server_ids(
    tx: &mut Tx,
    ticket: TicketId,
) -> Result<Vec<ServerId>, DbError> {
    const SQL: &str = "select server_id from ticket_servers where ticket_id = $1 order by position";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(ticket)
        .fetch_all(conn)
        .await)?)
}

#[derive(sqlx::FromRow)]
struct ServerRecord {
    server_id: ServerId,
    label: String,
    dialect: String,
    sql: String,
    sql_sha256: String,
    risk: String,
    statements: String,
    findings: String,
    database: String,
    rollback_sql: Option<String>,
    not_taken_back: String,
    set_aside: Option<String>,
    row_counts: Option<String>,
    #[sqlx(flatten)]
    proof: ProofRecord,
}

/// What is to run on each server, in the order of the proposal.
pub(in crate::schema) async fn list_servers(db: &Db, ticket: TicketId) -> Result<Vec<ServerSql>, DbError> {
    let sql = format!(
        "select t.server_id, d.label, d.dialect, t.sql, t.sql_sha256, t.risk, t.statements, t.findings, \
        coalesce(t.database, k.database) as database, t.rollback_sql, t.not_taken_back, t.set_aside, t.row_counts, {} \
        from ticket_servers t join db_servers d on d.id = t.server_id join tickets k on k.id = t.ticket_id {} \
        where t.ticket_id = $1 order by t.position",
        proof::COLUMNS,
        proof::JOINS
    );
    let records: Vec<ServerRecord> = with_pool!(db, |pool| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(ticket)
        .fetch_all(pool)
        .await)?;
    let server = |record: ServerRecord| {
        let proof = record
            .proof
            .proof(&record.sql_sha256, record.rollback_sql.as_deref())?;
        Ok(ServerSql {
            proof,
            server: record.server_id,
            label: record.label,
            kind: ServerType::parse(&record.dialect)?,
            sql: record.sql,
            sha256: record.sql_sha256,
            database: record.database,
            rollback_sql: record.rollback_sql,
            not_taken_back: read_json(&record.not_taken_back)?,
            set_aside: record.set_aside.as_deref().map(read_json).transpose()?,
            row_counts: record.row_counts.as_deref().map(read_json).transpose()?,
            risk: RiskLevel::parse(&record.risk),
            statements: read_json(&record.statements)?,
            findings: read_json(&record.findings)?,
        })
    };
    records.into_iter().map(server).collect()
}

#[derive(sqlx::FromRow)]
struct EventRecord {
    kind: String,
    name: String,
    comment: String,
    at: UnixMs,
}

/// Oldest first.
pub(in crate::schema) async fn list_events(db: &Db, ticket: TicketId) -> Result<Vec<TicketEvent>, DbError> {
    const SQL: &str =
        "select kind, name, comment, at from ticket_events where ticket_id = $1 order by position limit 1000";
    let records: Vec<EventRecord> =
        with_pool!(db, |pool| sqlx::query_as(SQL).bind(ticket).fetch_all(pool).await)?;
    let event = |record: EventRecord| TicketEvent {
        kind: record.kind,
        name: record.name,
        comment: record.comment,
        at: record.at,
    };
    Ok(records.into_iter().map(event).collect())
}

fn json<T: Serialize>(value: &T) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|error| DbError::Corrupt(error.to_string()))
}

fn read_json<T: DeserializeOwned>(text: &str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|error| DbError::Corrupt(format!("ticket_servers: {error}")))
}
