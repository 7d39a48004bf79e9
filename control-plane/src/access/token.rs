//! Access tokens: short-lived JWTs that name their session and nothing else. The session is looked up on every
//! request, so that a revoked one is refused at once.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use muster_base::{SessionId, UnixMs};
use serde::{Deserialize, Serialize};

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
    fn an_unsigned_token_is_refused() {
        // {"alg":"none"} . {"sid":…}
        let token = "eyJhbGciOiJub25lIn0.eyJzaWQiOiIwIiwiZXhwIjo5OTk5OTk5OTk5fQ.";
        assert_eq!(session_of(&Keys::new([1; 32]), token, UnixMs(0)), None);
    }
}
