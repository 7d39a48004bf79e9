//! The newest readings of hosts elsewhere: whoever stores them has them in memory, and the others read them from the
//! table, those of all hosts that reported since in one query.

use std::collections::HashMap;

use muster_base::{HostId, UnixMs};

use crate::{app::App, db::DbError, telemetry};

/// Hosts in one query.
const PAGE: usize = 2_000;

/// Up to which report each host's readings were read, by the other's clock.
#[derive(Debug, Default)]
pub(super) struct Fetched(HashMap<HostId, UnixMs>);

pub(super) async fn read(app: &App, fetched: &mut Fetched) -> Result<(), DbError> {
    let elsewhere = app.links.elsewhere();
    let due: Vec<_> = elsewhere
        .iter()
        .filter(|(host, session)| fetched.0.get(host) != Some(&session.reported_at))
        .map(|(host, session)| (*host, session.presence.last_report_at))
        .collect();
    for page in due.chunks(PAGE) {
        telemetry::read_newest(app, page).await?;
    }
    let now = elsewhere
        .into_iter()
        .map(|(host, session)| (host, session.reported_at));
    fetched.0 = now.collect();
    Ok(())
}
