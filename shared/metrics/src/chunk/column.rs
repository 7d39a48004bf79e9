//! One column's bytes.

use super::{EncodeError, Rows, counted::Divisors, linear::Linear, predict::Prediction};
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
/// Told by others and by its own past, and coded by what came before.
const TOLD: u8 = 16;
/// Told as the numbers that were counted, by what they were divided by.
const COUNTED: u8 = 32;

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

/// A column that every row has as a sum tells it, after its divisors if it was counted.
pub(super) fn encode_told(divisors: &[u8], told: &[u8]) -> Encoded {
    Encoded {
        flags: TOLD | if divisors.is_empty() { 0 } else { COUNTED },
        bytes: [divisors, told].concat(),
    }
}

/// A column that some rows have as a sum tells it.
pub(super) fn encode_told_in_part(column: &Rows, rows: usize, told: &[u8]) -> Encoded {
    let (mut bytes, partial) = presence(column, rows);
    bytes.extend_from_slice(told);
    Encoded {
        flags: TOLD | partial,
        bytes,
    }
}

/// The divisors of a column that has them, or where they are.
pub(super) fn encode_divisors(divisors: &Divisors, of: Option<usize>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    put_len(&mut out, of.map_or(0, |place| place + 1));
    if of.is_none() {
        divisors.encode(&mut out)?;
    }
    Some(out)
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
    pub(super) bytes: &'a [u8],
}

/// A column's values.
pub(super) enum Read<'a> {
    /// As they are.
    Values(Rows),
    /// What is to be added to a prediction, in every row.
    Residue(Prediction, Vec<i64>),
    /// To be told.
    Told(Told<'a>),
}

/// A column that others tell.
pub(super) struct Told<'a> {
    /// The rows that have a value; none says all.
    pub(super) present: Option<Vec<usize>>,
    pub(super) divisors: Option<DivisorsOf>,
    pub(super) linear: Linear,
    pub(super) bits: &'a [u8],
}

/// Where divisors are.
pub(super) enum DivisorsOf {
    Here(Divisors),
    /// With another column.
    Column(usize),
}

impl<'a> Column<'a> {
    pub(super) fn new(flags: u8, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let both = |one: u8, other: u8| flags & (one | other) == one | other;
        let needs = |one: u8, other: u8| flags & one != 0 && flags & other == 0;
        if flags > 63
            || both(PARTIAL, PREDICTED)
            || both(TOLD, PREDICTED)
            || both(TOLD, PACKED)
            || both(COUNTED, PARTIAL)
            || needs(STRETCHES, PARTIAL)
            || needs(COUNTED, TOLD)
        {
            return Err(DecodeError::Malformed("a column's flags"));
        }
        Ok(Self { flags, bytes })
    }

    pub(super) fn read(&self, rows: usize) -> Result<Read<'a>, DecodeError> {
        let mut reader = Reader::new(self.bytes);
        if self.flags & PREDICTED != 0 {
            let prediction = Prediction::decode(&mut reader)?;
            let residue = self.values(reader, rows)?;
            return Ok(Read::Residue(prediction, residue));
        }
        let present = self.present(&mut reader, rows)?;
        if self.flags & TOLD != 0 {
            return Ok(Read::Told(Told {
                present,
                divisors: self.divisors(&mut reader, rows)?,
                linear: Linear::decode(&mut reader)?,
                bits: reader.bytes(reader.remaining())?,
            }));
        }
        let values = self.values(reader, present.as_ref().map_or(rows, Vec::len))?;
        Ok(Read::Values(match present {
            Some(present) => present.into_iter().zip(values).collect(),
            None => values.into_iter().enumerate().collect(),
        }))
    }

    /// The rows that have a value; none says all.
    fn present(&self, reader: &mut Reader<'a>, rows: usize) -> Result<Option<Vec<usize>>, DecodeError> {
        if self.flags & PARTIAL == 0 {
            return Ok(None);
        }
        if self.flags & STRETCHES != 0 {
            return stretches(reader, rows).map(Some);
        }
        let bitmap = reader.bytes(rows.div_ceil(8))?;
        let is_present = |row: &usize| bitmap[row / 8] & (1 << (row % 8)) != 0;
        Ok(Some((0..rows).filter(is_present).collect()))
    }

    /// What a column that was counted is told by.
    fn divisors(&self, reader: &mut Reader<'a>, rows: usize) -> Result<Option<DivisorsOf>, DecodeError> {
        if self.flags & COUNTED == 0 {
            return Ok(None);
        }
        Ok(Some(match reader.u64()? {
            0 => DivisorsOf::Here(Divisors::decode(reader, rows)?),
            place => DivisorsOf::Column(usize::try_from(place - 1).unwrap_or(usize::MAX)),
        }))
    }

    /// The divisors that this column has for others.
    pub(super) fn own_divisors(&self, rows: usize) -> Result<Divisors, DecodeError> {
        match self.divisors(&mut Reader::new(self.bytes), rows)? {
            Some(DivisorsOf::Here(divisors)) if self.flags & PARTIAL == 0 => Ok(divisors),
            _ => Err(DecodeError::Malformed("divisors")),
        }
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
