//! Constant load on a web server of this machine: clients that ask one request after another, without a pause. Every
//! other one keeps its connection, as browsers and pools do; the others make one for each request.
//!
//! A request has failed if it gets no whole answer with status 200 within [`PATIENCE`], whatever the reason. A server that
//! says that it closes may: a client that keeps connections makes a new one then.

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::{Value, json};
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::ops::AddAssign;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);
/// So many failures of a client are told in words.
const TOLD: usize = 3;
/// An answer of a test image is shorter.
const LONGEST: usize = 64 << 10;
/// A client whose request failed tries again after this.
const BREATH: Duration = Duration::from_millis(20);

/// Clients at work. They end when it is dropped.
pub struct Load {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    /// With whether it keeps its connection.
    clients: Vec<(bool, JoinHandle<Counts>)>,
}

/// What came of some clients' requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// All that were made.
    pub requests: usize,
    /// Those that got no good answer.
    pub failed: usize,
    /// Why, of the first.
    pub why: Vec<String>,
}

/// What came of all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Came {
    /// Of clients that keep their connections.
    pub keep_alive: Counts,
    /// Of clients that make one for each request.
    pub closing: Counts,
}

impl Load {
    /// `clients` of them at this port of the loopback address.
    pub fn on(port: u16, clients: usize) -> Self {
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let start = |number: usize| {
            let (stop, asked, keeps) = (Arc::clone(&stop), Arc::clone(&asked), number.is_multiple_of(2));
            (keeps, thread::spawn(move || client(port, keeps, &stop, &asked)))
        };
        let clients = (0..clients).map(start).collect();
        Self { stop, asked, clients }
    }

    /// Waits until so many requests were made from now on, and at least so long.
    pub fn await_more(&self, count: usize, least: Duration) -> Result<()> {
        let (before, began) = (self.asked.load(Ordering::Relaxed), Instant::now());
        loop {
            let more = self.asked.load(Ordering::Relaxed) - before;
            if more >= count && began.elapsed() >= least {
                return Ok(());
            }
            ensure!(
                more >= count || began.elapsed() < PATIENCE + least,
                "the clients stand still: {more} requests"
            );
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Ends it.
    pub fn end(mut self) -> Result<Came> {
        self.stop.store(true, Ordering::Relaxed);
        let mut came = Came::default();
        for (keeps, client) in self.clients.drain(..) {
            let counts = client.join().map_err(|_| anyhow!("a client panicked"))?;
            if keeps {
                came.keep_alive += counts;
            } else {
                came.closing += counts;
            }
        }
        Ok(came)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Came {
    /// Of both kinds.
    pub fn all(&self) -> Counts {
        let mut all = self.keep_alive.clone();
        all += self.closing.clone();
        all
    }
}

impl Counts {
    /// The numbers.
    pub fn to_json(&self) -> Value {
        json!({"requests": self.requests, "failed": self.failed})
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.failed += other.failed;
        self.why.extend(other.why);
    }
}

fn client(port: u16, keeps: bool, stop: &AtomicBool, asked: &AtomicUsize) -> Counts {
    let mut counts = Counts::default();
    let mut kept: Option<TcpStream> = None;
    while !stop.load(Ordering::Relaxed) {
        let asked_at = Instant::now();
        if let Err(error) = request(port, keeps, &mut kept) {
            counts.failed += 1;
            if counts.why.len() < TOLD {
                let after = asked_at.elapsed().as_millis();
                counts
                    .why
                    .push(format!("keeps {keeps}, after {after} ms: {error:#}"));
            }
            thread::sleep(BREATH);
        }
        counts.requests += 1;
        asked.fetch_add(1, Ordering::Relaxed);
    }
    counts
}

/// One request, on the connection that is kept or on a new one.
fn request(port: u16, keeps: bool, kept: &mut Option<TcpStream>) -> Result<()> {
    let mut stream = match kept.take() {
        Some(stream) => stream,
        None => connect(port).context("no connection")?,
    };
    let connection = if keeps { "keep-alive" } else { "close" };
    let asked = format!("GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: {connection}\r\n\r\n");
    stream.write_all(asked.as_bytes())?;
    let mut answer = Vec::new();
    let mut chunk = [0; 1_024];
    loop {
        let read = stream.read(&mut chunk)?;
        answer.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&answer);
        if let Some(closes) = is_whole(&text) {
            ensure!(text.starts_with("HTTP/1.") && text.contains(" 200 "), "{text:?}");
            *kept = (keeps && !closes).then_some(stream);
            return Ok(());
        }
        ensure!(read > 0 && answer.len() < LONGEST, "it broke off after {text:?}");
    }
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Whether the connection ends after this answer, if it is all there.
fn is_whole(text: &str) -> Option<bool> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let head = head.to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))?;
    let whole = length.trim().parse() == Ok(body.len());
    whole.then(|| head.starts_with("http/1.0") || head.contains("connection: close"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_all_of_its_body_is_there() {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n1.0.0";
        assert_eq!(is_whole(answer), Some(false));
        assert_eq!(is_whole(&answer[..answer.len() - 1]), None);
        assert_eq!(is_whole("HTTP/1.1 200 OK\r\n"), None);
        assert_eq!(is_whole(&answer.replacen("1.1", "1.0", 1)), Some(true));
        let closing = answer.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
        assert_eq!(is_whole(&closing), Some(true));
    }
}
