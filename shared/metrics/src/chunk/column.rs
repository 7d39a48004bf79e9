//! One column's bytes.

use super::{EncodeError, Rows, predict::Prediction};
use crate::{
    DecodeError,
    at_rest::{compress, decompress},
    wire::{Reader, put_i64, put_len},
};

const PACKED: u8 = 1;
const PARTIAL: u8 = 2;
const PREDICTED: u8 = 4;
/// Partial, and which rows have a value is said in stretches.
const STRETCHES: u8 = 8;

/// A column as it is stored.
#[derive(Debug, Clone)]
pub(super) struct Encoded {
    pub(super) flags: u8,
    pub(super) bytes: Vec<u8>,
}

/// Encodes the values that a column has in some of `rows` rows.
pub(super) fn encode(column: &Rows, rows: usize) -> Result<Encoded, EncodeError> {
    let (mut bytes, partial) = if column.len() == rows {
        (Vec::new(), 0)
    } else {
        presence(column, rows)
    };
    let packed = put_values(&mut bytes, column.iter().map(|(_, value)| *value))?;
    Ok(Encoded {
        flags: partial | packed,
        bytes,
    })
}

/// Which rows have a value, and the flags that say how that is written. What comes and goes, as an interface or a container, is
/// there in a few stretches.
fn presence(column: &Rows, rows: usize) -> (Vec<u8>, u8) {
    let mut stretches: Vec<(usize, usize)> = Vec::new();
    for (row, _) in column {
        match stretches.last_mut() {
            Some((start, len)) if *start + *len == *row => *len += 1,
            _ => stretches.push((*row, 1)),
        }
    }
    let (mut bytes, mut end) = (Vec::new(), 0);
    put_len(&mut bytes, stretches.len());
    for (start, len) in stretches {
        put_len(&mut bytes, start - end);
        put_len(&mut bytes, len);
        end = start + len;
    }
    if bytes.len() <= rows.div_ceil(8) {
        return (bytes, PARTIAL | STRETCHES);
    }
    let mut bitmap = vec![0; rows.div_ceil(8)];
    for (row, _) in column {
        bitmap[row / 8] |= 1 << (row % 8);
    }
    (bitmap, PARTIAL)
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
        let both = |one: u8, other: u8| flags & (one | other) == one | other;
        if flags > 15 || both(PARTIAL, PREDICTED) || flags & STRETCHES != 0 && flags & PARTIAL == 0 {
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
        let present: Vec<usize> = if self.flags & STRETCHES == 0 {
            let bitmap = reader.bytes(rows.div_ceil(8))?;
            let is_present = |row: &usize| bitmap[row / 8] & (1 << (row % 8)) != 0;
            (0..rows).filter(is_present).collect()
        } else {
            stretches(&mut reader, rows)?
        };
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

/// Rows that stretches name, ascending; none is beyond the last row.
fn stretches(reader: &mut Reader<'_>, rows: usize) -> Result<Vec<usize>, DecodeError> {
    let wrong = DecodeError::Malformed("a column's stretches");
    let count = reader.count(rows, "a column's stretches")?;
    let (mut present, mut end) = (Vec::new(), 0_usize);
    for _ in 0..count {
        let mut next = || usize::try_from(reader.u64()?).map_err(|_| wrong);
        let (gap, len) = (next()?, next()?);
        let start = end.checked_add(gap).filter(|start| *start < rows);
        let start = start.ok_or(wrong)?;
        if len == 0 || len > rows - start {
            return Err(wrong);
        }
        end = start + len;
        present.extend(start..end);
    }
    Ok(present)
}
