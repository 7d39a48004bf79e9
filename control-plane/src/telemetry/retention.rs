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
    let now = app.clock.now();
    let config = &app.config.telemetry;
    let before = |days: u32| now.plus_ms(-UnixMs::DAY * i64::from(days));
    let raw = before(config.raw_days);
    // Rows are there only of hours that are not sealed: few, and mostly of hosts that are gone.
    for host in app.ingest.latest().hosts() {
        in_tx!(app.telemetry_db, |tx| store::sample::delete(
            tx,
            host,
            UnixMs(i64::MIN),
            raw
        )
        .await?);
    }
    in_tx!(app.telemetry_db, |tx| {
        store::chunk::delete_before(tx, Period::Hour.start_of(raw)).await?
    });
    for (period, days) in [(Period::Hour, config.hour_days), (Period::Day, config.day_days)] {
        in_tx!(app.telemetry_db, |tx| {
            store::rollup::delete_before(tx, period, before(days)).await?
        });
    }
    in_tx!(app.telemetry_db, |tx| {
        store::packed::delete_before(tx, Period::Day.start_of(before(config.hour_days))).await?;
    });
    for row in store::keeping::list(&app.db).await? {
        let kept = KeptDays::from(config).for_org(row.wanted());
        enforce_for(app, row.org_id, kept).await?;
    }
    Ok(())
}

/// Deletes what an org does not want to keep as long as the configuration would.
async fn enforce_for(app: &App, org: OrgId, kept: KeptDays) -> Result<(), TelemetryError> {
    let now = app.clock.now();
    let before = |days: u32| now.plus_ms(-UnixMs::DAY * i64::from(days));
    let raw = before(kept.raw);
    for (host, _) in app.ingest.latest().of_org(org) {
        in_tx!(app.telemetry_db, |tx| store::sample::delete(
            tx,
            host,
            UnixMs(i64::MIN),
            raw
        )
        .await?);
    }
    in_tx!(app.telemetry_db, |tx| {
        store::chunk::delete_before_of(tx, org, Period::Hour.start_of(raw)).await?;
        store::rollup::delete_before_of(tx, org, Period::Hour, before(kept.hour)).await?;
        store::rollup::delete_before_of(tx, org, Period::Day, before(kept.day)).await?;
        store::packed::delete_before_of(tx, org, Period::Day.start_of(before(kept.hour))).await?;
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
