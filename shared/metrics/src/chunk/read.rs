//! From a chunk back to columns or samples.

use std::{collections::BTreeMap, sync::Arc};

use muster_base::UnixMs;

use super::{
    MAX_ROWS, MAX_VALUES, Points, Rows, VERSION,
    column::{Column, Read},
    predict::Prediction,
};
use crate::{
    Layout, Sample, SeriesKey,
    at_rest::without_check,
    wire::{DecodeError, Reader},
};

/// A predicted column's terms may be predicted themselves, so often.
const MAX_DEPTH: usize = 3;

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
            1..=VERSION => {}
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
            Read::Values(_) | Read::Residue(..) => return Err(DecodeError::Malformed("the times' column")),
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

    /// The values of the columns that `wanted` selects, each with its times.
    pub fn read(
        &self,
        mut wanted: impl FnMut(&SeriesKey) -> bool,
    ) -> Result<Vec<(&SeriesKey, Points)>, DecodeError> {
        let mut budget = Budget::default();
        self.columns
            .iter()
            .enumerate()
            .filter(|(_, (key, _))| wanted(key))
            .map(|(place, (key, _))| {
                let values = self.column(place, 0, &mut budget)?;
                let points = values.into_iter().map(|(row, value)| (self.times[row], value));
                Ok((key, points.collect()))
            })
            .collect()
    }

    /// All samples, as they were.
    pub fn samples(&self) -> Result<Vec<Sample>, DecodeError> {
        let mut budget = Budget::default();
        let mut rows: Vec<(Vec<usize>, Vec<i64>)> = vec![Default::default(); self.times.len()];
        for place in 0..self.columns.len() {
            for (row, value) in self.column(place, 0, &mut budget)? {
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
    pub(super) fn rows(&self, place: usize) -> Result<Rows, DecodeError> {
        self.column(place, 0, &mut Budget::default())
    }

    fn column(&self, place: usize, depth: usize, budget: &mut Budget) -> Result<Rows, DecodeError> {
        let (_, column) = self
            .columns
            .get(place)
            .filter(|_| depth < MAX_DEPTH)
            .ok_or(DecodeError::Malformed("a prediction"))?;
        match column.read(self.times.len())? {
            Read::Values(values) => {
                budget.spend(values.len())?;
                Ok(values)
            }
            Read::Residue(prediction, residue) => {
                budget.spend(residue.len())?;
                self.add(&prediction, &residue, depth, budget)
            }
        }
    }

    fn add(
        &self,
        prediction: &Prediction,
        residue: &[i64],
        depth: usize,
        budget: &mut Budget,
    ) -> Result<Rows, DecodeError> {
        let rows = self.times.len();
        let mut terms = Vec::with_capacity(prediction.terms.len().min(64));
        for (place, _) in &prediction.terms {
            let term = self.column(*place, depth + 1, budget)?;
            if term.len() != rows {
                return Err(DecodeError::Malformed("a prediction"));
            }
            terms.push(term.into_iter().map(|(_, value)| value).collect::<Vec<_>>());
        }
        let predicted = prediction.values(rows, terms.iter().map(Vec::as_slice));
        residue
            .iter()
            .zip(predicted)
            .map(|(residue, predicted)| i64::try_from(i128::from(*residue) + predicted))
            .enumerate()
            .map(|(row, value)| Ok((row, value.map_err(|_| DecodeError::Malformed("a prediction"))?)))
            .collect()
    }
}

/// How many more values may be read; twice those of a chunk, since what predicts others is read again for them.
struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Self(2 * MAX_VALUES)
    }
}

impl Budget {
    fn spend(&mut self, values: usize) -> Result<(), DecodeError> {
        let left = self.0.checked_sub(values);
        self.0 = left.ok_or(DecodeError::TooLarge("number of values"))?;
        Ok(())
    }
}
