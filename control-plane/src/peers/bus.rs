//! Telling the others, and hearing them.

use std::time::Duration;

use sqlx::PgPool;
use tokio::time::sleep;
use tracing::{debug, warn};

use super::{
    Unsaid,
    message::Message,
    sessions,
    store::bus::{self, Ear},
};
use crate::{app::App, db::DbError, fleet, link};

const RETRY_MIN: Duration = Duration::from_millis(250);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// Says what there is to say until the process stops. What can't be said is lost: everybody looks by themselves, too.
pub(super) async fn speak(app: App, pool: PgPool) {
    let stopping = app.tasks.stopping();
    while stopping
        .run_until_cancelled(app.peers.0.say.notified())
        .await
        .is_some()
    {
        let messages = Unsaid::drain(&mut app.peers.unsaid());
        let sealed: Vec<_> = messages
            .into_iter()
            .filter_map(|message| message.sealed(app.peers.id()).ok())
            .collect();
        if sealed.is_empty() {
            continue;
        }
        if let Err(error) = bus::say(&pool, &sealed).await {
            debug!(
                error = &error as &dyn std::error::Error,
                "other control planes could not be told; they look by themselves"
            );
        }
    }
}

/// Hears the others until the process stops.
pub(super) async fn hear(app: App, pool: PgPool) {
    let stopping = app.tasks.stopping();
    let mut wait = RETRY_MIN;
    loop {
        let heard = stopping.run_until_cancelled(listen(&app, &pool, &mut wait)).await;
        match heard {
            None => return,
            Some(Ok(())) => debug!("the connection to hear other control planes by was lost"),
            Some(Err(error)) => warn!(
                error = &error as &dyn std::error::Error,
                "can't hear other control planes; looking at the tables every few seconds meanwhile"
            ),
        }
        if stopping.run_until_cancelled(sleep(wait)).await.is_none() {
            return;
        }
        wait = (wait * 2).min(RETRY_MAX);
    }
}

/// Listens until the connection is lost.
async fn listen(app: &App, pool: &PgPool, wait: &mut Duration) -> Result<(), DbError> {
    let mut ear = Ear::open(pool).await?;
    *wait = RETRY_MIN;
    look_anew(app, pool).await?;
    while let Some(text) = ear.next().await? {
        if let Some(message) = Message::read(&text, app.peers.id()) {
            take(app, pool, message).await?;
        }
    }
    Ok(())
}

/// Whatever was said while nobody listened.
async fn look_anew(app: &App, pool: &PgPool) -> Result<(), DbError> {
    for message in [Message::Work, Message::Removed, Message::Keys, Message::Alerts] {
        take(app, pool, message).await?;
    }
    sessions::read_all(app, pool).await
}

pub(super) async fn take(app: &App, pool: &PgPool, message: Message) -> Result<(), DbError> {
    match message {
        Message::Work => app.work.wake_here(),
        Message::Orders(orders) => orders.into_iter().for_each(|order| app.work.tell_here(order)),
        Message::Deployments(ids) => ids.into_iter().for_each(|id| app.delivery.changed_here(id)),
        Message::Sessions(hosts) => sessions::read(app, pool, &hosts).await?,
        Message::Removed => link::look_for_removed(app).await,
        Message::Keys => fleet::look_for_keys(app).await,
        Message::Alerts => app.alerts.wake_here(),
    }
    Ok(())
}
