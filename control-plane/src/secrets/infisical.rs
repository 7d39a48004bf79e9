//! Infisical's API, as far as a sync needs it: signing in by universal auth, and the list of the secrets at a path.
//!
//! What is particular about it:
//! - A path or environment that does not exist is answered with an empty list, not with an error; so an empty list
//!   is no reason to remove everything (see [`super::sync`]).
//! - A machine identity that may see a secret but not its value gets a placeholder as its value, and a flag.
//! - Imports stand beside the secrets; a secret of the path itself stands before an imported one, a later import before
//!   an earlier.
//! - `/api/v4/secrets` came after `/api/v3/secrets/raw`; a self-hosted server may know the older one only.
//!
//! Its error texts are not passed on: whoever may choose the address must not be able to read what answers there.

use std::{collections::BTreeMap, time::Duration};

use muster_base::{ExposeSecret, SecretString};
use reqwest::{
    Client, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER},
};
use serde::{Deserialize, Serialize, Serializer};

use super::provider_url::ProviderUrl;
use crate::outbound;

const LOGIN_BYTES: usize = 64 * 1024;
const LIST_BYTES: usize = 16 * 1024 * 1024;
/// Waited for if a refusal for being asked too often does not say how long.
const PAUSE: Duration = Duration::from_mins(1);
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// Why nothing was synced, for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderFault {
    /// This machine has no certificates to check it by.
    #[error("the control plane can't make TLS connections: see its log")]
    NoTls,
    /// No connection, or no answer in time.
    #[error(
        "the provider {0} can't be reached: check its address, and that the control plane may connect to it"
    )]
    Unreachable(String),
    /// It wants to be asked elsewhere.
    #[error("the provider answers with a redirect, which is not followed: give the address it redirects to")]
    Redirect,
    /// The client id or its secret is wrong, expired, revoked, or not accepted from this address.
    #[error(
        "the provider refuses the client: check its id and secret, and from which addresses it may be used"
    )]
    Credentials,
    /// The identity may not read there.
    #[error(
        "the provider does not let this identity read the project, environment or path: give it a role there"
    )]
    Forbidden,
    /// The identity sees names without values.
    #[error("the provider shows the names of {0} secrets without their values: let the identity read values")]
    Hidden(usize),
    /// No such project, environment or path.
    #[error("the provider knows no such project, environment or path")]
    NotFound,
    /// Something about the settings is not to its liking.
    #[error("the provider can't read the request: check project id, environment and path")]
    Settings,
    /// Too often.
    #[error("the provider is asked too often: it wants {} s of peace", .0.as_secs())]
    RateLimited(Duration),
    /// Its own fault.
    #[error("the provider answers with status {0}")]
    Status(u16),
    /// It answers with too much or with something else.
    #[error("the provider's answer can't be read: is this the address of an Infisical server?")]
    Unreadable,
}

/// What to ask, where, and as whom.
pub(super) struct Infisical<'a> {
    pub http: &'a Client,
    pub url: &'a ProviderUrl,
    pub client_id: &'a str,
    pub client_secret: &'a SecretString,
    pub project_id: &'a str,
    pub environment: &'a str,
    pub path: &'a str,
}

/// A secret at the provider.
#[derive(Debug)]
pub(super) struct Remote {
    /// What the provider calls it, whatever its name.
    pub reference: String,
    pub value: SecretString,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Login<'a> {
    client_id: &'a str,
    #[serde(serialize_with = "exposed")]
    client_secret: &'a SecretString,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoggedIn {
    access_token: SecretString,
}

#[derive(Deserialize)]
struct Listing {
    secrets: Vec<Listed>,
    #[serde(default)]
    imports: Option<Vec<Import>>,
}

#[derive(Deserialize)]
struct Import {
    secrets: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    id: String,
    secret_key: String,
    #[serde(default)]
    secret_value: Option<SecretString>,
    #[serde(default)]
    secret_value_hidden: bool,
    #[serde(rename = "type", default)]
    kind: Option<String>,
}

/// Which list a server knows.
#[derive(Clone, Copy)]
enum Api {
    V4,
    V3,
}

impl Infisical<'_> {
    /// The secrets there, by name.
    pub(super) async fn list(&self) -> Result<BTreeMap<String, Remote>, ProviderFault> {
        let token = self.log_in().await?;
        let response = match self.ask(&token, Api::V4).await? {
            response if response.status() == StatusCode::NOT_FOUND => self.ask(&token, Api::V3).await?,
            response => response,
        };
        let listing: Listing = read(response, LIST_BYTES).await?;
        merged(listing)
    }

    async fn log_in(&self) -> Result<SecretString, ProviderFault> {
        let address = self
            .url
            .api("api/v1/auth/universal-auth/login")
            .map_err(|_| ProviderFault::Settings)?;
        let login = Login {
            client_id: self.client_id,
            client_secret: self.client_secret,
        };
        let body = serde_json::to_vec(&login).map_err(|_| ProviderFault::Settings)?;
        let sent = self
            .http
            .post(address)
            .header(CONTENT_TYPE, "application/json")
            .body(body)
            .send()
            .await;
        let response = sent.map_err(|_| self.unreachable())?;
        if matches!(response.status(), StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN) {
            return Err(ProviderFault::Credentials);
        }
        let answer: LoggedIn = read(response, LOGIN_BYTES).await?;
        Ok(answer.access_token)
    }

    async fn ask(&self, token: &SecretString, api: Api) -> Result<Response, ProviderFault> {
        let (path, project) = match api {
            Api::V4 => ("api/v4/secrets", "projectId"),
            Api::V3 => ("api/v3/secrets/raw", "workspaceId"),
        };
        let mut address = self.url.api(path).map_err(|_| ProviderFault::Settings)?;
        address
            .query_pairs_mut()
            .append_pair(project, self.project_id)
            .append_pair("environment", self.environment)
            .append_pair("secretPath", self.path)
            .append_pair("viewSecretValue", "true")
            .append_pair("expandSecretReferences", "true")
            .append_pair("include_imports", "true")
            // As later versions call it; each leaves the other's alone.
            .append_pair("includeImports", "true")
            .append_pair("recursive", "false");
        let bearer = zeroize::Zeroizing::new(format!("Bearer {}", token.expose_secret()));
        let bearer = outbound::sensitive(&bearer).ok_or(ProviderFault::Unreadable)?;
        let sent = self.http.get(address).header(AUTHORIZATION, bearer).send().await;
        sent.map_err(|_| self.unreachable())
    }

    fn unreachable(&self) -> ProviderFault {
        ProviderFault::Unreachable(self.url.to_string())
    }
}

async fn read<T: serde::de::DeserializeOwned>(response: Response, limit: usize) -> Result<T, ProviderFault> {
    match response.status() {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED => return Err(ProviderFault::Credentials),
        StatusCode::FORBIDDEN => return Err(ProviderFault::Forbidden),
        StatusCode::NOT_FOUND => return Err(ProviderFault::NotFound),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => return Err(ProviderFault::Settings),
        StatusCode::TOO_MANY_REQUESTS => return Err(ProviderFault::RateLimited(pause(&response))),
        status if status.is_redirection() => return Err(ProviderFault::Redirect),
        status => return Err(ProviderFault::Status(status.as_u16())),
    }
    let bytes = outbound::limited(response, limit)
        .await
        .ok_or(ProviderFault::Unreadable)?;
    serde_json::from_slice(&bytes).map_err(|_| ProviderFault::Unreadable)
}

fn pause(response: &Response) -> Duration {
    let header = response.headers().get(RETRY_AFTER);
    let seconds = header.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    seconds.map_or(PAUSE, Duration::from_secs).min(LONGEST_PAUSE)
}

fn merged(listing: Listing) -> Result<BTreeMap<String, Remote>, ProviderFault> {
    let imports = listing.imports.unwrap_or_default();
    let all = imports
        .into_iter()
        .flat_map(|import| import.secrets)
        .chain(listing.secrets);
    let mut found = BTreeMap::new();
    let mut hidden = 0;
    for secret in all {
        // Somebody's own value instead of everybody's; an identity has none.
        if secret.kind.as_deref() == Some("personal") {
            continue;
        }
        let (false, Some(value)) = (secret.secret_value_hidden, secret.secret_value) else {
            hidden += 1;
            continue;
        };
        let reference = secret.id;
        found.insert(secret.secret_key, Remote { reference, value });
    }
    if hidden > 0 {
        return Err(ProviderFault::Hidden(hidden));
    }
    Ok(found)
}

fn exposed<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_s_own_secrets_stand_before_imports_and_later_imports_before_earlier() {
        let secret = |id: &str, key: &str, value: &str| {
            json!({"id": id, "_id": id, "secretKey": key, "secretValue": value, "type": "shared",
                "secretValueHidden": false, "version": 1, "secretComment": ""})
        };
        let import = |secrets: Vec<_>| json!({"secretPath": "/x", "environment": "dev", "secrets": secrets});
        let listing = json!({
            "secrets": [secret("1", "A", "own"), json!({"id": "9", "secretKey": "A", "secretValue": "mine",
                "type": "personal", "secretValueHidden": false})],
            "imports": [
                import(vec![secret("2", "A", "first"), secret("3", "B", "first"), secret("4", "C", "first")]),
                import(vec![secret("5", "B", "second")]),
            ],
        });
        let found = merged(serde_json::from_value(listing).unwrap()).unwrap();
        let values: Vec<_> = found
            .iter()
            .map(|(name, remote)| format!("{name}={} {}", remote.value.expose_secret(), remote.reference))
            .collect();
        assert_eq!(values, ["A=own 1", "B=second 5", "C=first 4"]);
    }

    #[test]
    fn a_value_that_is_not_shown_is_no_value() {
        let listing = json!({"secrets": [{"id": "1", "secretKey": "A", "secretValue": "<hidden-by-infisical>",
            "secretValueHidden": true}]});
        let refused = merged(serde_json::from_value(listing).unwrap()).unwrap_err();
        assert_eq!(refused, ProviderFault::Hidden(1));
    }
}
