//! What the resident keeps of orders: the journal, and the text of those that have not ended, so that they can be
//! handed over again after a crash. The text goes with the end: no secret is kept longer than its job, sealed or not.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use muster_base::{OrderId, UnixMs, point};
use muster_protocol::latest::{OrderOutcome, OrderStatus, SignedOrder};

use super::{
    journal::{End, History, Journal, OrderLog, Started},
    sequence::Sequences,
};
use crate::identity::write_private;

/// The resident's store of orders.
#[derive(Debug, Clone)]
pub(super) struct Store {
    dir: PathBuf,
    journal: Journal,
    sequences: Sequences,
}

/// An order that was begun and has not ended.
#[derive(Debug)]
pub(super) struct Unfinished {
    pub id: OrderId,
    pub history: History,
    pub log: OrderLog,
    /// Its text, if that is still there.
    pub order: Option<SignedOrder>,
}

/// What became of a new order.
#[derive(Debug)]
pub(super) enum Taken {
    /// It is journalled: hand it over.
    New(OrderLog),
    /// Its sequence number was seen before.
    Replay,
}

impl Store {
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        Ok(Self {
            journal: Journal::open(dir)?,
            sequences: Sequences::new(dir),
            dir: dir.to_owned(),
        })
    }

    pub(super) fn read(&self, order: OrderId) -> io::Result<Option<History>> {
        self.journal.read(order)
    }

    /// Takes an order that was never seen, or was refused and comes under a new sequence number.
    pub(super) fn take(
        &self,
        id: OrderId,
        sequence: u64,
        order: &SignedOrder,
        now: UnixMs,
    ) -> io::Result<Taken> {
        if self.sequences.has(sequence)? {
            return Ok(Taken::Replay);
        }
        self.journal.forget(id)?;
        let text = muster_protocol::encode(order).map_err(io::Error::other)?;
        write_private(&self.text_path(id), &text)?;
        let started = Started { at: now, sequence };
        let log = self.journal.start(id, started)?;
        let log = log.ok_or_else(|| io::Error::from(io::ErrorKind::AlreadyExists))?;
        self.sequences.take(sequence)?;
        Ok(Taken::New(log))
    }

    /// Remembers that an order that never came is cancelled, in case it still comes.
    pub(super) fn entomb(&self, id: OrderId, now: UnixMs) -> io::Result<OrderOutcome> {
        let outcome = OrderOutcome {
            status: OrderStatus::Cancelled,
            started_at: now,
            ended_at: now,
            error: Some("cancelled before it reached the host; nothing was changed".to_owned()),
            digest: None,
            server_version: None,
            events: 0,
        };
        let started = Started { at: now, sequence: 0 };
        // One that was begun is none that never came, whatever became of it.
        let log = self.journal.start(id, started)?;
        let mut log = log.ok_or_else(|| io::Error::from(io::ErrorKind::AlreadyExists))?;
        log.end(End::Outcome(Box::new(outcome.clone())))?;
        Ok(outcome)
    }

    /// Journals the end; from here on the order's text is not needed.
    pub(super) fn end(&self, id: OrderId, log: &mut OrderLog, end: End) -> io::Result<()> {
        log.end(end)?;
        point!("orders.text.kept");
        match fs::remove_file(self.text_path(id)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            Ok(()) | Err(_) => {
                point!("orders.text.gone");
                Ok(())
            }
        }
    }

    /// The orders that were begun and have not ended.
    pub(super) fn unfinished(&self) -> io::Result<Vec<Unfinished>> {
        let mut unfinished = Vec::new();
        for id in self.journal.orders()? {
            let Some(history) = self.journal.read(id)?.filter(|history| history.end.is_none()) else {
                continue;
            };
            let text = fs::read(self.text_path(id)).ok();
            let order = text.and_then(|text| muster_protocol::decode(&text).ok());
            // The crash may have come between the two.
            self.sequences.take(history.started.sequence)?;
            unfinished.push(Unfinished {
                id,
                history,
                log: self.journal.resume(id)?,
                order,
            });
        }
        Ok(unfinished)
    }

    /// Removes the texts that a crash left behind: of orders that ended just before it, or never began.
    pub(super) fn sweep(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            let Some((id, rest)) = name.split_once(".order") else {
                continue;
            };
            let history = match id.parse() {
                Ok(id) => self.journal.read(id)?,
                Err(_) => None,
            };
            let open = history.is_some_and(|history| history.end.is_none());
            if !open || !rest.is_empty() {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }

    pub(super) fn prune(&self, now: UnixMs) -> io::Result<()> {
        self.journal.prune(now)
    }

    fn text_path(&self, id: OrderId) -> PathBuf {
        self.dir.join(format!("{id}.order"))
    }
}

#[cfg(test)]
mod tests {
    use muster_base::Clock;

    use super::*;

    #[test]
    fn a_text_goes_that_a_crash_left_behind_and_one_that_is_needed_stays() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let clock = Clock::system();
        let order = SignedOrder {
            body: vec![1],
            key_id: [0; 8],
            signature: vec![2],
            payload: vec![3],
            sealed: vec![4],
        };
        let [open, ended, never]: [OrderId; 3] = [(); 3].map(|()| clock.new_id());
        for (sequence, id) in [open, ended].into_iter().enumerate() {
            let sequence = sequence as u64 + 1;
            let taken = store.take(id, sequence, &order, clock.now()).unwrap();
            assert!(matches!(taken, Taken::New(_)));
        }
        store
            .journal
            .resume(ended)
            .unwrap()
            .end(End::Refused(muster_protocol::latest::OrderRefusal::Expired))
            .unwrap();
        fs::write(store.text_path(never), "half").unwrap();
        fs::write(dir.path().join(format!("{open}.order.new")), "half").unwrap();
        store.sweep().unwrap();
        let left = fs::read_dir(dir.path()).unwrap().flatten();
        let left: Vec<String> = left
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        let texts: Vec<&String> = left.iter().filter(|name| name.contains(".order")).collect();
        assert_eq!(texts, [&format!("{open}.order")], "{left:?}");
    }
}
