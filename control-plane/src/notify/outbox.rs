//! Posting letters, and what administrators see and do of them.

use muster_base::{ExposeSecret, LetterId, PlatformId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Language, NotifyError, Template,
    letter::{Channel, Letter, LetterState, PostedLetter},
    store, worker,
};
use crate::{
    access::{Authority, Identity},
    app::App,
    audit::{self, Entry},
    db::Tx,
    flaw::Flaw,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
    keys::Purpose,
    secrets::seal::Sealer,
};

/// A test is worth nothing to whoever does not wait for it.
const TEST_LIFE_MS: i64 = UnixMs::MINUTE;

/// Puts a letter into the outbox, in the transaction of what it tells about. [`super::Notify::wake`] after the commit
/// makes it leave at once.
pub async fn post(app: &App, tx: &mut Tx, letter: Letter) -> Result<LetterId, NotifyError> {
    if letter.channel == Channel::Sms {
        check_sms_limits(app, tx, &letter.recipient).await?;
    }
    let id: LetterId = app.clock.new_id();
    let secret = match &letter.secret {
        Some(secret) => Sealer::of(&app.keys, Purpose::Outbox)
            .seal(&worker::place(id), secret.expose_secret().as_bytes())?,
        None => String::new(),
    };
    store::outbox::insert(tx, id, &letter, &secret, app.clock.now()).await?;
    Ok(id)
}

async fn check_sms_limits(app: &App, tx: &mut Tx, recipient: &str) -> Result<(), NotifyError> {
    let Some(sms) = &app.config.sms else { return Ok(()) };
    let since = app.clock.now().plus_ms(-UnixMs::DAY);
    let (in_all, to_one) = store::outbox::count_sms(tx, recipient, since).await?;
    if in_all >= i64::from(sms.per_day) || to_one >= i64::from(sms.per_number_per_day) {
        return Err(NotifyError::SmsLimit);
    }
    Ok(())
}

/// Which letters.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LetterQuery {
    /// Only those in this state.
    #[param(inline)]
    pub state: Option<LetterState>,
    /// Only those to this address or number.
    pub recipient: Option<String>,
    /// How many items, 1–500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

/// How the outbox does.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutboxState {
    /// Whether there is a mail server in the configuration.
    pub mail_configured: bool,
    /// Whether there is a gateway for text messages in the configuration.
    pub sms_configured: bool,
    /// Letters that wait.
    pub waiting: i64,
    /// Letters that were given up and not forgotten yet.
    pub dead: i64,
    /// When the oldest that waits was posted.
    #[schema(required)]
    pub oldest_waiting_at: Option<UnixMs>,
    /// When one was last sent.
    #[schema(required)]
    pub last_sent_at: Option<UnixMs>,
    /// What went wrong with those that wait, most recently; empty if nothing did.
    pub last_error: String,
}

/// A letter to try the mail server with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TestLetter {
    /// An e-mail address.
    pub to: String,
    /// English if left out.
    pub language: Option<Language>,
    /// The platform whose manager tries it; the super administrator may leave it out.
    pub platform_id: Option<PlatformId>,
}

/// The letters of the platforms that the caller administers, newest first.
pub(super) async fn list(
    app: &App,
    who: &Identity,
    query: LetterQuery,
) -> Result<Page<PostedLetter>, NotifyError> {
    let authority = Authority::require_any(app, who).await?;
    let page = PageQuery::new(query.limit, query.cursor);
    let after = page.cursor::<LetterId>()?;
    let filter = (query.state, query.recipient.as_deref());
    let rows = store::list::list(&app.db, authority.keys(), filter, after, page.fetch()).await?;
    Ok(page.page(rows, |row| Cursor::of(&row.id)))
}

/// How the outbox does, as far as the caller may see it.
pub(super) async fn state(app: &App, who: &Identity) -> Result<OutboxState, NotifyError> {
    let authority = Authority::require_any(app, who).await?;
    let counted = store::list::count(&app.db, authority.keys()).await?;
    Ok(OutboxState {
        mail_configured: app.config.mail.is_some(),
        sms_configured: app.config.sms.is_some(),
        waiting: counted.waiting,
        dead: counted.dead,
        oldest_waiting_at: counted.oldest_waiting_at,
        last_sent_at: counted.last_sent_at,
        last_error: counted.last_error.unwrap_or_default(),
    })
}

/// Sends a letter again that was given up.
pub(super) async fn retry(app: &App, who: &Identity, id: LetterId) -> Result<PostedLetter, NotifyError> {
    let authority = Authority::require_manager(app, who).await?;
    let letter = find(app, &authority, id).await?;
    manage(&authority, letter.platform_id)?;
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        if !store::outbox::revive(tx, id, now).await? {
            return Err(NotifyError::NotDead);
        }
        audit::record(app, tx, who, None, Entry::done("outbox:retry", "letter", id)).await?;
    });
    app.notify.wake();
    find(app, &authority, id).await
}

/// Sends a test mail and waits for what comes of it.
pub(super) async fn test(app: &App, who: &Identity, test: TestLetter) -> Result<PostedLetter, NotifyError> {
    let authority = Authority::require_manager(app, who).await?;
    manage(&authority, test.platform_id)?;
    if app.config.mail.is_none() {
        return Err(NotifyError::NoServer);
    }
    let to = test.to.trim();
    if to.len() > 254 || !to.contains('@') || to.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(NotifyError::Invalid {
            field: "to",
            message: Flaw::Email,
        });
    }
    let expires = app.clock.now().plus_ms(TEST_LIFE_MS);
    let language = test.language.unwrap_or_default();
    let mut letter =
        Letter::new(Channel::Mail, to, language, Template::Test, expires).with("by", who.actor.name());
    letter.platform = test.platform_id;
    // Not due for the worker, so that what comes of it is known here.
    letter.held_ms = worker::CLAIM_MS;
    let id = in_tx!(app.db, |tx| {
        let id = post(app, tx, letter).await?;
        let entry = Entry::done("outbox:test", "letter", id).detail(format!("to {to}"));
        audit::record(app, tx, who, None, entry).await?;
        id
    });
    worker::send_now(app, Channel::Mail, id).await?;
    find(app, &authority, id).await
}

/// Sends a letter now and waits for what comes of it: why it was not taken, if it wasn't. It is not tried again.
pub async fn post_and_send(app: &App, mut letter: Letter) -> Result<Result<(), String>, NotifyError> {
    let channel = letter.channel;
    if channel == Channel::Mail && app.config.mail.is_none() {
        return Err(NotifyError::NoServer);
    }
    // Not due for the worker, so that what comes of it is known here.
    letter.held_ms = worker::CLAIM_MS;
    let id = in_tx!(app.db, |tx| post(app, tx, letter).await?);
    worker::send_now(app, channel, id).await?;
    let sent = store::list::find(&app.db, None, id).await?;
    Ok(match sent {
        Some(sent) if sent.state == LetterState::Sent => Ok(()),
        Some(sent) => {
            in_tx!(app.db, |tx| store::outbox::set_dead(
                tx,
                (id, sent.attempts),
                &sent.last_error,
                app.clock.now()
            )
            .await?);
            Err(sent.last_error)
        }
        None => Err("the letter is gone".to_owned()),
    })
}

async fn find(app: &App, authority: &Authority, id: LetterId) -> Result<PostedLetter, NotifyError> {
    let found = store::list::find(&app.db, authority.keys(), id).await?;
    found.ok_or(NotifyError::NoLetter)
}

/// Passes for whoever manages the platform, and for the super administrator where there is none.
fn manage(authority: &Authority, platform: Option<PlatformId>) -> Result<(), NotifyError> {
    match (platform, authority) {
        (Some(platform), _) => Ok(authority.manage(platform)?),
        (None, Authority::All) => Ok(()),
        (None, Authority::Some(_)) => Err(NotifyError::Invalid {
            field: "platformId",
            message: Flaw::OwnPlatform,
        }),
    }
}

/// Deletes what was sent or given up long ago.
pub(super) fn forget(app: &App) -> crate::schedule::Running<'_> {
    Box::pin(async move {
        let (now, keep) = (app.clock.now(), &app.config.outbox);
        let before = |days: u16| now.plus_ms(-i64::from(days) * UnixMs::DAY);
        let forget = async || -> Result<(), crate::db::DbError> {
            in_tx!(app.db, |tx| {
                store::outbox::delete_ended(tx, LetterState::Sent, before(keep.keep_sent_days)).await?;
                store::outbox::delete_ended(tx, LetterState::Dead, before(keep.keep_dead_days)).await?;
            });
            Ok(())
        };
        Ok(forget().await?)
    })
}
