//! Seats for strangers: for handshakes with those who have shown their address, and for those who ask to join. They are few,
//! anybody may ask for one, and whoever only sits there must keep nobody out who means well.
//!
//! Data: how many seats are taken by each address (an IPv6 /64 is one), and a line for each address of those who wait. All of
//! it is in memory, and whatever ends (a connection, a task, the process) gives its seat or its place in the line back.
//!
//! States of one who asks: *waits* (not at all where a seat is free and the address has fewer than its share) → *sits* → *gone*;
//! or *not heard*, where the wait was too long or the line was.
//!
//! Who is next: whoever waits from the address that has the fewest seats, and among equals who came first. So somebody from an
//! address without a seat gets the next one that is free, however many wait from elsewhere.
//!
//! Who has to go: whoever has sat for [`GRACE`] and is not done, as soon as it is of use to somebody who waits and has less: from
//! an address with fewer seats, or the same one. Somebody of good will is done long before that; on a bad line they are left
//! alone as long as there is room, and cut off at the latest when the seat's own time is over. Nobody gives up a seat before
//! that, so a burst of a whole fleet is heard one after the other and not thrown out by itself.
//!
//! Limits: [`Limits`]. A line that is full loses the one who has waited longest from the address with the longest line: whoever
//! comes is heard.
//!
//! What an attacker can do all the same
//! - From one address, by many ports: an address has half of all seats, so that others notice nothing. Who shares the address
//!   (behind one NAT) shares its seats: a handshake that nobody finishes costs one for [`GRACE`] while others wait, so 256 seats
//!   are 85 a second. Whoever begins more than that makes the line of that address longer than it may be, and each neighbour's try
//!   has a chance of about 85 in as many as are begun in a second. An agent tries again, and again, with a wait between; sessions
//!   that are open are not concerned.
//! - From the same address, with join requests: 120 a minute are looked at, whatever their token. Who uses them up has neighbours
//!   told that it can't be decided now, and the agent says to try again in a minute.
//! - From several addresses, which must be real ones: somebody from a new one waits for [`GRACE`] at most, and for as long as all
//!   seats are taken by those who came just now. With some 1,500 addresses that all go on beginning, the wait is longer than a
//!   client's.
//! - From forged addresses: first packets that claim any address take the seats of those who have not shown theirs. That costs
//!   everybody a round trip (QUIC's retry) and no seat here.
//! - By bytes alone: whoever fills the line or the socket's buffer has packets dropped of everybody. That is for the network
//!   before us to stop; QUIC sends again what was lost.

use std::{
    cmp::Reverse,
    collections::{HashMap, VecDeque},
    future::Future,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout},
};

use crate::http::customer;

/// How long everybody may sit, whoever waits: several round trips on a bad line, with what was lost on it sent again.
pub(super) const GRACE: Duration = Duration::from_secs(3);
/// How often those who sit longer look whether somebody waits.
const LOOK: Duration = Duration::from_millis(250);

/// How many may sit and wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Seats.
    pub(super) seats: usize,
    /// Of them for one address.
    pub(super) each: usize,
    /// Those who wait.
    pub(super) line: usize,
    /// Of them from one address.
    pub(super) line_each: usize,
    /// How long anybody waits.
    pub(super) patience: Duration,
}

/// Seats, taken and free.
#[derive(Debug)]
pub(super) struct Seats {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    taken: HashMap<IpAddr, usize>,
    sitting: usize,
    lines: HashMap<IpAddr, VecDeque<Waiting>>,
    waiting: usize,
    /// The next one's number: who has a lower one came before.
    next: u64,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    /// Dropped when they are not heard.
    call: oneshot::Sender<Seat>,
}

impl Seats {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            state: Mutex::default(),
        })
    }

    /// How many sit or wait.
    pub(super) fn occupied(&self) -> usize {
        let state = self.lock();
        state.sitting + state.waiting
    }

    /// A seat until it is dropped, when it is this address's turn; `None` if that takes too long, or too many wait.
    pub(super) async fn take(self: &Arc<Self>, ip: IpAddr) -> Option<Seat> {
        let ip = customer(ip);
        let (place, called) = {
            let mut state = self.lock();
            // Where a seat is free nobody waits who may have it.
            if state.sitting < self.limits.seats && state.taken_by(ip) < self.limits.each {
                state.sit(ip);
                return Some(self.seat(ip));
            }
            let (call, called) = oneshot::channel();
            let number = state.line_up(ip, call, &self.limits);
            (
                Place {
                    seats: self,
                    ip,
                    number,
                },
                called,
            )
        };
        let seat = timeout(self.limits.patience, called).await.ok()?.ok();
        drop(place);
        seat
    }

    fn seat(self: &Arc<Self>, ip: IpAddr) -> Seat {
        Seat {
            seats: Arc::clone(self),
            ip,
        }
    }

    /// Whoever is next sits down, as long as there is a seat.
    fn call_next(self: &Arc<Self>) {
        loop {
            let mut state = self.lock();
            let Some((ip, call)) = state.next(&self.limits) else {
                return;
            };
            state.sit(ip);
            drop(state);
            // Whoever has just left gives the seat back by dropping it, and then somebody else is called.
            drop(call.send(self.seat(ip)));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn taken_by(&self, ip: IpAddr) -> usize {
        self.taken.get(&ip).copied().unwrap_or_default()
    }

    fn sit(&mut self, ip: IpAddr) {
        *self.taken.entry(ip).or_default() += 1;
        self.sitting += 1;
    }

    fn stand_up(&mut self, ip: IpAddr) {
        self.sitting -= 1;
        if let Some(count) = self.taken.get_mut(&ip) {
            *count -= 1;
            if *count == 0 {
                self.taken.remove(&ip);
            }
        }
    }

    /// The last in the line of this address; their number. Somebody else may have to leave for it.
    fn line_up(&mut self, ip: IpAddr, call: oneshot::Sender<Seat>, limits: &Limits) -> u64 {
        let own = self.lines.get(&ip).map_or(0, VecDeque::len);
        if own >= limits.line_each {
            self.turn_away(ip);
        } else if self.waiting >= limits.line {
            let oldest = |line: &VecDeque<Waiting>| line.front().map(|waiting| waiting.number);
            let longest = self
                .lines
                .iter()
                .max_by_key(|(_, line)| (line.len(), Reverse(oldest(line))));
            if let Some(longest) = longest.map(|(ip, _)| *ip) {
                self.turn_away(longest);
            }
        }
        let number = self.next;
        self.next += 1;
        self.lines
            .entry(ip)
            .or_default()
            .push_back(Waiting { number, call });
        self.waiting += 1;
        number
    }

    fn turn_away(&mut self, ip: IpAddr) {
        let oldest = self.lines.get(&ip).and_then(VecDeque::front);
        if let Some(number) = oldest.map(|waiting| waiting.number) {
            drop(self.leave(ip, number));
        }
    }

    /// Whoever has this number waits no more, if they still do.
    fn leave(&mut self, ip: IpAddr, number: u64) -> Option<Waiting> {
        let line = self.lines.get_mut(&ip)?;
        let at = line.iter().position(|waiting| waiting.number == number)?;
        let gone = line.remove(at);
        if line.is_empty() {
            self.lines.remove(&ip);
        }
        self.waiting -= 1;
        gone
    }

    /// Takes whoever is next out of the line, if there is a seat for them.
    fn next(&mut self, limits: &Limits) -> Option<(IpAddr, oneshot::Sender<Seat>)> {
        if self.sitting >= limits.seats {
            return None;
        }
        let heads = self
            .lines
            .iter()
            .filter_map(|(ip, line)| Some((self.taken_by(*ip), line.front()?.number, *ip)));
        let (_, number, ip) = heads.filter(|(taken, ..)| *taken < limits.each).min()?;
        Some((ip, self.leave(ip, number)?.call))
    }

    /// Whether somebody waits who has less than this address, or shares it.
    fn is_wanted_from(&self, ip: IpAddr) -> bool {
        let own = self.taken_by(ip);
        let mut waiting = self.lines.keys();
        self.lines.contains_key(&ip) || waiting.any(|other| self.taken_by(*other) < own)
    }
}

/// A place in the line; left when it is dropped.
struct Place<'a> {
    seats: &'a Arc<Seats>,
    ip: IpAddr,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // Whoever was called has left it already.
        drop(self.seats.lock().leave(self.ip, self.number));
    }
}

/// Given back when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    ip: IpAddr,
}

impl Seat {
    /// Does `work` on this seat; `None` if that takes too long: `most`, or [`GRACE`] and somebody waits.
    pub(super) async fn hold<T>(&self, most: Duration, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.outstay(most) => None,
        }
    }

    async fn outstay(&self, most: Duration) {
        let end = Instant::now() + most;
        sleep(GRACE.min(most)).await;
        while Instant::now() < end && !self.seats.lock().is_wanted_from(self.ip) {
            sleep(LOOK).await;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.lock().stand_up(self.ip);
        self.seats.call_next();
    }
}

#[cfg(test)]
mod tests;
