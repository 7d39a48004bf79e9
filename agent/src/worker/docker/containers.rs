//! Containers: look at one, put it aside, stop, start, remove. Whatever is so already is no error.

use std::{net::IpAddr, time::Duration};

use bollard::{
    models::{ContainerInspectResponse, HealthStatusEnum, NetworkConnectRequest},
    query_parameters::{
        CreateContainerOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
        RenameContainerOptionsBuilder, StopContainerOptions,
    },
};
use futures_util::StreamExt as _;
use muster_base::point;
use muster_protocol::latest::DeploySpec;
use tokio::time::{Instant, sleep};

use super::{CALL_TIMEOUT, DockerError, Engine, body};
use crate::front::route::Route;

const LOG_LINES: &str = "20";
/// A line has no end that the engine knows of.
const LOG_BYTES: usize = 64 * 1024;
const LOOK_AGAIN: Duration = Duration::from_millis(100);
const LOG_TIMEOUT: Duration = Duration::from_secs(5);
/// A container that says itself how long it may take to stop is waited for so long.
const LONGEST_STOP: Duration = Duration::from_hours(1);

/// A container as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "what the engine says of it")]
pub struct Found {
    /// The engine's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether its process runs.
    pub running: bool,
    /// Whether the engine waits to start it again.
    pub restarting: bool,
    /// How often the engine restarted it.
    pub restarts: i64,
    /// The exit code, while it does not run.
    pub exit_code: i64,
    /// The engine's own word on why it could not start it.
    pub error: String,
    /// The health check's verdict, if it has a health check.
    pub health: Option<Health>,
    /// The order that made it, if Muster did.
    pub order: Option<String>,
    /// Whether Muster made it.
    pub managed: bool,
    /// The application that it is of, if Muster made it.
    pub application: Option<String>,
    /// The application's environment that it is of.
    pub environment: Option<String>,
    /// Its address on a network that this host is on.
    pub address: Option<IpAddr>,
    /// The front's route to it, if one stands before it.
    pub route: Option<Route>,
    /// When it last started, in the engine's words.
    pub started: String,
    /// Whether it is removed by its end (`--rm`).
    pub removed_at_end: bool,
}

/// A health check's verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Not decided yet.
    Starting,
    /// The last check passed.
    Healthy,
    /// Too many in a row failed.
    Unhealthy,
}

impl Engine {
    /// The container of that name or id, if there is one.
    pub async fn find(&self, name: &str) -> Result<Option<Found>, DockerError> {
        match self
            .docker
            .inspect_container(name, None)
            .await
            .map_err(DockerError::from)
        {
            Ok(about) => Ok(Some(found(about))),
            Err(e) if e.is_not_found() => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Gives the container another name.
    pub async fn rename(&self, id: &str, name: &str) -> Result<(), DockerError> {
        let options = RenameContainerOptionsBuilder::default().name(name).build();
        point!("docker.rename.before");
        self.docker.rename_container(id, options).await?;
        point!("docker.rename.after");
        Ok(())
    }

    /// Asks the container to stop, by this signal or by its own, and kills it after `grace`.
    pub async fn stop(&self, id: &str, grace: Duration, signal: Option<&str>) -> Result<(), DockerError> {
        self.stop_with(id, Some(grace), signal).await
    }

    /// The same by its own signal; without `grace`, after the time that the container itself says.
    pub async fn stop_within(&self, id: &str, grace: Option<Duration>) -> Result<(), DockerError> {
        self.stop_with(id, grace, None).await
    }

    async fn stop_with(
        &self,
        id: &str,
        grace: Option<Duration>,
        signal: Option<&str>,
    ) -> Result<(), DockerError> {
        // Engines before 24 know no signal here and take the container's own.
        let options = StopContainerOptions {
            t: grace.map(whole_seconds),
            signal: signal.map(str::to_owned),
        };
        let docker = self
            .docker
            .clone()
            .with_timeout(grace.unwrap_or(LONGEST_STOP) + CALL_TIMEOUT);
        point!("docker.stop.before");
        // Nobody waits for what it makes of a signal, so it gets the one that it can't refuse; the engine waits for its end here,
        // too. One that does not run can't be killed: the other call knows all states.
        if grace.is_some_and(|grace| grace.is_zero()) && docker.kill_container(id, None).await.is_ok() {
            point!("docker.stop.after");
            return Ok(());
        }
        let stopped = docker.stop_container(id, Some(options)).await;
        point!("docker.stop.after");
        match stopped.map_err(DockerError::from) {
            Err(e) if e.is_not_found() => Ok(()),
            other => other,
        }
    }

    /// Starts the container if it does not run.
    pub async fn start(&self, id: &str) -> Result<(), DockerError> {
        point!("docker.start.before");
        self.docker.start_container(id, None).await?;
        point!("docker.start.after");
        Ok(())
    }

    /// Creates the container, does not start it, and returns its id.
    pub async fn create(
        &self,
        spec: &DeploySpec,
        made_of: &body::MadeOf<'_>,
        env: Vec<String>,
    ) -> Result<String, DockerError> {
        let options = CreateContainerOptionsBuilder::default()
            .name(&spec.container.name)
            .build();
        point!("docker.create.before");
        let created = self
            .docker
            .create_container(Some(options), body::create_body(spec, made_of, env))
            .await?;
        point!("docker.create.after");
        for network in body::more_networks(&spec.container) {
            let join = NetworkConnectRequest {
                container: created.id.clone(),
                ..NetworkConnectRequest::default()
            };
            self.docker.connect_network(network, join).await?;
        }
        Ok(created.id)
    }

    /// Removes a container that has served, running or not. All its volumes stay, those without a name too: somebody's data may
    /// be in one.
    pub async fn remove(&self, found: &Found) -> Result<(), DockerError> {
        self.remove_with(found, false).await
    }

    /// Removes a container of ours that has never served, with the volumes that were made for it alone.
    pub async fn remove_unused(&self, found: &Found) -> Result<(), DockerError> {
        self.remove_with(found, found.managed).await
    }

    async fn remove_with(&self, found: &Found, volumes: bool) -> Result<(), DockerError> {
        let id = found.id.as_str();
        let options = RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(volumes)
            .build();
        point!("docker.remove.before");
        let removed = self.docker.remove_container(id, Some(options)).await;
        point!("docker.remove.after");
        match removed.map_err(DockerError::from) {
            Err(e) if e.is_not_found() => Ok(()),
            Err(DockerError::Conflict(reason)) if reason.contains("already in progress") => {
                self.wait_until_gone(id).await
            }
            other => other,
        }
    }

    /// Somebody else removes it already, perhaps a worker that was killed while it waited.
    async fn wait_until_gone(&self, id: &str) -> Result<(), DockerError> {
        let give_up = Instant::now() + CALL_TIMEOUT;
        while self.find(id).await?.is_some() {
            if Instant::now() >= give_up {
                return Err(DockerError::Engine(format!(
                    "the engine does not get done removing {id}"
                )));
            }
            sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    /// The last lines that the container wrote, for the record of its failure.
    pub async fn last_log_lines(&self, id: &str) -> Vec<String> {
        let options = LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .tail(LOG_LINES)
            .build();
        let mut chunks = self.docker.logs(id, Some(options));
        let mut text = String::new();
        let read = async {
            while let Some(Ok(chunk)) = chunks.next().await {
                text.push_str(&chunk.to_string());
                if text.len() > LOG_BYTES {
                    break;
                }
            }
        };
        // What came in time is better than nothing.
        drop(tokio::time::timeout(LOG_TIMEOUT, read).await);
        text.lines().map(|line| line.trim_end().to_owned()).collect()
    }
}

/// The engine counts whole seconds; none of the grace time is taken away.
fn whole_seconds(grace: Duration) -> i32 {
    let begun = u64::from(grace.subsec_nanos() > 0);
    i32::try_from(grace.as_secs().saturating_add(begun)).unwrap_or(i32::MAX)
}

fn found(about: ContainerInspectResponse) -> Found {
    let state = about.state.unwrap_or_default();
    let labels = about.config.and_then(|config| config.labels).unwrap_or_default();
    let health = state
        .health
        .and_then(|health| health.status)
        .and_then(|status| match status {
            HealthStatusEnum::STARTING => Some(Health::Starting),
            HealthStatusEnum::HEALTHY => Some(Health::Healthy),
            HealthStatusEnum::UNHEALTHY => Some(Health::Unhealthy),
            HealthStatusEnum::NONE | HealthStatusEnum::EMPTY => None,
        });
    let address = about
        .network_settings
        .and_then(|settings| settings.networks)
        .into_iter()
        .flatten()
        .find_map(|(_, endpoint)| endpoint.ip_address?.parse().ok());
    Found {
        id: about.id.unwrap_or_default(),
        name: about.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        running: state.running.unwrap_or(false),
        restarting: state.restarting.unwrap_or(false),
        restarts: about.restart_count.unwrap_or(0),
        exit_code: state.exit_code.unwrap_or(0),
        error: state.error.unwrap_or_default(),
        health,
        route: labels
            .get(body::LABEL_ROUTE)
            .and_then(|text| serde_json::from_str(text).ok()),
        order: labels.get(body::LABEL_ORDER).cloned(),
        managed: labels.contains_key(body::LABEL_APPLICATION),
        application: labels.get(body::LABEL_APPLICATION).cloned(),
        environment: labels.get(body::LABEL_ENVIRONMENT).cloned(),
        address,
        started: state.started_at.unwrap_or_default(),
        removed_at_end: about
            .host_config
            .and_then(|host| host.auto_remove)
            .unwrap_or(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grace_time_is_never_shortened() {
        for (ms, seconds) in [
            (0, 0),
            (1, 1),
            (900, 1),
            (1_000, 1),
            (1_001, 2),
            (u64::MAX, i32::MAX),
        ] {
            assert_eq!(whole_seconds(Duration::from_millis(ms)), seconds, "{ms} ms");
        }
    }
}
