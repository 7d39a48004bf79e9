//! Two control planes on one PostgreSQL database: orders, live views, logs and deployments go to agents at the other one,
//! and one that is killed loses nothing.

use anyhow::{Context as _, Result, ensure};
use muster_agent::spool::Spool;
use muster_base::{Clock, UnixMs};
use muster_tests::api::text;
use muster_tests::control_plane::{self, free_udp_port};
use muster_tests::fleet::{PATIENCE, agent_options};
use muster_tests::job::containers::Application;
use muster_tests::job::hosts;
use muster_tests::job::releases::{Kind, Server};
use muster_tests::wait::{self, Found};
use muster_tests::{Agent, Api, ControlPlane, env};
use muster_workbench::{Env, images, process};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// What they say in the log when another one comes.
const MET: &str = "another control plane serves this database";

/// Two control planes, and hosts of each.
struct Story {
    services: Env,
    first: ControlPlane,
    second: ControlPlane,
    agents: Vec<Agent>,
    // Goes last.
    _dir: tempfile::TempDir,
}

impl Story {
    /// Two agents that know both and are at the first one, because the second was not there when they came, and two at the
    /// second one.
    fn begin() -> Result<Self> {
        let services = Env::from_process();
        let dir = tempfile::tempdir()?;
        let ports = [free_udp_port()?, free_udp_port()?];
        let (place, other) = (dir.path().join("first"), dir.path().join("second"));
        fs::create_dir_all(&place)?;
        let mut options = control_plane::Options {
            database: Some(env::new_postgres_database()?),
            link_port: Some(ports[0]),
            settings: vec![
                ("MUSTER_LINK__ADVERTISE".to_owned(), servers(&ports)),
                ("MUSTER_LINK__SAMPLE_INTERVAL_S".to_owned(), "1".to_owned()),
            ],
            ..control_plane::Options::new()?
        };
        let first = ControlPlane::start(&place, options.clone())?;
        let mut agents = Vec::new();
        for name in ["a", "b"] {
            agents.push(joined(&dir, name, &first.admin()?, &services, None)?);
        }
        hosts::await_online(&first.admin()?, 2, PATIENCE)?;

        // The same configuration and the same master key.
        copy_configuration(&place, &other)?;
        options.link_port = Some(ports[1]);
        let second = ControlPlane::start(&other, options)?;
        let at_second = servers(&ports[1..]);
        for name in ["c", "d"] {
            agents.push(joined(&dir, name, &second.admin()?, &services, Some(&at_second))?);
        }
        Ok(Self {
            services,
            first,
            second,
            agents,
            _dir: dir,
        })
    }

    /// Waits until both know of all hosts; those at the first one and those at the second one.
    fn placed(&self) -> Result<(Vec<Value>, Vec<Value>)> {
        for plane in [&self.first, &self.second] {
            hosts::await_online(&plane.admin()?, self.agents.len(), PATIENCE)?;
        }
        let mut online = hosts::await_online(&self.first.admin()?, self.agents.len(), PATIENCE)?;
        // In the order in which they joined.
        online.sort_by_key(|host| host["joinedAt"].as_str().map(str::to_owned));
        let second = online.split_off(2);
        Ok((online, second))
    }
}

fn servers(ports: &[u16]) -> String {
    let all: Vec<_> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    all.join(",")
}

fn copy_configuration(from: &Path, to: &Path) -> Result<()> {
    let (from, to) = (from.join("control-plane"), to.join("control-plane"));
    fs::create_dir_all(&to)?;
    fs::set_permissions(&to, fs::Permissions::from_mode(0o700))?;
    for file in ["muster.toml", "master.key"] {
        fs::copy(from.join(file), to.join(file)).with_context(|| format!("no {file}"))?;
    }
    Ok(())
}

fn joined(
    dir: &tempfile::TempDir,
    name: &str,
    admin: &Api,
    services: &Env,
    server: Option<&str>,
) -> Result<Agent> {
    let mut grant = admin.post("/api/v1/join-tokens", &json!({"uses": 1, "expiresInS": 600}))?;
    if let Some(server) = server {
        grant["server"] = server.into();
    }
    let mut agent = Agent::prepare(&dir.path().join(name), agent_options(services))?;
    agent.enrol(&grant)?;
    agent.run()?;
    Ok(agent)
}

#[test]
fn two_control_planes_are_one_to_people_and_agents_and_one_is_killed() -> Result<()> {
    let mut story = Story::begin()?;
    let (at_first, at_second) = story.placed()?;
    ensure!(
        fs::read_to_string(story.second.log())?.contains(MET),
        "the second does not know the first: {}",
        story.second.last_words()
    );
    let (first, second) = (story.first.admin()?, story.second.admin()?);

    orders_go_to_the_other_one(&story, &first, &at_second[0])?;
    orders_go_to_the_other_one(&story, &second, &at_first[0])?;
    live_views_go_to_the_other_one(&first, &at_second[0])?;
    deployments_and_logs_go_to_the_other_one(&story, &first, &at_second[0])?;

    // In the middle of work for a host of the one that is killed.
    let database = Server::register(&first, &story.services, &at_first[1], Kind::Postgres)?;
    let (busy, asked) = (first.clone(), database);
    let working = std::thread::spawn(move || {
        // The call breaks off with its control plane.
        while asked.test(&busy).is_ok() {}
    });
    let orders = || -> Result<usize> { Ok(second.list("/api/v1/orders")?.len()) };
    let before = orders()?;
    wait::until("work to be under way", PATIENCE, || {
        let now = orders()?;
        Ok(Found::from_option((now > before).then_some(()), now))
    })?;
    let killed_at = Clock::system().now();
    let killed = Instant::now();
    story.first.kill()?;
    drop(working.join());
    for host in &at_first {
        let path = format!("/api/v1/hosts/{}", text(host, "id")?);
        wait::until("the host to be back", PATIENCE, || {
            let host = second.get(&path)?;
            let is_back = host["status"] == "online" && at(&host, "connectedAt")? > killed_at;
            Ok(if is_back {
                Found::Yes(())
            } else {
                Found::No(host.to_string())
            })
        })?;
        println!(
            "back at the other control plane {:.1} s after the kill",
            killed.elapsed().as_secs_f64()
        );
    }
    ensure!(killed.elapsed() < Duration::from_secs(15), "too late");
    every_order_ends(&second)?;
    // Work goes on for those that came over.
    Server::register(&second, &story.services, &at_first[0], Kind::Postgres)?.test(&second)?;

    // It comes back, and knows of all.
    story.first.serve()?;
    let again = story.placed()?;
    assert_eq!(again.0.len() + again.1.len(), 4);
    let first = story.first.admin()?;
    orders_go_to_the_other_one(&story, &first, &at_second[1])?;
    samples_are_there_once(&mut story, &second, at_first.iter().chain(&at_second))?;
    Ok(())
}

/// Tests a database through the host, and tells how long it took from the order to its acceptance.
#[expect(clippy::print_stdout, reason = "a story says how long things took")]
fn orders_go_to_the_other_one(story: &Story, api: &Api, host: &Value) -> Result<()> {
    let server = Server::register(api, &story.services, host, Kind::Postgres)?;
    for _ in 0..5 {
        server.test(api)?;
    }
    let orders = api.list(&format!("/api/v1/orders?host={}", text(host, "id")?))?;
    let mut took = Vec::new();
    for order in orders.iter().filter(|order| order["state"] == "done") {
        took.push(at(order, "acceptedAt")?.ms_since(at(order, "createdAt")?));
    }
    ensure!(took.len() >= 5, "{orders:?}");
    println!("milliseconds from the order to its acceptance at the other control plane: {took:?}");
    took.sort_unstable();
    // A lost message costs a second; most are not lost.
    ensure!(took[took.len() / 2] < 500, "orders wait for the poll: {took:?}");
    Ok(())
}

fn at(thing: &Value, field: &str) -> Result<UnixMs> {
    serde_json::from_value(thing[field].clone()).with_context(|| format!("no time {field} in {thing}"))
}

fn live_views_go_to_the_other_one(api: &Api, host: &Value) -> Result<()> {
    let path = format!("/api/v1/hosts/{}/live?intervalS=1", text(host, "id")?);
    let samples = data(api, &path)?.take(2).count();
    assert_eq!(samples, 2, "live samples through the other control plane");
    Ok(())
}

fn data(api: &Api, path: &str) -> Result<impl Iterator<Item = Value> + use<>> {
    let lines = api.follow(path)?.map_while(std::io::Result::ok);
    Ok(lines.filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()))
}

fn deployments_and_logs_go_to_the_other_one(story: &Story, api: &Api, host: &Value) -> Result<()> {
    let name = format!("web-{}", process::free_port()?);
    let registry = env::Registry::of(|name| {
        let found = story.services.get(name).map(str::to_owned);
        found.with_context(|| format!("{name} was not started"))
    })?;
    let application = Application::register(api, &registry, host, &name, process::free_port()?)?;
    let ended = application.deploy(images::GOOD)?;
    assert_eq!(ended["status"], "success", "{ended}");
    application.serving(PATIENCE)?;
    // By this host: all of them share an engine, and the others may have told of it before.
    let containers = format!("/api/v1/hosts/{}/containers", text(host, "id")?);
    wait::until("the container to be listed", PATIENCE, || {
        let listed = api.list(&containers)?;
        let found = listed
            .iter()
            .any(|one| one["name"] == name.as_str() && one["state"] == "running");
        Ok(Found::from_option(found.then_some(()), json!(listed)))
    })?;
    let path = format!("{containers}/{name}/log?tail=100&search=RESPONSE:200");
    let line = data(api, &path)?.find(|line| line["text"].is_string());
    ensure!(
        line.is_some(),
        "no line of the log came through the other control plane"
    );
    Ok(())
}

/// What was asked for and acknowledged ends, whoever was killed over it.
fn every_order_ends(api: &Api) -> Result<()> {
    wait::until("every order to end", PATIENCE, || {
        let orders = api.list("/api/v1/orders")?;
        let open: Vec<_> = orders.iter().filter(|order| order["endedAt"].is_null()).collect();
        Ok(Found::from_option(open.is_empty().then_some(()), json!(open)))
    })?;
    let orders = api.list("/api/v1/orders")?;
    let is_lost = |order: &&Value| !["done", "expired"].iter().any(|state| order["state"] == *state);
    let lost = orders.iter().find(is_lost);
    ensure!(lost.is_none(), "an order did not end well: {lost:?}");
    Ok(())
}

/// Stops the agents, whose own books say how many samples they took, and compares.
#[expect(clippy::print_stdout, reason = "a story says how long things took")]
fn samples_are_there_once<'a>(
    story: &mut Story,
    api: &Api,
    hosts: impl Iterator<Item = &'a Value>,
) -> Result<()> {
    for (agent, host) in story.agents.iter_mut().zip(hosts) {
        let path = format!("/api/v1/hosts/{}/metrics/stored", text(host, "id")?);
        let books = wait::until("the agent to have delivered everything", PATIENCE, || {
            ensure!(agent.stop(), "the agent did not stop by itself");
            let spool = Spool::open(&agent.data().join("resident/spool.redb"))?;
            let (books, backlog) = (spool.last_sample(), spool.backlog()?);
            drop(spool);
            let stored = api.get(&path)?;
            if backlog == (0, 0) && stored["samples"].as_u64() == Some(books) {
                return Ok(Found::Yes(books));
            }
            ensure!(
                stored["samples"].as_u64() <= Some(books),
                "{books} taken, {stored}"
            );
            agent.run()?;
            wait::until("another sample to be stored", PATIENCE, || {
                let now = api.get(&path)?;
                let found = (now["samples"] != stored["samples"]).then_some(());
                Ok(Found::from_option(found, now))
            })?;
            Ok(Found::No(format!(
                "{books} taken, {backlog:?} not acknowledged, {stored}"
            )))
        })?;
        println!("{books} samples taken, and stored once each");
    }
    Ok(())
}

#[test]
fn one_with_another_master_key_does_not_start() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let (place, other) = (dir.path().join("first"), dir.path().join("second"));
    fs::create_dir_all(&place)?;
    let options = control_plane::Options {
        database: Some(env::new_postgres_database()?),
        ..control_plane::Options::new()?
    };
    let _first = ControlPlane::start(&place, options.clone())?;
    copy_configuration(&place, &other)?;
    let key = other.join("control-plane/master.key");
    fs::write(&key, "07".repeat(32))?;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
    ensure!(ControlPlane::start(&other, options).is_err(), "it serves");
    let said = fs::read_to_string(other.join("control-plane.log"))?;
    ensure!(said.contains("give both the same master.key"), "{said}");
    Ok(())
}
