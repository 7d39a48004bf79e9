//! Files that people send: the worker's binary, with the bytes from the test.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::PathBuf,
};

use muster_agent::worker::wire::Answer;
use muster_base::sha256;
use muster_protocol::latest::{
    BytesReply, FileOrder, OrderOutcome, OrderPayload, OrderRefusal, OrderReply, OrderStatus, SignedOrder,
    StepStatus,
};

use crate::bench::{Said, TestHost, Worker};

/// A host, and a folder that its policy lets files into.
struct Ground {
    host: TestHost,
    files: tempfile::TempDir,
}

impl Ground {
    fn new() -> Self {
        // Where files may be put, wherever this machine has its temporary ones: not below /dev.
        let files = tempfile::tempdir_in("/tmp").unwrap();
        let root = files.path().canonicalize().unwrap();
        let policy = format!("[files]\nallow = [\"{}/in/**\"]\n", root.display());
        fs::create_dir(root.join("in")).unwrap();
        fs::create_dir(root.join("out")).unwrap();
        Self {
            host: TestHost::new(&policy),
            files,
        }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.files.path().canonicalize().unwrap().join(below)
    }

    fn order(&self, below: &str, bytes: &[u8], replace: bool) -> SignedOrder {
        let payload = OrderPayload::File(FileOrder {
            send: self.host.clock.new_id(),
            path: self.path(below).to_string_lossy().into_owned(),
            mode: 0o640,
            replace,
            size: bytes.len() as u64,
            sha256: sha256(bytes).0,
        });
        self.host
            .sign(self.host.head(&payload), &payload, &[], &self.host.signer)
    }

    /// Names in the folder, hidden ones too.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("in")).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

/// Answers as a control plane that has these bytes and breaks off after `at_once` of them each time.
async fn serve(mut worker: Worker, bytes: &[u8], at_once: usize) -> Said {
    let mut said = Vec::new();
    while let Some(answer) = worker.hear().await {
        match answer {
            Answer::Reply(reply) => said.push(reply),
            Answer::WantBytes { offset } => {
                let rest = &bytes[usize::try_from(offset).unwrap()..];
                let now = &rest[..rest.len().min(at_once)];
                for piece in now.chunks(64 << 10) {
                    worker.tell(BytesReply::Piece(piece.to_vec())).await;
                }
                if now.len() < rest.len() {
                    worker.tell(BytesReply::NotNow("cut".to_owned())).await;
                } else if !bytes.is_empty() {
                    // It has all it wants and may be gone.
                    break;
                }
            }
            other => panic!("unexpected {other:?}"),
        }
    }
    let Said(rest) = worker.all().await;
    said.extend(rest);
    Said(said)
}

fn failed(said: &Said) -> &str {
    let outcome: &OrderOutcome = said.outcome();
    assert_eq!(outcome.status, OrderStatus::Failed, "{said:#?}");
    outcome.error.as_deref().unwrap()
}

fn noise(count: usize) -> Vec<u8> {
    (0..count)
        .map(|n| u8::try_from((n * n / 7) % 251).unwrap())
        .collect()
}

#[tokio::test]
async fn a_file_comes_in_pieces_over_cuts_and_is_there_once() {
    let ground = Ground::new();
    let bytes = noise(300_000);
    let order = ground.order("in/app.bin", &bytes, false);
    let said = serve(ground.host.worker(&order).await, &bytes, 100_000).await;
    assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
    assert_eq!(said.steps(StepStatus::Done), ["look", "fetch", "place"]);
    assert_eq!(fs::read(ground.path("in/app.bin")).unwrap(), bytes);
    let mode = fs::metadata(ground.path("in/app.bin"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o640);
    assert_eq!(ground.names(), ["app.bin"]);

    // A repeat is answered from the journal.
    fs::remove_file(ground.path("in/app.bin")).unwrap();
    let again = ground.host.worker(&order).await.all().await;
    assert_eq!(again.outcome(), said.outcome());
    assert!(ground.names().is_empty(), "done once");
}

#[tokio::test]
async fn a_file_that_is_there_is_replaced_only_if_that_was_said() {
    let ground = Ground::new();
    fs::write(ground.path("in/x"), "old").unwrap();
    let order = ground.order("in/x", b"new", false);
    let said = ground.host.worker(&order).await.all().await;
    assert!(failed(&said).contains("there is a file"), "{said:#?}");
    assert_eq!(fs::read(ground.path("in/x")).unwrap(), b"old");
    let order = ground.order("in/x", b"new", true);
    let said = serve(ground.host.worker(&order).await, b"new", 10).await;
    assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
    assert_eq!(fs::read(ground.path("in/x")).unwrap(), b"new");
    // An empty one needs no bytes.
    let order = ground.order("in/x", b"", true);
    let said = ground.host.worker(&order).await.all().await;
    assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
    assert_eq!(fs::read(ground.path("in/x")).unwrap(), b"");
    fs::create_dir(ground.path("in/folder")).unwrap();
    let said = ground
        .host
        .worker(&ground.order("in/folder", b"new", true))
        .await
        .all()
        .await;
    assert!(failed(&said).contains("no plain file"), "{said:#?}");
}

#[tokio::test]
async fn other_bytes_than_were_signed_are_not_placed() {
    let ground = Ground::new();
    for (given, what) in [(&b"nEw"[..], "changed"), (b"newer", "too long")] {
        let mut worker = ground.host.worker(&ground.order("in/x", b"new", true)).await;
        let mut said = Vec::new();
        while let Some(answer) = worker.hear().await {
            match answer {
                Answer::Reply(reply) => said.push(reply),
                _ => worker.tell(BytesReply::Piece(given.to_vec())).await,
            }
        }
        assert!(failed(&Said(said)).contains("not what was signed"), "{what}");
        assert!(ground.names().is_empty(), "{what}");
    }
    for (end, words) in [
        (BytesReply::End, "not what was signed"),
        (BytesReply::Never("it was deleted".to_owned()), "it was deleted"),
    ] {
        let mut worker = ground.host.worker(&ground.order("in/x", b"new", true)).await;
        let mut said = Vec::new();
        while let Some(answer) = worker.hear().await {
            match answer {
                Answer::Reply(reply) => said.push(reply),
                _ => worker.tell(end.clone()).await,
            }
        }
        assert!(failed(&Said(said)).contains(words), "{words}");
        assert!(ground.names().is_empty(), "{words}");
    }
}

#[tokio::test]
async fn the_policy_holds_whatever_links_there_are() {
    let ground = Ground::new();
    symlink(ground.path("out"), ground.path("in/way-out")).unwrap();
    symlink("/etc/passwd", ground.path("in/passwd")).unwrap();
    symlink(ground.path("in"), ground.path("way-in")).unwrap();
    for below in [
        "out/x",
        "in",
        "in/../out/x",
        "in//x",
        "in/./x",
        "in/a\0b",
        "way-in/x",
    ] {
        let order = ground.order(below, b"new", true);
        let said = ground.host.worker(&order).await.all().await;
        assert!(
            matches!(said.refusal(), OrderRefusal::Policy { rule, .. } if rule == "files.allow"),
            "{below:?}: {said:#?}"
        );
    }
    // These are allowed by their names, and lead elsewhere.
    let order = ground.order("in/way-out/x", b"new", true);
    let said = ground.host.worker(&order).await.all().await;
    assert!(failed(&said).contains("files.allow"), "{said:#?}");
    let order = ground.order("in/passwd", b"new", true);
    let said = ground.host.worker(&order).await.all().await;
    assert!(failed(&said).contains("no plain file"), "{said:#?}");
    assert!(fs::read_dir(ground.path("out")).unwrap().next().is_none());
    let said = ground
        .host
        .worker(&ground.order("in/nowhere/x", b"new", true))
        .await
        .all()
        .await;
    assert!(failed(&said).contains("make it first"), "{said:#?}");
}

#[tokio::test]
async fn nothing_is_written_where_the_policy_says_nothing() {
    let ground = Ground::new();
    let strict = TestHost::new("");
    let payload = OrderPayload::File(FileOrder {
        send: strict.clock.new_id(),
        path: ground.path("in/x").to_string_lossy().into_owned(),
        mode: 0o644,
        replace: true,
        size: 0,
        sha256: sha256(b"").0,
    });
    let order = strict.sign(strict.head(&payload), &payload, &[], &strict.signer);
    let said = strict.worker(&order).await.all().await;
    assert!(matches!(said.refusal(), OrderRefusal::Policy { .. }), "{said:#?}");
    assert!(ground.names().is_empty());
}

#[tokio::test]
async fn a_worker_that_is_killed_or_left_alone_leaves_the_old_file_and_the_next_ends_it() {
    let ground = Ground::new();
    fs::write(ground.path("in/x"), "old").unwrap();
    let bytes = noise(200_000);
    let order = ground.order("in/x", &bytes, true);
    // Waits until it wants bytes, and gives it some.
    let half = async || {
        let mut worker = ground.host.worker(&order).await;
        loop {
            match worker.hear().await {
                Some(Answer::WantBytes { offset }) => {
                    assert_eq!(offset, 0);
                    worker.tell(BytesReply::Piece(bytes[..65_536].to_vec())).await;
                    return worker;
                }
                Some(_) => {}
                None => panic!("it ended"),
            }
        }
    };
    half().await.kill().await;
    assert_eq!(fs::read(ground.path("in/x")).unwrap(), b"old");
    assert_eq!(ground.names().len(), 2, "{:?}", ground.names());
    half().await.leave().await;
    assert_eq!(ground.names(), ["x"], "it takes along what it has");
    let said = serve(ground.host.worker(&order).await, &bytes, usize::MAX).await;
    assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
    assert_eq!(fs::read(ground.path("in/x")).unwrap(), bytes);
    assert_eq!(ground.names(), ["x"]);
    assert!(said.0.iter().any(|reply| matches!(reply, OrderReply::Accepted)));
}

#[tokio::test]
async fn without_a_control_plane_the_resident_s_worker_waits_and_is_cancelled() {
    let ground = Ground::new();
    let order = ground.order("in/x", b"new", true);
    let resident = ground.host.resident();
    let mut stream = resident
        .ask(muster_agent::link::OrderRequest::Run(Box::new(order.clone())))
        .await;
    loop {
        let reply = tokio::time::timeout(crate::bench::PATIENCE, stream.recv()).await;
        if crate::bench::is_step(&reply.unwrap().unwrap(), "fetch", StepStatus::Running) {
            break;
        }
    }
    let id = muster_identity::order::OrderHead::from_bytes(&order.body)
        .unwrap()
        .order;
    assert_eq!(resident.cancel(id).await.status, OrderStatus::Cancelled);
    assert!(ground.names().is_empty());
    resident.stop().await;
}
