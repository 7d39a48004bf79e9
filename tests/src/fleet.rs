//! A small fleet: a control plane and this machine as its host, with every service that is there.

use crate::control_plane::{self, ControlPlane};
use crate::env::Registry;
use crate::job::hosts;
use crate::{Agent, Api, agent};
use anyhow::{Context, Result};
use muster_workbench::Env;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// How long a thing may take that takes a moment.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A control plane with one joined host. Stopped when dropped.
pub struct Fleet {
    services: Env,
    // The agent stops before the control plane that it is connected to.
    /// The host's agent.
    pub agent: Agent,
    /// The super administrator.
    pub admin: Api,
    /// The control plane.
    pub plane: ControlPlane,
    /// The host, as the API shows it.
    pub host: Value,
}

impl Fleet {
    /// Starts both in `dir` and waits until the host is online.
    pub fn start(services: &Env, dir: &Path) -> Result<Self> {
        Self::start_with(
            services,
            dir,
            control_plane::Options::new()?,
            agent_options(services),
        )
    }

    /// As [`Self::start`], with a control plane and an agent of the story's choice.
    pub fn start_with(
        services: &Env,
        dir: &Path,
        plane: control_plane::Options,
        agent: agent::Options,
    ) -> Result<Self> {
        let plane = ControlPlane::start(dir, plane)?;
        let admin = plane.admin()?;
        let agent = Agent::join_once(&dir.join("host"), &admin, agent)?;
        let online = hosts::await_online(&admin, 1, PATIENCE);
        let host = online
            .with_context(|| format!("the agent's last words:\n{}", agent.last_words()))?
            .swap_remove(0);
        Ok(Self {
            services: services.clone(),
            agent,
            admin,
            plane,
            host,
        })
    }

    /// The registry with the test images.
    pub fn registry(&self) -> Result<Registry> {
        Registry::of(|name| self.service(name).map(str::to_owned))
    }

    /// All services.
    pub fn services(&self) -> &Env {
        &self.services
    }

    /// Where a service is.
    pub fn service(&self, name: &str) -> Result<&str> {
        self.services
            .get(name)
            .with_context(|| format!("{name} was not started"))
    }
}

/// An agent that uses the services and whose policy allows the work that stories ask for.
pub fn agent_options(services: &Env) -> agent::Options {
    let registry = services.get("MUSTER_TEST_REGISTRY").unwrap_or("none.invalid");
    agent::Options {
        policy: format!(
            "[images]\nregistries = [\"{registry}\"]\n\n[sql]\nmax_risk = \"destructive\"\nscratch = true\n\n\
             [[databases]]\nhost = \"127.0.0.1\"\nname = \"*\"\nmax_risk = \"destructive\"\n"
        ),
        docker_host: services.get("MUSTER_TEST_DOCKER_HOST").map(str::to_owned),
        ..Default::default()
    }
}
