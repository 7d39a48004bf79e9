//! What the resident knows of itself.

use std::{fs, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use muster_base::{HostId, OrgId};
use muster_identity::{
    certificate::{CertificateInfo, PrivateKey},
    spiffe::TrustDomain,
    tls::Credentials,
};
use serde::{Deserialize, Serialize};

use super::{IdentityError, files, write_private};
use crate::config::DataDir;

/// A joined host.
#[derive(Debug)]
pub struct Identity {
    /// The host.
    pub host: HostId,
    /// Its org.
    pub org: OrgId,
    /// Its fleet.
    pub trust_domain: TrustDomain,
    /// `HOST:PORT` of the control plane.
    pub server: String,
    /// Certificate, key and roots.
    pub credentials: Credentials,
}

impl Identity {
    /// Where it is kept.
    pub fn path(data: &DataDir) -> PathBuf {
        data.resident().join("identity.json")
    }

    /// Reads the identity of the host.
    pub fn load(data: &DataDir) -> Result<Self, IdentityError> {
        let path = Self::path(data);
        if !path.exists() {
            return Err(IdentityError::NotJoined(path));
        }
        let text = zeroize::Zeroizing::new(fs::read_to_string(&path).map_err(IdentityError::file(&path))?);
        serde_json::from_str::<Stored>(&text)
            .map_err(|e| e.to_string())
            .and_then(|stored| stored.try_into().map_err(|e: anyhow::Error| e.to_string()))
            .map_err(|reason| IdentityError::Malformed { path, reason })
    }

    /// Keeps the identity; from here on the host is joined.
    pub fn save(&self, data: &DataDir) -> Result<(), IdentityError> {
        let path = Self::path(data);
        let stored =
            serde_json::to_vec_pretty(&Stored::from(self)).map_err(|e| IdentityError::Malformed {
                path: path.clone(),
                reason: e.to_string(),
            })?;
        let stored = zeroize::Zeroizing::new(stored);
        write_private(&path, &stored).map_err(IdentityError::file(&path))?;
        files::give_to_resident(&data.resident())
    }

    /// What its certificate says.
    pub fn certificate(&self) -> Result<CertificateInfo, IdentityError> {
        Ok(CertificateInfo::read(&self.credentials.certificate_der)?)
    }

    /// The public half of the worker's seal key, as the worker's side left it for the resident.
    pub fn seal_public_key(data: &DataDir) -> Result<Vec<u8>, IdentityError> {
        let path = data.resident().join("seal.pub");
        let text = fs::read_to_string(&path).map_err(IdentityError::file(&path))?;
        hex::decode(text.trim()).map_err(|e| IdentityError::Malformed {
            path,
            reason: e.to_string(),
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Stored {
    host: HostId,
    org: OrgId,
    trust_domain: String,
    server: String,
    roots: Vec<String>,
    certificate: String,
    key: String,
}

impl From<&Identity> for Stored {
    fn from(identity: &Identity) -> Self {
        let credentials = &identity.credentials;
        Self {
            host: identity.host,
            org: identity.org,
            trust_domain: identity.trust_domain.to_string(),
            server: identity.server.clone(),
            roots: credentials
                .roots_der
                .iter()
                .map(|root| STANDARD.encode(root))
                .collect(),
            certificate: STANDARD.encode(&credentials.certificate_der),
            key: STANDARD.encode(credentials.key.pkcs8_der()),
        }
    }
}

impl TryFrom<Stored> for Identity {
    type Error = anyhow::Error;

    fn try_from(stored: Stored) -> anyhow::Result<Self> {
        let key = zeroize::Zeroizing::new(STANDARD.decode(&stored.key)?);
        Ok(Self {
            host: stored.host,
            org: stored.org,
            trust_domain: stored.trust_domain.parse()?,
            server: stored.server,
            credentials: Credentials {
                certificate_der: STANDARD.decode(&stored.certificate)?,
                key: PrivateKey::from_pkcs8_der(&key)?,
                roots_der: stored
                    .roots
                    .iter()
                    .map(|root| STANDARD.decode(root))
                    .collect::<Result<_, _>>()?,
            },
        })
    }
}
