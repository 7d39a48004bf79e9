//! What can go wrong with registries, applications and deployments.

use muster_base::UnixMs;

use super::registry_client::RegistryFault;
use crate::{
    db::DbError,
    error::{Error, FieldError},
    flaw::Flaw,
    secrets::SecretsError,
    work::WorkError,
};

/// Why delivery did not do something.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// No such thing in this org.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// Fields are wrong.
    #[error("the input is not valid")]
    Invalid(Vec<FieldError>),
    /// The name is taken.
    #[error("there is already a {what} with the name {name}")]
    NameTaken {
        /// What.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Applications use the registry.
    #[error("applications or images of the catalogue use this registry: give them another one first")]
    RegistryInUse,
    /// Images have the word.
    #[error("images of the catalogue have this word: change them first")]
    WordInUse,
    /// A deployment of the application is under way.
    #[error("a deployment of this application is under way: wait for its end or cancel it")]
    DeploymentUnderWay,
    /// The environment has no hosts.
    #[error("the environment {0} of this application names no hosts: give it hosts or a selector first")]
    NoTargets(String),
    /// The application has no such environment.
    #[error("this application has no environment {0}: add it to `environments` first")]
    NoEnvironment(String),
    /// It has ended already.
    #[error("this deployment has ended: it is {0}")]
    Ended(&'static str),
    /// It does not wait for approval.
    #[error("this deployment does not wait for approval: it is {0}")]
    NotWaiting(&'static str),
    /// Whoever asked for it wants to approve of it.
    #[error("somebody else must approve of this deployment: you asked for it")]
    OwnDeployment,
    /// It is not rolling, or not paused.
    #[error("this deployment is not {0}: it is {1}")]
    NotInPhase(&'static str, &'static str),
    /// It has not ended.
    #[error("this deployment has not ended: wait for its end or cancel it")]
    NotEnded,
    /// There is nothing to go back to.
    #[error(
        "no earlier deployment of this application succeeded in this environment: there is nothing to go back to"
    )]
    NothingToGoBackTo,
    /// Nothing is to be put right.
    #[error("nothing was changed by hand on the hosts of this environment: there is nothing to put right")]
    NothingDrifted,
    /// No window is open, and what comes then is refused.
    #[error("no window of this environment is open{}", .0.map(|at| format!(": the next one opens at {at}")).unwrap_or_default())]
    OutsideWindows(Option<UnixMs>),
    /// It does not wait for a window.
    #[error("this deployment does not wait for a window: it is {0}")]
    NoWindowWaitedFor(&'static str),
    /// Nothing of it is left to be done, or it went back.
    #[error(
        "there is nothing to go on with: every host is done, none was begun, or the changed ones went back"
    )]
    NothingToGoOnWith,
    /// Another deployment came after it.
    #[error("another deployment came after this one: deploy anew instead of going on with it")]
    Overtaken,
    /// The idempotency key was used for another version or environment.
    #[error("this Idempotency-Key was used for version {0} before: use a new key for each version")]
    KeyReused(String),
    /// The webhook's credentials do not hold. Says nothing more, on purpose.
    #[error("the application or its token is not valid")]
    WebhookRefused,
    /// Too many requests.
    #[error("too many requests")]
    RateLimited {
        /// When to try again.
        retry_after: std::time::Duration,
    },
    /// A deployment can't go on, for a reason that its record tells.
    #[error("{0}")]
    Stopped(String),
    /// Orders.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// Only the super administrator may.
    #[error("only the super administrator may change variables of the global scope")]
    GlobalScope,
    /// The registry is no registry, can't be reached or refused.
    #[error(transparent)]
    Registry(#[from] RegistryFault),
    /// Secrets.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The caller may not, or another room refused.
    #[error(transparent)]
    Other(Box<Error>),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<Error> for DeliveryError {
    fn from(error: Error) -> Self {
        Self::Other(Box::new(error))
    }
}

impl DeliveryError {
    /// One wrong field.
    pub(super) fn invalid(field: impl Into<String>, message: impl Into<Flaw>) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }

    /// Whether it would be the same the next time: nothing but somebody's change helps.
    pub(super) fn is_lasting(&self) -> bool {
        match self {
            Self::Db(_)
            | Self::RateLimited { .. }
            | Self::Work(WorkError::Db(_))
            | Self::Secrets(SecretsError::Db(_)) => false,
            Self::Registry(fault) => fault.is_definite(),
            Self::Other(inner) => !matches!(
                **inner,
                Error::DatabaseUnavailable(_) | Error::Internal(_) | Error::Upstream(_)
            ),
            Self::NotFound(_)
            | Self::Invalid(_)
            | Self::NameTaken { .. }
            | Self::RegistryInUse
            | Self::WordInUse
            | Self::DeploymentUnderWay
            | Self::NoTargets(_)
            | Self::NoEnvironment(_)
            | Self::Ended(_)
            | Self::NotWaiting(_)
            | Self::OwnDeployment
            | Self::NotInPhase(..)
            | Self::NotEnded
            | Self::NothingToGoBackTo
            | Self::NothingDrifted
            | Self::OutsideWindows(_)
            | Self::NoWindowWaitedFor(_)
            | Self::NothingToGoOnWith
            | Self::Overtaken
            | Self::KeyReused(_)
            | Self::WebhookRefused
            | Self::Stopped(_)
            | Self::Work(_)
            | Self::GlobalScope
            | Self::Secrets(_) => true,
        }
    }

    /// The error as one sentence for the record of a deployment; nothing internal, no secret.
    pub(super) fn for_record(self) -> String {
        match Error::from(self) {
            Error::Internal(source) => {
                tracing::error!(
                    error = format!("{source:#}"),
                    "a deployment failed by our own fault"
                );
                "internal error; the log of the control plane says more".to_owned()
            }
            other => other.to_string(),
        }
    }
}

impl From<DeliveryError> for Error {
    fn from(error: DeliveryError) -> Self {
        let message = error.to_string();
        match error {
            DeliveryError::NotFound(what) => Self::NotFound(what),
            DeliveryError::Invalid(errors) => Self::Invalid(errors),
            DeliveryError::NameTaken { .. } => Self::conflict("name-taken", message),
            DeliveryError::RegistryInUse => Self::conflict("registry-in-use", message),
            DeliveryError::WordInUse => Self::conflict("word-in-use", message),
            DeliveryError::DeploymentUnderWay => Self::conflict("deployment-under-way", message),
            DeliveryError::NoTargets(_) => Self::conflict("no-targets", message),
            DeliveryError::NoEnvironment(_) => Self::conflict("no-environment", message),
            DeliveryError::Ended(_) => Self::conflict("deployment-ended", message),
            DeliveryError::NotWaiting(_) => Self::conflict("not-waiting-approval", message),
            DeliveryError::NotInPhase(..) => Self::conflict("deployment-phase", message),
            DeliveryError::NotEnded => Self::conflict("deployment-not-ended", message),
            DeliveryError::NothingToGoBackTo => Self::conflict("nothing-to-go-back-to", message),
            DeliveryError::NothingDrifted => Self::conflict("nothing-drifted", message),
            DeliveryError::OutsideWindows(_) => Self::conflict("outside-windows", message),
            DeliveryError::NoWindowWaitedFor(_) => Self::conflict("not-waiting", message),
            DeliveryError::NothingToGoOnWith => Self::conflict("nothing-to-go-on-with", message),
            DeliveryError::Overtaken => Self::conflict("deployment-overtaken", message),
            DeliveryError::KeyReused(_) => Self::conflict("idempotency-key-reused", message),
            DeliveryError::WebhookRefused => Self::Unauthenticated,
            DeliveryError::RateLimited { retry_after } => Self::RateLimited { retry_after },
            DeliveryError::Stopped(message) => Self::conflict("deployment-stopped", message),
            DeliveryError::Work(inner) => inner.into(),
            DeliveryError::GlobalScope => Self::denied("global-scope", message),
            DeliveryError::OwnDeployment => Self::denied("own-deployment", message),
            DeliveryError::Registry(fault) => Self::Upstream(fault.to_string()),
            DeliveryError::Secrets(inner) => inner.into(),
            DeliveryError::Other(inner) => *inner,
            DeliveryError::Db(inner) => inner.into(),
        }
    }
}
