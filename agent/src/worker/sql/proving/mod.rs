//! Proves a change on a scratch database beside the target: makes the state that the change was computed against, runs the
//! change as a release would ([`super::run`]), runs the way back, and tells what the catalogue says after each. Whether that
//! is what was wanted is for the control plane to say, which holds the designs.
//!
//! The scratch database ([`scratch`]) has the target's character set and nothing of its rows, and is dropped whatever comes of
//! it; one that a killed worker left is found by its name, its mark and its age, and dropped at the next proof.
//!
//! # What is not run
//! Nobody has approved what is tried here, so only changes of definitions are, which this crate's own reading understands, and which
//! in MySQL name no other database of the server ([`fit`]). All of it is looked at before anything is made.
//!
//! # Limits
//! [`LONGEST`] in all, [`MOST`] statements, of each at most [`STATEMENT`] (or the server's own limit, if that is shorter).
//!
//! # Fails how
//! With a note: which statement of which part, and the server's own words; never the password.

mod fit;
mod scratch;

use std::time::Duration;

use muster_base::{Clock, SecretString, sha256};
use muster_protocol::latest::{
    OrderStatus, ProofLook, ProofNote, ProofPart, SchemaRows, SqlSpec, SqlStatement, SqlTarget, StepReport,
    StepStatus,
};
use muster_schema::canonical;
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

use self::scratch::Scratch;
pub(super) use self::scratch::{Found, MARKER, PREFIX, in_time, not_made};
use super::{SqlContext, check::dialect, reading::read_catalogue, run, scrub};

/// Making, trying and reading may take no longer; dropping comes after it.
const LONGEST: Duration = Duration::from_mins(3);
const STATEMENT: Duration = Duration::from_secs(20);
/// Of all parts.
const MOST: usize = 10_000;
/// Nobody else is in there.
const LOCK_MS: u64 = 10_000;
const IDLE_FOR: Duration = Duration::from_mins(1);
const PARTS: usize = 2;
const REPORTS: usize = 64;

/// What there is to say, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// How it stands.
    Note(ProofNote),
    /// Rows of the scratch database's catalogue.
    Rows(SchemaRows),
}

/// Proves what `look` holds, or stops when `gone` is cancelled; either way nothing stays. The last that is said is
/// [`ProofNote::Ended`].
pub async fn prove(
    look: &ProofLook,
    password: &SecretString,
    clock: &Clock,
    gone: &CancellationToken,
    out: mpsc::Sender<Said>,
) {
    let proof = Proof {
        look,
        password,
        clock,
        out,
    };
    let (mut version, mut left) = (String::new(), None);
    match Box::pin(Scratch::make(&look.target, password, clock.now())).await {
        Err(why) => proof.untried(&why).await,
        Ok(scratch) => {
            match gone
                .run_until_cancelled(timeout(LONGEST, Box::pin(proof.parts(&scratch))))
                .await
            {
                // Nobody listens any more.
                None => {}
                Some(Ok(said)) => version = said,
                Some(Err(_)) => {
                    let seconds = LONGEST.as_secs();
                    proof
                        .untried(&format!(
                            "it was not through in {seconds} s: the database is too large for that, or busy"
                        ))
                        .await;
                }
            }
            if let Err(why) = Box::pin(scratch.drop_it(password)).await {
                tracing::warn!(
                    database = scratch.name(),
                    "a scratch database could not be dropped: {}",
                    scrub(&why, password)
                );
                left = Some(scratch.name().to_owned());
            }
        }
    }
    proof.say(Said::Note(ProofNote::Ended { version, left })).await;
}

struct Proof<'a> {
    look: &'a ProofLook,
    password: &'a SecretString,
    clock: &'a Clock,
    out: mpsc::Sender<Said>,
}

impl Proof<'_> {
    /// All parts; what the server says of itself.
    async fn parts(&self, scratch: &Scratch) -> String {
        let mut version = String::new();
        if let Some(why) = self.unfit(scratch) {
            self.untried(&why).await;
            return version;
        }
        let plain = |statements: &[String]| -> Vec<SqlStatement> {
            let of = |sql: &String| SqlStatement {
                sql: sql.clone(),
                transactional: true,
                risk: 0,
            };
            statements.iter().map(of).collect()
        };
        let parts = [
            (ProofPart::Before, plain(&self.look.before)),
            (ProofPart::Change, self.look.change.clone()),
            (ProofPart::Back, plain(&self.look.back)),
        ];
        for (part, statements) in parts {
            if part == ProofPart::Back && statements.is_empty() {
                continue;
            }
            if let Err(failed) = self.run(part, statements, scratch.target()).await {
                self.say(Said::Note(failed)).await;
                return version;
            }
            self.say(Said::Note(ProofNote::Ran(part))).await;
            match self.read(scratch.target()).await {
                Ok(said) => version = said,
                Err(why) => {
                    self.untried(&why).await;
                    return version;
                }
            }
            self.say(Said::Note(ProofNote::Read(part))).await;
        }
        version
    }

    /// Why it can't be tried as a whole.
    fn unfit(&self, scratch: &Scratch) -> Option<String> {
        let look = self.look;
        if look.before.len() + look.change.len() + look.back.len() > MOST {
            return Some(format!("it has more than {MOST} statements"));
        }
        let change: Vec<&str> = look.change.iter().map(|one| one.sql.as_str()).collect();
        let texts = |part: &'static str, all: Vec<&str>| -> Option<String> {
            (1..).zip(all).find_map(|(number, sql)| {
                let why = fit::unfit(dialect(look.target.dialect), sql, scratch.others())?;
                Some(format!("statement {number} of {part} {why}"))
            })
        };
        texts("the change", change)
            .or_else(|| {
                texts(
                    "the state before",
                    look.before.iter().map(String::as_str).collect(),
                )
            })
            .or_else(|| texts("the way back", look.back.iter().map(String::as_str).collect()))
    }

    async fn run(
        &self,
        part: ProofPart,
        statements: Vec<SqlStatement>,
        target: &SqlTarget,
    ) -> Result<(), ProofNote> {
        if statements.is_empty() {
            return Ok(());
        }
        let limit = Duration::from_millis(self.look.statement_timeout_ms).min(STATEMENT);
        let text = canonical(statements.iter().map(|statement| statement.sql.as_str()));
        let spec = SqlSpec {
            execution: self.clock.new_id(),
            release: self.clock.new_id(),
            version: "proof".to_owned(),
            sql_sha256: sha256(text.as_bytes()).0,
            target: target.clone(),
            statements,
            lock_timeout_ms: LOCK_MS,
            statement_timeout_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
            dry_run: false,
        };
        let (events, mut heard) = mpsc::channel(REPORTS);
        let ctx = SqlContext {
            order: self.look.id,
            resuming: false,
            reconnect_for: Duration::ZERO,
            lock_pauses: &[],
            idle_for: IDLE_FOR,
            cancel: CancellationToken::new(),
            events,
            clock: self.clock.clone(),
        };
        let work = async {
            let outcome = run(&ctx, &spec, &[], self.password).await;
            drop(ctx);
            outcome
        };
        let listen = async {
            let mut failed = None;
            while let Some(report) = heard.recv().await {
                if let StepReport::Step {
                    index,
                    status: StepStatus::Failed,
                    detail,
                    ..
                } = report
                {
                    failed = Some((index, detail));
                }
            }
            failed
        };
        let (outcome, failed) = tokio::join!(work, listen);
        if outcome.status == OrderStatus::Done {
            return Ok(());
        }
        let (statement, said) = failed.map_or((None, None), |(index, said)| (Some(index), Some(said)));
        let said = said.filter(|said| !said.is_empty()).or(outcome.error);
        Err(ProofNote::Failed {
            part,
            statement,
            error: scrub(&said.unwrap_or_default(), self.password),
        })
    }

    /// Tells the catalogue; what the server says of itself.
    async fn read(&self, target: &SqlTarget) -> Result<String, String> {
        let (parts, mut told) = mpsc::channel(PARTS);
        let relay = async {
            while let Some(part) = told.recv().await {
                self.say(Said::Rows(part)).await;
            }
        };
        tokio::join!(read_catalogue(target, self.password, parts), relay).0
    }

    async fn untried(&self, why: &str) {
        let why = scrub(why, self.password);
        self.say(Said::Note(ProofNote::Untried(why))).await;
    }

    /// Nobody listening is noticed by whoever cancels.
    async fn say(&self, said: Said) {
        if self.out.send(said).await.is_err() {
            tracing::debug!("nobody listens to the proof any more");
        }
    }
}

#[cfg(test)]
mod tests;
