//! Who hears by their inbox that a database is not as it should be: those who may propose SQL for it and see how it compares; by
//! mail, too ([`super::mailed`]).

use muster_base::{OrgId, ServerId, UserId};

use super::{
    AccessError, Asked, Decision, Object, Operation, grant,
    mailed::mail,
    message::{self, Mode, NewMessage, SubMode, Words},
    store,
};
use crate::{app::App, db::Tx, notify::Template};

/// A database that was looked at.
#[derive(Debug, Clone, Copy)]
pub struct DriftNews<'a> {
    /// Whose.
    pub org: OrgId,
    /// The server.
    pub server: ServerId,
    /// Its label.
    pub label: &'a str,
    /// Its environment.
    pub environment: &'a str,
    /// What the database is called there.
    pub database: &'a str,
    /// What came of it.
    pub turn: DriftTurn,
    /// The first things that are different, in no language; empty if none is.
    pub what: &'a str,
}

/// What came of a look at a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriftTurn {
    /// Something is different that was not before.
    Found,
    /// Something else is different than was told.
    Changed,
    /// Nothing is different any more.
    Over,
    /// What was set aside there was kept for as long as it was to be.
    AsidesExpired,
}

/// Who is to hear of it, as of now.
pub async fn drift_audience(
    app: &App,
    org: OrgId,
    (server, environment): (ServerId, &str),
    database: &str,
) -> Result<Vec<UserId>, AccessError> {
    let servers = [server];
    let object = Object::Database {
        name: database,
        environment,
        servers: &servers,
    };
    let needed = [
        Operation::ReleasePropose,
        Operation::DesignRead,
        Operation::ServerRead,
    ];
    let mut audience = Vec::new();
    for (user, granted) in store::grant::list(&app.db, org).await? {
        let permissions = grant::permissions(granted)?;
        let may =
            |operation| permissions.decide(Asked::BuiltIn(operation), Some(&object)) == Decision::Allowed;
        if needed.into_iter().all(may) {
            audience.push(user);
        }
    }
    Ok(audience)
}

/// Tells them. The caller wakes the outbox after the commit.
pub async fn tell_of_drift(
    app: &App,
    tx: &mut Tx,
    to: &[UserId],
    news: &DriftNews<'_>,
) -> Result<(), AccessError> {
    let DriftNews {
        label: server,
        database,
        what,
        ..
    } = *news;
    let (words, template) = match news.turn {
        DriftTurn::Found => {
            let words = Words::DriftFound {
                database,
                server,
                what,
            };
            (words, Template::DatabaseDrifted)
        }
        DriftTurn::Changed => {
            let words = Words::DriftChanged {
                database,
                server,
                what,
            };
            (words, Template::DatabaseDrifted)
        }
        DriftTurn::AsidesExpired => {
            let words = Words::AsidesExpired {
                database,
                server,
                what,
            };
            (words, Template::DatabaseAsidesExpired)
        }
        DriftTurn::Over => (Words::DriftOver { database, server }, Template::DatabaseInStep),
    };
    let is_aside = news.turn == DriftTurn::AsidesExpired;
    let message = NewMessage {
        org: news.org,
        mode: if is_aside { Mode::SetAside } else { Mode::Drift },
        sub_mode: SubMode::View,
        words,
        tip: &format!("{}/{database}", news.server),
    };
    message::send(app, tx, to, &message).await?;
    let page = if is_aside { "set-aside" } else { "drift" };
    let address = format!("{}/databases/{page}", app.config.base_url());
    let blanks = [
        ("database", database),
        ("server", server),
        ("environment", news.environment),
        ("what", what),
        ("address", &address),
    ];
    mail(app, tx, to, template, &blanks).await
}
