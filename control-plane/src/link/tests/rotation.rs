//! Rotations of the fleet's keys with agents connected, away, and left behind.

use muster_agent::identity::resident_pinned_keys;
use muster_base::UnixMs;
use muster_identity::certificate::names_issuer;

use super::{Host, Plane, until};
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
    rotation::try_progress(&plane.app).await.unwrap();
    assert_eq!(
        key(&plane, FleetKeyKind::Ca, "previous")
            .await
            .unwrap()
            .certificates,
        1
    );
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
