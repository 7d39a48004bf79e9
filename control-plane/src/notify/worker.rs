//! Sends what is due: one task, which takes no input and looks at the table when it is woken, and every few seconds
//! in case the waking was lost or another control plane's.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::StreamExt as _;
use muster_base::{LetterId, SecretString, UnixMs};

use super::{
    NotifyError, SEALED, hook,
    letter::Channel,
    mailer::{Fault, Mailer},
    sms::Gateway,
    store,
};
use crate::{
    app::App,
    db::DbError,
    in_tx,
    keys::Purpose,
    secrets::seal::{Place, Sealer},
};

const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Letters looked at before the table is asked again.
const BATCH: i64 = 32;
/// Conversations at a time.
const AT_A_TIME: usize = 4;
/// Longer than a conversation may take.
pub(super) const CLAIM_MS: i64 = 90 * UnixMs::SECOND;
const FIRST_WAIT_MS: i64 = 30 * UnixMs::SECOND;
const LONGEST_WAIT_MS: i64 = 4 * UnixMs::HOUR;
/// With these waits, three days.
const ATTEMPTS: i64 = 27;

/// Starts the task.
pub fn start(app: &App) {
    app.tasks.keep("notify.worker", run(app.clone()));
}

async fn run(app: App) {
    let stopping = app.tasks.stopping();
    while !stopping.is_cancelled() {
        // Whatever is being sent when the process stops is due again after its claim.
        let looked = stopping.run_until_cancelled(look(&app)).await;
        if let Some(Err(error)) = &looked {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                "the outbox could not be looked at; trying again"
            );
        }
        if matches!(looked, Some(Ok(true))) {
            continue;
        }
        tokio::select! {
            () = app.notify.wake.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stopping.cancelled() => {}
        }
    }
}

/// Sends what is due now; whether there may be more.
pub(super) async fn look(app: &App) -> Result<bool, NotifyError> {
    in_tx!(app.db, |tx| store::outbox::expire(tx, app.clock.now()).await?);
    let mut more = false;
    for channel in [Channel::Mail, Channel::Sms, Channel::Hook] {
        if is_configured(app, channel) {
            more |= look_at(app, channel).await?;
        }
    }
    Ok(more)
}

fn is_configured(app: &App, channel: Channel) -> bool {
    match channel {
        Channel::Mail => app.config.mail.is_some(),
        Channel::Sms => app.config.sms.is_some(),
        Channel::Hook => true,
    }
}

/// Sends what is due by one channel; a fault of its server ends the look.
async fn look_at(app: &App, channel: Channel) -> Result<bool, NotifyError> {
    let due = store::outbox::list_due(&app.db, channel, app.clock.now(), BATCH).await?;
    if due.is_empty() {
        return Ok(false);
    }
    let sender = &Sender::new(app, channel).await;
    let full = i64::try_from(due.len()).is_ok_and(|due| due == BATCH);
    let broken = &AtomicBool::new(false);
    let mut sending = futures_util::stream::iter(due)
        .map(|id| async move {
            if broken.load(Ordering::Relaxed) {
                return Ok(());
            }
            let sent = attempt(app, sender, id, app.clock.now()).await?;
            if sent == Some(Outcome::ServerFault) {
                broken.store(true, Ordering::Relaxed);
            }
            Ok::<_, NotifyError>(())
        })
        .buffer_unordered(AT_A_TIME);
    let mut failed = None;
    while let Some(done) = sending.next().await {
        failed = failed.or(done.err());
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(full && !broken.load(Ordering::Relaxed)),
    }
}

/// What sends, or why nothing can.
enum Sender<'a> {
    Mail(Mailer),
    Sms(Gateway<'a>),
    Hook(reqwest::Client),
    Unusable(String),
}

impl<'a> Sender<'a> {
    async fn new(app: &'a App, channel: Channel) -> Self {
        let made = match (channel, &app.config.mail, &app.config.sms) {
            (Channel::Mail, Some(config), _) => Mailer::new(config).await.map(Self::Mail),
            (Channel::Sms, _, Some(config)) => Gateway::new(config).await.map(Self::Sms),
            (Channel::Hook, _, _) => crate::outbound::client()
                .map(Self::Hook)
                .ok_or_else(|| "no connection can be made: the log says why".to_owned()),
            (Channel::Mail | Channel::Sms, _, _) => Err("it is not configured".to_owned()),
        };
        made.unwrap_or_else(Self::Unusable)
    }
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Sent,
    LetterFault,
    ServerFault,
}

/// Sends a letter now that was held back for this.
pub(super) async fn send_now(
    app: &App,
    channel: Channel,
    id: LetterId,
) -> Result<Option<Outcome>, NotifyError> {
    let due = app.clock.now().plus_ms(CLAIM_MS);
    attempt(app, &Sender::new(app, channel).await, id, due).await
}

async fn attempt(
    app: &App,
    sender: &Sender<'_>,
    id: LetterId,
    due: UnixMs,
) -> Result<Option<Outcome>, NotifyError> {
    let until = due.plus_ms(CLAIM_MS);
    let claimed = in_tx!(app.db, |tx| store::outbox::claim(tx, id, due, until).await?);
    let Some(claimed) = claimed else { return Ok(None) };
    let sent = send(app, sender, &claimed).await;
    let outcome = match &sent {
        Ok(()) => Outcome::Sent,
        Err(Fault::Server(_)) => Outcome::ServerFault,
        Err(Fault::Later(_) | Fault::Refused(_)) => Outcome::LetterFault,
    };
    note(app, &claimed, sent).await?;
    Ok(Some(outcome))
}

async fn send(app: &App, sender: &Sender<'_>, letter: &store::outbox::Claimed) -> Result<(), Fault> {
    let secret = open(app, letter)?;
    let words = letter
        .template
        .words(letter.language, &letter.parameters, secret.as_ref())
        .ok_or_else(|| Fault::Refused("its template lacks a parameter".to_owned()))?;
    match sender {
        Sender::Mail(mailer) => mailer.send(letter.id, &letter.recipient, &words).await,
        Sender::Sms(gateway) => gateway.send(&letter.recipient, &words).await,
        Sender::Hook(client) => hook::send(app, client, letter, &words).await,
        Sender::Unusable(why) => Err(Fault::Server(why.clone())),
    }
}

fn open(app: &App, letter: &store::outbox::Claimed) -> Result<Option<SecretString>, Fault> {
    if letter.secret.is_empty() {
        return Ok(None);
    }
    let place = place(letter.id);
    let opened = Sealer::of(&app.keys, Purpose::Outbox).open(&place, &letter.secret);
    let bytes = opened.map_err(|error| Fault::Later(error.to_string()))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Fault::Refused("its code is not text".to_owned()))?;
    Ok(Some(SecretString::from(text)))
}

/// Where a letter's code is sealed to.
pub(super) fn place(id: LetterId) -> Place {
    Place {
        org: muster_base::OrgId::from_uuid(uuid::Uuid::nil()),
        kind: SEALED,
        id: *id.as_uuid(),
        version: 0,
    }
}

async fn note(app: &App, letter: &store::outbox::Claimed, sent: Result<(), Fault>) -> Result<(), DbError> {
    let now = app.clock.now();
    let claim = (letter.id, letter.attempts);
    in_tx!(app.db, |tx| match &sent {
        Ok(()) => store::outbox::set_sent(tx, claim, now).await?,
        Err(Fault::Refused(why)) => store::outbox::set_dead(tx, claim, why, now).await?,
        Err(Fault::Server(why) | Fault::Later(why)) if letter.attempts >= ATTEMPTS => {
            store::outbox::set_dead(tx, claim, why, now).await?;
        }
        Err(Fault::Server(why) | Fault::Later(why)) => {
            let at = now.plus_ms(wait_ms(letter.attempts));
            store::outbox::set_waiting(tx, claim, why, at).await?;
        }
    });
    if let Err(Fault::Server(why) | Fault::Later(why) | Fault::Refused(why)) = sent {
        tracing::warn!(letter.id = %letter.id, letter.attempts, error = why, "a letter was not sent");
    }
    Ok(())
}

/// How long to wait after so many attempts.
fn wait_ms(attempts: i64) -> i64 {
    let doublings = attempts.saturating_sub(1).clamp(0, 16);
    (FIRST_WAIT_MS << doublings).min(LONGEST_WAIT_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end_after_three_days() {
        let waits: Vec<i64> = (1..ATTEMPTS).map(wait_ms).collect();
        assert_eq!(waits[..3], [30_000, 60_000, 120_000]);
        assert_eq!(waits.last(), Some(&LONGEST_WAIT_MS));
        let all: i64 = waits.iter().sum();
        assert!((2 * UnixMs::DAY..4 * UnixMs::DAY).contains(&all), "{all}");
        assert_eq!(wait_ms(i64::MAX), LONGEST_WAIT_MS);
    }
}
