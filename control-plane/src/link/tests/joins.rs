//! Who may join, and who may not.

use muster_agent::{
    config::DataDir,
    identity::{Identity, IdentityError},
};
use muster_base::UnixMs;
use muster_identity::Fingerprint;
use serde_json::json;

use super::{JoinGrant, Plane};
use crate::{fleet::join_tokens_for_tests, link::Status};

#[tokio::test]
async fn a_host_joins_with_a_token_and_gets_what_the_token_grants() {
    let plane = Plane::start().await;
    let grant = plane
        .token(json!({"environment": "prod", "labels": {"tier": "web"}}))
        .await;
    let data = tempfile::tempdir().unwrap();

    let identity = plane.join(&grant, &data).await.unwrap();

    let host = plane.shown(identity.host).await.unwrap();
    assert_eq!(host.environment.as_deref(), Some("prod"));
    assert_eq!(host.labels.0["tier"], "web");
    assert_eq!(host.status, Status::Offline);
    assert!(host.facts.cpus > 0 && !host.facts.kernel.is_empty());
    let seal_key = Identity::seal_public_key(&DataDir::new(data.path())).unwrap();
    let org = plane.caller().await.org();
    assert_eq!(
        crate::fleet::seal_key(&plane.app, org, identity.host)
            .await
            .unwrap(),
        Some(seal_key)
    );
    plane.stop().await;
}

#[tokio::test]
async fn a_token_is_good_for_so_many_hosts_and_no_more() {
    let plane = Plane::start().await;
    let grant = plane.token(json!({"uses": 2})).await;
    let names = join_all(&plane, &grant, 2).await;
    assert_ne!(names[0], names[1], "hosts of one hostname get different names");
    assert_refused(&plane, &grant).await;
    plane.stop().await;
}

#[tokio::test]
async fn expired_withdrawn_and_made_up_tokens_are_refused_alike() {
    let plane = Plane::start().await;
    let expired = plane.token(json!({"expiresInS": 60})).await;
    plane.clock.advance(UnixMs::MINUTE);
    let withdrawn = plane.token(json!({})).await;
    join_tokens_for_tests::withdraw(&plane.app, &plane.caller().await, withdrawn.id)
        .await
        .unwrap();
    let made_up = JoinGrant {
        token: muster_identity::token::JoinToken::generate().expose().to_owned(),
        ..plane.token(json!({})).await
    };
    for grant in [expired, withdrawn, made_up] {
        assert_refused(&plane, &grant).await;
    }
    plane.stop().await;
}

#[tokio::test]
async fn an_agent_does_not_show_its_token_to_a_control_plane_that_it_did_not_pin() {
    let plane = Plane::start().await;
    let mut grant = plane.token(json!({})).await;
    grant.ca_fingerprint = Fingerprint::of(b"another CA").to_string();
    let data = tempfile::tempdir().unwrap();

    let refused = plane.join(&grant, &data).await;

    assert!(matches!(refused, Err(IdentityError::Link(_))), "{refused:?}");
    let left = join_tokens_for_tests::uses_left(&plane.app, &plane.caller().await, grant.id).await;
    assert_eq!(left, Some(1), "the token was not spent");
    plane.stop().await;
}

#[tokio::test]
async fn a_host_that_has_joined_does_not_join_again() {
    let plane = Plane::start().await;
    let host = plane.joined().await;
    let grant = plane.token(json!({})).await;
    let again = plane.join(&grant, &host.data).await;
    assert!(
        matches!(again, Err(IdentityError::AlreadyJoined { .. })),
        "{again:?}"
    );
    plane.stop().await;
}

async fn join_all(plane: &Plane, grant: &JoinGrant, count: usize) -> Vec<String> {
    let mut names = Vec::new();
    for _ in 0..count {
        let data = tempfile::tempdir().unwrap();
        let host = plane.join(grant, &data).await.unwrap().host;
        names.push(plane.shown(host).await.unwrap().name);
    }
    names
}

async fn assert_refused(plane: &Plane, grant: &JoinGrant) {
    let data = tempfile::tempdir().unwrap();
    let refused = plane.join(grant, &data).await;
    let Err(IdentityError::Refused(why)) = refused else {
        panic!("{refused:?}")
    };
    assert!(why.contains("token"), "{why}");
    assert!(
        Identity::load(&DataDir::new(data.path())).is_err(),
        "nothing is kept of a refused join"
    );
}
