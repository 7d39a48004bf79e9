//! From a chunk back to columns or samples.

use std::{collections::BTreeMap, rc::Rc, sync::Arc};

use muster_base::UnixMs;

use super::{
    MAX_ROWS, MAX_VALUES, Points, Rows, THOROUGH,
    column::{Column, DivisorsOf, Read, Told},
    predict::Prediction,
};
use crate::{
    Layout, Sample, SeriesKey,
    at_rest::without_check,
    wire::{DecodeError, Reader},
};

/// What tells a column may be told itself, so often.
const MAX_DEPTH: usize = 12;

/// A chunk whose columns can be read.
#[derive(Debug)]
pub struct Chunk<'a> {
    times: Vec<UnixMs>,
    columns: Vec<(SeriesKey, Column<'a>)>,
}

impl<'a> Chunk<'a> {
    /// Checks the bytes and reads times and directory.
    pub fn open(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(without_check(bytes, "the chunk's check")?);
        match reader.u8()? {
            1..=THOROUGH => {}
            version => return Err(DecodeError::Version(version)),
        }
        let rows = usize::try_from(reader.u64()?).unwrap_or(usize::MAX);
        if rows > MAX_ROWS {
            return Err(DecodeError::TooLarge("number of rows"));
        }
        let layout = Layout::decode(&mut reader)?;
        let heads = (0..=layout.columns())
            .map(|_| Ok((reader.u8()?, reader.count(usize::MAX, "a column")?)))
            .collect::<Result<Vec<_>, DecodeError>>()?;
        let mut columns = heads
            .into_iter()
            .map(|(flags, len)| Column::new(flags, reader.bytes(len)?));
        let times = columns.next().ok_or(DecodeError::Truncated)??;
        let times = match times.read(rows)? {
            Read::Values(times) if times.len() == rows => times,
            Read::Values(_) | Read::Residue(..) | Read::Told(_) => {
                return Err(DecodeError::Malformed("the times' column"));
            }
        };
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

    /// How many bytes each column takes, what others tell of it not counted in.
    pub fn sizes(&self) -> impl Iterator<Item = (&SeriesKey, usize)> {
        self.columns.iter().map(|(key, column)| (key, column.bytes.len()))
    }

    /// The values of the columns that `wanted` selects, each with its times.
    pub fn read(
        &self,
        mut wanted: impl FnMut(&SeriesKey) -> bool,
    ) -> Result<Vec<(&SeriesKey, Points)>, DecodeError> {
        let mut reading = Reading::default();
        self.columns
            .iter()
            .enumerate()
            .filter(|(_, (key, _))| wanted(key))
            .map(|(place, (key, _))| {
                let values = self.column(place, 0, &mut reading)?;
                let points = values.into_iter().map(|(row, value)| (self.times[row], value));
                Ok((key, points.collect()))
            })
            .collect()
    }

    /// All samples, as they were.
    pub fn samples(&self) -> Result<Vec<Sample>, DecodeError> {
        let mut reading = Reading::default();
        let mut rows: Vec<(Vec<usize>, Vec<i64>)> = vec![Default::default(); self.times.len()];
        for place in 0..self.columns.len() {
            for (row, value) in self.column(place, 0, &mut reading)? {
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

    /// Where each column is.
    pub(super) fn places(&self) -> BTreeMap<&SeriesKey, usize> {
        self.keys().zip(0..).collect()
    }

    /// One column's values, with their rows.
    pub(super) fn rows(&self, place: usize, reading: &mut Reading) -> Result<Rows, DecodeError> {
        reading.left = Reading::default().left;
        self.column(place, 0, reading)
    }

    fn column(&self, place: usize, depth: usize, reading: &mut Reading) -> Result<Rows, DecodeError> {
        if let Some(known) = reading.known.get(&place) {
            return Ok(known.iter().copied().enumerate().collect());
        }
        let (_, column) = self
            .columns
            .get(place)
            .filter(|_| depth < MAX_DEPTH)
            .ok_or(DecodeError::Malformed("a prediction"))?;
        match column.read(self.times.len())? {
            Read::Values(values) => {
                reading.spend(values.len())?;
                Ok(values)
            }
            Read::Residue(prediction, residue) => {
                reading.spend(residue.len())?;
                self.add(&prediction, &residue, depth, reading)
            }
            Read::Told(told) => self.told(place, told, depth, reading),
        }
    }

    /// The values of a column that every row has.
    fn full(&self, place: usize, depth: usize, reading: &mut Reading) -> Result<Rc<[i64]>, DecodeError> {
        if let Some(known) = reading.known.get(&place) {
            return Ok(Rc::clone(known));
        }
        let rows = self.column(place, depth, reading)?;
        if rows.len() != self.times.len() {
            return Err(DecodeError::Malformed("a prediction"));
        }
        let values: Rc<[i64]> = rows.into_iter().map(|(_, value)| value).collect();
        reading.keep(place, &values)?;
        Ok(values)
    }

    fn add(
        &self,
        prediction: &Prediction,
        residue: &[i64],
        depth: usize,
        reading: &mut Reading,
    ) -> Result<Rows, DecodeError> {
        let mut terms = Vec::with_capacity(prediction.terms.len().min(64));
        for (place, _) in &prediction.terms {
            terms.push(self.full(*place, depth + 1, reading)?);
        }
        let predicted = prediction.values(self.times.len(), terms.iter().map(|term| &**term));
        residue
            .iter()
            .zip(predicted)
            .map(|(residue, predicted)| i64::try_from(i128::from(*residue) + predicted))
            .enumerate()
            .map(|(row, value)| Ok((row, value.map_err(|_| DecodeError::Malformed("a prediction"))?)))
            .collect()
    }

    fn told(
        &self,
        place: usize,
        told: Told<'_>,
        depth: usize,
        reading: &mut Reading,
    ) -> Result<Rows, DecodeError> {
        let wrong = DecodeError::Malformed("a column that others tell");
        let rows = self.times.len();
        let count = told.present.as_ref().map_or(rows, Vec::len);
        reading.spend(count)?;
        let divisors = match told.divisors {
            None => None,
            Some(DivisorsOf::Here(divisors)) => Some(divisors),
            Some(DivisorsOf::Column(other)) => {
                reading.spend(rows)?;
                let (_, owner) = self.columns.get(other).ok_or(wrong)?;
                Some(owner.own_divisors(rows)?)
            }
        };
        let mut needed: BTreeMap<usize, Rc<[i64]>> = BTreeMap::new();
        for other in told.linear.needs() {
            needed.insert(other, self.full(other, depth + 1, reading)?);
        }
        let column = |place: usize| needed.get(&place).map(|values| &**values);
        let values = told
            .linear
            .read(told.bits, count, divisors.as_ref(), column)
            .ok_or(wrong)?;
        if let Some(present) = told.present {
            return Ok(present.into_iter().zip(values).collect());
        }
        let values: Rc<[i64]> = values.into();
        reading.keep(place, &values)?;
        Ok(values.iter().copied().enumerate().collect())
    }
}

/// What was read so far, and how many more values may be read: twice those of a chunk, since what tells others may be
/// read again for them.
pub(super) struct Reading {
    left: usize,
    to_keep: usize,
    known: BTreeMap<usize, Rc<[i64]>>,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            left: 2 * MAX_VALUES,
            to_keep: MAX_VALUES,
            known: BTreeMap::new(),
        }
    }
}

impl Reading {
    /// Keeps a column for those that it tells.
    fn keep(&mut self, place: usize, values: &Rc<[i64]>) -> Result<(), DecodeError> {
        let left = self.to_keep.checked_sub(values.len());
        self.to_keep = left.ok_or(DecodeError::TooLarge("number of values"))?;
        self.known.insert(place, Rc::clone(values));
        Ok(())
    }

    fn spend(&mut self, values: usize) -> Result<(), DecodeError> {
        let left = self.left.checked_sub(values);
        self.left = left.ok_or(DecodeError::TooLarge("number of values"))?;
        Ok(())
    }
}
