//! The auditor's own books of one host: what was taken, and what was acknowledged.

use muster_base::UnixMs;
use muster_metrics::{Kind, Sample, Series};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Two series whose values hardly ever repeat tell a sample from every other.
pub(crate) const MARKS: [&str; 2] = ["memory.used", "net.eth0.rxBytes"];

/// One host's books.
#[derive(Debug, Default)]
pub struct Books(Mutex<BTreeMap<UnixMs, Taken>>);

/// A sample that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Its values of the two marking series.
    pub marks: [i64; 2],
    /// Whether the control plane said that it is stored.
    pub acknowledged: bool,
}

impl Books {
    /// A sample was taken.
    pub(crate) fn take(&self, sample: &Sample) {
        let series = [
            Series::of(Kind::MEMORY_USED),
            Series::of_instance(Kind::NET_RX_BYTES, "eth0"),
        ];
        let marks = series.map(|series| sample.host_value(&series).unwrap_or_default());
        let taken = Taken {
            marks,
            acknowledged: false,
        };
        self.lock().insert(sample.at, taken);
    }

    /// The control plane said that these are stored.
    pub(crate) fn acknowledge(&self, times: &BTreeSet<UnixMs>) {
        let mut books = self.lock();
        for at in times {
            if let Some(taken) = books.get_mut(at) {
                taken.acknowledged = true;
            }
        }
    }

    /// What stands in them, by time.
    pub fn all(&self) -> BTreeMap<UnixMs, Taken> {
        self.lock().clone()
    }

    /// How many samples were taken, and how many of them are acknowledged.
    pub fn counts(&self) -> (usize, usize) {
        let books = self.lock();
        (
            books.len(),
            books.values().filter(|taken| taken.acknowledged).count(),
        )
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<UnixMs, Taken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
