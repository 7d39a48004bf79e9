//! Rows of `containers`.

use muster_base::{HostId, OrgId, UnixMs};
use muster_protocol::latest::ContainerFacts;
use sqlx::AssertSqlSafe;

use crate::{
    db::{Column, Db, DbError, Tx},
    telemetry::container::{Container, ContainerFilter, health_word, labels_json, state_word},
    with_pool, with_tx,
};

const COLUMNS: &str = "name, container_id, image, image_id, state, health, restarts, created_at, started_at, \
    labels, memory_limit_bytes, present, seen_at";

/// Takes down what a host's engine says of all of its containers: those it does not name are gone.
pub(in crate::telemetry) async fn replace(
    tx: &mut Tx,
    org: OrgId,
    host: HostId,
    facts: &[ContainerFacts],
    now: UnixMs,
) -> Result<(), DbError> {
    const GONE: &str = "update containers set present = $3 where host_id = $1 and org_id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(GONE)
            .bind(host)
            .bind(org)
            .bind(false)
            .execute(conn)
            .await?;
    });
    let numbers = |of: &dyn Fn(&ContainerFacts) -> i64| Column::Numbers(facts.iter().map(of).collect());
    let labels: Vec<String> = facts.iter().map(|fact| labels_json(&fact.labels)).collect();
    let limit = |fact: &ContainerFacts| {
        let bytes = fact.memory_limit_bytes?;
        i64::try_from(bytes).ok()
    };
    let columns = [
        Column::Ids(vec![*host.as_uuid(); facts.len()]),
        Column::Texts(facts.iter().map(|fact| fact.name.as_str()).collect()),
        Column::Ids(vec![*org.as_uuid(); facts.len()]),
        Column::Texts(facts.iter().map(|fact| fact.id.as_str()).collect()),
        Column::Texts(facts.iter().map(|fact| fact.image.as_str()).collect()),
        Column::Texts(facts.iter().map(|fact| fact.image_id.as_str()).collect()),
        Column::Texts(facts.iter().map(|fact| state_word(fact.state)).collect()),
        Column::Texts(facts.iter().map(|fact| health_word(fact.health)).collect()),
        numbers(&|fact| i64::from(fact.restarts)),
        numbers(&|fact| fact.created_at.0),
        Column::SomeNumbers(facts.iter().map(|fact| fact.started_at.map(|at| at.0)).collect()),
        Column::Texts(labels.iter().map(String::as_str).collect()),
        Column::SomeNumbers(facts.iter().map(limit).collect()),
        Column::Flags(vec![true; facts.len()]),
        Column::Numbers(vec![now.0; facts.len()]),
    ];
    tx.insert_rows(
        "insert into containers (host_id, name, org_id, container_id, image, image_id, state, health, \
         restarts, created_at, started_at, labels, memory_limit_bytes, present, seen_at)",
        &columns,
        "on conflict (host_id, name) do update set org_id = excluded.org_id, \
         container_id = excluded.container_id, image = excluded.image, image_id = excluded.image_id, \
         state = excluded.state, health = excluded.health, restarts = excluded.restarts, \
         created_at = excluded.created_at, started_at = excluded.started_at, labels = excluded.labels, \
         memory_limit_bytes = excluded.memory_limit_bytes, present = excluded.present, \
         seen_at = excluded.seen_at",
    )
    .await
}

/// A host's containers after a name, by name.
pub(in crate::telemetry) async fn list(
    db: &Db,
    org: OrgId,
    host: HostId,
    after: &str,
    limit: i64,
) -> Result<Vec<Container>, DbError> {
    let sql = format!(
        "select {COLUMNS} from containers where host_id = $1 and org_id = $2 and name > $3 order by name limit $4"
    );
    Ok(with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(host)
        .bind(org)
        .bind(after)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

#[derive(sqlx::FromRow)]
struct OnHost {
    host_id: HostId,
    #[sqlx(flatten)]
    container: Container,
}

/// The org's containers that pass the filter, after a name and host, by name and host.
pub(in crate::telemetry) async fn list_of_org(
    db: &Db,
    org: OrgId,
    filter: &ContainerFilter,
    after: Option<(String, HostId)>,
    limit: i64,
) -> Result<Vec<(HostId, Container)>, DbError> {
    let reach = db.id_among("host_id", 4);
    let sql = format!(
        "select host_id, {COLUMNS} from containers \
         where org_id = $1 and (name, host_id) > ($2, $3) and ($4 is null or {reach}) \
         and ($5 is null or host_id = $5) and ($6 is null or labels like $6 escape '\\') \
         and ($7 is null or state = $7) and ($8 is null or health = $8) \
         and ($9 is null or lower(name) like $9 escape '\\' or lower(image) like $9 escape '\\') \
         and (present or present = $10) order by name, host_id limit $11"
    );
    let (name, host) = after.unwrap_or_else(|| (String::new(), HostId::from_uuid(uuid::Uuid::nil())));
    // As `labels_json` writes it: ids have no character that is written in another way.
    let label = filter
        .application
        .map(|id| format!("%\"muster.application\":\"{id}\"%"));
    let search = filter.search.as_deref().map(|text| {
        let text = text.to_lowercase().replace('\\', "\\\\");
        format!("%{}%", text.replace('%', "\\%").replace('_', "\\_"))
    });
    let rows: Vec<OnHost> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(name)
        .bind(host)
        .bind(filter.reach.as_deref())
        .bind(filter.host)
        .bind(label)
        .bind(filter.state)
        .bind(filter.health)
        .bind(search)
        .bind(!filter.gone)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(|row| (row.host_id, row.container)).collect())
}

/// Those of these hosts' containers that have these names, and are there.
pub(in crate::telemetry) async fn list_named(
    db: &Db,
    org: OrgId,
    named: &[(HostId, &str)],
) -> Result<Vec<(HostId, Container)>, DbError> {
    let (asked, host) = match db {
        Db::Sqlite(_) => ("json_each($2)", "unhex(asked.value ->> 0, '-')"),
        Db::Postgres(_) => ("jsonb_array_elements($2::jsonb)", "(asked.value ->> 0)::uuid"),
    };
    let sql = format!(
        "select host_id, {COLUMNS} from {asked} asked join containers \
         on containers.host_id = {host} and containers.name = asked.value ->> 1 \
         where containers.org_id = $1 and containers.present"
    );
    let named = serde_json::to_string(named).map_err(|error| DbError::Corrupt(error.to_string()))?;
    let rows: Vec<OnHost> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(named)
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(|row| (row.host_id, row.container)).collect())
}

/// A host's container of this name.
pub(in crate::telemetry) async fn find(
    db: &Db,
    org: OrgId,
    host: HostId,
    name: &str,
) -> Result<Option<Container>, DbError> {
    let sql = format!("select {COLUMNS} from containers where host_id = $1 and org_id = $2 and name = $3");
    Ok(with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(host)
        .bind(org)
        .bind(name)
        .fetch_optional(pool)
        .await)?)
}

/// Whether a host ever had a container of this name.
pub(in crate::telemetry) async fn exists(
    db: &Db,
    org: OrgId,
    host: HostId,
    name: &str,
) -> Result<bool, DbError> {
    const SQL: &str = "select count(*) from containers where host_id = $1 and name = $2 and org_id = $3";
    let count: i64 = with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(host)
        .bind(name)
        .bind(org)
        .fetch_one(pool)
        .await)?;
    Ok(count > 0)
}

/// Deletes every container of a host.
pub(in crate::telemetry) async fn delete_of_host(tx: &mut Tx, host: HostId) -> Result<(), DbError> {
    with_tx!(tx, |conn| {
        sqlx::query("delete from containers where host_id = $1")
            .bind(host)
            .execute(conn)
            .await?;
    });
    Ok(())
}
