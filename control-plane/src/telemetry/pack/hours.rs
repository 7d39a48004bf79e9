//! The rollups of a day's hours become one row: some of them at a time while the day lasts, the rest when it is over. Each
//! by itself would leave the rest of a page unused.

use std::collections::BTreeMap;

use muster_base::{HostId, OrgId, UnixMs, effect, point};
use muster_metrics::{
    Period, RollupBody, Subject,
    chunk::EncodeError,
    packed::{self, hour_of},
};
use tracing::{debug, error};

use super::turn;
use crate::{
    app::App,
    telemetry::{
        TelemetryError,
        store::{self, packed::PackedRow},
    },
};

/// Hours of today that wait for each other, at least.
const HOURS: usize = 4;

/// Packs the hours that are due of a host whose newest sample is of `newest`: those of days that are over, and those of
/// today when there are some.
pub(in crate::telemetry) async fn pack(
    app: &App,
    org: OrgId,
    host: HostId,
    newest: UnixMs,
) -> Result<(), TelemetryError> {
    // An hour's grace: a day's last hour comes a moment after the day.
    let open = Period::Day.start_of(newest.plus_ms(-UnixMs::HOUR));
    let hours = store::rollup::hours_before(&app.telemetry_db, org, host, newest).await?;
    let mut days: BTreeMap<(String, UnixMs), usize> = BTreeMap::new();
    for (subject, start) in hours {
        *days.entry((subject, Period::Day.start_of(start))).or_default() += 1;
    }
    let waiting = HOURS + usize::from(turn(host, 4));
    let today = Period::Day.start_of(newest);
    days.retain(|(_, day), hours| *day < open || *day == today && *hours >= waiting);
    for (subject, day) in days.into_keys() {
        match pack_day(app, (org, host), &subject, day).await {
            Ok(true) => {}
            Ok(false) => debug!(host.id = %host, day = %day, "a day's hours changed while they were packed"),
            Err(TelemetryError::Encode(EncodeError::TooMany(many))) => {
                debug!(host.id = %host, day = %day, many, "a day's hours are too much for one row");
            }
            // Its hours stay as they are.
            Err(TelemetryError::Encode(cause)) => {
                error!(host.id = %host, day = %day, error = &cause as &dyn std::error::Error, "a day's hours can't be packed");
            }
            Err(TelemetryError::Damaged(cause)) => {
                error!(host.id = %host, day = %day, error = &cause as &dyn std::error::Error, "a day's hours can't be read");
            }
            Err(cause) => return Err(cause),
        }
    }
    Ok(())
}

/// False if something changed meanwhile: the next round sees it.
async fn pack_day(
    app: &App,
    (org, host): (OrgId, HostId),
    subject: &str,
    day: UnixMs,
) -> Result<bool, TelemetryError> {
    let db = &app.telemetry_db;
    let whose = Subject::from_name(subject);
    let before = store::packed::find(db, org, host, subject, day).await?;
    let end = day.plus_ms(UnixMs::DAY);
    let singles = store::rollup::list(db, org, host, (Period::Hour, &whose), day, end).await?;
    let were = before.as_ref().map(|row| row.values_count);
    let merged = tokio::task::spawn_blocking(move || merge(day, before.as_ref(), &singles));
    let (row, singles) = merged.await??;
    let mut tx = db.begin().await?;
    let gone = !effect!("pack-hours.delete")
        || store::rollup::delete_packed(&mut tx, (org, host), subject, day, singles).await?;
    let put = !effect!("pack-hours.put")
        || gone && store::packed::put(&mut tx, (org, host), (subject, day), &row, were).await?;
    if gone && put {
        point!("pack-hours.before-commit");
        tx.commit().await?;
        point!("pack-hours.after-commit");
        return Ok(true);
    }
    Ok(false)
}

/// Everything together, and of the single hours how many there are and how many values they hold.
fn merge(
    day: UnixMs,
    before: Option<&PackedRow>,
    singles: &[(UnixMs, Vec<u8>)],
) -> Result<(PackedRow, (usize, u64)), TelemetryError> {
    let mut hours = match before {
        Some(row) => packed::decode(&row.body, day, |_| true)?,
        None => BTreeMap::new(),
    };
    let mut single = 0;
    for (start, bytes) in singles {
        let body = RollupBody::decode(bytes, *start)?;
        single += body.values();
        if hours
            .get(start)
            .is_none_or(|present| present.values() < body.values())
        {
            hours.insert(*start, body);
        }
    }
    let values = hours.values().map(RollupBody::values).sum::<u64>();
    let row = PackedRow {
        hours: hours
            .keys()
            .filter_map(|start| hour_of(day, *start))
            .fold(0, |bits, hour| bits | 1 << hour),
        values_count: i64::try_from(values).unwrap_or(i64::MAX),
        body: packed::encode(day, &hours)?,
    };
    Ok((row, (singles.len(), single)))
}
