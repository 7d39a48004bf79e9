//! Seats for strangers who are being heard, and for handshakes. They are few, and each address has its share of them: whoever
//! only sits there keeps nobody out who comes from elsewhere. An address has been shown to be one's own by then.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::http::customer;

/// Seats, taken and free.
#[derive(Debug)]
pub(super) struct Seats {
    total: usize,
    /// Of one address, or IPv6 /64.
    each: usize,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

impl Seats {
    pub(super) fn new(total: usize, each: usize) -> Self {
        Self {
            total,
            each,
            taken: Mutex::default(),
        }
    }

    /// A seat until it is dropped. `None` if all are taken, or as many as this address may have.
    pub(super) fn take(&self, ip: IpAddr) -> Option<Seat<'_>> {
        let ip = customer(ip);
        let mut taken = self.lock();
        let all: usize = taken.values().sum();
        let own = taken.get(&ip).copied().unwrap_or_default();
        if all >= self.total || own >= self.each {
            return None;
        }
        taken.insert(ip, own + 1);
        Some(Seat(self, ip))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Given back when it is dropped.
#[derive(Debug)]
pub(super) struct Seat<'a>(&'a Seats, IpAddr);

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let Self(seats, ip) = self;
        let mut taken = seats.lock();
        if let Some(count) = taken.get_mut(ip) {
            *count -= 1;
            if *count == 0 {
                taken.remove(ip);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_share_and_all_have_no_more_than_there_are() {
        let seats = Seats::new(3, 2);
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let one = seats.take(ip("2001:db8::1"));
        let two = seats.take(ip("2001:db8::2"));
        assert!(one.is_some() && two.is_some());
        assert!(
            seats.take(ip("2001:db8::3")).is_none(),
            "a network of one's own is one address"
        );
        let other = seats.take(ip("192.0.2.1"));
        assert!(other.is_some(), "somebody else finds a seat");
        assert!(seats.take(ip("192.0.2.2")).is_none(), "all are taken");
        drop(one);
        assert!(seats.take(ip("192.0.2.2")).is_some());
        drop((two, other));
        assert!(seats.lock().is_empty(), "nothing is left of them");
    }
}
