//! What the engine says of every container on the host.

use bollard::{
    models::{ContainerInspectResponse, ContainerStateStatusEnum as Status, HealthStatusEnum},
    query_parameters::ListContainersOptionsBuilder,
};
use muster_base::UnixMs;
use muster_protocol::latest::{ContainerFacts, ContainerHealth, ContainerState};

use super::{DockerError, Engine, body};

const LABEL_PREFIX: &str = "muster.";
/// The engine's way to say never.
const NEVER: &str = "0001-01-01T00:00:00Z";

impl Engine {
    /// Facts of every container, running or not, in order of names.
    pub async fn containers(&self) -> Result<Vec<ContainerFacts>, DockerError> {
        let options = ListContainersOptionsBuilder::default().all(true).build();
        let listed = self.docker.list_containers(Some(options)).await?;
        let mut facts = Vec::with_capacity(listed.len());
        for id in listed.into_iter().filter_map(|summary| summary.id) {
            match self
                .docker
                .inspect_container(&id, None)
                .await
                .map_err(DockerError::from)
            {
                Ok(about) => facts.extend(facts_of(about)),
                // It went while we looked.
                Err(e) if e.is_not_found() => {}
                Err(e) => return Err(e),
            }
        }
        facts.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(facts)
    }
}

fn facts_of(about: ContainerInspectResponse) -> Option<ContainerFacts> {
    let state = about.state?;
    let config = about.config.unwrap_or_default();
    let all_labels = config.labels.unwrap_or_default();
    let asked_for = all_labels.get(body::LABEL_IMAGE).cloned().or(config.image);
    let mut labels: Vec<_> = all_labels
        .into_iter()
        .filter(|(key, _)| key.starts_with(LABEL_PREFIX))
        .collect();
    labels.sort();
    let memory = about.host_config.and_then(|host| host.memory).unwrap_or(0);
    Some(ContainerFacts {
        id: about.id?,
        name: about.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        image: asked_for.unwrap_or_default(),
        image_id: about.image.unwrap_or_default(),
        state: match state.status? {
            Status::RUNNING | Status::STOPPING => ContainerState::Running,
            Status::PAUSED => ContainerState::Paused,
            Status::RESTARTING => ContainerState::Restarting,
            Status::REMOVING => ContainerState::Removing,
            Status::EXITED => ContainerState::Exited,
            Status::DEAD => ContainerState::Dead,
            Status::CREATED | Status::EMPTY => ContainerState::Created,
        },
        health: match state.health.and_then(|health| health.status) {
            Some(HealthStatusEnum::STARTING) => ContainerHealth::Starting,
            Some(HealthStatusEnum::HEALTHY) => ContainerHealth::Healthy,
            Some(HealthStatusEnum::UNHEALTHY) => ContainerHealth::Unhealthy,
            Some(HealthStatusEnum::NONE | HealthStatusEnum::EMPTY) | None => ContainerHealth::None,
        },
        restarts: about
            .restart_count
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(0),
        created_at: time(about.created.as_ref()).unwrap_or_default(),
        started_at: time(state.started_at.as_ref()),
        labels,
        memory_limit_bytes: u64::try_from(memory).ok().filter(|&bytes| bytes > 0),
    })
}

fn time(text: Option<&String>) -> Option<UnixMs> {
    text.filter(|text| *text != NEVER)?.parse().ok()
}
