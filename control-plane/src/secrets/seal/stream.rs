//! Sealing a file of any length: AES-256-GCM in chunks, in the STREAM construction (Hoang, Reyhanitabar, Rogaway,
//! Vizár 2015).
//!
//! | part | bytes |
//! |---|---|
//! | header | whatever the format's owner puts there; it is authenticated with every chunk |
//! | chunks | 65,536 bytes of cipher text and a tag of 16 each; the last is shorter or as long |
//!
//! A chunk's nonce is the file's random prefix (7 bytes), the chunk's number (4 bytes) and whether it is the last
//! (1 byte): a chunk that was left out, repeated, moved, cut off or appended does not open. Nothing of a chunk is
//! given out before its tag held. The key must be of this file alone.

use std::io::{self, Read, Write};

use aes_gcm::{
    Aes256Gcm, Nonce, Tag,
    aead::{AeadInOut, KeyInit},
};
use zeroize::Zeroizing;

use super::{IV_BYTES, TAG_BYTES};

/// Random bytes that make a file's nonces its own.
pub const PREFIX_BYTES: usize = 7;
const CHUNK: usize = 64 << 10;

/// One file's cipher.
struct Chunks {
    cipher: Aes256Gcm,
    prefix: [u8; PREFIX_BYTES],
    header: Vec<u8>,
    number: u32,
}

impl Chunks {
    fn new(key: &[u8; 32], prefix: [u8; PREFIX_BYTES], header: &[u8]) -> Self {
        Self {
            cipher: Aes256Gcm::new(key.into()),
            prefix,
            header: header.to_vec(),
            number: 0,
        }
    }

    fn nonce(&mut self, last: bool) -> io::Result<[u8; IV_BYTES]> {
        let mut nonce = [0; IV_BYTES];
        nonce[..PREFIX_BYTES].copy_from_slice(&self.prefix);
        nonce[PREFIX_BYTES..IV_BYTES - 1].copy_from_slice(&self.number.to_be_bytes());
        nonce[IV_BYTES - 1] = u8::from(last);
        self.number = self
            .number
            .checked_add(1)
            .ok_or_else(|| io::Error::other("more than 256 TiB can't be sealed in one file"))?;
        Ok(nonce)
    }
}

/// Seals what is written to it. Without [`SealWriter::finish`] the file does not open.
pub struct SealWriter<W> {
    inner: W,
    chunks: Chunks,
    buffer: Zeroizing<Vec<u8>>,
}

impl<W: Write> SealWriter<W> {
    /// Seals into `inner`, after whose `header` is written.
    pub fn new(inner: W, key: &[u8; 32], prefix: [u8; PREFIX_BYTES], header: &[u8]) -> Self {
        Self {
            inner,
            chunks: Chunks::new(key, prefix, header),
            buffer: Zeroizing::new(Vec::with_capacity(CHUNK)),
        }
    }

    /// Seals the last chunk.
    pub fn finish(mut self) -> io::Result<W> {
        self.seal(true)?;
        self.inner.flush()?;
        Ok(self.inner)
    }

    fn seal(&mut self, last: bool) -> io::Result<()> {
        let nonce = Nonce::from(self.chunks.nonce(last)?);
        let tag = self
            .chunks
            .cipher
            .encrypt_inout_detached(&nonce, &self.chunks.header, self.buffer.as_mut_slice().into())
            .map_err(|_| io::Error::other("a chunk can't be sealed"))?;
        self.inner.write_all(&self.buffer)?;
        self.inner.write_all(&tag)?;
        self.buffer.clear();
        Ok(())
    }
}

impl<W: Write> Write for SealWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk waits until it is known whether it is the last.
        if self.buffer.len() == CHUNK && !bytes.is_empty() {
            self.seal(false)?;
        }
        let taken = bytes.len().min(CHUNK - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens what [`SealWriter`] sealed.
pub struct OpenReader<R> {
    inner: R,
    chunks: Chunks,
    /// Cipher text that was read: a chunk, and one byte more if there is one.
    ahead: Vec<u8>,
    plain: Zeroizing<Vec<u8>>,
    given: usize,
    ended: bool,
}

impl<R: Read> OpenReader<R> {
    /// Opens from `inner`, whose `header` was read.
    pub fn new(inner: R, key: &[u8; 32], prefix: [u8; PREFIX_BYTES], header: &[u8]) -> Self {
        Self {
            inner,
            chunks: Chunks::new(key, prefix, header),
            ahead: Vec::with_capacity(CHUNK + TAG_BYTES + 1),
            plain: Zeroizing::new(Vec::with_capacity(CHUNK)),
            given: 0,
            ended: false,
        }
    }

    fn open(&mut self) -> io::Result<()> {
        let wanted = (CHUNK + TAG_BYTES + 1 - self.ahead.len()) as u64;
        self.inner.by_ref().take(wanted).read_to_end(&mut self.ahead)?;
        let last = self.ahead.len() <= CHUNK + TAG_BYTES;
        let end = self.ahead.len().min(CHUNK + TAG_BYTES);
        let Some(text_end) = end.checked_sub(TAG_BYTES) else {
            return Err(refused());
        };
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&self.ahead[text_end..end]);
        self.plain.clear();
        self.plain.extend_from_slice(&self.ahead[..text_end]);
        self.given = 0;
        let nonce = Nonce::from(self.chunks.nonce(last)?);
        let opened = self.chunks.cipher.decrypt_inout_detached(
            &nonce,
            &self.chunks.header,
            self.plain.as_mut_slice().into(),
            &Tag::from(tag),
        );
        if opened.is_err() {
            self.plain.clear();
            return Err(refused());
        }
        self.ahead.drain(..end);
        self.ended = last;
        Ok(())
    }
}

fn refused() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the file was cut off or changed, or is sealed with another key",
    )
}

impl<R: Read> Read for OpenReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.given == self.plain.len() && !self.ended {
            self.open()?;
        }
        let rest = &self.plain[self.given..];
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [5; 32];
    const PREFIX: [u8; PREFIX_BYTES] = [9; PREFIX_BYTES];
    const SEALED: usize = CHUNK + TAG_BYTES;

    fn sealed(plain: &[u8]) -> Vec<u8> {
        let mut writer = SealWriter::new(Vec::new(), &KEY, PREFIX, b"header");
        writer.write_all(plain).unwrap();
        writer.finish().unwrap()
    }

    fn opened(sealed: &[u8], header: &[u8]) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        OpenReader::new(sealed, &KEY, PREFIX, header).read_to_end(&mut plain)?;
        Ok(plain)
    }

    fn bytes(count: usize) -> Vec<u8> {
        (0..count).map(|i| u8::try_from(i % 251).unwrap()).collect()
    }

    #[test]
    fn opens_what_it_sealed_at_every_kind_of_length() {
        for count in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7] {
            let text = sealed(&bytes(count));
            assert_eq!(
                text.len(),
                count + TAG_BYTES * count.div_ceil(CHUNK).max(1),
                "{count}"
            );
            assert_eq!(opened(&text, b"header").unwrap(), bytes(count), "{count}");
        }
    }

    #[test]
    fn what_was_cut_moved_repeated_left_out_or_appended_does_not_open() {
        let text = sealed(&bytes(3 * CHUNK + 7));
        let chunk = |n: usize| &text[n * SEALED..((n + 1) * SEALED).min(text.len())];
        let mut broken: Vec<Vec<u8>> = vec![
            Vec::new(),
            text[..3 * SEALED].to_vec(),
            text[..2 * SEALED].to_vec(),
            text[..text.len() - 1].to_vec(),
            [&text, b"x".as_slice()].concat(),
            [&text, chunk(3)].concat(),
            [chunk(1), chunk(0), chunk(2), chunk(3)].concat(),
            [chunk(0), chunk(0), chunk(1), chunk(2), chunk(3)].concat(),
            [chunk(0), chunk(2), chunk(3)].concat(),
        ];
        for at in [0, SEALED - 1, SEALED, text.len() - 1] {
            let mut changed = text.clone();
            changed[at] ^= 1;
            broken.push(changed);
        }
        for (n, broken) in broken.iter().enumerate() {
            assert!(opened(broken, b"header").is_err(), "{n}");
        }
        assert!(opened(&text, b"another header").is_err());
    }
}
