//! What is older than it need be is deleted.

use muster_base::{HostId, OrgId, UnixMs};
use muster_metrics::Period;

use super::{TelemetryError, keeping::KeptDays, store};
use crate::{
    app::App,
    in_tx,
    schedule::{Job, Running},
};

/// This room's scheduled work.
pub fn jobs() -> Vec<Job> {
    vec![Job {
        name: "telemetry.retention",
        every_ms: UnixMs::HOUR,
        run: scheduled,
    }]
}

fn scheduled(app: &App) -> Running<'_> {
    Box::pin(async { Ok(enforce(app).await?) })
}

/// Deletes raw samples, hours and days that have outlived what the configuration says, or less if their org wants less.
pub(super) async fn enforce(app: &App) -> Result<(), TelemetryError> {
    let most = KeptDays::from(&app.config.telemetry);
    let hosts = app.ingest.latest().hosts();
    enforce_for(app, None, &hosts, most).await?;
    for row in store::keeping::list(&app.db).await? {
        let hosts = app.ingest.latest().of_org(row.org_id);
        let hosts: Vec<HostId> = hosts.into_iter().map(|(host, _)| host).collect();
        enforce_for(app, Some(row.org_id), &hosts, most.for_org(row.wanted())).await?;
    }
    Ok(())
}

/// The same of one org, or of all, and of the hosts that they have.
async fn enforce_for(
    app: &App,
    whose: Option<OrgId>,
    hosts: &[HostId],
    kept: KeptDays,
) -> Result<(), TelemetryError> {
    let now = app.clock.now();
    let before = |days: u32| now.plus_ms(-UnixMs::DAY * i64::from(days));
    let raw = before(kept.raw);
    // Rows are there only of hours that are not sealed: few, and mostly of hosts that are gone.
    for &host in hosts {
        in_tx!(app.telemetry_db, |tx| store::sample::delete(
            tx,
            host,
            UnixMs(i64::MIN),
            raw
        )
        .await?);
    }
    in_tx!(app.telemetry_db, |tx| {
        store::chunk::delete_before(tx, whose, Period::Hour.start_of(raw)).await?;
    });
    for (period, days) in [(Period::Hour, kept.hour), (Period::Day, kept.day)] {
        in_tx!(app.telemetry_db, |tx| {
            store::rollup::delete_before(tx, whose, period, before(days)).await?;
        });
    }
    in_tx!(app.telemetry_db, |tx| {
        store::packed::delete_before(tx, whose, Period::Day.start_of(before(kept.hour))).await?;
    });
    Ok(())
}

/// Deletes everything that is known of a host's readings, when the host is removed for good.
pub async fn forget_host(app: &App, host: HostId) -> Result<(), TelemetryError> {
    app.ingest.latest().forget(host);
    in_tx!(app.telemetry_db, |tx| {
        store::sample::delete(tx, host, UnixMs(i64::MIN), UnixMs(i64::MAX)).await?;
        store::chunk::delete_of_host(tx, host).await?;
        store::rollup::delete_of_host(tx, host).await?;
        store::packed::delete_of_host(tx, host).await?;
        store::container::delete_of_host(tx, host).await?;
        store::remote::delete_of_host(tx, host).await?;
    });
    Ok(())
}
