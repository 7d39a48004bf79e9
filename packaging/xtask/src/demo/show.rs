//! The demo for a person: stays until Ctrl-C, keeps its data, and this machine is the first host.

use crate::interrupt::Interrupt;
use crate::{project, say};
use anyhow::{Context, Result, bail};
use muster_tests::control_plane::{ADMIN, Options};
use muster_tests::job::{containers, hosts};
use muster_tests::{Agent, Api, ControlPlane, agent, env};
use muster_workbench::{Service, Workbench, random_hex, tools};
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

const HTTP_PORT: u16 = 8440;
const LINK_PORT: u16 = 8441;
/// Where the demo's container publishes its port.
const CONTAINER_PORT: u16 = 18440;

/// Builds, starts, shows, and waits for Ctrl-C.
pub fn run(data: Option<PathBuf>, interrupt: &Interrupt) -> Result<ExitCode> {
    say::note("building the console, the control plane and the agent (the first time takes some minutes)");
    project::build_console(interrupt)?;
    muster_tests::programs::use_dir(project::build_programs(interrupt)?);

    let dir = data.map_or_else(
        || muster_workbench::cache::dir().map(|cache| cache.join("demo")),
        Ok,
    )?;
    fs::create_dir_all(&dir).with_context(|| format!("{} can't be made", dir.display()))?;
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o700))?;
    let password = password(&dir)?;
    let services = docker();
    let mut plane = ControlPlane::start(&dir, options(&password))?;
    let admin = plane.admin()?;
    let mut agent = agent(&dir.join("host"), &admin, services.as_ref())?;
    let host = hosts::await_online(&admin, 1, Duration::from_mins(1))?.swap_remove(0);

    say::line("");
    say::line(format_args!("  console   {}", plane.address()));
    say::line(format_args!("  login     {ADMIN}"));
    say::line(format_args!("  password  {password}"));
    say::line("");
    say::line(format_args!(
        "  {} has joined; its readings are in {}",
        host["name"].as_str().unwrap_or("this machine"),
        dir.display()
    ));
    match &services {
        Some(services) => say::line(
            deploy(&admin, services, &host)
                .unwrap_or_else(|error| format!("  no container was deployed: {error:#}")),
        ),
        None => say::line(
            "  no container was deployed: that takes root, and Debian's docker.io docker-registry apache2-utils busybox-static iproute2",
        ),
    }
    say::line("  Ctrl-C stops everything");

    interrupt.wait(|| !plane.is_running() || !agent.is_running());
    if !interrupt.asked() {
        bail!(
            "a program ended by itself; look into {} and {}",
            plane.log().display(),
            agent.log().display()
        );
    }
    say::note("stopping");
    agent.stop();
    plane.stop();
    Ok(ExitCode::SUCCESS)
}

/// Made at the first start and kept beside the data.
fn password(dir: &Path) -> Result<String> {
    let file = dir.join("admin-password");
    if let Ok(password) = fs::read_to_string(&file) {
        return Ok(password);
    }
    random_hex(8)
}

fn options(password: &str) -> Options {
    let http_free = TcpListener::bind(("127.0.0.1", HTTP_PORT)).is_ok();
    let link_free = UdpSocket::bind(("127.0.0.1", LINK_PORT)).is_ok();
    Options {
        admin_password: password.to_owned(),
        http_port: http_free.then_some(HTTP_PORT),
        link_port: link_free.then_some(LINK_PORT),
        ..Options::default()
    }
}

/// Docker and a registry, if this machine has what it takes; the demo installs nothing.
fn docker() -> Option<Workbench> {
    let needed = [
        tools::DOCKERD,
        tools::DOCKER,
        tools::IP,
        tools::REGISTRY,
        tools::HTPASSWD,
        tools::BUSYBOX,
    ];
    if !needed.iter().all(|tool| tool.find().is_some()) {
        return None;
    }
    Workbench::start(&[Service::Registry])
        .inspect_err(|error| say::note(format_args!("{error:#}")))
        .ok()
}

fn agent(dir: &Path, admin: &Api, services: Option<&Workbench>) -> Result<Agent> {
    let variable = |name| services.and_then(|services| services.env().get(name));
    let registries = variable("MUSTER_TEST_REGISTRY")
        .map(|registry| format!("\"{registry}\""))
        .unwrap_or_default();
    let options = agent::Options {
        policy: format!("[images]\nregistries = [{registries}]\n"),
        docker_host: variable("MUSTER_TEST_DOCKER_HOST").map(str::to_owned),
        ..agent::Options::default()
    };
    let mut agent = Agent::prepare(dir, options.clone())?;
    if agent.has_joined() {
        agent.run()?;
        return Ok(agent);
    }
    Agent::join_once(dir, admin, options)
}

fn deploy(admin: &Api, services: &Workbench, host: &serde_json::Value) -> Result<String> {
    let registry = env::Registry::of(|name| {
        services
            .env()
            .get(name)
            .map(str::to_owned)
            .context("a service is missing")
    })?;
    let application = containers::Application::register(admin, &registry, host, "demo-web", CONTAINER_PORT)?;
    let ended = application.deploy(muster_workbench::images::GOOD)?;
    let status = ended["status"].as_str().unwrap_or("unknown");
    Ok(format!(
        "  a container was deployed by webhook ({status}): http://127.0.0.1:{CONTAINER_PORT}"
    ))
}
