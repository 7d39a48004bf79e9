//! What the engine says of every container on the host.

use bollard::{
    models::{ContainerInspectResponse, ContainerStateStatusEnum as Status, HealthStatusEnum},
    query_parameters::ListContainersOptionsBuilder,
};
use muster_base::UnixMs;
use muster_protocol::latest::{ContainerFacts, ContainerHealth, ContainerState};

use super::{DockerError, Engine, body, listed::facts_by_list};

const LABEL_PREFIX: &str = "muster.";
/// The newest so many: each is asked about by itself, and of no more are there readings.
const MAX_CONTAINERS: usize = 512;
/// All of them together travel in one frame, beside readings.
const MAX_BYTES: usize = 512 * 1024;
/// Labels of one container that are told.
const MAX_LABELS: usize = 16;
/// Characters of a name, an image or a label's value that are told.
const MAX_TEXT: usize = 255;
/// The engine's way to say never.
const NEVER: &str = "0001-01-01T00:00:00Z";

impl Engine {
    /// Facts of every container, running or not, in order of names. `known` are facts as they were at the last look.
    pub async fn containers(
        &self,
        known: &[ContainerFacts],
        now: UnixMs,
    ) -> Result<Vec<ContainerFacts>, DockerError> {
        let options = ListContainersOptionsBuilder::default().all(true).build();
        let listed = self.docker.list_containers(Some(options)).await?;
        let mut facts = Vec::with_capacity(listed.len());
        for summary in listed.into_iter().take(MAX_CONTAINERS) {
            let Some(id) = &summary.id else { continue };
            let before = known.iter().find(|facts| facts.id == *id);
            if let Some(still) = before.and_then(|before| facts_by_list(before, &summary, now)) {
                facts.push(still);
                continue;
            }
            match self
                .docker
                .inspect_container(id, None)
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
        Ok(fitting(facts))
    }
}

/// As many of the first as fit into [`MAX_BYTES`].
fn fitting(mut facts: Vec<ContainerFacts>) -> Vec<ContainerFacts> {
    let mut bytes = 0;
    let fit = facts.iter().take_while(|facts| {
        let labels = facts
            .labels
            .iter()
            .map(|(key, value)| key.len() + value.len() + 4);
        let texts = facts.id.len() + facts.name.len() + facts.image.len() + facts.image_id.len();
        bytes += texts + labels.sum::<usize>() + 64;
        bytes <= MAX_BYTES
    });
    let count = fit.count();
    facts.truncate(count);
    facts
}

fn facts_of(about: ContainerInspectResponse) -> Option<ContainerFacts> {
    let state = about.state?;
    let config = about.config.unwrap_or_default();
    let all_labels = config.labels.unwrap_or_default();
    let asked_for = all_labels.get(body::LABEL_IMAGE).cloned().or(config.image);
    let mut labels: Vec<_> = all_labels
        .into_iter()
        .filter(|(key, _)| key.starts_with(LABEL_PREFIX))
        .map(|(key, value)| (short(&key), short(&value)))
        .collect();
    labels.sort();
    labels.truncate(MAX_LABELS);
    let memory = about.host_config.and_then(|host| host.memory).unwrap_or(0);
    Some(ContainerFacts {
        id: short(&about.id?),
        name: short(about.name.unwrap_or_default().trim_start_matches('/')),
        image: short(&asked_for.unwrap_or_default()),
        image_id: short(&about.image.unwrap_or_default()),
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

fn short(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

fn time(text: Option<&String>) -> Option<UnixMs> {
    text.filter(|text| *text != NEVER)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use bollard::models::{ContainerConfig, ContainerState as EngineState};

    use super::*;

    #[test]
    fn what_an_engine_says_fits_into_a_frame_whatever_it_says() {
        let labels = (0..500).map(|n| (format!("muster.{n}"), "é".repeat(9_000)));
        let about = ContainerInspectResponse {
            id: Some("i".repeat(9_000)),
            name: Some(format!("/{}", "n".repeat(9_000))),
            image: Some("m".repeat(9_000)),
            state: Some(EngineState {
                status: Some(Status::RUNNING),
                ..EngineState::default()
            }),
            config: Some(ContainerConfig {
                labels: Some(labels.collect::<HashMap<_, _>>()),
                ..ContainerConfig::default()
            }),
            restart_count: Some(-1),
            created: Some("yesterday".to_owned()),
            ..ContainerInspectResponse::default()
        };
        let facts = facts_of(about).unwrap();
        assert_eq!(facts.name.len(), MAX_TEXT);
        assert_eq!(facts.labels.len(), MAX_LABELS);
        assert_eq!((facts.restarts, facts.created_at), (0, UnixMs::default()));
        let all = fitting(vec![facts; MAX_CONTAINERS]);
        assert!(!all.is_empty() && all.len() < MAX_CONTAINERS);
        let frame = muster_protocol::encode(&all).unwrap();
        assert!(frame.len() <= MAX_BYTES, "{}", frame.len());
    }
}
