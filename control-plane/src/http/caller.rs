//! Who is asking: from the request's credentials to an [`Identity`] or a [`Caller`].
//!
//! `Authorization: Bearer` with an access token or an API key, or the console's session cookie, which on anything
//! but reads needs the CSRF token in `X-CSRF-Token`. The org comes from the `Muster-Org` header or the query
//! parameter `org` (for `EventSource`, which can't set headers); without either it is the person's first org.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{Method, header, request::Parts},
};

use muster_base::{ExposeSecret, SecretString};

use super::{CSRF_HEADER, ORG_HEADER, SESSION_COOKIE, problem::ApiError, refusals::Asker};
use crate::{
    access::{self, Caller, Credential, Identity, Standing},
    app::App,
    error::Error,
};

/// The peer's address; behind a trusted proxy, the address it forwarded for.
#[derive(Debug, Clone, Copy)]
pub struct ClientIp(pub Option<IpAddr>);

impl FromRequestParts<App> for ClientIp {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|info| info.0.ip().to_canonical());
        let trusted = |ip: &IpAddr| app.config.http.trusted_proxies.contains(ip);
        let forwarded = || {
            let chain = parts.headers.get("x-forwarded-for")?.to_str().ok()?;
            chain
                .rsplit(',')
                .filter_map(|hop| hop.trim().parse::<IpAddr>().ok())
                .find(|ip| !trusted(ip))
        };
        Ok(Self(match peer {
            Some(ip) if trusted(&ip) => forwarded().or(peer),
            other => other,
        }))
    }
}

impl FromRequestParts<App> for Identity {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let credential = credential(parts)?;
        let ClientIp(ip) = ClientIp::from_request_parts(parts, app)
            .await
            .unwrap_or(ClientIp(None));
        let identity = access::identify(app, credential, ip).await?.identity;
        Asker::note(parts, &identity);
        Ok(identity)
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let credential = credential(parts)?;
        let ClientIp(ip) = ClientIp::from_request_parts(parts, app)
            .await
            .unwrap_or(ClientIp(None));
        let org = wanted_org(parts)?;
        let identified = access::identify(app, credential, ip).await?;
        let caller = access::enter_org(app, identified, org.as_deref()).await?;
        Asker::note_caller(parts, &caller);
        Ok(caller)
    }
}

impl FromRequestParts<App> for Standing {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let credential = credential(parts)?;
        let ClientIp(ip) = ClientIp::from_request_parts(parts, app)
            .await
            .unwrap_or(ClientIp(None));
        let org = wanted_org(parts)?;
        let identified = access::identify(app, credential, ip).await?;
        let standing = access::stand(app, identified, org.as_deref()).await?;
        match &standing {
            Self::In(caller) => Asker::note_caller(parts, caller),
            Self::Outside(outside) => Asker::note(parts, &outside.identity),
        }
        Ok(standing)
    }
}

fn credential(parts: &Parts) -> Result<Credential, Error> {
    if let Some(value) = parts.headers.get(header::AUTHORIZATION) {
        let token = value.to_str().ok().and_then(|text| {
            let (scheme, token) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
        });
        return token
            .filter(|token| token.len() <= 4_096)
            .map(Credential::bearer)
            .ok_or(Error::Unauthenticated);
    }
    let cookie = cookie(parts, SESSION_COOKIE).ok_or(Error::Unauthenticated)?;
    let safe = matches!(parts.method, Method::GET | Method::HEAD);
    let csrf = parts
        .headers
        .get(CSRF_HEADER)
        .and_then(|value| value.to_str().ok());
    Ok(Credential::cookie(
        cookie,
        if safe {
            None
        } else {
            Some(csrf.unwrap_or_default())
        },
    ))
}

/// The cookies of a request.
#[derive(Debug, Clone)]
pub struct Cookies(Vec<(String, SecretString)>);

impl Cookies {
    /// The value of one.
    pub fn get(&self, wanted: &str) -> Option<&str> {
        let found = self.0.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.expose_secret())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Cookies {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let all = cookies(parts).map(|(name, value)| (name.to_owned(), value.into()));
        Ok(Self(all.collect()))
    }
}

/// The value of a cookie.
pub fn cookie<'a>(parts: &'a Parts, wanted: &str) -> Option<&'a str> {
    cookies(parts).find_map(|(name, value)| (name == wanted).then_some(value))
}

fn cookies(parts: &Parts) -> impl Iterator<Item = (&str, &str)> {
    parts
        .headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
}

fn wanted_org(parts: &Parts) -> Result<Option<String>, Error> {
    if let Some(value) = parts.headers.get(ORG_HEADER) {
        return value
            .to_str()
            .map(|text| Some(text.to_owned()))
            .map_err(|_| Error::NotFound("org"));
    }
    let query = parts.uri.query().unwrap_or_default();
    Ok(query
        .split('&')
        .find_map(|pair| pair.strip_prefix("org="))
        .map(str::to_owned))
}
