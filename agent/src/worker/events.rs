//! An order's events on their way out: numbered, stripped of secrets, journalled, then sent.

use std::{
    io,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use muster_base::{Clock, SecretString, UnixMs};
use muster_protocol::latest::{OrderEvent, OrderReply, StepReport, StepStatus};
use tokio::sync::mpsc;

use super::{redact::redact, wire::Answer};
use crate::orders::journal::{End, Mark, OrderLog};

const MAX_DETAIL: usize = 4_096;

/// Where an order's progress goes. Shared by everything that works on the order.
pub struct Events {
    inner: Mutex<Inner>,
    out: mpsc::Sender<Answer>,
    clock: Clock,
    secrets: Vec<SecretString>,
}

struct Inner {
    log: OrderLog,
    next_seq: u32,
}

impl Events {
    /// Events of one order: numbers continue at `next_seq`, `secrets` never show in any text.
    pub fn new(
        log: OrderLog,
        next_seq: u32,
        out: mpsc::Sender<Answer>,
        clock: Clock,
        secrets: Vec<SecretString>,
    ) -> Self {
        Self {
            inner: Mutex::new(Inner { log, next_seq }),
            out,
            clock,
            secrets,
        }
    }

    /// Reports a step's status.
    pub async fn step(&self, step: Step<'_>) {
        self.relay(StepReport::Step {
            index: step.index,
            name: step.name.to_owned(),
            status: step.status,
            duration_ms: step.duration_ms,
            rows: step.rows,
            detail: step.detail.to_owned(),
        })
        .await;
    }

    /// Reports a line for the log.
    pub async fn log(&self, line: &str) {
        self.relay(StepReport::Log(line.to_owned())).await;
    }

    /// Reports what somebody else has put into words.
    pub async fn relay(&self, report: StepReport) {
        let cleaned = match report {
            StepReport::Step {
                index,
                name,
                status,
                duration_ms,
                rows,
                detail,
            } => StepReport::Step {
                index,
                name,
                status,
                duration_ms,
                rows,
                detail: self.clean(&detail),
            },
            StepReport::Log(line) => StepReport::Log(self.clean(&line)),
        };
        self.report(cleaned).await;
    }

    /// Remembers something over a crash; on the disk when this returns.
    pub fn mark(&self, mark: Mark) -> io::Result<()> {
        self.lock().log.mark(mark)
    }

    /// The text without any secret's value, and not too long.
    pub fn clean(&self, text: &str) -> String {
        let mut text = redact(text, &self.secrets);
        if text.len() > MAX_DETAIL {
            let end = text.floor_char_boundary(MAX_DETAIL);
            text.truncate(end);
            text.push('…');
        }
        text
    }

    /// What time it is.
    pub fn now(&self) -> UnixMs {
        self.clock.now()
    }

    /// How many events there were: the last one's `seq` + 1.
    pub fn count(&self) -> u32 {
        self.lock().next_seq
    }

    /// Ends the order: journalled, then sent.
    pub async fn end(&self, end: End) -> io::Result<()> {
        self.lock().log.end(end.clone())?;
        self.send(reply_of(end)).await;
        Ok(())
    }

    async fn report(&self, what: StepReport) {
        let event = {
            let mut inner = self.lock();
            let event = OrderEvent {
                seq: inner.next_seq,
                at: self.clock.now(),
                what,
            };
            inner.next_seq = inner.next_seq.saturating_add(1);
            if let Err(e) = inner.log.event(event.clone()) {
                tracing::warn!(error = %e, "an event could not be journalled");
            }
            event
        };
        self.send(OrderReply::Event(event)).await;
    }

    /// The resident may be gone; the journal has it all, and the next resident asks again.
    async fn send(&self, reply: OrderReply) {
        drop(self.out.send(Answer::Reply(reply)).await);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How an end is told.
pub fn reply_of(end: End) -> OrderReply {
    match end {
        End::Refused(refusal) => OrderReply::Refused(refusal),
        End::Outcome(outcome) => OrderReply::Outcome(outcome),
    }
}

/// A step's news.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// Position within the order, from 0.
    pub index: u32,
    /// Its name.
    pub name: &'a str,
    /// The status it has now.
    pub status: StepStatus,
    /// How long it took, once ended.
    pub duration_ms: Option<u64>,
    /// Rows affected.
    pub rows: Option<u64>,
    /// For a person.
    pub detail: &'a str,
}

impl<'a> Step<'a> {
    /// A step that begins.
    pub const fn running(index: u32, name: &'a str) -> Self {
        Self {
            index,
            name,
            status: StepStatus::Running,
            duration_ms: None,
            rows: None,
            detail: "",
        }
    }

    /// The same step, ended: how, and how long after `began`.
    #[must_use]
    pub fn ended(self, status: StepStatus, began: Instant, detail: &'a str) -> Self {
        Self {
            status,
            duration_ms: Some(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)),
            detail,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::journal::{Journal, Started};

    #[tokio::test]
    async fn events_are_numbered_on_and_carry_no_secret() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        let clock = Clock::system();
        let order = clock.new_id();
        let started = Started {
            at: clock.now(),
            sequence: 1,
        };
        let log = journal.start(order, started).unwrap().unwrap();
        let (out, mut sent) = mpsc::channel(8);
        let events = Events::new(log, 4, out, clock, vec!["hunter22".into()]);
        events.log("login with hunter22 failed").await;
        assert_eq!(events.count(), 5);
        let Some(Answer::Reply(OrderReply::Event(event))) = sent.recv().await else {
            panic!("no event");
        };
        assert_eq!(event.seq, 4);
        assert_eq!(event.what, StepReport::Log("login with *** failed".to_owned()));
        let kept = journal.read(order).unwrap().unwrap();
        assert_eq!(kept.events, [event]);
    }
}
