//! `versions`; what the registry said of them is written by [`super::registry_read`].

use muster_base::{ApplicationId, DeploymentId, OrgId, UnixMs};
use sqlx::AssertSqlSafe;

use super::environment::{NAMES, SUCCEEDED};
use crate::{
    db::{Db, DbError, Tx},
    delivery::version::{Build, BuildStatus, InRegistry, Placed, Version, VersionRun},
    with_pool, with_tx,
};

/// Places of one moment: more than a registry is read for.
const PLACES: i64 = 10_000;

const COLUMNS: &str = "version, place, build_status, commit_id, branch, message, build_url, build_digest, \
    build_log_bytes, build_started_at, build_completed_at, reported_by, reported_at, in_registry, registry_digest, \
    digest_read_at, created_at";

#[derive(sqlx::FromRow)]
struct Record {
    version: String,
    place: i64,
    build_status: Option<String>,
    commit_id: Option<String>,
    branch: Option<String>,
    message: Option<String>,
    build_url: Option<String>,
    build_digest: Option<String>,
    build_log_bytes: i64,
    build_started_at: Option<UnixMs>,
    build_completed_at: Option<UnixMs>,
    reported_by: Option<String>,
    reported_at: Option<UnixMs>,
    in_registry: Option<bool>,
    registry_digest: Option<String>,
    digest_read_at: Option<UnixMs>,
    created_at: UnixMs,
}

impl TryFrom<Record> for Placed {
    type Error = DbError;

    fn try_from(record: Record) -> Result<Self, DbError> {
        let reported = record
            .build_status
            .zip(record.reported_by)
            .zip(record.reported_at);
        let build = reported.map(|((status, reported_by), reported_at)| {
            Ok::<_, DbError>(Build {
                status: BuildStatus::read(&status)?,
                commit: record.commit_id,
                branch: record.branch,
                message: record.message,
                url: record.build_url,
                digest: record.build_digest,
                log_bytes: record.build_log_bytes,
                started_at: record.build_started_at,
                completed_at: record.build_completed_at,
                reported_by,
                reported_at,
            })
        });
        let registry = record.in_registry.map(|present| InRegistry {
            present,
            digest: record.registry_digest,
            digest_at: record.digest_read_at,
        });
        let version = Version {
            version: record.version,
            build: build.transpose()?,
            registry,
            runs: Vec::new(),
            created_at: record.created_at,
        };
        Ok(Self {
            place: record.place,
            version,
        })
    }
}

/// For a search: the text anywhere, in any case.
pub fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// Newest first.
pub async fn list(
    db: &Db,
    org: OrgId,
    application: ApplicationId,
    pattern: Option<&str>,
    before: Option<&(i64, String)>,
    limit: i64,
) -> Result<Vec<Placed>, DbError> {
    let sql = format!(
        "select {COLUMNS} from versions where org_id = $1 and application_id = $2 \
         and ($3 is null or place < $3 or (place = $3 and version < $4)) \
         and ($5 is null or lower(version) like $5 escape '\\' or lower(coalesce(commit_id, '')) like $5 escape '\\' \
         or lower(coalesce(branch, '')) like $5 escape '\\') order by place desc, version desc limit $6"
    );
    let rows: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(application)
        .bind(before.map(|(place, _)| *place))
        .bind(before.map(|(_, version)| version))
        .bind(pattern)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

pub async fn find(
    db: &Db,
    org: OrgId,
    application: ApplicationId,
    version: &str,
) -> Result<Option<Version>, DbError> {
    let sql =
        format!("select {COLUMNS} from versions where org_id = $1 and application_id = $2 and version = $3");
    let row: Option<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(application)
        .bind(version)
        .fetch_optional(pool)
        .await)?;
    let placed: Option<Placed> = row.map(TryInto::try_into).transpose()?;
    Ok(placed.map(|placed| placed.version))
}

/// What was reported of a build.
pub async fn find_build(
    tx: &mut Tx,
    org: OrgId,
    application: ApplicationId,
    version: &str,
) -> Result<Option<Build>, DbError> {
    let sql =
        format!("select {COLUMNS} from versions where org_id = $1 and application_id = $2 and version = $3");
    let row: Option<Record> = with_tx!(tx, |conn| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(application)
        .bind(version)
        .fetch_optional(conn)
        .await?);
    let placed: Option<Placed> = row.map(TryInto::try_into).transpose()?;
    Ok(placed.and_then(|placed| placed.version.build))
}

/// The log, empty if there is none; nothing if there is no such version.
pub async fn find_log(
    db: &Db,
    org: OrgId,
    application: ApplicationId,
    version: &str,
) -> Result<Option<String>, DbError> {
    const SQL: &str = "select coalesce(build_log, '') from versions where org_id = $1 and application_id = $2 and version = $3";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(application)
        .bind(version)
        .fetch_optional(pool)
        .await)?)
}

/// What succeeded last in each environment.
pub async fn list_runs(
    db: &Db,
    org: OrgId,
    application: ApplicationId,
) -> Result<Vec<(String, VersionRun)>, DbError> {
    let sql = format!(
        "{NAMES} select d.version, d.environment, d.id, d.digest, coalesce(d.completed_at, d.created_at) as since \
         from names join deployments d on d.id = {SUCCEEDED} where d.org_id = $1 order by d.environment"
    );
    let rows: Vec<(String, String, DeploymentId, Option<String>, UnixMs)> =
        with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
            .bind(org)
            .bind(application)
            .fetch_all(pool)
            .await)?;
    let run = |(version, environment, deployment_id, digest, since)| {
        let run = VersionRun {
            environment,
            deployment_id,
            digest,
            since,
        };
        (version, run)
    };
    Ok(rows.into_iter().map(run).collect())
}

/// Makes the row if this is the first that is heard of the version.
pub async fn note(
    tx: &mut Tx,
    org: OrgId,
    application: ApplicationId,
    version: &str,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "insert into versions (org_id, application_id, version, place, created_at) \
        values ($1, $2, $3, $4, $5) on conflict (application_id, version) do nothing";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(application)
            .bind(version)
            .bind(place(now, 0))
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Everything of the build but its log.
pub async fn set_build(
    tx: &mut Tx,
    org: OrgId,
    application: ApplicationId,
    version: &str,
    build: &Build,
) -> Result<(), DbError> {
    const SQL: &str = "update versions set build_status = $4, commit_id = $5, branch = $6, message = $7, \
        build_url = $8, build_digest = $9, build_started_at = $10, build_completed_at = $11, reported_by = $12, \
        reported_at = $13 where org_id = $1 and application_id = $2 and version = $3";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(application)
            .bind(version)
            .bind(build.status.as_str())
            .bind(&build.commit)
            .bind(&build.branch)
            .bind(&build.message)
            .bind(&build.url)
            .bind(&build.digest)
            .bind(build.started_at)
            .bind(build.completed_at)
            .bind(&build.reported_by)
            .bind(build.reported_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub async fn set_log(
    tx: &mut Tx,
    org: OrgId,
    application: ApplicationId,
    version: &str,
    log: Option<&str>,
) -> Result<(), DbError> {
    const SQL: &str = "update versions set build_log = $4, build_log_bytes = $5 \
        where org_id = $1 and application_id = $2 and version = $3";
    let bytes = i64::try_from(log.map_or(0, str::len)).unwrap_or(i64::MAX);
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(application)
            .bind(version)
            .bind(log)
            .bind(bytes)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// What is heard of later is further on.
pub(super) fn place(at: UnixMs, nth: usize) -> i64 {
    let nth = i64::try_from(nth).unwrap_or(PLACES).min(PLACES - 1);
    at.0.saturating_mul(PLACES).saturating_add(nth)
}
