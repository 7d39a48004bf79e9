//! A rollout over two hundred hosts, some of which can't run the new version: it stops at the threshold, the changed hosts
//! go back, and what is shown is true at each moment.

use anyhow::{Context as _, Result, ensure};
use muster_base::HostId;
use muster_simulator::{Options, SimulatedFleet};
use muster_tests::api::text;
use muster_tests::wait::{self, Found};
use muster_tests::{Api, ControlPlane, control_plane, env};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const HOSTS: usize = 200;
const PATIENCE: Duration = Duration::from_mins(3);

struct Rollouts {
    admin: Api,
    fleet: SimulatedFleet,
    application: String,
    // The fleet stops before its control plane, and that before its directory goes.
    _plane: ControlPlane,
    _dir: tempfile::TempDir,
}

impl Rollouts {
    fn start(database: Option<String>) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let interval = ("MUSTER_LINK__SAMPLE_INTERVAL_S".to_owned(), "30".to_owned());
        let options = control_plane::Options {
            database,
            settings: vec![interval],
            ..control_plane::Options::new()?
        };
        let plane = ControlPlane::start(dir.path(), options)?;
        let admin = plane.admin()?;
        let options = Options {
            agents: HOSTS,
            seed: 7,
        };
        let fleet = SimulatedFleet::join(&admin, options)?;
        fleet.start();
        fleet.await_connected(PATIENCE)?;
        let hosts: Vec<HostId> = fleet.running().into_keys().collect();
        let rollout =
            json!({"batchSize": "10%", "maxFailures": "2%", "onFailure": "rollBack", "offline": "fail"});
        let body = json!({"name": "shop", "image": "team/shop",
            "environments": {"prod": {"hosts": hosts, "rollout": rollout}}});
        let made = admin.post("/api/v1/applications", &body)?;
        let application = text(&made, "id")?.to_owned();
        Ok(Self {
            admin,
            fleet,
            application,
            _plane: plane,
            _dir: dir,
        })
    }

    /// Deploys, and looks at it until it has ended: whatever is shown must be possible.
    fn deploy(&self, version: &str) -> Result<Value> {
        let path = format!("/api/v1/applications/{}/deployments", self.application);
        let asked = self
            .admin
            .post(&path, &json!({"version": version, "environment": "prod"}))?;
        let id = text(&asked, "deploymentId")?;
        let mut seen = Seen::default();
        wait::until(&format!("the end of {version}"), PATIENCE, || {
            let shown = self.admin.get(&format!("/api/v1/deployments/{id}"))?;
            seen.check(&shown)?;
            let ended = !matches!(text(&shown, "status")?, "pending" | "running");
            Ok(if ended {
                Found::Yes(shown)
            } else {
                Found::No(shown["counts"].to_string())
            })
        })
    }

    /// How many hosts run which version, as they know it themselves.
    fn versions(&self) -> BTreeMap<String, usize> {
        let mut versions = BTreeMap::new();
        for version in self.fleet.running().into_values() {
            *versions.entry(version.unwrap_or_default()).or_default() += 1;
        }
        versions
    }
}

/// What was shown so far.
#[derive(Default)]
struct Seen {
    batch: i64,
    /// Hosts that had ended.
    ended: BTreeSet<String>,
    moments: usize,
}

impl Seen {
    fn check(&mut self, shown: &Value) -> Result<()> {
        let hosts = shown["hosts"].as_array().context("no hosts")?;
        if hosts.is_empty() {
            return Ok(());
        }
        self.moments += 1;
        let counts = shown["counts"].as_object().context("no counts")?;
        let number = |name: &str| counts[name].as_u64().unwrap_or_default();
        let sum: u64 = counts
            .keys()
            .filter(|name| *name != "total")
            .map(|name| number(name))
            .sum();
        ensure!(
            sum == number("total") && hosts.len() == HOSTS,
            "{counts:?} of {}",
            hosts.len()
        );
        let batch = shown["batch"].as_i64().context("no batch")?;
        ensure!(batch >= self.batch, "batch {batch} after {}", self.batch);
        self.batch = batch;
        for host in hosts {
            let (name, of) = (
                text(host, "hostName")?,
                host["batch"].as_i64().context("no batch")?,
            );
            let asked = !host["orderId"].is_null();
            ensure!(
                !asked || of <= batch,
                "{name} of batch {of} was asked in batch {batch}"
            );
            let ended = !host["endedAt"].is_null();
            ensure!(
                ended || !self.ended.contains(name),
                "{name} had ended and has not"
            );
            if ended {
                self.ended.insert(name.to_owned());
            }
            if host["status"] == "success" || host["status"] == "failure" {
                ensure!(
                    asked || host["status"] == "failure",
                    "{name} is done and was not asked"
                );
            }
            // A batch begins when those before it have ended.
            ensure!(
                ended || of >= batch,
                "{name} of batch {of} is not done in batch {batch}"
            );
        }
        Ok(())
    }
}

fn stops_at_the_threshold(database: Option<String>) -> Result<()> {
    let rollouts = Rollouts::start(database)?;
    let first = rollouts.deploy("1.0.0")?;
    ensure!(first["status"] == "success", "{}", first["error"]);
    ensure!(rollouts.versions() == BTreeMap::from([("1.0.0".to_owned(), HOSTS)]));

    // Five in a hundred, as the rollout comes to them: one in every twenty hosts.
    let order = first["hosts"].as_array().context("no hosts")?;
    let broken = order
        .iter()
        .skip(11)
        .step_by(20)
        .map(|host| Ok(text(host, "hostId")?.parse()?));
    let broken: Vec<HostId> = broken.collect::<Result<_>>()?;
    ensure!(broken.len() == HOSTS / 20, "{} are broken", broken.len());
    rollouts.fleet.break_deploys(broken);

    // Four may fail; the fifth is in the fifth batch of twenty.
    let second = rollouts.deploy("2.0.0")?;
    let counts = &second["counts"];
    ensure!(
        second["status"] == "rolledBack",
        "{}: {}",
        second["status"],
        second["error"]
    );
    ensure!(
        counts["rolledBack"] == 100 && counts["skipped"] == 100,
        "{counts}"
    );
    let hosts = second["hosts"].as_array().context("no hosts")?;
    let back = hosts
        .iter()
        .filter(|host| host["back"]["status"] == "success")
        .count();
    ensure!(back == 95, "{back} hosts went back");
    ensure!(
        rollouts.versions() == BTreeMap::from([("1.0.0".to_owned(), HOSTS)]),
        "{:?} run",
        rollouts.versions()
    );

    // With more patience it goes through, and says who was left behind.
    let path = format!("/api/v1/applications/{}", rollouts.application);
    let mut environments = rollouts.admin.get(&path)?["environments"].clone();
    environments["prod"]["rollout"]["maxFailures"] = json!("5%");
    rollouts
        .admin
        .patch(&path, &json!({"environments": environments}))?;
    let third = rollouts.deploy("2.0.1")?;
    ensure!(
        third["status"] == "success",
        "{}: {}",
        third["status"],
        third["error"]
    );
    let error = text(&third, "error")?;
    ensure!(error.starts_with("10 of 200 hosts not done"), "{error}");
    let expected = [("1.0.0".to_owned(), 10), ("2.0.1".to_owned(), 190)];
    ensure!(
        rollouts.versions() == BTreeMap::from(expected),
        "{:?} run",
        rollouts.versions()
    );
    rollouts.fleet.orders()?;
    Ok(())
}

#[test]
fn two_hundred_hosts_stop_at_the_threshold_and_go_back_on_sqlite() -> Result<()> {
    stops_at_the_threshold(None)
}

#[test]
fn two_hundred_hosts_stop_at_the_threshold_and_go_back_on_postgres() -> Result<()> {
    stops_at_the_threshold(Some(env::new_postgres_database()?))
}
