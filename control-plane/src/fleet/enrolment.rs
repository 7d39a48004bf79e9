//! What agents ask for: to join, to be let in, to renew their certificates. Called by the agents' door.

use std::net::{IpAddr, SocketAddr};

use muster_base::{HostId, JoinTokenId, OrgId, UnixMs};
use muster_identity::{
    IdentityError, ca::requested_key_fingerprint, certificate::CertificateInfo, seal::PUBLIC_KEY_BYTES,
    token::JoinToken,
};
use muster_protocol::{
    VERSIONS, agree,
    latest::{Hello, HostFacts, JoinRefusal, JoinReply, JoinRequest, Joined, KeysTaken, RenewReply},
};
use tracing::{info, warn};

use super::{
    FleetError, FleetKeys,
    facts::{Facts, short},
    store::{self, join_token::Grant},
};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    db::Tx,
    in_tx,
};

/// Roots or signing keys that a host can say it believes.
const MAX_BELIEVED: usize = 16;

/// What is to be done where an agent and this control plane have no protocol version in common.
pub(crate) const fn to_upgrade(ours: (u16, u16), theirs: (u16, u16)) -> &'static str {
    if theirs.1 < ours.0 {
        "upgrade that host's agent package"
    } else {
        "upgrade this control plane first"
    }
}

/// Enrols a host, or says why not.
pub(crate) async fn enrol(app: &App, keys: &FleetKeys, request: JoinRequest, ip: IpAddr) -> JoinReply {
    if agree(VERSIONS, request.versions).is_none() {
        warn!(
            peer.ip = %ip,
            agent.version = short(&request.facts.agent_version),
            agent.protocol = ?request.versions,
            "a host may not join whose agent speaks no protocol version that we speak: {}",
            to_upgrade(VERSIONS, request.versions)
        );
        return JoinReply::Refused(JoinRefusal::UnsupportedVersion);
    }
    let Ok(token) = request.token.parse::<JoinToken>() else {
        return JoinReply::Refused(JoinRefusal::TokenRefused);
    };
    if !matches!(request.seal_public_key.len(), PUBLIC_KEY_BYTES) {
        return JoinReply::Refused(JoinRefusal::BadRequest);
    }
    match try_enrol(app, keys, &token, &request, ip).await {
        Ok(Some(joined)) => {
            info!(host.id = %joined.host, peer.ip = %ip, "a host joined");
            JoinReply::Joined(Box::new(joined))
        }
        Ok(None) => {
            note_refused_token(app, &token, ip).await;
            JoinReply::Refused(JoinRefusal::TokenRefused)
        }
        Err(FleetError::Identity(IdentityError::BadRequest(why))) => {
            warn!(peer.ip = %ip, why, "a certificate request can't be used");
            JoinReply::Refused(JoinRefusal::BadRequest)
        }
        Err(error) => {
            warn!(%error, peer.ip = %ip, "a host could not be enrolled");
            JoinReply::Refused(JoinRefusal::Unavailable)
        }
    }
}

/// Spends the token and makes the host, both or neither. A host whose answer was lost on the way is the same host again.
async fn try_enrol(
    app: &App,
    keys: &FleetKeys,
    token: &JoinToken,
    request: &JoinRequest,
    ip: IpAddr,
) -> Result<Option<Joined>, FleetError> {
    let key = requested_key_fingerprint(&request.csr_der)?.0;
    let hash = token.hash().0;
    let joining = Joining {
        app,
        keys,
        request,
        ip,
        now: app.clock.now(),
        life_ms: certificate_life_ms(app),
    };
    let joined = in_tx!(app.db, |tx| {
        match store::join_token::find_unseen(tx, &hash, &key).await? {
            Some(lost) => joining.again(tx, lost).await?,
            None => match store::join_token::spend(tx, &hash, joining.now).await? {
                Some(grant) => joining.first(tx, &grant, &key).await?,
                None => return Ok(None),
            },
        }
    });
    Ok(Some(joined))
}

/// A join whose token is good.
struct Joining<'a> {
    app: &'a App,
    keys: &'a FleetKeys,
    request: &'a JoinRequest,
    ip: IpAddr,
    now: UnixMs,
    life_ms: i64,
}

impl Joining<'_> {
    async fn first(&self, tx: &mut Tx, grant: &Grant, key: &[u8]) -> Result<Joined, FleetError> {
        let (org, host) = (grant.org_id, self.app.clock.new_id());
        let joined = self.joined(org, host)?;
        let facts = Facts::from(&self.request.facts);
        let name = free_name(tx, org, &facts.hostname).await?;
        let new = store::host::NewHost {
            id: host,
            org,
            name: &name,
            cluster: grant.cluster_id,
            environment: grant.environment_id,
            labels: &grant.labels,
            facts: &facts,
            seal_public_key: &self.request.seal_public_key,
            certificate_expires_at: self.now.plus_ms(self.life_ms),
            now: self.now,
        };
        store::host::insert(tx, &new).await?;
        store::join_token::insert_use(tx, grant.id, key, host, self.now).await?;
        let detail = format!("{name}, with join token {}", grant.id);
        self.keep(tx, &joined, detail).await?;
        Ok(joined)
    }

    /// The same key asks again: the first answer never reached it, or not its disk.
    async fn again(
        &self,
        tx: &mut Tx,
        (token, org, host): (JoinTokenId, OrgId, HostId),
    ) -> Result<Joined, FleetError> {
        let joined = self.joined(org, host)?;
        let expires_at = self.now.plus_ms(self.life_ms);
        store::host::set_certificate(tx, org, host, expires_at).await?;
        store::host::set_seal_key(tx, org, host, &self.request.seal_public_key).await?;
        let detail = format!("again, since the first answer was lost, with join token {token}");
        self.keep(tx, &joined, detail).await?;
        Ok(joined)
    }

    async fn keep(&self, tx: &mut Tx, joined: &Joined, detail: String) -> Result<(), FleetError> {
        store::host_identity::set_ca(tx, joined.host, self.keys.ca_id).await?;
        let entry = Entry::done("host:join", "host", joined.host).detail(detail);
        let agent = Caller::agent(joined.host, joined.org, Some(self.ip));
        audit::record(self.app, tx, &agent, Some(joined.org), entry).await?;
        Ok(())
    }

    fn joined(&self, org: OrgId, host: HostId) -> Result<Joined, FleetError> {
        let keys = self.keys;
        let certificate_der = keys.ca.issue_host(
            &self.request.csr_der,
            &keys.trust_domain,
            org,
            host,
            self.now,
            self.life_ms,
        )?;
        Ok(Joined {
            host,
            org,
            trust_domain: keys.trust_domain.to_string(),
            certificate_der,
            roots_der: keys.roots_der(),
            signing_keys: keys.signing_keys_for_join(),
        })
    }
}

/// A spent, expired or withdrawn token was tried: its org learns of it. An unknown one is only logged.
async fn note_refused_token(app: &App, token: &JoinToken, ip: IpAddr) {
    match store::join_token::find_owner(&app.db, &token.hash().0).await {
        Ok(Some((org, id))) => {
            let who = Caller::system("join", org).seen_from(ip);
            let entry = Entry::refused(Operation::JoinTokenWrite, "joinToken", id)
                .detail("a host tried to join with this token, which is used up, expired or withdrawn");
            audit::record_refusal(app, &who, Some(org), entry).await;
        }
        Ok(None) => info!(peer.ip = %ip, "an unknown join token was refused"),
        Err(error) => warn!(%error, "can't note a refused join"),
    }
}

/// Lets a host's session in, and keeps what it tells and the certificate that it shows. Which one it has is known from
/// here only: one that was issued may never have arrived, and the CA of the one before must not be retired then. False
/// if the host is not, or no longer, of the fleet.
pub(crate) async fn admit(
    app: &App,
    keys: &FleetKeys,
    (org, host): (OrgId, HostId),
    hello: &Hello,
    certificate_der: &[u8],
) -> Result<bool, FleetError> {
    let Some((known, seal_key)) = store::host::find_told(&app.db, org, host).await? else {
        return Ok(false);
    };
    let facts = Facts::from(&hello.facts);
    let new_key = hello.seal_public_key.len() == PUBLIC_KEY_BYTES && hello.seal_public_key != seal_key;
    in_tx!(app.db, |tx| {
        let now = app.clock.now();
        store::host::set_seen(tx, org, host, now).await?;
        if let Some(ca) = keys.issuer_of(certificate_der) {
            store::host_identity::set_ca(tx, host, ca).await?;
        }
        if let Ok(certificate) = CertificateInfo::read(certificate_der) {
            store::host::set_certificate(tx, org, host, certificate.not_after).await?;
        }
        store::host_identity::set_clock(tx, host, hello.now.ms_since(now)).await?;
        if facts != known {
            store::host::set_facts(tx, org, host, &facts).await?;
        }
        if new_key {
            store::host::set_seal_key(tx, org, host, &hello.seal_public_key).await?;
        }
    });
    Ok(true)
}

/// Keeps changed facts.
pub(crate) async fn note_facts(
    app: &App,
    org: OrgId,
    host: HostId,
    facts: &HostFacts,
) -> Result<(), FleetError> {
    in_tx!(app.db, |tx| store::host::set_facts(
        tx,
        org,
        host,
        &Facts::from(facts)
    )
    .await?);
    Ok(())
}

/// Keeps a changed seal key.
pub(crate) async fn note_seal_key(app: &App, org: OrgId, host: HostId, key: &[u8]) -> Result<(), FleetError> {
    if key.len() == PUBLIC_KEY_BYTES {
        in_tx!(app.db, |tx| store::host::set_seal_key(tx, org, host, key).await?);
    } else {
        warn!(host.id = %host, "the agent's new seal key is not a key");
    }
    Ok(())
}

/// Whether the host has to be told of `keys` although it was welcomed with them, because it has not said that it believes
/// all of them. One that never said anything matters only during a rotation; of one that was away for the whole of a
/// rotation something is known that is not so any more.
pub(crate) async fn is_to_be_told(app: &App, host: HostId, keys: &FleetKeys) -> Result<bool, FleetError> {
    let known = store::host_identity::find_believed(&app.db, host).await?;
    let has_said = known
        .as_ref()
        .is_some_and(|(roots, signing)| !roots.is_empty() || !signing.is_empty());
    Ok((has_said || keys.is_rotating()) && known != Some(believed(&taken(keys))))
}

/// What a host says that believes all of `keys`.
fn taken(keys: &FleetKeys) -> KeysTaken {
    KeysTaken {
        roots: keys.authorities().map(|ca| *ca.fingerprint().bytes()).collect(),
        signing: keys.signing_key_ids(),
    }
}

/// Keeps what the host says that it believes.
pub(crate) async fn note_keys_taken(app: &App, host: HostId, taken: &KeysTaken) -> Result<(), FleetError> {
    if taken.roots.len() > MAX_BELIEVED || taken.signing.len() > MAX_BELIEVED {
        warn!(host.id = %host, "the agent believes more keys than there are");
        return Ok(());
    }
    let (roots, signing) = believed(taken);
    in_tx!(app.db, |tx| store::host_identity::set_believed(
        tx, host, &roots, &signing
    )
    .await?);
    Ok(())
}

fn believed(taken: &KeysTaken) -> (String, String) {
    let list = |ids: Vec<String>| ids.join(",");
    (
        list(taken.roots.iter().map(hex::encode).collect()),
        list(taken.signing.iter().map(hex::encode).collect()),
    )
}

/// A session began while an older one was open. An agent that lost its network does that, and so does whoever copied a
/// machine or stole its certificate: people can tell by the addresses.
pub(crate) async fn note_takeover(app: &App, org: OrgId, host: HostId, older: SocketAddr, newer: SocketAddr) {
    let from = |address: SocketAddr| address.ip().to_canonical();
    let detail = if from(older) == from(newer) {
        format!(
            "another session from {} took over: did the agent or its network restart?",
            from(newer)
        )
    } else {
        format!(
            "another session from {} took over the one from {}: if the host did not move, its machine or certificate was \
             copied; remove the host and let it join anew",
            from(newer),
            from(older)
        )
    };
    let agent = Caller::agent(host, org, Some(from(newer)));
    let entry = Entry::done("host:takeover", "host", host).detail(detail);
    audit::record_refusal(app, &agent, Some(org), entry).await;
}

/// Keeps when the host was last there.
pub(crate) async fn left(app: &App, org: OrgId, host: HostId) -> Result<(), FleetError> {
    in_tx!(app.db, |tx| store::host::set_seen(tx, org, host, app.clock.now())
        .await?);
    Ok(())
}

/// A new certificate for a host that is still of the fleet. It counts as the host's when the host shows it.
pub(crate) async fn renew(app: &App, org: OrgId, host: HostId, csr_der: &[u8]) -> RenewReply {
    match try_renew(app, org, host, csr_der).await {
        Ok(Some(reply)) => {
            info!(host.id = %host, "a certificate was renewed");
            reply
        }
        Ok(None) => RenewReply::Refused,
        Err(error) => {
            warn!(%error, host.id = %host, "a certificate could not be renewed");
            RenewReply::Refused
        }
    }
}

async fn try_renew(
    app: &App,
    org: OrgId,
    host: HostId,
    csr_der: &[u8],
) -> Result<Option<RenewReply>, FleetError> {
    if store::host::seal_key(&app.db, org, host).await?.is_none() {
        return Ok(None);
    }
    let keys = app.fleet_keys().await?;
    let (now, life_ms) = (app.clock.now(), certificate_life_ms(app));
    let certificate_der = keys
        .ca
        .issue_host(csr_der, &keys.trust_domain, org, host, now, life_ms)?;
    Ok(Some(RenewReply::Certificate {
        certificate_der,
        roots_der: keys.roots_der(),
    }))
}

fn certificate_life_ms(app: &App) -> i64 {
    i64::from(app.config.link.certificate_hours.max(1)) * UnixMs::HOUR
}

/// The host's own name, with a number behind it if the org has one of that name.
async fn free_name(tx: &mut Tx, org: OrgId, hostname: &str) -> Result<String, FleetError> {
    let wanted: String = hostname
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(100)
        .collect();
    let wanted = if wanted.is_empty() {
        "host".to_owned()
    } else {
        wanted
    };
    let taken = store::host::names_like(tx, org, &wanted).await?;
    if !taken.contains(&wanted) {
        return Ok(wanted);
    }
    Ok((2..=taken.len() + 2)
        .map(|n| format!("{wanted}-{n}"))
        .find(|name| !taken.contains(name))
        .unwrap_or(wanted))
}
