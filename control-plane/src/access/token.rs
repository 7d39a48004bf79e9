//! Access tokens: short-lived JWTs that name their session and nothing else. The session is looked up on every
//! request, so that a revoked one is refused at once.
//!
//! Refresh tokens (`mrt_SESSION.RANDOM.SIGNATURE`) name their session, too, and are kept as a hash: the present one of
//! each session only. The signature tells one that was exchanged from one that somebody made up who knows the session's
//! id, which is no secret: only the first is a reason to end it.

use aws_lc_rs::hmac;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use muster_base::{SessionId, UnixMs, random_token};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::{
    AccessError,
    check::{self, Check},
};
use crate::keys::{Keys, Purpose};

/// Life of an access token.
pub(super) const LIFE_MS: i64 = 15 * UnixMs::MINUTE;

#[derive(Serialize, Deserialize)]
struct Claims {
    sid: SessionId,
    exp: i64,
    iat: i64,
    iss: String,
}

/// A token for `session` and when it expires.
pub(super) fn issue(keys: &Keys, session: SessionId, now: UnixMs) -> Result<(String, UnixMs), AccessError> {
    let expires = now.plus_ms(LIFE_MS);
    let claims = Claims {
        sid: session,
        exp: expires.0 / 1_000,
        iat: now.0 / 1_000,
        iss: "muster".into(),
    };
    let key = EncodingKey::from_secret(keys.derive(Purpose::AccessTokens).as_slice());
    let token = encode(&Header::new(Algorithm::HS256), &claims, &key)
        .map_err(|error| AccessError::Crypto(error.to_string()))?;
    Ok((token, UnixMs(claims.exp * 1_000)))
}

/// The session that a token names, if the token is ours and of its time.
pub(super) fn session_of(keys: &Keys, token: &str, now: UnixMs) -> Option<SessionId> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_exp = false;
    validation.set_issuer(&["muster"]);
    validation.set_required_spec_claims(&["exp", "iss"]);
    // A token that an older master key signed counts for as long as that key is known.
    let claims = keys.derive_all(Purpose::AccessTokens).iter().find_map(|key| {
        let key = DecodingKey::from_secret(key.as_slice());
        decode::<Claims>(token, &key, &validation).ok()
    })?;
    let claims = claims.claims;
    let is_fresh = claims.exp > now.0 / 1_000 || check::is_out(Check::Expiry);
    is_fresh.then_some(claims.sid)
}

const REFRESH_PREFIX: &str = "mrt_";
/// Of the signature: enough that nobody guesses one.
const SIGNATURE_BYTES: usize = 16;

/// A new refresh token of `session`.
pub(super) fn issue_refresh(keys: &Keys, session: SessionId) -> String {
    let named = random_token(&format!("{REFRESH_PREFIX}{}.", session.as_uuid().simple()));
    let signature = signature(&keys.derive(Purpose::RefreshTokens), &named);
    format!("{named}.{signature}")
}

/// The session that a refresh token names, if it is one of ours, whether it still counts or not. Those from before they
/// named one have none.
pub(super) fn session_of_refresh(keys: &Keys, token: &str) -> Option<SessionId> {
    let (named, shown) = token.rsplit_once('.')?;
    let (session, _) = named.strip_prefix(REFRESH_PREFIX)?.split_once('.')?;
    let session = Uuid::try_parse(session).ok().map(SessionId::from_uuid)?;
    // One that an older master key signed counts for as long as that key is known.
    let mut keys = keys.derive_all(Purpose::RefreshTokens).into_iter();
    let ours = keys.any(|key| bool::from(signature(&key, named).as_bytes().ct_eq(shown.as_bytes())));
    ours.then_some(session)
}

fn signature(key: &[u8; 32], named: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let signature = hmac::sign(&key, named.as_bytes());
    hex::encode(signature.as_ref().get(..SIGNATURE_BYTES).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use muster_base::Clock;

    use super::*;

    #[test]
    fn a_token_names_its_session_until_it_expires() {
        let (keys, clock) = (Keys::new([1; 32]), Clock::manual(UnixMs(1_700_000_000_000)));
        let session: SessionId = clock.new_id();
        let (token, expires) = issue(&keys, session, clock.now()).unwrap();
        assert_eq!(session_of(&keys, &token, clock.now()), Some(session));
        assert_eq!(session_of(&keys, &token, expires), None);
        assert_eq!(session_of(&Keys::new([2; 32]), &token, clock.now()), None);
    }

    #[test]
    fn a_refresh_token_names_its_session_and_can_t_be_made_up() {
        let (keys, clock) = (Keys::new([1; 32]), Clock::manual(UnixMs(1_700_000_000_000)));
        let (session, other): (SessionId, SessionId) = (clock.new_id(), clock.new_id());
        let token = issue_refresh(&keys, session);
        assert_ne!(token, issue_refresh(&keys, session));
        assert_eq!(session_of_refresh(&keys, &token), Some(session));
        assert_eq!(session_of_refresh(&Keys::new([2; 32]), &token), None);
        let moved = token.replace(
            &session.as_uuid().simple().to_string(),
            &other.as_uuid().simple().to_string(),
        );
        assert_eq!(session_of_refresh(&keys, &moved), None);
        for made_up in ["", "mrt_", "mrt_x.y.z", "mrt_..", &format!("mrt_{session}.x.")] {
            assert_eq!(session_of_refresh(&keys, made_up), None, "{made_up}");
        }
    }

    #[test]
    fn an_unsigned_token_is_refused() {
        // {"alg":"none"} . {"sid":…}
        let token = "eyJhbGciOiJub25lIn0.eyJzaWQiOiIwIiwiZXhwIjo5OTk5OTk5OTk5fQ.";
        assert_eq!(session_of(&Keys::new([1; 32]), token, UnixMs(0)), None);
    }
}
