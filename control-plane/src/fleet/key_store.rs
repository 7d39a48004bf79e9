//! The fleet's own keys: the CA that issues certificates and the key that signs work orders.
//!
//! Made at the first start and kept in the database, their private halves sealed by the master key. Several control
//! planes that share a database share these keys: whoever starts first makes them, the others read them.

use std::sync::Arc;

use muster_base::{OrgId, UnixMs};
use muster_identity::{
    Fingerprint,
    ca::CertificateAuthority,
    certificate::PrivateKey,
    keys::{SigningKey, VerifyingKey},
    spiffe::TrustDomain,
};
use muster_protocol::latest::SigningKeyNotice;
use uuid::Uuid;

use super::{FleetError, store};
use crate::{
    app::App,
    db::DbError,
    keys::Purpose,
    secrets::seal::{Place, Sealer},
};

const CA: &str = "ca";
const SIGNING: &str = "signing";

/// The keys in force, opened.
#[derive(Debug)]
pub struct FleetKeys {
    /// First part of every name in the fleet.
    pub trust_domain: TrustDomain,
    /// Issues certificates.
    pub ca: CertificateAuthority,
    /// Signs work orders.
    pub signer: Arc<SigningKey>,
    notices: Vec<SigningKeyNotice>,
}

impl FleetKeys {
    /// What join commands pin.
    pub fn fingerprint(&self) -> Fingerprint {
        self.ca.fingerprint()
    }

    /// Roots that hosts are to trust, newest first.
    pub fn roots_der(&self) -> Vec<Vec<u8>> {
        vec![self.ca.certificate_der().to_vec()]
    }

    /// The signing keys that hosts are told of, oldest first.
    pub fn signing_keys(&self) -> Vec<SigningKeyNotice> {
        self.notices.clone()
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
}

/// Reads the keys in force; makes them if there are none.
pub(crate) async fn load(app: &App) -> Result<Arc<FleetKeys>, FleetError> {
    let sealer = Sealer::new(&app.keys.derive(Purpose::KeyStore), &[]);
    let mut rows = store::key::list_in_force(&app.db).await?;
    if rows.len() < 2 {
        make(app, &sealer).await?;
        rows = store::key::list_in_force(&app.db).await?;
    }
    let ca_row = of_kind(&rows, CA)?;
    let signing_row = of_kind(&rows, SIGNING)?;
    let ca_key = PrivateKey::from_pkcs8_der(&open(&sealer, ca_row)?)?;
    Ok(Arc::new(FleetKeys {
        trust_domain: ca_row.trust_domain.parse().map_err(|_| corrupt("trust domain"))?,
        ca: CertificateAuthority::from_parts(&ca_row.public, ca_key)?,
        signer: Arc::new(SigningKey::from_pkcs8_der(&open(&sealer, signing_row)?)?),
        notices: vec![notice(signing_row)?],
    }))
}

async fn make(app: &App, sealer: &Sealer) -> Result<(), FleetError> {
    let now = app.clock.now();
    let trust_domain: TrustDomain = app
        .config
        .link
        .trust_domain
        .parse()
        .map_err(|_| FleetError::TrustDomain(app.config.link.trust_domain.clone()))?;
    let ca = CertificateAuthority::generate(&trust_domain, now)?;
    let signer = SigningKey::generate()?;
    let row = |kind: &str, public: Vec<u8>, private: &[u8]| -> Result<StoredKey, FleetError> {
        let id: OrgId = app.clock.new_id();
        let id = *id.as_uuid();
        Ok(StoredKey {
            id,
            kind: kind.to_owned(),
            public,
            sealed: sealer.seal(&place(id), private)?,
            trust_domain: trust_domain.to_string(),
            vouched_by: None,
            vouch_signature: None,
            created_at: now,
        })
    };
    let rows = [
        row(CA, ca.certificate_der().to_vec(), ca.key().pkcs8_der())?,
        row(SIGNING, signer.public_key().0.to_vec(), signer.pkcs8_der())?,
    ];
    // Whoever comes second finds the first one's keys in force, and throws its own away.
    store::key::insert_if_none(&app.db, &rows).await?;
    Ok(())
}

fn of_kind<'a>(rows: &'a [StoredKey], kind: &str) -> Result<&'a StoredKey, FleetError> {
    rows.iter()
        .find(|row| row.kind == kind)
        .ok_or_else(|| corrupt(kind))
}

fn open(sealer: &Sealer, row: &StoredKey) -> Result<zeroize::Zeroizing<Vec<u8>>, FleetError> {
    Ok(sealer.open(&place(row.id), &row.sealed)?)
}

fn place(id: Uuid) -> Place {
    Place {
        org: OrgId::from_uuid(Uuid::nil()),
        kind: "fleet-key",
        id,
        version: 0,
    }
}

fn notice(row: &StoredKey) -> Result<SigningKeyNotice, FleetError> {
    let public = VerifyingKey::from_bytes(&row.public)?;
    let vouched_by = match &row.vouched_by {
        Some(id) => Some(id.as_slice().try_into().map_err(|_| corrupt("vouch"))?),
        None => None,
    };
    Ok(SigningKeyNotice {
        public_key: public.0.to_vec(),
        vouched_by,
        signature: row.vouch_signature.clone().unwrap_or_default(),
    })
}

fn corrupt(what: &str) -> FleetError {
    FleetError::Db(DbError::Corrupt(format!("fleet_keys: {what}")))
}
