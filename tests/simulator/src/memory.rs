//! What a real agent's spool does, in memory: hands out batches in order, and forgets nothing before it is acknowledged.

use crate::books::Books;
use muster_metrics::{Sample, frame};
use muster_protocol::CONTINUED_REPORTS_SINCE;
use muster_protocol::latest::Report;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// As the agent's spool.
const MAX_SAMPLES: usize = 500;

#[derive(Default)]
pub(crate) struct Memory {
    state: Mutex<State>,
    taken: Notify,
}

#[derive(Default)]
struct State {
    /// Not acknowledged, oldest first.
    samples: VecDeque<Sample>,
    /// So many of them are on their way in this session.
    sent: usize,
    /// Rollups as they travel, one part a report. Not acknowledged, oldest first.
    rollups: VecDeque<Vec<u8>>,
    sent_rollups: usize,
    next_batch: u64,
    /// Whether a report may begin with a difference from the one before it, which ended with `last`.
    continues: bool,
    last: Option<Sample>,
    on_the_way: BTreeMap<u64, Batch>,
}

struct Batch {
    samples: usize,
    rollups: usize,
    sent_at: Instant,
    stored: bool,
}

impl Memory {
    pub(crate) fn take(&self, sample: Sample) {
        self.state().samples.push_back(sample);
        self.taken.notify_one();
    }

    /// Takes what a host has that was away.
    pub(crate) fn preload(&self, samples: Vec<Sample>, rollups: Vec<Vec<u8>>) {
        let mut state = self.state();
        state.samples.extend(samples);
        state.rollups.extend(rollups);
        drop(state);
        self.taken.notify_one();
    }

    /// Batches count from 0 again, and start with the oldest that was not acknowledged.
    pub(crate) fn begin_session(&self, version: u16) {
        let mut state = self.state();
        state.continues = version >= CONTINUED_REPORTS_SINCE;
        state.last = None;
        state.sent = 0;
        state.sent_rollups = 0;
        state.next_batch = 0;
        state.on_the_way.clear();
    }

    /// The next batch; waits until there is one.
    pub(crate) async fn next(&self) -> Report {
        loop {
            let taken = self.taken.notified();
            if let Some(report) = self.try_next() {
                return report;
            }
            taken.await;
        }
    }

    fn try_next(&self) -> Option<Report> {
        let mut state = self.state();
        let mut encoder = frame::Encoder::after(state.last.clone());
        let mut count = 0;
        for sample in state.samples.iter().skip(state.sent).take(MAX_SAMPLES) {
            encoder.push(sample.clone());
            count += 1;
        }
        let rollups = state.rollups.get(state.sent_rollups).cloned();
        if count == 0 && rollups.is_none() {
            return None;
        }
        let (samples, last) = encoder.finish_with_last();
        if state.continues {
            state.last = last;
        }
        let batch = state.next_batch;
        state.next_batch += 1;
        state.sent += count;
        state.sent_rollups += usize::from(rollups.is_some());
        let on_the_way = Batch {
            samples: count,
            rollups: usize::from(rollups.is_some()),
            sent_at: Instant::now(),
            stored: false,
        };
        state.on_the_way.insert(batch, on_the_way);
        Some(Report {
            batch,
            samples,
            rollups: rollups.unwrap_or_default(),
            ..Report::default()
        })
    }

    /// A batch is stored; how long that took. What is stored out of order is forgotten in order.
    pub(crate) fn acknowledge(&self, number: u64, books: &Books) -> Option<Duration> {
        let mut state = self.state();
        let batch = state.on_the_way.get_mut(&number)?;
        batch.stored = true;
        let took = batch.sent_at.elapsed();
        while let Some(first) = state.on_the_way.first_entry().filter(|entry| entry.get().stored) {
            let Batch { samples, rollups, .. } = first.remove();
            state.sent -= samples;
            state.sent_rollups -= rollups;
            state.rollups.drain(..rollups);
            let times: BTreeSet<_> = state.samples.drain(..samples).map(|sample| sample.at).collect();
            books.acknowledge(&times);
        }
        Some(took)
    }

    /// How many samples and parts of rollups are not acknowledged.
    pub(crate) fn backlog(&self) -> usize {
        let state = self.state();
        state.samples.len() + state.rollups.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
