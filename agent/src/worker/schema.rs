//! Reading a database's catalogue for whoever compares it with a design.
//!
//! Nothing is changed, so there is no order, journal or lane. The wish is signed by the control plane and checked here
//! ([`look`]), then against the policy: the database must be listed, as for a release. What is asked stands in
//! `muster_schema::catalogue`, never in the wish ([`sql::read_catalogue`]).
//!
//! # Limits
//! [`LONGEST`] in all. Whoever reads slowly holds up the worker, the worker the server.
//!
//! # Fails how
//! With a sentence for whoever asked, without the password.

use std::time::Duration;

use muster_identity::look::Look;
use muster_protocol::latest::{OrderRefusal, SchemaLook, SignedLook, SigningKeyNotice};
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

/// Connecting and reading may take no longer.
const LONGEST: Duration = Duration::from_secs(50);
/// Parts that wait for whoever reads them.
const PARTS: usize = 2;

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
enum ReadError {
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
    #[error("the catalogue could not be read in {} s: the database is busy, or the way to it is slow", LONGEST.as_secs())]
    Slow,
}

/// Reads what `signed` asks for, or stops when `gone` is cancelled.
pub(super) async fn read(
    config: &WorkerConfig,
    signed: &SignedLook,
    keys: &[SigningKeyNotice],
    gone: &CancellationToken,
    answers: mpsc::Sender<Answer>,
) {
    let reading = timeout(LONGEST, try_to_read(config, signed, keys, &answers));
    let Some(read) = gone.run_until_cancelled(reading).await else {
        return;
    };
    let answer = match read.unwrap_or(Err(ReadError::Slow)) {
        Ok(version) => Answer::SchemaEnd(version),
        Err(error) => Answer::Failed(error.to_string()),
    };
    drop(answers.send(answer).await);
}

async fn try_to_read(
    config: &WorkerConfig,
    signed: &SignedLook,
    keys: &[SigningKeyNotice],
    answers: &mpsc::Sender<Answer>,
) -> Result<String, ReadError> {
    let (identity, wish): (_, SchemaLook) = look::check(config, Look::Schema, signed, keys)?;
    Policy::load(&config.policy)?.check_schema(&wish.target)?;
    let secrets = trust::open(&identity, &wish.sealed, wish.id).map_err(|refusal| match refusal {
        OrderRefusal::SealedForOldKey => ReadError::Sealed,
        _ => WishError::Unreadable.into(),
    })?;
    let password = secrets.get(&wish.target.password_secret)?;
    let (parts, mut told) = mpsc::channel(PARTS);
    let relay = async {
        while let Some(part) = told.recv().await {
            if answers.send(Answer::Schema(part)).await.is_err() {
                return;
            }
        }
    };
    let (read, ()) = tokio::join!(sql::read_catalogue(&wish.target, password, parts), relay);
    read.map_err(ReadError::Sql)
}
