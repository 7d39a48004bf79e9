//! Which image exactly: what the registry says that the version's tag is now, and whether it is there yet.
//!
//! Where there is no registry to ask, the first host that succeeds says what it pulled, and the batches after it get
//! the same. Hosts of one batch are asked at once: each of the first one's pins what it pulls.

use std::time::Duration;

use muster_base::UnixMs;
use tokio::time::timeout;

use super::{
    DeliveryError,
    deployment::Deployment,
    driver::Said,
    events,
    registry::{self, Registry},
    registry_client::{RegistryAuth, RegistryClient, RegistryFault},
    trigger_spec::GitProvider,
};
use crate::{app::App, in_tx};

/// The digest to deploy: what the registry says that the tag is now.
pub(super) async fn pin(
    app: &App,
    deployment: &Deployment,
    registry: Option<&Registry>,
) -> Said<Option<String>> {
    if let Some(digest) = &deployment.plan.pinned {
        return Ok((
            Some(digest.clone()),
            format!("{digest}, as it was deployed before"),
        ));
    }
    let Some(registry) = registry else {
        let said = "the application has no registry to ask; the host pins what it pulls";
        return Ok((None, said.to_owned()));
    };
    let auth: RegistryAuth = registry::auth_of(app, deployment.org, registry).await?;
    let client = RegistryClient::new(app.delivery.http()?, &registry.url, &auth);
    match client
        .digest(&deployment.plan.repository, &deployment.version)
        .await
    {
        Ok(digest) => {
            let said = digest.clone();
            Ok((Some(digest), said))
        }
        Err(fault) if fault.is_definite() => Err(fault.into()),
        Err(fault) => Ok((None, not_asked(&fault))),
    }
}

/// The registry may take so long to say how large the image is.
const SIZE_PATIENCE: Duration = Duration::from_secs(5);

/// How large the image is, if the registry says so in time.
pub(super) async fn size(
    app: &App,
    deployment: &Deployment,
    registry: Option<&Registry>,
    digest: Option<&str>,
) -> Option<i64> {
    let registry = registry?;
    let auth = registry::auth_of(app, deployment.org, registry).await.ok()?;
    let client = RegistryClient::new(app.delivery.http().ok()?, &registry.url, &auth);
    let reference = digest.unwrap_or(&deployment.version);
    let asked = client.image_bytes(&deployment.plan.repository, reference);
    match timeout(SIZE_PATIENCE, asked).await {
        Ok(Ok(bytes)) => i64::try_from(bytes?).ok(),
        Ok(Err(fault)) => {
            tracing::debug!(deployment.id = %deployment.id, "the image's size is not known: {fault}");
            None
        }
        Err(_) => None,
    }
}

/// Whether a Git host was faster than whoever builds the image. Where the host's call is not signed, only what the
/// registry has is deployed: then it must be possible to ask.
pub(super) async fn awaits_image(
    app: &App,
    deployment: &Deployment,
    registry: Option<&Registry>,
) -> Result<bool, DeliveryError> {
    const DEFAULT_WAIT_S: u32 = 600;
    let Some(provider) = GitProvider::of_trigger(&deployment.trigger_type) else {
        return Ok(false);
    };
    let Some(registry) = registry else {
        if provider.signs_the_body() {
            return Ok(false);
        }
        return Err(DeliveryError::Stopped(format!(
            "{} does not sign what it says: give the application a registry, so that only what was pushed there is deployed",
            provider.as_str()
        )));
    };
    let auth: RegistryAuth = registry::auth_of(app, deployment.org, registry).await?;
    let client = RegistryClient::new(app.delivery.http()?, &registry.url, &auth);
    let asked = client
        .digest(&deployment.plan.repository, &deployment.version)
        .await;
    let wait_s = deployment.plan.target.image_wait_s.unwrap_or(DEFAULT_WAIT_S);
    let now = app.clock.now();
    let since = deployment.started_at.unwrap_or(deployment.created_at);
    match asked {
        Err(RegistryFault::NoImage(name)) if now.ms_since(since) < i64::from(wait_s) * UnixMs::SECOND => {
            in_tx!(app.db, |tx| {
                let line = format!("{name} is not in the registry yet; it is waited for {wait_s} s");
                events::note_line(tx, deployment.id, "awaits-image", (now, &line)).await?;
            });
            Ok(true)
        }
        // What the registry did not confirm is not deployed on an unsigned word.
        Err(fault) if !provider.signs_the_body() => Err(fault.into()),
        Ok(_) | Err(_) => Ok(false),
    }
}

fn not_asked(fault: &RegistryFault) -> String {
    format!("the digest is not known beforehand ({fault}); the host pins what it pulls")
}
