//! What is taken away ends what is being looked at, within a second: each way to lose a permission, while the log of a
//! deployment, a host's live readings, the events of a work order and a container's log are followed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::http::Method;
use muster_base::UnixMs;
use muster_metrics::{Kind, SampleBuilder, frame};
use muster_protocol::latest::{LogLine, LogStream, TailFrame, TailRequest};
use serde_json::{Value, json};

use crate::{
    access::{self, Credential, Role},
    containers::tests::container,
    delivery::tests::{deploy, new_application, new_host},
    link::{
        self,
        tests::host::{Host, Running},
    },
    telemetry::set_containers_for_tests,
    testing::{Client, Test, both_databases},
};

/// A revocation counts within a second ([`watch`](super::super::watch), and the story below that counts the asking); the
/// rest is for a busy machine.
const SOON: Duration = Duration::from_secs(10);

/// Something to look at that goes on by itself.
struct Scene<'t> {
    olga: Client<'t>,
    /// The paths of streams, and what they begin with.
    streams: Vec<(String, &'static str)>,
    running: Running,
    _host: Host,
}

impl<'t> Scene<'t> {
    async fn of(test: &'t Test) -> Self {
        let olga = test.member("olga", Role::Owner).await;
        link::start(&test.app, ([127, 0, 0, 1], 0).into()).await.unwrap();
        let (status, grant) = olga.post("/api/v1/join-tokens", json!({})).await;
        assert_eq!(status, 201, "{grant}");
        let host = Host::join(&grant, &test.app.clock).await;
        let mut running = host.run();
        let mut tails = running.take_tails();
        test.app.tasks.spawn("tails", async move {
            let mut open = Vec::new();
            while let Some(tail) = tails.recv().await {
                drop(tail.frames.send(first_frame(&tail.request)).await);
                open.push(tail);
            }
        });
        host.until_online(&test.app).await;
        let org = test.default_org().await;
        set_containers_for_tests(&test.app, org, host.id, &[container("web", None)]).await;
        // That one is not connected: its deployment waits, and so do its log and its order.
        let away = new_host(test, "away").await;
        let shop = new_application(&olga, &[away]).await;
        let deployment = deploy(&olga, &shop, "1").await;
        let order = first_order(&olga).await;
        let streams = vec![
            (format!("/api/v1/deployments/{deployment}/log"), "event: status"),
            (format!("/api/v1/hosts/{}/live", host.id), "event: sample"),
            (format!("/api/v1/orders/{order}/events"), "event: order"),
            (
                format!("/api/v1/hosts/{}/containers/web/log?follow=true", host.id),
                "event: line",
            ),
        ];
        Self {
            olga,
            streams,
            running,
            _host: host,
        }
    }

    /// Every stream that `victim` follows ends when `act` has been done, and none opens again.
    async fn ends(&self, what: &str, victim: &Client<'_>, act: impl AsyncFnOnce()) {
        let mut followed = Vec::new();
        for (path, beginning) in &self.streams {
            let mut stream = victim.follow(path).await;
            stream.wait_for(beginning).await;
            followed.push(stream);
        }
        act().await;
        for stream in followed {
            stream.end_within(SOON).await;
        }
        for (path, _) in &self.streams {
            let (status, answer) = victim.get(path).await;
            assert!(
                (401..=404).contains(&status),
                "{what}: {path} answers {status} {answer}"
            );
        }
    }

    async fn end(self) {
        self.running.stop().await;
    }
}

/// The shortest of three times between the answer to what takes a permission away and the end of the log that was followed
/// by it: what is promised, and not how busy the machine is.
async fn shortest(log: &str, victim: &Client<'_>, give: impl AsyncFn(), take: impl AsyncFn()) -> Duration {
    let mut shortest = SOON;
    for _ in 0..3 {
        give().await;
        let mut followed = victim.follow(log).await;
        followed.wait_for("event: line").await;
        take().await;
        let taken = Instant::now();
        followed.end_within(SOON).await;
        shortest = shortest.min(taken.elapsed());
        assert_eq!(victim.get(log).await.0, 403);
    }
    shortest
}

fn first_frame(request: &TailRequest) -> TailFrame {
    match request {
        TailRequest::Samples { .. } => {
            let mut sample = SampleBuilder::default();
            sample.push(Kind::CPU_TOTAL, 1);
            TailFrame::Sample(frame::encode_one(&sample.finish(UnixMs(1_780_000_000_000))))
        }
        TailRequest::Schema(_) => TailFrame::SchemaEnd("PostgreSQL 17".to_owned()),
        TailRequest::Count(_) => TailFrame::Count(1),
        TailRequest::Prove(_) => TailFrame::Proof(muster_protocol::latest::ProofNote::Untried(String::new())),
        TailRequest::Log(_) => TailFrame::Log(vec![LogLine {
            at_ns: 1_780_000_000_000_000_000,
            stream: LogStream::Stdout,
            text: "hello".to_owned(),
            cut: false,
        }]),
    }
}

async fn first_order(client: &Client<'_>) -> String {
    let end = tokio::time::Instant::now() + SOON;
    loop {
        let (_, orders) = client.get("/api/v1/orders").await;
        if let Some(id) = orders["items"][0]["id"].as_str() {
            return id.to_owned();
        }
        assert!(tokio::time::Instant::now() < end, "nothing was ordered");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn member_path(olga: &Client<'_>, username: &str) -> String {
    let (_, members) = olga.get("/api/v1/members").await;
    let items = members["items"].as_array().unwrap().iter();
    let found = items.clone().find(|member| member["username"] == username);
    let id = found.unwrap()["userId"].as_str().unwrap();
    format!("/api/v1/members/{id}")
}

fn done(call: (u16, Value)) {
    assert!((200..300).contains(&call.0), "{call:?}");
}

both_databases!(what_is_followed_ends_with_what_allowed_it, |test| {
    let scene = Scene::of(test).await;
    let olga = &scene.olga;
    let stays = test.member("constant", Role::Viewer).await;
    let mut goes_on = stays.follow(&scene.streams[0].0).await;
    goes_on.wait_for("event: status").await;

    let tom = test.member("tom", Role::Member).await;
    let body = json!({"name": "everything", "operations": [], "objects": {}});
    let (_, template) = olga.post("/api/v1/permission-templates", body).await;
    let template = template["id"].as_str().unwrap();
    let path = format!("{}/permissions", member_path(olga, "tom").await);
    done(
        olga.call(Method::PUT, &path, Some(json!({"templateId": template})))
            .await,
    );
    let path = format!("/api/v1/permission-templates/{template}");
    scene
        .ends("a template is narrowed", &tom, async || {
            let body = json!({"objects": {"hosts": [], "applications": []}});
            done(olga.patch(&path, body).await);
        })
        .await;

    let sue = test.member("sue", Role::Member).await;
    scene
        .ends("a session is ended", &sue, async || {
            let again = test.sign_in("sue", "a password for tests").await;
            done(again.post("/api/v1/auth/logout-everywhere", json!({})).await);
        })
        .await;

    let dan = test.member("dan", Role::Member).await;
    let (_, users) = test.admin().await.get("/api/v1/users?search=dan").await;
    let dans = format!("/api/v1/users/{}", users["items"][0]["id"].as_str().unwrap());
    scene
        .ends("a user is disabled", &dan, async || {
            done(
                test.admin()
                    .await
                    .patch(&dans, json!({"status": "disabled"}))
                    .await,
            );
        })
        .await;

    let kim = test.member("kim", Role::Member).await;
    let (status, key) = kim
        .post("/api/v1/api-keys", json!({"name": "ci", "kind": "readonly"}))
        .await;
    assert_eq!(status, 201, "{key}");
    let by_key = test.with_token(key["key"].as_str().unwrap());
    scene
        .ends("a key is revoked", &by_key, async || {
            let path = format!("/api/v1/api-keys/{}", key["id"].as_str().unwrap());
            done(kim.delete(&path).await);
        })
        .await;

    let path = member_path(olga, "kim").await;
    scene
        .ends("a member is removed", &kim, async || {
            done(olga.delete(&path).await);
        })
        .await;

    let cancel = scene.streams[0].0.replace("/log", "/cancel");
    done(olga.post(&cancel, json!({})).await);
    let rest = goes_on.end_within(SOON).await;
    assert!(
        rest.contains("event: end"),
        "whoever may goes on to the end: {rest}"
    );
    scene.end().await;
});

both_databases!(
    a_log_ends_within_a_second_of_a_role_that_is_edited_or_lowered,
    |test| {
        const PROMISED: Duration = Duration::from_secs(1);
        let scene = Scene::of(test).await;
        let olga = &scene.olga;
        let log = scene.streams[3].0.as_str();

        // What the role gives is all that lets a viewer read logs.
        let ron = test.member("ron", Role::Viewer).await;
        assert_eq!(ron.get(log).await.0, 403);
        let reads = json!({"code": "reader", "name": "Reader of logs", "operations": ["containerLog:read"]});
        let (status, role) = olga.post("/api/v1/roles", reads).await;
        assert_eq!(status, 201, "{role}");
        let path = format!("{}/permissions", member_path(olga, "ron").await);
        done(
            olga.call(Method::PUT, &path, Some(json!({"roleId": role["id"]})))
                .await,
        );
        let path = format!("/api/v1/roles/{}", role["id"].as_str().unwrap());
        let edit = async |operations: Value| {
            done(olga.patch(&path, json!({"operations": operations})).await);
        };
        let edited = shortest(
            log,
            &ron,
            async || edit(json!(["containerLog:read"])).await,
            async || edit(json!([])).await,
        )
        .await;

        let lena = test.member("lena", Role::Member).await;
        let path = member_path(olga, "lena").await;
        let set = async |role: &str| done(olga.patch(&path, json!({"role": role})).await);
        let lowered = shortest(
            log,
            &lena,
            async || set("MEMBER").await,
            async || set("VIEWER").await,
        )
        .await;

        eprintln!("the log ended {edited:?} after the role was edited, {lowered:?} after it was lowered");
        assert!(
            edited <= PROMISED && lowered <= PROMISED,
            "{edited:?}, {lowered:?}"
        );
        scene.end().await;
    }
);

both_databases!(
    a_role_that_is_edited_and_an_org_that_is_deleted_count_from_the_next_call_on,
    |test| {
        let scene = Scene::of(test).await;
        let olga = &scene.olga;
        let ron = test.member("ron", Role::Viewer).await;
        let body = json!({"code": "namer", "name": "Namer", "operations": ["host:write"]});
        let (status, role) = olga.post("/api/v1/roles", body).await;
        assert_eq!(status, 201, "{role}");
        let path = format!("{}/permissions", member_path(olga, "ron").await);
        done(
            olga.call(Method::PUT, &path, Some(json!({"roleId": role["id"]})))
                .await,
        );
        let host = scene.streams[1].0.replace("/live", "");
        let mut live = ron.follow(&scene.streams[1].0).await;
        live.wait_for("event: sample").await;
        done(ron.patch(&host, json!({"labels": {"a": "b"}})).await);
        let role = format!("/api/v1/roles/{}", role["id"].as_str().unwrap());
        done(olga.patch(&role, json!({"operations": []})).await);
        assert_eq!(ron.patch(&host, json!({"labels": {}})).await.0, 403);
        let rons = member_path(olga, "ron").await;
        done(olga.patch(&rons, json!({"role": "MEMBER"})).await);
        assert_eq!(ron.get(&host).await.0, 200, "every role looks: the view goes on");

        // While something in it can be followed, an org can't be deleted: its hosts and what runs there belong to it.
        let (_, org) = olga.get("/api/v1/org").await;
        let delete = async |client: &Client<'_>, name: &Value| {
            let body = json!({"name": name});
            client.call(Method::DELETE, "/api/v1/org", Some(body)).await.0
        };
        assert_eq!(delete(olga, &org["name"]).await, 409);
        let anna = test.stranger("acme").await;
        let (_, acme) = anna.get("/api/v1/org").await;
        assert_eq!(anna.get("/api/v1/hosts").await.0, 200);
        assert_eq!(delete(&anna, &acme["name"]).await, 204);
        assert_eq!(
            anna.get("/api/v1/hosts").await.0,
            403,
            "an org that is gone has nothing to see"
        );
        scene.end().await;
    }
);

both_databases!(the_first_asking_after_a_revocation_ends_it, |test| {
    test.member("olga", Role::Owner).await;
    let body = json!({"login": "olga", "password": "a password for tests"});
    let (_, signed_in) = test.nobody().post("/api/v1/auth/login", body).await;
    let token = signed_in["accessToken"].as_str().unwrap();
    let who = access::identify(&test.app, Credential::bearer(token), None)
        .await
        .unwrap();
    let caller = access::enter_org(&test.app, who, None).await.unwrap();
    // Each asking that was answered with yes; they are half a second apart.
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let watch = access::until_refused(test.app.clone(), caller, move |_, _| {
        count.fetch_add(1, Ordering::SeqCst);
        std::future::ready(true)
    });
    let revoke = async {
        while asked.load(Ordering::SeqCst) < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let client = test.with_token(token);
        done(client.post("/api/v1/auth/logout", json!({})).await);
        asked.load(Ordering::SeqCst)
    };
    let ((), before) = tokio::join!(watch, revoke);
    let after = asked.load(Ordering::SeqCst);
    assert!(
        after <= before + 1,
        "one may have been on its way: {before}, {after}"
    );
});
