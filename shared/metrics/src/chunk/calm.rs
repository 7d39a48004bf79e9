//! Weights that serve the many calm rows of a day: least squares listen to its storms, which can't be told anyway.

use super::{
    fit::{Told, sweep},
    linear::Of,
};

/// Rows that are looked at.
const MAX_LOOKED: usize = 1_024;

/// The same terms with weights that serve the many calm rows rather than a few storms.
pub(super) fn calm(
    number: usize,
    found: &[(Of, f64)],
    order: &[&Told<'_>],
    scales: &[(i64, u64)],
) -> Vec<(Of, f64)> {
    const ROUNDS: usize = 3;
    let values = order[number].values;
    let step = values.len().div_ceil(MAX_LOOKED).max(1);
    let looked: Vec<usize> = (2..values.len()).step_by(step).collect();
    let multiple = |column: usize, row: usize| {
        let (base, step) = scales[column];
        (i128::from(order[column].values[row]) - i128::from(base)) as f64 / step as f64
    };
    let of = |of: &Of, row: usize| match of {
        Of::Own(lag) => multiple(number, row - usize::from(*lag)),
        Of::Other(other) => multiple(*other, row),
        Of::Before(other) => multiple(*other, row - 1),
    };
    let width = found.len() + 2;
    // Of each row what tells it, one for the beginning, and what is told.
    let table: Vec<Vec<f64>> = looked
        .iter()
        .map(|row| {
            let mut line: Vec<f64> = found.iter().map(|(term, _)| of(term, *row)).collect();
            line.extend([1.0, multiple(number, *row)]);
            line
        })
        .collect();
    let mut weights: Vec<f64> = found.iter().map(|(_, weight)| *weight).collect();
    weights.push(0.0);
    let mut rests = rests(&table, &weights);
    let middle = median(&mut rests.clone());
    if let Some(beginning) = weights.last_mut() {
        *beginning = middle;
    }
    for rest in &mut rests {
        *rest -= middle;
    }
    for _ in 0..ROUNDS {
        let mut sizes: Vec<f64> = rests.iter().map(|rest| rest.abs()).collect();
        let usual = median(&mut sizes) + 0.5;
        let mut products = vec![0.0; width * width];
        for (line, rest) in table.iter().zip(&rests) {
            let weight = 1.0 / (rest.abs() + usual);
            for (place, a) in line.iter().enumerate() {
                for (other, b) in line.iter().enumerate().skip(place) {
                    products[place * width + other] += weight * a * b;
                }
            }
        }
        for place in 0..width {
            for other in 0..place {
                products[place * width + other] = products[other * width + place];
            }
        }
        let whole: Vec<f64> = (0..width).map(|place| products[place * width + place]).collect();
        for (pivot, whole) in whole.iter().enumerate().take(width - 1) {
            let own = products[pivot * width + pivot];
            if !own.is_finite() || own <= whole * 1e-10 {
                return found.to_vec();
            }
            sweep(&mut products, width, pivot);
        }
        weights = (0..width - 1)
            .map(|place| products[place * width + width - 1])
            .collect();
        if weights.iter().any(|weight| !weight.is_finite()) {
            return found.to_vec();
        }
        rests = self::rests(&table, &weights);
    }
    found.iter().map(|(of, _)| *of).zip(weights).collect()
}

/// What weights leave of each row's last number.
fn rests(table: &[Vec<f64>], weights: &[f64]) -> Vec<f64> {
    table
        .iter()
        .filter_map(|line| line.split_last())
        .map(|(told, by)| told - by.iter().zip(weights).map(|(a, b)| a * b).sum::<f64>())
        .collect()
}

pub(super) fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(0.0)
}
