//! Proving a change on a scratch database, for whoever decides about it.
//!
//! No database that was there before is changed, so there is no order, journal or lane. But databases are made and SQL runs that
//! nobody has approved, so it takes more than a look: the wish is signed by the control plane for this and nothing else
//! ([`look`]), and the policy of this host must say that scratch databases may be made beside the target (`sql.scratch`), and that
//! such statements could run on it. What of them is tried at all says [`sql::prove`].
//!
//! # Fails how
//! With a sentence for whoever asked, without the password. Whoever asked may go away: then it stops and drops what it made.

use muster_base::SecretString;
use muster_identity::look::Look;
use muster_protocol::latest::{OrderRefusal, ProofLook, SignedLook, SigningKeyNotice};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    WorkerConfig,
    look::{self, WishError},
    secrets::MissingSecret,
    sql::{self, Said},
    trust,
    wire::Answer,
};
use crate::policy::{Policy, PolicyError, PolicyRefusal};

/// What waits to be told.
const SAID: usize = 2;

/// Why nothing was tried.
#[derive(Debug, thiserror::Error)]
enum ProveError {
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
}

/// Proves what `signed` asks for, or stops when `gone` is cancelled.
pub(super) async fn prove(
    config: &WorkerConfig,
    signed: &SignedLook,
    keys: &[SigningKeyNotice],
    gone: &CancellationToken,
    answers: mpsc::Sender<Answer>,
) {
    let (wish, password) = match admit(config, signed, keys) {
        Ok(admitted) => admitted,
        Err(error) => {
            drop(answers.send(Answer::Failed(error.to_string())).await);
            return;
        }
    };
    let (out, mut said) = mpsc::channel(SAID);
    let relay = async {
        while let Some(said) = said.recv().await {
            let answer = match said {
                Said::Note(note) => Answer::Proof(note),
                Said::Rows(rows) => Answer::Schema(rows),
            };
            // The scratch database is dropped whether or not anybody hears of it.
            drop(answers.send(answer).await);
        }
    };
    tokio::join!(sql::prove(&wish, &password, &config.clock, gone, out), relay);
}

/// The wish and the password, if this host accepts it.
fn admit(
    config: &WorkerConfig,
    signed: &SignedLook,
    keys: &[SigningKeyNotice],
) -> Result<(ProofLook, SecretString), ProveError> {
    let (identity, wish): (_, ProofLook) = look::check(config, Look::Proof, signed, keys)?;
    let policy = Policy::load(&config.policy)?;
    policy.check_scratch(&wish.target)?;
    for statement in &wish.change {
        let read = sql::risk_of(wish.target.dialect, &statement.sql);
        policy.check_risk(&wish.target, read.max(statement.risk))?;
    }
    let secrets = trust::open(&identity, &wish.sealed, wish.id).map_err(|refusal| match refusal {
        OrderRefusal::SealedForOldKey => ProveError::Sealed,
        _ => WishError::Unreadable.into(),
    })?;
    let password = secrets.get(&wish.target.password_secret)?.clone();
    Ok((wish, password))
}
