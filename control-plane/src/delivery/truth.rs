//! What should run on a host and what does: a comparison without a memory and without a clock.
//!
//! # Data
//! A row of `placements` for each application, environment and host: the deployment whose container was put there last, and the
//! order that made it. It is written in the transaction in which a host says that it is done, there or back (`progress`). What
//! is there is what the host's agent says of its containers, with the labels that a deploy gives them.
//!
//! # States
//! *inStep*, *ended* (it ran to its end, and the engine was not told to keep it running), *unknown* (the host or its engine does
//! not answer, or nobody has looked since), and four kinds of **drift**: *missing*, *stopped* (somebody stopped or paused it),
//! *otherImage* (its labels, but another image), *replaced* (another container has the name, or it was made anew by somebody
//! else). Which one it is, is told by the order's id in the container's label; the engine's own ids, noted when the container is
//! seen first, tell whether somebody made another with the same labels.
//!
//! # Who
//! `truth_look` compares every few seconds and keeps what it found. Whoever may read deployments of the environment sees it
//! ([`super::truth_list`]); whoever may deploy there has it put right ([`super::reconcile`]); who hears of it is in
//! [`super::truth_told`].
//!
//! # What fails
//! Nothing here. What can't be known is *unknown*, and drift that was found before stays noted until somebody can look again.

use muster_base::{OrderId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::container::Restart;
use crate::{db::DbError, telemetry::Container as Present};

/// The label that names the order that made a container.
pub(super) const LABEL_ORDER: &str = "muster.order";

/// What an environment does about drift.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum DriftPolicy {
    /// It is shown and told.
    #[default]
    Show,
    /// What ran there last is deployed again, at most three times; then it is shown.
    Reconcile,
}

/// How what is on a host compares with what was put there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum TargetState {
    /// As it should be.
    InStep,
    /// It ran to its end, and is not kept running.
    Ended,
    /// It is gone, or has another name.
    Missing,
    /// Somebody stopped or paused it.
    Stopped,
    /// It has another image.
    OtherImage,
    /// Another container has its name, or somebody made it anew.
    Replaced,
    /// The host or its engine does not answer.
    Unknown,
    /// Nothing was deployed there yet.
    NotDeployed,
}

impl TargetState {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::InStep => "inStep",
            Self::Ended => "ended",
            Self::Missing => "missing",
            Self::Stopped => "stopped",
            Self::OtherImage => "otherImage",
            Self::Replaced => "replaced",
            Self::Unknown => "unknown",
            Self::NotDeployed => "notDeployed",
        }
    }

    pub(super) fn read(text: &str) -> Result<Self, DbError> {
        let all = [
            Self::InStep,
            Self::Ended,
            Self::Missing,
            Self::Stopped,
            Self::OtherImage,
            Self::Replaced,
            Self::Unknown,
        ];
        let found = all.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| DbError::Corrupt("placements.state".to_owned()))
    }

    /// Whether somebody changed something by hand.
    pub(super) const fn is_drift(self) -> bool {
        match self {
            Self::Missing | Self::Stopped | Self::OtherImage | Self::Replaced => true,
            Self::InStep | Self::Ended | Self::Unknown | Self::NotDeployed => false,
        }
    }
}

/// The container that has the name now, or the one that had it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundContainer {
    /// What it is called.
    pub name: String,
    /// Its image as it was asked for.
    pub image: String,
    /// Its image's content id.
    pub image_id: String,
    /// The digest that Muster put there; null if Muster did not.
    pub digest: Option<String>,
    /// Which version, as it was called then; null likewise.
    pub version: Option<String>,
    /// The engine's word for its state.
    pub state: String,
    /// Its health check's verdict.
    pub health: String,
    /// When it last started.
    pub started_at: Option<UnixMs>,
}

/// What should be there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub container: &'a str,
    pub order: OrderId,
    pub stays: bool,
    /// As first seen with the order's label.
    pub container_id: Option<&'a str>,
    pub image_id: Option<&'a str>,
}

/// What came of a look at one host's containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Compared {
    pub state: TargetState,
    pub found: Option<FoundContainer>,
    /// Ids of the container that the order made, if it is the one that has the name.
    pub ids: Option<(String, String)>,
}

/// Compares what should be with the containers that are there now.
pub(super) fn compare(expected: &Expected<'_>, here: &[&Present]) -> Compared {
    let order = expected.order.to_string();
    let is_ours = |container: &Present| container.labels.get(LABEL_ORDER) == Some(order.as_str());
    let Some(named) = here.iter().find(|container| container.name == expected.container) else {
        // Somebody may have given it another name.
        let renamed = here.iter().find(|container| is_ours(container));
        return Compared {
            state: TargetState::Missing,
            found: renamed.map(|container| found(container)),
            ids: None,
        };
    };
    let same = |known: Option<&str>, now: &str| known.is_none_or(|known| known == now);
    let state = if !is_ours(named) {
        TargetState::Replaced
    } else if !same(expected.image_id, &named.image_id) {
        TargetState::OtherImage
    } else if !same(expected.container_id, &named.id) {
        TargetState::Replaced
    } else {
        match named.state.as_str() {
            "running" | "restarting" => TargetState::InStep,
            "paused" => TargetState::Stopped,
            _ if expected.stays => TargetState::Stopped,
            _ => TargetState::Ended,
        }
    };
    let ids = is_ours(named).then(|| (named.id.clone(), named.image_id.clone()));
    Compared {
        state,
        found: Some(found(named)),
        ids,
    }
}

/// Whether the engine keeps a container running until somebody stops it.
pub(super) const fn stays(restart: Restart) -> bool {
    match restart {
        Restart::Always | Restart::UnlessStopped => true,
        Restart::No | Restart::OnFailure => false,
    }
}

fn found(container: &Present) -> FoundContainer {
    let label = |key: &str| container.labels.get(key).map(str::to_owned);
    FoundContainer {
        name: container.name.clone(),
        image: container.image.clone(),
        image_id: container.image_id.clone(),
        digest: label("muster.digest"),
        version: label("muster.version"),
        state: container.state.clone(),
        health: container.health.clone(),
        started_at: container.started_at,
    }
}

#[cfg(test)]
mod tests {
    use muster_base::Clock;

    use super::*;
    use crate::telemetry::ContainerLabels;

    fn container(name: &str, order: Option<OrderId>, state: &str) -> Present {
        let labels = order.map_or_else(
            || "{}".to_owned(),
            |order| format!("{{\"muster.order\":\"{order}\",\"muster.version\":\"1\"}}"),
        );
        Present {
            name: name.to_owned(),
            id: "c1".to_owned(),
            image: "team/shop:1".to_owned(),
            image_id: "sha256:1".to_owned(),
            state: state.to_owned(),
            health: "none".to_owned(),
            restarts: 0,
            created_at: UnixMs(0),
            started_at: None,
            labels: ContainerLabels::try_from(labels).unwrap(),
            memory_limit_bytes: None,
            present: true,
            seen_at: UnixMs(0),
            latest: None,
        }
    }

    #[test]
    fn what_somebody_did_by_hand_is_told_apart() {
        let clock = Clock::system();
        let (order, other): (OrderId, OrderId) = (clock.new_id(), clock.new_id());
        let expected = Expected {
            container: "shop",
            order,
            stays: true,
            container_id: Some("c1"),
            image_id: Some("sha256:1"),
        };
        let ours = |state| container("shop", Some(order), state);
        let with = |image: &str, id: &str| Present {
            image_id: image.to_owned(),
            id: id.to_owned(),
            ..ours("running")
        };
        for (here, wanted) in [
            (vec![ours("running")], TargetState::InStep),
            (vec![ours("restarting")], TargetState::InStep),
            (vec![ours("exited")], TargetState::Stopped),
            (vec![ours("paused")], TargetState::Stopped),
            (vec![ours("created")], TargetState::Stopped),
            (vec![], TargetState::Missing),
            (vec![container("other", None, "running")], TargetState::Missing),
            (
                vec![container("renamed", Some(order), "running")],
                TargetState::Missing,
            ),
            (vec![container("shop", None, "running")], TargetState::Replaced),
            (
                vec![container("shop", Some(other), "running")],
                TargetState::Replaced,
            ),
            (vec![with("sha256:1", "c2")], TargetState::Replaced),
            (vec![with("sha256:2", "c2")], TargetState::OtherImage),
        ] {
            let refs: Vec<&Present> = here.iter().collect();
            assert_eq!(compare(&expected, &refs).state, wanted, "{here:?}");
        }
        let renamed = container("renamed", Some(order), "running");
        let compared = compare(&expected, &[&renamed]);
        assert_eq!(compared.found.map(|found| found.name).as_deref(), Some("renamed"));
    }

    #[test]
    fn what_is_not_kept_running_may_end() {
        let order: OrderId = Clock::system().new_id();
        let expected = Expected {
            container: "job",
            order,
            stays: false,
            container_id: None,
            image_id: None,
        };
        let ended = container("job", Some(order), "exited");
        let compared = compare(&expected, &[&ended]);
        assert_eq!(compared.state, TargetState::Ended);
        assert!(!compared.state.is_drift());
        assert_eq!(compared.ids, Some(("c1".to_owned(), "sha256:1".to_owned())));
    }
}
