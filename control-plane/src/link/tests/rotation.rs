//! Rotations of the fleet's keys with agents connected, away, and left behind.

use muster_agent::identity::resident_pinned_keys;
use muster_base::UnixMs;
use muster_identity::{certificate::names_issuer, tls};
use muster_protocol::{
    ALPN, KEYS_SINCE,
    latest::{AgentControl, Goodbye, Hello, HostFacts, ServerControl, Welcome},
    read_frame, write_frame,
};
use quinn::{Connection, Endpoint, RecvStream, SendStream};
use tokio::time::timeout;

use super::{Host, PATIENCE, Plane, garbage::connect, until};
use crate::{
    access::{Actor, Identity},
    fleet::rotation::{self, FleetKeyKind, FleetKeyStatus},
};

fn operator() -> Identity {
    Identity {
        actor: Actor::SuperAdmin {
            account: "root".to_owned(),
            session: None,
        },
        ip: None,
        platform: None,
    }
}

async fn key(plane: &Plane, kind: FleetKeyKind, state: &str) -> Option<FleetKeyStatus> {
    let status = rotation::status(&plane.app, &operator()).await.unwrap();
    let keys = match kind {
        FleetKeyKind::Ca => status.ca,
        FleetKeyKind::Signing => status.signing,
    };
    keys.into_iter().find(|key| key.state == state)
}

async fn until_believed(plane: &Plane, kind: FleetKeyKind, state: &str, believers: i64) {
    until("the key is believed", async || {
        key(plane, kind, state)
            .await
            .is_some_and(|key| key.believers == believers)
    })
    .await;
}

fn is_of_its_first_root(host: &Host) -> bool {
    let credentials = host.identity().credentials;
    names_issuer(&credentials.certificate_der, &credentials.roots_der[0])
}

#[tokio::test]
async fn a_host_that_was_away_until_its_certificate_of_the_older_ca_expired_is_back() {
    let plane = Plane::start().await;
    let (live, away, lost) = (plane.joined().await, plane.joined().await, plane.joined().await);
    let running = live.run();
    plane.until_online(live.id).await;
    let session = plane.app.links.presence(live.id).unwrap().session;

    rotation::rotate(&plane.app, &operator(), FleetKeyKind::Ca)
        .await
        .unwrap();
    until_believed(&plane, FleetKeyKind::Ca, "next", 1).await;
    assert_eq!(
        plane.app.links.presence(live.id).unwrap().session,
        session,
        "the session goes on"
    );
    // Two of three hosts have not heard of it: it waits, and then it does not.
    rotation::try_progress(&plane.app).await.unwrap();
    assert!(key(&plane, FleetKeyKind::Ca, "next").await.is_some());
    plane.clock.advance(UnixMs::DAY);
    rotation::try_progress(&plane.app).await.unwrap();
    assert!(key(&plane, FleetKeyKind::Ca, "next").await.is_none());
    let new = plane.app.fleet_keys().await.unwrap().fingerprint();
    until("the live host has a certificate of the new CA", async || {
        is_of_its_first_root(&live) && plane.app.links.is_online(live.id)
    })
    .await;

    plane.clock.advance(20 * UnixMs::DAY);
    assert!(away.identity().certificate().unwrap().not_after < plane.clock.now());
    let came_back = away.run();
    plane.until_online(away.id).await;
    until("it has a certificate of the new CA", async || {
        is_of_its_first_root(&away)
    })
    .await;
    let roots = away.identity().credentials.roots_der;
    assert_eq!(muster_identity::Fingerprint::of(&roots[0]), new);

    // A host needs the older one, so it stays; a month later it goes, and that host with it.
    until(
        "the hosts that are back have shown their new certificates",
        async || {
            let previous = key(&plane, FleetKeyKind::Ca, "previous").await.unwrap();
            previous.certificates == 1
        },
    )
    .await;
    rotation::try_progress(&plane.app).await.unwrap();
    assert!(key(&plane, FleetKeyKind::Ca, "previous").await.is_some());
    plane.clock.advance(10 * UnixMs::DAY);
    rotation::try_progress(&plane.app).await.unwrap();
    assert!(key(&plane, FleetKeyKind::Ca, "previous").await.is_none());
    let refused = lost.run();
    until("the host that stayed away is refused", async || {
        lost.last_error().is_some()
    })
    .await;
    assert!(!plane.app.links.is_online(lost.id));
    until("the others believe the new root alone", async || {
        [&live, &away]
            .iter()
            .all(|host| host.identity().credentials.roots_der.len() == 1)
    })
    .await;
    for running in [running, came_back, refused] {
        running.stop().await;
    }
    plane.stop().await;
}

#[tokio::test]
async fn a_rotation_that_nobody_needs_any_more_ends_by_itself() {
    let plane = Plane::start().await;
    let host = plane.joined().await;
    let running = host.run();
    plane.until_online(host.id).await;
    let old = plane.app.fleet_keys().await.unwrap().fingerprint().to_string();
    rotation::rotate(&plane.app, &operator(), FleetKeyKind::Ca)
        .await
        .unwrap();
    until_believed(&plane, FleetKeyKind::Ca, "next", 1).await;
    until("the older CA is gone", async || {
        rotation::try_progress(&plane.app).await.unwrap();
        key(&plane, FleetKeyKind::Ca, "gone")
            .await
            .is_some_and(|key| key.id == old)
    })
    .await;
    assert!(is_of_its_first_root(&host));
    running.stop().await;
    plane.stop().await;
}

#[tokio::test]
async fn orders_are_signed_by_the_newer_key_once_the_host_believes_it() {
    let plane = Plane::start().await;
    let (live, away) = (plane.joined().await, plane.joined().await);
    let running = live.run();
    plane.until_online(live.id).await;
    let signer = async || {
        let known = plane.app.links.signing_keys_of(live.id).unwrap();
        plane
            .app
            .fleet_keys()
            .await
            .unwrap()
            .signer_for(&known)
            .public_key()
    };
    let old = signer().await;

    rotation::rotate(&plane.app, &operator(), FleetKeyKind::Signing)
        .await
        .unwrap();
    let new = plane.app.fleet_keys().await.unwrap().signer.public_key();
    assert_ne!(new, old);
    until("the newer key signs for the host", async || signer().await == new).await;
    assert_eq!(resident_pinned_keys(&live.data_dir()).unwrap().keys(), [old, new]);

    plane.clock.advance(UnixMs::DAY);
    rotation::try_progress(&plane.app).await.unwrap();
    until("the host forgets the older key", async || {
        resident_pinned_keys(&live.data_dir()).unwrap().keys() == [new]
    })
    .await;
    assert!(
        resident_pinned_keys(&live.data_dir())
            .unwrap()
            .is_retired(old.id())
    );
    let came_back = away.run();
    plane.until_online(away.id).await;
    until("so does the host that was away", async || {
        resident_pinned_keys(&away.data_dir()).unwrap().keys() == [new]
    })
    .await;
    running.stop().await;
    came_back.stop().await;
    plane.stop().await;
}

/// A session of an agent that is older than the messages about keys.
struct OldAgent {
    _endpoint: Endpoint,
    _connection: Connection,
    _send: SendStream,
    receive: RecvStream,
}

impl OldAgent {
    async fn connect(plane: &Plane, host: &Host) -> (Self, Welcome) {
        let keys = plane.app.fleet_keys().await.unwrap();
        let credentials = host.identity().credentials;
        let tls = tls::agent_config(&credentials, &keys.trust_domain, &plane.clock, ALPN).unwrap();
        let (endpoint, connection) = connect(plane, tls).await.unwrap();
        let (mut send, receive) = connection.open_bi().await.unwrap();
        let hello = Hello {
            versions: (1, KEYS_SINCE - 1),
            facts: HostFacts::default(),
            now: plane.clock.now(),
            seal_public_key: vec![1; 32],
        };
        write_frame(&mut send, &AgentControl::Hello(Box::new(hello)))
            .await
            .unwrap();
        let mut agent = Self {
            _endpoint: endpoint,
            _connection: connection,
            _send: send,
            receive,
        };
        match agent.hear().await {
            ServerControl::Welcome(welcome) => (agent, *welcome),
            other => panic!("{other:?}"),
        }
    }

    async fn hear(&mut self) -> ServerControl {
        let heard = timeout(PATIENCE, read_frame(&mut self.receive)).await.unwrap();
        heard.unwrap().unwrap()
    }
}

#[tokio::test]
async fn an_agent_of_the_version_before_is_sent_away_and_hears_of_a_new_key_when_it_is_back() {
    let plane = Plane::start().await;
    let host = plane.joined().await;
    let (mut old, welcome) = OldAgent::connect(&plane, &host).await;
    assert_eq!((welcome.version, welcome.signing_keys.len()), (KEYS_SINCE - 1, 1));
    plane.until_online(host.id).await;
    rotation::rotate(&plane.app, &operator(), FleetKeyKind::Signing)
        .await
        .unwrap();
    assert_eq!(old.hear().await, ServerControl::Goodbye(Goodbye::ShuttingDown));
    let (_back, welcome) = OldAgent::connect(&plane, &host).await;
    assert_eq!(welcome.signing_keys.len(), 2);
    plane.stop().await;
}
