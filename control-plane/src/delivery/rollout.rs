//! How a deployment goes over many hosts: the policy, and what comes next.
//!
//! ```text
//! batch 0 ─→ (paused, if asked for) ─→ batch 1 ─→ … ─→ last ─→ ended
//!    └── more hosts failed than may ──→ stopped ─→ rolling back the changed ones, or left as they are ─→ ended
//! ```
//! A batch begins when the one before has ended. Every decision is made from the rows of the hosts, in the transaction
//! that notes what a host said, with the deployment locked: [`next`] has no memory and no clock, so that whoever takes
//! over after a crash decides the same.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, OneOfBuilder, RefOr, Schema, Type},
};

use super::{
    deployment::{Phase, Status},
    fields::Fields,
};
use crate::flaw::Flaw;

/// A number of hosts, or a part of all of them such as `"25%"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// So many.
    Hosts(u32),
    /// So many of a hundred.
    Percent(u8),
}

impl Share {
    /// Of `total`; what is not a whole host is rounded up if `up`, else down.
    pub(super) fn of(self, total: usize, up: bool) -> usize {
        match self {
            Self::Hosts(count) => usize::try_from(count).unwrap_or(usize::MAX),
            Self::Percent(percent) => {
                let hundredths = total.saturating_mul(usize::from(percent));
                if up {
                    hundredths.div_ceil(100)
                } else {
                    hundredths / 100
                }
            }
        }
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Hosts(count) => serializer.serialize_u32(*count),
            Self::Percent(percent) => serializer.collect_str(&format_args!("{percent}%")),
        }
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(u32),
            Text(String),
        }
        let message = "a number of hosts, or a percentage such as \"25%\"";
        match Either::deserialize(deserializer).map_err(|_| D::Error::custom(message))? {
            Either::Number(count) => Ok(Self::Hosts(count)),
            Either::Text(text) => {
                let percent = text
                    .strip_suffix('%')
                    .and_then(|digits| digits.parse::<u8>().ok());
                let percent = percent.filter(|percent| *percent <= 100);
                percent
                    .map(Self::Percent)
                    .ok_or_else(|| D::Error::custom(message))
            }
        }
    }
}

impl PartialSchema for Share {
    fn schema() -> RefOr<Schema> {
        let one = |kind| ObjectBuilder::new().schema_type(kind).build();
        OneOfBuilder::new()
            .item(one(Type::Integer))
            .item(one(Type::String))
            .description(Some("A number of hosts, or a part of all of them such as `25%`."))
            .into()
    }
}

impl ToSchema for Share {}

/// What happens to the hosts that were changed when a rollout stops.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnFailure {
    /// They stay as they are.
    #[default]
    Stop,
    /// They get what ran there before.
    RollBack,
}

/// What happens to hosts that are not connected when it is their turn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Offline {
    /// Their orders wait for them, for `waitS`; then they have failed.
    #[default]
    Wait,
    /// They are left out, and don't count as failed.
    Skip,
    /// They have failed.
    Fail,
}

/// What happens to a deployment that is asked for while another waits for its turn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Queue {
    /// It takes the place of the one that waits.
    #[default]
    Supersede,
    /// It waits behind it.
    Queue,
}

/// How deployments go over the hosts of an environment. Without anything set: all hosts at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Rollout {
    /// Hosts at a time; all if not given.
    #[schema(required = false)]
    pub batch_size: Option<Share>,
    /// Label by whose value hosts are ordered, then by name; those without it come last.
    pub order_by: Option<String>,
    /// Whether somebody must say "go on" after the first batch.
    pub pause_after_first: bool,
    /// How many hosts may fail; one more stops the rollout. 0 if not given.
    #[schema(required = false)]
    pub max_failures: Share,
    /// What happens to the changed hosts then.
    pub on_failure: OnFailure,
    /// What happens to hosts that are not connected.
    pub offline: Offline,
    /// Seconds that an order waits for its host; 1,800 if not given.
    #[schema(minimum = 10, maximum = 86_400)]
    pub wait_s: u32,
    /// What happens to a deployment that is asked for while another waits.
    pub queue: Queue,
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            batch_size: None,
            order_by: None,
            pause_after_first: false,
            max_failures: Share::Hosts(0),
            on_failure: OnFailure::default(),
            offline: Offline::default(),
            wait_s: 1_800,
            queue: Queue::default(),
        }
    }
}

impl Rollout {
    pub(super) fn check(&self, field: &str, fields: &mut Fields) {
        let some = !matches!(self.batch_size, Some(Share::Hosts(0) | Share::Percent(0)));
        fields.check(some, format!("{field}.batchSize"), Flaw::AtLeast(1));
        let label = self.order_by.as_deref();
        let plain =
            label.is_none_or(|label| (1..=128).contains(&label.len()) && !label.contains(char::is_control));
        fields.check(plain, format!("{field}.orderBy"), "the name of a label");
        let waits = (10..=86_400).contains(&self.wait_s);
        fields.check(waits, format!("{field}.waitS"), Flaw::Range(10, 86_400));
    }

    /// Each host's batch, for `total` hosts in their order.
    pub(super) fn batches(&self, total: usize) -> Vec<i64> {
        let size = self
            .batch_size
            .map_or(total, |share| share.of(total, true))
            .max(1);
        (0..total)
            .map(|position| i64::try_from(position / size).unwrap_or(i64::MAX))
            .collect()
    }
}

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

    use super::*;

    fn policy(json: &str) -> Rollout {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn shares_are_read_as_people_write_them() {
        let read = policy(r#"{"batchSize":"25%","maxFailures":3}"#);
        assert_eq!(read.batch_size, Some(Share::Percent(25)));
        assert_eq!(read.max_failures, Share::Hosts(3));
        assert_eq!(serde_json::to_value(&read).unwrap()["batchSize"], "25%");
        for wrong in [
            r#"{"batchSize":"x"}"#,
            r#"{"batchSize":"101%"}"#,
            r#"{"batchSize":-1}"#,
        ] {
            assert!(serde_json::from_str::<Rollout>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn batches_are_as_big_as_asked_for() {
        assert_eq!(policy("{}").batches(3), [0, 0, 0]);
        assert_eq!(policy(r#"{"batchSize":2}"#).batches(5), [0, 0, 1, 1, 2]);
        assert_eq!(policy(r#"{"batchSize":"10%"}"#).batches(4), [0, 1, 2, 3]);
        assert_eq!(Share::Percent(3).of(200, false), 6);
        assert_eq!(Share::Percent(3).of(10, false), 0);
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
