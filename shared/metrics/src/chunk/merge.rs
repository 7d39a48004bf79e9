//! Several chunks of a host become one.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use muster_base::UnixMs;

use super::{Chunk, Effort, EncodeError, Rows, encode::write, read::Reading};
use crate::SeriesKey;

/// One chunk of all samples of these, with the number of them; where several have a sample of the same time the first of
/// them counts. With little effort one column at a time is in memory.
pub fn merge(chunks: &[&[u8]], effort: Effort) -> Result<(usize, Vec<u8>), EncodeError> {
    let chunks = chunks
        .iter()
        .map(|bytes| Chunk::open(bytes))
        .collect::<Result<Vec<_>, _>>()?;
    let mut owners: BTreeMap<UnixMs, usize> = BTreeMap::new();
    for (number, chunk) in chunks.iter().enumerate() {
        for at in chunk.times() {
            owners.entry(*at).or_insert(number);
        }
    }
    let times: Vec<UnixMs> = owners.keys().copied().collect();
    // For each chunk where its rows go, and which of them count.
    let rows: Vec<Vec<Option<usize>>> = chunks
        .iter()
        .enumerate()
        .map(|(number, chunk)| {
            let place = |at: &UnixMs| (owners.get(at) == Some(&number)).then(|| times.binary_search(at).ok());
            chunk.times().iter().map(|at| place(at).flatten()).collect()
        })
        .collect();
    let keys: BTreeSet<&SeriesKey> = chunks.iter().flat_map(Chunk::keys).collect();
    let keys: Vec<SeriesKey> = keys.into_iter().cloned().collect();
    let places: Vec<_> = chunks.iter().map(Chunk::places).collect();
    let mut readings: Vec<Reading> = chunks.iter().map(|_| Reading::default()).collect();
    let mut load = |place: usize| {
        let mut column = Rows::new();
        for (((chunk, places), rows), reading) in chunks.iter().zip(&places).zip(&rows).zip(&mut readings) {
            if let Some(found) = places.get(&keys[place]) {
                let values = chunk.rows(*found, reading)?.into_iter();
                column.extend(values.filter_map(|(row, value)| Some((rows[row]?, value))));
            }
        }
        column.sort_unstable_by_key(|(row, _)| *row);
        Ok(Cow::Owned(column))
    };
    let merged = write(&times, &keys, effort, &mut load)?;
    // What it replaces is the only copy: what can't be read back as it was is not put in its place.
    let merged = if effort == Effort::Thorough && !says(&merged, keys.len(), &mut load)? {
        write(&times, &keys, Effort::Quick, &mut load)?
    } else {
        merged
    };
    Ok((times.len(), merged))
}

/// Whether a chunk has these columns, value by value.
fn says<'a>(
    bytes: &[u8],
    columns: usize,
    mut load: impl FnMut(usize) -> Result<Cow<'a, Rows>, EncodeError>,
) -> Result<bool, EncodeError> {
    let Ok(chunk) = Chunk::open(bytes) else {
        return Ok(false);
    };
    let mut reading = Reading::default();
    for place in 0..columns {
        let column = load(place)?;
        if chunk.rows(place, &mut reading).ok().as_ref() != Some(column.as_ref()) {
            return Ok(false);
        }
    }
    Ok(chunk.keys().count() == columns)
}
