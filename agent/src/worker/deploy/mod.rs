//! A container deploy: replace the container of a name by a new one, or leave everything as it was.
//!
//! # Steps
//! verify → authenticate → pull → set-aside (rename the old) → stop-old → start-new → health → remove-old; on any
//! failure after `pull`: put-back (remove the new, give the old its name, start it again). Nothing that runs is
//! touched before the image is here and its digest is right, and never a container of another application or
//! environment, or of nobody's unless the policy says so ([`owner`]). The new container is made while the old one stops.
//!
//! Handing over ([`Handover`]): verify → authenticate → pull → set-aside (rename; it serves on) → start-new (published on the
//! loopback address) → health → switch (the [`crate::front`] takes requests to the new one) → drain (until nobody is with
//! the old one, or the grace time is over) → remove-old. It holds the lane of the engine until then. The first handover of a
//! service that published its ports itself has a gap: the old container must give them free before the front can listen.
//! A route stands in its container's label, so the way back restores it too, and a deploy without handover takes it away.
//!
//! Before the pull it is checked that the image fits ([`room`]); after a deploy that succeeded, and if the order says how many
//! versions' images stay, a last step prune removes older ones of this application that deploys brought ([`images`]).
//!
//! # After a crash
//! The journal's marks decide, and the engine says what is there. A deploy that was committed (its new container was
//! healthy) is finished; one that was being undone is undone; any other is done again from the start, every step of
//! it finding done what is done. The old container is known by the engine's id, which is in the journal before the
//! container is renamed; the new one by the order's id in its label.
//!
//! # Fails how
//! RolledBack if everything is as it was, Cancelled if a person wanted that, NeedsAttention if even putting the old
//! container back failed: it is started then under whatever name it has, and the error names the containers. An engine
//! that goes away in the middle is waited for: what was begun is finished or undone when it is back.

mod flow;
mod handover;
mod health;
mod images;
mod insist;
mod owner;
mod plan;
mod prune;
mod room;
mod undo;

use std::{path::Path, sync::OnceLock};

use muster_base::OrderId;
use muster_protocol::latest::{ContainerMore, DeploySpec, OrderStatus};
use tokio_util::sync::CancellationToken;

use super::{
    docker::{DockerError, Engine},
    events::Events,
    secrets::{MissingSecret, Secrets},
};
use crate::{
    front::{FrontError, Fronts},
    orders::journal::Mark,
};

pub use flow::run;
pub use handover::Handover;
pub use insist::await_engine;

/// One deploy and all that it needs.
pub struct Deploy<'a> {
    /// The order.
    pub order: OrderId,
    /// What is wanted.
    pub spec: &'a DeploySpec,
    /// What else the container asks for.
    pub more: &'a ContainerMore,
    /// How it is handed over; `None`: the old container is stopped before the new one starts.
    pub handover: Option<Handover>,
    /// The front that stands before services.
    pub fronts: &'a Fronts,
    /// Its secrets.
    pub secrets: &'a Secrets,
    /// The engine.
    pub engine: &'a Engine,
    /// Where progress goes and marks are kept.
    pub events: &'a Events,
    /// Stops the deploy, if it is not committed.
    pub cancel: &'a CancellationToken,
    /// Whether a container that Muster did not make may be replaced.
    pub may_replace_unmanaged: bool,
    /// The file that says which images deploys brought.
    pub images: &'a Path,
    /// What an earlier, killed attempt has written down.
    pub marks: &'a [Mark],
    /// The container that is replaced, once that is known; from an earlier attempt's marks or from this one's.
    pub old: OnceLock<Option<Old>>,
}

/// The container that is being replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Old {
    id: String,
    was_running: bool,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// How.
    pub status: OrderStatus,
    /// For a person.
    pub error: Option<String>,
    /// What runs now.
    pub digest: Option<String>,
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error(transparent)]
    Docker(#[from] DockerError),
    #[error(transparent)]
    Secret(#[from] MissingSecret),
    #[error(
        "there is no room for the image where the container engine keeps its data ({root}): {free} are free, {needed} are \
         needed ({why}); free some on the host (`docker system df` shows what takes it), then deploy again"
    )]
    NoRoom {
        root: String,
        free: String,
        needed: String,
        why: String,
    },
    #[error("the worker's files can't be written: {0}")]
    Journal(#[from] std::io::Error),
    #[error("`{0}` is not an image reference")]
    Image(String),
    #[error(
        "the container {0} was not started by Muster; to have it replaced, this host's administrator sets \
         replace_unmanaged = true under [containers] in the agent's policy file"
    )]
    Unmanaged(String),
    #[error(
        "the container {name} is another one's: it runs environment {environment} of application {application}; give one \
         of the two another container name, or remove the container on the host if nobody needs it"
    )]
    Foreign {
        name: String,
        application: String,
        environment: String,
    },
    #[error("{0}")]
    Unhealthy(String),
    #[error("somebody removed the old container")]
    OldIsGone,
    #[error("the name {name} was given to another container ({by}) meanwhile")]
    NameTaken { name: String, by: String },
    #[error(transparent)]
    Front(#[from] FrontError),
    #[error("cancelled")]
    Cancelled,
}

/// How a deploy of the container `name` ends when the engine does not answer at all.
pub fn without_engine(name: &str, order: OrderId, marks: &[Mark], error: &DockerError) -> Ending {
    let begun = !marks.is_empty();
    Ending {
        status: if begun {
            OrderStatus::NeedsAttention
        } else {
            OrderStatus::RolledBack
        },
        error: Some(if begun {
            format!(
                "{error}; the deploy was interrupted before, so look at the containers {name} and {} once it answers",
                plan::aside_name(name, order)
            )
        } else {
            format!("{error}; nothing was changed")
        }),
        digest: None,
    }
}
