//! One column's bytes.

use super::{EncodeError, Rows, predict::Prediction};
use crate::{
    DecodeError,
    at_rest::{compress, decompress},
    wire::{Reader, put_i64},
};

const PACKED: u8 = 1;
const PARTIAL: u8 = 2;
const PREDICTED: u8 = 4;

/// A column as it is stored.
#[derive(Debug, Clone)]
pub(super) struct Encoded {
    pub(super) flags: u8,
    pub(super) bytes: Vec<u8>,
}

/// Encodes the values that a column has in some of `rows` rows.
pub(super) fn encode(column: &Rows, rows: usize) -> Result<Encoded, EncodeError> {
    let mut bytes = Vec::new();
    let partial = column.len() != rows;
    if partial {
        bytes.resize(rows.div_ceil(8), 0);
        for (row, _) in column {
            bytes[row / 8] |= 1 << (row % 8);
        }
    }
    let packed = put_values(&mut bytes, column.iter().map(|(_, value)| *value))?;
    Ok(Encoded {
        flags: (u8::from(partial) * PARTIAL) | packed,
        bytes,
    })
}

/// Encodes a value for every row as what has to be added to a prediction.
pub(super) fn encode_residue(prediction: &Prediction, residue: &[i64]) -> Result<Encoded, EncodeError> {
    let mut bytes = Vec::new();
    prediction.encode(&mut bytes);
    let packed = put_values(&mut bytes, residue.iter().copied())?;
    Ok(Encoded {
        flags: PREDICTED | packed,
        bytes,
    })
}

fn put_values(out: &mut Vec<u8>, mut values: impl Iterator<Item = i64> + Clone) -> Result<u8, EncodeError> {
    let all = values.clone();
    let first = values.next();
    if let Some(value) = first
        && values.all(|other| other == value)
    {
        put_i64(out, value);
        return Ok(0);
    }
    let values: Vec<i64> = all.collect();
    out.extend_from_slice(&compress(&values)?);
    Ok(PACKED)
}

/// A column that has not been read yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column<'a> {
    flags: u8,
    bytes: &'a [u8],
}

/// A column's values.
pub(super) enum Read {
    /// As they are.
    Values(Rows),
    /// What is to be added to a prediction, in every row.
    Residue(Prediction, Vec<i64>),
}

impl<'a> Column<'a> {
    pub(super) fn new(flags: u8, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if flags > 7 || flags & (PARTIAL | PREDICTED) == PARTIAL | PREDICTED {
            return Err(DecodeError::Malformed("a column's flags"));
        }
        Ok(Self { flags, bytes })
    }

    pub(super) fn read(&self, rows: usize) -> Result<Read, DecodeError> {
        let mut reader = Reader::new(self.bytes);
        if self.flags & PREDICTED != 0 {
            let prediction = Prediction::decode(&mut reader)?;
            let residue = self.values(reader, rows)?;
            return Ok(Read::Residue(prediction, residue));
        }
        if self.flags & PARTIAL == 0 {
            let values = self.values(reader, rows)?;
            return Ok(Read::Values(values.into_iter().enumerate().collect()));
        }
        let bitmap = reader.bytes(rows.div_ceil(8))?;
        let present: Vec<usize> = (0..rows)
            .filter(|row| bitmap[row / 8] & (1 << (row % 8)) != 0)
            .collect();
        let values = self.values(reader, present.len())?;
        Ok(Read::Values(present.into_iter().zip(values).collect()))
    }

    fn values(&self, mut reader: Reader<'_>, count: usize) -> Result<Vec<i64>, DecodeError> {
        if count == 0 {
            return Ok(Vec::new());
        }
        if self.flags & PACKED == 0 {
            return Ok(vec![reader.i64()?; count]);
        }
        decompress(reader.bytes(reader.remaining())?, count, "a compressed column")
    }
}
