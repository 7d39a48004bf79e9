//! Connections: accepted, counted, served, and cut where somebody only holds them.
//!
//! Whoever connects must have sent the head of a request soon, and a connection between two requests is kept for a while
//! only. An address has so many connections at a time, proxies that are trusted and this machine excepted; all together
//! have so many that descriptors are left for everything else. What is beyond the first is closed, what is beyond the
//! second waits in the kernel's line.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::Future,
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    extract::{ConnectInfo, Request},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use tower::ServiceExt as _;
use tracing::{debug, warn};

/// What connections may do.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    /// Connections at a time.
    pub(super) total: usize,
    /// Of one address, or IPv6 /64.
    pub(super) each: usize,
    /// Until the first request's head is there.
    pub(super) first: Duration,
    /// Until the next one's; reverse proxies keep theirs for a minute.
    pub(super) idle: Duration,
    /// Addresses that many people come from.
    pub(super) open: Vec<IpAddr>,
}

impl Limits {
    /// Those of the product; `proxies` are trusted.
    pub(super) fn new(proxies: &[IpAddr]) -> Self {
        let loopback = [IpAddr::from([127, 0, 0, 1]), Ipv6Addr::LOCALHOST.into()];
        Self {
            total: 8_192,
            each: 512,
            first: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            open: proxies.iter().copied().chain(loopback).collect(),
        }
    }
}

/// Serves until `stop` ends; requests that are under way then have `patience`.
pub(super) async fn serve(
    listener: TcpListener,
    routes: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
    patience: Duration,
) {
    let seats = Arc::new(Semaphore::new(limits.total));
    let addresses = Addresses::default();
    let ending = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        let next = async {
            let seat = seats.clone().acquire_owned().await;
            (seat, accept(&listener).await)
        };
        let (seat, (stream, peer)) = tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => continue,
            next = next => next,
        };
        let Some(place) = addresses.enter(peer.ip(), &limits) else {
            debug!(peer.ip = %peer.ip(), "an address has too many connections");
            continue;
        };
        let (heard, first) = watch::channel(false);
        let routes = routes.clone();
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            heard.send_replace(true);
            request.extensions_mut().insert(ConnectInfo(peer));
            let request: Request = request.map(axum::body::Body::new);
            let answer = routes.clone().oneshot(request);
            async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.idle)
            .serve_connection(TokioIo::new(stream), service);
        let connection = ending.watch(connection);
        connections.spawn(async move {
            let _held = (seat, place);
            tokio::select! {
                ended = connection => {
                    if let Err(error) = ended {
                        debug!(peer.ip = %peer.ip(), %error, "a connection ended badly");
                    }
                }
                () = silent(first, limits.first) => {
                    debug!(peer.ip = %peer.ip(), "no request came");
                }
            }
        });
    }
    drop(listener);
    // Event streams end when the process stops; whatever else is still open after this time is cut off.
    timeout(patience, ending.shutdown()).await.ok();
    connections.shutdown().await;
}

/// Ends if nothing is heard in time.
async fn silent(mut heard: watch::Receiver<bool>, time: Duration) {
    let came = timeout(time, heard.wait_for(|heard| *heard))
        .await
        .is_ok_and(|heard| heard.is_ok());
    if came {
        std::future::pending::<()>().await;
    }
}

/// The next connection. Where there is none to be had (no descriptors left), the next try is a second later.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Small answers go at once.
                stream.set_nodelay(true).ok();
                return (stream, peer);
            }
            Err(error) if is_of_the_peer(&error) => {}
            Err(error) => {
                warn!(%error, "no connection can be accepted");
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// The peer was gone before it was accepted.
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// How many connections each address has.
#[derive(Debug, Clone, Default)]
struct Addresses(Arc<Mutex<HashMap<IpAddr, usize>>>);

impl Addresses {
    /// `None` if it has as many as it may have.
    fn enter(&self, ip: IpAddr, limits: &Limits) -> Option<Place> {
        let ip = customer(ip);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(ip).or_default();
        if *count >= limits.each && !limits.open.iter().any(|open| customer(*open) == ip) {
            return None;
        }
        *count += 1;
        Some(Place(self.clone(), ip))
    }
}

/// Given back when it is dropped.
struct Place(Addresses, IpAddr);

impl Drop for Place {
    fn drop(&mut self) {
        let Self(addresses, ip) = self;
        let mut counts = addresses.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(ip) {
            *count -= 1;
            if *count == 0 {
                counts.remove(ip);
            }
        }
    }
}

/// Whose an address is: a /64 is one customer's; an IPv4 address may be written as IPv6.
pub fn customer(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(six) if !six.is_loopback() => {
            let network = u128::from(six) & !u128::from(u64::MAX);
            Ipv6Addr::from(network).into()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        sync::oneshot,
    };

    use super::*;

    const LONG: Duration = Duration::from_mins(1);
    const WHOLE: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    struct Server {
        address: SocketAddr,
        stop: oneshot::Sender<()>,
        serving: JoinSet<()>,
    }

    async fn server(limits: Limits) -> Server {
        let routes = Router::new().route(
            "/",
            get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string()),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let stopped = async { stopped.await.unwrap_or(()) };
            serve(listener, routes, limits, stopped, LONG).await;
        });
        Server {
            address,
            stop,
            serving,
        }
    }

    fn limits() -> Limits {
        Limits {
            open: Vec::new(),
            first: LONG,
            ..Limits::new(&[])
        }
    }

    async fn send(server: &Server, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream
    }

    /// What comes until the end of the connection.
    async fn rest(mut stream: TcpStream) -> String {
        let mut text = Vec::new();
        let read = timeout(LONG, stream.read_to_end(&mut text))
            .await
            .expect("it is not cut");
        read.ok();
        String::from_utf8(text).unwrap()
    }

    async fn answer(stream: &mut TcpStream) -> String {
        let mut text = vec![0; 4_096];
        let read = timeout(LONG, stream.read(&mut text)).await.unwrap().unwrap();
        String::from_utf8(text[..read].to_vec()).unwrap()
    }

    #[tokio::test]
    async fn who_only_begins_a_request_is_cut_and_others_are_served() {
        let first = Duration::from_millis(300);
        let server = server(Limits { first, ..limits() }).await;
        let silent = send(&server, b"").await;
        let slow = send(&server, b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ").await;
        let mut honest = send(&server, WHOLE).await;
        assert!(answer(&mut honest).await.starts_with("HTTP/1.1 200"));
        assert_eq!(rest(silent).await, "");
        assert_eq!(rest(slow).await, "");
        honest.write_all(WHOLE).await.unwrap();
        let peer = honest.local_addr().unwrap().to_string();
        assert!(
            answer(&mut honest).await.ends_with(&peer),
            "kept, and told its peer"
        );
    }

    #[tokio::test]
    async fn a_connection_without_a_next_request_ends() {
        let idle = Duration::from_millis(300);
        let server = server(Limits { idle, ..limits() }).await;
        let stream = send(&server, WHOLE).await;
        assert!(rest(stream).await.starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn an_address_has_its_share_and_gets_it_back() {
        let server = server(Limits { each: 2, ..limits() }).await;
        let mut one = send(&server, WHOLE).await;
        let mut two = send(&server, WHOLE).await;
        answer(&mut one).await;
        answer(&mut two).await;
        assert_eq!(rest(send(&server, WHOLE).await).await, "", "the third is closed");
        drop(one);
        timeout(LONG, async {
            while answer(&mut send(&server, WHOLE).await).await.is_empty() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("its place is free again");
    }

    #[tokio::test]
    async fn more_than_all_may_have_wait_in_line() {
        let server = server(Limits { total: 1, ..limits() }).await;
        let mut one = send(&server, WHOLE).await;
        answer(&mut one).await;
        let mut two = send(&server, WHOLE).await;
        drop(one);
        assert!(answer(&mut two).await.starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn it_stops_although_somebody_holds_a_connection() {
        let mut server = server(limits()).await;
        let mut held = send(&server, WHOLE).await;
        answer(&mut held).await;
        server.stop.send(()).unwrap();
        let ended = timeout(LONG, server.serving.join_next()).await;
        ended.expect("it ends").unwrap().unwrap();
        assert!(TcpStream::connect(server.address).await.is_err());
    }

    #[test]
    fn proxies_and_this_machine_are_not_counted() {
        let proxy = IpAddr::from([10, 0, 0, 1]);
        let limits = Limits {
            each: 1,
            ..Limits::new(&[proxy])
        };
        let addresses = Addresses::default();
        for ip in ["10.0.0.1", "127.0.0.1", "::1", "::ffff:10.0.0.1"] {
            let ip = ip.parse().unwrap();
            let held = [addresses.enter(ip, &limits), addresses.enter(ip, &limits)];
            assert!(held.iter().all(Option::is_some), "{ip}");
        }
        let held = addresses.enter("2001:db8::1".parse().unwrap(), &limits);
        assert!(held.is_some() && addresses.enter("2001:db8::2".parse().unwrap(), &limits).is_none());
        drop(held);
        assert!(addresses.enter("2001:db8::2".parse().unwrap(), &limits).is_some());
        assert_eq!(addresses.0.lock().unwrap().len(), 0, "nothing is left of them");
    }
}
