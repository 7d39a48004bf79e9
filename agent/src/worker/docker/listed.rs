//! What the engine's list says of a container that was asked about before: whether anything can have changed.
//!
//! The list is one question, whereas asking about each container by itself costs agent and engine most of what they
//! spend on containers. It does not say how often one was restarted or when it started, but for how long it is up, in
//! words: as long as these are the words for the time since the start that is known, it was not started again. Any
//! doubt, and any word that is not known here, has the container asked about.

use bollard::models::{ContainerSummary, ContainerSummaryStateEnum as State};
use muster_base::UnixMs;
use muster_protocol::latest::{ContainerFacts, ContainerHealth, ContainerState};

/// The list and the clock here may differ by so much.
const SLACK_MS: i64 = 2_000;
const MINUTE_S: i64 = 60;
const HOUR_S: i64 = 60 * MINUTE_S;

/// The facts as they are now, if the list says all that may have changed.
pub(super) fn facts_by_list(
    known: &ContainerFacts,
    listed: &ContainerSummary,
    now: UnixMs,
) -> Option<ContainerFacts> {
    let names = listed.names.as_deref().unwrap_or_default();
    if names
        .iter()
        .all(|name| name.trim_start_matches('/') != known.name)
    {
        return None;
    }
    let status = listed.status.as_deref()?;
    let health = match (listed.state.as_ref()?, known.state) {
        (State::CREATED, ContainerState::Created) => known.health,
        (State::RUNNING, ContainerState::Running) => {
            let (up, health) = split_up(status)?;
            let health = match health {
                None if known.health == ContainerHealth::None => ContainerHealth::None,
                Some("healthy") => ContainerHealth::Healthy,
                Some("unhealthy") => ContainerHealth::Unhealthy,
                Some("health: starting") => ContainerHealth::Starting,
                _ => return None,
            };
            is_up_since(up, known.started_at?, now).then_some(health)?
        }
        (State::PAUSED, ContainerState::Paused) => {
            let (up, paused) = split_up(status)?;
            let is_same = paused == Some("Paused") && is_up_since(up, known.started_at?, now);
            is_same.then_some(known.health)?
        }
        // One that ended just now may have run again since it was asked about.
        (State::EXITED, ContainerState::Exited) => {
            let ended = status.strip_suffix(" ago")?.split_once(") ")?.1;
            let is_just_now = ended.contains("second") || ended == "About a minute";
            (!is_just_now).then_some(known.health)?
        }
        _ => return None,
    };
    Some(ContainerFacts {
        health,
        ..known.clone()
    })
}

/// `Up 5 minutes`, `Up 2 hours (healthy)`: for how long, and what is in brackets.
fn split_up(status: &str) -> Option<(&str, Option<&str>)> {
    let up = status.strip_prefix("Up ")?;
    Some(match up.strip_suffix(')') {
        Some(up) => {
            let (up, more) = up.split_once(" (")?;
            (up, Some(more))
        }
        None => (up, None),
    })
}

/// Whether these are the engine's words for the time since `started`. Not for less than a minute: such a one may have been
/// started twice.
fn is_up_since(words: &str, started: UnixMs, now: UnixMs) -> bool {
    let age_ms = now.ms_since(started);
    [age_ms - SLACK_MS, age_ms, age_ms + SLACK_MS]
        .into_iter()
        .any(|ms| in_words(ms / UnixMs::SECOND).is_some_and(|known| known == words))
}

/// As Docker's `HumanDuration` puts it.
fn in_words(seconds: i64) -> Option<String> {
    let (minutes, hours) = (seconds / MINUTE_S, (seconds + HOUR_S / 2) / HOUR_S);
    let days = |days: i64| 24 * days;
    Some(match (minutes, hours) {
        (..1, _) => return None,
        (1, _) => "About a minute".to_owned(),
        (..60, _) => format!("{minutes} minutes"),
        (_, 1) => "About an hour".to_owned(),
        (_, ..48) => format!("{hours} hours"),
        _ if hours < days(14) => format!("{} days", hours / 24),
        _ if hours < days(60) => format!("{} weeks", hours / 24 / 7),
        _ if hours < days(730) => format!("{} months", hours / 24 / 30),
        _ => format!("{} years", seconds / HOUR_S / 24 / 365),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STARTED: UnixMs = UnixMs(1_700_000_000_000);

    fn known(state: ContainerState, health: ContainerHealth) -> ContainerFacts {
        ContainerFacts {
            id: "1".into(),
            name: "web".into(),
            image: "web:1".into(),
            image_id: "sha256:0".into(),
            state,
            health,
            restarts: 2,
            created_at: STARTED,
            started_at: Some(STARTED),
            labels: Vec::new(),
            memory_limit_bytes: None,
        }
    }

    fn listed(state: State, status: &str) -> ContainerSummary {
        ContainerSummary {
            names: Some(vec!["/shop/web".into(), "/web".into()]),
            state: Some(state),
            status: Some(status.into()),
            ..ContainerSummary::default()
        }
    }

    fn health_after(
        minutes: i64,
        known: &ContainerFacts,
        listed: &ContainerSummary,
    ) -> Option<ContainerHealth> {
        let now = STARTED.plus_ms(minutes * 60_000);
        facts_by_list(known, listed, now).map(|facts| facts.health)
    }

    #[test]
    fn one_that_runs_on_is_known_and_its_health_is_heard() {
        use ContainerHealth::{Healthy, None as Unchecked, Starting, Unhealthy};
        let checked = known(ContainerState::Running, Healthy);
        for (status, health) in [
            ("Up 5 minutes (healthy)", Some(Healthy)),
            ("Up 5 minutes (unhealthy)", Some(Unhealthy)),
            ("Up 5 minutes (health: starting)", Some(Starting)),
            ("Up 5 minutes", None),
            ("Up 5 minutes (lost)", None),
            ("Up 12 seconds (healthy)", None),
            ("Up About a minute (healthy)", None),
            ("5 minutes", None),
            ("", None),
        ] {
            let listed = listed(State::RUNNING, status);
            assert_eq!(health_after(5, &checked, &listed), health, "{status}");
        }
        let unchecked = known(ContainerState::Running, Unchecked);
        let up = listed(State::RUNNING, "Up 5 minutes");
        assert_eq!(health_after(5, &unchecked, &up), Some(Unchecked));
        assert_eq!(health_after(25, &unchecked, &up), None, "started since");
        assert_eq!(
            health_after(5, &unchecked, &listed(State::EXITED, "Exited (0) 5 minutes ago")),
            None
        );
    }

    #[test]
    fn one_that_rests_is_known_unless_it_may_have_run_in_between() {
        let none = ContainerHealth::None;
        let exited = known(ContainerState::Exited, none);
        for (status, health) in [
            ("Exited (137) 3 hours ago", Some(none)),
            ("Exited (0) About a minute ago", None),
            ("Exited (0) Less than a second ago", None),
            ("Exited (0) 4 seconds ago", None),
            ("Exited", None),
        ] {
            assert_eq!(
                health_after(500, &exited, &listed(State::EXITED, status)),
                health,
                "{status}"
            );
        }
        let paused = known(ContainerState::Paused, none);
        let still = listed(State::PAUSED, "Up 5 minutes (Paused)");
        assert_eq!(health_after(5, &paused, &still), Some(none));
        assert_eq!(health_after(50, &paused, &still), None);
        let created = known(ContainerState::Created, none);
        assert_eq!(
            health_after(5, &created, &listed(State::CREATED, "Created")),
            Some(none)
        );
    }

    #[test]
    fn another_name_is_news() {
        let mut renamed = listed(State::CREATED, "Created");
        renamed.names = Some(vec!["/web-old".into()]);
        let created = known(ContainerState::Created, ContainerHealth::None);
        assert_eq!(health_after(1, &created, &renamed), None);
    }

    #[test]
    fn times_are_put_as_the_engine_puts_them() {
        let hour = HOUR_S;
        for (seconds, words) in [
            (59, None),
            (60, Some("About a minute")),
            (120, Some("2 minutes")),
            (59 * 60 + 59, Some("59 minutes")),
            (hour, Some("About an hour")),
            (hour + hour / 2 - 1, Some("About an hour")),
            (hour + hour / 2, Some("2 hours")),
            (47 * hour, Some("47 hours")),
            (48 * hour, Some("2 days")),
            (14 * 24 * hour, Some("2 weeks")),
            (60 * 24 * hour, Some("2 months")),
            (730 * 24 * hour, Some("2 years")),
        ] {
            assert_eq!(in_words(seconds).as_deref(), words, "{seconds}");
        }
    }
}
