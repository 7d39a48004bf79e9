//! `muster-agent join`: makes this host's keys, shows a join token to the pinned control plane, keeps what it gives.

use muster_base::{Clock, point};
use muster_identity::{
    Fingerprint,
    certificate::{CertificateInfo, PrivateKey},
    keys::{PinnedKeys, VerifyingKey},
    seal::SealKey,
    spiffe::SpiffeId,
    tls::Credentials,
    token::JoinToken,
};
use muster_protocol::{
    VERSIONS,
    latest::{JoinRefusal, JoinReply, JoinRequest, Joined},
};

use super::{Identity, IdentityError, WorkerIdentity, files, pending::Pending};
use crate::{config::DataDir, facts, link};

/// What a join is told.
#[derive(Debug)]
pub struct JoinOrder {
    /// Where the keys go.
    pub data: DataDir,
    /// `HOST:PORT` of the control plane.
    pub server: String,
    /// The CA that its certificate must come from.
    pub ca_fingerprint: Fingerprint,
    /// The right to join.
    pub token: JoinToken,
}

/// Joins the fleet. One that broke off is repeated with the same token, and comes to the same host.
pub async fn join(order: JoinOrder, clock: &Clock) -> Result<Identity, IdentityError> {
    let data = &order.data;
    if let Ok(present) = Identity::load(data) {
        // A crash may have come between the two.
        Pending::forget(data)?;
        return Err(IdentityError::AlreadyJoined {
            host: present.host,
            path: Identity::path(data),
        });
    }
    // Directories first: a host that can't keep its identity must not use up a token.
    files::make_private_dir(&data.resident())?;
    files::make_private_dir(&data.worker())?;
    let Pending { key, seal_key } = Pending::take_up(data, &order.token, order.ca_fingerprint)?;
    let request = JoinRequest {
        token: order.token.expose().to_owned(),
        csr_der: key.request_der()?,
        seal_public_key: seal_key.public_key().to_vec(),
        versions: VERSIONS,
        facts: facts::read(),
    };
    point!("join.before-asking");
    let joined = match link::join(&order.server, order.ca_fingerprint, clock, request).await? {
        JoinReply::Joined(joined) => *joined,
        JoinReply::Refused(refusal) => return Err(IdentityError::Refused(reason(refusal))),
    };
    point!("join.answered");
    let (identity, worker) = check(joined, order.server, key, seal_key)?;
    worker.save(data)?;
    identity.save(data)?;
    point!("join.saved");
    Pending::forget(data)?;
    Ok(identity)
}

/// What was given must fit together; a host with half an identity would be harder to mend than one without.
fn check(
    joined: Joined,
    server: String,
    key: PrivateKey,
    seal_key: SealKey,
) -> Result<(Identity, WorkerIdentity), IdentityError> {
    const UNUSABLE: IdentityError =
        IdentityError::Refused("its answer can't be used; are the versions alike?");
    let trust_domain = joined.trust_domain.parse().map_err(|_| UNUSABLE)?;
    let expected = SpiffeId::host(trust_domain, joined.org, joined.host);
    if CertificateInfo::read(&joined.certificate_der)?.id != expected || joined.roots_der.is_empty() {
        return Err(UNUSABLE);
    }
    let pinned = joined
        .signing_keys
        .iter()
        .map(|notice| VerifyingKey::from_bytes(&notice.public_key))
        .collect::<Result<Vec<_>, _>>()?;
    let identity = Identity {
        host: joined.host,
        org: joined.org,
        trust_domain: expected.trust_domain,
        server,
        credentials: Credentials {
            certificate_der: joined.certificate_der,
            key,
            roots_der: joined.roots_der,
        },
    };
    let worker = WorkerIdentity {
        org: joined.org,
        host: joined.host,
        pinned: PinnedKeys::from_join(pinned),
        seal_key,
    };
    Ok((identity, worker))
}

fn reason(refusal: JoinRefusal) -> &'static str {
    match refusal {
        JoinRefusal::TokenRefused => {
            "the join token is unknown, expired, used up or withdrawn; ask for a new one"
        }
        JoinRefusal::BadRequest => "it can't use this agent's request; are the versions alike?",
        JoinRefusal::UnsupportedVersion => {
            "it speaks no protocol version that this agent speaks; upgrade the older"
        }
        JoinRefusal::Unavailable => "it can't decide now; try again in a minute",
    }
}
