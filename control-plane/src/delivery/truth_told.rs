//! Telling of drift on hosts: once of each host's, and once that nothing is left of it.
//!
//! Which hosts' drift was told stands in their rows of `placements`, and is written in the transaction of the messages. Drift is
//! told when a second look has found it still; that it is gone, when every host that was told of is as it should be again. Of
//! hosts that can't be looked at, nobody hears.

use std::fmt::Write as _;

use muster_base::{HostId, UnixMs};

use super::{
    DeliveryError,
    store::{self, placement::Placement},
    truth::TargetState,
    truth_look::Place,
};
use crate::{
    access::{self, TargetNews},
    app::App,
    error::Error,
    in_tx,
};

/// What a look has found and the next one, too, is so.
pub(super) const CONFIRM_MS: i64 = 4 * UnixMs::SECOND;
/// Hosts that a message names.
const NAMED: usize = 5;

/// What is to be told.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    Found(Vec<HostId>),
    Over(Vec<HostId>),
}

/// Whether drift stood for two looks.
pub(super) fn is_confirmed(row: &Placement, now: UnixMs) -> bool {
    row.state.is_drift()
        && row
            .drift_since
            .is_some_and(|since| now.ms_since(since) >= CONFIRM_MS)
}

/// Tells what there is to tell of this environment.
pub(super) async fn tell(app: &App, place: &Place<'_>, now: UnixMs) -> Result<(), DeliveryError> {
    let Some(turn) = turn(place.targets.iter().map(|(row, _)| row), now) else {
        return Ok(());
    };
    let Some((first, _)) = place.targets.first() else {
        return Ok(());
    };
    let (hosts, told) = match &turn {
        Turn::Found(hosts) => (hosts, true),
        Turn::Over(hosts) => (hosts, false),
    };
    let names = place.targets.iter().filter(|(row, _)| row.state.is_drift());
    let what = named(names.map(|(_, name)| name.as_str()));
    let news = TargetNews {
        org: first.org,
        application: first.application,
        name: &place.application.name,
        environment: &first.environment,
        what: told.then_some(what.as_str()),
    };
    let audience = access::target_audience(app, &news).await.map_err(Error::from)?;
    in_tx!(app.db, |tx| {
        let of = (first.org, first.application, first.environment.as_str());
        if store::placement::set_told(tx, of, hosts, told).await? {
            access::tell_of_targets(app, tx, &audience, &news)
                .await
                .map_err(Error::from)?;
        }
    });
    app.notify.wake();
    Ok(())
}

fn turn<'a>(rows: impl Iterator<Item = &'a Placement> + Clone, now: UnixMs) -> Option<Turn> {
    let untold = rows.clone().filter(|row| !row.told && is_confirmed(row, now));
    let untold: Vec<HostId> = untold.map(|row| row.host).collect();
    if !untold.is_empty() {
        return Some(Turn::Found(untold));
    }
    let told: Vec<&Placement> = rows.filter(|row| row.told).collect();
    let over = told
        .iter()
        .all(|row| matches!(row.state, TargetState::InStep | TargetState::Ended));
    (over && !told.is_empty()).then(|| Turn::Over(told.iter().map(|row| row.host).collect()))
}

/// The first names, and the number of the rest: in no language.
fn named<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let mut text = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    if names.len() > NAMED {
        // A text that is written can't fail.
        write!(text, " + {}", names.len() - NAMED).ok();
    }
    text
}

#[cfg(test)]
pub(super) mod tests {
    use muster_base::Clock;

    use super::*;

    pub(in crate::delivery) fn row(state: TargetState, drift_since: Option<i64>, told: bool) -> Placement {
        let clock = Clock::system();
        Placement {
            application: clock.new_id(),
            environment: "default".to_owned(),
            host: clock.new_id(),
            org: clock.new_id(),
            deployment: clock.new_id(),
            order: clock.new_id(),
            container: "shop".to_owned(),
            stays: true,
            digest: None,
            placed_at: UnixMs(0),
            container_id: None,
            image_id: None,
            state,
            since: UnixMs(0),
            found: None,
            drift_since: drift_since.map(UnixMs),
            told,
            attempts: 0,
            attempted_at: None,
            held: None,
            version: "1".to_owned(),
            image: "team/shop:1".to_owned(),
        }
    }

    #[test]
    fn drift_is_told_once_when_it_stands_and_once_that_it_is_gone() {
        use TargetState::{InStep, Missing, Unknown};
        let now = UnixMs(100_000);
        let told = |rows: &[Placement]| turn(rows.iter(), now);
        let fresh = row(Missing, Some(99_000), false);
        let stands = row(Missing, Some(90_000), false);
        let known = row(Missing, Some(90_000), true);
        let back = row(InStep, None, true);
        let away = row(Unknown, Some(90_000), true);
        assert_eq!(told(&[fresh]), None);
        assert_eq!(
            told(&[stands.clone(), known.clone()]),
            Some(Turn::Found(vec![stands.host]))
        );
        assert_eq!(told(std::slice::from_ref(&known)), None);
        assert_eq!(told(&[known, back.clone()]), None, "one of them is still so");
        assert_eq!(told(&[away, back.clone()]), None, "nobody can look");
        assert_eq!(
            told(std::slice::from_ref(&back)),
            Some(Turn::Over(vec![back.host]))
        );
        assert_eq!(told(&[row(InStep, None, false)]), None);
    }

    #[test]
    fn a_message_names_the_first_hosts() {
        assert_eq!(named(["a", "b"].into_iter()), "a, b");
        assert_eq!(
            named(["a", "b", "c", "d", "e", "f", "g"].into_iter()),
            "a, b, c, d, e + 2"
        );
    }
}
