//! Sending a request, and what an answer means.

use std::path::PathBuf;

use muster_base::{ExposeSecret, SecretString};
use reqwest::{
    Client, StatusCode,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE},
};

use super::message::Message;
use crate::{config::RemoteWriteConfig, error::chain, outbound};

/// Of an answer, for the log.
const ANSWER_BYTES: usize = 4 * 1024;
const SAID: usize = 200;

/// Who takes the readings.
pub(super) struct Receiver {
    client: Option<Client>,
    url: SecretString,
    authorization: Option<SecretString>,
    authorization_file: Option<PathBuf>,
}

/// What came of a request.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It was taken.
    Taken,
    /// It may be taken another time.
    Later(String),
    /// It will not be taken, however often it is sent.
    Refused(String),
}

impl Receiver {
    pub(super) fn new(config: &RemoteWriteConfig) -> Self {
        Self {
            client: outbound::client(),
            url: config.url.clone(),
            authorization: config.authorization.clone(),
            authorization_file: config.authorization_file.clone(),
        }
    }

    pub(super) async fn send(&self, message: &Message) -> Outcome {
        let Some(client) = &self.client else {
            return Outcome::Later("this machine can't make TLS connections".to_owned());
        };
        let Some(body) = message.body() else {
            return Outcome::Refused("the request is too long for its format".to_owned());
        };
        let mut request = client
            .post(self.url.expose_secret())
            .header(CONTENT_TYPE, "application/x-protobuf")
            .header(CONTENT_ENCODING, "snappy")
            .header("X-Prometheus-Remote-Write-Version", "0.1.0")
            .body(body);
        match self.authorization().await {
            Ok(None) => {}
            Ok(Some(text)) => match outbound::sensitive(text.expose_secret()) {
                Some(value) => request = request.header(AUTHORIZATION, value),
                None => {
                    return Outcome::Later("[remote_write] authorization can't be in a header".to_owned());
                }
            },
            Err(why) => return Outcome::Later(why),
        }
        // The address may hold a token.
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Outcome::Later(chain(&error.without_url())),
        };
        let status = response.status();
        if status.is_success() {
            return Outcome::Taken;
        }
        let said = outbound::limited(response, ANSWER_BYTES).await;
        let said = said.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let said: String = said
            .unwrap_or_default()
            .chars()
            .filter(|c| !c.is_control())
            .take(SAID)
            .collect();
        let text = format!("it answers {status}: {said}");
        // What the operator can put right, and what passes, costs no readings.
        let passes = matches!(
            status,
            StatusCode::UNAUTHORIZED
                | StatusCode::FORBIDDEN
                | StatusCode::NOT_FOUND
                | StatusCode::METHOD_NOT_ALLOWED
                | StatusCode::PROXY_AUTHENTICATION_REQUIRED
                | StatusCode::REQUEST_TIMEOUT
                | StatusCode::TOO_MANY_REQUESTS
        );
        if status.is_client_error() && !passes {
            Outcome::Refused(text)
        } else {
            Outcome::Later(text)
        }
    }

    /// Read each time, so that a new token needs no restart.
    async fn authorization(&self) -> Result<Option<SecretString>, String> {
        let Some(path) = &self.authorization_file else {
            return Ok(self.authorization.clone());
        };
        let read = tokio::fs::read_to_string(path).await;
        let read = read.map_err(|error| {
            format!(
                "[remote_write] authorization_file {} can't be read: {error}",
                path.display()
            )
        })?;
        Ok(Some(read.trim().into()))
    }
}
