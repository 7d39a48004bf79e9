//! Whether a database still is what a release was computed against: looked at through its agent, right before the execution's
//! order is signed and leaves ([`work::Listener::may_go`](crate::work::Listener::may_go)).
//!
//! What is there ([`live`]) is compared ([`comparison`]) with the design that last succeeded there or was taken over: what the
//! release was computed against, as far as either of the two has it: a table that nobody designed is none of a release's business, and
//! no more than drift. Where nothing is known of what should be there, it was computed for a database without any of
//! what it makes, and only that is looked for: a table that is none of its business is in nobody's way. SQL as text was computed
//! against nothing and is not compared. Dry runs are.
//!
//! What came of it stands on the execution's row ([`store::base_check`]), with the first differences, and is kept with it:
//!
//! | state | means | the order |
//! |---|---|---|
//! | `same` | nothing has changed | goes |
//! | `differs` | something was changed by hand, or something else succeeded there | fails, and says what |
//! | `unread` | it could not be read or understood, or something else is executed there | waits, or fails and says why |
//! | `oldAgent` | the agent is too old to be asked | goes |
//! | `begunBefore` | this release was begun there before and may be half done: no drift | goes; the ledger there knows what is left |
//!
//! # Who
//! Nobody asks for it: the dispatcher does, of each order once it could go. What is seen is shown with the execution, to whoever may
//! read that.
//!
//! # What fails
//! An agent that goes away or says nothing is asked again for as long as the order holds; what it refuses for [`PATIENCE_MS`]
//! ends the execution. Of the databases of one host one is read at a time: agents refuse more than a few. While the host executes
//! anything else, or has been sent it, this one waits here: a host executes one after the other, so there it might wait for hours
//! after it was compared, and half a release is no drift. Nor does SQL as text, which waits for nothing else, come in between
//! what was let go and its database. Of two that are compared at once, the rows of the host's servers let one go. No transaction is open while an agent is asked. A crash leaves at most
//! a note: what was not signed is compared again.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use muster_base::{ExecutionId, HostId, ServerId, UnixMs};
use serde::{Deserialize, Serialize};
use tracing::warn;
use utoipa::ToSchema;

use super::{
    SchemaError, Server,
    comparison::{self, Compared, DriftDifference},
    drift_told, live, order,
    set_aside_seen::{self, SeenAside},
    store::{
        self,
        base_check::{Asked, Noted},
    },
};
use crate::{
    app::App,
    db::{DbError, Tx},
    in_tx,
    work::{Going, Order, SecretsError},
};

/// What an agent refuses for as long ends the execution: it may have been busy, or have got a new key.
const PATIENCE_MS: i64 = 2 * UnixMs::MINUTE;
/// Differences that are kept.
const KEPT: usize = 100;
const KEPT_SQL: usize = 64 * 1024;
const MAX_DETAIL: usize = 2_000;
/// Characters of the SQL that an error repeats.
const SAID: usize = 200;
/// Why one waits that is not looked at yet.
const HOST_BUSY: &str =
    "its host executes something else, and one after the other: this is compared when that has ended";

/// How a database compared with what a release was computed against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum BaseCheckState {
    /// Nothing has changed.
    Same,
    /// Something was changed by hand, or something else was executed there: it did not begin.
    Differs,
    /// It could not be read: it has not begun.
    Unread,
    /// Its agent is too old to be asked.
    OldAgent,
    /// This release was begun there before, so what is there is not what it was computed against.
    BegunBefore,
}

impl BaseCheckState {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Differs => "differs",
            Self::Unread => "unread",
            Self::OldAgent => "oldAgent",
            Self::BegunBefore => "begunBefore",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [
            Self::Same,
            Self::Differs,
            Self::Unread,
            Self::OldAgent,
            Self::BegunBefore,
        ]
        .into_iter()
        .find(|state| state.as_str() == text)
    }
}

/// How a database compared, right before an execution was to begin there, with what its release was computed against.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BaseCheck {
    /// What came of it.
    pub state: BaseCheckState,
    /// Why it does not begin, or was not compared; empty otherwise.
    pub detail: String,
    /// When it was compared; of `unread` since when it could not be for this reason.
    pub checked_at: UnixMs,
    /// How many things are different.
    pub count: usize,
    /// The first of them.
    pub differences: Vec<DriftDifference>,
}

/// Whether an execution's order may go.
pub(super) async fn may_go(app: &App, order: &Order) -> Result<Going, DbError> {
    let id = ExecutionId::from_uuid(order.subject_id);
    // Of what is gone the hand-over says so.
    let Some(asked) = store::base_check::find(&app.db, (id, order.id)).await? else {
        return Ok(Going::Goes);
    };
    let Some(server) = store::server::find(&app.db, order.org, asked.server_id).await? else {
        return Ok(Going::Goes);
    };
    if matches!(order::password(app, order).await, Err(SecretsError::Never(_))) {
        return Ok(Going::Goes);
    }
    let look = Look {
        app,
        order,
        id,
        asked: &asked,
        server: &server,
    };
    if !asked.designed {
        return look.let_go().await;
    }
    let turn = turn(server.host_id);
    let _mine = turn.lock().await;
    look.take().await
}

/// One execution that is looked at.
struct Look<'a> {
    app: &'a App,
    order: &'a Order,
    id: ExecutionId,
    asked: &'a Asked,
    server: &'a Server,
}

/// What came of a look once it is over.
enum Settled {
    /// Another execution is under way, or was meanwhile.
    Busy,
    /// What is there was taken over meanwhile, or this execution does not wait any more.
    Overtaken,
    /// It stands on its row.
    Noted,
}

/// How things stand before anything is read.
enum Standing {
    /// Something else is there than it was computed against.
    Moved(SchemaError),
    /// The release was begun there before, and so many executions have ended there.
    Begun(i64),
    /// Another execution is under way.
    Busy,
    /// So many executions have ended there.
    Calm(i64),
}

impl Look<'_> {
    fn place(&self) -> (ServerId, &str) {
        (self.asked.server_id, &self.asked.database)
    }

    /// Of SQL as text, which is compared with nothing.
    async fn let_go(&self) -> Result<Going, DbError> {
        Ok(in_tx!(self.app.db, |tx| {
            store::server::lock_of_host(tx, &self.app.db, self.order.host_id).await?;
            if store::base_check::is_compared_on_its_way(tx, self.id, self.place()).await? {
                Going::Later
            } else {
                store::base_check::let_go(tx, (self.id, self.order.id), self.app.clock.now()).await?;
                Going::Goes
            }
        }))
    }

    async fn take(&self) -> Result<Going, DbError> {
        let ended = match self.standing().await? {
            Standing::Moved(why) => return self.end(differs(format!("{why}; nothing was executed"))).await,
            Standing::Begun(ended) => {
                return self
                    .settle(ended, Noted::of(BaseCheckState::BegunBefore, ""), &[])
                    .await;
            }
            Standing::Busy => return self.wait(HOST_BUSY).await,
            Standing::Calm(ended) => ended,
        };
        match live::read_in_turn(self.app, self.order.org, self.server, &self.asked.database).await {
            Ok(mut live) => {
                let asides = std::mem::take(&mut live.asides);
                match self.compared(live).await? {
                    Ok(noted) => self.settle(ended, noted, &asides).await,
                    Err(why) => self.end(self.unread(&why)).await,
                }
            }
            Err(error @ SchemaError::OldAgent(_)) => {
                let noted = Noted::of(BaseCheckState::OldAgent, &error.to_string());
                self.settle(ended, noted, &[]).await
            }
            // The hand-over says so.
            Err(SchemaError::NoServer | SchemaError::NoHost) => Ok(Going::Goes),
            Err(SchemaError::Db(error)) => Err(error),
            Err(SchemaError::Unread(why)) => {
                if self.asked.unread_for(&cut(&why), self.app.clock.now()) >= PATIENCE_MS {
                    return self.end(self.unread(&why)).await;
                }
                self.wait(&why).await
            }
            Err(error @ (SchemaError::Away(_) | SchemaError::NoAnswer | SchemaError::Reading)) => {
                self.wait(&error.to_string()).await
            }
            Err(error) => {
                warn!(
                    execution.id = %self.id,
                    error = &error as &dyn std::error::Error,
                    "a database could not be looked at before an execution; trying again"
                );
                self.wait("it could not be looked at here").await
            }
        }
    }

    async fn standing(&self) -> Result<Standing, DbError> {
        Ok(in_tx!(self.app.db, |tx| {
            if let Some(why) = self.moved(tx).await? {
                Standing::Moved(why)
            } else if store::base_check::others_let_go(tx, self.id, self.order.host_id).await? {
                Standing::Busy
            } else {
                let ended = store::execution::ended(tx, self.place()).await?;
                if self.asked.begun {
                    Standing::Begun(ended)
                } else {
                    Standing::Calm(ended)
                }
            }
        }))
    }

    /// Whether another release succeeded there, or what is there was taken over, since it was computed: what was begun before
    /// that is in the queue was not judged by it.
    async fn moved(&self, tx: &mut Tx) -> Result<Option<SchemaError>, DbError> {
        let standing = store::state::standing(tx, self.asked.ticket_id, self.place()).await?;
        let moved =
            standing.filter(|standing| standing.moved() && standing.now != Some(self.asked.release_id));
        Ok(moved.map(|standing| {
            standing
                .version
                .map_or(SchemaError::TakenOver, SchemaError::Moved)
        }))
    }

    /// What is there beside what it was computed against; the error says what is not understood.
    async fn compared(&self, live: live::Live) -> Result<Result<Noted, String>, DbError> {
        let state = store::state::find(&self.app.db, self.asked.server_id, &self.asked.database).await?;
        let known = state.is_some();
        let made = store::base_check::designed(&self.app.db, self.id).await?;
        let work = move || {
            let compared = match state {
                Some(state) => comparison::compare_own(&state.design, &made, live.schema),
                None => comparison::in_the_way(&made, live.schema),
            };
            drop(live.place);
            compared
        };
        let compared = match tokio::task::spawn_blocking(work).await {
            Ok(compared) => compared,
            Err(error) => Err(error.to_string()),
        };
        Ok(compared.map(|compared| self.noted(compared, known)))
    }

    fn noted(&self, compared: Compared, known: bool) -> Noted {
        if compared.count == 0 {
            return Noted::of(BaseCheckState::Same, "");
        }
        let what = plain(&drift_told::what(&compared.differences, compared.count));
        let database = &self.asked.database;
        let why = if known {
            let done = first_sql(&compared.differences);
            format!(
                "{database} is not what this was computed against: {what}{done}. Somebody changed that by hand, or by SQL \
                 that no design knows; nothing was executed. Take it back (the database's drift has the SQL for that) and execute the \
                 release again, or take it into the design and over, and publish again"
            )
        } else {
            format!(
                "{what}: {database} has that already. Nothing was released or taken over there, so this was computed for a \
                 database without it; nothing was executed. Take it into the design and over, and publish again, or remove \
                 it"
            )
        };
        let mut noted = differs(why);
        noted.found = compared.count;
        let mut told = 0;
        let fits = |one: &DriftDifference| {
            told += one.sql.len();
            told <= KEPT_SQL
        };
        noted.differences = compared
            .differences
            .into_iter()
            .take(KEPT)
            .take_while(fits)
            .collect();
        noted
    }

    fn unread(&self, why: &str) -> Noted {
        let database = &self.asked.database;
        let why = format!(
            "{database} could not be compared with what this was computed against, so nothing was executed: {why}"
        );
        Noted::of(BaseCheckState::Unread, &cut(&why))
    }

    /// Keeps what was seen, if nothing else came meanwhile, and lets the order go or ends it. Whoever does holds the rows of the
    /// host's servers, so that of two orders for one host one goes. What was set aside is noted as it was seen.
    async fn settle(&self, ended: i64, noted: Noted, asides: &[SeenAside]) -> Result<Going, DbError> {
        let settled = in_tx!(self.app.db, |tx| {
            store::server::lock_of_host(tx, &self.app.db, self.order.host_id).await?;
            if store::base_check::others_let_go(tx, self.id, self.order.host_id).await?
                || store::execution::ended(tx, self.place()).await? != ended
            {
                Settled::Busy
            } else if self.moved(tx).await?.is_none() && self.write(tx, &noted).await? {
                let now = self.app.clock.now();
                set_aside_seen::note(self.app, tx, self.order.org, asides, now).await?;
                Settled::Noted
            } else {
                Settled::Overtaken
            }
        });
        match settled {
            Settled::Busy => self.wait(HOST_BUSY).await,
            // The next look says what happened.
            Settled::Overtaken => Ok(Going::Later),
            Settled::Noted if noted.state == BaseCheckState::Differs => Ok(Going::Never(noted.detail)),
            Settled::Noted => Ok(Going::Goes),
        }
    }

    /// It is not known, and asked again.
    async fn wait(&self, why: &str) -> Result<Going, DbError> {
        let noted = Noted::of(BaseCheckState::Unread, &cut(why));
        self.note(noted, Going::Later).await
    }

    /// It does not go at all.
    async fn end(&self, noted: Noted) -> Result<Going, DbError> {
        let why = noted.detail.clone();
        self.note(noted, Going::Never(why)).await
    }

    async fn note(&self, noted: Noted, going: Going) -> Result<Going, DbError> {
        in_tx!(self.app.db, |tx| self.write(tx, &noted).await?);
        Ok(going)
    }

    async fn write(&self, tx: &mut Tx, noted: &Noted) -> Result<bool, DbError> {
        store::base_check::set(tx, (self.id, self.order.id), noted, self.app.clock.now()).await
    }
}

fn differs(why: String) -> Noted {
    Noted::of(BaseCheckState::Differs, &why)
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_DETAIL).collect()
}

/// What was done there first, for a sentence: on MySQL a table's name alone says little.
fn first_sql(differences: &[DriftDifference]) -> String {
    let Some(first) = differences.first() else {
        return String::new();
    };
    let words: Vec<&str> = first.sql.split_whitespace().collect();
    let text = plain(&words.join(" "));
    let end = if text.chars().count() > SAID { "…" } else { "" };
    format!(" ({}{end})", text.chars().take(SAID).collect::<String>())
}

/// Names in a database may be anything.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// Whoever holds it reads a database of the host.
fn turn(host: HostId) -> Arc<tokio::sync::Mutex<()>> {
    static TURNS: LazyLock<Mutex<HashMap<HostId, Arc<tokio::sync::Mutex<()>>>>> =
        LazyLock::new(Mutex::default);
    let mut turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
    turns.retain(|_, turn| Arc::strong_count(turn) > 1);
    Arc::clone(turns.entry(host).or_default())
}
