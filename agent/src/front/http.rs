//! HTTP/1 connections: requests go one by one to the container that serves at that moment.
//!
//! Nothing is changed, added or taken away: the front only has to know where messages end (RFC 9112, section 6). A
//! message that says so in two ways, or in a way that is not understood, makes the rest of its connection a plain tunnel to
//! the container where it began: what is not understood is not interpreted. So does an upgrade (`101`, `CONNECT`).
//!
//! Between two requests the connection to the container is let go of when another serves now. A request without a body
//! that may be asked twice, and that a container did not answer with a single byte because it closed a connection that was
//! kept, is asked again once; other requests get a connection of their own.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::TcpStream,
    sync::watch,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    framing::{Body, Head, Progress, Read, request, response},
    serve::{Guest, Target, enter},
    tcp,
};

const CHUNK: usize = 16 * 1024;
/// A container that was told to stop closes what it keeps; who keeps longer without a word is cut off here.
const IDLE: Duration = Duration::from_hours(1);

const BAD_GATEWAY: &[u8] = b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nContent-Length: 28\r\nConnection: close\r\n\r\nthe service does not answer\n";

/// A connection to a container, and the place that it takes there.
struct Upstream {
    stream: TcpStream,
    _guest: Guest,
    used: bool,
}

/// Serves a client's connection to its end.
pub async fn serve(
    mut client: TcpStream,
    mut target: watch::Receiver<Target>,
    closed: CancellationToken,
) -> io::Result<()> {
    let mut inbox = Vec::with_capacity(CHUNK);
    let mut upstream: Option<Upstream> = None;
    loop {
        let head = match next_request(&mut client, &mut inbox, &mut upstream, &mut target, &closed).await? {
            Next::Request(head) => head,
            Next::Opaque => {
                let (address, _guest) = enter(&mut target);
                let mut stream = tcp::connect(address).await?;
                stream.write_all(&inbox).await?;
                copy_bidirectional(&mut client, &mut stream).await?;
                return Ok(());
            }
            Next::End => return Ok(()),
        };
        // A container may close a kept connection at any moment, and not everything may be asked again.
        if !head.idempotent || target.has_changed().unwrap_or(false) {
            upstream = None;
        }
        let kept = match exchange(&mut client, &mut inbox, &mut upstream, &mut target, &head).await? {
            Exchange::Kept => true,
            Exchange::Ended => false,
            Exchange::NoAnswer => {
                drop(client.write_all(BAD_GATEWAY).await);
                false
            }
        };
        if !kept {
            return Ok(());
        }
    }
}

enum Next {
    Request(Head),
    Opaque,
    End,
}

/// Waits for a request. In the meantime the container may close its connection, or another may serve.
async fn next_request(
    client: &mut TcpStream,
    inbox: &mut Vec<u8>,
    upstream: &mut Option<Upstream>,
    target: &mut watch::Receiver<Target>,
    closed: &CancellationToken,
) -> io::Result<Next> {
    loop {
        if !inbox.is_empty() {
            match request(inbox) {
                Read::Head(head) => return Ok(Next::Request(head)),
                Read::Opaque => return Ok(Next::Opaque),
                Read::Partial => {}
            }
        }
        tokio::select! {
            read = timeout(IDLE, client.read_buf(inbox)) => match read {
                Ok(Ok(0)) | Err(_) => return Ok(Next::End),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(error),
            },
            () = gone(upstream.as_ref()), if upstream.is_some() => *upstream = None,
            changed = target.changed(), if upstream.is_some() => {
                if changed.is_err() {
                    return Ok(Next::End);
                }
                *upstream = None;
            }
            () = closed.cancelled(), if inbox.is_empty() => return Ok(Next::End),
        }
    }
}

/// Comes back when the container has closed, or says something that nobody asked for.
async fn gone(upstream: Option<&Upstream>) {
    if let Some(upstream) = upstream {
        // Whatever can be read now is no answer.
        drop(upstream.stream.peek(&mut [0]).await);
    }
}

enum Exchange {
    /// The connection goes on.
    Kept,
    /// It has ended.
    Ended,
    /// The container said nothing.
    NoAnswer,
}

/// One request and its answer.
async fn exchange(
    client: &mut TcpStream,
    inbox: &mut Vec<u8>,
    upstream: &mut Option<Upstream>,
    target: &mut watch::Receiver<Target>,
    head: &Head,
) -> io::Result<Exchange> {
    let may_repeat = head.idempotent && head.body == Body::Length(0);
    loop {
        let mut server = if let Some(server) = upstream.take() {
            server
        } else {
            let (address, guest) = enter(target);
            let Ok(stream) = tcp::connect(address).await else {
                return Ok(Exchange::NoAnswer);
            };
            Upstream {
                stream,
                _guest: guest,
                used: false,
            }
        };
        let mut answer = Vec::with_capacity(CHUNK);
        let asked = ask(client, inbox, &mut server.stream, head, &mut answer).await;
        match asked {
            Ok(heard) => {
                // The rest of a body that nobody wants to hear can't be told from the next request.
                let asked = Head {
                    closes: head.closes || !heard,
                    ..*head
                };
                return reply(client, inbox, server, upstream, &asked, answer).await;
            }
            // It closed what was kept just as we asked.
            Err(_) if answer.is_empty() && may_repeat && server.used => {}
            Err(_) if answer.is_empty() => return Ok(Exchange::NoAnswer),
            Err(error) => return Err(error),
        }
    }
}

/// Sends the request, and reads until the answer's first bytes are here; what was sent leaves the inbox then. Whether it
/// was heard to its end.
async fn ask(
    client: &mut TcpStream,
    inbox: &mut Vec<u8>,
    server: &mut TcpStream,
    head: &Head,
    answer: &mut Vec<u8>,
) -> io::Result<bool> {
    server.write_all(&inbox[..head.bytes]).await?;
    let mut body = Progress::of(head.body);
    let mut sent = head.bytes;
    loop {
        let here = body.advance(&inbox[sent..])?;
        if here > 0 {
            server.write_all(&inbox[sent..sent + here]).await?;
            sent += here;
        }
        if body.is_done() {
            break;
        }
        inbox.drain(..sent);
        sent = 0;
        tokio::select! {
            read = client.read_buf(inbox) => if read? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            },
            // It answers before it has heard everything: `100 Continue`, or it does not want the rest.
            read = server.read_buf(answer) => {
                if read? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                match response(answer, head) {
                    Read::Head(interim) if interim.interim => {
                        client.write_all(&answer[..interim.bytes]).await?;
                        answer.drain(..interim.bytes);
                    }
                    Read::Partial => {}
                    Read::Head(_) | Read::Opaque => return Ok(false),
                }
            }
        }
    }
    if server.read_buf(answer).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    inbox.drain(..sent);
    Ok(true)
}

/// Hands the answer to the client; keeps the connection to the container if it may be used again.
async fn reply(
    client: &mut TcpStream,
    inbox: &mut Vec<u8>,
    mut server: Upstream,
    upstream: &mut Option<Upstream>,
    asked: &Head,
    mut answer: Vec<u8>,
) -> io::Result<Exchange> {
    let head = loop {
        match response(&answer, asked) {
            Read::Head(head) if head.interim => {
                client.write_all(&answer[..head.bytes]).await?;
                answer.drain(..head.bytes);
                continue;
            }
            Read::Head(head) => break head,
            Read::Partial => {}
            Read::Opaque => {
                client.write_all(&answer).await?;
                copy_bidirectional(client, &mut server.stream).await?;
                return Ok(Exchange::Ended);
            }
        }
        if server.stream.read_buf(&mut answer).await? == 0 {
            client.write_all(&answer).await?;
            return Ok(Exchange::Ended);
        }
    };
    if head.tunnel {
        client.write_all(&answer).await?;
        server.stream.write_all(inbox).await?;
        inbox.clear();
        copy_bidirectional(client, &mut server.stream).await?;
        return Ok(Exchange::Ended);
    }
    client.write_all(&answer[..head.bytes]).await?;
    answer.drain(..head.bytes);
    let mut body = Progress::of(head.body);
    loop {
        let here = body.advance(&answer)?;
        client.write_all(&answer[..here]).await?;
        answer.drain(..here);
        if body.is_done() {
            break;
        }
        if server.stream.read_buf(&mut answer).await? == 0 {
            return Ok(Exchange::Ended);
        }
    }
    if asked.closes || head.closes {
        return Ok(Exchange::Ended);
    }
    server.used = true;
    // More than the answer is no beginning of another.
    *upstream = answer.is_empty().then_some(server);
    Ok(Exchange::Kept)
}

#[cfg(test)]
mod tests;
