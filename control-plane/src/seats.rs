//! Seats for what holds memory or a connection while it lasts: so many in all, and fewer for each person, so that nobody
//! has all of them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The seats of one kind.
#[derive(Debug)]
pub struct Seats {
    all: Arc<Semaphore>,
    each: usize,
    held: Arc<Mutex<HashMap<String, usize>>>,
}

/// One that is taken; given back when it is dropped.
#[derive(Debug)]
pub struct Seat {
    _place: OwnedSemaphorePermit,
    _own: Own,
}

/// One of a person's.
#[derive(Debug)]
struct Own {
    held: Arc<Mutex<HashMap<String, usize>>>,
    whose: String,
}

impl Seats {
    /// So many in all, and so many for each.
    pub fn new(all: usize, each: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all)),
            each,
            held: Arc::default(),
        }
    }

    /// A seat, if there is one.
    pub fn try_take(&self, whose: String) -> Option<Seat> {
        let own = self.own(whose)?;
        let place = Arc::clone(&self.all).try_acquire_owned().ok()?;
        Some(Seat {
            _place: place,
            _own: own,
        })
    }

    /// A seat, when others give one back within this time; whoever has all of their own does not wait.
    pub async fn take(&self, whose: String, patience: Duration) -> Option<Seat> {
        let own = self.own(whose)?;
        let place = tokio::time::timeout(patience, Arc::clone(&self.all).acquire_owned()).await;
        Some(Seat {
            _place: place.ok()?.ok()?,
            _own: own,
        })
    }

    fn own(&self, whose: String) -> Option<Own> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.get(&whose).copied().unwrap_or_default();
        if count >= self.each {
            return None;
        }
        held.insert(whose.clone(), count + 1);
        Some(Own {
            held: Arc::clone(&self.held),
            whose,
        })
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.whose) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.whose);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_has_all_of_them_and_each_comes_back() {
        let seats = Seats::new(3, 2);
        let take = |whose: &str| seats.try_take(whose.to_owned());
        let (first, second) = (take("ann").unwrap(), take("ann").unwrap());
        assert!(take("ann").is_none());
        let third = take("bob").unwrap();
        assert!(take("eve").is_none(), "there are no more");
        let short = Duration::from_millis(1);
        assert!(seats.take("eve".to_owned(), short).await.is_none());
        drop((first, third));
        assert!(take("ann").is_some());
        drop(second);
        assert!(seats.held.lock().unwrap().is_empty(), "nobody is remembered");
    }
}
