//! Bad peers at the HTTP port.

use super::{Target, address};
use anyhow::Result;
use muster_base::random_array;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

/// Of each slow kind at a time.
pub(super) const SLOW: usize = 100;

const DROP_BY_DROP: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(200);
/// Whoever sends no whole head is cut off after ten seconds.
const HEAD_WITHIN: Duration = Duration::from_secs(14);
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
const MIB: usize = 1 << 20;
/// Requests of one who reads no answer.
const UNREAD: usize = 10;

const LOGIN: &str = "POST /api/v1/auth/login HTTP/1.1\r\nHost: muster\r\nContent-Type: application/json\r\n";

async fn connect(target: &Target, kind: u8, number: usize) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(address(kind, number), 0))?;
    Ok(socket.connect(target.http).await?)
}

/// A head that never ends, byte by byte.
pub(super) async fn slow_head(target: Arc<Target>, number: usize) -> Result<()> {
    loop {
        let mut stream = connect(&target, 20, number).await?;
        target.made("heads that come a byte at a time");
        let began = Instant::now();
        if stream
            .write_all(b"GET / HTTP/1.1\r\nHost: muster\r\nX-Slow: ")
            .await
            .is_ok()
        {
            drip(&mut stream).await;
        }
        if began.elapsed() > HEAD_WITHIN {
            target.fault(format!("a head could take {:?}", began.elapsed()));
        }
        sleep(PAUSE).await;
    }
}

/// A body that never ends, byte by byte.
pub(super) async fn slow_body(target: Arc<Target>, number: usize) -> Result<()> {
    loop {
        let mut stream = connect(&target, 21, number).await?;
        target.made("bodies that come a byte at a time");
        let head = format!("{LOGIN}Content-Length: 100000\r\n\r\n{{");
        if stream.write_all(head.as_bytes()).await.is_ok() {
            drip(&mut stream).await;
        }
        sleep(PAUSE).await;
    }
}

/// Sends a byte from time to time until the other side has enough.
async fn drip(stream: &mut TcpStream) {
    let mut answer = [0; 1_024];
    loop {
        match timeout(DROP_BY_DROP, stream.read(&mut answer)).await {
            Ok(_) => return,
            Err(_) => {
                if stream.write_all(b"a").await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Heads and bodies that are too large. One that is only announced is a slow one, and has as long as every request.
pub(super) async fn large(target: Arc<Target>) -> Result<()> {
    let mut head = String::from("GET / HTTP/1.1\r\nHost: muster\r\n");
    while head.len() < MIB {
        head.push_str("X-Large: ");
        head.push_str(&"a".repeat(8_000));
        head.push_str("\r\n");
    }
    let mut many = String::from("GET / HTTP/1.1\r\nHost: muster\r\n");
    for number in 0..5_000 {
        write!(many, "X-{number}: a\r\n")?;
    }
    let mut sent = format!("{LOGIN}Content-Length: {}\r\n\r\n{{", 8 * MIB).into_bytes();
    sent.resize(8 * MIB, b' ');
    let mut chunked = format!("{LOGIN}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..128 {
        chunked.extend_from_slice(b"10000\r\n");
        chunked.resize(chunked.len() + (64 << 10), b' ');
        chunked.extend_from_slice(b"\r\n");
    }
    let all = [
        ("heads too large", head.into_bytes()),
        ("heads too large", many.into_bytes()),
        ("bodies too large", sent),
        ("bodies too large", chunked),
    ];
    loop {
        for (kind, bytes) in &all {
            let stream = connect(&target, 22, 0).await?;
            target.made(kind);
            say(&target, kind, stream, bytes, false).await;
        }
        sleep(PAUSE * 10).await;
    }
}

/// Heads and bodies that end in the middle.
pub(super) async fn cut_off(target: Arc<Target>) -> Result<()> {
    let whole = format!("{LOGIN}Content-Length: 40\r\n\r\n{{\"login\": \"ad");
    let chunk = format!("{LOGIN}Transfer-Encoding: chunked\r\n\r\nff\r\n{{\"login\"");
    let all = [
        ("heads cut off", "GET / HT"),
        ("heads cut off", "POST /api/v1/auth/login HTTP/1.1\r\nContent-Le"),
        ("bodies cut off", whole.as_str()),
        ("bodies cut off", chunk.as_str()),
    ];
    loop {
        for (kind, text) in all {
            let stream = connect(&target, 23, 0).await?;
            target.made(kind);
            say(&target, kind, stream, text.as_bytes(), true).await;
        }
        sleep(PAUSE).await;
    }
}

/// What is no HTTP/1, or only looks like it.
pub(super) async fn garbage(target: Arc<Target>) -> Result<()> {
    let tls = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[0; 512]].concat();
    let lies = format!("{LOGIN}Content-Length: 5\r\nContent-Length: 50\r\n\r\n{{}}");
    let both = format!("{LOGIN}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{{}}");
    let all = [
        tls,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x12\x04\0\0\0\0\0".to_vec(),
        b"GET /\0\xff\xfe HTTP/1.1\r\nHost: \x01\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        lies.into_bytes(),
        both.into_bytes(),
    ];
    loop {
        for bytes in all.iter().cloned().chain([random_array::<1_000>().to_vec()]) {
            let stream = connect(&target, 24, 0).await?;
            target.made("what is no HTTP");
            say(&target, "what is no HTTP", stream, &bytes, true).await;
        }
        sleep(PAUSE).await;
    }
}

/// Asks and asks, and reads no answer.
pub(super) async fn deaf(target: Arc<Target>) -> Result<()> {
    let requests =
        "GET /api/v1/openapi.json HTTP/1.1\r\nHost: muster\r\nAccept-Encoding: gzip\r\n\r\n".repeat(UNREAD);
    loop {
        let mut held = Vec::new();
        for number in 0..2 {
            let mut stream = connect(&target, 25, number).await?;
            target.made("answers that nobody reads");
            drop(timeout(PAUSE, stream.write_all(requests.as_bytes())).await);
            held.push(stream);
        }
        sleep(Duration::from_secs(2)).await;
    }
}

/// Says it all, ends there if `and_ends`, and looks at the answer: there must be none, or a refusal.
async fn say(target: &Target, kind: &str, mut stream: TcpStream, bytes: &[u8], and_ends: bool) {
    let (mut read, mut write) = stream.split();
    let saying = async {
        // Whoever is refused early can't say the rest.
        drop(write.write_all(bytes).await);
        if and_ends {
            drop(write.shutdown().await);
        }
    };
    let mut answer = [0; 64];
    let hearing = async {
        let length = read.read(&mut answer).await.unwrap_or_default();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    };
    let heard = timeout(ANSWERED_WITHIN, async { tokio::join!(saying, hearing).1 });
    match heard.await {
        Ok(heard) => {
            let status = heard.split(' ').nth(1).unwrap_or_default();
            if status.starts_with('2') || status.starts_with('5') {
                target.fault(format!("{kind} are answered with {status}"));
            }
        }
        Err(_) => target.fault(format!("{kind} get no answer and are kept")),
    }
}
