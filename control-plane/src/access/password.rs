//! Passwords: argon2id with the OWASP parameters (19 MiB, 2 passes, 1 lane), off the async threads.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use muster_base::{ExposeSecret, SecretString, random_array};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::AccessError;

const MIN_CHARS: usize = 10;
const MAX_BYTES: usize = 1_024;

/// Hashes at a time: each holds 19 MiB, and whoever signs in need not be anybody.
const AT_A_TIME: usize = 8;
static TURNS: Semaphore = Semaphore::const_new(AT_A_TIME);

async fn turn() -> Result<SemaphorePermit<'static>, AccessError> {
    TURNS
        .acquire()
        .await
        .map_err(|error| AccessError::Crypto(error.to_string()))
}

/// A password that may be used for a new account.
pub(super) fn check(password: &SecretString) -> Result<(), AccessError> {
    let text = password.expose_secret();
    if text.chars().count() < MIN_CHARS {
        return Err(AccessError::invalid(
            "password",
            format!("must have at least {MIN_CHARS} characters"),
        ));
    }
    if text.len() > MAX_BYTES {
        return Err(AccessError::invalid(
            "password",
            format!("must have at most {MAX_BYTES} bytes"),
        ));
    }
    Ok(())
}

/// The argon2id hash in PHC form.
pub async fn hash(password: SecretString) -> Result<SecretString, AccessError> {
    check(&password)?;
    let _turn = turn().await?;
    let hashing = tokio::task::spawn_blocking(move || {
        let salt = random_array::<16>();
        Argon2::default()
            .hash_password_with_salt(password.expose_secret().as_bytes(), &salt)
            .map(|hash| SecretString::from(hash.to_string()))
            .map_err(|error| AccessError::Crypto(error.to_string()))
    });
    hashing
        .await
        .map_err(|error| AccessError::Crypto(error.to_string()))?
}

/// Whether `password` is the hashed one. Without a hash it does the same work and says no.
pub(super) async fn verify(password: SecretString, hash: Option<SecretString>) -> Result<bool, AccessError> {
    // argon2id of a random password, with the parameters above.
    const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$\
        wzFyo8IRg6eUE7NjZ/KGDJMs7zpaYVVJmY0eOrBQhIk";
    if password.expose_secret().len() > MAX_BYTES {
        return Ok(false);
    }
    let _turn = turn().await?;
    let verifying = tokio::task::spawn_blocking(move || {
        let known = hash.is_some();
        let text = hash.unwrap_or_else(|| SecretString::from(NOBODY));
        let parsed = PasswordHash::new(text.expose_secret())
            .map_err(|error| AccessError::Crypto(error.to_string()))?;
        let matches = Argon2::default()
            .verify_password(password.expose_secret().as_bytes(), &parsed)
            .is_ok();
        Ok(matches && known)
    });
    verifying
        .await
        .map_err(|error| AccessError::Crypto(error.to_string()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_right_password_and_no_other_verifies() {
        let hashed = hash("correct horse battery".into()).await.unwrap();
        assert!(
            verify("correct horse battery".into(), Some(hashed.clone()))
                .await
                .unwrap()
        );
        assert!(
            !verify("correct horse batterz".into(), Some(hashed))
                .await
                .unwrap()
        );
        assert!(!verify("anything at all".into(), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_crowd_at_the_door_waits_its_turn() {
        let all = TURNS
            .acquire_many(u32::try_from(AT_A_TIME).unwrap())
            .await
            .unwrap();
        let mut waiting = std::pin::pin!(verify("anything at all".into(), None));
        let pending = std::future::poll_fn(|context| {
            std::task::Poll::Ready(waiting.as_mut().poll(context).is_pending())
        });
        assert!(pending.await, "nothing is hashed before it is its turn");
        drop(all);
        assert!(!waiting.await.unwrap());
    }

    #[tokio::test]
    async fn a_short_password_is_refused() {
        assert!(hash("short".into()).await.is_err());
    }
}
