//! `[sms]`

use std::path::PathBuf;

use muster_base::SecretString;
use serde::Deserialize;

/// The HTTP gateway that text messages go out by; without this section none goes out.
///
/// `{to}` and `{text}` in `url` and `body` stand for the number and the words, encoded as their place needs it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmsConfig {
    /// Where to call: `https://sms.example.com/send?to={to}`.
    pub url: SecretString,
    /// How to call.
    #[serde(default)]
    pub method: SmsMethod,
    /// What to send with `POST`.
    pub body: Option<SecretString>,
    /// What that is.
    #[serde(default)]
    pub body_type: SmsBody,
    /// Sent as `Authorization`.
    pub authorization: Option<SecretString>,
    /// A file that holds it, read whenever a message is sent.
    pub authorization_file: Option<PathBuf>,
    /// What the answer must hold, for gateways that say 200 whatever happens.
    pub expect: Option<String>,
    /// Messages that one number gets in 24 hours.
    #[serde(default = "per_number")]
    pub per_number_per_day: u32,
    /// Messages to all numbers in 24 hours.
    #[serde(default = "in_all")]
    pub per_day: u32,
}

/// How the gateway is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SmsMethod {
    /// `GET`
    Get,
    /// `POST`
    #[default]
    Post,
}

/// What the gateway is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmsBody {
    /// `application/json`
    #[default]
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
}

const fn per_number() -> u32 {
    10
}

const fn in_all() -> u32 {
    1_000
}
