//! Certificates, requests and names; and a stranger's join.

use std::{fmt::Display, str::FromStr, sync::LazyLock};

use muster_base::{HostId, OrgId, UnixMs};
use muster_identity::{
    Fingerprint, IdentityError,
    ca::CertificateAuthority,
    certificate::{CertificateInfo, PrivateKey},
    spiffe::{SpiffeId, TrustDomain},
    token::JoinToken,
};
use muster_protocol::{decode, latest::JoinRequest};

use crate::choose;

const NOW: UnixMs = UnixMs(1_800_000_000_000);
const HOST: &str = "0199c0de-0000-7000-8000-000000000001";
const ORG: &str = "0199c0de-0000-7000-8000-000000000002";

static DOMAIN: LazyLock<TrustDomain> = LazyLock::new(|| "muster.test".parse().expect("a trust domain"));
static CA: LazyLock<CertificateAuthority> =
    LazyLock::new(|| CertificateAuthority::generate(&DOMAIN, NOW).expect("a root"));

/// A join request's frame.
pub fn join(data: &[u8]) {
    let Ok(request) = decode::<JoinRequest>(data) else {
        return;
    };
    if let Ok(token) = request.token.parse::<JoinToken>() {
        assert_eq!(token.expose(), request.token.trim());
    }
    let shown = format!("{request:?}");
    let csr = request.csr_der.clone();
    let without_token = JoinRequest {
        token: String::new(),
        ..request
    };
    assert_eq!(
        shown,
        format!("{without_token:?}"),
        "what is logged depends on the token"
    );
    issue(&csr);
}

/// The first byte chooses what the rest is taken for.
pub fn certificates(data: &[u8]) {
    let Some((kind, rest)) = choose(data, 5) else {
        return;
    };
    let text = String::from_utf8_lossy(rest);
    match kind {
        0 => certificate(rest),
        1 => issue(rest),
        2 => {
            let key = PrivateKey::generate().expect("a key");
            // Whether it is a root or not: it must not be believed to be another key's.
            drop(CertificateAuthority::from_parts(rest, key));
        }
        3 => {
            canonical::<SpiffeId>(&text);
            canonical::<TrustDomain>(&text);
        }
        _ => {
            drop(text.parse::<JoinToken>());
            if let Ok(print) = text.parse::<Fingerprint>() {
                assert_eq!(print.to_string().parse(), Ok(print));
            }
        }
    }
}

fn certificate(der: &[u8]) {
    if let Ok(info) = CertificateInfo::read(der) {
        assert_eq!(info.id.to_string().parse(), Ok(info.id.clone()));
        assert_eq!(info.fingerprint, Fingerprint::of(der));
        // Whatever the dates are: no arithmetic on them fails.
        let _: UnixMs = info.renew_at();
    }
}

/// Only one spelling names somebody.
fn canonical<T: FromStr + Display>(text: &str) {
    if let Ok(read) = text.parse::<T>() {
        assert_eq!(read.to_string(), text);
    }
}

/// Whatever a request asks for, the certificate says what the CA says.
fn issue(request: &[u8]) {
    let (org, host): (OrgId, HostId) = (ORG.parse().expect("an id"), HOST.parse().expect("an id"));
    match CA.issue_host(request, &DOMAIN, org, host, NOW, UnixMs::DAY) {
        Ok(der) => {
            let info = CertificateInfo::read(&der).expect("what the CA issues can be read");
            assert_eq!(info.id, SpiffeId::host(DOMAIN.clone(), org, host));
            assert_eq!(info.not_after, NOW.plus_ms(UnixMs::DAY));
        }
        Err(IdentityError::BadRequest(_)) => {}
        Err(other) => panic!("a bad request is the stranger's mistake, not ours: {other}"),
    }
}
