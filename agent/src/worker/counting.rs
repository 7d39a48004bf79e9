//! Counting the rows that a statement would touch, for whoever decides about it.
//!
//! Nothing is changed, so there is no order, journal or lane. The wish is signed by the control plane and checked here
//! ([`look`]), then against the policy: only what would be accepted to run there is counted, since its condition tells of what is in
//! the rows. The question is made of the statement here, never taken from the wish ([`sql::count_rows`]).
//!
//! # Limits
//! [`LONGEST`] in all, and what the wish says for the question.
//!
//! # Fails how
//! With a sentence for whoever asked, without the password.

use std::time::Duration;

use muster_identity::look::Look;
use muster_protocol::latest::{CountLook, OrderRefusal, SignedLook, SigningKeyNotice};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    WorkerConfig,
    look::{self, WishError},
    secrets::MissingSecret,
    sql, trust,
    wire::Answer,
};
use crate::policy::{Policy, PolicyError, PolicyRefusal};

/// Connecting and counting may take no longer.
const LONGEST: Duration = Duration::from_secs(45);

/// Why nothing was counted.
#[derive(Debug, thiserror::Error)]
enum CountError {
    #[error(transparent)]
    Wish(#[from] WishError),
    #[error("the password was sealed for a key that this host no longer has: ask again")]
    Sealed,
    #[error(transparent)]
    Policy(#[from] PolicyRefusal),
    #[error(transparent)]
    NoPolicy(#[from] PolicyError),
    #[error(transparent)]
    NoPassword(#[from] MissingSecret),
    #[error("{0}")]
    Sql(String),
    #[error("the rows could not be counted in {} s: the database is busy, or the way to it is slow", LONGEST.as_secs())]
    Slow,
}

/// Counts what `signed` asks for, or stops when `gone` is cancelled.
pub(super) async fn count(
    config: &WorkerConfig,
    signed: &SignedLook,
    keys: &[SigningKeyNotice],
    gone: &CancellationToken,
    answers: mpsc::Sender<Answer>,
) {
    let counting = timeout(LONGEST, try_to_count(config, signed, keys));
    let Some(counted) = gone.run_until_cancelled(counting).await else {
        return;
    };
    let answer = match counted.unwrap_or(Err(CountError::Slow)) {
        Ok(rows) => Answer::Counted(rows),
        Err(error) => Answer::Failed(error.to_string()),
    };
    drop(answers.send(answer).await);
}

async fn try_to_count(
    config: &WorkerConfig,
    signed: &SignedLook,
    keys: &[SigningKeyNotice],
) -> Result<u64, CountError> {
    let (identity, wish): (_, CountLook) = look::check(config, Look::Count, signed, keys)?;
    let risk = sql::risk_of(wish.target.dialect, &wish.statement);
    Policy::load(&config.policy)?.check_risk(&wish.target, risk)?;
    let secrets = trust::open(&identity, &wish.sealed, wish.id).map_err(|refusal| match refusal {
        OrderRefusal::SealedForOldKey => CountError::Sealed,
        _ => WishError::Unreadable.into(),
    })?;
    let password = secrets.get(&wish.target.password_secret)?;
    let limit = Duration::from_millis(wish.timeout_ms);
    sql::count_rows(&wish.target, password, &wish.statement, limit)
        .await
        .map_err(CountError::Sql)
}
