//! Bytes of older versions: each message as the code of that time wrote it, which must be read for as long as the version is
//! served.
//!
//! `golden/older.txt` was written from the history when a version ended: for each file of `golden/v1` its lines by then and
//! their SHA-256. Lines may only be added below them. When a version is raised, append the lines of the one that ends:
//! for each file `VERSION NAME LINES SHA-256`.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{collections::BTreeSet, fs, path::PathBuf};

use muster_base::sha256;
use muster_protocol::{
    FrameError, VERSIONS, decode, encode,
    v1::{
        AgentControl, AgentStream, BytesReply, CountLook, JoinReply, JoinRequest, LogLook, OrderPayload,
        OrderReply, ProofLook, Report, SchemaLook, SealedSecrets, SecretValues, ServerControl, ServerStream,
        TailFrame,
    },
};
use serde::{Serialize, de::DeserializeOwned};

type Again = fn(&[u8]) -> Result<Vec<u8>, FrameError>;

/// What each file holds, read and written again.
const FILES: &[(&str, Again)] = &[
    ("agent_cloud", again::<AgentControl>),
    ("agent_control", again::<AgentControl>),
    ("agent_stream", again::<AgentStream>),
    ("bytes_reply", again::<BytesReply>),
    ("count_frame", again::<TailFrame>),
    ("count_look", again::<CountLook>),
    ("count_request", again::<ServerStream>),
    ("join_reply", again::<JoinReply>),
    ("join_request", again::<JoinRequest>),
    ("log_frame", again::<TailFrame>),
    ("log_look", again::<LogLook>),
    ("log_request", again::<ServerStream>),
    ("order_payload", again::<OrderPayload>),
    ("order_payload_container", again::<OrderPayload>),
    ("order_payload_file", again::<OrderPayload>),
    ("order_payload_full_deploy", again::<OrderPayload>),
    ("order_payload_guarded_sql", again::<OrderPayload>),
    ("order_payload_handover", again::<OrderPayload>),
    ("order_reply", again::<OrderReply>),
    ("proof_frame", again::<TailFrame>),
    ("proof_look", again::<ProofLook>),
    ("proof_request", again::<ServerStream>),
    ("report", again::<Report>),
    ("schema_frame", again::<TailFrame>),
    ("schema_look", again::<SchemaLook>),
    ("schema_request", again::<ServerStream>),
    ("sealed_secrets", again::<SealedSecrets>),
    ("secret_values", again::<SecretValues>),
    ("server_control", again::<ServerControl>),
    ("server_stream", again::<ServerStream>),
    ("tail_frame", again::<TailFrame>),
];

fn again<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<Vec<u8>, FrameError> {
    encode(&decode::<T>(bytes)?)
}

fn golden(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn what_older_versions_wrote_is_read_byte_for_byte() {
    let mut versions = BTreeSet::new();
    for line in golden("older.txt").lines() {
        let [version, name, count, hash] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("not a line of this file: {line}");
        };
        let (_, again) = FILES.iter().find(|(file, _)| *file == name).unwrap();
        let all = golden(&format!("v1/{name}.hex"));
        let lines: Vec<_> = all.lines().take(count.parse().unwrap()).collect();
        let then = lines.join("\n") + "\n";
        assert_eq!(
            sha256(then.as_bytes()).to_string(),
            hash,
            "version {version} wrote {name} otherwise"
        );
        for line in lines {
            let bytes = hex::decode(line).unwrap();
            assert_eq!(again(&bytes).unwrap(), bytes, "{name} of version {version}");
        }
        versions.insert(version.parse::<u16>().unwrap());
    }
    let older: BTreeSet<_> = (VERSIONS.0..VERSIONS.1).collect();
    assert_eq!(versions, older, "each older version that is served stands there");
}
