//! Syncs from a provider, against a server that answers as Infisical does.

use serde_json::{Value, json};

use super::{
    infisical_peer::{CLIENT, CLIENT_SECRET, Mood, PROJECT, Peer},
    new_group,
};
use crate::{
    access::Role,
    secrets::sync::sync_due,
    testing::{Client, both_databases},
};

fn provider_of(peer: &Peer) -> Value {
    json!({"name": "vault", "type": "infisical", "url": peer.url(), "clientId": CLIENT,
        "clientSecret": CLIENT_SECRET, "projectId": PROJECT, "environment": "prod", "path": "/shop"})
}

async fn new_provider(client: &Client<'_>, peer: &Peer) -> String {
    let (status, made) = client.post("/api/v1/secrets/providers", provider_of(peer)).await;
    assert_eq!(status, 201, "{made}");
    assert!(!made.to_string().contains(CLIENT_SECRET), "{made}");
    made["id"].as_str().unwrap().to_owned()
}

/// A group that is synced by hand only.
async fn synced_group(client: &Client<'_>, provider: &str) -> String {
    let body = json!({"name": "infisical-prod", "providerId": provider, "autoSync": false});
    let (status, made) = client.post("/api/v1/secrets/groups", body).await;
    assert_eq!(status, 201, "{made}");
    made["id"].as_str().unwrap().to_owned()
}

async fn sync(client: &Client<'_>, group: &str) -> Value {
    client.test().app.clock.advance(10);
    let (status, run) = client
        .post(&format!("/api/v1/secrets/groups/{group}/sync"), Value::Null)
        .await;
    assert_eq!(status, 200, "{run}");
    run
}

/// What a run did, in one line.
fn done(run: &Value) -> String {
    let mut words = vec![run["status"].as_str().unwrap().to_owned()];
    for count in [
        "added",
        "changed",
        "renamed",
        "restored",
        "removed",
        "stale",
        "unchanged",
    ] {
        if run[count] != 0 {
            words.push(format!("{count} {}", run[count]));
        }
    }
    words.join(", ")
}

async fn secrets(client: &Client<'_>, group: &str) -> Vec<Value> {
    let (_, list) = client.get(&format!("/api/v1/secrets?groupId={group}")).await;
    list["items"].as_array().unwrap().clone()
}

async fn named(client: &Client<'_>, group: &str, name: &str) -> Value {
    let all = secrets(client, group).await;
    all.iter()
        .find(|secret| secret["name"] == name)
        .unwrap_or_else(|| panic!("no {name} in {all:?}"))
        .clone()
}

async fn value_of(client: &Client<'_>, secret: &Value) -> Value {
    let path = format!("/api/v1/secrets/{}/reveal", secret["id"].as_str().unwrap());
    client.post(&path, Value::Null).await.1["value"].clone()
}

both_databases!(what_changes_at_the_provider_changes_here, |test| {
    let admin = test.admin().await;
    let peer = Peer::open().await;
    peer.set("/shop", "DATABASE_URL", "planted-one");
    peer.set("/shop", "API_KEY", "planted-two");
    peer.set("/shared", "API_KEY", "not this one");
    peer.set("/shared", "MAIL_KEY", "planted-three");
    peer.import("/shared", "/shop");
    let provider = new_provider(&admin, &peer).await;
    let group = synced_group(&admin, &provider).await;

    assert_eq!(done(&sync(&admin, &group).await), "success, added 3");
    assert_eq!(done(&sync(&admin, &group).await), "success, unchanged 3");
    let url = named(&admin, &group, "DATABASE_URL").await;
    assert_eq!(
        (&url["source"], &url["providerId"]),
        (&json!("synced"), &json!(provider))
    );
    assert!(
        url["providerReference"]
            .as_str()
            .unwrap()
            .starts_with("00000000-")
    );
    for (name, value) in [
        ("DATABASE_URL", "planted-one"),
        ("API_KEY", "planted-two"),
        ("MAIL_KEY", "planted-three"),
    ] {
        let secret = named(&admin, &group, name).await;
        assert_eq!(value_of(&admin, &secret).await, value);
    }

    peer.set("/shop", "API_KEY", "planted-newer");
    peer.rename("/shop", "DATABASE_URL", "DB_URL");
    peer.set("/shop", "NEW", "");
    peer.set("/shop", "not a name", "x");
    let run = sync(&admin, &group).await;
    assert_eq!(done(&run), "success, added 1, changed 1, renamed 1, unchanged 1");
    assert_eq!(run["leftOut"][0]["name"], "not a name");
    let renamed = named(&admin, &group, "DB_URL").await;
    assert_eq!((&renamed["id"], &renamed["version"]), (&url["id"], &json!(1)));
    let changed = named(&admin, &group, "API_KEY").await;
    assert_eq!(changed["version"], 2);
    assert_eq!(value_of(&admin, &changed).await, "planted-newer");
    assert_eq!(value_of(&admin, &named(&admin, &group, "NEW").await).await, "");

    let (_, log) = admin.get(&format!("/api/v1/secrets/groups/{group}/syncs")).await;
    let lines: Vec<_> = log["items"].as_array().unwrap().iter().map(done).collect();
    assert_eq!(lines.len(), 3, "{log}");
    assert_eq!(lines[2], "success, added 3");
    let (_, provider) = admin.get(&format!("/api/v1/secrets/providers/{provider}")).await;
    assert_eq!(provider["lastSyncStatus"], "success");
    let (_, audit) = admin.get("/api/v1/audit?limit=500").await;
    for seen in [&log, &provider, &audit] {
        assert!(!seen.to_string().contains("planted"), "{seen}");
    }
    assert!(audit.to_string().contains("1 renamed"), "{audit}");
});

both_databases!(what_could_not_be_taken_stays_as_it_was_here, |test| {
    let admin = test.admin().await;
    let peer = Peer::open().await;
    for key in ["LONG", "MOVED", "OTHER"] {
        peer.set("/shop", key, "planted");
    }
    let provider = new_provider(&admin, &peer).await;
    let group = synced_group(&admin, &provider).await;
    sync(&admin, &group).await;
    peer.set("/shop", "LONG", &"x".repeat(65 * 1024));
    peer.rename("/shop", "MOVED", "no name");
    let run = sync(&admin, &group).await;
    assert_eq!(done(&run), "success, unchanged 3");
    assert_eq!(run["leftOut"].as_array().unwrap().len(), 2, "{run}");
    for name in ["LONG", "MOVED"] {
        let secret = named(&admin, &group, name).await;
        assert_eq!((&secret["stale"], &secret["version"]), (&json!(false), &json!(1)));
        assert_eq!(value_of(&admin, &secret).await, "planted");
    }
    // If nothing at all can be taken, nothing is removed either.
    peer.remove("/shop", "LONG");
    peer.rename("/shop", "OTHER", "no name either");
    let run = sync(&admin, &group).await;
    assert_eq!(run["status"], "failure", "{run}");
    let why = run["error"].as_str().unwrap();
    assert!(why.starts_with("none of the 2 secrets"), "{why}");
    assert_eq!(secrets(&admin, &group).await.len(), 3);
});

both_databases!(what_is_gone_goes_unless_something_refers_to_it, |test| {
    let admin = test.admin().await;
    let peer = Peer::open().await;
    for key in ["KEPT", "USED", "FREE"] {
        peer.set("/shop", key, "planted");
    }
    let provider = new_provider(&admin, &peer).await;
    let group = synced_group(&admin, &provider).await;
    sync(&admin, &group).await;
    let used = named(&admin, &group, "USED").await;
    let variable = json!({"name": "USED", "value": format!("@secret:{}", used["id"].as_str().unwrap())});
    assert_eq!(admin.post("/api/v1/env-vars", variable).await.0, 201);

    peer.remove("/shop", "USED");
    peer.remove("/shop", "FREE");
    assert_eq!(
        done(&sync(&admin, &group).await),
        "success, removed 1, stale 1, unchanged 1"
    );
    assert_eq!(named(&admin, &group, "USED").await["stale"], true);
    assert_eq!(secrets(&admin, &group).await.len(), 2);
    assert_eq!(done(&sync(&admin, &group).await), "success, stale 1, unchanged 1");

    // Made anew at the provider, it is another secret there and the same one here.
    peer.set("/shop", "USED", "planted again");
    assert_eq!(
        done(&sync(&admin, &group).await),
        "success, changed 1, restored 1, unchanged 1"
    );
    let back = named(&admin, &group, "USED").await;
    assert_eq!((&back["stale"], &back["id"]), (&json!(false), &used["id"]));

    // Nothing at all there looks like a wrong path.
    peer.remove("/shop", "USED");
    peer.remove("/shop", "KEPT");
    let run = sync(&admin, &group).await;
    assert_eq!(done(&run), "failure");
    assert!(run["error"].as_str().unwrap().contains("allowEmpty"), "{run}");
    assert_eq!(secrets(&admin, &group).await.len(), 2);
    let path = format!("/api/v1/secrets/groups/{group}/sync");
    let (_, run) = admin.post(&path, json!({"allowEmpty": true})).await;
    assert_eq!(done(&run), "success, removed 1, stale 1");
});

both_databases!(synced_secrets_are_read_only_until_their_group_is_let_go, |test| {
    let admin = test.admin().await;
    let peer = Peer::open().await;
    peer.set("/shop", "KEY", "planted");
    let provider = new_provider(&admin, &peer).await;
    let group = synced_group(&admin, &provider).await;
    sync(&admin, &group).await;
    let secret = named(&admin, &group, "KEY").await;
    let path = format!("/api/v1/secrets/{}", secret["id"].as_str().unwrap());
    for (status, body) in [
        admin.patch(&path, json!({"value": "mine"})).await,
        admin
            .post(&format!("{path}/rollback"), json!({"version": 1}))
            .await,
        admin.delete(&path).await,
    ] {
        assert_eq!((status, &body["type"]), (409, &json!("secret-synced")), "{body}");
    }
    let own = json!({"groupId": group, "name": "OWN", "value": "x"});
    let (status, body) = admin.post("/api/v1/secrets", own.clone()).await;
    assert_eq!((status, &body["type"]), (409, &json!("group-synced")), "{body}");
    let (status, body) = admin
        .delete(&format!("/api/v1/secrets/providers/{provider}"))
        .await;
    assert_eq!(
        (status, &body["type"]),
        (409, &json!("provider-in-use")),
        "{body}"
    );

    let group_path = format!("/api/v1/secrets/groups/{group}");
    let (status, body) = admin.patch(&group_path, json!({"providerId": null})).await;
    assert_eq!((status, &body["autoSync"]), (200, &json!(false)), "{body}");
    assert_eq!(admin.patch(&path, json!({"value": "mine"})).await.0, 200);
    assert_eq!(admin.post("/api/v1/secrets", own).await.0, 201);
    let (status, body) = admin.post(&format!("{group_path}/sync"), Value::Null).await;
    assert_eq!((status, &body["type"]), (409, &json!("group-not-synced")));
    let (status, body) = admin.patch(&group_path, json!({"providerId": provider})).await;
    assert_eq!((status, &body["type"]), (409, &json!("group-has-own")), "{body}");
    assert_eq!(
        admin
            .delete(&format!("/api/v1/secrets/providers/{provider}"))
            .await
            .0,
        204
    );
});

both_databases!(each_thing_that_can_go_wrong_is_told_and_changes_nothing, |test| {
    let admin = test.admin().await;
    let peer = Peer::open().await;
    peer.set("/shop", "KEY", "planted");
    let provider = new_provider(&admin, &peer).await;
    let group = synced_group(&admin, &provider).await;
    sync(&admin, &group).await;
    for (mood, told) in [
        (Mood::Busy, "90 s of peace"),
        (Mood::Forbids, "give it a role"),
        (Mood::Hides, "let the identity read values"),
        (Mood::Broken, "status 500"),
        (Mood::Redirects, "redirect"),
        (Mood::Talks, "can't be read"),
        (Mood::Endless, "can't be read"),
    ] {
        peer.is_now(mood);
        let run = sync(&admin, &group).await;
        let error = run["error"].as_str().unwrap();
        assert!(
            run["status"] == "failure" && error.contains(told),
            "{mood:?}: {run}"
        );
        assert!(!error.contains("planted"), "{run}");
        let (_, tested) = admin
            .post(&format!("/api/v1/secrets/providers/{provider}/test"), Value::Null)
            .await;
        assert_eq!(tested["ok"], false, "{tested}");
    }
    peer.is_now(Mood::Well);
    let path = format!("/api/v1/secrets/providers/{provider}");
    for (patch, told) in [
        (json!({"projectId": "another"}), "no such project"),
        (
            json!({"projectId": PROJECT, "path": "/nowhere"}),
            "nothing was removed",
        ),
        (
            json!({"path": "/shop", "environment": "dev"}),
            "nothing was removed",
        ),
        (
            json!({"environment": "prod", "clientSecret": "wrong"}),
            "refuses the client",
        ),
        (
            json!({"url": "http://127.0.0.1:9", "clientSecret": CLIENT_SECRET}),
            "can't be reached",
        ),
    ] {
        let (status, body) = admin.patch(&path, patch.clone()).await;
        assert_eq!(status, 200, "{body}");
        let run = sync(&admin, &group).await;
        assert!(run["error"].as_str().unwrap().contains(told), "{patch}: {run}");
    }
    let secret = named(&admin, &group, "KEY").await;
    assert_eq!((&secret["version"], &secret["stale"]), (&json!(1), &json!(false)));

    // Who may change the address can't have the old secret sent there.
    let (status, body) = admin.patch(&path, json!({"url": peer.url()})).await;
    assert_eq!(
        (status, &body["errors"][0]["field"]),
        (422, &json!("clientSecret")),
        "{body}"
    );
    admin
        .patch(&path, json!({"url": peer.url(), "clientSecret": CLIENT_SECRET}))
        .await;
    peer.is_old();
    assert_eq!(done(&sync(&admin, &group).await), "success, unchanged 1");
    let (_, tested) = admin.post(&format!("{path}/test"), Value::Null).await;
    assert_eq!((&tested["ok"], &tested["secrets"]), (&json!(true), &json!(1)));
});

both_databases!(
    a_schedule_syncs_what_is_due_and_waits_longer_after_failures,
    |test| {
        let admin = test.admin().await;
        let peer = Peer::open().await;
        peer.set("/shop", "KEY", "planted");
        let provider = new_provider(&admin, &peer).await;
        let by_hand = synced_group(&admin, &provider).await;
        let body = json!({"name": "by schedule", "providerId": provider});
        let (_, made) = admin.post("/api/v1/secrets/groups", body).await;
        let group = made["id"].as_str().unwrap();
        assert_eq!(made["autoSync"], true);
        let runs = async || {
            // A sign-in ends while the test's clock goes on.
            let admin = test.maker().await;
            let (_, log) = admin.get(&format!("/api/v1/secrets/groups/{group}/syncs")).await;
            log["items"].as_array().unwrap().clone()
        };
        // The app's own loop is woken by the new group; both may look.
        for _ in 0..200 {
            sync_due(&test.app).await.unwrap();
            if runs().await.first().is_some_and(|run| run["status"] == "success") {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert_eq!(runs().await.len(), 1, "{:?}", runs().await);
        assert_eq!(runs().await[0]["triggerType"], "schedule");
        assert_eq!(secrets(&admin, &by_hand).await.len(), 0);
        sync_due(&test.app).await.unwrap();
        assert_eq!(runs().await.len(), 1, "it is not due");

        peer.is_now(Mood::Broken);
        test.app.clock.advance(300_000);
        sync_due(&test.app).await.unwrap();
        assert_eq!(done(&runs().await[0]), "failure");
        test.app.clock.advance(300_000);
        sync_due(&test.app).await.unwrap();
        assert_eq!(runs().await.len(), 2, "twice the interval after a failure");
        peer.is_now(Mood::Busy);
        test.app.clock.advance(300_000);
        sync_due(&test.app).await.unwrap();
        assert_eq!(runs().await.len(), 3);
        peer.is_now(Mood::Well);
        test.app.clock.advance(89_000);
        sync_due(&test.app).await.unwrap();
        assert_eq!(runs().await.len(), 3, "as long as the provider asks for");
        test.app.clock.advance(1_000);
        sync_due(&test.app).await.unwrap();
        assert_eq!(done(&runs().await[0]), "success, unchanged 1");
        assert!(peer.logins() >= peer.lists());

        // Off at the provider means off.
        let path = format!("/api/v1/secrets/providers/{provider}");
        let off = json!({"autoSync": false});
        assert_eq!(test.maker().await.patch(&path, off).await.0, 200);
        test.app.clock.advance(900_000);
        sync_due(&test.app).await.unwrap();
        assert_eq!(runs().await.len(), 4);
    }
);

both_databases!(who_may_sync_and_who_may_choose_a_provider, |test| {
    let admin = test.admin().await;
    let peer = Peer::open().await;
    peer.set("/shop", "KEY", "planted");
    let provider = new_provider(&admin, &peer).await;
    let group = synced_group(&admin, &provider).await;
    let plain = new_group(&admin, "plain").await;
    let member = test.member("mia", Role::Member).await;
    let providers = "/api/v1/secrets/providers";
    assert_eq!(member.get(providers).await.0, 200);
    assert_eq!(member.post(providers, provider_of(&peer)).await.0, 403);
    let sync_path = format!("/api/v1/secrets/groups/{group}/sync");
    assert_eq!(member.post(&sync_path, Value::Null).await.0, 403);
    let choose = json!({"providerId": provider});
    assert_eq!(
        member
            .patch(&format!("/api/v1/secrets/groups/{plain}"), choose.clone())
            .await
            .0,
        403
    );

    let stranger = test.stranger("elsewhere").await;
    assert_eq!(stranger.get(&format!("{providers}/{provider}")).await.0, 404);
    assert_eq!(stranger.post(&sync_path, Value::Null).await.0, 404);
    let theirs = new_group(&stranger, "g").await;
    let (status, body) = stranger
        .patch(&format!("/api/v1/secrets/groups/{theirs}"), choose)
        .await;
    assert_eq!(
        (status, &body["errors"][0]["field"]),
        (422, &json!("providerId")),
        "{body}"
    );
    for (field, value) in [
        ("url", json!("http://vault.example.com")),
        ("url", json!("https://169.254.169.254")),
        ("path", json!("shop")),
        ("intervalS", json!(5)),
        ("clientId", json!("a b")),
        ("environment", json!("")),
    ] {
        let mut wrong = provider_of(&peer);
        wrong["name"] = json!("other");
        wrong[field] = value;
        let (status, body) = admin.post(providers, wrong).await;
        assert_eq!(
            (status, &body["errors"][0]["field"]),
            (422, &json!(field)),
            "{body}"
        );
    }
});
