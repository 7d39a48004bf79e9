//! Handing over: requests go on and on while versions are deployed, and none is lost.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use muster_agent::{config::DataDir, front::Fronts};
use muster_protocol::latest::{
    DeploySpec, HandoverSpec, HealthCheck, OrderPayload, OrderStatus, SignedOrder, StepStatus,
};

use crate::{
    bench::{POLICY, Said, TestHost},
    engine::{self, Place},
};

const GOOD: &str = "1.0.0";
const NEXT: &str = "1.1.0";
const SICK: &str = "1.3.0";
const PATIENCE: Duration = Duration::from_secs(30);
/// Clients at a time, half of which keep their connections, unless `MUSTER_HANDOVER_CLIENTS` says how many.
const CLIENTS: usize = 8;
/// Between two deployments, unless `MUSTER_HANDOVER_SECONDS` says how long all of them take together.
const PAUSE_S: usize = 0;

fn given(name: &str, usual: usize) -> usize {
    let said = std::env::var(name).ok();
    said.map_or(usual, |said| said.parse().unwrap())
}

/// A web server that keeps connections: for each it answers one request after another, with its version.
fn keeping(version: &str) -> Vec<String> {
    let answer = format!(
        "HTTP/1.1 200 OK\\r\\nContent-Length: {}\\r\\n\\r\\n{version}",
        version.len()
    );
    let each = format!("while read -r line; do case \"$line\" in ?) printf '{answer}';; esac; done");
    let script = format!(
        "echo '{}' > /serve; exec /bin/busybox nc -ll -p 8080 -e /bin/busybox sh /serve",
        each.replace('\'', "'\\''")
    );
    ["/bin/busybox", "sh", "-c", &script].map(str::to_owned).to_vec()
}

fn order(host: &TestHost, deploy: DeploySpec, http: bool) -> SignedOrder {
    let payload = OrderPayload::Handover(Box::new(HandoverSpec {
        deploy,
        http,
        grace_ms: 5_000,
    }));
    let head = host.head(&payload);
    let secrets = [(engine::PASSWORD, &*engine::registry_password())];
    host.sign(head, &payload, &secrets, &host.signer)
}

/// Deploys the test image, which closes each connection after its answer, or one that keeps them under this name.
async fn hand_over(host: &TestHost, place: &Place, tag: &str, kept: Option<&str>) -> Said {
    let mut spec = host.web(place, tag);
    if let Some(version) = kept {
        spec.container.command = Some(keeping(version));
        spec.container.health = HealthCheck::Tcp {
            port: 8080,
            interval_ms: 50,
            timeout_ms: 1_000,
        };
    }
    host.worker(&order(host, spec, true)).await.all().await
}

/// Clients that ask and ask until they are told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<Vec<String>>>,
}

impl Load {
    fn on(port: u16) -> Self {
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let clients = (0..given("MUSTER_HANDOVER_CLIENTS", CLIENTS))
            .map(|number| {
                let (stop, asked) = (Arc::clone(&stop), Arc::clone(&asked));
                thread::spawn(move || client(port, number % 2 == 0, &stop, &asked))
            })
            .collect();
        Self { stop, asked, clients }
    }

    /// Waits until so many requests were made from now on, and for a sixth of the time that the load is to last.
    fn await_more(&self, count: usize) {
        let (before, began) = (self.asked.load(Ordering::Relaxed), Instant::now());
        let least = Duration::from_secs(given("MUSTER_HANDOVER_SECONDS", PAUSE_S) as u64) / 6;
        while self.asked.load(Ordering::Relaxed) < before + count || began.elapsed() < least {
            assert!(
                began.elapsed() < PATIENCE.max(2 * least),
                "the clients stand still"
            );
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// What went wrong.
    fn end(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect()
    }
}

fn client(port: u16, keeps: bool, stop: &AtomicBool, asked: &AtomicUsize) -> Vec<String> {
    let mut failures = Vec::new();
    let mut kept: Option<TcpStream> = None;
    while !stop.load(Ordering::Relaxed) {
        if let Err(error) = request(port, keeps, &mut kept) {
            failures.push(format!("keeps {keeps}: {error}"));
        }
        asked.fetch_add(1, Ordering::Relaxed);
    }
    failures
}

fn request(port: u16, keeps: bool, kept: &mut Option<TcpStream>) -> std::io::Result<()> {
    let other = |why: String| std::io::Error::other(why);
    let mut stream = match kept.take() {
        Some(stream) => stream,
        None => TcpStream::connect(("127.0.0.1", port))?,
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n")?;
    let mut answer = Vec::new();
    let mut chunk = [0; 1_024];
    loop {
        let read = stream.read(&mut chunk)?;
        answer.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&answer);
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head.lines().find_map(|line| {
                line.to_lowercase()
                    .strip_prefix("content-length:")
                    .map(str::to_owned)
            });
            length.is_some_and(|length| length.trim().parse() == Ok(body.len()))
        });
        if whole && text.starts_with("HTTP/1.") && text.contains(" 200 ") {
            let closes = text.starts_with("HTTP/1.0") || text.to_lowercase().contains("connection: close");
            *kept = (keeps && !closes).then_some(stream);
            return Ok(());
        }
        if whole || read == 0 {
            return Err(other(format!("{text:?}")));
        }
    }
}

fn fronts(host: &TestHost) -> Fronts {
    Fronts::new(&DataDir::new(host.path()), None)
}

/// The first handover; from here on the front listens.
async fn serving(place: &Place) -> TestHost {
    let host = TestHost::new(POLICY);
    let said = hand_over(&host, place, GOOD, None).await;
    assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
    assert_eq!(place.serves(Some(GOOD)).as_deref(), Some(GOOD));
    host
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_dropped_by_five_deployments() {
    let place = Place::new();
    let host = serving(&place).await;
    let load = Load::on(place.port);
    for (tag, kept) in [
        (NEXT, None),
        (GOOD, Some("k1")),
        (GOOD, Some("k2")),
        (NEXT, Some("k3")),
        (GOOD, None),
    ] {
        load.await_more(200);
        let said = hand_over(&host, &place, tag, kept).await;
        assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
        assert_eq!(
            said.steps(StepStatus::Done),
            [
                "verify",
                "authenticate",
                "pull",
                "set-aside",
                "start-new",
                "health",
                "switch",
                "drain",
                "remove-old"
            ]
        );
        assert!(place.is_alone(), "{:?}", place.containers());
    }
    load.await_more(200);
    assert_eq!(load.end(), Vec::<String>::new());
    assert_eq!(place.serves(Some(GOOD)).as_deref(), Some(GOOD));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_not_healthy_never_gets_a_request() {
    let place = Place::new();
    let host = serving(&place).await;
    let life = place.life();
    let load = Load::on(place.port);
    load.await_more(100);
    let mut spec = host.web(&place, SICK);
    spec.health_timeout_ms = 1_500;
    let said = host.worker(&order(&host, spec, true)).await.all().await;
    load.await_more(100);
    assert_eq!(load.end(), Vec::<String>::new());
    assert_eq!(said.outcome().status, OrderStatus::RolledBack, "{said:#?}");
    assert_eq!(place.life(), life, "the old container was not even restarted");
    assert_eq!(place.serves(Some(GOOD)).as_deref(), Some(GOOD));
    assert!(place.is_alone());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_at_any_step_of_a_handover_finishes_it_and_drops_nothing() {
    let place = Place::new();
    let host = serving(&place).await;
    let load = Load::on(place.port);
    let mut version = 0;
    for (step, at) in [
        ("set-aside", StepStatus::Done),
        ("start-new", StepStatus::Done),
        ("health", StepStatus::Done),
        ("switch", StepStatus::Running),
        ("switch", StepStatus::Done),
        ("drain", StepStatus::Done),
    ] {
        version += 1;
        let tag = if version % 2 == 1 { NEXT } else { GOOD };
        let order = order(&host, host.web(&place, tag), true);
        let mut worker = host.worker(&order).await;
        loop {
            let reply = worker.next().await.unwrap();
            if crate::bench::is_step(&reply, step, at) {
                worker.kill().await;
                break;
            }
        }
        let said = host.worker(&order).await.all().await;
        assert_eq!(said.outcome().status, OrderStatus::Done, "{step}: {said:#?}");
        assert_eq!(place.serves(Some(tag)).as_deref(), Some(tag), "{step}");
        assert!(place.is_alone(), "{step}: {:?}", place.containers());
    }
    assert_eq!(load.end(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_port_goes_from_the_container_to_the_front_and_back() {
    let place = Place::new();
    let host = TestHost::new(POLICY);
    let plain = async |tag| {
        let said = host.worker(&host.deploy(host.web(&place, tag))).await.all().await;
        assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
        assert_eq!(place.serves(Some(tag)).as_deref(), Some(tag));
    };
    plain(GOOD).await;
    let said = hand_over(&host, &place, NEXT, None).await;
    assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
    assert_eq!(place.serves(Some(NEXT)).as_deref(), Some(NEXT));
    assert!(fronts(&host).route(&place.name).unwrap().is_some());
    plain(GOOD).await;
    assert!(fronts(&host).route(&place.name).unwrap().is_none());
    assert!(place.is_alone());
}
