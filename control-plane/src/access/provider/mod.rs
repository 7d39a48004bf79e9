//! Signing in by somebody else: OpenID Connect, GitHub, Gitee, all by the authorisation code with PKCE.
//!
//! ```text
//! start ─→ browser goes to the provider ─→ comes back with `code` and `state` ─→ who is it? ─→ bound here? ─→ sign-in
//!   │ cookie with a secret, state kept as a hash for ten minutes                                  └─→ or: bind it
//! ```
//! The cookie's secret stays in the browser (the table has its hash): nonce and code verifier are made from it, so that
//! a code that was overheard, or read from the table's backup, can't be exchanged, and nobody is signed in with what
//! another browser began. `state` works once. A provider's word counts if
//!
//! | kind | who it is | proven by |
//! |---|---|---|
//! | OpenID Connect | `issuer` and `sub` | an ID token signed by a key of the issuer, for us, of now, with our nonce |
//! | GitHub, Gitee | the account's number | the user's own data, fetched with the token that the code was exchanged for |
//!
//! Nobody is let in whom no administrator let in: what is not bound to a user here signs nobody in. A user binds in their
//! profile, with their password once more: whoever found a session, and not the password, would have a way in of their own
//! otherwise, which outlasts the session. A (platform, type, account) is one user's at most. After it comes what comes after a password: the
//! second factor where it is asked for.
//!
//! What fails sends the browser back to the sign-in page with a word (`#error=not-bound`); the reasons are in the log.

mod client;
mod identity;

use muster_base::{ExposeSecret, SecretString, SessionId, UnixMs, UserId, random_token, sha256};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::identity::Known;
use super::{
    AccessError, Actor, Identity, binding,
    challenge::Asked,
    confirm,
    second_factor::PasswordAgain,
    session::{Mode, Opened},
    sign_in::{self, FirstFactor, SignIn, Visitor},
    store,
};
use crate::{
    app::App,
    audit::{self, Entry},
    config::ProviderConfig,
    in_tx,
};

const STATE: &str = "mst_";
const BROWSER: &str = "mpb_";
const LIFE_MS: i64 = 10 * UnixMs::MINUTE;

/// A way to sign in by somebody else.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Provider {
    /// For addresses.
    pub code: String,
    /// `oidc`, `github` or `gitee`: the type of binding.
    pub kind: &'static str,
    /// For people.
    pub name: String,
}

/// The ways to sign in here.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignInWays {
    /// By somebody else.
    pub providers: Vec<Provider>,
    /// By a code that is mailed; a forgotten password is reset by mail, too.
    pub email: bool,
    /// By a code in a text message.
    pub sms: bool,
    /// Whether there are several platforms, so that one has to be named.
    pub many_platforms: bool,
}

/// Where somebody wants to be let in.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProviderStart {
    /// Code of the platform; `default` if absent.
    pub platform: Option<String>,
}

/// Where the browser goes next.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderAddress {
    /// At the provider.
    pub url: String,
}

/// What the browser brings back.
#[derive(Debug, Deserialize)]
pub(super) struct Callback {
    pub(super) code: Option<SecretString>,
    pub(super) state: Option<SecretString>,
    pub(super) error: Option<String>,
}

/// A browser that was sent away.
pub(super) struct State {
    pub(super) platform: String,
    pub(super) user: Option<UserId>,
    pub(super) session: Option<SessionId>,
}

/// A browser that is to be sent away.
pub(super) struct NewState<'a> {
    pub(super) hash: [u8; 32],
    pub(super) provider: &'a str,
    pub(super) platform: &'a str,
    pub(super) browser_hash: [u8; 32],
    pub(super) binds: Option<(UserId, SessionId)>,
    pub(super) now: UnixMs,
    pub(super) expires_at: UnixMs,
}

/// What became of a browser that came back.
pub(super) enum Returned {
    /// Signed in.
    Opened(Opened),
    /// Signed in once this is answered.
    Asked(Asked),
    /// Bound.
    Bound,
    /// Nothing; why, in a word.
    Failed(&'static str),
}

/// The ways to sign in here.
pub(super) async fn ways(app: &App) -> Result<SignInWays, AccessError> {
    let providers = app
        .config
        .sign_in
        .providers
        .iter()
        .map(|(code, config)| Provider {
            code: code.clone(),
            kind: config.kind.as_str(),
            name: config.label.clone().unwrap_or_else(|| code.clone()),
        });
    Ok(SignInWays {
        providers: providers.collect(),
        email: app.config.mail.is_some(),
        sms: app.config.sms.is_some(),
        many_platforms: store::platform::count_active(&app.db).await? > 1,
    })
}

/// Sends a browser away to sign in; where to, and the secret that it keeps.
pub(super) async fn start(
    app: &App,
    provider: &str,
    wish: ProviderStart,
    visitor: &Visitor,
) -> Result<(ProviderAddress, SecretString), AccessError> {
    app.throttle.address(visitor.ip)?;
    let platform = wish.platform.unwrap_or_else(|| "default".to_owned());
    send_away(app, provider, &platform, None).await
}

/// Sends a browser away to bind what it comes back with to the user who asks. Every user has a password, so it is what
/// they show again; whoever doesn't know theirs sets one by a mailed link first.
pub(super) async fn start_binding(
    app: &App,
    who: &Identity,
    provider: &str,
    again: PasswordAgain,
) -> Result<(ProviderAddress, SecretString), AccessError> {
    who.require_user()?;
    let Actor::User { session, .. } = who.actor else {
        return Err(AccessError::NotSignedIn);
    };
    // Nobody spends an attempt on a provider that there is not.
    find(app, provider)?;
    let user = confirm::confirm_password(app, who, again.password).await?;
    send_away(app, provider, "", Some((user, session))).await
}

async fn send_away(
    app: &App,
    name: &str,
    platform: &str,
    binds: Option<(UserId, SessionId)>,
) -> Result<(ProviderAddress, SecretString), AccessError> {
    let config = find(app, name)?;
    let (state, browser) = (random_token(STATE), SecretString::from(random_token(BROWSER)));
    let url = client::authorize_url(config, &state, &browser, &redirect_uri(app, name)).await;
    let url = url.map_err(|fault| {
        tracing::warn!(
            provider = name,
            error = &fault as &dyn std::error::Error,
            "a provider can't be used"
        );
        AccessError::Refused(crate::error::Error::Upstream(
            "this provider does not answer as it should: sign in another way, or ask an administrator"
                .to_owned(),
        ))
    })?;
    let now = app.clock.now();
    let row = NewState {
        hash: sha256(state.as_bytes()).0,
        provider: name,
        platform,
        browser_hash: sha256(browser.expose_secret().as_bytes()).0,
        binds,
        now,
        expires_at: now.plus_ms(LIFE_MS),
    };
    in_tx!(app.db, |tx| store::provider::insert(tx, &row).await?);
    Ok((ProviderAddress { url }, browser))
}

/// Takes a browser back.
pub(super) async fn returned(
    app: &App,
    name: &str,
    callback: Callback,
    browser: Option<SecretString>,
    visitor: Visitor,
) -> Result<Returned, AccessError> {
    app.throttle.address(visitor.ip)?;
    let config = find(app, name)?;
    let (Some(state), Some(browser)) = (&callback.state, &browser) else {
        return Ok(Returned::Failed("expired"));
    };
    let hashes = [state, browser].map(|secret| sha256(secret.expose_secret().as_bytes()).0);
    let now = app.clock.now();
    let found = in_tx!(app.db, |tx| store::provider::take(tx, name, &hashes, now).await?);
    let Some(state) = found else {
        return Ok(Returned::Failed("expired"));
    };
    let (None, Some(code)) = (&callback.error, &callback.code) else {
        return Ok(Returned::Failed("denied"));
    };
    let known = client::identify(config, code, browser, &redirect_uri(app, name), now).await;
    let known = match known {
        Ok(known) => known,
        Err(fault) => {
            tracing::warn!(
                provider = name,
                error = &fault as &dyn std::error::Error,
                "a provider's word was refused"
            );
            let entry = Entry::refused("auth:provider", "provider", name);
            audit::record_refusal(app, &visitor.nobody(), None, entry).await;
            return Ok(Returned::Failed("failed"));
        }
    };
    let kind = config.kind.as_str();
    match (state.user, state.session) {
        (Some(user), Some(session)) => bind(app, (user, session), kind, known, &visitor).await,
        _ => sign_in(app, &state.platform, kind, &known, visitor).await,
    }
}

async fn sign_in(
    app: &App,
    platform: &str,
    kind: &str,
    known: &Known,
    mut visitor: Visitor,
) -> Result<Returned, AccessError> {
    let found = store::binding::find_user(&app.db, platform, kind, &known.account).await?;
    let Some((user, username)) = found else {
        let entry = Entry::refused("auth:provider", "binding", kind).detail("bound to nobody");
        audit::record_refusal(app, &visitor.nobody(), None, entry).await;
        return Ok(Returned::Failed("not-bound"));
    };
    visitor.mode = Mode::Cookie;
    match sign_in::proceed(app, (user, username), &visitor, FirstFactor::Provider).await {
        Ok(SignIn::Opened(opened)) => Ok(Returned::Opened(opened)),
        Ok(SignIn::Asked(asked)) => Ok(Returned::Asked(asked)),
        Err(AccessError::NoSecondFactor) => Ok(Returned::Failed("no-second-factor")),
        Err(error) => Err(error),
    }
}

async fn bind(
    app: &App,
    (user, session): (UserId, SessionId),
    kind: &'static str,
    known: Known,
    visitor: &Visitor,
) -> Result<Returned, AccessError> {
    let now = app.clock.now();
    let live = store::session::find_live_id(&app.db, session, now).await?;
    let Some(live) = live.filter(|live| live.user == Some(user)) else {
        return Ok(Returned::Failed("expired"));
    };
    let who = Identity {
        actor: Actor::User {
            user,
            username: live.username.unwrap_or_default(),
            session,
        },
        ip: visitor.ip,
        platform: live.platform,
    };
    match binding::insert(app, &who, kind, &known.account, &known.name).await {
        Ok(()) => Ok(Returned::Bound),
        Err(AccessError::Taken(_)) => Ok(Returned::Failed("taken")),
        Err(error) => Err(error),
    }
}

fn find<'a>(app: &'a App, name: &str) -> Result<&'a ProviderConfig, AccessError> {
    app.config
        .sign_in
        .providers
        .get(name)
        .ok_or(AccessError::NoProvider)
}

fn redirect_uri(app: &App, name: &str) -> String {
    format!("{}/api/v1/auth/providers/{name}/callback", app.config.base_url())
}

/// Deletes what browsers that never came back left.
pub(super) fn forget(app: &App) -> crate::schedule::Running<'_> {
    Box::pin(async move {
        let now = app.clock.now();
        let forget = async || -> Result<(), crate::db::DbError> {
            in_tx!(app.db, |tx| store::provider::delete_expired(tx, now).await?);
            Ok(())
        };
        Ok(forget().await?)
    })
}
