//! Passwords: argon2id with the OWASP parameters (19 MiB, 2 passes, 1 lane), each in its turn ([`super::turns`]).
//!
//! bcrypt hashes that were imported verify, up to a cost that one can wait for, and are replaced by argon2id at the next
//! sign-in ([`is_due`]).

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{
        PasswordHasher,
        phc::{Output, PasswordHash},
    },
};
use muster_base::{ExposeSecret, SecretString, random_array};

use super::{
    AccessError, strength,
    turns::{Line, in_blocks, in_turn},
};
use crate::flaw::Flaw;

/// How bcrypt's hashes begin: `$2a$`, `$2b$`, `$2y$`.
const BCRYPT: &str = "$2";
/// A second or so; a cost of 31 would be days.
pub(super) const MOST_BCRYPT_COST: u32 = 14;

/// argon2id of a random password, with the parameters of every other: what is verified where there is no account.
pub(super) const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$\
    wzFyo8IRg6eUE7NjZ/KGDJMs7zpaYVVJmY0eOrBQhIk";
const MIN_CHARS: usize = 10;
const MAX_BYTES: usize = 1_024;

/// A password that may be used for a new account.
pub(super) fn check(password: &SecretString) -> Result<(), AccessError> {
    let text = password.expose_secret();
    if text.chars().count() < MIN_CHARS {
        return Err(AccessError::invalid("password", Flaw::TooShort(MIN_CHARS)));
    }
    if text.len() > MAX_BYTES {
        return Err(AccessError::invalid(
            "password",
            Flaw::Bytes(MIN_CHARS, MAX_BYTES),
        ));
    }
    Ok(())
}

/// The hash of the super administrator's password, which must be as strong as any other.
pub async fn hash_first(password: SecretString) -> Result<SecretString, AccessError> {
    let words = vec!["muster".to_owned(), "admin".to_owned()];
    strength::check(password.clone(), words, Line::Known).await?;
    hash(password, Line::Known).await
}

/// The argon2id hash in PHC form of a password, however strong.
pub(super) async fn hash(password: SecretString, line: Line) -> Result<SecretString, AccessError> {
    in_turn(line, move || {
        let salt = random_array::<16>();
        hasher()
            .hash_password_with_salt(password.expose_secret().as_bytes(), &salt)
            .map(|hash| SecretString::from(hash.to_string()))
            .map_err(|error| AccessError::Crypto(error.to_string()))
    })
    .await
}

/// With the OWASP parameters; unit tests, which make thousands of people, hash with as little work as can be.
fn hasher() -> Argon2<'static> {
    if cfg!(test)
        && let Ok(least) = Params::new(Params::MIN_M_COST, 1, 1, None)
    {
        return Argon2::new(Algorithm::Argon2id, Version::V0x13, least);
    }
    Argon2::default()
}

/// Whether a hash that was right is to be replaced by one of ours.
pub(super) fn is_due(hash: &str) -> bool {
    hash.starts_with(BCRYPT)
}

/// Whether `password` is the hashed one. Without a hash it does the same work and says no.
pub(super) async fn verify(
    password: SecretString,
    hash: Option<SecretString>,
    line: Line,
) -> Result<bool, AccessError> {
    if password.expose_secret().len() > MAX_BYTES {
        return Ok(false);
    }
    in_turn(line, move || {
        let known = hash.is_some();
        let text = hash.unwrap_or_else(|| SecretString::from(NOBODY));
        if is_due(text.expose_secret()) {
            return Ok(is_bcrypt(password.expose_secret(), text.expose_secret()));
        }
        let parsed = PasswordHash::new(text.expose_secret())
            .map_err(|error| AccessError::Crypto(error.to_string()))?;
        Ok(is_hashed(password.expose_secret().as_bytes(), &parsed)? && known)
    })
    .await
}

/// Whether `password` is the one of an argon2 hash, which says with which parameters.
fn is_hashed(password: &[u8], hash: &PasswordHash) -> Result<bool, AccessError> {
    let crypto = |error: &dyn std::error::Error| AccessError::Crypto(error.to_string());
    let (Some(salt), Some(output)) = (hash.salt.as_ref(), hash.hash.as_ref()) else {
        return Err(AccessError::Crypto("a hash without salt or output".to_owned()));
    };
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).map_err(|error| crypto(&error))?;
    let version = hash.version.map_or(Ok(Version::default()), Version::try_from);
    let params = Params::try_from(hash).map_err(|error| crypto(&error))?;
    let blocks = params.block_count();
    let argon2 = Argon2::new(algorithm, version.map_err(|error| crypto(&error))?, params);
    let mut computed = [0; Output::MAX_LENGTH];
    let computed = &mut computed[..output.len()];
    in_blocks(blocks, |blocks| {
        argon2.hash_password_into_with_memory(password, salt, computed, blocks)
    })
    .map_err(|error| crypto(&error))?;
    // In constant time.
    Ok(Output::new(computed).map_err(|error| crypto(&error))? == *output)
}

/// Whether `password` is the one of a bcrypt hash that is not too costly.
fn is_bcrypt(password: &str, hash: &str) -> bool {
    let cost = hash.split('$').nth(2).and_then(|cost| cost.parse::<u32>().ok());
    cost.is_some_and(|cost| cost <= MOST_BCRYPT_COST) && bcrypt::verify(password, hash).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_what_owasp_says() {
        let default = Params::default();
        let says = (default.m_cost(), default.t_cost(), default.p_cost());
        assert_eq!(says, (19 * 1024, 2, 1));
        assert_eq!(Algorithm::default(), Algorithm::Argon2id);
        // As costly where there is no account.
        assert!(NOBODY.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    }

    #[tokio::test]
    async fn the_right_password_and_no_other_verifies() {
        let hashed = hash("correct horse battery".into(), Line::Known).await.unwrap();
        assert!(
            verify(
                "correct horse battery".into(),
                Some(hashed.clone()),
                Line::Strangers
            )
            .await
            .unwrap()
        );
        assert!(
            !verify("correct horse batterz".into(), Some(hashed), Line::Strangers)
                .await
                .unwrap()
        );
        assert!(
            !verify("anything at all".into(), None, Line::Strangers)
                .await
                .unwrap()
        );
    }

    /// On one async thread: whatever else runs there goes on while a password is hashed.
    #[tokio::test(flavor = "current_thread")]
    async fn hashing_holds_up_nobody_else() {
        let mut hashing = std::pin::pin!(verify("anything at all".into(), None, Line::Strangers));
        let mut others = 0_u64;
        loop {
            let ready =
                std::future::poll_fn(|context| std::task::Poll::Ready(hashing.as_mut().poll(context)));
            match ready.await {
                std::task::Poll::Ready(verified) => {
                    assert!(!verified.unwrap());
                    break;
                }
                std::task::Poll::Pending => others += 1,
            }
            tokio::task::yield_now().await;
        }
        assert!(others > 100, "only {others} turns of other tasks during a hash");
    }

    #[tokio::test]
    async fn a_short_or_easy_password_is_refused() {
        for weak in ["short", "password123", "administrator"] {
            assert!(hash_first(weak.into()).await.is_err(), "{weak}");
        }
    }

    #[tokio::test]
    async fn an_imported_bcrypt_hash_verifies_and_is_due() {
        for version in ["a", "b", "y"] {
            let hash =
                bcrypt::hash("an old password", 4)
                    .unwrap()
                    .replacen("$2b$", &format!("$2{version}$"), 1);
            assert!(is_due(&hash));
            assert!(
                verify(
                    "an old password".into(),
                    Some(hash.clone().into()),
                    Line::Strangers
                )
                .await
                .unwrap()
            );
            assert!(
                !verify("an old passwore".into(), Some(hash.into()), Line::Strangers)
                    .await
                    .unwrap()
            );
        }
        for odd in [
            "$2b$31$abcdefghijklmnopqrstuuJQ2yUHjP4Xo1GcI0VYhYbqTGzBhnE2i",
            "$2b$",
            "$2b$04$x",
        ] {
            assert!(
                !verify("an old password".into(), Some(odd.into()), Line::Strangers)
                    .await
                    .unwrap(),
                "{odd}"
            );
        }
        assert!(!is_due("$argon2id$v=19$"));
    }
}
