//! Pulling an image, and pinning what came to its digest.

use bollard::{auth::DockerCredentials, query_parameters::CreateImageOptionsBuilder};
use futures_util::{StreamExt as _, pin_mut};
use muster_base::{ExposeSecret, SecretString, point};
use muster_protocol::latest::PullPolicy;

use super::{DockerError, Engine};
use crate::policy::ImageRef;

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
    /// The image, by its digest if that is known: pulled, or the one that the engine has, as the policy says. What the
    /// engine has under the name with another digest is not taken.
    pub async fn get(
        &self,
        image: &ImageRef,
        digest: Option<&str>,
        credentials: &Credentials,
        policy: PullPolicy,
    ) -> Result<Pulled, DockerError> {
        if policy == PullPolicy::Always {
            return self.pull(image, digest, credentials).await;
        }
        let wanted = digest.or(image.digest.as_deref());
        match self.pinned(image, wanted).await {
            Ok(here) => Ok(here),
            Err(e) if e.is_engine_away() => Err(e),
            Err(_) if policy == PullPolicy::Missing => self.pull(image, digest, credentials).await,
            Err(_) => Err(DockerError::NotHere {
                image: match wanted {
                    Some(digest) => format!("{image} at {digest}"),
                    None => image.to_string(),
                },
            }),
        }
    }

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
        let shown = match wanted {
            Some(digest) => format!("{image} at {digest}"),
            None => image.to_string(),
        };
        point!("docker.pull.before");
        let progress =
            self.docker
                .create_image(Some(options), None, for_engine(credentials, &image.registry));
        pin_mut!(progress);
        loop {
            match tokio::time::timeout(self.stalled_after, progress.next()).await {
                Err(_) => {
                    return Err(DockerError::PullStalled {
                        image: shown,
                        after_s: self.stalled_after.as_secs(),
                    });
                }
                Ok(None) => break,
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(e))) => return Err(DockerError::of_pull(e, &image.registry, &shown)),
            }
        }
        point!("docker.pull.after");
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use muster_workbench::proxy::{Endpoint, Fault, Proxy};

    use super::*;

    fn variable(name: &str) -> String {
        std::env::var(name).unwrap_or_else(|_| {
            panic!("{name} is not set: run `cargo verify`, or `cargo verify --with-services`")
        })
    }

    #[tokio::test]
    async fn a_registry_that_stops_in_the_middle_of_a_word_is_given_up() {
        let registry: std::net::SocketAddr = variable("MUSTER_TEST_REGISTRY").parse().unwrap();
        let proxy = Proxy::tcp(Endpoint::Tcp(registry)).unwrap();
        proxy.fail(Fault::Hang("/manifests/"));
        let mut engine = Engine::connect(&variable("MUSTER_TEST_DOCKER_HOST"))
            .await
            .unwrap();
        engine.stalled_after = Duration::from_secs(1);
        let image: ImageRef = format!("127.0.0.1:{}/muster/web:1.0.0", proxy.port().unwrap())
            .parse()
            .unwrap();
        let password = std::fs::read_to_string(variable("MUSTER_TEST_REGISTRY_PASSWORD_FILE")).unwrap();
        let credentials = Credentials::Password {
            username: variable("MUSTER_TEST_REGISTRY_USER"),
            password: password.trim().into(),
        };
        let error = engine.pull(&image, None, &credentials).await.unwrap_err();
        assert!(proxy.has_failed());
        assert!(
            error
                .to_string()
                .contains("1.0.0 made no progress for 1 s; check the registry"),
            "{error}"
        );
    }
}
