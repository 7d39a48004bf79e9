//! The columns of a whole day, each told by others where that is shorter.

use std::{borrow::Cow, collections::BTreeMap};

use muster_base::UnixMs;

use super::{
    EncodeError, MAX_VALUES, Rows,
    column::{self, Encoded},
    counted::{self, Counted, Divisors},
    fit::{Told, fit},
    linear::Linear,
};
use crate::{Kind, SeriesKey};

/// A column that every row has, and that varies.
struct Full {
    place: usize,
    values: Vec<i64>,
    family: Option<(Counted, String)>,
}

/// A column by itself: how it is told, and its bytes without divisors.
type Alone<'a> = (&'a Full, &'a Linear, Vec<u8>);

impl Full {
    fn plain(&self) -> Result<Encoded, EncodeError> {
        let rows: Rows = self.values.iter().copied().enumerate().collect();
        column::encode(&rows, rows.len())
    }
}

/// The columns for which telling is shorter, by their place. Those of a subject are in memory together.
pub(super) fn tell<'a>(
    times: &[UnixMs],
    keys: &[SeriesKey],
    load: &mut impl FnMut(usize) -> Result<Cow<'a, Rows>, EncodeError>,
) -> Result<BTreeMap<usize, Encoded>, EncodeError> {
    let times: Vec<i64> = times.iter().map(|at| at.0).collect();
    let mut out = BTreeMap::new();
    let (mut first, mut loaded) = (0, 0);
    for group in keys.chunk_by(|one, other| one.subject == other.subject) {
        let mut full: Vec<Full> = Vec::new();
        for (place, key) in (first..).zip(group) {
            let rows = load(place)?;
            loaded += rows.len();
            if loaded > MAX_VALUES {
                return Err(EncodeError::TooMany(loaded));
            }
            let values: Vec<i64> = rows.iter().map(|(_, value)| *value).collect();
            if values.windows(2).all(|pair| pair[0] == pair[1]) {
                continue;
            }
            if rows.len() < times.len() {
                out.extend(partial(place, &rows, &values, times.len())?.map(|told| (place, told)));
                continue;
            }
            full.push(Full {
                place,
                values,
                family: counted::family(key.series.kind(), key.series.instance()),
            });
        }
        first += group.len();
        let cores = group.iter().filter(|key| key.series.kind() == Kind::CPU_CORE);
        tell_group(&times, cores.count(), &full, &mut out)?;
    }
    Ok(out)
}

/// What comes and goes is told by its own past alone.
fn partial(place: usize, column: &Rows, values: &[i64], rows: usize) -> Result<Option<Encoded>, EncodeError> {
    let found = fit(&[Told {
        place,
        values,
        is_share: false,
    }]);
    let told = found
        .first()
        .and_then(|(_, linear)| linear.write(values, None, |_| None))
        .map(|bytes| column::encode_told_in_part(column, rows, &bytes));
    let plain = column::encode(column, rows)?;
    Ok(told.filter(|told| told.bytes.len() < plain.bytes.len()))
}

fn tell_group(
    times: &[i64],
    cores: usize,
    full: &[Full],
    out: &mut BTreeMap<usize, Encoded>,
) -> Result<(), EncodeError> {
    let told: Vec<Told<'_>> = full
        .iter()
        .map(|one| Told {
            place: one.place,
            values: &one.values,
            is_share: matches!(&one.family, Some((Counted::Ticks, name)) if name.is_empty()),
        })
        .collect();
    let of: BTreeMap<usize, &Full> = full.iter().map(|one| (one.place, one)).collect();
    let values = |place: usize| of.get(&place).map(|one| one.values.as_slice());
    let found = fit(&told);
    let mut families: BTreeMap<&str, (Vec<Alone<'_>>, Vec<Alone<'_>>)> = BTreeMap::new();
    for (place, linear) in &found {
        let Some(one) = of.get(place) else { continue };
        let Some(bytes) = linear.write(&one.values, None, values) else {
            continue;
        };
        match &one.family {
            Some((Counted::Blocks, name)) => families.entry(name).or_default().0.push((one, linear, bytes)),
            Some((Counted::Ticks, name)) => families.entry(name).or_default().1.push((one, linear, bytes)),
            None => put_alone(&(one, linear, bytes), out)?,
        }
    }
    for (name, (blocks, ticks)) in &families {
        tell_family(Counted::Blocks, times, 1, blocks, values, out)?;
        let cores = if name.is_empty() { cores } else { 1 };
        tell_family(Counted::Ticks, times, cores, ticks, values, out)?;
    }
    Ok(())
}

fn put_alone((one, _, bytes): &Alone<'_>, out: &mut BTreeMap<usize, Encoded>) -> Result<(), EncodeError> {
    // The compressor may know better.
    if bytes.len() < one.plain()?.bytes.len() {
        out.insert(one.place, column::encode_told(&[], bytes));
    }
    Ok(())
}

/// Columns that were divided by the same numbers, as what was counted if that makes all of them together shorter.
fn tell_family<'a>(
    counted: Counted,
    times: &[i64],
    cores: usize,
    family: &[Alone<'_>],
    values: impl Fn(usize) -> Option<&'a [i64]>,
    out: &mut BTreeMap<usize, Encoded>,
) -> Result<(), EncodeError> {
    let all: Vec<&[i64]> = family.iter().map(|(one, ..)| one.values.as_slice()).collect();
    if let Some((owner, ..)) = family.first()
        && let Some(divisors) = Divisors::find(counted, times, cores, &all)
    {
        let by_number = |(one, linear, _): &Alone<'_>| {
            let of = (one.place != owner.place).then_some(owner.place);
            let head = column::encode_divisors(&divisors, of)?;
            let told = linear.write(&one.values, Some(&divisors), &values)?;
            Some(column::encode_told(&head, &told))
        };
        let by_number: Option<Vec<Encoded>> = family.iter().map(by_number).collect();
        let alone: usize = family.iter().map(|(.., bytes)| bytes.len()).sum();
        if let Some(told) = by_number
            && told.iter().map(|one| one.bytes.len()).sum::<usize>() < alone
        {
            out.extend(family.iter().map(|(one, ..)| one.place).zip(told));
            return Ok(());
        }
    }
    family.iter().try_for_each(|alone| put_alone(alone, out))
}
