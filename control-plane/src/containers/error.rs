//! What this room refuses.

use crate::{
    db::DbError, delivery::DeliveryError, error::Error, flaw::Flaw, fleet::FleetError, link::LinkError,
    work::WorkError,
};

/// Why something about a container was not done.
#[derive(Debug, thiserror::Error)]
pub enum ContainersError {
    /// The host has none of this name, or it is out of reach.
    #[error("no such container")]
    NoContainer,
    /// The host has no session.
    #[error("the host {0} is not connected: nothing was asked of it; try again when it is back")]
    Offline(String),
    /// The host's agent does not know of this.
    #[error("the agent of the host {0} is too old for this: upgrade it first")]
    OldAgent(String),
    /// A deployment of the container's application holds the place.
    #[error("the deployment {0} of the container's application is under way: wait for its end or cancel it")]
    UnderDeployment(muster_base::DeploymentId),
    /// A field is wrong.
    #[error("{field}: {flaw}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What to do.
        flaw: Flaw,
    },
    /// The host did not take the wish to read.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// Missing permission.
    #[error(transparent)]
    Refused(#[from] Error),
    /// The host can't be looked up.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// The application can't be looked up.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// The order can't be made.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// The wish to read can't be written.
    #[error("the wish to read a log can't be encoded")]
    Encode(#[from] muster_protocol::FrameError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl ContainersError {
    pub(super) fn invalid(field: &'static str, flaw: impl Into<Flaw>) -> Self {
        Self::Invalid {
            field,
            flaw: flaw.into(),
        }
    }
}

impl From<ContainersError> for Error {
    fn from(error: ContainersError) -> Self {
        let message = error.to_string();
        match error {
            ContainersError::NoContainer => Self::NotFound("container"),
            ContainersError::Offline(_) => Self::conflict("host-offline", message),
            ContainersError::OldAgent(_) => Self::conflict("agent-too-old", message),
            ContainersError::UnderDeployment(_) => Self::conflict("deployment-under-way", message),
            ContainersError::Invalid { field, flaw } => Self::invalid(field, flaw),
            ContainersError::Link(error) => error.into(),
            ContainersError::Refused(error) => error,
            ContainersError::Fleet(error) => error.into(),
            ContainersError::Delivery(error) => error.into(),
            ContainersError::Work(error) => error.into(),
            ContainersError::Encode(error) => Self::internal(error),
            ContainersError::Db(error) => error.into(),
        }
    }
}
