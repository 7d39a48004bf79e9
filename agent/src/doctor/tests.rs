//! Each finding, by the condition that it is about.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use muster_base::{UnixMs, doctor::Severity};
use muster_identity::{
    ca::CertificateAuthority,
    certificate::PrivateKey,
    keys::{PinnedKeys, SigningKey},
    seal::SealKey,
    tls::Credentials,
};

use super::*;
use crate::identity::{Identity, WorkerIdentity};

const NOW: UnixMs = UnixMs(1_800_000_000_000);
const OK: Severity = Severity::Ok;
const WARNING: Severity = Severity::Warning;
const PROBLEM: Severity = Severity::Problem;

struct Ward {
    _directory: tempfile::TempDir,
    patient: Patient,
    clock: Clock,
}

impl Ward {
    /// A host that joined a fleet whose control plane nobody runs.
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::manual(NOW);
        let patient = Patient {
            data: DataDir::new(directory.path().join("agent")),
            policy: directory.path().join("policy.toml"),
            docker_host: format!("unix://{}", directory.path().join("docker.sock").display()),
            root: directory.path().join("root"),
        };
        let domain = "muster.test".parse().unwrap();
        let ca = CertificateAuthority::generate(&domain, NOW).unwrap();
        let key = PrivateKey::generate().unwrap();
        let (org, host) = (clock.new_id(), clock.new_id());
        let request = key.request_der().unwrap();
        let certificate = ca
            .issue_host(&request, &domain, org, host, NOW, 6 * UnixMs::DAY)
            .unwrap();
        let worker = WorkerIdentity {
            org,
            host,
            pinned: PinnedKeys::from_join([SigningKey::generate().unwrap().public_key()]),
            seal_key: SealKey::generate().unwrap(),
        };
        fs::create_dir_all(patient.data.resident()).unwrap();
        fs::set_permissions(patient.data.resident(), fs::Permissions::from_mode(0o700)).unwrap();
        worker.save(&patient.data).unwrap();
        let identity = Identity {
            host,
            org,
            trust_domain: domain,
            // Not even an address: what does not answer takes its time.
            server: "127.0.0.1:none".to_owned(),
            credentials: Credentials {
                certificate_der: certificate,
                key,
                roots_der: vec![ca.certificate_der().to_vec()],
            },
        };
        identity.save(&patient.data).unwrap();
        Self {
            _directory: directory,
            patient,
            clock,
        }
    }

    async fn says(&self, check: &str, severity: Severity) -> String {
        let report = examine(&self.patient, &self.clock).await;
        let worst = report.of(check).max_by_key(|finding| finding.severity);
        let worst = worst.unwrap_or_else(|| panic!("nothing of {check}: {report}"));
        assert_eq!(worst.severity, severity, "{report}");
        assert!(
            severity == OK || (!worst.why.is_empty() && !worst.todo.is_empty()),
            "{report}"
        );
        worst.what.clone()
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn an_identity_that_is_missing_damaged_exposed_or_half() {
    let ward = Ward::new();
    let data = &ward.patient.data;
    ward.says("identity.certificate", OK).await;
    ward.says("identity.worker", OK).await;
    ward.says("identity.signingKeys", OK).await;

    mode(&Identity::path(data), 0o644);
    assert!(
        ward.says("identity.modes", PROBLEM)
            .await
            .contains("identity.json")
    );
    mode(&Identity::path(data), 0o600);
    fs::remove_file(data.worker().join("seal.key")).unwrap();
    ward.says("identity.worker", PROBLEM).await;
    fs::remove_file(data.resident().join("signing-keys.json")).unwrap();
    ward.says("identity.signingKeys", PROBLEM).await;
    fs::write(Identity::path(data), "{").unwrap();
    ward.says("identity.resident", PROBLEM).await;
    fs::remove_file(Identity::path(data)).unwrap();
    assert!(
        ward.says("identity.resident", PROBLEM)
            .await
            .contains("not joined")
    );
}

#[tokio::test]
async fn a_certificate_that_is_due_over_or_of_the_future() {
    let ward = Ward::new();
    ward.clock.advance(5 * UnixMs::DAY);
    ward.says("identity.certificate", WARNING).await;
    ward.clock.advance(2 * UnixMs::DAY);
    assert!(ward.says("identity.certificate", WARNING).await.contains("ended"));
    ward.clock.advance(-9 * UnixMs::DAY);
    ward.says("identity.certificate", PROBLEM).await;
}

#[tokio::test]
async fn a_policy_that_is_missing_wrong_or_anybody_s() {
    let ward = Ward::new();
    let path = &ward.patient.policy;
    ward.says("policy.file", WARNING).await;
    fs::write(path, "[images]\nregistries = []\n").unwrap();
    mode(path, 0o600);
    ward.says("policy.file", OK).await;
    fs::write(path, "[imagse]\n").unwrap();
    ward.says("policy.file", PROBLEM).await;
    fs::write(path, "").unwrap();
    mode(path, 0o666);
    ward.says("policy.file", PROBLEM).await;
}

#[tokio::test]
async fn a_control_plane_an_engine_and_a_time_service_that_are_not_there() {
    let ward = Ward::new();
    ward.says("server.reachable", PROBLEM).await;
    ward.says("agent.running", WARNING).await;
    ward.says("docker.socket", WARNING).await;
    let socket = ward.patient.docker_host.strip_prefix("unix://").unwrap();
    let _engine = std::os::unix::net::UnixListener::bind(socket).unwrap();
    ward.says("docker.socket", OK).await;
    ward.says("clock.synchronised", WARNING).await;
    fs::create_dir_all(ward.patient.root.join("run/chrony")).unwrap();
    fs::write(ward.patient.root.join("run/chrony/chronyd.pid"), "1").unwrap();
    ward.says("clock.synchronised", OK).await;
}

#[tokio::test]
async fn a_spool_that_is_sound_in_use_or_damaged() {
    let ward = Ward::new();
    let path = ward.patient.data.resident().join(crate::spool::FILE_NAME);
    ward.says("spool.file", OK).await;
    ward.says("spool.room", OK).await;
    let spool = crate::spool::Spool::open(&path).unwrap();
    assert!(ward.says("spool.file", OK).await.contains("running"));
    drop(spool);
    assert!(ward.says("spool.file", OK).await.contains("sound"));
    fs::write(&path, "no spool").unwrap();
    ward.says("spool.file", WARNING).await;
    assert_eq!(
        fs::read(&path).unwrap(),
        b"no spool",
        "the doctor changes nothing"
    );
}
