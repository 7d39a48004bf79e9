//! Columns that follow from others but for a little.

use std::collections::BTreeMap;

use crate::{
    DecodeError, Kind, SeriesKey,
    sample::MAX_COLUMNS,
    wire::{Reader, put_i64, put_len},
};

/// The sum of some columns, each times a factor, divided by a number and rounded down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prediction {
    divisor: usize,
    /// Places in the layout, and factors.
    pub(super) terms: Vec<(usize, i64)>,
}

impl Prediction {
    /// What may predict the column of this key, if anything does; `places` are the columns that there are.
    pub(super) fn of(key: &SeriesKey, places: &BTreeMap<&SeriesKey, usize>) -> Option<Self> {
        let kind = key.series.kind();
        if kind == Kind::CPU_TOTAL {
            let terms: Vec<_> = places
                .iter()
                .filter(|(other, _)| other.subject == key.subject && other.series.kind() == Kind::CPU_CORE)
                .map(|(_, place)| (*place, 1))
                .collect();
            return (!terms.is_empty()).then_some(Self {
                divisor: terms.len(),
                terms,
            });
        }
        let terms: &[(Kind, i64)] = match kind {
            Kind::CPU_SYSTEM => &[(Kind::CPU_TOTAL, 1), (Kind::CPU_USER, -1)],
            Kind::MEMORY_AVAILABLE => &[(Kind::MEMORY_TOTAL, 1), (Kind::MEMORY_USED, -1)],
            Kind::DISK_AVAILABLE => &[(Kind::DISK_TOTAL, 1), (Kind::DISK_USED, -1)],
            Kind::TCP_IN_USE => &[(Kind::TCP_ESTABLISHED, 1)],
            _ => return None,
        };
        let place = |(kind, factor): &(Kind, i64)| {
            let other = SeriesKey {
                subject: key.subject.clone(),
                series: key.series.with_kind(*kind),
            };
            Some((*places.get(&other)?, *factor))
        };
        Some(Self {
            divisor: 1,
            terms: terms.iter().map(place).collect::<Option<_>>()?,
        })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_len(out, self.divisor);
        put_len(out, self.terms.len());
        for (place, factor) in &self.terms {
            put_len(out, *place);
            put_i64(out, *factor);
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let number = |reader: &mut Reader<'_>| {
            let number = usize::try_from(reader.u64()?).ok();
            number
                .filter(|number| *number <= MAX_COLUMNS)
                .ok_or(DecodeError::TooLarge("a prediction's number"))
        };
        let divisor = number(reader)?;
        if divisor == 0 {
            return Err(DecodeError::Malformed("a prediction's divisor"));
        }
        let count = reader.count(MAX_COLUMNS, "a prediction's terms")?;
        let terms = (0..count).map(|_| Ok((number(reader)?, reader.i64()?)));
        Ok(Self {
            divisor,
            terms: terms.collect::<Result<_, DecodeError>>()?,
        })
    }

    /// What is predicted for each row from the terms' columns.
    pub(super) fn values<'a>(&self, rows: usize, columns: impl Iterator<Item = &'a [i64]>) -> Vec<i128> {
        let mut sums = vec![0_i128; rows];
        for ((_, factor), column) in self.terms.iter().zip(columns) {
            for (sum, value) in sums.iter_mut().zip(column) {
                *sum = sum.wrapping_add(i128::from(*factor) * i128::from(*value));
            }
        }
        let divisor = i128::try_from(self.divisor).unwrap_or(1);
        for sum in &mut sums {
            *sum = sum.div_euclid(divisor);
        }
        sums
    }
}
