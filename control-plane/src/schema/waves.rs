//! In which waves a release goes over many servers, and what comes next: a function of what was asked for and of where the
//! executions stand, without memory and without a clock, so that whoever takes over after a crash decides the same.
//!
//! ```text
//! wave 0 ─→ (paused, if asked for) ─→ wave 1 ─→ … ─→ last ─→ success
//!    └── an execution failed ──→ halted ─→ wave 0 on the servers that lack it, once somebody resumes
//! ```
//! A wave begins when all executions of the one before have succeeded.

use super::ExecutionStatus;
use crate::delivery::Share;

/// A server as far as the next step depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ServerState {
    /// From 0.
    pub(super) wave: i64,
    /// Its execution; none if it was not begun.
    pub(super) run: Option<ExecutionStatus>,
}

impl ServerState {
    /// Whether its execution ended otherwise than well.
    pub(super) fn failed(&self) -> bool {
        self.run
            .is_some_and(|run| run.is_end() && run != ExecutionStatus::Success)
    }
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Hosts are at work.
    Wait,
    /// What the wave lacks is to be made.
    Begin(i64),
    /// The first wave is done, and somebody has to say "continue".
    Pause,
    /// Something failed: nothing more begins until somebody says "resume".
    Halt,
    /// Every server has it.
    End,
}

/// What comes next; `pauses` if somebody has to say "continue" after the first wave, and has not yet.
pub(super) fn next(pauses: bool, servers: &[ServerState]) -> Next {
    if servers.iter().any(ServerState::failed) {
        return Next::Halt;
    }
    let lacks = |server: &&ServerState| server.run != Some(ExecutionStatus::Success);
    let Some(wave) = servers.iter().filter(lacks).map(|server| server.wave).min() else {
        return Next::End;
    };
    let not_begun = |server: &ServerState| server.wave == wave && server.run.is_none();
    if !servers.iter().any(not_begun) {
        return Next::Wait;
    }
    if wave > 0 && pauses {
        return Next::Pause;
    }
    Next::Begin(wave)
}

/// Each server's wave, for `total` servers in their order: as big as was asked for, then the rest.
pub(super) fn waves(sizes: &[Share], total: usize) -> Vec<i64> {
    let mut waves = Vec::with_capacity(total);
    for (wave, size) in (0_i64..).zip(sizes) {
        let left = total - waves.len();
        let size = size.of(total, true).max(1).min(left);
        waves.extend(std::iter::repeat_n(wave, size));
    }
    let rest = i64::try_from(sizes.len()).unwrap_or(i64::MAX);
    waves.resize(total, rest);
    waves
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sizes(json: &str) -> Vec<Share> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn waves_are_as_big_as_asked_for_and_the_rest_comes_last() {
        assert_eq!(waves(&sizes(r#"[1, "25%"]"#), 8), [0, 1, 1, 2, 2, 2, 2, 2]);
        assert_eq!(waves(&sizes("[1]"), 3), [0, 1, 1]);
        assert_eq!(waves(&sizes("[5]"), 3), [0, 0, 0]);
        assert_eq!(waves(&sizes(r#"["1%", "1%"]"#), 3), [0, 1, 2]);
        assert_eq!(waves(&[], 2), [0, 0]);
    }

    /// A rollout as the tables would have it, whose executions end as `outcomes` says the first time, and well after that;
    /// somebody goes on so often.
    fn simulate(
        size: &[Share],
        outcomes: &[bool],
        mut pauses: bool,
        mut words: usize,
    ) -> (Vec<ServerState>, Vec<Next>) {
        let mut servers: Vec<ServerState> = waves(size, outcomes.len())
            .into_iter()
            .map(|wave| ServerState { wave, run: None })
            .collect();
        let mut fresh = vec![true; outcomes.len()];
        let mut seen = Vec::new();
        loop {
            let now = next(pauses, &servers);
            seen.push(now);
            match now {
                Next::Begin(wave) => {
                    for (nth, server) in servers.iter_mut().enumerate() {
                        if server.wave == wave && server.run.is_none() {
                            let good = outcomes[nth] || !fresh[nth];
                            fresh[nth] = false;
                            server.run = Some(if good {
                                ExecutionStatus::Success
                            } else {
                                ExecutionStatus::RolledBack
                            });
                        }
                    }
                }
                Next::Pause | Next::Halt if words > 0 => {
                    words -= 1;
                    pauses &= now == Next::Halt;
                    for server in servers.iter_mut().filter(|server| server.failed()) {
                        server.run = None;
                    }
                }
                Next::Pause | Next::Halt | Next::Wait | Next::End => return (servers, seen),
            }
        }
    }

    #[test]
    fn a_failure_halts_the_waves_after_it_until_somebody_resumes() {
        let size = sizes("[1, 1]");
        let (servers, seen) = simulate(&size, &[true, false, true], false, 0);
        assert_eq!(seen, [Next::Begin(0), Next::Begin(1), Next::Halt]);
        assert_eq!(servers[2].run, None);
        let (_, seen) = simulate(&size, &[true, false, true], false, 1);
        assert_eq!(
            seen,
            [
                Next::Begin(0),
                Next::Begin(1),
                Next::Halt,
                Next::Begin(1),
                Next::Begin(2),
                Next::End
            ]
        );
        let (_, seen) = simulate(&size, &[false, true, true], true, 2);
        assert_eq!(
            seen,
            [
                Next::Begin(0),
                Next::Halt,
                Next::Begin(0),
                Next::Pause,
                Next::Begin(1),
                Next::Begin(2),
                Next::End
            ]
        );
    }

    #[test]
    fn a_wave_waits_for_the_one_before_and_a_failure_for_nothing() {
        let server = |wave, run| ServerState { wave, run };
        let done = server(0, Some(ExecutionStatus::Success));
        let running = server(0, Some(ExecutionStatus::Running));
        assert_eq!(next(false, &[done, running, server(1, None)]), Next::Wait);
        assert_eq!(next(false, &[running, server(0, None)]), Next::Begin(0));
        let stopped = server(0, Some(ExecutionStatus::Cancelled));
        assert_eq!(next(false, &[stopped, running, server(1, None)]), Next::Halt);
        let stuck = server(0, Some(ExecutionStatus::NeedsAttention));
        assert_eq!(next(true, &[stuck, server(1, None)]), Next::Halt);
    }

    proptest! {
        #[test]
        fn nothing_begins_after_a_failure_and_going_on_comes_to_an_end(
            outcomes in prop::collection::vec(any::<bool>(), 1..30),
            sizes in prop::collection::vec(1_u32..6, 0..5),
            pauses in any::<bool>(),
        ) {
            let sizes: Vec<Share> = sizes.into_iter().map(Share::Hosts).collect();
            let (servers, _) = simulate(&sizes, &outcomes, pauses, 0);
            if let Some(bad) = servers.iter().find(|server| server.failed()) {
                prop_assert!(servers.iter().all(|server| server.wave <= bad.wave || server.run.is_none()));
            }
            let (servers, seen) = simulate(&sizes, &outcomes, pauses, outcomes.len() + 1);
            prop_assert_eq!(seen.last(), Some(&Next::End));
            prop_assert!(servers.iter().all(|server| server.run == Some(ExecutionStatus::Success)));
        }
    }
}
