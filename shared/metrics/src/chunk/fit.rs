//! Finds how columns tell each other: least squares, term by term.

use super::calm::{calm, median};
use super::coder::size_of;
use super::linear::{Linear, MAX_TERMS, Of, SCALE};

/// Rows that are looked at.
const MAX_LOOKED: usize = 2_880;
/// Of a host's or container's columns so many are looked at.
const MAX_LOOKED_COLUMNS: usize = 64;
/// A term has to save so many bits.
const TERM_BITS: f64 = 96.0;
/// So many columns must be read for one of them, at most.
const MAX_NEEDED: usize = 10;

/// A column that is to be told, complete and not always the same.
pub(super) struct Told<'a> {
    pub(super) place: usize,
    pub(super) values: &'a [i64],
    /// Shares of one whole, which tell each other best in their own order.
    pub(super) is_share: bool,
}

/// For each column how it is told; those in front are told without those behind them.
pub(super) fn fit(columns: &[Told<'_>]) -> Vec<(usize, Linear)> {
    let mut order: Vec<&Told<'_>> = columns.iter().collect();
    let shares = columns.iter().filter(|told| told.is_share);
    let shares = shares.map(|told| plain_bits(told.values)).max().unwrap_or(0);
    order.sort_by_cached_key(|told| {
        let bits = if told.is_share {
            shares
        } else {
            plain_bits(told.values)
        };
        (std::cmp::Reverse(bits), told.place)
    });
    let mut out: Vec<(usize, Linear)> = Vec::with_capacity(order.len());
    let scales: Vec<(i64, u64)> = order.iter().map(|told| scale(told.values)).collect();
    let looked = order.len().min(MAX_LOOKED_COLUMNS);
    let basis = Basis::new(&order[..looked], &scales);
    let mut needed: Vec<Vec<usize>> = Vec::new();
    for (number, told) in order.iter().enumerate() {
        let (base, step) = scales[number];
        let alone = Linear {
            base,
            step,
            bias: 0,
            terms: Vec::new(),
            companion: None,
        };
        let mut own_needed: Vec<usize> = Vec::new();
        let mut best = plain(&alone, told.values);
        if number < looked {
            let allowed = |other: usize, now: &[usize]| {
                let mut all = now.to_vec();
                all.extend_from_slice(&needed[other]);
                all.push(other);
                all.sort_unstable();
                all.dedup();
                (all.len() < MAX_NEEDED).then_some(all)
            };
            let mut least = cost(&best, told.values, &order);
            for first in [0, 2] {
                let (terms, needs) = basis.tell(number, first, allowed);
                let calm = calm(number, &terms, &order, &scales);
                for terms in [terms, calm] {
                    let linear = settle(&alone, &terms, &order, told.values, &scales);
                    let cost = cost(&linear, told.values, &order);
                    if cost < least {
                        (least, best, own_needed) = (cost, linear, needs.clone());
                    }
                }
            }
            let companion = basis.companion(number, |other| allowed(other, &own_needed).is_some());
            if let Some(other) = companion {
                own_needed = allowed(other, &own_needed).unwrap_or_default();
                best.companion = Some(order[other].place);
            }
        }
        needed.push(own_needed);
        out.push((told.place, best));
    }
    out
}

fn plain_bits(values: &[i64]) -> u64 {
    values
        .windows(2)
        .map(|pair| u64::from(size_of(pair[0].abs_diff(pair[1]))))
        .sum()
}

/// The first value, and the greatest step that all are multiples of away from it.
fn scale(values: &[i64]) -> (i64, u64) {
    let base = values.first().copied().unwrap_or(0);
    let step = values
        .iter()
        .fold(0, |step, value| gcd(step, value.abs_diff(base)));
    (base, step.max(1))
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Alone: as it is, or by the value before, whichever is nearer.
fn plain(alone: &Linear, values: &[i64]) -> Linear {
    let multiples: Vec<i64> = values.iter().map(|value| alone.multiple(*value)).collect();
    let mut sorted = multiples.clone();
    sorted.sort_unstable();
    let middle = sorted.get(sorted.len() / 2).copied().unwrap_or(0);
    let level: f64 = multiples
        .iter()
        .map(|value| magnitude_bits((*value as f64) - middle as f64))
        .sum();
    let change: f64 = multiples
        .windows(2)
        .map(|pair| magnitude_bits(pair[1] as f64 - pair[0] as f64))
        .sum();
    let mut linear = alone.clone();
    if change < level {
        linear.terms.push((Of::Own(1), 1 << SCALE));
    } else {
        linear.bias = i64::try_from(i128::from(middle) << SCALE).unwrap_or(0);
    }
    linear
}

fn magnitude_bits(rest: f64) -> f64 {
    (1.0 + rest.abs()).log2()
}

/// What the rests' magnitudes come to.
fn cost(linear: &Linear, values: &[i64], order: &[&Told<'_>]) -> f64 {
    let weights = weights(linear, order);
    let mut all = 0.0;
    for row in 2..values.len() {
        let predicted = predicted(&weights, linear, values, row, linear.bias as f64);
        all += magnitude_bits(linear.multiple(values[row]) as f64 - predicted.floor());
    }
    all
}

type Weights<'a> = Vec<(Option<&'a [i64]>, usize, f64)>;

fn weights<'a>(linear: &Linear, order: &[&Told<'a>]) -> Weights<'a> {
    let column = |place: usize| {
        order
            .iter()
            .find(|told| told.place == place)
            .map(|told| told.values)
    };
    let unit = (1_u64 << SCALE) as f64;
    linear
        .terms
        .iter()
        .map(|(of, weight)| {
            let weight = *weight as f64 / unit;
            match of {
                Of::Own(lag) => (None, usize::from(*lag), weight),
                Of::Other(place) => (column(*place), 0, weight),
                Of::Before(place) => (column(*place), 1, weight),
            }
        })
        .collect()
}

fn predicted(weights: &Weights<'_>, linear: &Linear, values: &[i64], row: usize, bias: f64) -> f64 {
    let mut sum = bias / (1_u64 << SCALE) as f64;
    for (column, lag, weight) in weights {
        let value = match column {
            Some(column) => column[row - lag] as f64,
            None => linear.multiple(values[row - lag]) as f64,
        };
        sum += value * weight;
    }
    sum
}

/// With weights in whole numbers, and a bias that fits them.
fn settle(
    alone: &Linear,
    found: &[(Of, f64)],
    order: &[&Told<'_>],
    values: &[i64],
    scales: &[(i64, u64)],
) -> Linear {
    let unit = (1_u64 << SCALE) as f64;
    let mut linear = alone.clone();
    for (of, weight) in found {
        let (of, weight) = match of {
            Of::Own(lag) => (Of::Own(*lag), *weight),
            Of::Other(number) => (
                Of::Other(order[*number].place),
                *weight / scales[*number].1 as f64,
            ),
            Of::Before(number) => (
                Of::Before(order[*number].place),
                *weight / scales[*number].1 as f64,
            ),
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is far below 2^63, and cut if not"
        )]
        linear.terms.push((of, (weight * unit).round() as i64));
    }
    linear.terms.retain(|(_, weight)| *weight != 0);
    let weights = weights(&linear, order);
    let mut rests: Vec<f64> = (2..values.len())
        .map(|row| linear.multiple(values[row]) as f64 - predicted(&weights, &linear, values, row, 0.0))
        .collect();
    let middle = median(&mut rests);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "cut if it is too large, and then costs room only"
    )]
    {
        linear.bias = ((middle + 0.5) * unit) as i64;
    }
    linear
}

/// For each column its values, its change, the value before and the change before, as far as they are looked at, and the
/// products of all of them.
struct Basis {
    columns: usize,
    rows: usize,
    products: Vec<f64>,
    changes: Vec<Vec<f64>>,
}

const KINDS: usize = 4;
const NOW: usize = 0;
const CHANGE: usize = 1;
const BEFORE: usize = 2;
const CHANGE_BEFORE: usize = 3;

impl Basis {
    fn new(told: &[&Told<'_>], scales: &[(i64, u64)]) -> Self {
        let columns = told.len();
        let all = told.first().map_or(0, |told| told.values.len());
        let step = all.div_ceil(MAX_LOOKED).max(1);
        let looked: Vec<usize> = (2..all).step_by(step).collect();
        let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(columns * KINDS);
        for (told, (base, step)) in told.iter().zip(scales) {
            let at = |row: usize| (i128::from(told.values[row]) - i128::from(*base)) as f64 / *step as f64;
            for kind in 0..KINDS {
                let of = |row: usize| match kind {
                    NOW => at(row),
                    CHANGE => at(row) - at(row - 1),
                    BEFORE => at(row - 1),
                    _ => at(row - 1) - at(row - 2),
                };
                let mut vector: Vec<f64> = looked.iter().map(|row| of(*row)).collect();
                let mean = vector.iter().sum::<f64>() / vector.len().max(1) as f64;
                for value in &mut vector {
                    *value -= mean;
                }
                vectors.push(vector);
            }
        }
        let size = vectors.len();
        let mut products = vec![0.0; size * size];
        for a in 0..size {
            for b in 0..=a {
                let product = vectors[a].iter().zip(&vectors[b]).map(|(a, b)| a * b).sum();
                products[a * size + b] = product;
                products[b * size + a] = product;
            }
        }
        let changes = (0..columns)
            .map(|column| {
                vectors[column * KINDS + CHANGE]
                    .iter()
                    .map(|change| magnitude_bits(*change))
                    .collect()
            })
            .collect();
        Self {
            columns,
            rows: looked.len(),
            products,
            changes,
        }
    }

    /// Terms that tell a column, with columns' numbers for places, and what they need.
    fn tell(
        &self,
        column: usize,
        first: usize,
        allowed: impl Fn(usize, &[usize]) -> Option<Vec<usize>>,
    ) -> (Vec<(Of, f64)>, Vec<usize>) {
        let size = self.columns * KINDS;
        // The own past, what others are now and how they changed, and the column itself at the end.
        let mut chosen: Vec<usize> = vec![column * KINDS + BEFORE, column * KINDS + CHANGE_BEFORE];
        for other in 0..column {
            chosen.extend([other * KINDS + NOW, other * KINDS + CHANGE]);
        }
        let count = chosen.len();
        chosen.push(column * KINDS + NOW);
        let width = count + 1;
        let mut table: Vec<f64> = Vec::with_capacity(width * width);
        for a in &chosen {
            table.extend(chosen.iter().map(|b| self.products[a * size + b]));
        }
        let whole: Vec<f64> = (0..width).map(|place| table[place * width + place]).collect();
        let floor = self.rows as f64 / 12.0;
        let mut picked: Vec<usize> = Vec::new();
        let mut needed: Vec<usize> = Vec::new();
        while 2 * picked.len() + 2 < MAX_TERMS {
            let left = table[count * width + count].max(0.0) + floor;
            let mut best: Option<(usize, f64)> = None;
            for place in first..count {
                let own = table[place * width + place];
                if picked.contains(&place) || own <= whole[place] * 1e-8 || own <= 0.0 {
                    continue;
                }
                if place >= 2 && allowed((place - 2) / 2, &needed).is_none() {
                    continue;
                }
                let gain = table[place * width + count].powi(2) / own;
                if best.is_none_or(|(_, most)| gain > most) {
                    best = Some((place, gain));
                }
            }
            let Some((place, gain)) = best else { break };
            let then = (left - gain).max(floor);
            if self.rows as f64 / 2.0 * (left / then).log2() < TERM_BITS {
                break;
            }
            sweep(&mut table, width, place);
            picked.push(place);
            if place >= 2 {
                needed = allowed((place - 2) / 2, &needed).unwrap_or_default();
            }
        }
        let mut own = [0.0_f64; 2];
        let mut terms: Vec<(Of, f64)> = Vec::new();
        for place in &picked {
            let weight = table[place * width + count];
            match place {
                0 => own[0] += weight,
                1 => {
                    own[0] += weight;
                    own[1] -= weight;
                }
                other => {
                    let number = (other - 2) / 2;
                    add(&mut terms, Of::Other(number), weight);
                    if other % 2 == 1 {
                        add(&mut terms, Of::Before(number), -weight);
                    }
                }
            }
        }
        for (lag, weight) in (1_u8..).zip(own) {
            if weight != 0.0 {
                terms.push((Of::Own(lag), weight));
            }
        }
        terms.truncate(MAX_TERMS);
        (terms, needed)
    }

    /// The column in front of it whose changes are large when its are.
    fn companion(&self, column: usize, allowed: impl Fn(usize) -> bool) -> Option<usize> {
        let own = &self.changes[column];
        let mut best = (0.3, None);
        for other in (0..column).filter(|other| allowed(*other)) {
            let together = correlation(own, &self.changes[other]);
            if together > best.0 {
                best = (together, Some(other));
            }
        }
        best.1
    }
}

fn add(terms: &mut Vec<(Of, f64)>, of: Of, weight: f64) {
    match terms.iter_mut().find(|(known, _)| *known == of) {
        Some((_, sum)) => *sum += weight,
        None => terms.push((of, weight)),
    }
}

/// Takes what a term tells out of everything else.
pub(super) fn sweep(table: &mut [f64], width: usize, pivot: usize) {
    let by = table[pivot * width + pivot];
    for column in 0..width {
        table[pivot * width + column] /= by;
    }
    for row in (0..width).filter(|row| *row != pivot) {
        let factor = table[row * width + pivot];
        if factor == 0.0 {
            continue;
        }
        for column in 0..width {
            if column != pivot {
                table[row * width + column] -= factor * table[pivot * width + column];
            }
        }
        table[row * width + pivot] = -factor / by;
    }
    table[pivot * width + pivot] = 1.0 / by;
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let count = a.len().max(1) as f64;
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / count, b.iter().sum::<f64>() / count);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        ab += (a - mean_a) * (b - mean_b);
        aa += (a - mean_a).powi(2);
        bb += (b - mean_b).powi(2);
    }
    if aa * bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
}
