//! One file of the archive.
//!
//! | part | what |
//! |---|---|
//! | magic | `MUSTERAUDIT1\n` |
//! | prefix | 7 random bytes, for the nonces |
//! | head | length (4 bytes, big-endian) and JSON: scope, first and last number; readable without a key |
//! | body | the rows as JSON lines, sealed in chunks ([`crate::secrets::seal::stream`]); everything before is authenticated with each chunk |
//!
//! It is written beside its name, synced and renamed: a file of that name is whole.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufWriter, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use muster_base::{point, random_array, sha256};
use serde::{Deserialize, Serialize};

use super::AuditRow;
use crate::secrets::seal::stream::{OpenReader, PREFIX_BYTES, SealWriter};

const MAGIC: &[u8] = b"MUSTERAUDIT1\n";
/// A head is some hundred bytes.
const LONGEST_HEAD: usize = 4_096;

/// What a file says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Head {
    pub(super) scope: String,
    pub(super) first_seq: i64,
    pub(super) last_seq: i64,
}

/// What was written.
pub(super) struct Written {
    pub(super) bytes: i64,
    pub(super) sha256: [u8; 32],
}

/// Writes rows to `path`, which is replaced if it is there: only rows that are still in the table are written, so
/// what is there is left from an attempt that broke off.
pub(super) fn write(path: &Path, key: &[u8; 32], head: &Head, rows: &[AuditRow]) -> io::Result<Written> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let partial = path.with_extension("partial");
    let written = write_to(&partial, key, head, rows).and_then(|written| {
        fs::rename(&partial, path)?;
        point!("audit-file.renamed");
        File::open(folder)?.sync_all()?;
        point!("audit-file.in-place");
        Ok(written)
    });
    if written.is_err() {
        // Room for whatever else needs it; the rows are still where they were.
        drop(fs::remove_file(&partial));
    }
    written
}

fn write_to(partial: &Path, key: &[u8; 32], head: &Head, rows: &[AuditRow]) -> io::Result<Written> {
    drop(fs::remove_file(partial));
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(partial)?;
    point!("audit-file.begun");
    let prefix: [u8; PREFIX_BYTES] = random_array();
    let text = serde_json::to_vec(head)?;
    let length = u32::try_from(text.len()).map_err(io::Error::other)?;
    let header = [MAGIC, &prefix, &length.to_be_bytes(), &text].concat();
    let mut output = BufWriter::new(file);
    output.write_all(&header)?;
    let mut sealed = SealWriter::new(output, key, prefix, &header);
    for row in rows {
        serde_json::to_writer(&mut sealed, row)?;
        sealed.write_all(b"\n")?;
    }
    let file = sealed
        .finish()?
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    point!("audit-file.written");
    file.sync_all()?;
    point!("audit-file.synced");
    drop(file);
    // From the disk, not from memory: what is vouched for is what is there.
    let bytes = fs::read(partial)?;
    Ok(Written {
        bytes: i64::try_from(bytes.len()).map_err(io::Error::other)?,
        sha256: sha256(&bytes).0,
    })
}

/// Reads the rows of a file whose bytes have this hash and which says this of itself.
pub(super) fn read(path: &Path, key: &[u8; 32], expected: &Head, hash: &[u8]) -> io::Result<Vec<AuditRow>> {
    let bytes = fs::read(path)?;
    if sha256(&bytes).0 != hash {
        return Err(bad("it was changed"));
    }
    let (header, head, prefix) = header(&bytes).ok_or_else(|| bad("it is no archive of an audit log"))?;
    if head != *expected {
        return Err(bad("it holds other rows than those that it should"));
    }
    let sealed = bytes.get(header.len()..).unwrap_or_default();
    let mut text = String::new();
    OpenReader::new(sealed, key, prefix, header).read_to_string(&mut text)?;
    let mut rows = Vec::new();
    for line in text.lines() {
        let mut row: AuditRow = serde_json::from_str(line)?;
        row.scope.clone_from(&expected.scope);
        rows.push(row);
    }
    Ok(rows)
}

fn header(bytes: &[u8]) -> Option<(&[u8], Head, [u8; PREFIX_BYTES])> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (prefix, rest) = rest.split_first_chunk::<PREFIX_BYTES>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let text = rest.get(..length).filter(|text| text.len() <= LONGEST_HEAD)?;
    let head = serde_json::from_slice(text).ok()?;
    let header = bytes.get(..MAGIC.len() + PREFIX_BYTES + 4 + length)?;
    Some((header, head, *prefix))
}

fn bad(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use muster_base::{AuditId, UnixMs};
    use uuid::Uuid;

    use super::*;

    fn row(seq: i64) -> AuditRow {
        AuditRow {
            id: AuditId::from_uuid(Uuid::from_u128(7)),
            seq,
            at: UnixMs(1_780_000_000_123),
            actor_kind: "user".into(),
            actor_id: "1".into(),
            actor_name: "ann \"the\" first\n".into(),
            ip: None,
            operation: "org:write".into(),
            object_kind: "org".into(),
            object_id: "2".into(),
            outcome: "done".into(),
            before: None,
            after: Some("{}".into()),
            detail: String::new(),
            hash: "00".into(),
            scope: "platform".into(),
        }
    }

    #[test]
    fn rows_come_back_as_they_were_and_no_other_key_head_or_byte_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("platform/1.audit");
        let head = Head {
            scope: "platform".into(),
            first_seq: 1,
            last_seq: 2,
        };
        let written = write(&path, &[1; 32], &head, &[row(1), row(2)]).unwrap();
        assert!(!path.with_extension("partial").exists());
        let rows = read(&path, &[1; 32], &head, &written.sha256).unwrap();
        assert_eq!(format!("{rows:?}"), format!("{:?}", [row(1), row(2)]));

        assert!(read(&path, &[2; 32], &head, &written.sha256).is_err());
        let other = Head {
            last_seq: 3,
            ..head.clone()
        };
        assert!(read(&path, &[1; 32], &other, &written.sha256).is_err());
        let bytes = fs::read(&path).unwrap();
        assert!(!bytes.windows(9).any(|part| part == b"org:write"), "it is sealed");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            fs::write(&path, &changed).unwrap();
            assert!(read(&path, &[1; 32], &head, &written.sha256).is_err(), "{at}");
            let hash = sha256(&changed).0;
            assert!(read(&path, &[1; 32], &head, &hash).is_err(), "{at}, hash and all");
        }
    }

    #[test]
    fn a_disk_that_is_full_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        // A folder where the file should be: writing fails after everything else went well.
        let path = folder.path().join("1.audit");
        fs::create_dir_all(path.join("in the way")).unwrap();
        let head = Head {
            scope: "platform".into(),
            first_seq: 1,
            last_seq: 1,
        };
        assert!(write(&path, &[1; 32], &head, &[row(1)]).is_err());
        assert!(!path.with_extension("partial").exists());
    }
}
