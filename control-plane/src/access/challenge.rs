//! Challenges: what a sign-in still has to answer.
//!
//! | purpose | asked after | answered by | then |
//! |---|---|---|---|
//! | `secondFactor` | a right first factor | code by time, recovery code, mailed code | the session opens |
//! | `signIn` | somebody wants a code instead of a password | that code | as after a password |
//! | `mobile` | a user enters a number | the code sent there | the number is verified |
//!
//! The challenge's token (`mch_…`) is answered once and kept as a hash; it works for ten minutes, takes five answers and
//! three codes, and ends with the first right answer. An answer is counted before it is looked at. Beside that a user's
//! second factor takes ten answers and then one in two minutes, over all challenges.
//!
//! A code that is sent has six digits. It is kept as a keyed hash, so that who reads the table can't find it by trying
//! all. A newer code makes the older one worthless.

use aws_lc_rs::hmac;
use muster_base::{ExposeSecret, SecretString, UnixMs, UserId, random_array, random_token, sha256};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    AccessError, second_factor, session,
    sign_in::{self, FirstFactor, SignIn, Visitor},
    store, user,
};
use crate::{
    app::App,
    audit::{self, Entry},
    db::Tx,
    in_tx,
    keys::Purpose as KeyPurpose,
    notify::{self, Channel, Letter, Template},
};

const PREFIX: &str = "mch_";
const LIFE_MS: i64 = 10 * UnixMs::MINUTE;
/// Answers that a challenge takes.
pub(super) const ANSWERS: i64 = 5;
/// Codes that are sent for a challenge.
pub(super) const CODES: i64 = 3;

/// What a challenge is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The second factor of a sign-in.
    SecondFactor,
    /// A sign-in by a code.
    SignIn,
    /// That a number is one's own.
    Mobile,
}

impl Purpose {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::SecondFactor => "secondFactor",
            Self::SignIn => "signIn",
            Self::Mobile => "mobile",
        }
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        [Self::SecondFactor, Self::SignIn, Self::Mobile]
            .into_iter()
            .find(|purpose| purpose.as_str() == text)
    }
}

/// A way to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ChallengeMethod)]
pub enum Method {
    /// A code of an authenticator app.
    Totp,
    /// A recovery code.
    Recovery,
    /// A code by mail.
    Email,
    /// A code by text message.
    Sms,
}

impl Method {
    /// Whether this proves the same as that first factor.
    pub(super) fn is(self, first: FirstFactor) -> bool {
        match self {
            Self::Totp | Self::Recovery => false,
            Self::Email => first == FirstFactor::Email,
            Self::Sms => first == FirstFactor::Sms,
        }
    }
}

/// A question, as whoever signs in gets it.
pub(super) struct Asked {
    pub(super) token: SecretString,
    pub(super) methods: Vec<Method>,
    pub(super) expires_at: UnixMs,
}

/// A challenge in the table.
pub(super) struct Challenge {
    pub(super) id: Uuid,
    pub(super) user: UserId,
    pub(super) purpose: Purpose,
    pub(super) methods: Vec<Method>,
    /// The number that is to be verified; empty for other purposes.
    pub(super) target: String,
    /// Of the code that was sent last.
    pub(super) code_hash: Option<Vec<u8>>,
}

/// An answer to a challenge.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChallengeAnswer {
    /// `mch_…` of the sign-in.
    #[schema(value_type = String)]
    pub challenge: SecretString,
    /// How it is answered.
    pub method: Method,
    /// Six digits, or a recovery code.
    #[schema(value_type = String)]
    pub code: SecretString,
    /// `deviceToken` of an earlier sign-in, for API callers.
    #[schema(value_type = Option<String>)]
    pub device_token: Option<SecretString>,
}

/// A wish for a code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CodeWish {
    /// `mch_…` of the sign-in.
    #[schema(value_type = String)]
    pub challenge: SecretString,
}

/// Asks a user.
pub(super) async fn ask(
    app: &App,
    user: UserId,
    purpose: Purpose,
    methods: Vec<Method>,
) -> Result<Asked, AccessError> {
    let asked = question(app, methods);
    let hash = sha256(asked.token.expose_secret().as_bytes()).0;
    let challenge = Challenge {
        id: app.clock.new_id(),
        user,
        purpose,
        methods: asked.methods.clone(),
        target: String::new(),
        code_hash: None,
    };
    in_tx!(app.db, |tx| {
        store::challenge::insert(tx, &challenge, &hash, app.clock.now(), asked.expires_at).await?;
    });
    Ok(asked)
}

/// A question that is in no table yet.
pub(super) fn question(app: &App, methods: Vec<Method>) -> Asked {
    Asked {
        token: random_token(PREFIX).into(),
        methods,
        expires_at: app.clock.now().plus_ms(LIFE_MS),
    }
}

/// Mails a code that answers the challenge.
pub(super) async fn send_code(app: &App, wish: CodeWish, visitor: &Visitor) -> Result<(), AccessError> {
    app.throttle.address(visitor.ip)?;
    let hash = sha256(wish.challenge.expose_secret().as_bytes()).0;
    let now = app.clock.now();
    let sent = in_tx!(app.db, |tx| {
        let found = store::challenge::find(tx, &hash, now)
            .await?
            .ok_or(AccessError::WrongCredentials)?;
        if found.purpose != Purpose::SecondFactor || !found.methods.contains(&Method::Email) {
            return Err(AccessError::invalid("challenge", "no code by mail answers it"));
        }
        send(app, tx, &found, Method::Email, visitor).await?
    });
    app.notify.wake();
    if sent {
        Ok(())
    } else {
        Err(AccessError::Throttled(std::time::Duration::from_mins(10)))
    }
}

/// Sends a new code to the user's address or number; not if the challenge had its codes.
pub(super) async fn send(
    app: &App,
    tx: &mut Tx,
    challenge: &Challenge,
    method: Method,
    visitor: &Visitor,
) -> Result<bool, AccessError> {
    let user = store::user::find_in(tx, challenge.user)
        .await?
        .ok_or(AccessError::NoUser)?;
    let (channel, to, template) = match method {
        Method::Email => (Channel::Mail, &user.email, Template::SignInCode),
        Method::Sms => (Channel::Sms, &user.mobile, Template::SmsCode),
        Method::Totp | Method::Recovery => return Ok(false),
    };
    let Some(to) = to else { return Ok(false) };
    let code = new_code();
    let now = app.clock.now();
    let hash = code_hash(app.keys.derive(KeyPurpose::Codes).as_slice(), challenge.id, &code);
    if !store::challenge::set_code(tx, challenge.id, &hash, now).await? {
        return Ok(false);
    }
    let expires = now.plus_ms(LIFE_MS);
    let letter = Letter::new(channel, to, visitor.language, template, expires)
        .of_platform(user.platform_id)
        .with("username", &user.username)
        .with("device", super::device::name(visitor.user_agent.as_deref()))
        .carrying(code);
    notify::post(app, tx, letter).await?;
    Ok(true)
}

/// Takes an answer.
pub(super) async fn answer(
    app: &App,
    answer: ChallengeAnswer,
    visitor: &Visitor,
) -> Result<SignIn, AccessError> {
    app.throttle.address(visitor.ip)?;
    let hash = sha256(answer.challenge.expose_secret().as_bytes()).0;
    let now = app.clock.now();
    let found = in_tx!(app.db, |tx| store::challenge::count_answer(tx, &hash, now)
        .await?);
    let challenge = found.ok_or(AccessError::WrongCredentials)?;
    let code = answer.code.expose_secret().trim();
    if challenge.purpose == Purpose::SecondFactor {
        app.throttle.second_factor(challenge.user)?;
    }
    let right = challenge.purpose != Purpose::Mobile
        && challenge.methods.contains(&answer.method)
        && in_tx!(app.db, |tx| {
            is_right(app, tx, &challenge, answer.method, code).await?
                && store::challenge::end(tx, challenge.id, now).await?
        });
    if !right {
        let entry = Entry::refused("auth:challenge", "user", challenge.user);
        audit::record_refusal(app, &visitor.nobody(), None, entry).await;
        return Err(AccessError::WrongCredentials);
    }
    let user = user::get(app, challenge.user).await?;
    match challenge.purpose {
        Purpose::SignIn => {
            let first = match answer.method {
                Method::Sms => FirstFactor::Sms,
                Method::Email | Method::Totp | Method::Recovery => FirstFactor::Email,
            };
            sign_in::proceed(app, (user.id, user.username), visitor, first).await
        }
        Purpose::Mobile => Err(AccessError::WrongCredentials),
        Purpose::SecondFactor => {
            let how = match answer.method {
                Method::Totp => "second factor: code by time",
                Method::Recovery => "second factor: recovery code",
                Method::Email => "second factor: mailed code",
                Method::Sms => "second factor: code by text message",
            };
            let opened = session::open(app, Some(user.id), user.username, visitor, how).await?;
            Ok(SignIn::Opened(opened))
        }
    }
}

/// Whether the code is right; uses up what can be used once.
async fn is_right(
    app: &App,
    tx: &mut Tx,
    challenge: &Challenge,
    method: Method,
    code: &str,
) -> Result<bool, AccessError> {
    match method {
        Method::Totp => second_factor::take_totp(app, tx, challenge.user, code).await,
        Method::Recovery => second_factor::take_recovery(app, tx, challenge.user, code).await,
        Method::Email | Method::Sms => Ok(is_code(app, challenge, code)),
    }
}

/// Whether this is the code that was sent last.
pub(super) fn is_code(app: &App, challenge: &Challenge, code: &str) -> bool {
    let Some(sent) = &challenge.code_hash else {
        return false;
    };
    // One that an older master key made counts, too.
    let keys = app.keys.derive_all(KeyPurpose::Codes);
    keys.iter()
        .any(|key| bool::from(code_hash(key.as_slice(), challenge.id, &code.into()).ct_eq(sent)))
}

/// Six digits.
fn new_code() -> SecretString {
    format!("{:06}", u64::from_be_bytes(random_array()) % 1_000_000).into()
}

fn code_hash(key: &[u8], challenge: Uuid, code: &SecretString) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut context = hmac::Context::with_key(&key);
    context.update(challenge.as_bytes());
    context.update(code.expose_secret().as_bytes());
    context.sign().as_ref().to_vec()
}

/// Deletes challenges that ended a while ago.
pub(super) fn forget(app: &App) -> crate::schedule::Running<'_> {
    Box::pin(async move {
        let before = app.clock.now().plus_ms(-UnixMs::DAY);
        let forget = async || -> Result<(), crate::db::DbError> {
            in_tx!(app.db, |tx| store::challenge::delete_ended(tx, before).await?);
            Ok(())
        };
        Ok(forget().await?)
    })
}
