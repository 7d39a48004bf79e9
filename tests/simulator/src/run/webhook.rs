//! A storm of webhook calls, each call several times and in no order, to a control plane that has one core: how many it
//! answers in a second, and whether anything was deployed twice.
//!
//! The same calls twice over: as CI makes them (`/webhook/deploy`, deduplicated by `Idempotency-Key`) and as GitHub does
//! (`/webhook/git/{id}`, signed, deduplicated by what was signed). Two copies of a call are always on their way at the
//! same moment, the others come at any time. A new call costs a deployment; a copy costs a look.

use super::{percentile_ms, rounded};
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use aws_lc_rs::hmac;
use muster_base::HostId;
use muster_simulator::{Options, SimulatedFleet};
use muster_tests::api::text;
use muster_tests::usage::Watch;
use muster_tests::wait::{self, Found};
use muster_tests::{Api, ControlPlane, control_plane};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A PostgreSQL database, empty; SQLite without.
    #[arg(long)]
    database: Option<String>,
    /// Calls, copies included.
    #[arg(long, default_value_t = 10_000)]
    calls: usize,
    /// How often each call comes; an even number.
    #[arg(long, default_value_t = 20)]
    copies: usize,
}

/// Callers at a time.
const HANDS: usize = 8;
const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) fn run(args: &Args) -> Result<Value> {
    ensure!(
        args.copies >= 2 && args.copies.is_multiple_of(2),
        "copies come in pairs"
    );
    let dir = tempfile::tempdir()?;
    let unlimited = |name: &str| {
        (
            format!("MUSTER_DELIVERY__WEBHOOK_PER_{name}_PER_MINUTE"),
            "100000000".to_owned(),
        )
    };
    let options = control_plane::Options {
        database: args.database.clone(),
        settings: vec![unlimited("ADDRESS"), unlimited("APPLICATION")],
        ..control_plane::Options::new()?
    };
    let plane = ControlPlane::start(dir.path(), options)?;
    let admin = plane.admin()?;
    let fleet = SimulatedFleet::join(&admin, Options { agents: 1, seed: 1 })?;
    fleet.start();
    fleet.await_connected(PATIENCE)?;
    let hosts: Vec<HostId> = fleet.running().into_keys().collect();
    let pid = plane.id().context("the control plane does not run")?;
    pin(pid)?;

    let distinct = args.calls / args.copies;
    let mut answer = json!({"calls": args.calls, "distinct": distinct});
    let mut doubles = 0;
    for (prefix, storm) in [
        ("", Storm::of_ci(&admin, &hosts, distinct)?),
        ("git", Storm::of_github(&admin, &hosts, distinct)?),
    ] {
        let mut numbers = storm.rage(&plane, pid, args.copies)?;
        doubles += storm.doubles(&admin, &fleet)?;
        for (name, value) in [
            ("perSecond", numbers.per_second),
            ("p99Ms", percentile_ms(&mut numbers.took, 0.99)?),
            ("cpuMsPerCall", numbers.cpu_ms),
        ] {
            answer[named(prefix, name)] = rounded(value).into();
        }
    }
    answer["doubleDeployments"] = doubles.into();
    Ok(answer)
}

fn named(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        return name.to_owned();
    }
    let (first, rest) = name.split_at(1);
    format!("{prefix}{}{rest}", first.to_uppercase())
}

/// The control plane has the first core for itself, as far as this can be had; everybody here has the others.
fn pin(pid: u32) -> Result<()> {
    let cores = thread::available_parallelism()?.get();
    if cores > 1 {
        let ours = format!("1-{}", cores - 1);
        for (pid, cores) in [(pid, "0"), (std::process::id(), ours.as_str())] {
            let pinned = Command::new("taskset")
                .args(["--all-tasks", "--pid", "--cpu-list", cores, &pid.to_string()])
                .output()
                .context("taskset (util-linux) can't be started")?;
            ensure!(
                pinned.status.success(),
                "taskset: {}",
                String::from_utf8_lossy(&pinned.stderr)
            );
        }
    }
    Ok(())
}

/// Calls to one application.
struct Storm {
    application: String,
    /// One request each, ready to be sent.
    requests: Vec<Vec<u8>>,
}

struct Numbers {
    per_second: f64,
    cpu_ms: f64,
    took: Vec<Duration>,
}

impl Storm {
    fn of_ci(admin: &Api, hosts: &[HostId], distinct: usize) -> Result<Self> {
        let application = register(admin, "measured-ci", json!({"hosts": hosts}))?;
        let path = format!("/api/v1/applications/{application}/webhook-token");
        let made = admin.post(&path, &json!({}))?;
        let token = text(&made, "token")?;
        let requests = (0..distinct).map(|number| {
            let body =
                json!({"applicationId": application, "version": format!("1.{number}"), "token": token});
            let headers = format!("Idempotency-Key: build-{number}\r\n");
            request("/webhook/deploy", &headers, &body.to_string())
        });
        Ok(Self {
            requests: requests.collect(),
            application,
        })
    }

    fn of_github(admin: &Api, hosts: &[HostId], distinct: usize) -> Result<Self> {
        let triggers = json!({"github": {"push": {"tags": {"prefix": ["v"]}}}});
        let application = register(
            admin,
            "measured-git",
            json!({"hosts": hosts, "triggerSpec": triggers}),
        )?;
        let repository = json!({"repository": {"provider": "github", "repoId": "7"}});
        admin.patch(&format!("/api/v1/applications/{application}"), &repository)?;
        let made = admin.post(
            &format!("/api/v1/applications/{application}/git-secret"),
            &json!({}),
        )?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, text(&made, "secret")?.as_bytes());
        let path = format!("/webhook/git/{application}");
        // A commit of nothing but zeros would be a tag's end.
        let requests = (1..=distinct).map(|number| {
            let body = json!({
                "ref": format!("refs/tags/v{number}"), "after": format!("{number:040x}"), "deleted": false,
                "repository": {"id": 7, "full_name": "team/measured"},
            })
            .to_string();
            let signature = hmac::sign(&key, body.as_bytes());
            let digits = hex::encode(signature);
            let headers = format!("X-GitHub-Event: push\r\nX-Hub-Signature-256: sha256={digits}\r\n");
            request(&path, &headers, &body)
        });
        Ok(Self {
            requests: requests.collect(),
            application,
        })
    }

    /// Sends everything, and waits for every answer.
    fn rage(&self, plane: &ControlPlane, pid: u32, copies: usize) -> Result<Numbers> {
        let mut pairs: Vec<usize> = (0..copies / 2).flat_map(|_| 0..self.requests.len()).collect();
        shuffle(&mut pairs);
        let address = plane.address();
        let address = address.trim_start_matches("http://");
        let next = AtomicUsize::new(0);
        let hand = || -> Result<Vec<Duration>> {
            let mut connection = Connection::open(address)?;
            let mut took = Vec::new();
            loop {
                let turn = next.fetch_add(1, Ordering::Relaxed);
                // Neighbours are two copies of one call.
                let Some(number) = pairs.get(turn / 2) else {
                    return Ok(took);
                };
                let began = Instant::now();
                connection.call(&self.requests[*number])?;
                took.push(began.elapsed());
            }
        };
        let watch = Watch::begin(pid)?;
        let began = Instant::now();
        let mut took = Vec::with_capacity(pairs.len() * 2);
        thread::scope(|scope| {
            let hands: Vec<_> = (0..HANDS).map(|_| scope.spawn(hand)).collect();
            for hand in hands {
                took.extend(hand.join().map_err(|_| anyhow!("a hand fell off"))??);
            }
            anyhow::Ok(())
        })?;
        let elapsed = began.elapsed();
        let calls = took.len() as f64;
        let cpu_ms = watch.read()?.cpu_pct / 100.0 * elapsed.as_secs_f64() * 1_000.0;
        Ok(Numbers {
            per_second: calls / elapsed.as_secs_f64(),
            cpu_ms: cpu_ms / calls,
            took,
        })
    }

    /// Deployments beyond one for each call, and orders beyond one for each deployment.
    fn doubles(&self, admin: &Api, fleet: &SimulatedFleet) -> Result<usize> {
        let path = format!("/api/v1/deployments?limit=500&applicationId={}", self.application);
        let deployments = wait::until("the end of the deployments", PATIENCE, || {
            let deployments = admin.list(&path)?;
            let open = deployments
                .iter()
                .filter(|deployment| matches!(deployment["status"].as_str(), Some("pending" | "running")))
                .count();
            Ok(if open == 0 {
                Found::Yes(deployments)
            } else {
                Found::No(format!("{open} have not ended"))
            })
        })?;
        let versions: BTreeSet<&str> = deployments
            .iter()
            .filter_map(|deployment| deployment["version"].as_str())
            .collect();
        ensure!(
            versions.len() == self.requests.len(),
            "{} of {} versions were deployed",
            versions.len(),
            self.requests.len()
        );
        let done = deployments
            .iter()
            .filter(|deployment| deployment["status"] == "success")
            .count();
        ensure!(done > 0, "no deployment succeeded");
        let orders = fleet.orders()?;
        let unique: BTreeSet<_> = orders.iter().map(|started| started.order).collect();
        Ok(deployments.len() - versions.len() + (orders.len() - unique.len()))
    }
}

fn register(admin: &Api, name: &str, environment: Value) -> Result<String> {
    let body = json!({"name": name, "image": "team/measured", "environments": {"default": environment}});
    Ok(text(&admin.post("/api/v1/applications", &body)?, "id")?.to_owned())
}

fn request(path: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: measured\r\nContent-Type: application/json\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// In no order, but in the same each time.
fn shuffle(items: &mut [usize]) {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for last in (1..items.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let other = usize::try_from(state % (last as u64 + 1)).unwrap_or(last);
        items.swap(last, other);
    }
}

/// A connection that stays open, as CI systems keep theirs.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
        })
    }

    /// The answer must be that it was accepted.
    fn call(&mut self, request: &[u8]) -> Result<()> {
        self.stream.write_all(request)?;
        self.buffer.clear();
        let mut chunk = [0; 4_096];
        loop {
            let read = self.stream.read(&mut chunk)?;
            ensure!(read > 0, "the control plane closed the connection");
            self.buffer.extend_from_slice(&chunk[..read]);
            let text = String::from_utf8_lossy(&self.buffer);
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            let length: usize = length.context("an answer without a length")?.1.trim().parse()?;
            if body.len() >= length {
                if !head.starts_with("HTTP/1.1 202") || body.contains("\"error\":\"") {
                    bail!("the webhook answered {text}");
                }
                return Ok(());
            }
        }
    }
}
