//! Certificates in the wrong hands.

use muster_base::{HostId, UnixMs};
use muster_identity::{
    certificate::PrivateKey,
    tls::{self, Credentials},
};
use muster_protocol::{
    ALPN, VERSIONS,
    latest::{AgentControl, Goodbye, Hello, HostFacts, ServerControl},
    read_frame, write_frame,
};
use tokio::time::timeout;

use super::{PATIENCE, Plane, garbage::connect, until};
use crate::{audit, http::page::PageQuery};

#[tokio::test]
async fn a_certificate_of_another_org_s_host_opens_no_session() {
    let plane = Plane::start().await;
    let host = plane.joined().await;
    let keys = plane.app.fleet_keys().await.unwrap();
    let key = PrivateKey::generate().unwrap();
    let request = key.request_der().unwrap();
    // As if the CA had been made to sign it: the host is real, the org is not its own.
    let other = plane.clock.new_id();
    let certificate_der = keys
        .ca
        .issue_host(
            &request,
            &keys.trust_domain,
            other,
            host.id,
            plane.clock.now(),
            UnixMs::DAY,
        )
        .unwrap();
    let credentials = Credentials {
        certificate_der,
        key,
        roots_der: keys.roots_der(),
    };
    let tls = tls::agent_config(&credentials, &keys.trust_domain, &plane.clock, ALPN).unwrap();
    let (_endpoint, connection) = connect(&plane, tls).await.unwrap();
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    let hello = Hello {
        versions: VERSIONS,
        facts: HostFacts::default(),
        now: plane.clock.now(),
        seal_public_key: vec![1; 32],
    };
    write_frame(&mut send, &AgentControl::Hello(Box::new(hello)))
        .await
        .unwrap();
    let answer = timeout(PATIENCE, read_frame::<ServerControl>(&mut receive))
        .await
        .unwrap();
    assert_eq!(answer.unwrap(), Some(ServerControl::Goodbye(Goodbye::Revoked)));
    assert!(!plane.app.links.is_online(host.id));
    plane.stop().await;
}

#[tokio::test]
async fn a_certificate_that_is_used_from_elsewhere_is_on_record() {
    let plane = Plane::start().await;
    let host = plane.joined().await;
    let copy = host.copied();
    let running = host.run();
    plane.until_online(host.id).await;
    let first = plane.app.links.presence(host.id).unwrap().session;
    assert_eq!(takeovers(&plane, host.id).await, Vec::<String>::new());

    let thief = copy.run();
    until("the copy's session takes over", async || {
        plane
            .app
            .links
            .presence(host.id)
            .is_some_and(|now| now.session != first)
    })
    .await;
    until("it is on record", async || {
        !takeovers(&plane, host.id).await.is_empty()
    })
    .await;
    let rows = takeovers(&plane, host.id).await;
    assert!(rows[0].contains("another session"), "{rows:?}");
    thief.stop().await;
    running.stop().await;
    plane.stop().await;
}

#[tokio::test]
async fn a_doctor_s_handshake_leaves_the_session_alone_and_hears_of_a_refusal() {
    let plane = Plane::start().await;
    let host = plane.joined().await;
    let running = host.run();
    plane.until_online(host.id).await;
    let session = plane.app.links.presence(host.id).unwrap().session;
    muster_agent::link::probe(&host.identity(), &plane.clock)
        .await
        .unwrap();
    assert_eq!(plane.app.links.presence(host.id).unwrap().session, session);
    plane.remove(host.id).await;
    assert!(
        muster_agent::link::probe(&host.identity(), &plane.clock)
            .await
            .is_err()
    );
    running.ended().await;
    plane.stop().await;
}

async fn takeovers(plane: &Plane, host: HostId) -> Vec<String> {
    let caller = plane.caller().await;
    let org = (audit::Scope::Org, &audit::Filter::default());
    let page = audit::list(&plane.app, &caller, org, &PageQuery::default())
        .await
        .unwrap();
    let rows = page.items.into_iter();
    rows.filter(|row| row.operation == "host:takeover" && row.object_id == host.to_string())
        .map(|row| row.detail)
        .collect()
}
