//! Samples on the wire and in the spool.
//!
//! # Format
//!
//! A batch is a version byte (1, or 2 if it continues the batch before it) and then frames to the end. A frame is
//!
//! | part | what |
//! |---|---|
//! | flags | one byte; bit 0: a layout follows |
//! | time | signed integer: milliseconds since the frame before; since the epoch in the first |
//! | layout | if flagged: number of groups; for each its subject (text, empty for the host), number of series, and each series |
//! | values | after a layout: every value, signed |
//! | | otherwise: a bit for each column, lowest first, that says whether it changed, padded to a byte; then, for each that did, the signed difference from the sample before |
//!
//! The first frame of a batch has a layout, so that a batch is complete in itself; later ones only where the columns
//! change. Between two readings most columns change little or not at all, so a host's sample takes some tens of bytes.
//!
//! Only the first batch of a stream needs to be complete: one that continues the batch before it begins with the
//! differences from that one's last sample, and says nothing to whoever has not read that.

use std::sync::Arc;

use muster_base::UnixMs;

use crate::{
    Layout, Sample,
    wire::{DecodeError, Reader, put_i64},
};

const VERSION: u8 = 1;
const CONTINUES: u8 = 2;
const HAS_LAYOUT: u8 = 1;

/// Writes a batch, sample by sample.
#[derive(Debug)]
pub struct Encoder {
    out: Vec<u8>,
    before: Option<Sample>,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::after(None)
    }
}

impl Encoder {
    /// Begins a batch that is complete in itself, or one that continues a batch that ended with `before`.
    pub fn after(before: Option<Sample>) -> Self {
        let version = if before.is_some() { CONTINUES } else { VERSION };
        Self {
            out: vec![version],
            before,
        }
    }

    /// Appends a sample.
    pub fn push(&mut self, sample: Sample) {
        let out = &mut self.out;
        match &self.before {
            Some(before) if before.layout == sample.layout => {
                out.push(0);
                put_i64(out, sample.at.0.wrapping_sub(before.at.0));
                encode_differences(out, &before.values, &sample.values);
            }
            before => {
                let base = before.as_ref().map_or(0, |before| before.at.0);
                out.push(HAS_LAYOUT);
                put_i64(out, sample.at.0.wrapping_sub(base));
                sample.layout.encode(out);
                for value in &sample.values {
                    put_i64(out, *value);
                }
            }
        }
        self.before = Some(sample);
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing was appended.
    pub fn is_empty(&self) -> bool {
        self.out.len() == 1
    }

    /// The batch; no bytes at all if it holds no sample.
    pub fn finish(self) -> Vec<u8> {
        self.finish_with_last().0
    }

    /// The batch, and the sample that another one can continue it after.
    pub fn finish_with_last(self) -> (Vec<u8>, Option<Sample>) {
        let bytes = if self.is_empty() { Vec::new() } else { self.out };
        (bytes, self.before)
    }
}

fn encode_differences(out: &mut Vec<u8>, before: &[i64], now: &[i64]) {
    let bitmap = out.len();
    out.resize(bitmap + now.len().div_ceil(8), 0);
    for (column, (old, new)) in before.iter().zip(now).enumerate() {
        if old != new {
            out[bitmap + column / 8] |= 1 << (column % 8);
            put_i64(out, new.wrapping_sub(*old));
        }
    }
}

/// A batch of one sample: how it rests in the spool and in the database until its hour is sealed.
pub fn encode_one(sample: &Sample) -> Vec<u8> {
    let mut encoder = Encoder::default();
    encoder.push(sample.clone());
    encoder.finish()
}

/// The only sample of a batch made by [`encode_one`].
pub fn decode_one(batch: &[u8]) -> Result<Sample, DecodeError> {
    let mut decoder = Decoder::new(batch)?;
    let sample = decoder.next().unwrap_or(Err(DecodeError::Truncated))?;
    if decoder.next().is_some() {
        return Err(DecodeError::Malformed("a single sample"));
    }
    Ok(sample)
}

/// Reads a batch, holding one sample at a time. Ends after the first error.
#[derive(Debug)]
pub struct Decoder<'a> {
    reader: Reader<'a>,
    before: Option<Sample>,
}

impl<'a> Decoder<'a> {
    /// Reads the head of a batch that is complete in itself; no bytes are an empty batch.
    pub fn new(batch: &'a [u8]) -> Result<Self, DecodeError> {
        Self::after(batch, None)
    }

    /// Reads the head of a batch that may continue one that ended with `before`.
    pub fn after(batch: &'a [u8], before: Option<Sample>) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(batch);
        let continues = before.is_some() && batch.first() == Some(&CONTINUES);
        if continues {
            reader.version(CONTINUES)?;
        } else if !reader.is_empty() {
            reader.version(VERSION)?;
        }
        Ok(Self {
            reader,
            before: before.filter(|_| continues),
        })
    }

    fn read(&mut self) -> Result<Sample, DecodeError> {
        let flags = self.reader.u8()?;
        let base = self.before.as_ref().map_or(0, |before| before.at.0);
        let at = UnixMs(base.wrapping_add(self.reader.i64()?));
        match (flags, &self.before) {
            (HAS_LAYOUT, _) => {
                let layout = Layout::decode(&mut self.reader)?;
                let columns = layout.columns();
                if columns > self.reader.remaining() {
                    return Err(DecodeError::Truncated);
                }
                let values = (0..columns)
                    .map(|_| self.reader.i64())
                    .collect::<Result<_, _>>()?;
                Ok(Sample {
                    at,
                    layout: Arc::new(layout),
                    values,
                })
            }
            (0, Some(before)) => Ok(Sample {
                at,
                layout: Arc::clone(&before.layout),
                values: decode_differences(&mut self.reader, &before.values)?,
            }),
            (0, None) => Err(DecodeError::Malformed("the first sample, which has no layout,")),
            _ => Err(DecodeError::Malformed("a sample's flags")),
        }
    }
}

fn decode_differences(reader: &mut Reader<'_>, before: &[i64]) -> Result<Vec<i64>, DecodeError> {
    let bitmap = reader.bytes(before.len().div_ceil(8))?;
    before
        .iter()
        .enumerate()
        .map(|(column, old)| {
            if bitmap[column / 8] & (1 << (column % 8)) == 0 {
                Ok(*old)
            } else {
                Ok(old.wrapping_add(reader.i64()?))
            }
        })
        .collect()
}

impl Iterator for Decoder<'_> {
    type Item = Result<Sample, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let read = self.read();
        match &read {
            Ok(sample) => self.before = Some(sample.clone()),
            Err(_) => self.reader = Reader::new(&[]),
        }
        Some(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Kind, SampleBuilder};

    #[expect(clippy::type_complexity, reason = "a test's input, used once")]
    fn build(samples: &[(i64, Vec<(u16, String, i64)>, Vec<i64>)]) -> Vec<Sample> {
        let mut builder = SampleBuilder::default();
        samples
            .iter()
            .map(|(at, host, container)| {
                builder.subject("");
                for (code, instance, value) in host {
                    builder.push_instance(Kind::from_code(*code), instance, *value);
                }
                if !container.is_empty() {
                    builder.subject("web");
                    for value in container {
                        builder.push(Kind::CONTAINER_CPU, *value);
                    }
                }
                builder.finish(UnixMs(*at))
            })
            .collect()
    }

    fn encode(samples: &[Sample]) -> Vec<u8> {
        let mut encoder = Encoder::default();
        for sample in samples {
            encoder.push(sample.clone());
        }
        encoder.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Vec<Sample>, DecodeError> {
        Decoder::new(bytes)?.collect()
    }

    #[test]
    fn the_format_does_not_drift() {
        let samples = build(&[
            (1_000, vec![(0, String::new(), 250), (17, "/".into(), 7)], vec![1]),
            (
                11_000,
                vec![(0, String::new(), 250), (17, "/".into(), 9)],
                vec![0],
            ),
        ]);
        let expected: &[u8] = &[
            1, // version
            1, 0xd0, 0x0f, // layout, 1000 ms
            2, 0, 2, 0, 35, 1, b'/', // the host: cpu.total, disk./.used
            3, b'w', b'e', b'b', 1, 82, // web: container.cpu
            0xf4, 0x03, 14, 2, // 250, 7, 1
            0, 0xa0, 0x9c, 0x01, // no layout, 10,000 ms later
            0b110, 4, 1, // the second and third changed, by 2 and -1
        ];
        assert_eq!(encode(&samples), expected);
    }

    #[test]
    fn no_sample_is_no_bytes() {
        assert!(encode(&[]).is_empty());
        assert!(decode(&[]).unwrap().is_empty());
    }

    #[test]
    fn a_difference_without_a_sample_before_is_refused() {
        assert!(decode(&[1, 0, 0]).is_err());
    }

    #[test]
    fn a_batch_that_continues_another_says_nothing_by_itself() {
        let samples = build(&[
            (1_000, vec![(0, String::new(), 250), (17, "/".into(), 7)], vec![]),
            (11_000, vec![(0, String::new(), 250), (17, "/".into(), 9)], vec![]),
        ]);
        let mut encoder = Encoder::after(Some(samples[0].clone()));
        assert!(encoder.is_empty());
        encoder.push(samples[1].clone());
        let (bytes, last) = encoder.finish_with_last();
        assert_eq!(bytes, [2, 0, 0xa0, 0x9c, 0x01, 0b10, 4]);
        assert_eq!(last.as_ref(), Some(&samples[1]));
        let continued = Decoder::after(&bytes, Some(samples[0].clone())).unwrap();
        let read: Vec<Sample> = continued.collect::<Result<_, _>>().unwrap();
        assert_eq!(read, samples[1..]);
        assert!(decode(&bytes).is_err(), "nothing was before it");
        let whole = encode(&samples);
        let complete = Decoder::after(&whole, Some(samples[1].clone())).unwrap();
        assert_eq!(complete.count(), 2, "what is complete is read as such");
        assert!(Encoder::after(Some(samples[0].clone())).finish().is_empty());
    }

    #[test]
    fn a_claim_of_many_columns_in_few_bytes_is_refused() {
        let mut bytes = vec![1, 1, 0, 1, 0];
        bytes.extend([0xff, 0xff, 0xff, 0x7f]);
        assert!(decode(&bytes).is_err());
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(samples in prop::collection::vec((
            any::<i64>(),
            prop::collection::vec((0_u16..60, "[a-c/]{0,2}", any::<i64>()), 0..5),
            prop::collection::vec(any::<i64>(), 0..2),
        ), 0..8)) {
            let samples = build(&samples);
            prop_assert_eq!(decode(&encode(&samples)).unwrap(), samples);
        }

        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            drop(decode(&bytes));
            drop(decode_one(&bytes));
            let before = build(&[(1, vec![(0, String::new(), 1)], vec![5])]);
            if let Ok(decoder) = Decoder::after(&bytes, before.into_iter().next()) {
                drop(decoder.collect::<Result<Vec<_>, _>>());
            }
        }

        #[test]
        fn damage_never_panics(place in 0_usize..64, byte: u8) {
            let mut bytes = encode(&build(&[
                (1, vec![(0, String::new(), 1), (5, "0".into(), 2)], vec![5]),
                (2, vec![(0, String::new(), 9), (5, "0".into(), 2)], vec![4]),
            ]));
            let place = place % bytes.len();
            bytes[place] = byte;
            drop(decode(&bytes));
        }
    }
}
