//! How a deployment goes over many hosts: what comes next, by the [`super::rollout_policy`].
//!
//! ```text
//! batch 0 ─→ (paused, if asked for) ─→ batch 1 ─→ … ─→ last ─→ ended
//!    └── more hosts failed than may ──→ stopped ─→ rolling back the changed ones, or left as they are ─→ ended
//! ```
//! A batch begins when the one before has ended. Every decision is made from the rows of the hosts, in the transaction
//! that notes what a host said, with the deployment locked: [`next`] has no memory and no clock, so that whoever takes
//! over after a crash decides the same.

use super::{
    deployment::{Phase, Status},
    rollout_policy::{OnFailure, Rollout},
};

/// A host as far as the next step depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HostState {
    pub batch: i64,
    pub status: Status,
    /// It has an order, for the new version or for the one before.
    pub ordered: bool,
    /// Where the way back is; none if it was not asked to go back.
    pub back: Option<Status>,
}

/// What the whole is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    pub phase: Phase,
    /// Somebody called it off.
    pub cancel_asked: bool,
    /// Somebody wants the changed hosts back as they were.
    pub back_asked: bool,
    /// Somebody wants it to pause.
    pub pause_asked: bool,
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Hosts are at work, or somebody has to say something.
    Wait,
    /// The batch is to be ordered.
    Order(i64),
    /// Nobody is asked any more until somebody says "go on".
    Pause,
    /// Hosts that were not asked yet are left out; changed ones go back if `back`.
    Stop { back: bool },
    /// Nothing is left to do.
    End,
}

/// What comes next.
pub(super) fn next(policy: &Rollout, state: State, hosts: &[HostState]) -> Next {
    let waiting = |host: &&HostState| host.status == Status::Pending && !host.ordered;
    let failed = hosts
        .iter()
        .filter(|host| matches!(host.status, Status::Failure | Status::RolledBack))
        .count();
    let too_many = failed > policy.max_failures.of(hosts.len(), false);
    let stops = too_many || state.cancel_asked;
    let back =
        state.back_asked || (too_many && !state.cancel_asked && policy.on_failure == OnFailure::RollBack);
    if state.phase != Phase::RollingBack && stops && hosts.iter().any(|host| waiting(&host)) {
        return Next::Stop { back };
    }
    let at_work = |host: &HostState| {
        host.ordered && !host.status.is_final() || host.back.is_some_and(|back| !back.is_final())
    };
    if hosts.iter().any(at_work) {
        return Next::Wait;
    }
    let changed = hosts
        .iter()
        .any(|host| host.status == Status::Success && host.back.is_none());
    match state.phase {
        // Whoever was at work when it stopped may have been changed since.
        Phase::RollingBack if changed => Next::Stop { back: true },
        Phase::RollingBack => Next::End,
        Phase::Rolling | Phase::Paused if stops => {
            if back && changed {
                Next::Stop { back }
            } else {
                Next::End
            }
        }
        Phase::Paused => Next::Wait,
        Phase::Rolling => {
            let Some(batch) = hosts.iter().filter(waiting).map(|host| host.batch).min() else {
                return Next::End;
            };
            let after_first = batch == 1 && policy.pause_after_first;
            if batch > 0 && (after_first || state.pause_asked) {
                Next::Pause
            } else {
                Next::Order(batch)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::rollout_policy::Share, *};

    fn policy(json: &str) -> Rollout {
        serde_json::from_str(json).unwrap()
    }

    /// Hosts as the tables would have them, which answer as `outcomes` says.
    fn simulate(policy: &Rollout, outcomes: &[bool], resume: bool) -> (Vec<HostState>, Vec<Next>) {
        let batches = policy.batches(outcomes.len());
        let mut hosts: Vec<HostState> = batches
            .into_iter()
            .map(|batch| HostState {
                batch,
                status: Status::Pending,
                ordered: false,
                back: None,
            })
            .collect();
        let mut state = State {
            phase: Phase::Rolling,
            cancel_asked: false,
            back_asked: false,
            pause_asked: false,
        };
        let mut seen = Vec::new();
        for _ in 0..4 * outcomes.len() + 8 {
            let now = next(policy, state, &hosts);
            seen.push(now);
            match now {
                Next::Order(batch) => {
                    for (host, good) in hosts.iter_mut().zip(outcomes) {
                        if host.batch == batch {
                            host.ordered = true;
                            host.status = if *good {
                                Status::Success
                            } else {
                                Status::RolledBack
                            };
                        }
                    }
                }
                Next::Pause => {
                    state.phase = Phase::Paused;
                    if !resume {
                        break;
                    }
                    // Going on orders the batch by itself.
                    let batch = hosts
                        .iter()
                        .filter(|host| !host.ordered)
                        .map(|host| host.batch)
                        .min();
                    for (host, good) in hosts.iter_mut().zip(outcomes) {
                        if Some(host.batch) == batch {
                            host.ordered = true;
                            host.status = if *good {
                                Status::Success
                            } else {
                                Status::RolledBack
                            };
                        }
                    }
                    state.phase = Phase::Rolling;
                }
                Next::Stop { back } => {
                    for host in &mut hosts {
                        if !host.ordered {
                            host.status = Status::Skipped;
                        } else if back && host.status == Status::Success {
                            host.back = Some(Status::Success);
                            host.status = Status::RolledBack;
                        }
                    }
                    if back {
                        state.phase = Phase::RollingBack;
                    }
                }
                Next::Wait | Next::End => break,
            }
        }
        (hosts, seen)
    }

    #[test]
    fn a_first_batch_is_looked_at_before_the_second() {
        let policy = policy(r#"{"batchSize":1,"pauseAfterFirst":true}"#);
        let (_, seen) = simulate(&policy, &[true, true, true], false);
        assert_eq!(seen, [Next::Order(0), Next::Pause]);
        let (_, seen) = simulate(&policy, &[true, true, true], true);
        assert_eq!(seen, [Next::Order(0), Next::Pause, Next::Order(2), Next::End]);
    }

    #[test]
    fn one_failure_too_many_stops_and_the_changed_ones_go_back() {
        use Status::{RolledBack, Skipped};
        let policy = policy(r#"{"batchSize":2,"maxFailures":1,"onFailure":"rollBack"}"#);
        let outcomes = [true, false, true, false, true, true];
        let (hosts, seen) = simulate(&policy, &outcomes, true);
        assert_eq!(
            seen,
            [
                Next::Order(0),
                Next::Order(1),
                Next::Stop { back: true },
                Next::End
            ]
        );
        let statuses: Vec<_> = hosts.iter().map(|host| host.status).collect();
        assert_eq!(
            statuses,
            [RolledBack, RolledBack, RolledBack, RolledBack, Skipped, Skipped]
        );
    }

    proptest! {
        #[test]
        fn it_comes_to_an_end_and_never_asks_more_hosts_after_too_many_failures(
            outcomes in prop::collection::vec(any::<bool>(), 1..40),
            size in 1_u32..12,
            may_fail in 0_u32..5,
            back in any::<bool>(),
            pause in any::<bool>(),
        ) {
            let policy = Rollout {
                batch_size: Some(Share::Hosts(size)),
                max_failures: Share::Hosts(may_fail),
                on_failure: if back { OnFailure::RollBack } else { OnFailure::Stop },
                pause_after_first: pause,
                ..Rollout::default()
            };
            let (hosts, seen) = simulate(&policy, &outcomes, true);
            prop_assert_eq!(seen.last(), Some(&Next::End));
            let may_fail = usize::try_from(may_fail).unwrap();
            let mut failed = 0;
            let mut stopped = false;
            let batch_count = policy.batches(outcomes.len()).last().copied().unwrap() + 1;
            for batch in 0..batch_count {
                let mut members = hosts.iter().zip(&outcomes).filter(|(host, _)| host.batch == batch);
                prop_assert!(members.clone().all(|(host, _)| host.ordered != stopped));
                failed += members.clone().filter(|(host, good)| host.ordered && !**good).count();
                stopped |= failed > may_fail;
                let left_new = members.any(|(host, _)| host.status == Status::Success);
                prop_assert!(!(left_new && back && failed > may_fail));
            }
            if back && failed > may_fail {
                prop_assert!(hosts.iter().all(|host| host.status != Status::Success));
            }
        }
    }
}
