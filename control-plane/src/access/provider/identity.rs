//! Who a provider says that somebody is.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::Jwk};
use muster_base::{ExposeSecret, SecretString, UnixMs};
use serde::Deserialize;
use serde_json::Value;

use super::client::ProviderFault;
use crate::config::{ProviderConfig, ProviderKind};

/// By so much a provider's clock may differ from ours.
const SLACK_S: i64 = 60;
const LONGEST: usize = 255;

/// Somebody, as a provider knows them.
pub(super) struct Known {
    /// What is bound: the same for ever, and nobody else's.
    pub(super) account: String,
    /// For people.
    pub(super) name: String,
}

/// The issuer's keys; each is read by itself, since there may be some of kinds that we don't know.
#[derive(Deserialize)]
pub(super) struct Keys {
    keys: Vec<Value>,
}

/// An account at GitHub or Gitee.
#[derive(Deserialize)]
pub(super) struct Account {
    id: i64,
    login: String,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: i64,
    iat: Option<i64>,
    nonce: Option<String>,
    aud: Value,
    azp: Option<String>,
    email: Option<String>,
    preferred_username: Option<String>,
    name: Option<String>,
}

/// Who an ID token is about, if it holds.
pub(super) fn of_id_token(
    token: &SecretString,
    keys: &Keys,
    issuer: &str,
    client: &str,
    nonce: &str,
    now: UnixMs,
) -> Result<Known, ProviderFault> {
    let header = decode_header(token.expose_secret())?;
    let asymmetric = matches!(
        header.alg,
        Algorithm::RS256
            | Algorithm::RS384
            | Algorithm::RS512
            | Algorithm::PS256
            | Algorithm::PS384
            | Algorithm::PS512
            | Algorithm::ES256
            | Algorithm::ES384
            | Algorithm::EdDSA
    );
    // Our secret is no signing key: who knows it is not the issuer.
    if !asymmetric {
        return Err(ProviderFault::Token("it is not signed by a key of the issuer"));
    }
    let key = keys.find(header.kid.as_deref(), header.alg)?;
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&[client]);
    validation.set_issuer(&[issuer]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // By our clock, below.
    validation.validate_exp = false;
    let claims = decode::<Claims>(token.expose_secret(), &key, &validation)?.claims;
    let now_s = now.0 / 1_000;
    if claims.exp <= now_s - SLACK_S {
        return Err(ProviderFault::Token("it has expired"));
    }
    if claims.iat.is_some_and(|iat| iat > now_s + SLACK_S) {
        return Err(ProviderFault::Token("it is of a time that has not come"));
    }
    if claims.nonce.as_deref() != Some(nonce) {
        return Err(ProviderFault::Token("it answers another request"));
    }
    let several = claims.aud.as_array().is_some_and(|all| all.len() > 1);
    if (several || claims.azp.is_some()) && claims.azp.as_deref() != Some(client) {
        return Err(ProviderFault::Token("it was made for somebody else"));
    }
    if claims.sub.is_empty() || claims.sub.len() > LONGEST {
        return Err(ProviderFault::Token("it is about nobody"));
    }
    let name = claims.preferred_username.or(claims.email).or(claims.name);
    Ok(Known {
        name: shown(name.as_deref().unwrap_or(&claims.sub)),
        account: format!("{issuer}|{}", claims.sub),
    })
}

impl Keys {
    /// The key that the token names; without a name, the only one that fits.
    fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<DecodingKey, ProviderFault> {
        let known = self
            .keys
            .iter()
            .filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok());
        let mut fitting = known.filter(|key| {
            let signs = key
                .common
                .public_key_use
                .as_ref()
                .is_none_or(|used| *used == jsonwebtoken::jwk::PublicKeyUse::Signature);
            signs && kid.is_none_or(|kid| key.common.key_id.as_deref() == Some(kid))
        });
        let fits = |key: &Jwk| {
            DecodingKey::from_jwk(key)
                .ok()
                .filter(|key| key.family() == algorithm.family())
        };
        let key = fitting.find_map(|key| fits(&key));
        key.ok_or(ProviderFault::Token("no key of the issuer has its name"))
    }
}

/// Whose account this is. A server of one's own has numbers of its own.
pub(super) fn of_account(config: &ProviderConfig, account: Account) -> Known {
    let usual = match config.kind {
        ProviderKind::Github | ProviderKind::Gitee => config.user_url.is_none(),
        ProviderKind::Oidc => false,
    };
    let host = config.user_url.as_deref().unwrap_or_default();
    Known {
        name: shown(&account.login),
        account: if usual {
            account.id.to_string()
        } else {
            format!("{host}|{}", account.id)
        },
    }
}

fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}
