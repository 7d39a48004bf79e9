//! Reading what containers write, through the worker's binary.

use std::process::Stdio;

use muster_agent::worker::wire::{Answer, Request};
use muster_base::UnixMs;
use muster_identity::{
    keys::SigningKey,
    look::{Look, sign},
};
use muster_protocol::{
    latest::{EnvVar, HealthCheck, LogEnd, LogLine, LogLook, LogStream, OrderStatus, SignedLook},
    read_frame, write_frame,
};
use tokio::{
    process::{Child, ChildStdin, ChildStdout},
    time::timeout,
};

use crate::{
    bench::{PATIENCE, POLICY, TestHost},
    containers::by_hand,
    engine::{self, Place},
};

const ALL: &str = "[containers]\nlogs = \"all\"\n";
/// Writes three lines, and one more for each file that appears.
const WRITES: &str = "echo one; echo two >&2; echo THREE; n=0; \
    while :; do if [ -e /say$n ]; then echo said $n; n=$((n+1)); fi; /bin/busybox sleep 0.05; done";

/// A worker that reads a log.
struct Reader {
    output: ChildStdout,
    input: Option<ChildStdin>,
    child: Child,
}

impl TestHost {
    fn wish(&self, place: &Place) -> LogLook {
        LogLook {
            org: self.org,
            host: self.host,
            expires: self.clock.now().plus_ms(UnixMs::MINUTE),
            container: place.name.clone(),
            tail: 100,
            after_ns: None,
            follow: false,
            search: None,
        }
    }

    async fn read(&self, wish: &LogLook) -> Reader {
        self.read_signed(wish, &self.signer).await
    }

    async fn read_signed(&self, wish: &LogLook, signer: &SigningKey) -> Reader {
        let body = muster_protocol::encode(wish).unwrap();
        let (key_id, signature) = sign(Look::Log, signer, &body);
        let mut child = self
            .command()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let look = SignedLook {
            body,
            key_id,
            signature,
        };
        write_frame(
            &mut input,
            &Request::Log {
                look,
                keys: Vec::new(),
            },
        )
        .await
        .unwrap();
        Reader {
            output: child.stdout.take().unwrap(),
            input: Some(input),
            child,
        }
    }
}

impl Reader {
    async fn next(&mut self) -> Answer {
        let frame = timeout(PATIENCE, read_frame(&mut self.output)).await;
        // None: the worker ended without a word.
        frame.unwrap().unwrap().unwrap()
    }

    /// Lines until there are so many.
    async fn lines(&mut self, count: usize) -> Vec<LogLine> {
        let mut lines = Vec::new();
        while lines.len() < count {
            match self.next().await {
                Answer::Log(more) => lines.extend(more),
                other => panic!("{other:?} after {lines:#?}"),
            }
        }
        assert_eq!(lines.len(), count, "{lines:#?}");
        lines
    }

    /// Lines until the end.
    async fn all(mut self) -> (Vec<LogLine>, Answer) {
        let mut lines = Vec::new();
        loop {
            match self.next().await {
                Answer::Log(more) => lines.extend(more),
                end => return (lines, end),
            }
        }
    }

    async fn refusal(self) -> String {
        match self.all().await {
            (lines, Answer::Failed(why)) if lines.is_empty() => why,
            other => panic!("{other:?}"),
        }
    }
}

fn texts(lines: &[LogLine]) -> Vec<&str> {
    lines.iter().map(|line| line.text.as_str()).collect()
}

fn say(place: &Place, number: u32) {
    let file = format!("/say{number}");
    place.docker(&["exec", &place.name, "/bin/busybox", "touch", &file]);
}

/// A container that writes, and has written its first lines.
async fn writing(host: &TestHost, options: &[&str]) -> Place {
    let place = Place::new();
    by_hand(&place, options, &["sh", "-c", WRITES]).await;
    let wish = LogLook {
        follow: true,
        ..host.wish(&place)
    };
    host.read(&wish).await.lines(3).await;
    place
}

#[tokio::test]
async fn the_past_is_told_with_times_and_streams_and_as_much_of_it_as_is_asked() {
    let host = TestHost::new(ALL);
    let place = writing(&host, &[]).await;
    let (lines, end) = host.read(&host.wish(&place)).await.all().await;
    assert_eq!(end, Answer::LogEnd(LogEnd::Complete));
    let mut sorted = texts(&lines);
    sorted.sort_unstable();
    assert_eq!(sorted, ["THREE", "one", "two"]);
    let of = |text: &str| lines.iter().find(|line| line.text == text).unwrap();
    assert_eq!(of("two").stream, LogStream::Stderr);
    assert_eq!(of("one").stream, LogStream::Stdout);
    let now = host.clock.now().0 * 1_000_000;
    assert!(of("one").at_ns > now - 60_000_000_000 && of("one").at_ns <= now);

    let some = |change: fn(&mut LogLook)| {
        let mut wish = host.wish(&place);
        change(&mut wish);
        wish
    };
    let (lines, _) = host.read(&some(|wish| wish.tail = 1)).await.all().await;
    assert_eq!(lines.len(), 1);
    let (lines, _) = host.read(&some(|wish| wish.tail = 0)).await.all().await;
    assert_eq!(texts(&lines), [""; 0]);
    let (lines, _) = host
        .read(&some(|wish| wish.search = Some("three".to_owned())))
        .await
        .all()
        .await;
    assert_eq!(texts(&lines), ["THREE"]);
    let after = LogLook {
        after_ns: Some(of("one").at_ns),
        ..host.wish(&place)
    };
    let (lines, _) = host.read(&after).await.all().await;
    assert!(!texts(&lines).contains(&"one"), "{lines:#?}");
}

#[tokio::test]
async fn a_log_is_followed_through_a_stop_and_a_start_until_the_container_is_gone() {
    let host = TestHost::new(ALL);
    let place = writing(&host, &[]).await;
    let wish = LogLook {
        follow: true,
        ..host.wish(&place)
    };
    let mut reader = host.read(&wish).await;
    // What was written before shows that it follows now.
    reader.lines(3).await;
    say(&place, 0);
    assert_eq!(texts(&reader.lines(1).await), ["said 0"]);
    say(&place, 1);
    assert_eq!(texts(&reader.lines(1).await), ["said 1"]);

    place.docker(&["restart", "--time", "0", &place.name]);
    // It begins anew, and what it said before is not said again by us.
    let mut lines = texts(&reader.lines(5).await).join(" ");
    lines.make_ascii_lowercase();
    for word in ["one", "two", "three", "said 0", "said 1"] {
        assert!(lines.contains(word), "{lines}");
    }
    place.docker(&["rm", "--force", &place.name]);
    let (lines, end) = reader.all().await;
    assert_eq!((texts(&lines), end), (Vec::new(), Answer::LogEnd(LogEnd::Gone)));
}

#[tokio::test]
async fn a_worker_ends_when_nobody_listens() {
    let host = TestHost::new(ALL);
    let place = writing(&host, &[]).await;
    let wish = LogLook {
        follow: true,
        ..host.wish(&place)
    };
    let mut reader = host.read(&wish).await;
    reader.lines(3).await;
    drop(reader.input.take());
    timeout(PATIENCE, reader.child.wait()).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_terminal_s_lines_are_lines_too() {
    let host = TestHost::new(ALL);
    let place = writing(&host, &["--tty"]).await;
    let (lines, _) = host.read(&host.wish(&place)).await.all().await;
    assert_eq!(texts(&lines), ["one", "two", "THREE"]);
}

#[tokio::test]
async fn only_the_control_plane_s_word_for_this_host_and_now_opens_a_log() {
    let host = TestHost::new(ALL);
    let place = writing(&host, &[]).await;
    let stranger = SigningKey::generate().unwrap();
    let why = host
        .read_signed(&host.wish(&place), &stranger)
        .await
        .refusal()
        .await;
    assert!(why.contains("not signed"), "{why}");
    let elsewhere = LogLook {
        host: host.clock.new_id(),
        ..host.wish(&place)
    };
    let why = host.read(&elsewhere).await.refusal().await;
    assert!(why.contains("another host"), "{why}");
    let late = LogLook {
        expires: host.clock.now(),
        ..host.wish(&place)
    };
    let why = host.read(&late).await.refusal().await;
    assert!(why.contains("too late"), "{why}");
}

#[tokio::test]
async fn the_policy_and_what_is_not_there_are_said() {
    let host = TestHost::new(ALL);
    let place = writing(&host, &[]).await;
    let strict = TestHost::new(POLICY);
    let why = strict.read(&strict.wish(&place)).await.refusal().await;
    assert!(
        why.contains("containers.logs") && why.contains("logs = \"all\""),
        "{why}"
    );
    let nowhere = Place::new();
    let why = host.read(&host.wish(&nowhere)).await.refusal().await;
    assert!(why.contains("there is no container named"), "{why}");
    let down = TestHost::new(ALL).at_engine("unix:///nonexistent/docker.sock");
    let why = down.read(&down.wish(&place)).await.refusal().await;
    assert!(why.contains("can't be reached"), "{why}");
}

#[tokio::test]
async fn secrets_that_muster_put_there_are_not_shown() {
    let (host, place) = (TestHost::new(POLICY), Place::new());
    let mut spec = host.web(&place, "1.0.0");
    spec.container.env = vec![
        EnvVar::Secret {
            name: "TOKEN".to_owned(),
            secret: "token".to_owned(),
        },
        EnvVar::Plain {
            name: "MODE".to_owned(),
            value: "in the open".to_owned(),
        },
    ];
    spec.container.health = HealthCheck::Running;
    let blurt = "echo $TOKEN is the token, $MODE; while :; do /bin/busybox sleep 1; done";
    spec.container.command = Some(["/bin/busybox", "sh", "-c", blurt].map(str::to_owned).to_vec());
    let password = engine::registry_password();
    let secrets = [
        (engine::PASSWORD, password.as_str()),
        ("token", "kept-from-everybody-0815"),
    ];
    let said = host.worker(&host.deploy_with(spec, &secrets)).await.all().await;
    assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
    assert_eq!(
        place.inspect("{{index .Config.Labels \"muster.secrets\"}}"),
        "TOKEN"
    );
    let (lines, _) = host.read(&host.wish(&place)).await.all().await;
    assert_eq!(texts(&lines), ["*** is the token, in the open"]);
}
