//! Waiting for the new container to be healthy, within the time that the order gives it.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use muster_protocol::latest::HealthCheck;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use super::{Deploy, StepError};
use crate::worker::docker::{Found, Health};

const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Most programs are up in a moment: the first looks follow each other quickly, each after twice the time of the one
/// before, until the check's own interval is reached.
const FIRST_LOOKS: Duration = Duration::from_millis(10);
/// [`HealthCheck::Running`]: healthy once it has run for this long.
const SETTLED: Duration = Duration::from_secs(3);
/// Nobody waits longer for a container, whatever the order says: it holds up the orders behind it.
const MAX_PATIENCE: Duration = Duration::from_hours(1);
/// Nor longer from one look to the next, or for one answer.
const MAX_PAUSE: Duration = Duration::from_mins(1);
/// A container that fell over this often does not come up; before that, it may be waiting for something else.
const TOO_MANY_RESTARTS: i64 = 3;
const STATUS_LINE_MAX: usize = 512;

/// Waits until the container is healthy; the error says why it is not.
pub(super) async fn wait(deploy: &Deploy<'_>, container: &str) -> Result<(), StepError> {
    let began = Instant::now();
    let patience = Duration::from_millis(deploy.spec.health_timeout_ms).min(MAX_PATIENCE);
    let give_up = began + patience;
    let check = &deploy.spec.container.health;
    let mut quick = FIRST_LOOKS;
    loop {
        let Some(found) = deploy.engine.find(container).await? else {
            return unhealthy("somebody removed the new container".to_owned());
        };
        fallen(&found, check)?;
        let news = look(check, &found, began).await;
        let why = match news {
            // It may have fallen over while it was asked.
            News::Healthy if is_up_still(deploy, container, &found).await? => return Ok(()),
            News::Healthy => "it answered and fell over".to_owned(),
            News::Never(why) => return unhealthy(why),
            News::NotYet(why) => why,
        };
        if Instant::now() >= give_up {
            return unhealthy(format!(
                "the new container was not healthy within {} ms: {why}; its last lines are in the log",
                patience.as_millis()
            ));
        }
        tokio::select! {
            () = deploy.cancel.cancelled() => return Err(StepError::Cancelled),
            () = sleep(pause(check).min(quick)) => {}
        }
        quick = quick.saturating_mul(2);
    }
}

async fn is_up_still(deploy: &Deploy<'_>, container: &str, before: &Found) -> Result<bool, StepError> {
    let now = deploy.engine.find(container).await?;
    Ok(now.is_some_and(|now| now.running && now.restarts == before.restarts))
}

enum News {
    Healthy,
    NotYet(String),
    Never(String),
}

async fn look(check: &HealthCheck, found: &Found, began: Instant) -> News {
    match check {
        HealthCheck::Running if !found.running => News::NotYet("it does not run".to_owned()),
        HealthCheck::Running if began.elapsed() >= SETTLED => News::Healthy,
        HealthCheck::Running => News::NotYet("it has not run for three seconds".to_owned()),
        HealthCheck::Image | HealthCheck::Command { .. } => match found.health {
            Some(Health::Healthy) => News::Healthy,
            Some(Health::Starting) => News::NotYet("its health check has not passed yet".to_owned()),
            Some(Health::Unhealthy) => News::Never("its health check failed".to_owned()),
            None if found.running => {
                News::Never("its image has no HEALTHCHECK; choose another check".to_owned())
            }
            None => News::NotYet("it does not run".to_owned()),
        },
        HealthCheck::Http {
            port,
            path,
            timeout_ms,
            ..
        } => probe(found, *port, *timeout_ms, async |at| http(at, path).await).await,
        HealthCheck::Tcp { port, timeout_ms, .. } => {
            probe(found, *port, *timeout_ms, async |at| {
                TcpStream::connect(at).await.map(drop).map_err(|e| e.to_string())
            })
            .await
        }
    }
}

/// Asks the container itself, at its own address: the engine's proxy on a published port accepts connections before
/// anything listens behind it.
async fn probe(
    found: &Found,
    port: u16,
    timeout_ms: u64,
    ask: impl AsyncFnOnce(SocketAddr) -> Result<(), String>,
) -> News {
    let address: IpAddr = match found.address {
        Some(address) if found.running => address,
        None if found.running => IpAddr::from([127, 0, 0, 1]),
        Some(_) | None => return News::NotYet("it does not run".to_owned()),
    };
    let at = SocketAddr::new(address, port);
    let limit = Duration::from_millis(timeout_ms.max(1)).min(MAX_PAUSE);
    match timeout(limit, ask(at)).await {
        Ok(Ok(())) => News::Healthy,
        Ok(Err(why)) => News::NotYet(format!("port {port}: {why}")),
        Err(_) => News::NotYet(format!("port {port}: no answer within {} ms", limit.as_millis())),
    }
}

/// A `GET` that reads only the status line; a whole HTTP client for that would double the worker.
async fn http(at: SocketAddr, path: &str) -> Result<(), String> {
    let text = |e: std::io::Error| e.to_string();
    // A line break in the path would be a second header.
    let path: String = path.chars().filter(|c| !c.is_control() && *c != ' ').collect();
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut stream = TcpStream::connect(at).await.map_err(text)?;
    let request = format!(
        "GET {slash}{path} HTTP/1.1\r\nHost: {at}\r\nUser-Agent: muster-worker\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.map_err(text)?;
    let mut head = Vec::with_capacity(STATUS_LINE_MAX);
    while head.len() < STATUS_LINE_MAX && !head.contains(&b'\n') {
        if stream.read_buf(&mut head).await.map_err(text)? == 0 {
            break;
        }
    }
    match status(&head) {
        Some(code @ 200..=399) => {
            tracing::debug!(code, "healthy");
            Ok(())
        }
        Some(code) => Err(format!("it answered with status {code}")),
        None => Err("it did not answer in HTTP".to_owned()),
    }
}

fn status(head: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(head.split(|&b| b == b'\r' || b == b'\n').next()?).ok()?;
    let mut words = line.split(' ');
    words.next().filter(|word| word.starts_with("HTTP/1."))?;
    words.next()?.parse().ok()
}

/// Whether the container has fallen and won't come up any more.
fn fallen(found: &Found, check: &HealthCheck) -> Result<(), StepError> {
    let patient = !matches!(check, HealthCheck::Running);
    let restarted = found.restarting || found.restarts > 0;
    if found.restarts >= TOO_MANY_RESTARTS || (restarted && !patient) {
        return unhealthy(format!(
            "the new container exits right after its start (exit code {}, {} restarts); its last lines are in the log",
            found.exit_code, found.restarts
        ));
    }
    if !found.running && !found.restarting {
        let why = if found.error.is_empty() {
            String::new()
        } else {
            format!(": {}", found.error)
        };
        return unhealthy(format!(
            "the new container exited with code {}{why}; its last lines are in the log",
            found.exit_code
        ));
    }
    Ok(())
}

fn pause(check: &HealthCheck) -> Duration {
    match check {
        HealthCheck::Running | HealthCheck::Image | HealthCheck::Command { .. } => LOOK_AGAIN,
        HealthCheck::Http { interval_ms, .. } | HealthCheck::Tcp { interval_ms, .. } => {
            Duration::from_millis((*interval_ms).max(50)).min(MAX_PAUSE)
        }
    }
}

fn unhealthy<T>(why: String) -> Result<T, StepError> {
    Err(StepError::Unhealthy(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_can_t_make_us_wait_for_ever() {
        for check in [
            HealthCheck::Tcp {
                port: 1,
                interval_ms: u64::MAX,
                timeout_ms: u64::MAX,
            },
            HealthCheck::Running,
        ] {
            assert!(pause(&check) <= MAX_PAUSE);
        }
    }

    #[test]
    fn status_lines() {
        assert_eq!(status(b"HTTP/1.1 200 OK\r\nServer: x"), Some(200));
        assert_eq!(status(b"HTTP/1.0 503 Service Unavailable\r\n"), Some(503));
        assert_eq!(status(b"SSH-2.0-OpenSSH_9.2\r\n"), None);
        assert_eq!(status(b""), None);
    }
}
