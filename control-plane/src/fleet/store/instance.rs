//! Rows of `instances`.

use muster_base::{HostId, InstanceId, OrgId, UnixMs};
use sqlx::AssertSqlSafe;

use super::host::{in_reach, like};
use crate::{
    access::{ObjectKind, Scope},
    db::{Db, DbError, Tx},
    fleet::{
        instance::{Instance, InstanceQuery, Kept, Standing},
        instance_layers::{ByHand, Layers},
    },
    with_pool, with_tx,
};

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(flatten)]
    standing: StandingRow,
    host_name: Option<String>,
    created_at: UnixMs,
    updated_at: UnixMs,
}

#[derive(sqlx::FromRow)]
struct StandingRow {
    id: InstanceId,
    provider: String,
    instance_id: String,
    host_id: Option<HostId>,
    imported: Option<String>,
    metadata: Option<String>,
    by_hand: Option<String>,
}

fn read<T: serde::de::DeserializeOwned>(text: Option<&str>, column: &str) -> Result<Option<T>, DbError> {
    text.map(serde_json::from_str)
        .transpose()
        .map_err(|error| DbError::Corrupt(format!("instances.{column}: {error}")))
}

impl TryFrom<StandingRow> for Standing {
    type Error = DbError;

    fn try_from(row: StandingRow) -> Result<Self, DbError> {
        let by_hand: Option<ByHand> = read(row.by_hand.as_deref(), "by_hand")?;
        Ok(Self {
            id: row.id,
            provider: row.provider,
            instance_id: row.instance_id,
            host_id: row.host_id,
            layers: Layers {
                by_hand: by_hand.unwrap_or_default(),
                imported: read(row.imported.as_deref(), "imported")?,
                metadata: read(row.metadata.as_deref(), "metadata")?,
            },
        })
    }
}

impl TryFrom<Row> for Instance {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let standing = Standing::try_from(row.standing)?;
        let laid = standing
            .layers
            .laid(&standing.provider, &standing.instance_id)
            .map_err(|error| DbError::Corrupt(format!("instances: {error}")))?;
        Ok(Self {
            id: standing.id,
            host_id: standing.host_id,
            host_name: row.host_name,
            created_at: row.created_at,
            updated_at: row.updated_at,
            sources: laid.sources,
            differs: laid.differs,
            tags: standing.layers.metadata.map(|told| told.tags).unwrap_or_default(),
            claimed_by: Vec::new(),
            record: laid.record,
        })
    }
}

/// Whoever is narrowed to some hosts sees the instances that are these.
const SELECT: &str = "select i.id, i.provider, i.instance_id, h.id as host_id, h.name as host_name, i.imported, i.metadata, i.by_hand, \
    i.created_at, i.updated_at \
    from instances i left join hosts h on h.id = i.host_id and h.org_id = i.org_id and h.deleted_at is null \
    left join environments e on e.id = h.environment_id where i.org_id = $1";

pub(in crate::fleet) async fn list(
    db: &Db,
    (org, scope): (OrgId, &Scope),
    query: &InstanceQuery,
    after: Option<(String, InstanceId)>,
    limit: i64,
) -> Result<Vec<Instance>, DbError> {
    let in_reach = in_reach(db, 8);
    let record = match db {
        Db::Sqlite(_) => "i.record",
        Db::Postgres(_) => "i.record::jsonb",
    };
    let sql = format!(
        "{SELECT} and ($2 is null or (i.name, i.id) > ($2, $3)) and ($4 is null or i.provider = $4) \
         and ($5 is null or i.host_id = $5 or i.id in (select c.instance from instance_claims c where c.host_id = $5)) and ($6 is null or i.expired_at < $6) \
         and ($7 is null or i.search like $7 escape '\\') and {in_reach} \
         and ($12 is null or $12 in ({record} ->> 'regionId', {record} ->> 'regionName')) \
         order by i.name, i.id limit $11"
    );
    let (hosts, clusters) = scope.place().unzip();
    let (name, id) = after.unzip();
    let search = query.search.as_deref().filter(|text| !text.is_empty());
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(name)
        .bind(id)
        .bind(query.provider.as_deref())
        .bind(query.host_id)
        .bind(query.expires_before)
        .bind(search.map(like))
        .bind(&hosts)
        .bind(&clusters)
        .bind(scope.keys(ObjectKind::Environments))
        .bind(limit)
        .bind(query.region.as_deref())
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

pub(in crate::fleet) async fn find(
    db: &Db,
    (org, scope): (OrgId, &Scope),
    id: InstanceId,
) -> Result<Option<Instance>, DbError> {
    let sql = format!("{SELECT} and i.id = $2 and {}", in_reach(db, 3));
    let (hosts, clusters) = scope.place().unzip();
    let row: Option<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(id)
        .bind(&hosts)
        .bind(&clusters)
        .bind(scope.keys(ObjectKind::Environments))
        .fetch_optional(pool)
        .await)?;
    row.map(TryInto::try_into).transpose()
}

/// One import of an org at a time.
pub(in crate::fleet) async fn lock(tx: &mut Tx, org: OrgId) -> Result<(), DbError> {
    match tx {
        // The single writer.
        Tx::Sqlite(_) => {}
        Tx::Postgres(tx) => {
            sqlx::query("select pg_advisory_xact_lock(hashtextextended('instances ' || $1::text, 0))")
                .bind(org)
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok(())
}

const STANDING: &str =
    "select id, provider, instance_id, host_id, imported, metadata, by_hand from instances where org_id = $1";

/// All of an org.
pub(in crate::fleet) async fn all(tx: &mut Tx, org: OrgId) -> Result<Vec<Standing>, DbError> {
    let rows: Vec<StandingRow> = with_tx!(tx, |conn| sqlx::query_as(STANDING)
        .bind(org)
        .fetch_all(conn)
        .await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Those that have this id, of whichever provider.
pub(in crate::fleet) async fn named(
    tx: &mut Tx,
    org: OrgId,
    instance_id: &str,
) -> Result<Vec<Standing>, DbError> {
    let sql = format!("{STANDING} and instance_id = $2 order by id");
    let rows: Vec<StandingRow> = with_tx!(tx, |conn| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(instance_id)
        .fetch_all(conn)
        .await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

/// One of them, to be changed.
pub(in crate::fleet) async fn find_in(
    tx: &mut Tx,
    org: OrgId,
    id: InstanceId,
) -> Result<Option<Standing>, DbError> {
    let sql = format!("{STANDING} and id = $2");
    let row: Option<StandingRow> = with_tx!(tx, |conn| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(id)
        .fetch_optional(conn)
        .await?);
    row.map(TryInto::try_into).transpose()
}

#[derive(sqlx::FromRow)]
struct CountRow {
    all_of_them: i64,
    told: i64,
}

/// How many an org has.
#[derive(Debug, Clone, Copy)]
pub(in crate::fleet) struct Count {
    pub(in crate::fleet) all: usize,
    /// Those that only hosts tell of.
    pub(in crate::fleet) told: usize,
}

pub(in crate::fleet) async fn count(tx: &mut Tx, org: OrgId) -> Result<Count, DbError> {
    const SQL: &str = "select count(*) as all_of_them, \
        count(case when imported is null and coalesce(by_hand, '{}') = '{}' then 1 end) as told \
        from instances where org_id = $1";
    let row: CountRow = with_tx!(tx, |conn| sqlx::query_as(SQL).bind(org).fetch_one(conn).await?);
    let whole = |count: i64| usize::try_from(count).unwrap_or(usize::MAX);
    Ok(Count {
        all: whole(row.all_of_them),
        told: whole(row.told),
    })
}

/// It is not this host any more.
pub(in crate::fleet) async fn unlink(
    tx: &mut Tx,
    org: OrgId,
    id: InstanceId,
    host: HostId,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update instances set host_id = null, updated_at = $4 \
        where org_id = $1 and id = $2 and host_id = $3";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(id)
            .bind(host)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Makes or changes all of them at once.
pub(in crate::fleet) async fn upsert(
    tx: &mut Tx,
    org: OrgId,
    rows: &[Kept],
    now: UnixMs,
) -> Result<(), DbError> {
    const CONFLICT: &str = "on conflict (org_id, provider, instance_id) do update set name = excluded.name, \
        host_id = excluded.host_id, expired_at = excluded.expired_at, search = excluded.search, record = excluded.record, \
        imported = excluded.imported, metadata = excluded.metadata, by_hand = excluded.by_hand, \
        updated_at = excluded.updated_at";
    const INTO: &str = "insert into instances \
        (id, org_id, provider, instance_id, name, host_id, expired_at, search, record, imported, metadata, by_hand, created_at, updated_at)";
    if rows.is_empty() {
        return Ok(());
    }
    let sql = if matches!(tx, Tx::Sqlite(_)) {
        format!(
            "{INTO} select unhex(value ->> 'id', '-'), $1, value ->> 'provider', value ->> 'instanceId', \
             value ->> 'name', unhex(value ->> 'hostId', '-'), value ->> 'expiredAt', value ->> 'search', value ->> 'record', \
             value ->> 'imported', value ->> 'metadata', value ->> 'byHand', $3, $3 \
             from json_each($2) where true {CONFLICT}"
        )
    } else {
        format!(
            "{INTO} select (value ->> 'id')::uuid, $1, value ->> 'provider', value ->> 'instanceId', \
             value ->> 'name', (value ->> 'hostId')::uuid, (value ->> 'expiredAt')::bigint, value ->> 'search', \
             value ->> 'record', value ->> 'imported', value ->> 'metadata', value ->> 'byHand', $3, $3 \
             from jsonb_array_elements($2::jsonb) {CONFLICT}"
        )
    };
    let rows = serde_json::to_string(rows).map_err(|error| DbError::Corrupt(error.to_string()))?;
    with_tx!(tx, |conn| {
        sqlx::query(AssertSqlSafe(sql))
            .bind(org)
            .bind(rows)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::fleet) async fn delete(tx: &mut Tx, org: OrgId, id: InstanceId) -> Result<bool, DbError> {
    const SQL: &str = "delete from instances where org_id = $1 and id = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}
