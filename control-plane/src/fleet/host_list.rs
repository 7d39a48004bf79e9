//! Lists of hosts: with filters for people, by selector for other rooms.

use std::collections::HashSet;

use muster_base::{ClusterId, HostId, OrgId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    FleetError, Host, Labels,
    host::{BusinessStatus, StoredHost, status},
    store,
};
use crate::{
    access::{Caller, Operation, Scope},
    app::App,
    http::page::{Cursor, Page, PageQuery},
    link::Status,
    telemetry,
};

/// Rows read at a time while looking for hosts that pass the filters which the database does not know.
const BATCH: i64 = 500;

/// `GET /api/v1/hosts?…`
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HostQuery {
    /// Only hosts of this cluster.
    pub cluster: Option<ClusterId>,
    /// Only hosts of the environment with this name.
    pub environment: Option<String>,
    /// Only hosts with all these labels: `key=value,key=value`.
    pub label: Option<String>,
    /// `online`, `degraded` or `offline`.
    pub status: Option<Status>,
    /// 0 idle, 1 in service, 2 maintenance, 33 faulty, 44 retired.
    pub business_status: Option<i64>,
    /// Part of the name, of the host's own name or of an address.
    pub search: Option<String>,
    /// How many items, 1–500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

/// Which hosts something is meant for.
#[derive(Debug, Clone, Default)]
pub struct HostSelector {
    /// These hosts; all, if empty.
    pub ids: Vec<HostId>,
    /// With all these labels.
    pub labels: Labels,
    /// Of this environment.
    pub environment: Option<String>,
}

/// What the database filters by.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    pub(super) cluster: Option<ClusterId>,
    pub(super) environment: Option<String>,
    pub(super) business_status: Option<BusinessStatus>,
    pub(super) search: Option<String>,
}

/// Hosts by name.
pub(super) async fn list(app: &App, caller: &Caller, query: HostQuery) -> Result<Page<Host>, FleetError> {
    caller.require(Operation::HostRead)?;
    let page = PageQuery::new(query.limit, query.cursor);
    let wanted = Labels::from_query(query.label.as_deref().unwrap_or_default())?;
    let business_status = query
        .business_status
        .map(BusinessStatus::try_from)
        .transpose()
        .map_err(|message| FleetError::invalid("businessStatus", message))?;
    let filter = Filter {
        cluster: query.cluster,
        environment: query.environment,
        business_status,
        search: query.search.filter(|text| !text.is_empty()),
    };
    let passes = |host: &StoredHost| {
        host.labels.contain(&wanted) && query.status.is_none_or(|wanted| status(app, host.id) == wanted)
    };
    let enough = page.limit() + 1;
    let after = page.cursor::<String>()?.unwrap_or_default();
    let rows = collect(
        app,
        (caller.org(), caller.scope()),
        &filter,
        after,
        enough,
        passes,
    )
    .await?;
    let mut page = page
        .page(rows, |row| Cursor::of(&row.name))
        .map(|row| row.shown(app));
    add_latest(app, caller.org(), &mut page.items);
    Ok(page)
}

/// The org's hosts that `selector` means, for other rooms.
pub async fn select_hosts(app: &App, org: OrgId, selector: &HostSelector) -> Result<Vec<Host>, FleetError> {
    let filter = Filter {
        environment: selector.environment.clone(),
        ..Filter::default()
    };
    let passes = |host: &StoredHost| {
        (selector.ids.is_empty() || selector.ids.contains(&host.id)) && host.labels.contain(&selector.labels)
    };
    let all = Scope::default();
    let rows = collect(app, (org, &all), &filter, String::new(), usize::MAX, passes).await?;
    Ok(rows.into_iter().map(|row| row.shown(app)).collect())
}

/// The org's hosts of these ids, those that there are, for other rooms.
pub async fn find_hosts(app: &App, org: OrgId, ids: &[HostId]) -> Result<Vec<Host>, FleetError> {
    let rows = store::host::list_of_ids(&app.db, org, ids).await?;
    Ok(rows.into_iter().map(|row| row.shown(app)).collect())
}

/// The hosts that the caller reaches, for what is kept in memory; `None`: all of the org.
pub async fn hosts_in_reach(app: &App, caller: &Caller) -> Result<Option<HashSet<HostId>>, FleetError> {
    if caller.scope().is_whole() {
        return Ok(None);
    }
    let ids = store::host::list_ids(&app.db, caller.org(), caller.scope()).await?;
    Ok(Some(ids.into_iter().collect()))
}

/// Fills in the latest readings.
pub(super) fn add_latest(app: &App, org: OrgId, hosts: &mut [Host]) {
    for host in hosts {
        host.latest = telemetry::latest_of(app, org, host.id);
    }
}

async fn collect(
    app: &App,
    (org, scope): (OrgId, &Scope),
    filter: &Filter,
    mut after: String,
    enough: usize,
    passes: impl Fn(&StoredHost) -> bool,
) -> Result<Vec<StoredHost>, FleetError> {
    let mut found = Vec::new();
    loop {
        let rows = store::host::list(&app.db, (org, scope), filter, &after, BATCH).await?;
        let Some(last) = rows.last() else { break };
        last.name.clone_into(&mut after);
        let ended = i64::try_from(rows.len()).unwrap_or(BATCH) < BATCH;
        found.extend(rows.into_iter().filter(&passes));
        if ended || found.len() >= enough {
            break;
        }
    }
    found.truncate(enough);
    Ok(found)
}
