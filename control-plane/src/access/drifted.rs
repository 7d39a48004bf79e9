//! Who hears by their inbox that a database is not as it should be: those who may propose SQL for it and see how it compares; by
//! mail, too, if they want that (`mailMessages`) and their address was verified.

use muster_base::{OrgId, ServerId, UnixMs, UserId};

use super::{
    AccessError, Asked, Decision, Object, Operation, grant,
    message::{self, Mode, NewMessage, SubMode, Words},
    store,
};
use crate::{
    app::App,
    db::Tx,
    notify::{self, Channel, Letter, Template},
};

/// Mail about a database is worth nothing when somebody had to find out otherwise.
const MAIL_LIFE_MS: i64 = UnixMs::DAY;

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
    let expires = app.clock.now().plus_ms(MAIL_LIFE_MS);
    let page = if is_aside { "set-aside" } else { "drift" };
    let address = format!("{}/databases/{page}", app.config.base_url());
    for reader in store::user::list_mail_wanted(tx, &app.db, to).await? {
        let letter = Letter::new(
            Channel::Mail,
            reader.email.as_str(),
            reader.language(),
            template,
            expires,
        )
        .with("database", database)
        .with("server", server)
        .with("environment", news.environment)
        .with("what", what)
        .with("address", address.as_str());
        notify::post(app, tx, letter.of_platform(reader.platform_id)).await?;
    }
    Ok(())
}
