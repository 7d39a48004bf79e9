//! Following a log.

use std::time::Duration;

use muster_agent::link::IncomingTail;
use muster_identity::{
    keys::PinnedKeys,
    look::{Look, is_signed},
};
use muster_protocol::latest::{LogEnd, LogLine, LogLook, LogStream, TailFrame, TailRequest};
use tokio::time::timeout;

use super::{connected, container};
use crate::testing::{Test, both_databases};

const PATIENCE: Duration = Duration::from_secs(20);
const AT_NS: i64 = 1_780_000_000_123_456_789;

/// What was wished for, as a worker would read it.
async fn wish(test: &Test, tail: &IncomingTail) -> LogLook {
    let TailRequest::Log(signed) = &tail.request else {
        panic!("no log was asked for");
    };
    let keys = test.app.fleet_keys().await.unwrap();
    let pinned = PinnedKeys::from_join([keys.signer.public_key()]);
    assert!(is_signed(
        Look::Log,
        &pinned,
        signed.key_id,
        &signed.body,
        &signed.signature
    ));
    muster_protocol::decode(&signed.body).unwrap()
}

fn line(at_ns: i64, text: &str) -> LogLine {
    LogLine {
        at_ns,
        stream: LogStream::Stderr,
        text: text.to_owned(),
        cut: false,
    }
}

both_databases!(
    lines_come_as_they_are_written_until_the_container_is_gone,
    |test| {
        let admin = test.admin().await;
        let (host, mut running) = connected(test, &admin, &[container("web", None)]).await;
        let mut tails = running.take_tails();
        let path = format!("/api/v1/hosts/{}/containers/web/log", host.id);
        let query = "tail=5&since=2026-05-28T20:26:40Z&follow=true&search=Err";
        let mut stream = admin.follow(&format!("{path}?{query}")).await;
        let tail = timeout(PATIENCE, tails.recv()).await.unwrap().unwrap();
        let wish = wish(test, &tail).await;
        assert_eq!((wish.host, wish.org), (host.id, test.default_org().await));
        assert_eq!(
            (wish.container.as_str(), wish.tail, wish.follow),
            ("web", 5, true)
        );
        assert_eq!(wish.search.as_deref(), Some("Err"));
        assert_eq!(
            wish.after_ns,
            Some(1_779_999_999_999_999_999),
            "from this moment on"
        );
        assert!(wish.expires > test.app.clock.now());

        let lines = vec![line(AT_NS, "error: a\u{1b}[2J\u{0}b"), line(AT_NS + 1, "error 2")];
        tail.frames.send(TailFrame::Log(lines)).await.unwrap();
        stream.wait_for("error 2").await;
        tail.frames.send(TailFrame::LogEnd(LogEnd::Gone)).await.unwrap();
        let end = stream.end_within(PATIENCE).await;
        assert!(
            end.contains("event: end") && end.contains(r#""reason":"gone""#),
            "{end}"
        );
        running.stop().await;
    }
);

both_databases!(
    a_line_is_an_event_with_its_time_and_no_terminal_is_told_anything,
    |test| {
        let admin = test.admin().await;
        let (host, mut running) = connected(test, &admin, &[container("web", None)]).await;
        let mut tails = running.take_tails();
        let path = format!("/api/v1/hosts/{}/containers/web/log?after={AT_NS}", host.id);
        let stream = admin.follow(&path).await;
        let tail = timeout(PATIENCE, tails.recv()).await.unwrap().unwrap();
        let wish = wish(test, &tail).await;
        assert_eq!((wish.after_ns, wish.tail, wish.follow), (Some(AT_NS), 200, false));
        for frame in [
            TailFrame::Log(vec![line(AT_NS + 1, "a\u{1b}[2J\tb")]),
            TailFrame::Refused("the policy forbids it".to_owned()),
        ] {
            tail.frames.send(frame).await.unwrap();
        }
        let text = stream.end_within(PATIENCE).await;
        let lines: Vec<_> = text.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(
            lines,
            [
                "event: line",
                "id: 1780000000123456790",
                r#"data: {"at":"2026-05-28T20:26:40.123Z","stream":"stderr","text":"a[2J\tb","cut":false}"#,
                "event: end",
                r#"data: {"reason":"refused","detail":"the policy forbids it"}"#,
            ]
        );
        running.stop().await;
    }
);

both_databases!(a_reader_who_goes_ends_it_on_the_host_too, |test| {
    let admin = test.admin().await;
    let (host, mut running) = connected(test, &admin, &[container("web", None)]).await;
    let mut tails = running.take_tails();
    let path = format!("/api/v1/hosts/{}/containers/web/log?follow=true", host.id);
    let mut stream = admin.follow(&path).await;
    let tail = timeout(PATIENCE, tails.recv()).await.unwrap().unwrap();
    tail.frames
        .send(TailFrame::Log(vec![line(AT_NS, "hello")]))
        .await
        .unwrap();
    stream.wait_for("hello").await;
    drop(stream);
    timeout(PATIENCE, tail.frames.closed()).await.unwrap();
    running.stop().await;
});

both_databases!(what_can_t_be_read_is_refused_at_once, |test| {
    let admin = test.admin().await;
    let (host, running) = connected(test, &admin, &[container("web", None)]).await;
    let of = |name: &str, query: &str| format!("/api/v1/hosts/{}/containers/{name}/log?{query}", host.id);
    let long = format!("search={}", "x".repeat(201));
    for query in [
        "tail=10001",
        "tail=-1",
        "after=-1",
        "since=yesterday",
        "lines=3",
        long.as_str(),
    ] {
        assert_eq!(admin.get(&of("web", query)).await.0, 422, "{query}");
    }
    assert_eq!(admin.get(&of("nobody", "")).await.0, 404);
    running.stop().await;
    let end = tokio::time::Instant::now() + PATIENCE;
    while test.app.links.is_online(host.id) {
        assert!(tokio::time::Instant::now() < end);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (status, problem) = admin.get(&of("web", "")).await;
    assert_eq!(status, 409, "{problem}");
});
