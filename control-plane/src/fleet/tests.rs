//! This room through HTTP, on both databases.

mod accounts;
mod clouds;
mod instances;

use serde_json::{Value, json};

use super::{FleetError, enrolment, key_store};
use crate::{
    access::Role,
    testing::{Test, both_databases},
};
use muster_base::{HostId, OrgId};
use muster_identity::{certificate::PrivateKey, seal::SealKey};
use muster_protocol::{
    VERSIONS,
    latest::{Hello, HostFacts, JoinRefusal, JoinReply, JoinRequest, Joined},
};

/// Enrols a host as the agents' door would.
async fn enrol(test: &Test, hostname: &str, token: Value) -> Joined {
    let (status, issued) = test.admin().await.post("/api/v1/join-tokens", token).await;
    assert_eq!(status, 201, "{issued}");
    ask(test, request(&issued, &PrivateKey::generate().unwrap(), hostname))
        .await
        .unwrap()
}

fn request(issued: &Value, key: &PrivateKey, hostname: &str) -> JoinRequest {
    JoinRequest {
        token: issued["token"].as_str().unwrap().to_owned(),
        csr_der: key.request_der().unwrap(),
        seal_public_key: SealKey::generate().unwrap().public_key().to_vec(),
        versions: VERSIONS,
        facts: facts(hostname),
    }
}

async fn ask(test: &Test, request: JoinRequest) -> Result<Joined, JoinRefusal> {
    let keys = test.app.fleet_keys().await.unwrap();
    match enrolment::enrol(&test.app, &keys, request, [127, 0, 0, 1].into()).await {
        JoinReply::Joined(joined) => Ok(*joined),
        JoinReply::Refused(refusal) => Err(refusal),
    }
}

both_databases!(a_join_whose_answer_was_lost_comes_to_the_same_host, |test| {
    let admin = test.admin().await;
    let (_, issued) = admin.post("/api/v1/join-tokens", json!({"uses": 1})).await;
    let key = PrivateKey::generate().unwrap();
    let first = ask(test, request(&issued, &key, "one")).await.unwrap();

    let again = request(&issued, &key, "one");
    let seal_key = again.seal_public_key.clone();
    let again = ask(test, again).await.unwrap();
    assert_eq!((again.host, again.org), (first.host, first.org));
    assert_ne!(again.certificate_der, first.certificate_der);
    let (_, page) = admin.get("/api/v1/hosts").await;
    assert_eq!(names(&page), ["one"], "there is no second host");
    let known = crate::fleet::seal_key(&test.app, first.org, first.host)
        .await
        .unwrap();
    assert_eq!(
        known,
        Some(seal_key),
        "secrets are sealed to the key that the host has now"
    );

    let stranger = request(&issued, &PrivateKey::generate().unwrap(), "two");
    assert_eq!(
        ask(test, stranger).await,
        Err(JoinRefusal::TokenRefused),
        "it is used up"
    );

    let hello = Hello {
        versions: VERSIONS,
        facts: facts("one"),
        now: test.app.clock.now(),
        seal_public_key: Vec::new(),
    };
    assert!(admit(test, first.org, first.host, &hello).await.unwrap());
    let late = ask(test, request(&issued, &key, "one")).await;
    assert_eq!(
        late,
        Err(JoinRefusal::TokenRefused),
        "a host that was here has its certificate"
    );
});

both_databases!(a_withdrawn_token_answers_nobody_again, |test| {
    let admin = test.admin().await;
    let (_, issued) = admin.post("/api/v1/join-tokens", json!({"uses": 1})).await;
    let key = PrivateKey::generate().unwrap();
    ask(test, request(&issued, &key, "one")).await.unwrap();
    let path = format!("/api/v1/join-tokens/{}", issued["id"].as_str().unwrap());
    assert_eq!(admin.delete(&path).await.0, 204);
    let again = ask(test, request(&issued, &key, "one")).await;
    assert_eq!(again, Err(JoinRefusal::TokenRefused));
});

async fn admit(test: &Test, org: OrgId, host: HostId, hello: &Hello) -> Result<bool, FleetError> {
    let keys = test.app.fleet_keys().await?;
    enrolment::admit(&test.app, &keys, (org, host), hello, &[]).await
}

fn facts(hostname: &str) -> HostFacts {
    HostFacts {
        hostname: hostname.to_owned(),
        inner_ip: Some("10.1.2.3".to_owned()),
        ..HostFacts::default()
    }
}

fn names(page: &Value) -> Vec<&str> {
    page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["name"].as_str().unwrap())
        .collect()
}

both_databases!(environments_are_made_changed_and_deleted, |test| {
    let admin = test.admin().await;
    let (_, page) = admin.get("/api/v1/environments").await;
    assert_eq!(names(&page), ["dev", "test", "staging", "prod"]);

    let new = json!({"name": "qa", "type": "testing", "order": 9});
    let (status, qa) = admin.post("/api/v1/environments", new.clone()).await;
    assert_eq!((status, &qa["label"]), (201, &json!("qa")), "{qa}");
    assert_eq!(admin.post("/api/v1/environments", new).await.0, 409);
    assert_eq!(
        admin
            .post("/api/v1/environments", json!({"name": "Q A", "type": "testing"}))
            .await
            .0,
        422
    );

    let path = format!("/api/v1/environments/{}", qa["id"].as_str().unwrap());
    let (status, changed) = admin.patch(&path, json!({"label": "Quality", "order": -1})).await;
    assert_eq!((status, &changed["label"]), (200, &json!("Quality")));
    assert_eq!(names(&admin.get("/api/v1/environments").await.1)[0], "qa");
    assert_eq!(admin.delete(&path).await.0, 204);
    assert_eq!(admin.get(&path).await.0, 404);
});

both_databases!(a_cluster_in_use_is_not_deleted, |test| {
    let admin = test.admin().await;
    let (status, cluster) = admin.post("/api/v1/clusters", json!({"name": "web"})).await;
    assert_eq!(status, 201, "{cluster}");
    assert_eq!(
        admin.post("/api/v1/clusters", json!({"name": "web"})).await.0,
        409
    );
    let id = cluster["id"].as_str().unwrap();
    let path = format!("/api/v1/clusters/{id}");
    let host = enrol(test, "one", json!({"clusterId": id})).await.host;
    assert_eq!(admin.get(&path).await.1["hostCount"], 1);
    assert_eq!(admin.delete(&path).await.0, 409);

    let moved = admin
        .patch(&format!("/api/v1/hosts/{host}"), json!({"clusterId": null}))
        .await;
    assert_eq!(
        (moved.0, &moved.1["clusterId"]),
        (200, &Value::Null),
        "{}",
        moved.1
    );
    assert_eq!(admin.delete(&path).await.0, 204);
});

both_databases!(hosts_are_filtered_searched_and_paged, |test| {
    let admin = test.admin().await;
    for (name, environment, tier) in [("a", "prod", "web"), ("b", "prod", "db"), ("c_1", "test", "web")] {
        enrol(
            test,
            name,
            json!({"environment": environment, "labels": {"tier": tier, "x": "y"}}),
        )
        .await;
    }
    let list = async |query: &str| {
        let (status, page) = admin.get(&format!("/api/v1/hosts?{query}")).await;
        assert_eq!(status, 200, "{page}");
        names(&page).join(" ")
    };
    assert_eq!(list("").await, "a b c_1");
    assert_eq!(list("environment=prod").await, "a b");
    assert_eq!(list("label=tier%3Dweb,x%3Dy").await, "a c_1");
    assert_eq!(list("label=tier%3Dweb&environment=test").await, "c_1");
    assert_eq!(list("search=C_").await, "c_1");
    assert_eq!(list("search=%25").await, "");
    assert_eq!(list("search=10.1.2").await, "a b c_1");
    assert_eq!(list("status=offline&limit=500").await, "a b c_1");
    assert_eq!(list("status=online").await, "");
    assert_eq!(list("businessStatus=0").await, "a b c_1");
    assert_eq!(list("businessStatus=44").await, "");
    assert_eq!(admin.get("/api/v1/hosts?businessStatus=5").await.0, 422);
    assert_eq!(admin.get("/api/v1/hosts?nonsense=5").await.0, 422);

    let (_, first) = admin.get("/api/v1/hosts?limit=2").await;
    assert_eq!(names(&first), ["a", "b"]);
    let cursor = first["nextCursor"].as_str().unwrap();
    let (_, second) = admin.get(&format!("/api/v1/hosts?limit=2&cursor={cursor}")).await;
    assert_eq!(
        (names(&second), &second["nextCursor"]),
        (vec!["c_1"], &Value::Null)
    );
});

both_databases!(a_host_is_edited_with_an_audit_row, |test| {
    let admin = test.admin().await;
    let host = enrol(test, "one", json!({})).await.host;
    enrol(test, "two", json!({})).await;
    let path = format!("/api/v1/hosts/{host}");
    let patch = json!({
        "name": "uno", "environment": "prod", "labels": {"a": "b"}, "businessStatus": 33, "publicIp": "192.0.2.1",
    });
    let (status, shown) = admin.patch(&path, patch).await;
    assert_eq!(status, 200, "{shown}");
    let picked = json!([
        shown["name"],
        shown["hostname"],
        shown["environment"],
        shown["labels"],
        shown["businessStatus"],
        shown["publicIp"],
        shown["status"]
    ]);
    assert_eq!(
        picked,
        json!(["uno", "one", "prod", {"a": "b"}, 33, "192.0.2.1", "offline"])
    );

    assert_eq!(admin.patch(&path, json!({"name": "two"})).await.0, 409);
    assert_eq!(admin.patch(&path, json!({"environment": "moon"})).await.0, 422);
    assert_eq!(admin.patch(&path, json!({"businessStatus": 3})).await.0, 422);
    assert_eq!(admin.patch(&path, json!({"publicIp": "here"})).await.0, 422);
    assert_eq!(admin.patch(&path, json!({"status": "online"})).await.0, 422);

    let (_, log) = admin.get("/api/v1/audit").await;
    let rows = log["items"].as_array().unwrap();
    let edit = rows.iter().find(|row| row["operation"] == "host:write").unwrap();
    assert!(edit["before"].to_string().contains("one") && edit["after"].to_string().contains("uno"));
    assert!(
        rows.iter()
            .any(|row| row["operation"] == "host:join" && row["actorKind"] == "agent")
    );
});

both_databases!(a_removed_host_is_gone_and_its_name_free, |test| {
    let admin = test.admin().await;
    let joined = enrol(test, "one", json!({})).await;
    let path = format!("/api/v1/hosts/{}", joined.host);
    assert_eq!(admin.delete(&path).await.0, 204);
    assert_eq!(admin.get(&path).await.0, 404);
    assert_eq!(admin.delete(&path).await.0, 404);

    let hello = Hello {
        versions: VERSIONS,
        facts: facts("one"),
        now: test.app.clock.now(),
        seal_public_key: vec![],
    };
    assert!(!admit(test, joined.org, joined.host, &hello).await.unwrap());
    assert_eq!(super::removed_hosts(&test.app).await.unwrap(), [joined.host]);
    enrol(test, "one", json!({})).await;
    assert_eq!(names(&admin.get("/api/v1/hosts").await.1), ["one"]);
});

both_databases!(what_an_agent_tells_is_kept, |test| {
    let joined = enrol(test, "one", json!({})).await;
    let other_key = SealKey::generate().unwrap().public_key().to_vec();
    let hello = Hello {
        versions: VERSIONS,
        facts: HostFacts {
            kernel: "7.0".to_owned(),
            ..facts("renamed")
        },
        now: test.app.clock.now(),
        seal_public_key: other_key.clone(),
    };
    assert!(admit(test, joined.org, joined.host, &hello).await.unwrap());
    let shown = super::find_host(&test.app, joined.org, joined.host)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (
            shown.facts.kernel.as_str(),
            shown.hostname.as_str(),
            shown.name.as_str()
        ),
        ("7.0", "renamed", "one")
    );
    assert_eq!(
        super::seal_key(&test.app, joined.org, joined.host).await.unwrap(),
        Some(other_key)
    );
    // A certificate for another org does not let a host in.
    let elsewhere = test.app.clock.new_id();
    assert!(!admit(test, elsewhere, joined.host, &hello).await.unwrap());
});

both_databases!(
    join_tokens_are_listed_and_withdrawn_but_never_shown_again,
    |test| {
        let admin = test.admin().await;
        let (status, issued) = admin
            .post("/api/v1/join-tokens", json!({"uses": 3, "expiresInS": 60}))
            .await;
        assert_eq!(status, 201, "{issued}");
        let token = issued["token"].as_str().unwrap();
        assert!(
            token.starts_with("mjt_") && issued["caFingerprint"].as_str().unwrap().starts_with("sha256:")
        );
        let command = issued["command"].as_str().unwrap();
        assert!(
            command.contains(token) && command.contains(issued["server"].as_str().unwrap()),
            "{command}"
        );

        let (_, page) = admin.get("/api/v1/join-tokens").await;
        assert_eq!(
            (
                &page["items"][0]["usesLeft"],
                page["items"].as_array().unwrap().len()
            ),
            (&json!(3), 1)
        );
        assert!(!page.to_string().contains(token));
        let (_, log) = admin.get("/api/v1/audit").await;
        assert!(!log.to_string().contains(token));
        let path = format!("/api/v1/join-tokens/{}", issued["id"].as_str().unwrap());
        assert_eq!(admin.delete(&path).await.0, 204);
        assert_eq!(admin.delete(&path).await.0, 404);
        assert_eq!(admin.get("/api/v1/join-tokens").await.1["items"], json!([]));
        for wrong in [
            json!({"uses": 0}),
            json!({"expiresInS": 0}),
            json!({"environment": "moon"}),
            json!({"Uses": 1}),
        ] {
            assert_eq!(admin.post("/api/v1/join-tokens", wrong).await.0, 422);
        }
    }
);

both_databases!(another_org_sees_and_changes_nothing, |test| {
    let host: HostId = enrol(test, "one", json!({})).await.host;
    // The first org of all is everybody's default; let there be no doubt which that is.
    test.app.clock.advance(1);
    let stranger = test.stranger("elsewhere").await;
    let path = format!("/api/v1/hosts/{host}");
    assert_eq!(stranger.get("/api/v1/hosts").await.1["items"], json!([]));
    assert_eq!(stranger.get(&path).await.0, 404);
    assert_eq!(stranger.patch(&path, json!({"name": "mine"})).await.0, 404);
    assert_eq!(stranger.delete(&path).await.0, 404);

    let viewer = test.member("vera", Role::Viewer).await;
    assert_eq!(viewer.get(&path).await.0, 200);
    assert_eq!(viewer.patch(&path, json!({"name": "mine"})).await.0, 403);
    assert_eq!(viewer.delete(&path).await.0, 403);
    assert_eq!(viewer.post("/api/v1/join-tokens", json!({})).await.0, 403);
    assert_eq!(
        viewer.post("/api/v1/clusters", json!({"name": "web"})).await.0,
        403
    );
});

both_databases!(the_fleet_s_keys_are_made_once_and_kept_sealed, |test| {
    let first = test.app.fleet_keys().await.unwrap();
    let again = key_store::load(&test.app).await.unwrap();
    assert_eq!(again.fingerprint(), first.fingerprint());
    assert_eq!(again.signer.public_key(), first.signer.public_key());
});
