//! For how long an org keeps its readings: as the configuration says, or for less time.

use muster_base::{OrgId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{TelemetryError, store};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    config::TelemetryConfig,
    error::FieldError,
    flaw::Flaw,
    in_tx,
};

/// For how many days readings are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeptDays {
    /// Raw samples.
    #[serde(rename = "rawDays")]
    pub raw: u32,
    /// Hourly rollups.
    #[serde(rename = "hourDays")]
    pub hour: u32,
    /// Daily rollups.
    #[serde(rename = "dayDays")]
    pub day: u32,
}

/// What an org wants; null: as the configuration says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WantedDays {
    /// Raw samples.
    #[serde(rename = "rawDays")]
    pub raw: Option<u32>,
    /// Hourly rollups; not fewer days than raw samples.
    #[serde(rename = "hourDays")]
    pub hour: Option<u32>,
    /// Daily rollups; not fewer days than hourly ones.
    #[serde(rename = "dayDays")]
    pub day: Option<u32>,
}

/// For how long an org keeps its readings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Retention {
    /// What holds.
    pub kept: KeptDays,
    /// What the org wants itself.
    pub wanted: WantedDays,
    /// What the configuration says: an org keeps nothing longer.
    pub most: KeptDays,
    /// When the org changed it last; null if it never did.
    #[schema(required)]
    pub updated_at: Option<UnixMs>,
    /// Who did.
    #[schema(required)]
    pub updated_by: Option<String>,
}

impl From<&TelemetryConfig> for KeptDays {
    fn from(config: &TelemetryConfig) -> Self {
        Self {
            raw: config.raw_days,
            hour: config.hour_days,
            day: config.day_days,
        }
    }
}

impl KeptDays {
    /// What holds for an org that wants this. The configuration may have become shorter since it said so.
    pub(super) fn for_org(self, wanted: WantedDays) -> Self {
        let less = |most: u32, wanted: Option<u32>| wanted.map_or(most, |days| days.min(most));
        Self {
            raw: less(self.raw, wanted.raw),
            hour: less(self.hour, wanted.hour),
            day: less(self.day, wanted.day),
        }
    }
}

/// For how many days an org keeps its readings.
pub(super) async fn of_org(app: &App, org: OrgId) -> Result<KeptDays, TelemetryError> {
    let most = KeptDays::from(&app.config.telemetry);
    let row = store::keeping::find(&app.db, org).await?;
    Ok(row.map_or(most, |row| most.for_org(row.wanted())))
}

/// For how long the caller's org keeps its readings.
pub(super) async fn get(app: &App, caller: &Caller) -> Result<Retention, TelemetryError> {
    caller.require(Operation::TelemetryRead)?;
    told(app, caller.org()).await
}

async fn told(app: &App, org: OrgId) -> Result<Retention, TelemetryError> {
    let row = store::keeping::find(&app.db, org).await?;
    let most = KeptDays::from(&app.config.telemetry);
    let wanted = row
        .as_ref()
        .map(store::keeping::KeepingRow::wanted)
        .unwrap_or_default();
    Ok(Retention {
        kept: most.for_org(wanted),
        wanted,
        most,
        updated_at: row.as_ref().map(|row| row.updated_at),
        updated_by: row.map(|row| row.updated_by),
    })
}

/// Changes for how long the caller's org keeps its readings. What is older goes within the hour.
pub(super) async fn set(app: &App, caller: &Caller, wanted: WantedDays) -> Result<Retention, TelemetryError> {
    caller.require(Operation::OrgWrite)?;
    check(KeptDays::from(&app.config.telemetry), wanted)?;
    let row = store::keeping::KeepingRow {
        org_id: caller.org(),
        raw_days: wanted.raw.map(i64::from),
        hour_days: wanted.hour.map(i64::from),
        day_days: wanted.day.map(i64::from),
        updated_at: app.clock.now(),
        updated_by: caller.actor.name(),
    };
    in_tx!(app.db, |tx| {
        let before = store::keeping::find_in(tx, caller.org()).await?;
        store::keeping::put(tx, &row).await?;
        let entry = Entry::done(Operation::OrgWrite, "org", caller.org())
            .before(&before.map(|row| row.wanted()).unwrap_or_default())
            .after(&wanted)
            .detail("for how long readings are kept");
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    told(app, caller.org()).await
}

fn check(most: KeptDays, wanted: WantedDays) -> Result<(), TelemetryError> {
    let fields = [
        ("rawDays", wanted.raw, most.raw),
        ("hourDays", wanted.hour, most.hour),
        ("dayDays", wanted.day, most.day),
    ];
    let mut wrong: Vec<FieldError> = fields
        .into_iter()
        .filter(|(_, days, most)| days.is_some_and(|days| days == 0 || days > *most))
        .map(|(field, _, most)| FieldError::new(field, Flaw::Range(1, i64::from(most))))
        .collect();
    if wrong.is_empty() {
        let kept = most.for_org(wanted);
        // A coarser tier that ends before the finer one would be a gap in every longer chart.
        let steps = [
            ("hourDays", kept.hour, kept.raw, most.hour),
            ("dayDays", kept.day, kept.hour, most.day),
        ];
        wrong = steps
            .into_iter()
            .filter(|(_, days, finer, most)| days < finer && days < most)
            .map(|(field, _, finer, _)| FieldError::new(field, Flaw::AtLeast(u64::from(finer))))
            .collect();
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(TelemetryError::Invalid(wrong))
    }
}
