//! How large an image is, by its registry's word: what its layers take, compressed.
//!
//! Of a tag for several platforms the largest counts: nobody here knows which one a host takes. What the registry does not say
//! in a few seconds is not known, and keeps nobody from deploying.

use reqwest::Method;
use serde::Deserialize;

use super::{
    image::is_digest,
    registry_client::{MANIFEST_BYTES, Pass, RegistryClient, RegistryFault, limited},
};

/// Platforms of one tag that are asked about.
const PLATFORMS: usize = 6;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Manifest {
    layers: Vec<Blob>,
    manifests: Vec<Listed>,
}

#[derive(Debug, Deserialize)]
struct Blob {
    size: u64,
}

#[derive(Debug, Deserialize)]
struct Listed {
    digest: String,
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Debug, Deserialize)]
struct Platform {
    #[serde(default)]
    os: String,
}

impl Manifest {
    fn bytes(&self) -> Option<u64> {
        let sum = self
            .layers
            .iter()
            .fold(0_u64, |sum, layer| sum.saturating_add(layer.size));
        (!self.layers.is_empty()).then_some(sum)
    }

    /// Digests of the images for hosts that run containers; attestations are for no platform.
    fn images(&self) -> impl Iterator<Item = &str> {
        let runs = |listed: &&Listed| {
            listed
                .platform
                .as_ref()
                .is_none_or(|platform| platform.os == "linux")
        };
        let sound = |listed: &&Listed| is_digest(&listed.digest);
        let listed = self.manifests.iter().filter(runs).filter(sound);
        listed.take(PLATFORMS).map(|listed| listed.digest.as_str())
    }
}

impl RegistryClient<'_> {
    /// What the layers of an image take, compressed; none if its manifest is of a kind that does not say.
    pub(super) async fn image_bytes(
        &self,
        repository: &str,
        reference: &str,
    ) -> Result<Option<u64>, RegistryFault> {
        let mut pass = Pass::default();
        let first = self.manifest(repository, reference, &mut pass).await?;
        let mut most = first.bytes();
        for digest in first.images() {
            most = most.max(self.manifest(repository, digest, &mut pass).await?.bytes());
        }
        Ok(most)
    }

    async fn manifest(
        &self,
        repository: &str,
        reference: &str,
        pass: &mut Pass,
    ) -> Result<Manifest, RegistryFault> {
        let address = self.api(&format!("v2/{repository}/manifests/{reference}"));
        let scope = format!("repository:{repository}:pull");
        let response = self.ask(Method::GET, &address, &scope, pass).await?;
        self.accepted(&response, || {
            RegistryFault::NoImage(format!("{repository}:{reference}"))
        })?;
        let bytes = limited(response, MANIFEST_BYTES).await?;
        serde_json::from_slice(&bytes).map_err(|_| RegistryFault::Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Manifest {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn an_image_is_its_layers_and_a_list_is_its_images() {
        let image = read(r#"{"schemaVersion":2,"config":{"size":7},"layers":[{"size":100},{"size":20}]}"#);
        assert_eq!(image.bytes(), Some(120));
        let digest = |letter: &str| format!("sha256:{}", letter.repeat(64));
        let list = format!(
            r#"{{"manifests":[{{"digest":"{}","platform":{{"os":"linux"}}}},
                {{"digest":"{}","platform":{{"os":"unknown"}}}},{{"digest":"../x"}}]}}"#,
            digest("a"),
            digest("b")
        );
        let list = read(&list);
        assert_eq!(list.bytes(), None);
        assert_eq!(list.images().collect::<Vec<_>>(), [digest("a")]);
        assert!(serde_json::from_str::<Manifest>(r#"{"layers":[{"size":-1}]}"#).is_err());
    }
}
