//! Rows of `hosts`. A removed host is found by none of these but [`list_removed`].

use muster_base::{ClusterId, EnvironmentId, HostId, OrgId, UnixMs};

use sqlx::AssertSqlSafe;

use crate::{
    access::{ObjectKind, Scope},
    db::{Db, DbError, Tx},
    fleet::{
        Labels,
        facts::Facts,
        host::{BusinessStatus, StoredHost},
        host_list::Filter,
    },
    with_pool, with_tx,
};

#[derive(sqlx::FromRow)]
struct Row {
    id: HostId,
    name: String,
    cluster_id: Option<ClusterId>,
    environment: Option<String>,
    business_status: i64,
    labels: String,
    public_ip: Option<String>,
    facts: String,
    certificate_expires_at: UnixMs,
    joined_at: UnixMs,
    last_seen_at: Option<UnixMs>,
    updated_at: UnixMs,
}

impl TryFrom<Row> for StoredHost {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.id,
            name: row.name,
            cluster_id: row.cluster_id,
            environment: row.environment,
            business_status: BusinessStatus::try_from(row.business_status)
                .map_err(|e| DbError::Corrupt(format!("hosts.business_status {e}")))?,
            labels: Labels::from_json(&row.labels)?,
            public_ip: row.public_ip,
            facts: parse_facts(&row.facts)?,
            certificate_expires_at: row.certificate_expires_at,
            joined_at: row.joined_at,
            last_seen_at: row.last_seen_at,
            updated_at: row.updated_at,
        })
    }
}

/// A host to be inserted.
pub(in crate::fleet) struct NewHost<'a> {
    pub(in crate::fleet) id: HostId,
    pub(in crate::fleet) org: OrgId,
    pub(in crate::fleet) name: &'a str,
    pub(in crate::fleet) cluster: Option<ClusterId>,
    pub(in crate::fleet) environment: Option<EnvironmentId>,
    pub(in crate::fleet) labels: &'a str,
    pub(in crate::fleet) facts: &'a Facts,
    pub(in crate::fleet) seal_public_key: &'a [u8],
    pub(in crate::fleet) certificate_expires_at: UnixMs,
    pub(in crate::fleet) now: UnixMs,
}

pub(in crate::fleet) async fn list(
    db: &Db,
    (org, scope): (OrgId, &Scope),
    filter: &Filter,
    after: &str,
    limit: i64,
) -> Result<Vec<StoredHost>, DbError> {
    let in_reach = in_reach(db, 9);
    let sql = format!(
        "select h.id, h.name, h.cluster_id, e.name as environment, h.business_status, h.labels, \
        h.public_ip, h.facts, h.certificate_expires_at, h.joined_at, h.last_seen_at, h.updated_at \
        from hosts h left join environments e on e.id = h.environment_id \
        where h.org_id = $1 and h.deleted_at is null and h.name > $2 \
        and ($3 is null or h.cluster_id = $3) and ($4 is null or e.name = $4) \
        and ($5 is null or h.business_status = $5) \
        and ($6 is null or lower(h.name) like $6 escape '\\' or lower(h.hostname) like $6 escape '\\' \
            or h.public_ip like $6 escape '\\' or h.facts like $7 escape '\\') \
        and {in_reach} order by h.name limit $8"
    );
    let search = filter.search.as_deref().map(like);
    let inner_ip = search.as_ref().map(|text| format!("%\"innerIp\":\"{text}\"%"));
    let (hosts, clusters) = scope.place().unzip();
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(after)
        .bind(filter.cluster)
        .bind(filter.environment.as_deref())
        .bind(filter.business_status.map(i64::from))
        .bind(search.as_deref())
        .bind(inner_ip.as_deref())
        .bind(limit)
        .bind(&hosts)
        .bind(&clusters)
        .bind(scope.keys(ObjectKind::Environments))
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The condition that host `h` of environment `e` is in reach: parameters `$n` to `$n+2` are hosts, clusters and
/// environments, null where all are.
pub(super) fn in_reach(db: &Db, n: usize) -> String {
    let (host, cluster) = (db.id_among("h.id", n), db.id_among("h.cluster_id", n + 1));
    let environment = db.text_among("e.name", n + 2);
    format!(
        "(${n} is null or {host} or {cluster}) and (${0} is null or {environment})",
        n + 2
    )
}

/// Ids of the hosts in reach.
pub(in crate::fleet) async fn list_ids(db: &Db, org: OrgId, scope: &Scope) -> Result<Vec<HostId>, DbError> {
    let sql = format!(
        "select h.id from hosts h left join environments e on e.id = h.environment_id \
         where h.org_id = $1 and h.deleted_at is null and {}",
        in_reach(db, 2)
    );
    let (hosts, clusters) = scope.place().unzip();
    Ok(with_pool!(db, |pool| sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(org)
        .bind(&hosts)
        .bind(&clusters)
        .bind(scope.keys(ObjectKind::Environments))
        .fetch_all(pool)
        .await)?)
}

pub(in crate::fleet) async fn find(db: &Db, org: OrgId, id: HostId) -> Result<Option<StoredHost>, DbError> {
    const SQL: &str = "select h.id, h.name, h.cluster_id, e.name as environment, h.business_status, h.labels, \
        h.public_ip, h.facts, h.certificate_expires_at, h.joined_at, h.last_seen_at, h.updated_at \
        from hosts h left join environments e on e.id = h.environment_id \
        where h.org_id = $1 and h.id = $2 and h.deleted_at is null";
    let row: Option<Row> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    row.map(TryInto::try_into).transpose()
}

pub(in crate::fleet) async fn list_of_ids(
    db: &Db,
    org: OrgId,
    ids: &[HostId],
) -> Result<Vec<StoredHost>, DbError> {
    let among = db.id_among("h.id", 2);
    let sql = format!(
        "select h.id, h.name, h.cluster_id, e.name as environment, h.business_status, h.labels, \
        h.public_ip, h.facts, h.certificate_expires_at, h.joined_at, h.last_seen_at, h.updated_at \
        from hosts h left join environments e on e.id = h.environment_id \
        where h.org_id = $1 and h.deleted_at is null and {among}"
    );
    let ids = serde_json::to_string(ids).unwrap_or_else(|_| "[]".to_owned());
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(ids)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// What an agent tells with each session: facts and seal key.
pub(in crate::fleet) async fn find_told(
    db: &Db,
    org: OrgId,
    id: HostId,
) -> Result<Option<(Facts, Vec<u8>)>, DbError> {
    const SQL: &str =
        "select facts, seal_public_key from hosts where org_id = $1 and id = $2 and deleted_at is null";
    let row: Option<(String, Vec<u8>)> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    row.map(|(facts, key)| Ok((parse_facts(&facts)?, key)))
        .transpose()
}

pub(in crate::fleet) async fn seal_key(db: &Db, org: OrgId, id: HostId) -> Result<Option<Vec<u8>>, DbError> {
    const SQL: &str =
        "select seal_public_key from hosts where org_id = $1 and id = $2 and deleted_at is null";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?)
}

pub(in crate::fleet) async fn list_removed(db: &Db, since: UnixMs) -> Result<Vec<HostId>, DbError> {
    const SQL: &str = "select id from hosts where deleted_at is not null and deleted_at >= $1";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(since)
        .fetch_all(pool)
        .await)?)
}

/// Names like `name` and `name-…` that are taken.
pub(in crate::fleet) async fn names_like(
    tx: &mut Tx,
    org: OrgId,
    name: &str,
) -> Result<Vec<String>, DbError> {
    const SQL: &str = "select name from hosts where org_id = $1 and deleted_at is null \
        and (name = $2 or name like $3 escape '\\')";
    let pattern = format!("{}-%", escape(name));
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(name)
        .bind(&pattern)
        .fetch_all(conn)
        .await)?)
}

pub(in crate::fleet) async fn insert(tx: &mut Tx, new: &NewHost<'_>) -> Result<(), DbError> {
    const SQL: &str = "insert into hosts (id, org_id, name, cluster_id, environment_id, business_status, labels, \
        facts, hostname, seal_public_key, certificate_expires_at, joined_at, created_at, updated_at) \
        values ($1, $2, $3, $4, $5, 0, $6, $7, $8, $9, $10, $11, $11, $11)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(new.id)
            .bind(new.org)
            .bind(new.name)
            .bind(new.cluster)
            .bind(new.environment)
            .bind(new.labels)
            .bind(facts_json(new.facts))
            .bind(&new.facts.hostname)
            .bind(new.seal_public_key)
            .bind(new.certificate_expires_at)
            .bind(new.now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::fleet) async fn update(
    tx: &mut Tx,
    org: OrgId,
    host: &StoredHost,
    environment: Option<EnvironmentId>,
) -> Result<bool, DbError> {
    const SQL: &str = "update hosts set name = $3, cluster_id = $4, environment_id = $5, business_status = $6, \
        labels = $7, public_ip = $8, updated_at = $9 where org_id = $1 and id = $2 and deleted_at is null";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(host.id)
        .bind(&host.name)
        .bind(host.cluster_id)
        .bind(environment)
        .bind(i64::from(host.business_status))
        .bind(host.labels.to_json())
        .bind(&host.public_ip)
        .bind(host.updated_at)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub(in crate::fleet) async fn set_facts(
    tx: &mut Tx,
    org: OrgId,
    id: HostId,
    facts: &Facts,
) -> Result<bool, DbError> {
    const SQL: &str =
        "update hosts set facts = $3, hostname = $4 where org_id = $1 and id = $2 and deleted_at is null";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .bind(facts_json(facts))
        .bind(&facts.hostname)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub(in crate::fleet) async fn set_seal_key(
    tx: &mut Tx,
    org: OrgId,
    id: HostId,
    key: &[u8],
) -> Result<bool, DbError> {
    const SQL: &str =
        "update hosts set seal_public_key = $3 where org_id = $1 and id = $2 and deleted_at is null";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .bind(key)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub(in crate::fleet) async fn set_certificate(
    tx: &mut Tx,
    org: OrgId,
    id: HostId,
    expires_at: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str =
        "update hosts set certificate_expires_at = $3 where org_id = $1 and id = $2 and deleted_at is null";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .bind(expires_at)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub(in crate::fleet) async fn set_seen(
    tx: &mut Tx,
    org: OrgId,
    id: HostId,
    at: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update hosts set last_seen_at = $3 where org_id = $1 and id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(org).bind(id).bind(at).execute(conn).await?;
    });
    Ok(())
}

pub(in crate::fleet) async fn remove(
    tx: &mut Tx,
    org: OrgId,
    id: HostId,
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "update hosts set deleted_at = $3 where org_id = $1 and id = $2 and deleted_at is null";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .bind(now)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub(super) fn like(text: &str) -> String {
    format!("%{}%", escape(&text.to_lowercase()))
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

fn facts_json(facts: &Facts) -> String {
    serde_json::to_string(facts).unwrap_or_else(|_| "{}".to_owned())
}

fn parse_facts(text: &str) -> Result<Facts, DbError> {
    serde_json::from_str(text).map_err(|e| DbError::Corrupt(format!("hosts.facts: {e}")))
}
