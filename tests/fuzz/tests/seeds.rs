//! Every seed of every fuzz target, in an ordinary test: what once broke a law stays mended.
//!
//! A target's seeds are the files in `seeds/<target>/`. Those whose names begin with `made-` are made here from
//! today's encoders; run this with `MUSTER_WRITE_SEEDS=1` to write the ones that are missing. The others were written
//! by hand or found by the fuzzer.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use muster_base::{Clock, UnixMs, sha256};
use muster_fuzz::TARGETS;
use muster_identity::{
    ca::CertificateAuthority,
    certificate::PrivateKey,
    keys::SigningKey,
    order::{Approval, OrderHead, OrderKind},
    seal::{SealKey, seal},
    spiffe::SpiffeId,
};
use muster_metrics::{
    Kind, Period, RollupBody, Sample, SampleBuilder, Subject, chunk, encode_rollups, frame::Encoder,
};
use muster_protocol::{
    encode,
    latest::{HostFacts, JoinRequest, SealedSecrets, SignedOrder},
};

const NOW: UnixMs = UnixMs(1_800_000_000_000);

/// Larger ones slow the fuzzer down and belong nowhere.
const MAX_SEED_BYTES: u64 = 16 * 1024;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target)
}

#[test]
fn every_seed_keeps_the_laws() {
    for (target, law) in TARGETS {
        let mut count = 0;
        for entry in fs::read_dir(folder(target)).unwrap() {
            let path = entry.unwrap().path();
            assert!(
                fs::metadata(&path).unwrap().len() <= MAX_SEED_BYTES,
                "{path:?} is large"
            );
            println!("{}", path.display());
            law(&fs::read(path).unwrap());
            count += 1;
        }
        assert!(count > 0, "{target} has no seed");
    }
}

#[test]
fn every_target_has_its_program_and_every_folder_its_target() {
    let names = |folder: &Path| {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut names: Vec<_> = entries
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let targets: Vec<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&root.join("fuzz_targets")), targets);
    assert_eq!(names(&root.join("seeds")), targets);
}

#[test]
fn every_made_seed_is_there() {
    for (target, name, bytes) in made() {
        let path = folder(target).join(format!("made-{name}"));
        if !path.exists() && std::env::var_os("MUSTER_WRITE_SEEDS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &bytes).unwrap();
        }
        assert!(
            path.exists(),
            "{path:?} is missing: run with MUSTER_WRITE_SEEDS=1"
        );
    }
}

/// Target, name and bytes.
fn made() -> Vec<(&'static str, String, Vec<u8>)> {
    [frames(), identities(), orders(), readings()].concat()
}

fn chosen(kind: u8, bytes: &[u8]) -> Vec<u8> {
    [&[kind], bytes].concat()
}

/// The golden bytes of every message, each for the target's message of that number.
fn frames() -> Vec<(&'static str, String, Vec<u8>)> {
    let golden = [
        "agent_control",
        "server_control",
        "join_request",
        "join_reply",
        "report",
        "server_stream",
        "order_reply",
        "order_payload",
        "sealed_secrets",
        "secret_values",
        "tail_frame",
    ];
    let mut seeds = Vec::new();
    for (kind, name) in (0..).zip(golden) {
        let path = format!("../../shared/protocol/tests/golden/v1/{name}.hex");
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
        for (number, line) in text.lines().enumerate() {
            let body = hex::decode(line).unwrap();
            seeds.push(("frames", format!("{name}-{number}"), chosen(kind, &body)));
            let length = u32::try_from(body.len()).unwrap().to_be_bytes();
            let framed = chosen(kind, &[&length[..], &body].concat());
            if number == 0 {
                seeds.push(("frames", format!("{name}-framed"), framed));
            }
        }
    }
    seeds
}

fn identities() -> Vec<(&'static str, String, Vec<u8>)> {
    let domain = "muster.test".parse().unwrap();
    let clock = Clock::manual(NOW);
    let ca = CertificateAuthority::generate(&domain, NOW).unwrap();
    let request = PrivateKey::generate().unwrap().request_der().unwrap();
    let (org, host) = (clock.new_id(), clock.new_id());
    let certificate = ca
        .issue_host(&request, &domain, org, host, NOW, UnixMs::DAY)
        .unwrap();
    let join = JoinRequest {
        token: format!("mjt_{}", "a".repeat(43)),
        csr_der: request.clone(),
        seal_public_key: vec![3; 32],
        versions: (1, 1),
        facts: HostFacts::default(),
    };
    let texts = [
        (3, "host", SpiffeId::host(domain.clone(), org, host).to_string()),
        (3, "plane", SpiffeId::control_plane(domain.clone()).to_string()),
        (4, "fingerprint", ca.fingerprint().to_string()),
        (4, "token", join.token.clone()),
    ];
    let mut seeds = vec![
        ("join", "join".to_owned(), encode(&join).unwrap()),
        ("certificates", "certificate".to_owned(), chosen(0, &certificate)),
        ("certificates", "request".to_owned(), chosen(1, &request)),
        ("certificates", "root".to_owned(), chosen(2, ca.certificate_der())),
    ];
    for (kind, name, text) in texts {
        seeds.push(("certificates", name.to_owned(), chosen(kind, text.as_bytes())));
    }
    seeds
}

fn orders() -> Vec<(&'static str, String, Vec<u8>)> {
    let clock = Clock::manual(NOW);
    let head = OrderHead {
        order: clock.new_id(),
        org: clock.new_id(),
        host: clock.new_id(),
        kind: OrderKind::Sql,
        payload: sha256(b""),
        sealed: sha256(b""),
        not_before: NOW,
        expires: NOW.plus_ms(UnixMs::HOUR),
        sequence: 7,
        approvals: vec![Approval {
            by: "user:ann".into(),
            at: NOW,
        }],
    };
    let signature = head.sign(&SigningKey::generate().unwrap()).unwrap();
    let signed = SignedOrder {
        body: signature.body.clone(),
        key_id: signature.key_id,
        signature: signature.signature,
        payload: Vec::new(),
        sealed: Vec::new(),
    };
    let key = SealKey::generate().unwrap();
    let sealed = seal(key.public_key(), head.order, head.host, b"secret").unwrap();
    let sealed = SealedSecrets {
        recipient: sealed.recipient,
        encapsulated: sealed.encapsulated,
        ciphertext: sealed.ciphertext,
    };
    vec![
        ("orders", "head".to_owned(), chosen(0, &signature.body)),
        (
            "orders",
            "signed".to_owned(),
            chosen(1, &encode(&signed).unwrap()),
        ),
        (
            "orders",
            "sealed".to_owned(),
            chosen(2, &encode(&sealed).unwrap()),
        ),
    ]
}

fn readings() -> Vec<(&'static str, String, Vec<u8>)> {
    let mut builder = SampleBuilder::default();
    let mut sample = |number: i64| -> Sample {
        builder.push(Kind::CPU_TOTAL, number * 7 % 100);
        builder.push_instance(Kind::DISK_USED, "/", 40 + number);
        if number > 2 {
            builder.subject("web");
            builder.push(Kind::CONTAINER_CPU, number % 3);
        }
        builder.finish(NOW.plus_ms(number * 10_000))
    };
    let samples: Vec<Sample> = (0..12).map(&mut sample).collect();
    let mut encoder = Encoder::default();
    let mut body = RollupBody::default();
    for sample in &samples {
        encoder.push(sample.clone());
        body.add_sample(&Subject::Host, sample);
    }
    let start = Period::Hour.start_of(NOW);
    let bytes = body.encode(start);
    let rows = [
        (Period::Hour, start, "", bytes.as_slice()),
        (Period::Hour, start, "web", bytes.as_slice()),
    ];
    let chunk = chunk::encode(samples).unwrap();
    vec![
        ("samples", "batch".to_owned(), encoder.finish()),
        ("rollups", "report".to_owned(), encode_rollups(rows)),
        ("chunks", "hour".to_owned(), chunk[..chunk.len() - 8].to_vec()),
    ]
}
