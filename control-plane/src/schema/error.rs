//! What can go wrong with database change.

use muster_base::UnixMs;

use crate::{
    db::DbError,
    error::{Error, FieldError},
    secrets::SecretsError,
    work::WorkError,
};

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// No such database server in this org.
    #[error("no such database server")]
    NoServer,
    /// No such host in this org.
    #[error("there is no such host: choose one of the org's hosts")]
    NoHost,
    /// No such ticket in this org.
    #[error("no such ticket")]
    NoTicket,
    /// No such release in this org.
    #[error("no such release")]
    NoRelease,
    /// No such execution in this org.
    #[error("no such execution")]
    NoExecution,
    /// No such environment in this org.
    #[error("no such environment")]
    NoEnvironment,
    /// No such document in this org.
    #[error("no such document")]
    NoDocument,
    /// No such kind of document.
    #[error("no such form")]
    NoForm,
    /// No such Git hook in this project.
    #[error("no such Git hook")]
    NoGitHook,
    /// The project has too many hooks.
    #[error("a project has at most {0} Git hooks: remove one first")]
    TooManyHooks(i64),
    /// The document was changed since it was read.
    #[error(
        "{what} is at revision {latest} now: look at what was changed, and apply again with that revision"
    )]
    Stale {
        /// Kind and name.
        what: String,
        /// The latest revision; 0 if there is none.
        latest: i64,
    },
    /// Somebody applied a document of the same name at the same time.
    #[error("somebody made a document of the same name this moment: apply again")]
    DocumentMoved,
    /// Others need it.
    #[error("this is needed by {0}: change or delete that first")]
    DocumentInUse(String),
    /// Something else succeeded on the server since the change was computed.
    #[error(
        "release {0} was executed there since this one was computed: publish again, so that the difference to what is there now is looked at"
    )]
    Moved(String),
    /// What is on the server was taken over since the change was computed.
    #[error(
        "what is there was taken over since this was computed: publish again, so that the difference to it is looked at"
    )]
    TakenOver,
    /// What is there is not what is designed.
    #[error(
        "{0} differ from the design: apply what is there to the design, or publish the design, and try again"
    )]
    NotAsDesigned(String),
    /// The agent is too old to read a database's schema.
    #[error("the agent of the host {0} is too old to read a database's schema: upgrade it")]
    OldAgent(String),
    /// The agent is too old to count rows.
    #[error("the agent of the host {0} is too old to count rows: upgrade it")]
    OldAgentCounts(String),
    /// The agent is too old to prove changes.
    #[error("the agent of the host {0} is too old to prove changes: upgrade it")]
    OldAgentProofs(String),
    /// SQL as text is to be proven.
    #[error(
        "this was proposed as text: there is no design that its outcome could be compared with, so it can't be proven"
    )]
    NotProvable,
    /// It is being proven already.
    #[error("this is being proven at the moment: wait for what comes of it")]
    ProofRunning,
    /// The environment wants changes proven, and this one is not.
    #[error(
        "the environment wants what is published to be proven before anyone approves it, and on {0} this is not: have it proven first"
    )]
    NotProven(String),
    /// The host that reaches the server is not connected.
    #[error("the host {0} is not connected: try again when it is online")]
    Away(String),
    /// Too much is being read from this server.
    #[error("somebody is reading from this server: try again in a moment")]
    Reading,
    /// What is there could not be read.
    #[error("what is there could not be read: {0}")]
    Unread(String),
    /// The label is taken.
    #[error("there is already a database server with this label: choose another")]
    LabelTaken,
    /// The version was given before.
    #[error("version {0} is given already in this project and environment: choose another")]
    VersionTaken(String),
    /// The ticket is no longer pending.
    #[error("the ticket is {0}: nothing more can be decided")]
    Decided(&'static str),
    /// Somebody approves or rejects what they wrote.
    #[error("you proposed this: somebody else has to decide it; you may withdraw it")]
    OwnProposal,
    /// Somebody withdraws or corrects what another wrote.
    #[error("only its author may withdraw or correct a proposal")]
    NotTheAuthor,
    /// Somebody approves or rejects a step that is for others.
    #[error("the step \"{0}\" is for others to decide: the ticket says for whom")]
    NotAnApprover(String),
    /// Somebody approves a ticket twice.
    #[error("you approved this already: one person counts once")]
    AlreadyApproved,
    /// What is corrected was not rejected.
    #[error("the ticket is {0}: only what was rejected is corrected and sent again")]
    NotRejected(&'static str),
    /// What is corrected was corrected before.
    #[error("this was corrected and sent again already: go on with that ticket")]
    Corrected,
    /// An environment's policy names a flow that is gone.
    #[error(
        "the policy of {environment} names the flow {flow}, which is not there: apply it, or change the policy"
    )]
    NoSuchFlow {
        /// The environment.
        environment: String,
        /// The flow's name.
        flow: String,
    },
    /// Proposals that are pending, executions or rollouts that have not ended name the server.
    #[error("pending proposals, executions or rollouts are for this server: decide or end them first")]
    ServerInUse,
    /// What is in the database is not what was approved.
    #[error(
        "release {version} {why}. Nothing of it is executed: propose it or publish it again, and look at it as at something new"
    )]
    NotSigned {
        /// The release's version.
        version: String,
        /// How its signature stands.
        why: &'static str,
    },
    /// There is nothing to vouch for.
    #[error(
        "release {0} can't be vouched for: it is signed, was changed under its signature, or has lost it since releases are signed. Propose it or publish it again"
    )]
    NotVouchable(String),
    /// What is there is not what was looked at.
    #[error(
        "release {0} is not what was shown any more, or the digest is another release's: look at it again"
    )]
    NotAsShown(String),
    /// The release is being executed there.
    #[error("this release is being executed on this server: wait until it has ended, or cancel it")]
    AlreadyRunning,
    /// Another release is being executed on the same database.
    #[error("another release is being executed on this database: wait until it has ended, or cancel it")]
    DatabaseBusy,
    /// No maintenance window is open, and the policy lets nothing wait for one.
    #[error(
        "no maintenance window of the environment is open: the next opens at {0}; ask again then, or give that time as notBefore"
    )]
    OutsideWindows(UnixMs),
    /// No maintenance window opens in the time that an execution may wait.
    #[error(
        "no maintenance window of the environment opens within a month: its policy or a freeze has to change first"
    )]
    NoWindow,
    /// No such rollout in this org.
    #[error("no such rollout")]
    NoRollout,
    /// The release is on its way already.
    #[error("this release is on its way over its servers already: wait for its end, or call it off")]
    AlreadyRolling,
    /// The rollout has ended.
    #[error("the rollout has ended")]
    RolloutEnded,
    /// The rollout does not stand, or for another reason.
    #[error("the rollout is {0}: what was paused is continued, and what was halted is resumed")]
    RolloutIs(&'static str),
    /// The execution has begun or ended.
    #[error("the execution waits for no time and no window: it has begun, or has ended")]
    NotWaiting,
    /// The execution has ended.
    #[error("the execution has ended")]
    Ended,
    /// The agent gave no answer in time.
    #[error("the host's agent gave no answer in time: is it online?")]
    NoAnswer,
    /// No such thing set aside in this org.
    #[error("nothing was set aside by this id")]
    NoSetAside,
    /// What was set aside is there no more, or has its own name again.
    #[error("this was {0} already")]
    NotAside(&'static str),
    /// Rows that were overwritten: only people know how they are put back.
    #[error(
        "rows that were overwritten can't be put back by themselves: propose an UPDATE from the table that they are kept in"
    )]
    NoWayBack,
    /// A ticket that is not decided against drops it or brings it back.
    #[error("a proposal is under way that drops this or brings it back: look at its ticket")]
    AsideUnderWay,
    /// The input is wrong.
    #[error("the input is not valid")]
    Invalid(Vec<FieldError>),
    /// The caller may not, or another room says no.
    #[error(transparent)]
    Refused(Box<Error>),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl SchemaError {
    pub(super) fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![field_error(field, message)])
    }
}

pub(super) fn field_error(field: impl Into<String>, message: impl Into<String>) -> FieldError {
    FieldError::new(field, message.into())
}

impl From<Error> for SchemaError {
    fn from(error: Error) -> Self {
        Self::Refused(Box::new(error))
    }
}

impl From<SecretsError> for SchemaError {
    fn from(error: SecretsError) -> Self {
        Error::from(error).into()
    }
}

impl From<WorkError> for SchemaError {
    fn from(error: WorkError) -> Self {
        Error::from(error).into()
    }
}

impl From<SchemaError> for Error {
    fn from(error: SchemaError) -> Self {
        let message = error.to_string();
        match error {
            SchemaError::NoServer => Self::NotFound("database server"),
            SchemaError::NoTicket => Self::NotFound("ticket"),
            SchemaError::NoRelease => Self::NotFound("release"),
            SchemaError::NoExecution => Self::NotFound("execution"),
            SchemaError::NoRollout => Self::NotFound("rollout"),
            SchemaError::NoEnvironment => Self::NotFound("environment"),
            SchemaError::NoDocument => Self::NotFound("document"),
            SchemaError::NoForm => Self::NotFound("form"),
            SchemaError::NoSetAside => Self::NotFound("thing set aside"),
            SchemaError::NotAside(_) => Self::conflict("not-aside", message),
            SchemaError::NoWayBack => Self::conflict("no-way-back", message),
            SchemaError::AsideUnderWay => Self::conflict("aside-under-way", message),
            SchemaError::NoGitHook => Self::NotFound("Git hook"),
            SchemaError::TooManyHooks(_) => Self::conflict("too-many-git-hooks", message),
            SchemaError::Stale { .. } => Self::conflict("stale-revision", message),
            SchemaError::Moved(_) | SchemaError::TakenOver => Self::conflict("target-moved", message),
            SchemaError::NotSigned { .. } => Self::conflict("release-not-signed", message),
            SchemaError::NotVouchable(_) => Self::conflict("not-vouchable", message),
            SchemaError::NotAsShown(_) => Self::conflict("release-not-as-shown", message),
            SchemaError::NotAsDesigned(_) => Self::conflict("not-as-designed", message),
            SchemaError::Away(_) => Self::conflict("host-offline", message),
            SchemaError::OldAgent(_) | SchemaError::OldAgentCounts(_) | SchemaError::OldAgentProofs(_) => {
                Self::conflict("agent-too-old", message)
            }
            SchemaError::NotProvable => Self::conflict("not-provable", message),
            SchemaError::ProofRunning => Self::conflict("proof-running", message),
            SchemaError::NotProven(_) => Self::conflict("not-proven", message),
            SchemaError::DocumentMoved => Self::conflict("document-moved", message),
            SchemaError::DocumentInUse(_) => Self::conflict("document-in-use", message),
            SchemaError::NoHost => Self::invalid("hostId", message),
            SchemaError::LabelTaken => Self::conflict("label-taken", message),
            SchemaError::VersionTaken(_) => Self::conflict("version-taken", message),
            SchemaError::Decided(_) => Self::conflict("ticket-decided", message),
            SchemaError::ServerInUse => Self::conflict("server-in-use", message),
            SchemaError::AlreadyRunning => Self::conflict("already-running", message),
            SchemaError::DatabaseBusy | SchemaError::Reading => Self::conflict("database-busy", message),
            SchemaError::AlreadyRolling => Self::conflict("already-rolling", message),
            SchemaError::RolloutEnded => Self::conflict("rollout-ended", message),
            SchemaError::RolloutIs(_) => Self::conflict("rollout-elsewhere", message),
            SchemaError::OutsideWindows(_) => Self::conflict("outside-windows", message),
            SchemaError::NoWindow => Self::conflict("no-window", message),
            SchemaError::NotWaiting => Self::conflict("not-waiting", message),
            SchemaError::Ended => Self::conflict("execution-ended", message),
            SchemaError::OwnProposal => Self::denied("own-proposal", message),
            SchemaError::NotAnApprover(_) => Self::denied("not-an-approver", message),
            SchemaError::AlreadyApproved => Self::conflict("already-approved", message),
            SchemaError::NotRejected(_) => Self::conflict("not-rejected", message),
            SchemaError::Corrected => Self::conflict("already-corrected", message),
            SchemaError::NoSuchFlow { .. } => Self::conflict("no-such-flow", message),
            SchemaError::NotTheAuthor => Self::denied("not-the-author", message),
            SchemaError::NoAnswer | SchemaError::Unread(_) => Self::Upstream(message),
            SchemaError::Invalid(fields) => Self::Invalid(fields),
            SchemaError::Refused(inner) => *inner,
            SchemaError::Db(inner) => inner.into(),
        }
    }
}
