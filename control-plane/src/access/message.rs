//! Messages: an inbox for each person.
//!
//! A message is written in the transaction of what it tells about, and read by nobody but its owner. It offers one
//! button ([`SubMode`]) that acts on its `tip`. What it says ([`words`](super::words)) is kept as a code with its blanks, so that each
//! reader can be told in their own language, and as an English sentence for those who only show what they get.

use std::collections::BTreeMap;

use muster_base::{MessageId, OrgId, UnixMs, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

pub(super) use super::words::Words;
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
    /// A database is not as it should be, or is again: 6.
    Drift,
    /// A release did not get where it was to be, or waits for a word: 7.
    Release,
    /// Something is set aside for longer than it was to be: 8.
    SetAside,
    /// Somebody changed containers by hand, or they are as they should be again: 9.
    Target,
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

/// A message.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Id.
    pub id: MessageId,
    /// Whose inbox it is in.
    pub owner: UserId,
    /// The org that it is about.
    pub org_id: Option<OrgId>,
    /// join 1, orgChanged 2, approval 3, alert 4, deployment 5, drift 6, release 7, setAside 8, target 9.
    pub mode: i64,
    /// The button: review 0, resubmit 1, enter 2, view 3.
    pub sub_mode: i64,
    /// What it says: `wantsToJoin`, `letIn`, `rejected`, `accepted`, `orgChanged`, `notDeployed`,
    /// `deploymentAsks`, `deploymentApproved`, `deploymentRejected`, `toApprove`, `stepApproved`, `ticketApproved`, `ticketRejected`, `ticketStuck`, `alertFires`, `alertSilent`,
    /// `alertOver`, `driftFound`, `driftChanged`, `driftOver`, `notExecuted`, `needsALook`, `rolloutHalted`, `rolloutPaused`, `asidesExpired`, `targetsDrifted`, `targetsInStep`; empty for one from before there were codes.
    pub code: String,
    /// The blanks of what it says: `name`, `org`, `reason`, `application`, `version`, `environment`, `step`,
    /// `rule`, `severity`, `what`, `database`, `server`.
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
            Self::Drift => 6,
            Self::Release => 7,
            Self::SetAside => 8,
            Self::Target => 9,
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
