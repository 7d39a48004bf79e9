//! Sessions: presence, coming back, taking over, renewal, removal.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use muster_agent::link::LinkEnd;
use muster_base::UnixMs;
use tokio::{net::UdpSocket, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Plane, until};
use crate::link::{LinkEvent, Status};

#[tokio::test]
async fn presence_follows_the_connection() {
    let plane = Plane::start().await;
    let host = plane.joined().await;
    let mut events = plane.app.links.events();

    let mut running = host.run();
    let connected = events.recv().await.unwrap();
    assert!(matches!(connected, LinkEvent::Connected { host: id, .. } if id == host.id));
    let shown = plane.shown(host.id).await.unwrap();
    assert_eq!(shown.status, Status::Online);
    assert_eq!(shown.inner_ip.as_deref(), Some("127.0.0.1"));
    running.config.changed().await.unwrap();
    assert_eq!(
        running.config.borrow().sample_interval_s,
        plane.app.config.link.sample_interval_s
    );

    plane.clock.advance(UnixMs::MINUTE);
    assert_eq!(
        plane.shown(host.id).await.unwrap().status,
        Status::Degraded,
        "connected but silent"
    );

    running.stop().await;
    let gone = events.recv().await.unwrap();
    assert!(matches!(gone, LinkEvent::Disconnected { host: id, .. } if id == host.id));
    assert_eq!(plane.shown(host.id).await.unwrap().status, Status::Offline);
    plane.stop().await;
}

#[tokio::test]
async fn an_agent_comes_back_after_the_control_plane_was_away() {
    let mut plane = Plane::start().await;
    let host = plane.joined().await;
    let running = host.run();
    plane.until_online(host.id).await;

    plane.stop().await;
    plane.start_again().await;

    plane.until_online(host.id).await;
    running.stop().await;
    plane.stop().await;
}

#[tokio::test]
async fn a_host_that_falls_silent_is_known_to_be_offline_within_fifteen_seconds() {
    let plane = Plane::start().await;
    let host = plane.joined().await;
    let wire = Wire::to(plane.address).await;
    let running = host.run_to(Some(wire.address.to_string()));
    plane.until_online(host.id).await;

    wire.cut();
    let cut_at = Instant::now();
    plane.until_offline(host.id).await;
    assert!(
        cut_at.elapsed() < Duration::from_secs(15),
        "{:?}",
        cut_at.elapsed()
    );

    wire.mend();
    plane.until_online(host.id).await;
    running.stop().await;
    wire.stop().await;
    plane.stop().await;
}

#[tokio::test]
async fn a_removed_host_is_cut_off_at_once_and_its_certificate_refused_from_then_on() {
    let mut plane = Plane::start().await;
    let (host, other) = (plane.joined().await, plane.joined().await);
    let copy = host.copied();
    let (running, bystander) = (host.run(), other.run());
    plane.until_online(host.id).await;
    plane.until_online(other.id).await;

    let removed_at = Instant::now();
    plane.remove(host.id).await;
    assert_eq!(running.ended().await, LinkEnd::Removed);
    assert!(
        removed_at.elapsed() < Duration::from_secs(3),
        "{:?}",
        removed_at.elapsed()
    );
    assert!(!plane.app.links.is_online(host.id));
    assert!(plane.shown(host.id).await.is_none());
    assert_refused_as_revoked(&copy).await;

    // Also after a restart, when nothing but the database remembers.
    plane.stop().await;
    plane.start_again().await;
    assert_refused_as_revoked(&copy.copied()).await;
    assert!(!plane.app.links.is_online(host.id));
    plane.until_online(other.id).await;
    bystander.stop().await;
    plane.stop().await;
}

async fn assert_refused_as_revoked(host: &super::Host) {
    let running = host.run();
    until("the certificate is refused", async || {
        host.last_error().is_some_and(|error| error.contains("Revoked"))
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn the_newer_of_two_sessions_wins() {
    let plane = Plane::start().await;
    let host = plane.joined().await;
    let copy = host.copied();
    let first = host.run();
    plane.until_online(host.id).await;
    let session = async || plane.app.links.presence(host.id).map(|presence| presence.session);
    let older = session().await;

    let second = copy.run();
    until("the newer session is in its place", async || {
        let now = session().await;
        now.is_some() && now != older
    })
    .await;
    until("the older agent was told", async || {
        host.last_error().is_some_and(|error| error.contains("took over"))
    })
    .await;
    assert!(
        plane.app.links.is_online(host.id),
        "the older session's clean-up left the newer one alone"
    );
    first.stop().await;
    assert!(plane.app.links.is_online(host.id));
    second.stop().await;
    plane.stop().await;
}

#[tokio::test]
async fn a_certificate_is_renewed_at_two_thirds_of_its_life() {
    let plane = Plane::start().await;
    let host = plane.joined().await;
    let first = host.identity().certificate().unwrap();
    plane.clock.advance(5 * UnixMs::DAY);

    let running = host.run();

    until("the new certificate is kept", async || {
        host.identity().certificate().unwrap() != first
    })
    .await;
    let second = host.identity().certificate().unwrap();
    assert_eq!(second.id, first.id);
    assert_eq!(second.not_after, plane.clock.now().plus_ms(7 * UnixMs::DAY));
    // The old one ends; the new one carries on.
    plane.clock.advance(3 * UnixMs::DAY);
    // It counts as the host's from when the host shows it.
    until("the new certificate is shown", async || {
        plane.shown(host.id).await.unwrap().certificate_expires_at == second.not_after
    })
    .await;
    plane.until_online(host.id).await;
    running.stop().await;
    plane.stop().await;
}

#[tokio::test]
async fn a_host_that_was_away_until_its_certificate_expired_renews_it_and_is_back() {
    let plane = Plane::start().await;
    let (host, removed) = (plane.joined().await, plane.joined().await);
    let first = host.identity().certificate().unwrap();
    plane.remove(removed.id).await;
    plane.clock.advance(10 * UnixMs::DAY);
    assert!(first.not_after < plane.clock.now());

    let running = host.run();

    plane.until_online(host.id).await;
    assert!(host.identity().certificate().unwrap().not_after > plane.clock.now());
    assert_refused_as_revoked(&removed).await;
    running.stop().await;
    plane.stop().await;
}

#[tokio::test]
async fn a_host_that_another_control_plane_removed_is_cut_off_here() {
    let plane = Plane::start().await;
    let host = plane.joined().await;
    let running = host.run();
    plane.until_online(host.id).await;
    plane.remove_elsewhere(host.id).await;
    assert_eq!(running.ended().await, LinkEnd::Removed);
    plane.stop().await;
}

/// A cable between an agent and the control plane, that can be cut.
struct Wire {
    address: SocketAddr,
    cut: Arc<AtomicBool>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Wire {
    /// For one agent, whatever ports it comes from.
    async fn to(server: SocketAddr) -> Self {
        let near = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let far = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        far.connect(server).await.unwrap();
        let wire = Self {
            address: near.local_addr().unwrap(),
            cut: Arc::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let (cut, stop) = (wire.cut.clone(), wire.stop.clone());
        wire.tasks.spawn(async move {
            let (mut out, mut back) = (vec![0; 65_536], vec![0; 65_536]);
            let mut agent = None;
            loop {
                tokio::select! {
                    Ok((length, from)) = near.recv_from(&mut out) => {
                        agent = Some(from);
                        if !cut.load(Ordering::Relaxed) {
                            drop(far.send(&out[..length]).await);
                        }
                    }
                    Ok(length) = far.recv(&mut back) => {
                        if let Some(agent) = agent && !cut.load(Ordering::Relaxed) {
                            drop(near.send_to(&back[..length], agent).await);
                        }
                    }
                    () = stop.cancelled() => break,
                }
            }
        });
        wire
    }

    fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }

    fn mend(&self) {
        self.cut.store(false, Ordering::Relaxed);
    }

    async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
