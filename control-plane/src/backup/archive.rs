//! A row of named entries in a stream: the name's length (2 bytes) and the name, then blocks of a length (4 bytes) and
//! bytes, an empty block at the entry's end, and an empty name at the archive's. Numbers are big-endian. That nothing
//! is missing or changed is the sealing's to say.

use std::io::{self, Read, Write};

const LONGEST_NAME: usize = 200;
const LONGEST_BLOCK: usize = 1 << 20;

/// Writes entries.
pub(super) struct Entries<W>(W);

impl<W: Write> Entries<W> {
    pub(super) const fn new(inner: W) -> Self {
        Self(inner)
    }

    /// An entry whose bytes are at hand.
    pub(super) fn put(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.begin(name)?;
        self.append(bytes)?;
        self.end()
    }

    /// An entry of everything that `from` has.
    pub(super) fn copy(&mut self, name: &str, from: &mut impl Read) -> io::Result<()> {
        self.begin(name)?;
        let mut buffer = vec![0; LONGEST_BLOCK];
        loop {
            match from.read(&mut buffer)? {
                0 => return self.end(),
                count => self.append(&buffer[..count])?,
            }
        }
    }

    pub(super) fn begin(&mut self, name: &str) -> io::Result<()> {
        let length = u16::try_from(name.len()).map_err(io::Error::other)?;
        self.0.write_all(&length.to_be_bytes())?;
        self.0.write_all(name.as_bytes())
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        for block in bytes.chunks(LONGEST_BLOCK) {
            let length = u32::try_from(block.len()).map_err(io::Error::other)?;
            self.0.write_all(&length.to_be_bytes())?;
            self.0.write_all(block)?;
        }
        Ok(())
    }

    pub(super) fn end(&mut self) -> io::Result<()> {
        self.0.write_all(&0_u32.to_be_bytes())
    }

    /// Ends the archive.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.begin("")?;
        Ok(self.0)
    }
}

/// Reads entries: [`Reader::next`], then the entry's bytes through [`Read`].
pub(super) struct Reader<R> {
    inner: R,
    /// Bytes left of the present block; `None` after the entry's end.
    left: Option<usize>,
}

impl<R: Read> Reader<R> {
    pub(super) const fn new(inner: R) -> Self {
        Self { inner, left: None }
    }

    /// The next entry's name; `None` at the end, which is the end of the stream.
    pub(super) fn next(&mut self) -> io::Result<Option<String>> {
        io::copy(self, &mut io::sink())?;
        let mut length = [0; 2];
        self.inner.read_exact(&mut length)?;
        let length = usize::from(u16::from_be_bytes(length));
        if length == 0 {
            return match self.inner.read(&mut [0])? {
                0 => Ok(None),
                _ => Err(bad("bytes after the end")),
            };
        }
        if length > LONGEST_NAME {
            return Err(bad("a name is too long"));
        }
        let mut name = vec![0; length];
        self.inner.read_exact(&mut name)?;
        self.left = Some(0);
        String::from_utf8(name)
            .map(Some)
            .map_err(|_| bad("a name is no text"))
    }

    /// All of a small entry.
    pub(super) fn small(&mut self) -> io::Result<zeroize::Zeroizing<String>> {
        let mut text = zeroize::Zeroizing::new(String::new());
        self.by_ref()
            .take(LONGEST_BLOCK as u64)
            .read_to_string(&mut text)?;
        Ok(text)
    }
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(mut left) = self.left else { return Ok(0) };
        if left == 0 {
            let mut length = [0; 4];
            self.inner.read_exact(&mut length)?;
            left = u32::from_be_bytes(length) as usize;
            if left > LONGEST_BLOCK {
                return Err(bad("a block is too long"));
            }
            if left == 0 {
                self.left = None;
                return Ok(0);
            }
        }
        let wanted = left.min(into.len());
        let count = self.inner.read(&mut into[..wanted])?;
        if count == 0 && wanted > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left = Some(left - count);
        Ok(count)
    }
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_back_in_order_also_if_some_are_skipped() {
        let mut entries = Entries::new(Vec::new());
        let large = vec![7; LONGEST_BLOCK + 3];
        entries.put("one", b"1").unwrap();
        entries.put("empty", b"").unwrap();
        entries.copy("large", &mut large.as_slice()).unwrap();
        entries.put("last", "letzter".as_bytes()).unwrap();
        let bytes = entries.finish().unwrap();

        let mut reader = Reader::new(bytes.as_slice());
        assert_eq!(reader.next().unwrap().as_deref(), Some("one"));
        assert_eq!(reader.next().unwrap().as_deref(), Some("empty"));
        assert_eq!(*reader.small().unwrap(), "");
        assert_eq!(reader.next().unwrap().as_deref(), Some("large"));
        let mut read = Vec::new();
        reader.read_to_end(&mut read).unwrap();
        assert_eq!(read, large);
        assert_eq!(reader.next().unwrap().as_deref(), Some("last"));
        assert_eq!(*reader.small().unwrap(), "letzter");
        assert_eq!(reader.next().unwrap(), None);

        for end in 0..bytes.len() {
            let mut reader = Reader::new(&bytes[..end]);
            let broke = std::iter::from_fn(|| reader.next().transpose()).any(|entry| entry.is_err());
            assert!(broke, "cut off at {end}");
        }
    }
}
