//! What happens to a sample once it is taken: folded in, kept, and the hours that it ends closed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use muster_base::UnixMs;
use muster_metrics::Sample;

use super::Accumulators;
use crate::spool::{Spool, SpoolError, Write};

/// The accumulators are checkpointed when so many samples were folded in since.
const CHECKPOINT_EVERY: u64 = 30;

/// Records samples, one at a time.
#[derive(Debug)]
pub struct Recorder {
    spool: Spool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    accumulators: Accumulators,
    /// The accumulators on disk hold every sample up to this number.
    checkpoint: u64,
}

impl Recorder {
    /// Takes up where the last process left off, also in the middle of a write, and closes what has ended meanwhile.
    pub fn start(spool: Spool, now: UnixMs) -> Result<Self, SpoolError> {
        let (mut accumulators, checkpoint) = spool.checkpoint()?;
        spool.for_each_sample_after(checkpoint, |sample| accumulators.add(&sample))?;
        let recorder = Self {
            spool,
            state: Mutex::new(State {
                accumulators,
                checkpoint,
            }),
        };
        recorder.close_ended(now)?;
        Ok(recorder)
    }

    /// Keeps a sample. It is durable when this returns.
    pub fn record(&self, sample: &Sample) -> Result<(), SpoolError> {
        let mut state = self.state();
        // Before the spool is asked: if the disk is full, the rollups at least shall know of it.
        state.accumulators.add(sample);
        self.write(&mut state, Some(sample), sample.at, false)
    }

    /// Closes the hours and days that have ended by `now`.
    pub fn close_ended(&self, now: UnixMs) -> Result<(), SpoolError> {
        let mut state = self.state();
        if state.accumulators.ended(now).next().is_none() && !self.spool.has_ended_day(now)? {
            return Ok(());
        }
        self.write(&mut state, None, now, false)
    }

    /// Before a stop: writes everything that memory knows better than the disk.
    pub fn flush(&self, now: UnixMs) -> Result<(), SpoolError> {
        self.write(&mut self.state(), None, now, true)
    }

    fn write(
        &self,
        state: &mut State,
        sample: Option<&Sample>,
        now: UnixMs,
        flush: bool,
    ) -> Result<(), SpoolError> {
        let written = self.spool.last_sample() + u64::from(sample.is_some());
        let closes = state.accumulators.ended(now).next().is_some();
        let checkpoint = closes || flush || written - state.checkpoint >= CHECKPOINT_EVERY;
        self.spool.write(&Write {
            sample,
            now,
            accumulators: &state.accumulators,
            checkpoint,
        })?;
        if checkpoint {
            state.checkpoint = written;
            state.accumulators.forget_ended(now);
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
