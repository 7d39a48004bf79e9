//! A name server (RFC 1035) that knows one answer.

use anyhow::{Context, Result};
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

const PORT: u16 = 53;
const POLL: Duration = Duration::from_millis(100);
const HEADER: usize = 12;
/// Type A, class IN.
const ADDRESS_QUESTION: [u8; 4] = [0, 1, 0, 1];

/// The server; it answers every question for an address with the same one, to be kept for no time at all.
pub struct Names {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    answer: Mutex<Ipv4Addr>,
    asked: AtomicU32,
    stop: AtomicBool,
}

impl Names {
    /// Serves at `listen`, port 53, and answers `answer`.
    pub fn serve(listen: Ipv4Addr, answer: Ipv4Addr) -> Result<Self> {
        let socket = UdpSocket::bind((listen, PORT)).context("the name server's port is taken")?;
        socket.set_read_timeout(Some(POLL))?;
        let shared = Arc::new(Shared {
            answer: Mutex::new(answer),
            asked: AtomicU32::new(0),
            stop: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        let thread = std::thread::spawn(move || serving.run(&socket));
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Moves the name.
    pub fn point_to(&self, answer: Ipv4Addr) {
        *self.shared.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }

    /// How many questions it has answered.
    pub fn asked(&self) -> u32 {
        self.shared.asked.load(Ordering::Relaxed)
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl Shared {
    fn run(&self, socket: &UdpSocket) {
        let mut packet = [0; 512];
        while !self.stop.load(Ordering::Relaxed) {
            let Ok((length, from)) = socket.recv_from(&mut packet) else {
                continue;
            };
            let answer = *self.answer.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(reply) = reply(&packet[..length], answer) {
                self.asked.fetch_add(1, Ordering::Relaxed);
                socket.send_to(&reply, from).ok();
            }
        }
    }
}

/// The answer to a query of one question; none to what is no such query.
fn reply(query: &[u8], answer: Ipv4Addr) -> Option<Vec<u8>> {
    let mut end = HEADER;
    loop {
        let label = usize::from(*query.get(end)?);
        end += 1 + label;
        if label == 0 {
            break;
        }
    }
    let question = query.get(HEADER..end + 4)?;
    let is_address = question.ends_with(&ADDRESS_QUESTION);
    let mut reply = query.get(..2)?.to_vec();
    // A response to a recursive query, without error; one question, and one answer or none.
    reply.extend([0x81, 0x80, 0, 1, 0, u8::from(is_address), 0, 0, 0, 0]);
    reply.extend(question);
    if is_address {
        // The name above, type A, class IN, no time to live, four bytes.
        reply.extend([0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        reply.extend(answer.octets());
    }
    Some(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_answered_and_nothing_else() {
        let mut query = vec![7, 8, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        query.extend(b"\x06muster\x04test\x00");
        let address = [query.clone(), ADDRESS_QUESTION.to_vec()].concat();
        let reply_to = |query: &[u8]| reply(query, Ipv4Addr::new(198, 18, 0, 1));
        let answered = reply_to(&address).unwrap();
        assert_eq!(answered[..2], [7, 8]);
        assert!(answered.ends_with(&[198, 18, 0, 1]));
        let other = reply_to(&[query.clone(), vec![0, 28, 0, 1]].concat()).unwrap();
        assert_eq!(other[7], 0, "no address of another kind");
        for length in 0..address.len() {
            assert_eq!(reply_to(&address[..length]), None);
        }
    }
}
