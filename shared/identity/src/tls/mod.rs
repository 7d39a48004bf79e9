//! TLS 1.3 configurations for both ends.
//!
//! One provider (aws-lc-rs), given explicitly; hybrid post-quantum key exchange first. The verifiers check on each
//! handshake: chain to a root of the fleet, validity, key usage, role and name, and on the control plane's side the
//! revocation set. Sessions are never resumed, because a resumed handshake shows no certificate and would slip past
//! a revocation; there is no early data for the same reason.
//!
//! The control plane has one door for joins and for agents, told apart by ALPN, so a client certificate is asked for
//! but not forced: who comes for the agents' protocol without one is to be shown out by the door's keeper.

mod client;
mod server;

use std::{any::Any, sync::Arc, time::Duration};

use muster_base::Clock;
use rustls::{
    CertificateError, Error, RootCertStore,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, UnixTime},
    time_provider::TimeProvider,
};

pub use client::{agent_config, join_config};
pub use server::{Expired, Revocations, server_config};

use crate::{
    Fingerprint, IdentityError,
    certificate::{CertificateInfo, PrivateKey},
};

/// What goes into `ServerName` of those who have no wish: names are SPIFFE ids, so nobody checks it.
pub const SERVER_NAME: &str = "control-plane.muster";

/// What a client asks for that believes this root: during a rotation the control plane has a certificate of each root,
/// and shows the one whose root is asked for.
pub fn server_name(root: &Fingerprint) -> String {
    format!("{}.root.muster", hex::encode(&root.bytes()[..16]))
}

/// The certificate and key that one end shows, and the roots it believes.
#[derive(Debug)]
pub struct Credentials {
    /// Own certificate, in DER.
    pub certificate_der: Vec<u8>,
    /// Its key.
    pub key: PrivateKey,
    /// Roots in DER: one, or two during a rotation; first the one that issues.
    pub roots_der: Vec<Vec<u8>>,
}

/// Who is at the other end, from what a QUIC or TLS connection says of its peer's certificates; `None` if it showed
/// none. Only for connections made with this module's configurations, whose verifiers looked at it already.
pub fn peer(identity: Option<Box<dyn Any>>) -> Option<Result<CertificateInfo, IdentityError>> {
    let certificates = identity?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    certificates.first().map(|leaf| CertificateInfo::read(leaf))
}

/// The certificate that a peer showed, in DER.
pub fn leaf(identity: Option<Box<dyn Any>>) -> Option<Vec<u8>> {
    let certificates = identity?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    certificates.first().map(|leaf| leaf.to_vec())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        kx_groups: vec![
            aws_lc_rs::kx_group::X25519MLKEM768,
            aws_lc_rs::kx_group::X25519,
            aws_lc_rs::kx_group::SECP256R1,
        ],
        ..aws_lc_rs::default_provider()
    })
}

fn root_store(roots_der: &[Vec<u8>]) -> Result<RootCertStore, IdentityError> {
    let mut store = RootCertStore::empty();
    for root in roots_der {
        store
            .add(CertificateDer::from(root.as_slice()))
            .map_err(|_| IdentityError::BadCertificate("a root can't be read"))?;
    }
    Ok(store)
}

/// What the certificate says, or the alert that goes back to whoever showed it.
fn read(certificate: &CertificateDer<'_>) -> Result<CertificateInfo, Error> {
    CertificateInfo::read(certificate).map_err(|_| CertificateError::BadEncoding.into())
}

/// The certificate is good but its holder has no business here.
fn wrong_holder() -> Error {
    CertificateError::ApplicationVerificationFailure.into()
}

/// TLS's idea of time is the clock's, so that tests can turn it.
#[derive(Debug)]
struct ClockTime(Clock);

impl TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        let ms = u64::try_from(self.0.now().0).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_millis(ms)))
    }
}

#[cfg(test)]
mod tests;
