//! What is older than it need be is deleted.

use muster_base::{HostId, OrgId, UnixMs};
use muster_metrics::Period;

use super::{
    TelemetryError,
    keeping::{KeptDays, WantedDays},
    partition,
    store::{self, keeping::KeepingRow},
};
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
///
/// PostgreSQL drops what nobody keeps by whole days, and hours by whole weeks; rows are deleted only where others stay.
pub(super) async fn enforce(app: &App) -> Result<(), TelemetryError> {
    let most = KeptDays::from(&app.config.telemetry);
    let (wanted, all_want) = store::keeping::list(&app.db).await?;
    let longest = longest(most, wanted.iter().map(KeepingRow::wanted), all_want);
    let (db, now) = (&app.telemetry_db, app.clock.now());
    partition::drop_passed(db, longest, now).await;
    partition::try_to_prepare(db, now).await;
    let hosts = app.ingest.latest().hosts();
    enforce_for(app, None, &hosts, longest).await?;
    for row in wanted {
        let kept = most.for_org(row.wanted());
        if db.has_partitions() && kept == longest {
            continue;
        }
        let hosts = app.ingest.latest().of_org(row.org_id);
        let hosts: Vec<HostId> = hosts.into_iter().map(|(host, _)| host).collect();
        enforce_for(app, Some(row.org_id), &hosts, kept).await?;
    }
    Ok(())
}

/// What at least one org keeps of each tier. `all_want`: whether every org said what it wants.
fn longest(most: KeptDays, wanted: impl Iterator<Item = WantedDays>, all_want: bool) -> KeptDays {
    let of_orgs = wanted.map(|wanted| most.for_org(wanted));
    let longest = of_orgs.reduce(|a, b| KeptDays {
        raw: a.raw.max(b.raw),
        hour: a.hour.max(b.hour),
        day: a.day.max(b.day),
    });
    longest.filter(|_| all_want).unwrap_or(most)
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
    if app.telemetry_db.has_partitions() {
        in_tx!(app.telemetry_db, |tx| {
            store::sample::delete_before(tx, whose, raw).await?;
        });
    } else {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_org_keeps_is_kept_and_who_said_nothing_keeps_most() {
        let days = |raw, hour, day| KeptDays { raw, hour, day };
        let most = days(7, 90, 1_095);
        let wanted =
            [(Some(1), Some(30)), (Some(3), Some(3))].map(|(raw, hour)| WantedDays { raw, hour, day: None });
        assert_eq!(longest(most, wanted.into_iter(), true), days(3, 30, 1_095));
        assert_eq!(longest(most, wanted.into_iter(), false), most);
        assert_eq!(longest(most, std::iter::empty(), true), most);
    }
}
