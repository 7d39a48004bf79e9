//! Images that the engine has: whether one is here, where they are kept, who uses them, and taking away what nobody needs.

use bollard::{
    models::{ContainerSummary, ContainerSummaryStateEnum as State},
    query_parameters::{ListContainersOptionsBuilder, RemoveImageOptions},
};

use super::{DockerError, Engine, body};

/// A container as far as it matters for what may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The engine's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Content id of its image.
    pub image_id: String,
    /// Whether it runs, or may at any moment.
    pub lives: bool,
    /// The application that it is of, if Muster made it.
    pub application: Option<String>,
    /// The application's environment that it is of.
    pub environment: Option<String>,
}

impl Engine {
    /// Content id of the image that goes by this name, if the engine has one.
    pub async fn image_id(&self, name: &str) -> Result<Option<String>, DockerError> {
        match self.docker.inspect_image(name).await.map_err(DockerError::from) {
            Ok(about) => Ok(about.id),
            Err(e) if e.is_not_found() => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// The directory where the engine keeps its data, by its own word.
    pub async fn data_root(&self) -> Result<Option<String>, DockerError> {
        Ok(self.docker.info().await?.docker_root_dir)
    }

    /// Every container, running or not.
    pub async fn holders(&self) -> Result<Vec<Holder>, DockerError> {
        let options = ListContainersOptionsBuilder::default().all(true).build();
        let listed = self.docker.list_containers(Some(options)).await?;
        Ok(listed.into_iter().filter_map(holder).collect())
    }

    /// Takes a name away from an image, and the image with it if it has no other. One that a container uses stays, and is an
    /// error; one that is gone is none.
    pub async fn remove_image(&self, name: &str) -> Result<(), DockerError> {
        let options = RemoveImageOptions::default();
        let removed = self.docker.remove_image(name, Some(options), None).await;
        match removed.map_err(DockerError::from) {
            Err(e) if e.is_not_found() => Ok(()),
            other => other.map(|_| ()),
        }
    }
}

fn holder(summary: ContainerSummary) -> Option<Holder> {
    let labels = summary.labels.unwrap_or_default();
    let name = summary.names.unwrap_or_default().into_iter().next()?;
    Some(Holder {
        id: summary.id?,
        name: name.trim_start_matches('/').to_owned(),
        image_id: summary.image_id.unwrap_or_default(),
        lives: !matches!(
            summary.state,
            Some(State::CREATED | State::EXITED | State::DEAD | State::REMOVING)
        ),
        application: labels.get(body::LABEL_APPLICATION).cloned(),
        environment: labels.get(body::LABEL_ENVIRONMENT).cloned(),
    })
}
