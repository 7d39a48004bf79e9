//! Keeps the certificate fresh: a new key and a new certificate at two thirds of the old one's life.

use std::time::Duration;

use muster_identity::{
    certificate::{CertificateInfo, PrivateKey, names_issuer},
    tls::Credentials,
};
use muster_protocol::latest::{AgentControl, RenewReply};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};
use tracing::{info, warn};

use super::{Link, backoff::jitter, endpoint::ANSWER_TIMEOUT};
use crate::identity::{Identity, IdentityError};

/// Looked at this often at least, because clocks get set.
const LOOK_EVERY: Duration = Duration::from_mins(10);
/// After the CA was rotated, hosts ask for their new certificates over this time.
const SPREAD: Duration = Duration::from_secs(10);
/// Time until the next try after one that failed. There is a third of the certificate's life for it.
const RETRY: (Duration, Duration) = (Duration::from_mins(1), Duration::from_mins(10));

/// Ends once there is a new certificate, to connect again with.
pub(super) async fn keep_fresh(
    link: &Link,
    control: &mpsc::Sender<AgentControl>,
    mut replies: mpsc::Receiver<RenewReply>,
) {
    loop {
        tokio::select! {
            () = sleep(until_due(link)) => {}
            () = link.renew.notified() => {}
        }
        if until_due(link) > Duration::ZERO {
            continue;
        }
        if !is_of_the_issuing_root(link) {
            // The whole fleet learns of another CA at once.
            sleep(jitter(Duration::ZERO, SPREAD)).await;
        }
        match renew(link, control, &mut replies).await {
            Ok(true) => return,
            Ok(false) => warn!("the control plane did not renew the certificate; trying again later"),
            Err(error) => warn!(%error, "the new certificate can't be used; trying again later"),
        }
        sleep(jitter(RETRY.0, RETRY.1)).await;
    }
}

/// Whether the certificate comes from the CA that issues now. During a rotation one of the older CA is replaced early,
/// so that the older one need not count for long.
fn is_of_the_issuing_root(link: &Link) -> bool {
    let identity = link.identity();
    let Credentials {
        certificate_der,
        roots_der,
        ..
    } = &identity.credentials;
    roots_der
        .first()
        .is_none_or(|root| names_issuer(certificate_der, root))
}

fn until_due(link: &Link) -> Duration {
    if !is_of_the_issuing_root(link) {
        return Duration::ZERO;
    }
    let Ok(certificate) = link.identity().certificate() else {
        return LOOK_EVERY;
    };
    let ms = certificate.renew_at().ms_since(link.resident.wall.now());
    Duration::from_millis(u64::try_from(ms).unwrap_or(0)).min(LOOK_EVERY)
}

async fn renew(
    link: &Link,
    control: &mpsc::Sender<AgentControl>,
    replies: &mut mpsc::Receiver<RenewReply>,
) -> Result<bool, IdentityError> {
    let key = PrivateKey::generate()?;
    let csr_der = key.request_der()?;
    if control.send(AgentControl::Renew { csr_der }).await.is_err() {
        return Ok(false);
    }
    let Ok(Some(RenewReply::Certificate {
        certificate_der,
        roots_der,
    })) = timeout(ANSWER_TIMEOUT, replies.recv()).await
    else {
        return Ok(false);
    };
    let present = link.identity();
    if roots_der.is_empty() || CertificateInfo::read(&certificate_der)?.id != present.certificate()?.id {
        return Ok(false);
    }
    let renewed = Identity {
        host: present.host,
        org: present.org,
        trust_domain: present.trust_domain.clone(),
        server: present.server.clone(),
        credentials: Credentials {
            certificate_der,
            key,
            roots_der,
        },
    };
    renewed.save(&link.resident.config.data)?;
    link.replace_identity(renewed);
    info!("the certificate was renewed");
    Ok(true)
}
