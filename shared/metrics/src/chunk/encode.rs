//! From samples to a chunk.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use muster_base::UnixMs;

use super::{
    Effort, EncodeError, MAX_COLUMNS, MAX_ROWS, MAX_VALUES, QUICK, Rows, THOROUGH,
    column::{self, Encoded},
    predict::Prediction,
    tell::tell,
};
use crate::{Layout, Sample, SeriesKey, at_rest::put_check, wire::put_len};

/// With fewer rows nothing is learned that would be worth it.
const MIN_TOLD: usize = 256;

/// With more values too much would be in memory at a time.
const MAX_TOLD: usize = 4_000_000;

/// Compresses samples, which may come in any order; of several at the same time the first counts.
pub fn encode(mut samples: Vec<Sample>) -> Result<Vec<u8>, EncodeError> {
    samples.sort_by_key(|sample| sample.at);
    samples.dedup_by_key(|sample| sample.at);
    let times: Vec<UnixMs> = samples.iter().map(|sample| sample.at).collect();
    let (keys, columns): (Vec<_>, Vec<_>) = pivot(&samples).into_iter().unzip();
    drop(samples);
    write(&times, &keys, Effort::Quick, |place| {
        Ok(Cow::Borrowed(&columns[place]))
    })
}

/// Writes a chunk of the columns `keys`, in order, which `load` has the values of.
pub(super) fn write<'a>(
    times: &[UnixMs],
    keys: &[SeriesKey],
    effort: Effort,
    mut load: impl FnMut(usize) -> Result<Cow<'a, Rows>, EncodeError>,
) -> Result<Vec<u8>, EncodeError> {
    let rows = times.len();
    if rows > MAX_ROWS || keys.len() > MAX_COLUMNS {
        return Err(EncodeError::TooMany(rows.max(keys.len())));
    }
    let mut told = match effort {
        Effort::Thorough if rows >= MIN_TOLD && rows * keys.len() <= MAX_TOLD => {
            tell(times, keys, &mut load)?
        }
        Effort::Thorough | Effort::Quick => BTreeMap::new(),
    };
    let mut values = 0;
    let places: BTreeMap<_, _> = keys.iter().zip(0..).collect();
    let mut out = vec![match effort {
        Effort::Quick => QUICK,
        Effort::Thorough => THOROUGH,
    }];
    put_len(&mut out, rows);
    Layout::from_columns(keys).encode(&mut out);
    let mut body = Vec::new();
    let mut put = |encoded: &Encoded| {
        out.push(encoded.flags);
        put_len(&mut out, encoded.bytes.len());
        body.extend_from_slice(&encoded.bytes);
    };
    let times: Rows = times.iter().map(|at| at.0).enumerate().collect();
    put(&column::encode(&times, rows)?);
    // A prediction rests on no column that is told: what tells it may rest on the predicted one.
    let told_places: BTreeSet<usize> = told.keys().copied().collect();
    let is_told = |(place, _): &(usize, _)| told_places.contains(place);
    for (place, key) in keys.iter().enumerate() {
        let column = load(place)?;
        values += column.len();
        if values > MAX_VALUES {
            return Err(EncodeError::TooMany(values));
        }
        if let Some(told) = told.remove(&place) {
            put(&told);
            continue;
        }
        let plain = column::encode(&column, rows)?;
        let predicted = match Prediction::of(key, &places) {
            Some(prediction) if column.len() == rows && !prediction.terms.iter().any(is_told) => {
                residue(&column, prediction, &mut load)?
            }
            _ => None,
        };
        put(match &predicted {
            Some(predicted) if predicted.bytes.len() < plain.bytes.len() => predicted,
            _ => &plain,
        });
    }
    out.extend_from_slice(&body);
    put_check(&mut out);
    Ok(out)
}

/// The column as what has to be added to its prediction, if that can be said in every row.
fn residue<'a>(
    column: &Rows,
    prediction: Prediction,
    load: &mut impl FnMut(usize) -> Result<Cow<'a, Rows>, EncodeError>,
) -> Result<Option<Encoded>, EncodeError> {
    let mut terms = Vec::with_capacity(prediction.terms.len());
    for (place, _) in &prediction.terms {
        let values: Vec<i64> = load(*place)?.iter().map(|(_, value)| *value).collect();
        if values.len() != column.len() {
            return Ok(None);
        }
        terms.push(values);
    }
    let predicted = prediction.values(column.len(), terms.iter().map(Vec::as_slice));
    let residue: Option<Vec<i64>> = column
        .iter()
        .zip(predicted)
        .map(|((_, value), predicted)| i64::try_from(i128::from(*value) - predicted).ok())
        .collect();
    residue
        .map(|residue| column::encode_residue(&prediction, &residue))
        .transpose()
}

/// Each column's values with the rows that they are in.
fn pivot(samples: &[Sample]) -> BTreeMap<SeriesKey, Rows> {
    let mut places: HashMap<SeriesKey, usize> = HashMap::new();
    let mut columns: Vec<Rows> = Vec::new();
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
