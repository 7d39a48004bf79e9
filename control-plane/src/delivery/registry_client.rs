//! Talking to a registry by its v2 API: the handshake, and the digest of a tag.
//!
//! Everything here faces a server that an org chose ([`outbound`]). Credentials go only to the registry and to the token
//! server that it names, and never from https to http.

use base64::{Engine, engine::general_purpose::STANDARD};
use muster_base::{ExposeSecret, SecretString, sha256};
use reqwest::{
    Client, Method, Response, StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE},
};
use serde::Deserialize;

use zeroize::Zeroizing;

use super::{challenge::Challenge, image::is_digest, registry_url::RegistryUrl};
use crate::outbound::{self, is_forbidden};

const TOKEN_BYTES: usize = 64 * 1024;
pub(super) const MANIFEST_BYTES: usize = 4 * 1024 * 1024;
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// What is wrong between us and a registry, for a person.
#[derive(Debug, thiserror::Error)]
pub enum RegistryFault {
    /// No connection, or no answer in time.
    #[error(
        "the registry {0} can't be reached: check its address, and that the control plane may connect to it"
    )]
    Unreachable(String),
    /// It answers, but not as a registry does.
    #[error("what answers at {0} is not a registry (v2 API): check the address")]
    NotARegistry(String),
    /// It wants to be asked elsewhere.
    #[error(
        "the registry answers with a redirect, which is not followed: register the address it redirects to"
    )]
    Redirect,
    /// It wants credentials and there are none.
    #[error("the registry asks for credentials: give it a user name and password, or a token")]
    CredentialsMissing,
    /// It does not accept the credentials.
    #[error(
        "the registry refuses the credentials: check user name, password or token, and what they may read"
    )]
    CredentialsRefused,
    /// Its token server would see the credentials in clear, or is where none should be.
    #[error("the registry's token server {0} is not trustworthy: it must use https")]
    Realm(String),
    /// It has no such image or tag.
    #[error("the registry has no image {0}: push it first, or check the version")]
    NoImage(String),
    /// It does not say which repositories it has.
    #[error("the registry does not list its repositories, or not to these credentials: type the name of one")]
    NoCatalog,
    /// It answers with something else.
    #[error("the registry answers with status {0}")]
    Status(u16),
    /// This machine has no certificates to check it by.
    #[error("the control plane can't make TLS connections: see its log")]
    NoTls,
    /// It answers with too much or with something unreadable.
    #[error("the registry's answer can't be read")]
    Unreadable,
}

impl RegistryFault {
    /// Whether the answer is definite: a host that asks will hear the same.
    pub(super) const fn is_definite(&self) -> bool {
        match self {
            Self::NoImage(_) | Self::CredentialsRefused | Self::CredentialsMissing => true,
            Self::Unreachable(_)
            | Self::NotARegistry(_)
            | Self::Redirect
            | Self::Realm(_)
            | Self::NoCatalog
            | Self::Status(_)
            | Self::NoTls
            | Self::Unreadable => false,
        }
    }
}

/// How to prove oneself to a registry.
#[derive(Debug, Clone)]
pub(super) enum RegistryAuth {
    /// Not at all.
    None,
    /// User name and password.
    Basic {
        /// User name.
        username: String,
        /// Password.
        password: SecretString,
    },
    /// A bearer token.
    Token(SecretString),
}

/// What a registry accepted, so that it need not be asked twice each time. Of one repository, or of its list of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Pass(Option<HeaderValue>);

/// One registry with its credentials.
pub(super) struct RegistryClient<'a> {
    http: &'a Client,
    url: &'a RegistryUrl,
    auth: &'a RegistryAuth,
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

impl<'a> RegistryClient<'a> {
    pub(super) fn new(http: &'a Client, url: &'a RegistryUrl, auth: &'a RegistryAuth) -> Self {
        Self { http, url, auth }
    }

    /// The v2 handshake. Says how the registry authenticates, for a person.
    pub(super) async fn handshake(&self) -> Result<&'static str, RegistryFault> {
        let address = self.url.api("v2/");
        let first = self.send(Method::GET, &address, None).await?;
        let challenge = match first.status() {
            StatusCode::OK if is_registry(&first) => {
                return Ok("the registry answers and lets everybody in: the credentials were not asked for");
            }
            StatusCode::UNAUTHORIZED => challenge(&first).ok_or_else(|| self.no_registry())?,
            status if status.is_redirection() => return Err(RegistryFault::Redirect),
            _ => return Err(self.no_registry()),
        };
        let (said, authorization) = match &challenge {
            Challenge::Basic => (
                "the registry accepts the credentials (basic)",
                self.authorize(&challenge, None).await?,
            ),
            Challenge::Bearer { .. } => (
                "the registry accepts the credentials (token)",
                self.authorize(&challenge, None).await?,
            ),
        };
        let second = self.send(Method::GET, &address, Some(authorization)).await?;
        match second.status() {
            StatusCode::OK => Ok(said),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(self.refused()),
            status => Err(RegistryFault::Status(status.as_u16())),
        }
    }

    /// The digest that `tag` points to now.
    pub(super) async fn digest(&self, repository: &str, tag: &str) -> Result<String, RegistryFault> {
        self.digest_with(repository, tag, &mut Pass::default()).await
    }

    /// The same, with what the registry accepted before.
    pub(super) async fn digest_with(
        &self,
        repository: &str,
        tag: &str,
        pass: &mut Pass,
    ) -> Result<String, RegistryFault> {
        let address = self.url.api(&format!("v2/{repository}/manifests/{tag}"));
        let scope = format!("repository:{repository}:pull");
        let response = self.ask(Method::HEAD, &address, &scope, pass).await?;
        self.accepted(&response, || {
            RegistryFault::NoImage(format!("{repository}:{tag}"))
        })?;
        if let Some(digest) = response.headers().get("docker-content-digest") {
            let digest = digest.to_str().map_err(|_| RegistryFault::Unreadable)?;
            return if is_digest(digest) {
                Ok(digest.to_owned())
            } else {
                Err(RegistryFault::Unreadable)
            };
        }
        let manifest = self.send(Method::GET, &address, pass.0.clone()).await?;
        if manifest.status() != StatusCode::OK {
            return Err(RegistryFault::Status(manifest.status().as_u16()));
        }
        let bytes = limited(manifest, MANIFEST_BYTES).await?;
        Ok(format!("sha256:{}", sha256(&bytes)))
    }

    /// Asks with what was accepted before, and proves oneself for `scope` if that is not enough.
    pub(super) async fn ask(
        &self,
        method: Method,
        address: &str,
        scope: &str,
        pass: &mut Pass,
    ) -> Result<Response, RegistryFault> {
        let first = self.send(method.clone(), address, pass.0.clone()).await?;
        if first.status() != StatusCode::UNAUTHORIZED {
            return Ok(first);
        }
        let challenge = challenge(&first).ok_or_else(|| self.no_registry())?;
        let value = self.authorize(&challenge, Some(scope)).await?;
        let second = self.send(method, address, Some(value.clone())).await?;
        pass.0 = Some(value);
        Ok(second)
    }

    /// Passes if the answer is 200; of 404, `missing` says what is not there.
    pub(super) fn accepted(
        &self,
        response: &Response,
        missing: impl FnOnce() -> RegistryFault,
    ) -> Result<(), RegistryFault> {
        match response.status() {
            StatusCode::OK => Ok(()),
            StatusCode::NOT_FOUND => Err(missing()),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(self.refused()),
            status if status.is_redirection() => Err(RegistryFault::Redirect),
            status => Err(RegistryFault::Status(status.as_u16())),
        }
    }

    /// `path` below the registry's API root.
    pub(super) fn api(&self, path: &str) -> String {
        self.url.api(path)
    }

    async fn send(
        &self,
        method: Method,
        address: &str,
        authorization: Option<HeaderValue>,
    ) -> Result<Response, RegistryFault> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(MANIFESTS));
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, value);
        }
        let request = self.http.request(method, address).headers(headers);
        request
            .send()
            .await
            .map_err(|_| RegistryFault::Unreachable(self.url.to_string()))
    }

    /// The `Authorization` that answers `challenge`, for `wanted` instead of the scope it names if that is given; asks
    /// the registry's token server where there is one.
    async fn authorize(
        &self,
        challenge: &Challenge,
        wanted: Option<&str>,
    ) -> Result<HeaderValue, RegistryFault> {
        match (challenge, self.auth) {
            (Challenge::Basic, RegistryAuth::Basic { username, password }) => basic(username, password),
            (Challenge::Basic, RegistryAuth::None) => Err(RegistryFault::CredentialsMissing),
            (Challenge::Basic | Challenge::Bearer { .. }, RegistryAuth::Token(token)) => bearer(token),
            (
                Challenge::Bearer {
                    realm,
                    service,
                    scope,
                },
                RegistryAuth::None | RegistryAuth::Basic { .. },
            ) => {
                let mut url = Url::parse(realm).map_err(|_| self.no_registry())?;
                if is_forbidden(&url)
                    || !(url.scheme() == "https" || (url.scheme() == "http" && !self.url.is_https()))
                {
                    return Err(RegistryFault::Realm(url.to_string()));
                }
                if let Some(service) = service {
                    url.query_pairs_mut().append_pair("service", service);
                }
                if let Some(scope) = wanted.or(scope.as_deref()) {
                    url.query_pairs_mut().append_pair("scope", scope);
                }
                self.fetch_token(url).await
            }
        }
    }

    async fn fetch_token(&self, url: Url) -> Result<HeaderValue, RegistryFault> {
        let mut request = self.http.get(url);
        if let RegistryAuth::Basic { username, password } = self.auth {
            request = request.header(AUTHORIZATION, basic(username, password)?);
        }
        let response = request
            .send()
            .await
            .map_err(|_| RegistryFault::Unreachable(self.url.to_string()))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(self.refused()),
            status if status.is_redirection() => return Err(RegistryFault::Redirect),
            status => return Err(RegistryFault::Status(status.as_u16())),
        }
        let bytes = limited(response, TOKEN_BYTES).await?;
        let answer: TokenAnswer = serde_json::from_slice(&bytes).map_err(|_| RegistryFault::Unreadable)?;
        let token = answer
            .token
            .or(answer.access_token)
            .ok_or(RegistryFault::Unreadable)?;
        bearer(&SecretString::from(token))
    }

    fn refused(&self) -> RegistryFault {
        match self.auth {
            RegistryAuth::None => RegistryFault::CredentialsMissing,
            RegistryAuth::Basic { .. } | RegistryAuth::Token(_) => RegistryFault::CredentialsRefused,
        }
    }

    fn no_registry(&self) -> RegistryFault {
        RegistryFault::NotARegistry(self.url.to_string())
    }
}

fn is_registry(response: &Response) -> bool {
    response
        .headers()
        .get("docker-distribution-api-version")
        .is_none_or(|version| version.as_bytes().starts_with(b"registry/2"))
}

fn challenge(response: &Response) -> Option<Challenge> {
    let mut values = response.headers().get_all(WWW_AUTHENTICATE).iter();
    values.find_map(|value| value.to_str().ok().and_then(Challenge::read))
}

fn basic(username: &str, password: &SecretString) -> Result<HeaderValue, RegistryFault> {
    let pair = Zeroizing::new(format!("{username}:{}", password.expose_secret()));
    sensitive(&format!("Basic {}", STANDARD.encode(pair.as_bytes())))
}

fn bearer(token: &SecretString) -> Result<HeaderValue, RegistryFault> {
    sensitive(&format!("Bearer {}", token.expose_secret()))
}

fn sensitive(text: &str) -> Result<HeaderValue, RegistryFault> {
    outbound::sensitive(text).ok_or(RegistryFault::CredentialsRefused)
}

pub(super) async fn limited(response: Response, limit: usize) -> Result<Zeroizing<Vec<u8>>, RegistryFault> {
    outbound::limited(response, limit)
        .await
        .ok_or(RegistryFault::Unreadable)
}
