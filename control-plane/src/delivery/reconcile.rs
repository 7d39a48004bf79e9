//! Putting right what somebody changed by hand: what succeeded last in the environment is deployed again, to the hosts that
//! drifted and to no others.
//!
//! It is an ordinary deployment with the trigger *reconcile*: approval, batches, locks, steps and audit are those of any other.
//! It takes nobody's place: while another deployment waits or runs there, it is refused, since that one changes the hosts anyway.
//!
//! # Who
//! Whoever may deploy there (`deployment:create`), and the environment's policy `drift: reconcile` in Muster's own name. The
//! policy acts when two looks have found the drift, waits longer after each attempt, and after the third leaves it to people:
//! the row says so. An hour in step, or a deployment that somebody asked for, and it may try again.
//!
//! # What fails
//! Nothing drifted (409), another deployment is under way (409), nothing succeeded there before (409). A policy's attempt that
//! is refused counts, and its reason is kept. That it did not help, its deployment says.

use std::collections::HashSet;

use muster_base::{ApplicationId, HostId, UnixMs};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    DeliveryError, application,
    deployment::{Deployment, TriggerType},
    store::{self, placement::Placement},
    trigger::{self, Request},
    truth::DriftPolicy,
    truth_look::Place,
    truth_told,
};
use crate::{
    access::{Caller, Object, Operation},
    app::App,
    in_tx,
};

/// So often the policy tries.
const ATTEMPTS: i64 = 3;
/// After the first attempt so long, after the second five times as long.
const PAUSE_MS: i64 = 2 * UnixMs::MINUTE;
const PAUSE_GROWS: i64 = 5;
/// Why the policy does nothing more: its attempts did not last.
const HELD_ATTEMPTS: &str = "attempts";

/// Which hosts are to be put right.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reconcile {
    /// Of those that drifted, these; all of them if it is left out.
    pub hosts: Option<Vec<HostId>>,
}

/// Deploys what succeeded last to the hosts that drifted.
pub(super) async fn by_person(
    app: &App,
    caller: &Caller,
    id: ApplicationId,
    environment: &str,
    wanted: &Reconcile,
) -> Result<Deployment, DeliveryError> {
    let application = application::find_for(app, caller, Operation::DeploymentCreate, id).await?;
    let object = Object::ApplicationIn(id, environment);
    if !caller.reaches(&object) || !application.environments.contains_key(environment) {
        return Err(DeliveryError::NotFound("environment of this application"));
    }
    caller.require_on(Operation::DeploymentCreate, &object)?;
    let rows = store::placement::list(&app.db, caller.org(), id, environment).await?;
    let is_wanted = |host: &HostId| wanted.hosts.as_ref().is_none_or(|hosts| hosts.contains(host));
    let drifted = rows
        .iter()
        .filter(|row| row.state.is_drift() && is_wanted(&row.host));
    let hosts: Vec<HostId> = drifted.map(|row| row.host).collect();
    start(app, caller, id, environment, hosts).await
}

/// What the environment's policy does about it, if it does anything now.
pub(super) async fn by_policy(app: &App, place: &Place<'_>, now: UnixMs) -> Result<(), DeliveryError> {
    let Some((first, _)) = place.targets.first() else {
        return Ok(());
    };
    if place.target.drift != DriftPolicy::Reconcile || place.waits {
        return Ok(());
    }
    let (application, environment) = (first.application, first.environment.as_str());
    give_up(app, place).await?;
    let due = place.targets.iter().filter(|(row, _)| is_due(row, now));
    let hosts: HashSet<HostId> = due.map(|(row, _)| row.host).collect();
    if hosts.is_empty() {
        return Ok(());
    }
    let caller = Caller::system("delivery.drift", first.org);
    let held = match start(
        app,
        &caller,
        application,
        environment,
        hosts.iter().copied().collect(),
    )
    .await
    {
        Ok(_) => None,
        // Somebody was faster: the next look sees what came of it.
        Err(DeliveryError::DeploymentUnderWay) => return Ok(()),
        Err(error) if error.is_lasting() => Some(error.for_record()),
        Err(error) => return Err(error),
    };
    in_tx!(app.db, |tx| {
        let of = (first.org, application, environment);
        store::placement::note_attempt(tx, of, &hosts, held.as_deref(), now).await?;
    });
    Ok(())
}

/// Says of hosts that drifted once more after the last attempt that they are left to people.
async fn give_up(app: &App, place: &Place<'_>) -> Result<(), DeliveryError> {
    let spent = place.targets.iter().filter(|(row, _)| {
        row.state.is_drift() && row.attempts >= ATTEMPTS && row.held.as_deref() != Some(HELD_ATTEMPTS)
    });
    let spent: Vec<Placement> = spent
        .map(|(row, _)| Placement {
            held: Some(HELD_ATTEMPTS.to_owned()),
            ..row.clone()
        })
        .collect();
    if spent.is_empty() {
        return Ok(());
    }
    in_tx!(app.db, |tx| {
        for row in &spent {
            store::placement::set_seen(tx, row).await?;
        }
    });
    Ok(())
}

fn is_due(row: &Placement, now: UnixMs) -> bool {
    let rested = row.attempted_at.is_none_or(|at| {
        let pause = match row.attempts {
            0 => 0,
            1 => PAUSE_MS,
            _ => PAUSE_MS * PAUSE_GROWS,
        };
        now.ms_since(at) >= pause
    });
    truth_told::is_confirmed(row, now) && row.attempts < ATTEMPTS && rested
}

async fn start(
    app: &App,
    caller: &Caller,
    application: ApplicationId,
    environment: &str,
    hosts: Vec<HostId>,
) -> Result<Deployment, DeliveryError> {
    if hosts.is_empty() {
        return Err(DeliveryError::NothingDrifted);
    }
    let last = store::deployment::find_success(&app.db, caller.org(), application, environment, None).await?;
    let origin = last.ok_or(DeliveryError::NothingToGoBackTo)?;
    let request = Request {
        application,
        environment: Some(environment.to_owned()),
        version: origin.version.clone(),
        trigger: TriggerType::Reconcile,
        origin: Some(origin),
        only: hosts,
        override_reason: None,
        key: None,
        payload: None,
    };
    Box::pin(trigger::enqueue(app, caller, request)).await
}

#[cfg(test)]
mod tests {
    use super::super::{truth::TargetState, truth_told::tests::row};
    use super::*;

    #[test]
    fn the_policy_waits_for_a_second_look_pauses_longer_each_time_and_stops() {
        let now = UnixMs(100 * UnixMs::MINUTE);
        let ago = |ms: i64| now.0 - ms;
        let drifted = |since: i64, attempts, attempted: Option<i64>| Placement {
            attempts,
            attempted_at: attempted.map(UnixMs),
            ..row(TargetState::Missing, Some(since), true)
        };
        assert!(!is_due(&drifted(ago(1_000), 0, None), now), "one look");
        assert!(is_due(&drifted(ago(5_000), 0, None), now));
        let long = ago(50 * UnixMs::MINUTE);
        for (attempts, minutes, due) in [
            (1, 1, false),
            (1, 2, true),
            (2, 9, false),
            (2, 10, true),
            (3, 40, false),
        ] {
            let row = drifted(long, attempts, Some(ago(minutes * UnixMs::MINUTE)));
            assert_eq!(is_due(&row, now), due, "attempt {attempts} after {minutes} min");
        }
        let mut away = drifted(long, 0, None);
        away.state = TargetState::Unknown;
        assert!(!is_due(&away, now), "nobody knows");
    }
}
