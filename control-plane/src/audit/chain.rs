//! The hash chain: SHA-256 over the hash before and every field of the row, each preceded by its length.

use muster_base::sha256;

use super::AuditRow;

pub(super) fn hash(previous: &[u8], row: &AuditRow) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(512);
    let mut field = |part: &[u8]| {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    };
    field(previous);
    field(row.id.as_uuid().as_bytes());
    field(row.scope.as_bytes());
    field(&row.seq.to_be_bytes());
    field(&row.at.0.to_be_bytes());
    for text in [
        &row.actor_kind,
        &row.actor_id,
        &row.actor_name,
        &row.operation,
        &row.object_kind,
        &row.object_id,
        &row.outcome,
        &row.detail,
    ] {
        field(text.as_bytes());
    }
    for optional in [&row.ip, &row.before, &row.after] {
        field(&[u8::from(optional.is_some())]);
        field(optional.as_deref().unwrap_or_default().as_bytes());
    }
    sha256(&bytes).0
}
