//! Whether the ports are ours or free, and answer.

use std::{fs::File, io, net::SocketAddr, path::Path, time::Duration};

use muster_base::doctor::Finding;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
    time::timeout,
};

use crate::config::Config;

const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn look(config: &Config, data: &Path) -> Vec<Finding> {
    let serves = serves(data);
    let mut findings = vec![Finding::ok(
        "ports.serving",
        if serves {
            "a control plane serves this directory"
        } else {
            "no control plane serves this directory"
        },
    )];
    findings.push(http(config.http.listen, serves).await);
    findings.push(agents(config.link.listen, serves).await);
    findings
}

/// Whoever serves holds the directory's lock.
fn serves(data: &Path) -> bool {
    File::open(data.join("muster.lock")).is_ok_and(|file| file.try_lock_shared().is_err())
}

async fn http(listen: SocketAddr, serves: bool) -> Finding {
    const CHECK: &str = "ports.http";
    if !serves {
        return free(
            CHECK,
            &format!("TCP {listen}"),
            TcpListener::bind(listen).await.map(drop),
        );
    }
    match timeout(PATIENCE, healthy(reachable(listen))).await {
        Ok(Ok(true)) => Finding::ok(CHECK, format!("TCP {listen} answers")),
        Ok(Ok(false)) => Finding::problem(
            CHECK,
            format!("TCP {listen} is not answered by Muster"),
            "people and CI reach another program, or none",
            "look who has the port (ss -ltnp); set http.listen",
        ),
        Ok(Err(_)) | Err(_) => Finding::problem(
            CHECK,
            format!("TCP {listen} does not answer"),
            "people and CI can't reach the control plane",
            "look at the control plane's log; is http.listen what it was started with?",
        ),
    }
}

async fn healthy(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    let ask = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(ask).await?;
    let mut answer = String::new();
    stream.take(64 << 10).read_to_string(&mut answer).await?;
    Ok(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok\n"))
}

async fn agents(listen: SocketAddr, serves: bool) -> Finding {
    const CHECK: &str = "ports.agents";
    let bound = UdpSocket::bind(listen).await.map(drop);
    match bound {
        Ok(()) if serves => Finding::problem(
            CHECK,
            format!("nobody listens on UDP {listen}"),
            "hosts can't reach the control plane",
            "look at the control plane's log; is link.listen what it was started with?",
        ),
        Err(error) if serves && error.kind() == io::ErrorKind::AddrInUse => {
            Finding::ok(CHECK, format!("UDP {listen} is taken, as it should be"))
        }
        bound => free(CHECK, &format!("UDP {listen}"), bound),
    }
}

fn free(check: &'static str, port: &str, bound: io::Result<()>) -> Finding {
    match bound {
        Ok(()) => Finding::ok(check, format!("{port} is free")),
        Err(error) => Finding::problem(
            check,
            format!("{port} can't be had: {error}"),
            "the control plane does not start without its ports",
            "look who has it (ss -lntup), or set http.listen and link.listen",
        ),
    }
}

/// Where a listener on every address is reached from here.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let mut address = listen;
    if address.ip().is_unspecified() {
        address.set_ip(match listen {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}
