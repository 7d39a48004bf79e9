//! How an application's deployments went over time.

use muster_base::{ApplicationId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    DeliveryError, application,
    deployment::{Status, TriggerType},
    store,
};
use crate::{
    access::{Caller, ObjectKind, Operation},
    app::App,
};

const DEFAULT_DAYS: u16 = 30;
const MAX_ROWS: i64 = 10_000;

/// Over what time.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StatsQuery {
    /// How many days back, 1–366; 30 by default.
    #[param(minimum = 1, maximum = 366)]
    pub days: Option<u16>,
}

/// How deployments went; the newest 10,000 of the time at most.
#[derive(Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentStats {
    /// Deployments that ended.
    pub total: usize,
    /// Of those: done.
    pub success: usize,
    /// Of those: failed.
    pub failure: usize,
    /// Of those: put back by themselves.
    pub rolled_back: usize,
    /// Of those: called off or superseded.
    pub cancelled: usize,
    /// Done, out of all that were not called off; null if there are none.
    pub success_ratio: Option<f64>,
    /// How long the successful ones took.
    pub duration_ms: Percentiles,
    /// How long it took to go back by hand.
    pub time_to_roll_back_ms: Percentiles,
}

/// Percentiles, by nearest rank; null without values.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Percentiles {
    /// Median.
    pub p50: Option<i64>,
    /// 95 %.
    pub p95: Option<i64>,
    /// 99 %.
    pub p99: Option<i64>,
}

pub(super) async fn get(
    app: &App,
    caller: &Caller,
    id: ApplicationId,
    query: StatsQuery,
) -> Result<DeploymentStats, DeliveryError> {
    application::find_for(app, caller, Operation::DeploymentRead, id).await?;
    // Figures of all environments together.
    caller.require_all(Operation::DeploymentRead, ObjectKind::Environments)?;
    let days = i64::from(query.days.unwrap_or(DEFAULT_DAYS).clamp(1, 366));
    let since = app.clock.now().plus_ms(-days * UnixMs::DAY);
    let rows = store::deployment::list_durations(&app.db, caller.org(), id, since, MAX_ROWS).await?;
    let rows: Vec<(Status, TriggerType, Option<i64>)> = rows
        .into_iter()
        .map(|(status, trigger, duration)| {
            Ok((Status::read(&status)?, TriggerType::read(&trigger)?, duration))
        })
        .collect::<Result<_, DeliveryError>>()?;
    Ok(stats(&rows))
}

fn stats(rows: &[(Status, TriggerType, Option<i64>)]) -> DeploymentStats {
    let count = |wanted| rows.iter().filter(|(status, ..)| *status == wanted).count();
    let durations = |only: fn(&TriggerType) -> bool| {
        let done = rows
            .iter()
            .filter(|(status, trigger, _)| *status == Status::Success && only(trigger));
        percentiles(done.filter_map(|(.., duration)| *duration).collect())
    };
    let (success, cancelled) = (count(Status::Success), count(Status::Cancelled));
    let counted = rows.len() - cancelled;
    DeploymentStats {
        total: rows.len(),
        success,
        failure: count(Status::Failure),
        rolled_back: count(Status::RolledBack),
        cancelled,
        success_ratio: (counted > 0).then(|| success as f64 / counted as f64),
        duration_ms: durations(|_| true),
        time_to_roll_back_ms: durations(|trigger| *trigger == TriggerType::Rollback),
    }
}

fn percentiles(mut values: Vec<i64>) -> Percentiles {
    values.sort_unstable();
    let rank = |percent: usize| {
        values
            .get((values.len() * percent).div_ceil(100).checked_sub(1)?)
            .copied()
    };
    Percentiles {
        p50: rank(50),
        p95: rank(95),
        p99: rank(99),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_called_off_does_not_count_against_success() {
        let rows = [
            (Status::Success, TriggerType::Webhook, Some(100)),
            (Status::Success, TriggerType::Rollback, Some(300)),
            (Status::RolledBack, TriggerType::Webhook, Some(9_000)),
            (Status::Cancelled, TriggerType::Manual, None),
            (Status::Failure, TriggerType::Manual, Some(5)),
        ];
        let stats = stats(&rows);
        assert_eq!((stats.total, stats.success, stats.cancelled), (5, 2, 1));
        assert_eq!(stats.success_ratio, Some(0.5));
        assert_eq!(stats.duration_ms.p50, Some(100));
        assert_eq!(stats.duration_ms.p95, Some(300));
        assert_eq!(stats.time_to_roll_back_ms.p50, Some(300));
    }

    #[test]
    fn nothing_has_no_percentiles() {
        assert_eq!(stats(&[]), DeploymentStats::default());
    }
}
