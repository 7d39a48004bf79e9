//! Talking to a provider: where it sends people, what it gives for a code, who it says that somebody is.
//!
//! Calls are limited in time and size, follow no redirect, and go to https unless the configuration itself says http.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use muster_base::{ExposeSecret, SecretString, UnixMs, sha256};
use reqwest::{
    Client, Response, StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use serde::{Deserialize, de::DeserializeOwned};

use super::identity::{self, Known};
use crate::config::{ProviderConfig, ProviderKind};

const CONNECT: Duration = Duration::from_secs(4);
const WHOLE: Duration = Duration::from_secs(8);
const ANSWER_BYTES: usize = 256 * 1024;

/// Why a provider's word does not count, for the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProviderFault {
    /// Something is missing in the configuration, or is none.
    #[error("[sign_in.providers]: {0}")]
    Settings(&'static str),
    /// A file can't be read.
    #[error("the file with the client's secret can't be read")]
    Secret(#[source] std::io::Error),
    /// No connection, no answer in time.
    #[error("it does not answer")]
    Away(#[source] reqwest::Error),
    /// It answers with this.
    #[error("it answers with status {0}")]
    Status(StatusCode),
    /// Its answer is none.
    #[error("its answer can't be used: {0}")]
    Answer(&'static str),
    /// The ID token does not hold.
    #[error("its ID token is refused: {0}")]
    Token(&'static str),
    /// The ID token's signature does not hold, or it is not for us.
    #[error("its ID token does not hold")]
    Signature(#[from] jsonwebtoken::errors::Error),
}

/// Where a provider is.
struct Places {
    authorize: Url,
    token: Url,
    /// GitHub and Gitee.
    user: Option<Url>,
    /// OpenID Connect.
    keys: Option<Url>,
    /// Whether the client's secret goes into the header.
    basic: bool,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Option<SecretString>,
    id_token: Option<SecretString>,
}

/// Where the browser goes, to come back with this state.
pub(super) async fn authorize_url(
    config: &ProviderConfig,
    state: &str,
    browser: &SecretString,
    redirect_uri: &str,
) -> Result<String, ProviderFault> {
    let http = http()?;
    let mut url = places(&http, config).await?.authorize;
    let challenge = URL_SAFE_NO_PAD.encode(sha256(verifier(browser).expose_secret().as_bytes()).0);
    let scopes = config.scopes.as_deref().unwrap_or(match config.kind {
        ProviderKind::Oidc => "openid profile email",
        ProviderKind::Github => "read:user",
        ProviderKind::Gitee => "user_info",
    });
    {
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &config.client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", scopes)
            .append_pair("state", state)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        if config.kind == ProviderKind::Oidc {
            query.append_pair("nonce", &nonce(browser));
        }
    }
    Ok(url.into())
}

/// Who came back with this code.
pub(super) async fn identify(
    config: &ProviderConfig,
    code: &SecretString,
    browser: &SecretString,
    redirect_uri: &str,
    now: UnixMs,
) -> Result<Known, ProviderFault> {
    let http = http()?;
    let places = places(&http, config).await?;
    let answer = exchange(&http, config, &places, code, browser, redirect_uri).await?;
    match (config.kind, places.keys, places.user) {
        (ProviderKind::Oidc, Some(keys), _) => {
            let token = answer
                .id_token
                .ok_or(ProviderFault::Answer("there is no ID token"))?;
            let keys: identity::Keys = get(&http, keys, None).await?;
            let issuer = config.issuer.as_deref().unwrap_or_default();
            identity::of_id_token(&token, &keys, issuer, &config.client_id, &nonce(browser), now)
        }
        (ProviderKind::Github | ProviderKind::Gitee, _, Some(user)) => {
            let token = answer
                .access_token
                .ok_or(ProviderFault::Answer("there is no access token"))?;
            let account: identity::Account = get(&http, user, Some(&token)).await?;
            Ok(identity::of_account(config, account))
        }
        (ProviderKind::Oidc | ProviderKind::Github | ProviderKind::Gitee, _, _) => {
            Err(ProviderFault::Settings("an address is missing"))
        }
    }
}

async fn exchange(
    http: &Client,
    config: &ProviderConfig,
    places: &Places,
    code: &SecretString,
    browser: &SecretString,
    redirect_uri: &str,
) -> Result<TokenAnswer, ProviderFault> {
    let secret = client_secret(config).await?;
    let verifier = verifier(browser);
    let mut pairs = vec![
        ("grant_type", "authorization_code"),
        ("code", code.expose_secret()),
        ("redirect_uri", redirect_uri),
        ("code_verifier", verifier.expose_secret()),
        ("client_id", config.client_id.as_str()),
    ];
    let mut request = http.post(places.token.clone()).header(ACCEPT, "application/json");
    match &secret {
        Some(secret) if places.basic => {
            request = request.header(AUTHORIZATION, basic(&config.client_id, secret)?);
        }
        Some(secret) => pairs.push(("client_secret", secret.expose_secret())),
        None => {}
    }
    let request = request
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form(&pairs)?);
    read(request.send().await.map_err(away)?).await
}

async fn places(http: &Client, config: &ProviderConfig) -> Result<Places, ProviderFault> {
    let (authorize, token, user) = match config.kind {
        ProviderKind::Oidc => return discover(http, config).await,
        ProviderKind::Github => (
            "https://github.com/login/oauth/authorize",
            "https://github.com/login/oauth/access_token",
            "https://api.github.com/user",
        ),
        ProviderKind::Gitee => (
            "https://gitee.com/oauth/authorize",
            "https://gitee.com/oauth/token",
            "https://gitee.com/api/v5/user",
        ),
    };
    let or = |own: &Option<String>, usual: &str| {
        let url = Url::parse(own.as_deref().unwrap_or(usual));
        url.map_err(|_| ProviderFault::Settings("an address is none"))
    };
    Ok(Places {
        authorize: or(&config.authorize_url, authorize)?,
        token: or(&config.token_url, token)?,
        user: Some(or(&config.user_url, user)?),
        keys: None,
        basic: false,
    })
}

async fn discover(http: &Client, config: &ProviderConfig) -> Result<Places, ProviderFault> {
    let issuer = config
        .issuer
        .as_deref()
        .ok_or(ProviderFault::Settings("issuer is missing"))?;
    let address = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    let address = Url::parse(&address).map_err(|_| ProviderFault::Settings("issuer is no address"))?;
    let in_clear = address.scheme() == "http";
    let found: Discovery = get(http, address, None).await?;
    if found.issuer != issuer {
        return Err(ProviderFault::Answer("it says that it is another issuer"));
    }
    let place = |text: &str| {
        let url = Url::parse(text).map_err(|_| ProviderFault::Answer("an address is none"))?;
        if url.scheme() == "https" || (in_clear && url.scheme() == "http") {
            Ok(url)
        } else {
            Err(ProviderFault::Answer("an address is not https"))
        }
    };
    let methods = found.token_endpoint_auth_methods_supported;
    Ok(Places {
        authorize: place(&found.authorization_endpoint)?,
        token: place(&found.token_endpoint)?,
        user: None,
        keys: Some(place(&found.jwks_uri)?),
        // The standard's default, where nothing is said.
        basic: methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic")),
    })
}

fn http() -> Result<Client, ProviderFault> {
    let built = Client::builder()
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .timeout(WHOLE)
        .user_agent(concat!("muster/", env!("CARGO_PKG_VERSION")))
        .build();
    built.map_err(away)
}

async fn get<T: DeserializeOwned>(
    http: &Client,
    url: Url,
    token: Option<&SecretString>,
) -> Result<T, ProviderFault> {
    let mut request = http.get(url).header(ACCEPT, "application/json");
    if let Some(token) = token {
        request = request.header(
            AUTHORIZATION,
            sensitive(&format!("Bearer {}", token.expose_secret()))?,
        );
    }
    read(request.send().await.map_err(away)?).await
}

async fn read<T: DeserializeOwned>(mut response: Response) -> Result<T, ProviderFault> {
    if !response.status().is_success() {
        return Err(ProviderFault::Status(response.status()));
    }
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    while let Some(piece) = response.chunk().await.map_err(away)? {
        if bytes.len() + piece.len() > ANSWER_BYTES {
            return Err(ProviderFault::Answer("it is too long"));
        }
        bytes.extend_from_slice(&piece);
    }
    serde_json::from_slice(&bytes).map_err(|_| ProviderFault::Answer("it is not the JSON that was expected"))
}

/// Without the address, which may hold what is secret.
fn away(error: reqwest::Error) -> ProviderFault {
    ProviderFault::Away(error.without_url())
}

async fn client_secret(config: &ProviderConfig) -> Result<Option<SecretString>, ProviderFault> {
    let Some(path) = &config.client_secret_file else {
        return Ok(config.client_secret.clone());
    };
    let text = tokio::fs::read_to_string(path)
        .await
        .map_err(ProviderFault::Secret)?;
    Ok(Some(text.trim().into()))
}

/// RFC 6749, section 2.3.1: both parts are encoded as in a form first.
fn basic(id: &str, secret: &SecretString) -> Result<HeaderValue, ProviderFault> {
    let encoded = |text: &str| form(&[("x", text)]).map(|pair| pair.trim_start_matches("x=").to_owned());
    let pair = zeroize::Zeroizing::new(format!("{}:{}", encoded(id)?, encoded(secret.expose_secret())?));
    sensitive(&format!("Basic {}", STANDARD.encode(pair.as_bytes())))
}

fn sensitive(text: &str) -> Result<HeaderValue, ProviderFault> {
    let value = HeaderValue::from_str(text);
    let mut value = value.map_err(|_| ProviderFault::Settings("the client's secret can't be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn form(pairs: &[(&str, &str)]) -> Result<String, ProviderFault> {
    let mut url = Url::parse("http://form").map_err(|_| ProviderFault::Settings("a form can't be made"))?;
    url.query_pairs_mut().extend_pairs(pairs);
    Ok(url.query().unwrap_or_default().to_owned())
}

/// What only the browser's own secret makes.
fn verifier(browser: &SecretString) -> SecretString {
    derived(browser, b"code verifier").into()
}

fn nonce(browser: &SecretString) -> String {
    derived(browser, b"nonce")
}

fn derived(browser: &SecretString, what: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, browser.expose_secret().as_bytes());
    URL_SAFE_NO_PAD.encode(hmac::sign(&key, what))
}
