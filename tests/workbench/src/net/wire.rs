//! A UDP conversation through bad weather.

use anyhow::Result;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(50);
const LARGEST: usize = 65_536;
/// Packets that are under way at a time, at most; more are lost, as in a router.
const UNDER_WAY: usize = 10_000;

/// What happens to packets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weather {
    /// How many are lost, of a thousand.
    pub loss: u32,
    /// How many come twice, of a thousand.
    pub twice: u32,
    /// How long each takes at least.
    pub delay: Duration,
    /// How much longer it may take: packets overtake each other.
    pub jitter: Duration,
    /// Whether anything passes from the client to the server.
    pub up: bool,
    /// Whether anything passes from the server to the client.
    pub down: bool,
}

impl Weather {
    /// Everything passes at once.
    pub const FAIR: Self = Self {
        loss: 0,
        twice: 0,
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
        up: true,
        down: true,
    };
    /// A fifth is lost, all of it is late, much of it in another order, some of it twice.
    pub const STORM: Self = Self {
        loss: 200,
        twice: 50,
        delay: Duration::from_millis(40),
        jitter: Duration::from_millis(80),
        ..Self::FAIR
    };
}

/// The wire between any number of clients and one server. It ends when this is dropped.
pub struct Wire {
    address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    weather: Mutex<Weather>,
    under_way: Mutex<BinaryHeap<Reverse<Parcel>>>,
    more: Condvar,
    dice: AtomicU64,
    stop: AtomicBool,
    passed: AtomicU64,
    lost: AtomicU64,
}

/// A packet under way, ordered by its arrival.
struct Parcel {
    due: Instant,
    socket: Arc<UdpSocket>,
    to: SocketAddr,
    bytes: Vec<u8>,
}

impl Wire {
    /// A wire that is reached at a free port of `at` and ends at `server`. The same `seed` rolls the same dice.
    pub fn lay(at: Ipv4Addr, server: SocketAddr, seed: u64) -> Result<Self> {
        let near = Arc::new(UdpSocket::bind((at, 0))?);
        near.set_read_timeout(Some(POLL))?;
        let address = near.local_addr()?;
        let shared = Arc::new(Shared {
            weather: Mutex::new(Weather::FAIR),
            under_way: Mutex::default(),
            more: Condvar::new(),
            dice: AtomicU64::new(seed | 1),
            stop: AtomicBool::new(false),
            passed: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        });
        let (up, carrier) = (Arc::clone(&shared), Arc::clone(&shared));
        Ok(Self {
            address,
            shared,
            threads: vec![
                std::thread::spawn(move || up.hear_clients(&near, server)),
                std::thread::spawn(move || carrier.deliver()),
            ],
        })
    }

    /// Where it is reached.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the weather, also for what is sent next on conversations that go on.
    pub fn set(&self, weather: Weather) {
        *lock(&self.shared.weather) = weather;
    }

    /// How many packets have passed, and how many were lost.
    pub fn counts(&self) -> (u64, u64) {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (count(&self.shared.passed), count(&self.shared.lost))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.more.notify_all();
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

impl Shared {
    /// Takes what clients send; each of them has a socket of its own towards the server.
    fn hear_clients(self: &Arc<Self>, near: &Arc<UdpSocket>, server: SocketAddr) {
        let mut packet = vec![0; LARGEST];
        let mut clients: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
        let mut listeners = Vec::new();
        while !self.is_over() {
            let Ok((length, client)) = near.recv_from(&mut packet) else {
                continue;
            };
            let far = match clients.get(&client) {
                Some(far) => Arc::clone(far),
                None => match self.open(near, client, server, &mut listeners) {
                    Ok(far) => Arc::clone(clients.entry(client).or_insert(far)),
                    Err(_) => continue,
                },
            };
            if lock(&self.weather).up {
                self.send(&far, server, &packet[..length]);
            } else {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
        for listener in listeners {
            listener.join().ok();
        }
    }

    fn open(
        self: &Arc<Self>,
        near: &Arc<UdpSocket>,
        client: SocketAddr,
        server: SocketAddr,
        listeners: &mut Vec<JoinHandle<()>>,
    ) -> Result<Arc<UdpSocket>> {
        let any = if server.ip().is_loopback() {
            Ipv4Addr::LOCALHOST
        } else {
            Ipv4Addr::UNSPECIFIED
        };
        let far = Arc::new(UdpSocket::bind((any, 0))?);
        far.set_read_timeout(Some(POLL))?;
        let (shared, near, socket) = (Arc::clone(self), Arc::clone(near), Arc::clone(&far));
        listeners.push(std::thread::spawn(move || {
            shared.hear_server(&socket, &near, client);
        }));
        Ok(far)
    }

    fn hear_server(&self, far: &UdpSocket, near: &Arc<UdpSocket>, client: SocketAddr) {
        let mut packet = vec![0; LARGEST];
        while !self.is_over() {
            let Ok((length, _)) = far.recv_from(&mut packet) else {
                continue;
            };
            if lock(&self.weather).down {
                self.send(near, client, &packet[..length]);
            } else {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn send(&self, socket: &Arc<UdpSocket>, to: SocketAddr, bytes: &[u8]) {
        let weather = *lock(&self.weather);
        if self.roll(1_000) < u64::from(weather.loss) {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let copies = 1 + u32::from(self.roll(1_000) < u64::from(weather.twice));
        let mut under_way = lock(&self.under_way);
        for _ in 0..copies {
            if under_way.len() >= UNDER_WAY {
                self.lost.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let jitter_us = u64::try_from(weather.jitter.as_micros()).unwrap_or(u64::MAX);
            let late = weather.delay + Duration::from_micros(self.roll(jitter_us.saturating_add(1)));
            under_way.push(Reverse(Parcel {
                due: Instant::now() + late,
                socket: Arc::clone(socket),
                to,
                bytes: bytes.to_vec(),
            }));
        }
        drop(under_way);
        self.more.notify_all();
    }

    /// Hands over what is due.
    fn deliver(&self) {
        let mut under_way = lock(&self.under_way);
        while !self.is_over() {
            let now = Instant::now();
            let wait = match under_way.peek() {
                Some(Reverse(first)) if first.due <= now => Duration::ZERO,
                Some(Reverse(first)) => first.due - now,
                None => POLL,
            };
            if wait.is_zero() {
                if let Some(Reverse(parcel)) = under_way.pop() {
                    drop(under_way);
                    // A peer that is gone is gone.
                    parcel.socket.send_to(&parcel.bytes, parcel.to).ok();
                    self.passed.fetch_add(1, Ordering::Relaxed);
                    under_way = lock(&self.under_way);
                }
            } else {
                let waited = self.more.wait_timeout(under_way, wait.min(POLL));
                under_way = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }

    /// A number below `sides`, by xorshift64: the dice of a test need to be the same again, not to be secret.
    fn roll(&self, sides: u64) -> u64 {
        let next = |mut x: u64| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^ (x << 17)
        };
        let rolled = self
            .dice
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |x| Some(next(x)))
            .unwrap_or_default();
        rolled % sides.max(1)
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl PartialEq for Parcel {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Parcel {}

impl PartialOrd for Parcel {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Parcel {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.due.cmp(&other.due)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(weather: Weather) -> (Wire, UdpSocket, UdpSocket) {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let wire = Wire::lay(Ipv4Addr::LOCALHOST, server.local_addr().unwrap(), 7).unwrap();
        wire.set(weather);
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect(wire.address()).unwrap();
        for socket in [&server, &client] {
            socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        }
        (wire, client, server)
    }

    fn received(socket: &UdpSocket) -> Vec<u8> {
        let mut packet = [0; 8];
        let mut all = Vec::new();
        while let Ok((1, _)) = socket.recv_from(&mut packet) {
            all.push(packet[0]);
        }
        all
    }

    #[test]
    fn fair_weather_passes_everything_both_ways() {
        let (_wire, client, server) = pair(Weather::FAIR);
        client.send(&[1]).unwrap();
        let mut packet = [0; 8];
        let (_, from) = server.recv_from(&mut packet).unwrap();
        server.send_to(&[2], from).unwrap();
        assert_eq!(client.recv(&mut packet).unwrap(), 1);
        assert_eq!(packet[0], 2);
    }

    #[test]
    fn a_storm_loses_repeats_and_reorders() {
        let (wire, client, server) = pair(Weather::STORM);
        for number in 0..200 {
            client.send(&[number]).unwrap();
        }
        let arrived = received(&server);
        let mut sorted = arrived.clone();
        sorted.sort_unstable();
        assert_ne!(arrived, sorted, "in another order");
        sorted.dedup();
        assert!(sorted.len() < 200, "some are lost");
        assert!(sorted.len() < arrived.len(), "some come twice");
        assert!(wire.counts().1 > 0);
    }

    #[test]
    fn one_direction_can_be_silent() {
        let (wire, client, server) = pair(Weather {
            down: false,
            ..Weather::FAIR
        });
        client.send(&[1]).unwrap();
        let mut packet = [0; 8];
        let (_, from) = server.recv_from(&mut packet).unwrap();
        server.send_to(&[2], from).unwrap();
        assert_eq!(received(&client), Vec::<u8>::new());
        wire.set(Weather::FAIR);
        server.send_to(&[3], from).unwrap();
        assert_eq!(received(&client), [3]);
    }
}
