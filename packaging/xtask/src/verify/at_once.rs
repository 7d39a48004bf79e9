//! Several things at a time, as many as there are cores.

use super::tally::Tally;
use anyhow::{Result, anyhow};
use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Does `work` with each of `items` and adds up what passed and failed.
pub fn each<T: Sync>(items: &[T], work: impl Fn(&T) -> Result<Tally> + Sync) -> Result<Tally> {
    let queue = Mutex::new(items.iter());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let worker = || -> Result<Tally> {
        let mut tally = Tally::default();
        while let Some(item) = next() {
            tally += work(item)?;
        }
        Ok(tally)
    };
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        let mut total = Tally::default();
        for thread in threads {
            total += thread.join().map_err(|_| anyhow!("a check panicked"))??;
        }
        Ok(total)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    #[test]
    fn each_is_done_once_and_an_error_is_one() {
        let items: Vec<u32> = (0..50).collect();
        let seen = Mutex::new(Vec::new());
        let tally = each(&items, |item| {
            seen.lock().unwrap().push(*item);
            Ok(if item % 2 == 0 {
                Tally::PASSED
            } else {
                Tally::FAILED
            })
        });
        let mut seen = seen.into_inner().unwrap();
        seen.sort_unstable();
        assert_eq!(seen, items);
        assert_eq!(
            tally.unwrap(),
            Tally {
                passed: 25,
                failed: 25
            }
        );
        assert!(each(&items, |_| bail!("no")).is_err());
    }
}
