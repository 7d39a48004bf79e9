//! Passwords: argon2id with the OWASP parameters (19 MiB, 2 passes, 1 lane), off the async threads.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use muster_base::{ExposeSecret, SecretString, random_array};
use std::sync::LazyLock;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::AccessError;

const MIN_CHARS: usize = 10;
const MAX_BYTES: usize = 1_024;

/// Hashes at a time: each holds 19 MiB and a core, and whoever signs in need not be anybody. Half of the cores stay free
/// for everything else.
static TURNS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(at_a_time()));
/// Beside them one of somebody on a device that they signed in with before, who does not wait for a crowd of strangers.
static KNOWN: Semaphore = Semaphore::const_new(1);
const MOST_AT_A_TIME: usize = 8;

fn at_a_time() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    (cores / 2).clamp(1, MOST_AT_A_TIME)
}

async fn turn(known: bool) -> Result<SemaphorePermit<'static>, AccessError> {
    let turns = if known { &KNOWN } else { &*TURNS };
    turns
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
    let _turn = turn(false).await?;
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
    verify_for(password, hash, false).await
}

/// As [`verify`], for somebody on a device that they signed in with before, or not.
pub(super) async fn verify_for(
    password: SecretString,
    hash: Option<SecretString>,
    known: bool,
) -> Result<bool, AccessError> {
    // argon2id of a random password, with the parameters above.
    const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$\
        wzFyo8IRg6eUE7NjZ/KGDJMs7zpaYVVJmY0eOrBQhIk";
    if password.expose_secret().len() > MAX_BYTES {
        return Ok(false);
    }
    let _turn = turn(known).await?;
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
            .acquire_many(u32::try_from(at_a_time()).unwrap())
            .await
            .unwrap();
        let mut waiting = std::pin::pin!(verify("anything at all".into(), None));
        let pending = std::future::poll_fn(|context| {
            std::task::Poll::Ready(waiting.as_mut().poll(context).is_pending())
        });
        assert!(pending.await, "nothing is hashed before it is its turn");
        let known = verify_for("anything at all".into(), None, true);
        assert!(
            !known.await.unwrap(),
            "a known device does not wait for the crowd"
        );
        drop(all);
        assert!(!waiting.await.unwrap());
    }

    /// On one async thread: whatever else runs there goes on while a password is hashed.
    #[tokio::test(flavor = "current_thread")]
    async fn hashing_holds_up_nobody_else() {
        let mut hashing = std::pin::pin!(verify("anything at all".into(), None));
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
    async fn a_short_password_is_refused() {
        assert!(hash("short".into()).await.is_err());
    }
}
