//! The fleet's own keys: the CAs that issue certificates and the keys that sign work orders.
//!
//! Made at the first start and kept in the database, their private halves sealed by the master key. Several control
//! planes that share a database share these keys: whoever starts first makes them, the others read them. Who rotates
//! them ([`super::rotation`]) changes rows; every control plane looks for that once a second ([`watch`]).

use std::{sync::Arc, time::Duration};

use muster_base::{OrgId, UnixMs};
use muster_identity::{
    Fingerprint,
    ca::CertificateAuthority,
    certificate::{PrivateKey, names_issuer},
    keys::{KeyId, SigningKey, VerifyingKey, Vouch},
    record,
    spiffe::TrustDomain,
};
use muster_protocol::latest::{SignedOrder, SigningKeyNotice};
use tokio::time::sleep;
use uuid::Uuid;

use super::{FleetError, store};
use crate::{
    app::App,
    db::DbError,
    keys::{Purpose, Shelf, ShelfKind},
    secrets::seal::{Place, Sealer},
};

/// What sealed private keys are bound to, beside their row.
const KIND: &str = "fleet-key";
/// Where this room keeps sealed values.
pub const SHELVES: &[Shelf] = &[Shelf {
    table: "fleet_keys",
    column: "sealed",
    purpose: Purpose::KeyStore,
    org: None,
    kind: ShelfKind::Always(KIND),
    id: "id",
    version: None,
}];
/// `fleet_keys.kind` of a CA.
pub(super) const CA: &str = "ca";
/// `fleet_keys.kind` of a signing key.
pub(super) const SIGNING: &str = "signing";

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Where a key stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyState {
    /// A CA that hosts are told of and that issues nothing yet.
    Next,
    /// Issues or signs.
    Current,
    /// Did so before, and still counts.
    Previous,
    /// Counts no more.
    Gone,
}

impl KeyState {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Previous => "previous",
            Self::Gone => "gone",
        }
    }

    fn parse(text: &str) -> Result<Self, FleetError> {
        [Self::Next, Self::Current, Self::Previous, Self::Gone]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| corrupt("state"))
    }
}

/// The keys that count, opened.
#[derive(Debug)]
pub struct FleetKeys {
    /// First part of every name in the fleet.
    pub trust_domain: TrustDomain,
    /// Issues certificates.
    pub ca: CertificateAuthority,
    pub(super) ca_id: Uuid,
    /// Roots that count besides: the one that comes next, the one that was before.
    others: Vec<CertificateAuthority>,
    other_ids: Vec<Uuid>,
    /// Signs work orders.
    pub signer: Arc<SigningKey>,
    older_signer: Option<Arc<SigningKey>>,
    notices: Vec<SigningKeyNotice>,
    in_force: Vec<SigningKeyNotice>,
    for_records: Vec<VerifyingKey>,
    revision: Vec<(Uuid, String)>,
}

impl FleetKeys {
    /// What join commands pin.
    pub fn fingerprint(&self) -> Fingerprint {
        self.ca.fingerprint()
    }

    /// Every CA whose certificates count, first the one that issues.
    pub fn authorities(&self) -> impl Iterator<Item = &CertificateAuthority> {
        std::iter::once(&self.ca).chain(&self.others)
    }

    /// The CA that issued a certificate, if it counts.
    pub(super) fn issuer_of(&self, certificate_der: &[u8]) -> Option<Uuid> {
        let ids = std::iter::once(&self.ca_id).chain(&self.other_ids);
        self.authorities()
            .zip(ids)
            .find(|(ca, _)| names_issuer(certificate_der, ca.certificate_der()))
            .map(|(_, id)| *id)
    }

    /// Roots that hosts are to believe, first the one that issues.
    pub fn roots_der(&self) -> Vec<Vec<u8>> {
        self.authorities()
            .map(|ca| ca.certificate_der().to_vec())
            .collect()
    }

    /// The signing keys that hosts are told of: every one there ever was, oldest first, and who retired which.
    pub fn signing_keys(&self) -> Vec<SigningKeyNotice> {
        self.notices.clone()
    }

    /// The signing keys that a new host pins, oldest first.
    pub fn signing_keys_for_join(&self) -> Vec<SigningKeyNotice> {
        self.in_force.clone()
    }

    /// Ids of the signing keys that count, oldest first.
    pub fn signing_key_ids(&self) -> Vec<KeyId> {
        let older = self.older_signer.iter();
        older
            .chain([&self.signer])
            .map(|key| key.public_key().id())
            .collect()
    }

    /// The key that signs for a host which believes `known`.
    pub fn signer_for(&self, known: &[KeyId]) -> Arc<SigningKey> {
        match &self.older_signer {
            Some(older) if !known.contains(&self.signer.public_key().id()) => Arc::clone(older),
            Some(_) | None => Arc::clone(&self.signer),
        }
    }

    /// Whether one of the fleet's keys, of now or of before, signed the order.
    pub fn has_signed(&self, order: &SignedOrder) -> bool {
        let keys = self
            .notices
            .iter()
            .filter_map(|notice| VerifyingKey::from_bytes(&notice.public_key).ok());
        keys.filter(|key| key.id() == order.key_id)
            .any(|key| key.verifies(&order.body, &order.signature))
    }

    /// The key by this id that signed records, if it is or was one of ours: also one that was retired, by the word of the
    /// newer one that retired it.
    pub fn key_of_record(&self, id: &[u8]) -> Option<&VerifyingKey> {
        self.for_records.iter().find(|key| key.id() == id)
    }

    /// Whether older or newer keys count beside the present ones.
    pub fn is_rotating(&self) -> bool {
        !self.others.is_empty() || self.older_signer.is_some()
    }

    /// Whether these are the same keys in the same states.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.revision == other.revision
    }
}

/// A row of `fleet_keys`.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct StoredKey {
    pub(super) id: Uuid,
    pub(super) kind: String,
    pub(super) public: Vec<u8>,
    pub(super) sealed: String,
    pub(super) trust_domain: String,
    pub(super) vouched_by: Option<Vec<u8>>,
    pub(super) vouch_signature: Option<Vec<u8>>,
    pub(super) created_at: UnixMs,
    pub(super) state: String,
    pub(super) state_at: UnixMs,
    pub(super) retired_by: Option<Vec<u8>>,
    pub(super) retire_signature: Option<Vec<u8>>,
}

impl StoredKey {
    /// A key that was just made.
    pub(super) fn new(
        app: &App,
        kind: &str,
        public: Vec<u8>,
        private: &[u8],
        trust_domain: &TrustDomain,
        state: KeyState,
    ) -> Result<Self, FleetError> {
        let id: OrgId = app.clock.new_id();
        let (id, now) = (*id.as_uuid(), app.clock.now());
        Ok(Self {
            id,
            kind: kind.to_owned(),
            public,
            sealed: Sealer::of(&app.keys, Purpose::KeyStore).seal(&place(id), private)?,
            trust_domain: trust_domain.to_string(),
            vouched_by: None,
            vouch_signature: None,
            created_at: now,
            state: state.as_str().to_owned(),
            state_at: now,
            retired_by: None,
            retire_signature: None,
        })
    }

    pub(super) fn state(&self) -> Result<KeyState, FleetError> {
        KeyState::parse(&self.state)
    }

    /// Since when it is in its state.
    pub(super) fn since(&self) -> UnixMs {
        // Keys that were there before states were have no time of theirs. The time they were made at may be moved a
        // little, to keep their order.
        if self.state_at == UnixMs(0) {
            self.created_at
        } else {
            self.state_at
        }
    }

    fn is(&self, kind: &str, state: KeyState) -> bool {
        self.kind == kind && self.state == state.as_str()
    }

    /// Its private half.
    pub(super) fn open(&self, app: &App) -> Result<zeroize::Zeroizing<Vec<u8>>, FleetError> {
        Ok(Sealer::of(&app.keys, Purpose::KeyStore).open(&place(self.id), &self.sealed)?)
    }

    pub(super) fn open_ca(&self, app: &App) -> Result<CertificateAuthority, FleetError> {
        let key = PrivateKey::from_pkcs8_der(&self.open(app)?)?;
        Ok(CertificateAuthority::from_parts(&self.public, key)?)
    }

    pub(super) fn open_signer(&self, app: &App) -> Result<Arc<SigningKey>, FleetError> {
        Ok(Arc::new(SigningKey::from_pkcs8_der(&self.open(app)?)?))
    }
}

/// Reads the keys that count; makes them if there are none.
pub(crate) async fn load(app: &App) -> Result<Arc<FleetKeys>, FleetError> {
    let mut rows = store::key::list(&app.db).await?;
    if find(&rows, CA, KeyState::Current).is_none() || find(&rows, SIGNING, KeyState::Current).is_none() {
        make(app).await?;
        rows = store::key::list(&app.db).await?;
    }
    let current = |kind| find(&rows, kind, KeyState::Current).ok_or_else(|| corrupt(kind));
    let (ca_row, signing_row) = (current(CA)?, current(SIGNING)?);
    let other_rows: Vec<&StoredKey> = [KeyState::Next, KeyState::Previous]
        .into_iter()
        .filter_map(|state| find(&rows, CA, state))
        .collect();
    let others = other_rows
        .iter()
        .map(|row| row.open_ca(app))
        .collect::<Result<_, _>>()?;
    let older_row = find(&rows, SIGNING, KeyState::Previous);
    let in_force = older_row.into_iter().chain([signing_row]);
    let signer = signing_row.open_signer(app)?;
    let older_signer = older_row.map(|row| row.open_signer(app)).transpose()?;
    let held: Vec<VerifyingKey> = older_signer
        .iter()
        .chain([&signer])
        .map(|key| key.public_key())
        .collect();
    Ok(Arc::new(FleetKeys {
        trust_domain: ca_row.trust_domain.parse().map_err(|_| corrupt("trust domain"))?,
        ca: ca_row.open_ca(app)?,
        ca_id: ca_row.id,
        others,
        other_ids: other_rows.iter().map(|row| row.id).collect(),
        signer,
        older_signer,
        in_force: in_force.map(vouched).collect::<Result<_, _>>()?,
        notices: notices(&rows)?,
        for_records: record::known(&held, &retired(&rows)?),
        revision: revision(&rows),
    }))
}

/// Looks for what others changed, until the process stops.
pub(crate) async fn watch(app: App) {
    let stopping = app.tasks.stopping();
    loop {
        tokio::select! {
            () = sleep(LOOK_EVERY) => {}
            () = stopping.cancelled() => return,
        }
        look(&app).await;
    }
}

/// Takes over what others changed of the keys.
pub(crate) async fn look(app: &App) {
    let looked = async {
        let rows = store::key::list_states(&app.db).await?;
        let known = app.fleet_keys().await?;
        if rows != known.revision {
            app.reload_fleet_keys().await?;
            tracing::info!("the fleet's keys changed");
        }
        Ok::<_, FleetError>(())
    };
    if let Err(error) = looked.await {
        tracing::warn!(%error, "can't look for changes of the fleet's keys");
    }
}

async fn make(app: &App) -> Result<(), FleetError> {
    let trust_domain: TrustDomain = app
        .config
        .link
        .trust_domain
        .parse()
        .map_err(|_| FleetError::TrustDomain(app.config.link.trust_domain.clone()))?;
    let ca = CertificateAuthority::generate(&trust_domain, app.clock.now())?;
    let signer = SigningKey::generate()?;
    let row =
        |kind, public, private| StoredKey::new(app, kind, public, private, &trust_domain, KeyState::Current);
    let rows = [
        row(CA, ca.certificate_der().to_vec(), ca.key().pkcs8_der())?,
        row(SIGNING, signer.public_key().0.to_vec(), signer.pkcs8_der())?,
    ];
    // Whoever comes second finds the first one's keys in force, and throws its own away.
    store::key::insert_if_none(&app.db, &rows).await?;
    Ok(())
}

fn find<'a>(rows: &'a [StoredKey], kind: &str, state: KeyState) -> Option<&'a StoredKey> {
    rows.iter().find(|row| row.is(kind, state))
}

fn revision(rows: &[StoredKey]) -> Vec<(Uuid, String)> {
    rows.iter().map(|row| (row.id, row.state.clone())).collect()
}

fn place(id: Uuid) -> Place {
    Place {
        org: OrgId::from_uuid(Uuid::nil()),
        kind: KIND,
        id,
        version: 0,
    }
}

/// First who vouches for whom, then who retires whom: a host that was away follows the chain before it drops a link.
fn notices(rows: &[StoredKey]) -> Result<Vec<SigningKeyNotice>, FleetError> {
    let signing = rows.iter().filter(|row| row.kind == SIGNING);
    let retired = signing.clone().filter(|row| row.retired_by.is_some());
    signing.map(vouched).chain(retired.map(retirement)).collect()
}

/// Signing keys that are gone, each with the word of the one that retired it, oldest first.
fn retired(rows: &[StoredKey]) -> Result<Vec<(VerifyingKey, Vouch)>, FleetError> {
    let gone = rows.iter().filter(|row| row.is(SIGNING, KeyState::Gone));
    gone.filter_map(|row| Some((row, row.retired_by.as_deref()?, row.retire_signature.clone()?)))
        .map(|(row, by, signature)| {
            let by = by.try_into().map_err(|_| corrupt("retirement"))?;
            Ok((VerifyingKey::from_bytes(&row.public)?, Vouch { by, signature }))
        })
        .collect()
}

fn vouched(row: &StoredKey) -> Result<SigningKeyNotice, FleetError> {
    notice(row, row.vouched_by.as_deref(), row.vouch_signature.as_ref())
}

fn retirement(row: &StoredKey) -> Result<SigningKeyNotice, FleetError> {
    notice(row, row.retired_by.as_deref(), row.retire_signature.as_ref())
}

fn notice(
    row: &StoredKey,
    by: Option<&[u8]>,
    word: Option<&Vec<u8>>,
) -> Result<SigningKeyNotice, FleetError> {
    let public = VerifyingKey::from_bytes(&row.public)?;
    Ok(SigningKeyNotice {
        public_key: public.0.to_vec(),
        vouched_by: by
            .map(|id| id.try_into().map_err(|_| corrupt("vouch")))
            .transpose()?,
        signature: word.cloned().unwrap_or_default(),
    })
}

pub(super) fn corrupt(what: &str) -> FleetError {
    FleetError::Db(DbError::Corrupt(format!("fleet_keys: {what}")))
}
