//! What the formats at rest share: numbers compressed by pco, and a check at the end.

use muster_base::sha256;
use pco::{
    ChunkConfig,
    standalone::{simple_compress, simple_decompress_into},
};

use crate::{chunk::EncodeError, wire::DecodeError};

/// The first bytes of the SHA-256 of everything before.
pub(crate) const CHECK_BYTES: usize = 8;

/// Appends the check of what is there.
pub(crate) fn put_check(out: &mut Vec<u8>) {
    let check = sha256(out);
    out.extend_from_slice(&check.0[..CHECK_BYTES]);
}

/// What stands before the check, if it holds.
pub(crate) fn without_check<'a>(bytes: &'a [u8], what: &'static str) -> Result<&'a [u8], DecodeError> {
    let (bytes, check) = bytes
        .split_last_chunk::<CHECK_BYTES>()
        .ok_or(DecodeError::Truncated)?;
    if sha256(bytes).0[..CHECK_BYTES] == *check {
        Ok(bytes)
    } else {
        Err(DecodeError::Malformed(what))
    }
}

/// The numbers as a standalone pco file.
pub(crate) fn compress(numbers: &[i64]) -> Result<Vec<u8>, EncodeError> {
    simple_compress(numbers, &ChunkConfig::default())
        .map_err(|error| EncodeError::Compress(error.to_string()))
}

/// Reads what [`compress`] made of so many numbers.
pub(crate) fn decompress(bytes: &[u8], count: usize, what: &'static str) -> Result<Vec<i64>, DecodeError> {
    let mut numbers = vec![0; count];
    match simple_decompress_into(bytes, &mut numbers) {
        Ok(progress) if progress.n_processed == count && progress.finished => Ok(numbers),
        Ok(_) | Err(_) => Err(DecodeError::Malformed(what)),
    }
}
