//! Messages: an inbox for each person.
//!
//! A message is written in the transaction of what it tells about, and read by nobody but its owner. It offers one
//! button ([`SubMode`]) that acts on its `tip`. What it says ([`Words`]) is kept as a code with its blanks, so that each
//! reader can be told in their own language, and as an English sentence for those who only show what they get.

use std::collections::BTreeMap;

use muster_base::{MessageId, OrgId, UnixMs, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{AccessError, Identity, store};
use crate::{
    app::App,
    db::{DbError, Tx},
    http::page::{Cursor, Page, PageQuery},
    in_tx,
};

/// What a message is about; the seed's codes, and Muster's after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Somebody wants to join, or was let in or not: 1.
    Join,
    /// An org changed: 2.
    OrgChanged,
    /// Something is to be approved, or was: 3.
    Approval,
    /// Something fires, or is all right again: 4.
    Alert,
    /// A deployment failed: 5.
    Deployment,
}

/// The button that a message offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubMode {
    /// Look at a request: 0.
    Review,
    /// Correct a request and send it again: 1.
    Resubmit,
    /// Go into the org: 2.
    Enter,
    /// Look at what changed: 3.
    View,
}

/// What a message says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Words<'a> {
    /// Somebody applied to an org.
    WantsToJoin { name: &'a str, org: &'a str },
    /// The reader was let in.
    LetIn { org: &'a str },
    /// The reader was not let in.
    Rejected { org: &'a str, reason: &'a str },
    /// Somebody used an invitation.
    Accepted { name: &'a str, org: &'a str },
    /// An org's profile is another.
    OrgChanged { org: &'a str },
    /// A version is not where it was to be.
    NotDeployed {
        application: &'a str,
        version: &'a str,
        environment: &'a str,
        reason: &'a str,
    },
    /// The reader may approve of a deployment.
    DeploymentAsks {
        name: &'a str,
        application: &'a str,
        version: &'a str,
        environment: &'a str,
    },
    /// The reader's deployment has its turn.
    DeploymentApproved {
        name: &'a str,
        application: &'a str,
        version: &'a str,
        environment: &'a str,
    },
    /// The reader's deployment is not to be.
    DeploymentRejected {
        name: &'a str,
        application: &'a str,
        version: &'a str,
        environment: &'a str,
        reason: &'a str,
    },
    /// The reader may decide a step of a ticket.
    ToApprove {
        name: &'a str,
        version: &'a str,
        environment: &'a str,
        step: &'a str,
    },
    /// Somebody approved a step of the reader's ticket.
    StepApproved {
        name: &'a str,
        version: &'a str,
        environment: &'a str,
        step: &'a str,
    },
    /// The reader's ticket is a release now.
    TicketApproved {
        name: &'a str,
        version: &'a str,
        environment: &'a str,
    },
    /// The reader's ticket comes back.
    TicketRejected {
        name: &'a str,
        version: &'a str,
        environment: &'a str,
        reason: &'a str,
    },
    /// Nobody can approve what a ticket waits for.
    TicketStuck {
        version: &'a str,
        environment: &'a str,
        step: &'a str,
    },
    /// A rule found something.
    AlertFires {
        rule: &'a str,
        severity: &'a str,
        what: &'a str,
    },
    /// Its readings stopped while it fires.
    AlertSilent {
        rule: &'a str,
        severity: &'a str,
        what: &'a str,
    },
    /// It is all right again.
    AlertOver {
        rule: &'a str,
        severity: &'a str,
        what: &'a str,
    },
}

/// A message.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Id.
    pub id: MessageId,
    /// The org that it is about.
    pub org_id: Option<OrgId>,
    /// join 1, orgChanged 2, approval 3, alert 4, deployment 5.
    pub mode: i64,
    /// The button: review 0, resubmit 1, enter 2, view 3.
    pub sub_mode: i64,
    /// What it says: `wantsToJoin`, `letIn`, `rejected`, `accepted`, `orgChanged`, `notDeployed`,
    /// `deploymentAsks`, `deploymentApproved`, `deploymentRejected`, `toApprove`, `stepApproved`, `ticketApproved`, `ticketRejected`, `ticketStuck`, `alertFires`, `alertSilent`,
    /// `alertOver`; empty for one from before there were codes.
    pub code: String,
    /// The blanks of what it says: `name`, `org`, `reason`, `application`, `version`, `environment`, `step`,
    /// `rule`, `severity`, `what`.
    pub params: BTreeMap<String, String>,
    /// The same as an English sentence.
    pub content: String,
    /// What the button acts on.
    pub tip: String,
    /// Whether it was read.
    pub read: bool,
    /// When it was written.
    pub created_at: UnixMs,
}

/// How many are unread.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Unread {
    /// Messages that were not read.
    pub unread: i64,
}

/// Which messages.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MessageQuery {
    /// Only those that were not read.
    #[serde(default)]
    pub unread: bool,
    /// How many items, 1–500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

/// A message to be written.
pub(super) struct NewMessage<'a> {
    pub(super) org: OrgId,
    pub(super) mode: Mode,
    pub(super) sub_mode: SubMode,
    pub(super) words: Words<'a>,
    pub(super) tip: &'a str,
}

impl Mode {
    pub(super) const fn code(self) -> i64 {
        match self {
            Self::Join => 1,
            Self::OrgChanged => 2,
            Self::Approval => 3,
            Self::Alert => 4,
            Self::Deployment => 5,
        }
    }
}

impl SubMode {
    pub(super) const fn code(self) -> i64 {
        match self {
            Self::Review => 0,
            Self::Resubmit => 1,
            Self::Enter => 2,
            Self::View => 3,
        }
    }
}

impl Words<'_> {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::WantsToJoin { .. } => "wantsToJoin",
            Self::LetIn { .. } => "letIn",
            Self::Rejected { .. } => "rejected",
            Self::Accepted { .. } => "accepted",
            Self::OrgChanged { .. } => "orgChanged",
            Self::NotDeployed { .. } => "notDeployed",
            Self::DeploymentAsks { .. } => "deploymentAsks",
            Self::DeploymentApproved { .. } => "deploymentApproved",
            Self::DeploymentRejected { .. } => "deploymentRejected",
            Self::ToApprove { .. } => "toApprove",
            Self::StepApproved { .. } => "stepApproved",
            Self::TicketApproved { .. } => "ticketApproved",
            Self::TicketRejected { .. } => "ticketRejected",
            Self::TicketStuck { .. } => "ticketStuck",
            Self::AlertFires { .. } => "alertFires",
            Self::AlertSilent { .. } => "alertSilent",
            Self::AlertOver { .. } => "alertOver",
        }
    }

    pub(super) fn params(self) -> BTreeMap<&'static str, String> {
        let pairs = match self {
            Self::WantsToJoin { name, org } | Self::Accepted { name, org } => {
                vec![("name", name), ("org", org)]
            }
            Self::LetIn { org } | Self::OrgChanged { org } => vec![("org", org)],
            Self::Rejected { org, reason } => vec![("org", org), ("reason", reason)],
            Self::NotDeployed {
                application,
                version,
                environment,
                reason,
            } => vec![
                ("application", application),
                ("version", version),
                ("environment", environment),
                ("reason", reason),
            ],
            Self::DeploymentAsks {
                name,
                application,
                version,
                environment,
            }
            | Self::DeploymentApproved {
                name,
                application,
                version,
                environment,
            } => vec![
                ("name", name),
                ("application", application),
                ("version", version),
                ("environment", environment),
            ],
            Self::DeploymentRejected {
                name,
                application,
                version,
                environment,
                reason,
            } => vec![
                ("name", name),
                ("application", application),
                ("version", version),
                ("environment", environment),
                ("reason", reason),
            ],
            Self::ToApprove {
                name,
                version,
                environment,
                step,
            }
            | Self::StepApproved {
                name,
                version,
                environment,
                step,
            } => vec![
                ("name", name),
                ("version", version),
                ("environment", environment),
                ("step", step),
            ],
            Self::TicketApproved {
                name,
                version,
                environment,
            } => vec![("name", name), ("version", version), ("environment", environment)],
            Self::TicketRejected {
                name,
                version,
                environment,
                reason,
            } => vec![
                ("name", name),
                ("version", version),
                ("environment", environment),
                ("reason", reason),
            ],
            Self::TicketStuck {
                version,
                environment,
                step,
            } => vec![("version", version), ("environment", environment), ("step", step)],
            Self::AlertFires { rule, severity, what }
            | Self::AlertSilent { rule, severity, what }
            | Self::AlertOver { rule, severity, what } => {
                vec![("rule", rule), ("severity", severity), ("what", what)]
            }
        };
        pairs
            .into_iter()
            .map(|(blank, text)| (blank, text.to_owned()))
            .collect()
    }

    pub(super) fn sentence(self) -> String {
        match self {
            Self::WantsToJoin { name, org } => format!("{name} wants to join {org}"),
            Self::LetIn { org } => format!("you are a member of {org} now"),
            Self::Rejected { org, reason } => format!("{org} did not let you in: {reason}"),
            Self::Accepted { name, org } => format!("{name} accepted an invitation into {org}"),
            Self::OrgChanged { org } => format!("the profile of {org} was changed"),
            Self::NotDeployed {
                application,
                version,
                environment,
                reason,
            } => format!("{application} {version} was not deployed to {environment}: {reason}"),
            Self::DeploymentAsks {
                name,
                application,
                version,
                environment,
            } => format!("{name} asks for your approval: {application} {version} for {environment}"),
            Self::DeploymentApproved {
                name,
                application,
                version,
                environment,
            } => format!("{name} approved of {application} {version} for {environment}"),
            Self::DeploymentRejected {
                name,
                application,
                version,
                environment,
                reason,
            } => format!("{name} rejected {application} {version} for {environment}: {reason}"),
            Self::ToApprove {
                name,
                version,
                environment,
                step,
            } => format!("{name} asks for your approval: {version} for {environment}, step {step}"),
            Self::StepApproved {
                name,
                version,
                environment,
                step,
            } => format!("{name} approved the step {step} of {version} for {environment}"),
            Self::TicketApproved {
                name,
                version,
                environment,
            } => format!("{version} for {environment} is released: {name} gave the last approval"),
            Self::TicketRejected {
                name,
                version,
                environment,
                reason,
            } => format!("{name} rejected {version} for {environment}: {reason}"),
            Self::TicketStuck {
                version,
                environment,
                step,
            } => format!("nobody can approve the step {step} of {version} for {environment}"),
            Self::AlertFires { rule, severity, what } => format!("{severity}: {rule}: {what}"),
            Self::AlertSilent { rule, what, .. } => format!("no more readings: {rule}: {what}"),
            Self::AlertOver { rule, what, .. } => format!("all right again: {rule}: {what}"),
        }
    }
}

/// Writes it into each of these inboxes.
pub(super) async fn send(
    app: &App,
    tx: &mut Tx,
    to: &[UserId],
    message: &NewMessage<'_>,
) -> Result<(), DbError> {
    let rows: Vec<_> = to.iter().map(|user| (app.clock.new_id(), *user)).collect();
    store::message::insert_all(tx, &app.db, &rows, message, app.clock.now()).await
}

/// One's own messages, newest first.
pub(super) async fn list(
    app: &App,
    who: &Identity,
    query: MessageQuery,
) -> Result<Page<Message>, AccessError> {
    let page = PageQuery::new(query.limit, query.cursor);
    let after = page.cursor::<MessageId>()?;
    let rows = store::message::list(&app.db, who.require_user()?, query.unread, after, page.fetch()).await?;
    Ok(page.page(rows, |row| Cursor::of(&row.id)))
}

/// How many of one's own are unread.
pub(super) async fn unread(app: &App, who: &Identity) -> Result<Unread, AccessError> {
    let unread = store::message::count_unread(&app.db, who.require_user()?).await?;
    Ok(Unread { unread })
}

/// Marks one as read, or all.
pub(super) async fn read(app: &App, who: &Identity, id: Option<MessageId>) -> Result<(), AccessError> {
    let (user, now) = (who.require_user()?, app.clock.now());
    let known = in_tx!(app.db, |tx| store::message::set_read(tx, user, id, now).await?);
    if known || id.is_none() {
        Ok(())
    } else {
        Err(AccessError::NoMessage)
    }
}
