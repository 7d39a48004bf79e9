//! The journal of orders: one append-only file of JSON lines for each order, `<order id>.jsonl`.
//!
//! Resident and worker each keep one of their own, since the worker trusts nothing of the resident. A file begins
//! with the line `started`, which is on the disk before anything is done; the lines that decide what happens after a
//! crash are synced one by one, events are only written. A line that was torn by a power failure is cut off when the
//! file is opened again.
//!
//! A file `<order id>.cancel` beside it says that somebody asked to stop the order, for a worker that nobody can talk to.
//!
//! Files of ended orders are kept for 30 days, so that an order that comes again is answered and not done again;
//! after that its expiry and its sequence number refuse it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use muster_base::{OrderId, UnixMs, effect, point};
use muster_protocol::latest::{OrderEvent, OrderOutcome, OrderRefusal, StepReport, StepStatus};
use serde::{Deserialize, Serialize};

const KEEP_MS: i64 = 30 * UnixMs::DAY;

/// A directory of journals.
#[derive(Debug, Clone)]
pub struct Journal {
    dir: PathBuf,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Line {
    Started(Started),
    Accepted(UnixMs),
    Mark(Mark),
    Event(OrderEvent),
    Refused(OrderRefusal),
    Outcome(OrderOutcome),
}

/// The first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    /// When.
    pub at: UnixMs,
    /// The order's sequence number on this host; 0 if the order itself never came, only its cancellation.
    pub sequence: u64,
}

/// What a deploy, a container's restart or a file must remember over a crash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mark {
    /// No container had the name.
    NoOld,
    /// This container is about to be set aside.
    Old {
        /// The engine's id.
        id: String,
        /// Whether it ran, so that it is started when it is put back.
        was_running: bool,
    },
    /// The new container is healthy: from here on the deploy is finished, not undone.
    Committed {
        /// What runs.
        digest: String,
    },
    /// The deploy is being undone.
    Undoing {
        /// Why, for the outcome.
        reason: String,
        /// Whether a person asked for it.
        cancelled: bool,
    },
    /// This container is about to be restarted: one that has started since then was.
    Restarting {
        /// The engine's id.
        id: String,
        /// When it last started, in the engine's words.
        started: String,
    },
    /// This file, whole and on the disk, is about to get its name.
    Placing {
        /// The device that it is on.
        device: u64,
        /// Its inode there.
        inode: u64,
    },
}

/// How an order ended on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It was not done.
    Refused(OrderRefusal),
    /// It was.
    Outcome(Box<OrderOutcome>),
}

/// Everything that is known of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The first line.
    pub started: Started,
    /// Verified, allowed, work may have begun.
    pub accepted: bool,
    /// In order.
    pub marks: Vec<Mark>,
    /// In order.
    pub events: Vec<OrderEvent>,
    /// `None` while it is under way, or after a crash.
    pub end: Option<End>,
}

impl History {
    /// The first `seq` that no event has had.
    pub fn next_seq(&self) -> u32 {
        let after = self.events.iter().map(|event| event.seq.saturating_add(1));
        after.max().unwrap_or(0)
    }

    /// Whether the same order under this number is a new attempt: it was refused, so never done, and comes signed anew.
    pub fn is_superseded_by(&self, sequence: u64) -> bool {
        matches!(self.end, Some(End::Refused(_))) && self.started.sequence != sequence
    }
}

impl Journal {
    /// Opens the directory, making it (for this user only) if it is not there.
    pub fn open(dir: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        Ok(Self { dir: dir.to_owned() })
    }

    /// Writes down that the order starts; on the disk when this returns. `None` if it was started before.
    pub fn start(&self, order: OrderId, started: Started) -> io::Result<Option<OrderLog>> {
        let path = self.path(order);
        let file = match OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
        {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                if self.read(order)?.is_some() {
                    return Ok(None);
                }
                // Its first line never reached the disk, so nothing was done.
                OpenOptions::new().write(true).truncate(true).open(&path)?
            }
            Err(e) => return Err(e),
        };
        point!("journal.created");
        let mut log = OrderLog { file, torn: false };
        log.write(&Line::Started(started), true)?;
        File::open(&self.dir)?.sync_all()?;
        Ok(Some(log))
    }

    /// Forgets a refused order, so that it can be started again under a new sequence number.
    pub fn forget(&self, order: OrderId) -> io::Result<()> {
        self.forget_cancel(order)?;
        remove(&self.path(order))
    }

    /// What is known of the order; `None` if it never started.
    pub fn read(&self, order: OrderId) -> io::Result<Option<History>> {
        let text = match fs::read(self.path(order)) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        Ok(history(&text))
    }

    /// Opens the journal of an order that started before, cutting off a torn last line.
    pub fn resume(&self, order: OrderId) -> io::Result<OrderLog> {
        let path = self.path(order);
        let text = fs::read(&path)?;
        let file = OpenOptions::new().append(true).open(&path)?;
        let whole = text.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64)?;
        }
        Ok(OrderLog { file, torn: false })
    }

    /// Asks whoever works on the order to stop it. He looks from time to time.
    pub fn ask_to_cancel(&self, order: OrderId) -> io::Result<()> {
        let path = self.cancel_path(order);
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map(drop)
    }

    /// Whether somebody asked to stop the order.
    pub fn is_cancel_asked(&self, order: OrderId) -> bool {
        self.cancel_path(order).exists()
    }

    /// Forgets that somebody asked.
    pub fn forget_cancel(&self, order: OrderId) -> io::Result<()> {
        remove(&self.cancel_path(order))
    }

    /// The orders that are known, oldest first.
    pub fn orders(&self) -> io::Result<Vec<OrderId>> {
        let mut orders = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let name = entry?.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(".jsonl"));
            orders.extend(id.and_then(|id| id.parse::<OrderId>().ok()));
        }
        orders.sort_unstable();
        Ok(orders)
    }

    /// Removes what ended longer ago than the journal is kept.
    pub fn prune(&self, now: UnixMs) -> io::Result<()> {
        for order in self.orders()? {
            let old = self
                .read(order)?
                .is_some_and(|history| history.end.is_some() && now.ms_since(history.started.at) > KEEP_MS);
            if old {
                self.forget(order)?;
            }
        }
        Ok(())
    }

    fn path(&self, order: OrderId) -> PathBuf {
        self.dir.join(format!("{order}.jsonl"))
    }

    fn cancel_path(&self, order: OrderId) -> PathBuf {
        self.dir.join(format!("{order}.cancel"))
    }
}

/// Removes a file. One that is not there is no error.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The open journal of one order.
#[derive(Debug)]
pub struct OrderLog {
    file: File,
    /// The last line may have got to the disk in part: the disk was full.
    torn: bool,
}

impl OrderLog {
    /// The order is verified and allowed: work begins.
    pub fn accepted(&mut self, at: UnixMs) -> io::Result<()> {
        self.write(&Line::Accepted(at), true)
    }

    /// Remembers something over a crash; on the disk when this returns.
    pub fn mark(&mut self, mark: Mark) -> io::Result<()> {
        self.write(&Line::Mark(mark), true)
    }

    /// Keeps an event. Survives this process; a power failure may lose it, the step it tells of is done anew then.
    pub fn event(&mut self, event: OrderEvent) -> io::Result<()> {
        self.write(&Line::Event(event), false)
    }

    /// The last line; on the disk when this returns.
    pub fn end(&mut self, end: End) -> io::Result<()> {
        let line = match end {
            End::Refused(refusal) => Line::Refused(refusal),
            End::Outcome(outcome) => Line::Outcome(*outcome),
        };
        self.write(&line, true)
    }

    fn write(&mut self, line: &Line, sync: bool) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        if self.torn {
            // What is there of the line before ends here, so that this one is read.
            text.insert(0, b'\n');
        }
        point!("journal.{}.before", line.name());
        if effect!("journal.{}", line.name()) {
            self.torn = true;
            self.file.write_all(&text)?;
            self.torn = false;
        }
        if sync {
            self.file.sync_data()?;
        }
        point!("journal.{}.after", line.name());
        if let Line::Event(OrderEvent {
            what:
                StepReport::Step {
                    index,
                    status: StepStatus::Running,
                    ..
                },
            ..
        }) = line
        {
            point!("journal.step-{index}");
        }
        Ok(())
    }
}

impl Line {
    const fn name(&self) -> &'static str {
        match self {
            Self::Started(_) => "started",
            Self::Accepted(_) => "accepted",
            Self::Mark(Mark::NoOld) => "no-old",
            Self::Mark(Mark::Old { .. }) => "old",
            Self::Mark(Mark::Committed { .. }) => "committed",
            Self::Mark(Mark::Undoing { .. }) => "undoing",
            Self::Mark(Mark::Restarting { .. }) => "restarting",
            Self::Mark(Mark::Placing { .. }) => "placing",
            Self::Event(_) => "event",
            Self::Refused(_) => "refused",
            Self::Outcome(_) => "outcome",
        }
    }
}

fn history(text: &[u8]) -> Option<History> {
    let whole = text.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
    let mut lines = text[..whole]
        .split(|&b| b == b'\n')
        .filter_map(|line| serde_json::from_slice::<Line>(line).ok());
    let Some(Line::Started(started)) = lines.next() else {
        return None;
    };
    let mut history = History {
        started,
        accepted: false,
        marks: Vec::new(),
        events: Vec::new(),
        end: None,
    };
    for line in lines {
        match line {
            Line::Started(_) => {}
            Line::Accepted(_) => history.accepted = true,
            Line::Mark(mark) => history.marks.push(mark),
            Line::Event(event) => history.events.push(event),
            Line::Refused(refusal) => history.end = Some(End::Refused(refusal)),
            Line::Outcome(outcome) => history.end = Some(End::Outcome(Box::new(outcome))),
        }
    }
    Some(history)
}

#[cfg(test)]
mod tests {
    use muster_base::Clock;
    use muster_protocol::latest::OrderStatus;

    use super::*;

    const STARTED: Started = Started {
        at: UnixMs(1_000),
        sequence: 7,
    };

    fn event(seq: u32) -> OrderEvent {
        OrderEvent {
            seq,
            at: UnixMs(2_000),
            what: StepReport::Log("pulling".to_owned()),
        }
    }

    fn outcome() -> End {
        End::Outcome(Box::new(OrderOutcome {
            status: OrderStatus::Done,
            started_at: UnixMs(1_000),
            ended_at: UnixMs(3_000),
            error: None,
            digest: Some("sha256:1".to_owned()),
            server_version: None,
            events: 2,
        }))
    }

    #[test]
    fn a_line_after_one_that_got_to_the_disk_in_part_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        let order: OrderId = Clock::system().new_id();
        let mut log = journal.start(order, STARTED).unwrap().unwrap();
        log.event(event(0)).unwrap();
        // As write_all leaves it on a disk that is full in the middle.
        log.file.write_all(b"{\"event\":{\"se").unwrap();
        log.torn = true;
        log.accepted(UnixMs(2_000)).unwrap();
        log.event(event(1)).unwrap();
        log.end(outcome()).unwrap();
        let history = journal.read(order).unwrap().unwrap();
        assert!(history.accepted);
        assert_eq!((history.events.len(), history.end), (2, Some(outcome())));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(&dir.path().join("journal")).unwrap();
        let order = Clock::system().new_id();
        assert_eq!(journal.read(order).unwrap(), None);
        let mut log = journal.start(order, STARTED).unwrap().unwrap();
        log.accepted(UnixMs(1_500)).unwrap();
        log.mark(Mark::NoOld).unwrap();
        log.event(event(0)).unwrap();
        log.event(event(1)).unwrap();
        log.end(outcome()).unwrap();
        let history = journal.read(order).unwrap().unwrap();
        assert_eq!(history.started, STARTED);
        assert!(history.accepted);
        assert_eq!(history.marks, [Mark::NoOld]);
        assert_eq!(history.next_seq(), 2);
        assert_eq!(history.end, Some(outcome()));
        assert_eq!(journal.orders().unwrap(), [order]);
    }

    #[test]
    fn an_order_starts_once() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        let order = Clock::system().new_id();
        assert!(journal.start(order, STARTED).unwrap().is_some());
        assert!(journal.start(order, STARTED).unwrap().is_none());
    }

    #[test]
    fn a_torn_line_is_cut_off_and_a_torn_first_line_is_no_start() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        let order = Clock::system().new_id();
        let mut log = journal.start(order, STARTED).unwrap().unwrap();
        log.event(event(0)).unwrap();
        log.file.write_all(b"{\"event\":{\"seq\":1,").unwrap();
        assert_eq!(journal.read(order).unwrap().unwrap().next_seq(), 1);
        journal.resume(order).unwrap().event(event(1)).unwrap();
        assert_eq!(journal.read(order).unwrap().unwrap().next_seq(), 2);

        fs::write(journal.path(order), b"{\"started\":{").unwrap();
        assert_eq!(journal.read(order).unwrap(), None);
        assert!(journal.start(order, STARTED).unwrap().is_some());
        assert!(journal.read(order).unwrap().is_some());
    }

    #[test]
    fn only_ended_orders_are_pruned() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        let clock = Clock::system();
        let (ended, open): (OrderId, OrderId) = (clock.new_id(), clock.new_id());
        journal
            .start(ended, STARTED)
            .unwrap()
            .unwrap()
            .end(outcome())
            .unwrap();
        journal.start(open, STARTED).unwrap().unwrap();
        journal.prune(UnixMs(1_000 + KEEP_MS)).unwrap();
        assert_eq!(journal.orders().unwrap().len(), 2);
        journal.prune(UnixMs(1_001 + KEEP_MS)).unwrap();
        assert_eq!(journal.orders().unwrap(), [open]);
    }
}
