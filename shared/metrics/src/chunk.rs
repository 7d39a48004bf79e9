//! A host's past hour at rest: its samples turned into columns, each compressed by itself.
//!
//! # Format
//!
//! | part | what |
//! |---|---|
//! | version | one byte, 1 |
//! | rows | number of samples |
//! | layout | the columns, as in a sample's frame, each subject once |
//! | directory | for each column its presence (0 in every row, 1 a bitmap), its encoding (0 one value, 1 pco) and its bytes' length; the times' column comes first, before the layout's, always present |
//! | columns | their bytes: the bitmap if there is one (a bit for each row, lowest first), then the value as a signed integer, or a standalone pco file of the present values |
//! | check | the first 8 bytes of the SHA-256 of everything before |
//!
//! Only the columns that are asked for are decompressed. pco finds the differences' order and the numbers' modes by
//! itself, which is worth several times more than a general compressor on readings like these.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use muster_base::{UnixMs, sha256};
use pco::{
    ChunkConfig,
    standalone::{simple_compress, simple_decompress_into},
};

use crate::{
    Layout, Sample, SeriesKey,
    wire::{DecodeError, Reader, put_i64, put_len},
};

const VERSION: u8 = 1;
const CHECK_BYTES: usize = 8;
/// A sample a second for ten hours: ten times what the finest interval makes in an hour.
const MAX_ROWS: usize = 36_000;
/// Values of all columns together: what an hour holds of 2,200 series at a second, of 22,000 at ten. A column that
/// never changes takes a byte for all of its rows, so only a limit keeps a small chunk from becoming gigabytes.
pub const MAX_VALUES: usize = 8_000_000;

/// A column's values with their times, ascending.
pub type Points = Vec<(UnixMs, i64)>;

/// Samples could not be compressed.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// There are more than a chunk may hold.
    #[error("{0} samples or values are too many for one chunk")]
    TooMany(usize),
    /// The compressor refused the numbers.
    #[error("a column could not be compressed: {0}")]
    Compress(String),
}

/// Compresses samples, which may come in any order; of several at the same time the first counts.
pub fn encode(mut samples: Vec<Sample>) -> Result<Vec<u8>, EncodeError> {
    samples.sort_by_key(|sample| sample.at);
    samples.dedup_by_key(|sample| sample.at);
    if samples.len() > MAX_ROWS {
        return Err(EncodeError::TooMany(samples.len()));
    }
    let values: usize = samples.iter().map(|sample| sample.values.len()).sum();
    if values > MAX_VALUES {
        return Err(EncodeError::TooMany(values));
    }
    let rows = samples.len();
    let columns = pivot(&samples);

    let mut out = vec![VERSION];
    put_len(&mut out, rows);
    Layout::from_columns(columns.keys()).encode(&mut out);
    let mut body = Vec::new();
    let times: Vec<(usize, i64)> = samples.iter().map(|sample| sample.at.0).enumerate().collect();
    for column in std::iter::once(&times).chain(columns.values()) {
        encode_column(&mut out, &mut body, column, rows)?;
    }
    out.extend_from_slice(&body);
    let check = sha256(&out);
    out.extend_from_slice(&check.0[..CHECK_BYTES]);
    Ok(out)
}

/// Each column's values with the rows that they are in.
fn pivot(samples: &[Sample]) -> BTreeMap<SeriesKey, Vec<(usize, i64)>> {
    let mut places: HashMap<SeriesKey, usize> = HashMap::new();
    let mut columns: Vec<Vec<(usize, i64)>> = Vec::new();
    let mut layout: Option<(Arc<Layout>, Vec<usize>)> = None;
    for (row, sample) in samples.iter().enumerate() {
        if layout.as_ref().is_none_or(|(known, _)| *known != sample.layout) {
            let of_layout = sample.layout.iter().map(|(subject, series)| {
                let key = SeriesKey {
                    subject: subject.clone(),
                    series: series.clone(),
                };
                *places.entry(key).or_insert_with(|| {
                    columns.push(Vec::with_capacity(samples.len() - row));
                    columns.len() - 1
                })
            });
            layout = Some((Arc::clone(&sample.layout), of_layout.collect()));
        }
        for (place, value) in layout.iter().flat_map(|(_, places)| places).zip(&sample.values) {
            // A layout that names a column twice (no agent of ours makes one) would put two values into one row.
            if columns[*place].last().is_none_or(|(last, _)| *last != row) {
                columns[*place].push((row, *value));
            }
        }
    }
    places
        .into_iter()
        .map(|(key, place)| (key, std::mem::take(&mut columns[place])))
        .collect()
}

fn encode_column(
    directory: &mut Vec<u8>,
    body: &mut Vec<u8>,
    column: &[(usize, i64)],
    rows: usize,
) -> Result<(), EncodeError> {
    let begin = body.len();
    let partial = column.len() != rows;
    if partial {
        body.resize(begin + rows.div_ceil(8), 0);
        for (row, _) in column {
            body[begin + row / 8] |= 1 << (row % 8);
        }
    }
    let constant = column
        .first()
        .map(|(_, first)| *first)
        .filter(|first| column.iter().all(|(_, value)| value == first));
    if let Some(value) = constant {
        put_i64(body, value);
    } else {
        let values: Vec<i64> = column.iter().map(|(_, value)| *value).collect();
        let packed = simple_compress(&values, &ChunkConfig::default())
            .map_err(|error| EncodeError::Compress(error.to_string()))?;
        body.extend_from_slice(&packed);
    }
    directory.push(u8::from(partial) << 1 | u8::from(constant.is_none()));
    put_len(directory, body.len() - begin);
    Ok(())
}

/// A chunk whose columns can be read.
#[derive(Debug)]
pub struct Chunk<'a> {
    times: Vec<UnixMs>,
    columns: Vec<(SeriesKey, Column<'a>)>,
}

#[derive(Debug, Clone, Copy)]
struct Column<'a> {
    partial: bool,
    packed: bool,
    bytes: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// Checks the bytes and reads times and directory.
    pub fn open(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let body = bytes
            .len()
            .checked_sub(CHECK_BYTES)
            .ok_or(DecodeError::Truncated)?;
        let (bytes, check) = bytes.split_at(body);
        if sha256(bytes).0[..CHECK_BYTES] != *check {
            return Err(DecodeError::Malformed("the chunk's check"));
        }
        let mut reader = Reader::new(bytes);
        reader.version(VERSION)?;
        let rows = usize::try_from(reader.u64()?).unwrap_or(usize::MAX);
        if rows > MAX_ROWS {
            return Err(DecodeError::TooLarge("number of rows"));
        }
        let layout = Layout::decode(&mut reader)?;
        let heads = (0..=layout.columns())
            .map(|_| Ok((reader.u8()?, reader.count(usize::MAX, "a column")?)))
            .collect::<Result<Vec<_>, DecodeError>>()?;
        let mut columns = heads.into_iter().map(|(flags, len)| {
            Ok::<_, DecodeError>(Column {
                partial: flags & 2 != 0,
                packed: flags & 1 != 0,
                bytes: reader.bytes(len)?,
            })
        });
        let times = columns.next().ok_or(DecodeError::Truncated)??;
        let times = times.read(rows)?;
        if times.len() != rows {
            return Err(DecodeError::Malformed("the times' column"));
        }
        let keys = layout.iter().map(|(subject, series)| SeriesKey {
            subject: subject.clone(),
            series: series.clone(),
        });
        Ok(Self {
            times: times.into_iter().map(|(_, at)| UnixMs(at)).collect(),
            columns: keys
                .zip(columns)
                .map(|(key, column)| Ok((key, column?)))
                .collect::<Result<_, DecodeError>>()?,
        })
    }

    /// When the samples were taken, ascending.
    pub fn times(&self) -> &[UnixMs] {
        &self.times
    }

    /// The columns that there are.
    pub fn keys(&self) -> impl Iterator<Item = &SeriesKey> {
        self.columns.iter().map(|(key, _)| key)
    }

    /// The values of the columns that `wanted` selects, each with its times.
    pub fn read(
        &self,
        mut wanted: impl FnMut(&SeriesKey) -> bool,
    ) -> Result<Vec<(&SeriesKey, Points)>, DecodeError> {
        let mut budget = Budget(MAX_VALUES);
        self.columns
            .iter()
            .filter(|(key, _)| wanted(key))
            .map(|(key, column)| {
                let values = budget.spend(column.read(self.times.len())?)?;
                let points = values.into_iter().map(|(row, value)| (self.times[row], value));
                Ok((key, points.collect()))
            })
            .collect()
    }

    /// All samples, as they were: to be compressed again together with late ones.
    pub fn samples(&self) -> Result<Vec<Sample>, DecodeError> {
        let mut budget = Budget(MAX_VALUES);
        let mut rows: Vec<(Vec<usize>, Vec<i64>)> = vec![Default::default(); self.times.len()];
        for (place, (_, column)) in self.columns.iter().enumerate() {
            for (row, value) in budget.spend(column.read(self.times.len())?)? {
                rows[row].0.push(place);
                rows[row].1.push(value);
            }
        }
        let mut shared: Option<(Vec<usize>, Arc<Layout>)> = None;
        Ok(rows
            .into_iter()
            .zip(&self.times)
            .map(|((places, values), at)| {
                let layout = match shared.take() {
                    Some((known, layout)) if known == places => layout,
                    _ => Arc::new(Layout::from_columns(
                        places.iter().map(|place| &self.columns[*place].0),
                    )),
                };
                shared = Some((places, Arc::clone(&layout)));
                Sample {
                    at: *at,
                    layout,
                    values,
                }
            })
            .collect())
    }
}

/// How many more values may be read.
struct Budget(usize);

impl Budget {
    fn spend(&mut self, values: Vec<(usize, i64)>) -> Result<Vec<(usize, i64)>, DecodeError> {
        let left = self.0.checked_sub(values.len());
        self.0 = left.ok_or(DecodeError::TooLarge("number of values"))?;
        Ok(values)
    }
}

impl Column<'_> {
    /// The values with their rows.
    fn read(&self, rows: usize) -> Result<Vec<(usize, i64)>, DecodeError> {
        let mut reader = Reader::new(self.bytes);
        let bitmap = if self.partial {
            reader.bytes(rows.div_ceil(8))?
        } else {
            &[]
        };
        let present = (0..rows).filter(|row| !self.partial || bitmap[row / 8] & (1 << (row % 8)) != 0);
        if !self.packed {
            if reader.is_empty() {
                return Ok(Vec::new());
            }
            let value = reader.i64()?;
            return Ok(present.map(|row| (row, value)).collect());
        }
        let present: Vec<usize> = present.collect();
        let mut values = vec![0_i64; present.len()];
        let progress = simple_decompress_into(reader.bytes(reader.remaining())?, &mut values)
            .map_err(|_| DecodeError::Malformed("a compressed column"))?;
        if progress.n_processed != values.len() || !progress.finished {
            return Err(DecodeError::Malformed("a compressed column"));
        }
        Ok(present.into_iter().zip(values).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Kind, SampleBuilder, Subject};

    type Columns = Vec<(u16, i64)>;

    fn build(samples: &[(i64, Columns, Columns)]) -> Vec<Sample> {
        let mut builder = SampleBuilder::default();
        samples
            .iter()
            .map(|(at, host, container)| {
                for (name, columns) in [("", host), ("web", container)] {
                    let columns: BTreeMap<_, _> = columns.iter().copied().collect();
                    if !columns.is_empty() {
                        builder.subject(name);
                    }
                    for (code, value) in columns {
                        builder.push(Kind::from_code(code), value);
                    }
                }
                builder.finish(UnixMs(*at))
            })
            .collect()
    }

    fn hour() -> Vec<Sample> {
        let rows: Vec<_> = (0_i64..360)
            .map(|row| {
                let host = vec![
                    (0, 1_000 + row * row % 97),
                    (9, 8 << 30),
                    (10, (4 << 30) + row * 4_096),
                ];
                let container = if row > 100 {
                    vec![(41, row % 7)]
                } else {
                    Vec::new()
                };
                (1_700_000_000_000 + row * 10_000, host, container)
            })
            .collect();
        build(&rows)
    }

    #[test]
    fn an_hour_takes_a_fraction_of_its_frames() {
        let frames: usize = hour()
            .iter()
            .map(|sample| crate::frame::encode_one(sample).len())
            .sum();
        let chunk = encode(hour()).unwrap();
        assert!(chunk.len() * 10 < frames, "{} bytes of {frames}", chunk.len());
    }

    #[test]
    fn one_column_is_read_with_its_gap() {
        let bytes = encode(hour()).unwrap();
        let chunk = Chunk::open(&bytes).unwrap();
        let read = chunk.read(|key| key.subject != Subject::Host).unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].1.len(), 259);
        assert_eq!(read[0].1[0], (UnixMs(1_700_000_000_000 + 1_010_000), 101 % 7));
    }

    /// A chunk of `rows` samples with `columns` series that never change.
    fn still(rows: usize, columns: u16) -> Vec<u8> {
        let mut out = vec![VERSION];
        put_len(&mut out, rows);
        let keys = (0..columns).map(|code| SeriesKey {
            subject: Subject::Host,
            series: crate::Series::of(Kind::from_code(code)),
        });
        let keys: Vec<_> = keys.collect();
        Layout::from_columns(&keys).encode(&mut out);
        let mut body = Vec::new();
        let times: Vec<_> = (0_i64..).take(rows).enumerate().collect();
        let still: Vec<_> = (0..rows).map(|row| (row, 7)).collect();
        encode_column(&mut out, &mut body, &times, rows).unwrap();
        for _ in 0..columns {
            encode_column(&mut out, &mut body, &still, rows).unwrap();
        }
        out.extend_from_slice(&body);
        let check = sha256(&out);
        out.extend_from_slice(&check.0[..CHECK_BYTES]);
        out
    }

    #[test]
    fn a_small_chunk_does_not_become_gigabytes() {
        let bytes = still(MAX_ROWS, 4_000);
        assert!(bytes.len() < 100_000, "{}", bytes.len());
        let chunk = Chunk::open(&bytes).unwrap();
        assert_eq!(chunk.samples(), Err(DecodeError::TooLarge("number of values")));
        assert!(chunk.read(|_| true).is_err());
        let one = chunk.read(|key| key.series.kind() == Kind::CPU_TOTAL).unwrap();
        assert_eq!(one[0].1.len(), MAX_ROWS);
    }

    #[test]
    fn more_values_than_a_chunk_holds_are_refused() {
        let mut builder = SampleBuilder::default();
        let mut sample = |at| {
            for code in 0..4_000 {
                builder.push(Kind::from_code(code), 1);
            }
            builder.finish(UnixMs(at))
        };
        let samples: Vec<_> = (0..2_001).map(&mut sample).collect();
        assert!(matches!(encode(samples), Err(EncodeError::TooMany(_))));
    }

    #[test]
    fn a_flipped_bit_is_noticed() {
        let mut bytes = encode(hour()).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        assert!(Chunk::open(&bytes).is_err());
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(rows in prop::collection::btree_map(
            0_i64..4_000_000_000_000,
            (prop::collection::vec((0_u16..6, any::<i64>()), 0..5), prop::collection::vec((40_u16..44, -9_i64..9), 0..3)),
            0..40,
        )) {
            let rows: Vec<_> = rows.into_iter().map(|(at, (host, container))| (at, host, container)).collect();
            let samples = build(&rows);
            let bytes = encode(samples.clone()).unwrap();
            let decoded = Chunk::open(&bytes).unwrap().samples().unwrap();
            prop_assert_eq!(decoded, samples);
        }

        #[test]
        fn garbage_never_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            drop(Chunk::open(&bytes).and_then(|chunk| chunk.samples()));
            // Garbage that passes the check.
            bytes.insert(0, VERSION);
            let check = sha256(&bytes);
            bytes.extend_from_slice(&check.0[..CHECK_BYTES]);
            drop(Chunk::open(&bytes).and_then(|chunk| chunk.samples()));
        }
    }
}
