//! Rows of `ticket_proofs`.

use muster_base::{OrgId, ReleaseId, ServerId, TicketId, UnixMs};
use muster_documents::Design;

use crate::{
    db::{Db, DbError, Tx},
    schema::{
        Proof, ProofOutcome, ProofState,
        proof::{Base, STALE_MS, fingerprint},
    },
    with_pool, with_tx,
};

/// Wants a proof, anew if there was one; not while one is running.
pub(in crate::schema) async fn want(
    tx: &mut Tx,
    (ticket, server): (TicketId, ServerId),
    by: &str,
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "insert into ticket_proofs (ticket_id, server_id, state, asked_at, asked_by) \
        values ($1, $2, 'wanted', $3, $4) on conflict (ticket_id, server_id) do update set state = 'wanted', \
        fingerprint = null, asked_at = excluded.asked_at, asked_by = excluded.asked_by, begun_at = null, ended_at = null, \
        outcome = null where ticket_proofs.state <> 'running' or ticket_proofs.begun_at < $5";
    let stale = now.plus_ms(-STALE_MS);
    let done = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(ticket)
        .bind(server)
        .bind(now)
        .bind(by)
        .bind(stale)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// A proof that somebody is to make.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
#[expect(clippy::struct_field_names, reason = "they are called as the columns are")]
pub(in crate::schema) struct Wanted {
    pub(in crate::schema) ticket_id: TicketId,
    pub(in crate::schema) server_id: ServerId,
    pub(in crate::schema) org_id: OrgId,
}

/// Those that are wanted or whose control plane is gone, oldest first.
pub(in crate::schema) async fn list_wanted(db: &Db, now: UnixMs, limit: i64) -> Result<Vec<Wanted>, DbError> {
    const SQL: &str = "select p.ticket_id, p.server_id, t.org_id from ticket_proofs p join tickets t on t.id = p.ticket_id \
        where p.state = 'wanted' or (p.state = 'running' and p.begun_at < $1) order by p.asked_at limit $2";
    let stale = now.plus_ms(-STALE_MS);
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(stale)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

/// Takes one: of several control planes one makes it.
pub(in crate::schema) async fn take(tx: &mut Tx, of: Wanted, now: UnixMs) -> Result<bool, DbError> {
    const SQL: &str = "update ticket_proofs set state = 'running', begun_at = $3 where ticket_id = $1 and server_id = $2 \
        and (state = 'wanted' or (state = 'running' and begun_at < $4))";
    let stale = now.plus_ms(-STALE_MS);
    let done = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(of.ticket_id)
        .bind(of.server_id)
        .bind(now)
        .bind(stale)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// What came of it; false if it was taken anew meanwhile.
pub(in crate::schema) async fn end(
    tx: &mut Tx,
    of: Wanted,
    begun: UnixMs,
    (state, fingerprint, outcome): (ProofState, &str, &ProofOutcome),
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "update ticket_proofs set state = $4, fingerprint = $5, outcome = $6, ended_at = $7 \
        where ticket_id = $1 and server_id = $2 and state = 'running' and begun_at = $3";
    let outcome = serde_json::to_string(outcome).map_err(|error| DbError::Corrupt(error.to_string()))?;
    let done = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(of.ticket_id)
        .bind(of.server_id)
        .bind(begun)
        .bind(state.as_str())
        .bind((!fingerprint.is_empty()).then_some(fingerprint))
        .bind(outcome)
        .bind(now)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// What a change starts from and comes to.
pub(in crate::schema) struct Designs {
    /// What is there; nothing yet if none.
    pub(in crate::schema) before: Option<Design>,
    /// What is wanted; none of SQL as text.
    pub(in crate::schema) after: Option<Design>,
    /// What it was computed against.
    pub(in crate::schema) base: Base,
    /// What is there now.
    pub(in crate::schema) now: Base,
}

#[derive(sqlx::FromRow)]
struct DesignsRecord {
    before: Option<String>,
    after: Option<String>,
    base_release_id: Option<ReleaseId>,
    base_reached_at: Option<UnixMs>,
    release_id: Option<ReleaseId>,
    reached_at: Option<UnixMs>,
}

/// Of one server of a ticket.
pub(in crate::schema) async fn find_designs(
    db: &Db,
    (ticket, server): (TicketId, ServerId),
) -> Result<Option<Designs>, DbError> {
    const SQL: &str = "select s.design as before, t.design as after, t.base_release_id, t.base_reached_at, \
        s.release_id, s.reached_at from ticket_servers t join tickets k on k.id = t.ticket_id \
        left join database_states s on s.server_id = t.server_id and s.database = coalesce(t.database, k.database) \
        where t.ticket_id = $1 and t.server_id = $2";
    let record: Option<DesignsRecord> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(ticket)
        .bind(server)
        .fetch_optional(pool)
        .await)?;
    let read = |text: Option<String>| {
        let read = text.as_deref().map(serde_json::from_str).transpose();
        read.map_err(|_| DbError::Corrupt("ticket_servers: a design that can't be read".to_owned()))
    };
    let designs = |record: DesignsRecord| {
        Ok(Designs {
            before: read(record.before)?,
            after: read(record.after)?,
            base: (record.base_release_id, record.base_reached_at),
            now: (record.release_id, record.reached_at),
        })
    };
    record.map(designs).transpose()
}

/// What of a row says how a proof stands; all columns of a left join.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::schema) struct ProofRecord {
    proof_state: Option<String>,
    proof_fingerprint: Option<String>,
    proof_asked_at: Option<UnixMs>,
    proof_asked_by: Option<String>,
    proof_ended_at: Option<UnixMs>,
    proof_outcome: Option<String>,
    from_release: Option<ReleaseId>,
    from_at: Option<UnixMs>,
}

/// The columns of [`ProofRecord`]: `p` the proof, `t` the ticket's server, `k` the ticket, `s` what is there. A ticket that is decided
/// keeps what it started from.
pub(in crate::schema) const COLUMNS: &str = "p.state as proof_state, p.fingerprint as proof_fingerprint, \
    p.asked_at as proof_asked_at, p.asked_by as proof_asked_by, p.ended_at as proof_ended_at, p.outcome as proof_outcome, \
    case when k.status = 'pending' then s.release_id else t.base_release_id end as from_release, \
    case when k.status = 'pending' then s.reached_at else t.base_reached_at end as from_at";
/// And where they come from.
pub(in crate::schema) const JOINS: &str = "left join ticket_proofs p on p.ticket_id = t.ticket_id and p.server_id = t.server_id \
    left join database_states s on s.server_id = t.server_id and s.database = coalesce(t.database, k.database)";

impl ProofRecord {
    /// The proof, if there is one, of a change with this digest and way back.
    pub(in crate::schema) fn proof(
        self,
        sha256: &str,
        way_back: Option<&str>,
    ) -> Result<Option<Proof>, DbError> {
        let (Some(state), Some(asked_at), Some(asked_by)) =
            (self.proof_state, self.proof_asked_at, self.proof_asked_by)
        else {
            return Ok(None);
        };
        let now = fingerprint(sha256, way_back, (self.from_release, self.from_at));
        let outcome = self
            .proof_outcome
            .as_deref()
            .map(serde_json::from_str)
            .transpose();
        Ok(Some(Proof {
            state: ProofState::parse(&state)?,
            current: self.proof_fingerprint.as_ref().is_none_or(|of| *of == now),
            fingerprint: self.proof_fingerprint,
            asked_at,
            asked_by,
            ended_at: self.proof_ended_at,
            outcome: outcome.map_err(|error| DbError::Corrupt(format!("ticket_proofs.outcome: {error}")))?,
        }))
    }
}

#[derive(sqlx::FromRow)]
struct JudgedRecord {
    label: String,
    sql_sha256: String,
    rollback_sql: Option<String>,
    #[sqlx(flatten)]
    proof: ProofRecord,
}

/// The first of a published ticket's servers, in their order, that no proof counts for now.
pub(in crate::schema) async fn find_unproven(
    tx: &mut Tx,
    ticket: TicketId,
) -> Result<Option<String>, DbError> {
    let sql = format!(
        "select d.label, t.sql_sha256, t.rollback_sql, {COLUMNS} from ticket_servers t \
        join tickets k on k.id = t.ticket_id join db_servers d on d.id = t.server_id {JOINS} \
        where t.ticket_id = $1 and t.design is not null order by t.position"
    );
    let records: Vec<JudgedRecord> = with_tx!(tx, |conn| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(ticket)
        .fetch_all(conn)
        .await)?;
    for record in records {
        let proof = record
            .proof
            .proof(&record.sql_sha256, record.rollback_sql.as_deref())?;
        if !proof.is_some_and(|proof| proof.current && proof.state == ProofState::Proven) {
            return Ok(Some(record.label));
        }
    }
    Ok(None)
}
