//! A letter: what is to be said, to whom, by which way.

use std::collections::BTreeMap;

use muster_base::{AlertReceiverId, LetterId, PlatformId, SecretString, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Language, Template};

/// The parameter that holds a letter's own words.
pub(super) const WORDING: &str = "wording";

/// A way out of the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// E-mail.
    Mail,
    /// A text message.
    Sms,
    /// A call to a webhook or chat.
    Hook,
}

impl Channel {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Sms => "sms",
            Self::Hook => "hook",
        }
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        [Self::Mail, Self::Sms, Self::Hook]
            .into_iter()
            .find(|channel| channel.as_str() == text)
    }
}

/// Something to be sent.
#[derive(Debug)]
pub struct Letter {
    pub(super) channel: Channel,
    pub(super) recipient: String,
    pub(super) platform: Option<PlatformId>,
    /// Who is called, of a call.
    pub(super) receiver: Option<AlertReceiverId>,
    pub(super) language: Language,
    pub(super) template: Template,
    pub(super) parameters: BTreeMap<&'static str, String>,
    pub(super) secret: Option<SecretString>,
    pub(super) expires_at: UnixMs,
    /// Due so much later than now.
    pub(super) held_ms: i64,
}

impl Letter {
    /// A letter that is worth nothing after `expires_at`.
    pub fn new(
        channel: Channel,
        recipient: impl Into<String>,
        language: Language,
        template: Template,
        expires_at: UnixMs,
    ) -> Self {
        Self {
            channel,
            recipient: recipient.into(),
            platform: None,
            receiver: None,
            language,
            template,
            parameters: BTreeMap::new(),
            secret: None,
            expires_at,
            held_ms: 0,
        }
    }

    /// Its platform's administrators may see that it was sent.
    #[must_use]
    pub fn of_platform(mut self, platform: PlatformId) -> Self {
        self.platform = Some(platform);
        self
    }

    /// A call to this receiver, whose address and key are read when it is made.
    #[must_use]
    pub fn to_receiver(mut self, receiver: AlertReceiverId) -> Self {
        self.receiver = Some(receiver);
        self
    }

    /// A parameter of the template.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.parameters.insert(name, value.into());
        self
    }

    /// Said in other words than the template's: a text with [blanks](super::are_blanks_known).
    #[must_use]
    pub fn worded(self, message: &str) -> Self {
        self.with(WORDING, message)
    }

    /// The code or link that it carries.
    #[must_use]
    pub fn carrying(mut self, secret: SecretString) -> Self {
        self.secret = Some(secret);
        self
    }
}

/// Where a letter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LetterState {
    /// Not sent yet.
    Waiting,
    /// Taken by the server.
    Sent,
    /// Given up.
    Dead,
}

impl LetterState {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Dead => "dead",
        }
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        [Self::Waiting, Self::Sent, Self::Dead]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// A letter in the outbox, without its code.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PostedLetter {
    /// Id.
    pub id: LetterId,
    /// How it leaves.
    pub kind: Channel,
    /// Whose administrators see it; null: the super administrator.
    #[schema(required)]
    pub platform_id: Option<PlatformId>,
    /// An e-mail address, a mobile number, or a receiver's name.
    pub recipient: String,
    /// Its language.
    pub language: Language,
    /// Which text.
    pub template: String,
    /// Where it stands.
    pub state: LetterState,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried next, while it waits.
    pub next_attempt_at: UnixMs,
    /// After this it is not sent any more.
    pub expires_at: UnixMs,
    /// What went wrong last; empty if nothing did.
    pub last_error: String,
    /// When it was posted.
    pub created_at: UnixMs,
    /// When it was sent or given up.
    #[schema(required)]
    pub ended_at: Option<UnixMs>,
}
