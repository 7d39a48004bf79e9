//! Pulling an image, and pinning what came to its digest.

use std::time::Duration;

use bollard::{auth::DockerCredentials, query_parameters::CreateImageOptionsBuilder};
use futures_util::{StreamExt as _, pin_mut};
use muster_base::{ExposeSecret, SecretString};

use super::{DockerError, Engine};
use crate::policy::ImageRef;

const STALLED_AFTER: Duration = Duration::from_mins(2);

/// How the engine is to introduce itself at the registry.
pub enum Credentials {
    /// Not at all.
    None,
    /// Basic authentication.
    Password {
        /// User name.
        username: String,
        /// Password.
        password: SecretString,
    },
    /// A bearer token.
    Token(SecretString),
}

/// An image that the engine has now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// Content id, `sha256:…`.
    pub image_id: String,
    /// The registry's digest, `sha256:…`.
    pub digest: String,
    /// What containers are created from: name and digest.
    pub pinned: String,
}

impl Engine {
    /// Pulls `image`, by its digest if that is known, and says what came.
    pub async fn pull(
        &self,
        image: &ImageRef,
        digest: Option<&str>,
        credentials: &Credentials,
    ) -> Result<Pulled, DockerError> {
        let wanted = digest.or(image.digest.as_deref());
        let options = CreateImageOptionsBuilder::default()
            .from_image(&image.name())
            .tag(wanted.unwrap_or(&image.tag))
            .build();
        let shown = image.to_string();
        let progress =
            self.docker
                .create_image(Some(options), None, for_engine(credentials, &image.registry));
        pin_mut!(progress);
        loop {
            match tokio::time::timeout(STALLED_AFTER, progress.next()).await {
                Err(_) => return Err(DockerError::PullStalled(shown)),
                Ok(None) => break,
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(e))) => return Err(DockerError::of_pull(e, &image.registry, &shown)),
            }
        }
        self.pinned(image, wanted).await
    }

    async fn pinned(&self, image: &ImageRef, wanted: Option<&str>) -> Result<Pulled, DockerError> {
        let name = image.name();
        let local = match wanted {
            Some(digest) => format!("{name}@{digest}"),
            None => image.to_string(),
        };
        let about = self.docker.inspect_image(&local).await?;
        // The engine drops the default registry from the names it keeps.
        let short = name
            .strip_prefix("docker.io/library/")
            .or_else(|| name.strip_prefix("docker.io/"))
            .unwrap_or(&name);
        let digests: Vec<&str> = about
            .repo_digests
            .iter()
            .flatten()
            .filter_map(|entry| entry.split_once('@'))
            .filter(|(repository, _)| *repository == name || *repository == short)
            .map(|(_, digest)| digest)
            .collect();
        let actual = match wanted {
            Some(expected) if digests.contains(&expected) => expected,
            Some(expected) => {
                return Err(DockerError::WrongDigest {
                    image: image.to_string(),
                    expected: expected.to_owned(),
                    actual: digests.join(", "),
                });
            }
            // The newest pull comes last.
            None => digests.last().copied().ok_or_else(|| {
                DockerError::Engine(format!(
                    "the engine knows no digest of {image}, though it pulled it"
                ))
            })?,
        };
        Ok(Pulled {
            image_id: about.id.unwrap_or_default(),
            digest: actual.to_owned(),
            pinned: format!("{name}@{actual}"),
        })
    }
}

fn for_engine(credentials: &Credentials, registry: &str) -> Option<DockerCredentials> {
    let serveraddress = Some(registry.to_owned());
    match credentials {
        Credentials::None => None,
        Credentials::Password { username, password } => Some(DockerCredentials {
            username: Some(username.clone()),
            password: Some(password.expose_secret().to_owned()),
            serveraddress,
            ..DockerCredentials::default()
        }),
        Credentials::Token(token) => Some(DockerCredentials {
            registrytoken: Some(token.expose_secret().to_owned()),
            serveraddress,
            ..DockerCredentials::default()
        }),
    }
}
