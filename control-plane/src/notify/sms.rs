//! Text messages by an HTTP gateway that the configuration describes.

use std::time::Duration;

use muster_base::{ExposeSecret, SecretString};
use reqwest::{
    Client, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use zeroize::Zeroizing;

use super::{mailer::Fault, template::Words};
use crate::config::{SmsBody, SmsConfig, SmsMethod};

const CONNECT: Duration = Duration::from_secs(5);
/// Ends before a claim does.
const WHOLE: Duration = Duration::from_secs(30);
/// Of an answer, read for what it must hold.
const ANSWER_BYTES: usize = 64 * 1024;

/// The gateway.
pub(super) struct Gateway<'c> {
    http: Client,
    config: &'c SmsConfig,
    authorization: Option<HeaderValue>,
}

/// What a placeholder's place needs.
#[derive(Clone, Copy)]
enum Encoding {
    Percent,
    Json,
}

impl<'c> Gateway<'c> {
    /// By these settings; says which of them can't be used.
    pub(super) async fn new(config: &'c SmsConfig) -> Result<Self, String> {
        let http = Client::builder()
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            .user_agent(concat!("muster/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| format!("no connection can be made: {}", error.without_url()))?;
        Ok(Self {
            http,
            config,
            authorization: authorization(config).await?,
        })
    }

    /// Sends one message. No fault tells of what the gateway said: it may repeat the message.
    pub(super) async fn send(&self, to: &str, words: &Words) -> Result<(), Fault> {
        let text = words.text.expose_secret().trim();
        let url = filled(self.config.url.expose_secret(), to, text, Encoding::Percent);
        let mut request = match self.config.method {
            SmsMethod::Get => self.http.get(url.as_str()),
            SmsMethod::Post => self.http.post(url.as_str()),
        };
        if let Some(value) = &self.authorization {
            request = request.header(AUTHORIZATION, value.clone());
        }
        if let (SmsMethod::Post, Some(body)) = (self.config.method, &self.config.body) {
            let (kind, encoding) = match self.config.body_type {
                SmsBody::Json => ("application/json", Encoding::Json),
                SmsBody::Form => ("application/x-www-form-urlencoded", Encoding::Percent),
            };
            let body = filled(body.expose_secret(), to, text, encoding);
            request = request.header(CONTENT_TYPE, kind).body(body.as_bytes().to_vec());
        }
        // The address may hold the code.
        let sent = request.send().await;
        let response =
            sent.map_err(|error| Fault::Server(format!("the gateway: {}", error.without_url())))?;
        let status = response.status();
        match status {
            _ if status.is_success() => self.check(response).await,
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
                Err(Fault::Refused(format!("the gateway answers {status}")))
            }
            _ => Err(Fault::Server(format!("the gateway answers {status}"))),
        }
    }

    async fn check(&self, mut response: reqwest::Response) -> Result<(), Fault> {
        let Some(wanted) = &self.config.expect else {
            return Ok(());
        };
        let mut read = Vec::new();
        let broken = |error: reqwest::Error| Fault::Server(format!("the gateway: {}", error.without_url()));
        while let Some(piece) = response.chunk().await.map_err(broken)? {
            read.extend_from_slice(&piece);
            if read.len() > ANSWER_BYTES {
                break;
            }
        }
        if String::from_utf8_lossy(&read).contains(wanted.as_str()) {
            Ok(())
        } else {
            Err(Fault::Later(
                "the gateway's answer does not hold what [sms] expect says".to_owned(),
            ))
        }
    }
}

async fn authorization(config: &SmsConfig) -> Result<Option<HeaderValue>, String> {
    let text: Option<SecretString> = match &config.authorization_file {
        Some(path) => {
            let read = tokio::fs::read_to_string(path).await;
            let read = read.map_err(|error| {
                format!(
                    "[sms] authorization_file {} can't be read: {error}",
                    path.display()
                )
            })?;
            Some(read.trim().into())
        }
        None => config.authorization.clone(),
    };
    let Some(text) = text else { return Ok(None) };
    let value = HeaderValue::from_str(text.expose_secret());
    let mut value = value.map_err(|_| "[sms] authorization can't be sent in a header".to_owned())?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn filled(template: &str, to: &str, text: &str, encoding: Encoding) -> Zeroizing<String> {
    // One after the other would fill in what the first put there.
    let mut out = Zeroizing::new(String::with_capacity(template.len() + 3 * text.len() + 64));
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        if let Some(after) = after.strip_prefix("{to}") {
            encode(&mut out, to, encoding);
            rest = after;
        } else if let Some(after) = after.strip_prefix("{text}") {
            encode(&mut out, text, encoding);
            rest = after;
        } else {
            out.push('{');
            rest = &after[1..];
        }
    }
    out.push_str(rest);
    out
}

fn encode(out: &mut String, text: &str, encoding: Encoding) {
    use std::fmt::Write as _;
    match encoding {
        Encoding::Json => {
            let quoted = Zeroizing::new(serde_json::Value::from(text).to_string());
            out.push_str(&quoted[1..quoted.len() - 1]);
        }
        Encoding::Percent => {
            for byte in text.bytes() {
                if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                    out.push(char::from(byte));
                } else if write!(out, "%{byte:02X}").is_err() {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_as_they_need_it_and_once() {
        let json = filled(
            r#"{"phone":"{to}","text":"{text}","{x":1}"#,
            "+86",
            "a \"{to}\"\n",
            Encoding::Json,
        );
        assert_eq!(json.as_str(), r#"{"phone":"+86","text":"a \"{to}\"\n","{x":1}"#);
        let url = filled(
            "https://x/?to={to}&t={text}",
            "+86",
            "码 &{to}",
            Encoding::Percent,
        );
        assert_eq!(url.as_str(), "https://x/?to=%2B86&t=%E7%A0%81%20%26%7Bto%7D");
    }
}
