//! Who hears that a release did not get where it was to be: whoever asked for it, and those who may execute releases
//! there; by their inbox, and by mail ([`super::mailed`]). What the database said stands in the inbox alone: it may quote
//! what is in a table.

use std::collections::BTreeSet;

use muster_base::{ExecutionId, OrgId, ReleaseId, ServerId, UserId};

use super::{
    AccessError, Asked, Decision, Object, Operation, grant,
    mailed::mail,
    message::{self, Mode, NewMessage, SubMode, Words},
    store,
};
use crate::{app::App, db::Tx, notify::Template};

/// Characters of an error that a message repeats.
const ERROR_CHARS: usize = 400;

/// A release that something happened to.
#[derive(Debug, Clone, Copy)]
pub struct ReleaseNews<'a> {
    /// Whose.
    pub org: OrgId,
    /// Its version.
    pub version: &'a str,
    /// Where.
    pub environment: &'a str,
    /// The database.
    pub database: &'a str,
    /// Who asked for it, as [`super::Actor::person`] names them.
    pub asked_by: &'a str,
    /// What happened.
    pub turn: ReleaseTurn<'a>,
}

/// What happened to a release.
#[derive(Debug, Clone, Copy)]
pub enum ReleaseTurn<'a> {
    /// It is not on a server.
    Failed {
        /// Its execution.
        execution: ExecutionId,
        /// The server, and its label.
        server: (ServerId, &'a str),
        /// What went wrong.
        why: &'a str,
    },
    /// A person must say what it has done on a server.
    NeedsALook {
        /// Its execution.
        execution: ExecutionId,
        /// The server, and its label.
        server: (ServerId, &'a str),
        /// What is not known.
        why: &'a str,
    },
    /// It goes to no more servers.
    Halted {
        /// Which.
        release: ReleaseId,
        /// Who failed and why.
        why: &'a str,
    },
    /// It goes on when somebody says so.
    Paused {
        /// Which.
        release: ReleaseId,
    },
}

/// Who is to hear of it, as of now; the database is the design's name, by which releases are seen.
pub async fn release_audience(
    app: &App,
    news: &ReleaseNews<'_>,
    (design, servers): (&str, &[ServerId]),
) -> Result<Vec<UserId>, AccessError> {
    let object = Object::Database {
        name: design,
        environment: news.environment,
        servers,
    };
    let mut audience = BTreeSet::new();
    for (user, granted) in store::grant::list(&app.db, news.org).await? {
        let permissions = grant::permissions(granted)?;
        let may =
            |operation| permissions.decide(Asked::BuiltIn(operation), Some(&object)) == Decision::Allowed;
        let asked = user.to_string() == news.asked_by;
        if may(Operation::ReleaseExecute) || (asked && may(Operation::ReleaseRead)) {
            audience.insert(user);
        }
    }
    Ok(audience.into_iter().collect())
}

/// Tells them. The caller wakes the outbox after the commit.
pub async fn tell_of_release(
    app: &App,
    tx: &mut Tx,
    to: &[UserId],
    news: &ReleaseNews<'_>,
) -> Result<(), AccessError> {
    let ReleaseNews {
        version,
        environment,
        database,
        ..
    } = *news;
    let short = |why: &str| why.chars().take(ERROR_CHARS).collect::<String>();
    let reason;
    let (words, template, tip, label) = match news.turn {
        ReleaseTurn::Failed {
            execution,
            server: (_, server),
            why,
        } => {
            reason = short(why);
            let words = Words::NotExecuted {
                version,
                environment,
                database,
                server,
                reason: &reason,
            };
            (words, Template::ReleaseFailed, execution.to_string(), server)
        }
        ReleaseTurn::NeedsALook {
            execution,
            server: (_, server),
            why,
        } => {
            reason = short(why);
            let words = Words::NeedsALook {
                version,
                environment,
                database,
                server,
                reason: &reason,
            };
            (words, Template::ReleaseNeedsALook, execution.to_string(), server)
        }
        ReleaseTurn::Halted { release, why } => {
            reason = short(why);
            let words = Words::RolloutHalted {
                version,
                environment,
                database,
                reason: &reason,
            };
            (words, Template::RolloutHalted, release.to_string(), "")
        }
        ReleaseTurn::Paused { release } => {
            let words = Words::RolloutPaused {
                version,
                environment,
                database,
            };
            (words, Template::RolloutPaused, release.to_string(), "")
        }
    };
    let message = NewMessage {
        org: news.org,
        mode: Mode::Release,
        sub_mode: SubMode::View,
        words,
        tip: &tip,
    };
    message::send(app, tx, to, &message).await?;
    let base = app.config.base_url();
    let address = match news.turn {
        ReleaseTurn::Failed { .. } | ReleaseTurn::NeedsALook { .. } => {
            format!("{base}/releases/executions/{tip}")
        }
        ReleaseTurn::Halted { .. } | ReleaseTurn::Paused { .. } => format!("{base}/releases/{tip}/run"),
    };
    let blanks = [
        ("version", version),
        ("environment", environment),
        ("database", database),
        ("server", label),
        ("address", &address),
    ];
    mail(app, tx, to, template, &blanks).await
}
