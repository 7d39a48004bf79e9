//! Codes instead of passwords: by mail to a verified address, by text message to a verified number.
//!
//! Asking is answered with a challenge before anything is looked up ([`Throttle::aside`]): for an account that is not there,
//! has no such address or had its codes, the challenge is one that nothing answers. Right codes go on as right passwords
//! do, to the second factor where one is asked for ([`super::sign_in`]).
//!
//! An account is sent five codes and then one in ten minutes, whoever asks; a device that its user signed in with before
//! has as many for itself. Beside that the gateway for text messages has limits of its own (`[sms]`).
//!
//! A number is verified by a code, too: without it no code signs in by it.
//!
//! [`Throttle::aside`]: super::Throttle::aside

use muster_base::{ExposeSecret, SecretString, UnixMs, sha256};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    AccessError, Identity,
    challenge::{self, Asked, Challenge, Method, Purpose},
    device,
    sign_in::Visitor,
    store, user,
};
use crate::{
    app::App,
    audit::{self, Entry},
    flaw::Flaw,
    in_tx,
};

/// By which way a code comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CodeWay {
    /// By mail.
    Email,
    /// By text message.
    Sms,
}

impl CodeWay {
    const fn method(self) -> Method {
        match self {
            Self::Email => Method::Email,
            Self::Sms => Method::Sms,
        }
    }
}

/// Somebody who wants to sign in by a code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CodeSignIn {
    /// Account, user name, e-mail address or mobile number.
    pub login: String,
    /// Code of the platform; `default` if absent.
    pub platform: Option<String>,
    /// `email` or `sms`.
    pub by: CodeWay,
    /// `deviceToken` of an earlier sign-in, for API callers.
    #[schema(value_type = Option<String>)]
    pub device_token: Option<SecretString>,
}

/// A challenge that a code answers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CodeAsked {
    /// To be sent with the code.
    pub challenge: String,
    /// Until when.
    pub expires_at: UnixMs,
}

/// The code that was sent to one's number.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MobileProof {
    /// From the answer that the code was asked for with.
    #[schema(value_type = String)]
    pub challenge: SecretString,
    /// Six digits.
    #[schema(value_type = String)]
    pub code: SecretString,
}

impl From<Asked> for CodeAsked {
    fn from(asked: Asked) -> Self {
        Self {
            challenge: asked.token.expose_secret().to_owned(),
            expires_at: asked.expires_at,
        }
    }
}

/// Asks for a code that signs in. Whether one is sent shows in no answer.
pub(super) fn ask(app: &App, wish: CodeSignIn, visitor: Visitor) -> Result<CodeAsked, AccessError> {
    app.throttle.address(visitor.ip)?;
    is_configured(app, wish.by)?;
    let asked = challenge::question(app, vec![wish.by.method()]);
    let (task, hash) = (app.clone(), sha256(asked.token.expose_secret().as_bytes()).0);
    let expires_at = asked.expires_at;
    app.throttle.aside(app, "access.sign-in-code", async move {
        let platform = wish.platform.as_deref().unwrap_or("default");
        let Some(found) = store::user::find_login(&task.db, platform, &wish.login).await? else {
            return Ok(());
        };
        let user = user::get(&task, found.id).await?;
        let reached = match wish.by {
            CodeWay::Email => user.email.as_ref().zip(user.email_verified_at),
            CodeWay::Sms => user.mobile.as_ref().zip(user.mobile_verified_at),
        };
        if user.status != "active" || reached.is_none() {
            return Ok(());
        }
        let known = device::find(&task, user.id, &visitor.devices).await?;
        if task.throttle.code(user.id, known).is_err() {
            return Ok(());
        }
        let challenge = Challenge {
            id: task.clock.new_id(),
            user: user.id,
            purpose: Purpose::SignIn,
            methods: vec![wish.by.method()],
            target: String::new(),
            code_hash: None,
        };
        in_tx!(task.db, |tx| {
            store::challenge::insert(tx, &challenge, &hash, task.clock.now(), expires_at).await?;
            challenge::send(&task, tx, &challenge, wish.by.method(), &visitor).await?;
            let entry = Entry::done("auth:askCode", "user", user.id);
            audit::record(&task, tx, &visitor.nobody(), None, entry).await?;
        });
        task.notify.wake();
        Ok(())
    })?;
    Ok(asked.into())
}

/// Asks for a code that verifies one's own number.
pub(super) async fn ask_mobile(
    app: &App,
    who: &Identity,
    visitor: &Visitor,
) -> Result<CodeAsked, AccessError> {
    let user = user::get(app, who.require_user()?).await?;
    is_configured(app, CodeWay::Sms)?;
    let in_the_way = |code, message: &str| AccessError::Conflict {
        code,
        message: message.to_owned(),
    };
    let Some(mobile) = user.mobile else {
        return Err(in_the_way(
            "no-number",
            "your profile has no mobile number: enter one first",
        ));
    };
    if user.mobile_verified_at.is_some() {
        return Err(in_the_way("verified", "your mobile number is verified already"));
    }
    app.throttle.code(user.id, None)?;
    let asked = challenge::question(app, vec![Method::Sms]);
    let hash = sha256(asked.token.expose_secret().as_bytes()).0;
    let challenge = Challenge {
        id: app.clock.new_id(),
        user: user.id,
        purpose: Purpose::Mobile,
        methods: vec![Method::Sms],
        target: mobile,
        code_hash: None,
    };
    in_tx!(app.db, |tx| {
        store::challenge::insert(tx, &challenge, &hash, app.clock.now(), asked.expires_at).await?;
        challenge::send(app, tx, &challenge, Method::Sms, visitor).await?;
    });
    app.notify.wake();
    Ok(asked.into())
}

/// Verifies one's own number by the code that was sent there.
pub(super) async fn verify_mobile(app: &App, who: &Identity, proof: MobileProof) -> Result<(), AccessError> {
    let user = who.require_user()?;
    let hash = sha256(proof.challenge.expose_secret().as_bytes()).0;
    let now = app.clock.now();
    let wrong = || AccessError::invalid("code", Flaw::Code);
    let found = in_tx!(app.db, |tx| store::challenge::count_answer(tx, &hash, now)
        .await?);
    let mine = |challenge: &Challenge| challenge.user == user && challenge.purpose == Purpose::Mobile;
    let challenge = found.filter(mine).ok_or_else(wrong)?;
    if !challenge::is_code(app, &challenge, proof.code.expose_secret().trim()) {
        return Err(wrong());
    }
    in_tx!(app.db, |tx| {
        let ended = store::challenge::end(tx, challenge.id, now).await?;
        if !ended || !store::user::set_mobile_verified(tx, user, &challenge.target, now).await? {
            return Err(wrong());
        }
        audit::record(app, tx, who, None, Entry::done("user:verifyMobile", "user", user)).await?;
    });
    Ok(())
}

fn is_configured(app: &App, by: CodeWay) -> Result<(), AccessError> {
    let (has, code, message) = match by {
        CodeWay::Email => (
            app.config.mail.is_some(),
            "no-mail-server",
            "no mail can be sent here: sign in another way",
        ),
        CodeWay::Sms => (
            app.config.sms.is_some(),
            "no-sms-gateway",
            "no text messages can be sent here: sign in another way",
        ),
    };
    if has {
        return Ok(());
    }
    Err(AccessError::Conflict {
        code,
        message: message.to_owned(),
    })
}
