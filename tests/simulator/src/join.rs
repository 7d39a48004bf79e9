//! Joining at the real door.

use crate::gate::{Gate, client_config};
use anyhow::{Context, Result, bail};
use muster_base::{Clock, HostId, OrgId};
use muster_identity::{
    Fingerprint,
    certificate::PrivateKey,
    keys::{PinnedKeys, VerifyingKey},
    seal::SealKey,
    tls::{self, Credentials},
};
use muster_protocol::{
    ALPN, ALPN_JOIN,
    latest::{HostFacts, JoinReply, JoinRequest, Joined},
    read_frame, write_frame,
};
use quinn::{ClientConfig, VarInt};
use std::sync::{Mutex, PoisonError};

/// What an admin hands out.
pub(crate) struct Invitation {
    pub(crate) token: String,
    pub(crate) ca_fingerprint: Fingerprint,
}

/// A host of the fleet.
pub(crate) struct Host {
    pub(crate) id: HostId,
    pub(crate) org: OrgId,
    pub(crate) facts: HostFacts,
    pub(crate) pinned: PinnedKeys,
    pub(crate) seal_public_key: Vec<u8>,
    trust_domain: String,
    /// Shows the host's certificate.
    config: Mutex<ClientConfig>,
}

impl Host {
    /// What it connects with.
    pub(crate) fn config(&self) -> ClientConfig {
        self.config.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on it shows this certificate.
    pub(crate) fn renew(&self, credentials: &Credentials, clock: &Clock) -> Result<()> {
        let renewed = connecting(credentials, &self.trust_domain, clock)?;
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(())
    }
}

fn connecting(credentials: &Credentials, trust_domain: &str, clock: &Clock) -> Result<ClientConfig> {
    let tls = tls::agent_config(credentials, &trust_domain.parse()?, clock, ALPN)?;
    client_config(tls)
}

/// Somebody who was let in, with what they asked by.
pub(crate) struct Admitted {
    pub(crate) joined: Joined,
    pub(crate) key: PrivateKey,
    pub(crate) seal_public_key: Vec<u8>,
    pub(crate) facts: HostFacts,
}

/// Joins with this name, as an agent of a release does that speaks these versions.
pub(crate) async fn join(
    gate: &Gate,
    invitation: &Invitation,
    name: &str,
    versions: (u16, u16),
    clock: &Clock,
) -> Result<Host> {
    host(ask(gate, invitation, name, versions, clock).await?, clock)
}

/// Asks to be let in.
pub(crate) async fn ask(
    gate: &Gate,
    invitation: &Invitation,
    name: &str,
    versions: (u16, u16),
    clock: &Clock,
) -> Result<Admitted> {
    let key = PrivateKey::generate()?;
    let seal_public_key = SealKey::generate()?.public_key().to_vec();
    let facts = facts(name);
    let request = JoinRequest {
        token: invitation.token.clone(),
        csr_der: key.request_der()?,
        seal_public_key: seal_public_key.clone(),
        versions,
        facts: facts.clone(),
    };
    let tls = tls::join_config(invitation.ca_fingerprint, clock, ALPN_JOIN)?;
    let connection = gate.connect(client_config(tls)?).await?;
    let (mut send, mut receive) = connection.open_bi().await?;
    write_frame(&mut send, &request).await?;
    send.finish()?;
    let reply = read_frame::<JoinReply>(&mut receive).await?;
    connection.close(VarInt::from_u32(0), b"");
    match reply.context("the join was not answered")? {
        JoinReply::Joined(joined) => Ok(Admitted {
            joined: *joined,
            key,
            seal_public_key,
            facts,
        }),
        JoinReply::Refused(refusal) => bail!("{name} may not join: {refusal:?}"),
    }
}

fn host(admitted: Admitted, clock: &Clock) -> Result<Host> {
    let Admitted {
        joined,
        key,
        seal_public_key,
        facts,
    } = admitted;
    let credentials = Credentials {
        certificate_der: joined.certificate_der,
        key,
        roots_der: joined.roots_der,
    };
    let config = connecting(&credentials, &joined.trust_domain, clock)?;
    let pinned: Vec<_> = joined
        .signing_keys
        .iter()
        .map(|notice| VerifyingKey::from_bytes(&notice.public_key))
        .collect::<Result<_, _>>()?;
    Ok(Host {
        id: joined.host,
        org: joined.org,
        facts,
        pinned: PinnedKeys::from_join(pinned),
        seal_public_key,
        trust_domain: joined.trust_domain,
        config: Mutex::new(config),
    })
}

fn facts(name: &str) -> HostFacts {
    HostFacts {
        hostname: name.to_owned(),
        os: "Debian GNU/Linux 12 (bookworm)".to_owned(),
        kernel: "6.1.0-40-amd64".to_owned(),
        arch: "x86_64".to_owned(),
        cpus: 4,
        cpu_model: "simulated".to_owned(),
        memory_bytes: 8 << 30,
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        ..HostFacts::default()
    }
}
