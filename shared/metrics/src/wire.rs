//! The few primitives that all formats of this crate are made of: bytes, variable-length integers and short texts.
//!
//! An unsigned integer is LEB128: seven bits to a byte, lowest first, the high bit says that more follow. A signed
//! one is zigzagged first (0, -1, 1, -2 … become 0, 1, 2, 3 …), so that small differences stay small. A text is its
//! length in bytes and then UTF-8.

/// The longest text (name of a container, mount point, device) that is written or read, in bytes.
pub(crate) const MAX_TEXT_BYTES: usize = 512;

/// Bytes that are not what belongs here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end too early.
    #[error("the data ends too early")]
    Truncated,
    /// The format's version is newer than this build.
    #[error("format version {0} is not known to this build")]
    Version(u8),
    /// Something is larger than it may be.
    #[error("{0} exceeds its limit")]
    TooLarge(&'static str),
    /// Something has a value that it can't have.
    #[error("{0} is malformed")]
    Malformed(&'static str),
}

/// Appends an unsigned integer.
pub(crate) fn put_u64(out: &mut Vec<u8>, value: u64) {
    put_u128(out, u128::from(value));
}

/// Appends an unsigned integer.
pub(crate) fn put_u128(out: &mut Vec<u8>, mut value: u128) {
    loop {
        let bits = value.to_le_bytes()[0] & 0x7f;
        value >>= 7;
        if value == 0 {
            out.push(bits);
            return;
        }
        out.push(bits | 0x80);
    }
}

/// Appends a signed integer.
pub(crate) fn put_i64(out: &mut Vec<u8>, value: i64) {
    put_u64(out, (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned());
}

/// Appends a signed integer.
pub(crate) fn put_i128(out: &mut Vec<u8>, value: i128) {
    put_u128(out, (value.cast_unsigned() << 1) ^ (value >> 127).cast_unsigned());
}

/// Appends a length or count.
pub(crate) fn put_len(out: &mut Vec<u8>, len: usize) {
    put_u64(out, len as u64);
}

/// Appends a text, cut at a character boundary if it is too long.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    let text = clip(text);
    put_len(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// The part of `text` that fits the limit.
pub(crate) fn clip(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT_BYTES)]
}

/// Reads from the front of a slice.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) const fn remaining(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn version(&mut self, known: u8) -> Result<(), DecodeError> {
        match self.u8()? {
            version if version == known => Ok(()),
            version => Err(DecodeError::Version(version)),
        }
    }

    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        let (&first, rest) = self.0.split_first().ok_or(DecodeError::Truncated)?;
        self.0 = rest;
        Ok(first)
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.0.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.0 = rest;
        Ok(head)
    }

    pub(crate) fn u128(&mut self) -> Result<u128, DecodeError> {
        let mut value = 0;
        for shift in (0..128).step_by(7) {
            let byte = self.u8()?;
            let bits = u128::from(byte & 0x7f);
            if shift == 126 && bits > 3 {
                return Err(DecodeError::TooLarge("an integer"));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::TooLarge("an integer"))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        // The common case by far: one byte.
        if let Some((&first, rest)) = self.0.split_first()
            && first < 0x80
        {
            self.0 = rest;
            return Ok(u64::from(first));
        }
        u64::try_from(self.u128()?).map_err(|_| DecodeError::TooLarge("an integer"))
    }

    pub(crate) fn i64(&mut self) -> Result<i64, DecodeError> {
        let raw = self.u64()?;
        Ok((raw >> 1).cast_signed() ^ -((raw & 1).cast_signed()))
    }

    pub(crate) fn i128(&mut self) -> Result<i128, DecodeError> {
        let raw = self.u128()?;
        Ok((raw >> 1).cast_signed() ^ -((raw & 1).cast_signed()))
    }

    /// A count of things that take at least one byte each and may be at most `max`.
    pub(crate) fn count(&mut self, max: usize, what: &'static str) -> Result<usize, DecodeError> {
        let count = usize::try_from(self.u64()?).map_err(|_| DecodeError::TooLarge(what))?;
        if count > max {
            return Err(DecodeError::TooLarge(what));
        }
        if count > self.0.len() {
            return Err(DecodeError::Truncated);
        }
        Ok(count)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, DecodeError> {
        let len = self.count(MAX_TEXT_BYTES, "a text")?;
        std::str::from_utf8(self.bytes(len)?).map_err(|_| DecodeError::Malformed("a text"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let mut out = Vec::new();
        put_text(&mut out, &"é".repeat(400));
        assert_eq!(Reader::new(&out).text().unwrap(), "é".repeat(256));
    }

    #[test]
    fn an_endless_integer_is_refused() {
        assert!(Reader::new(&[0xff; 40]).u128().is_err());
    }

    proptest! {
        #[test]
        fn integers_round_trip(a: i64, b: i128, c: u64) {
            let mut out = Vec::new();
            put_i64(&mut out, a);
            put_i128(&mut out, b);
            put_u64(&mut out, c);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.i64().unwrap(), a);
            prop_assert_eq!(reader.i128().unwrap(), b);
            prop_assert_eq!(reader.u64().unwrap(), c);
            prop_assert!(reader.is_empty());
        }
    }
}
