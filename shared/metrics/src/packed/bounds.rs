//! Which values a bucket of a sketch holds, in whole numbers.
//!
//! A sketch finds a value's bucket by a logarithm, which machines may round differently. Here the ends are powers of 101/99 that
//! every machine comes to alike, and where a sketch sees a value at an end otherwise that is written down.

use std::sync::LazyLock;

/// Bits behind the point.
const POINT: u32 = 48;

/// The greatest magnitude of each bucket from the first on, which holds 1.
static GREATEST: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let mut greatest = Vec::with_capacity(2_200);
    let mut power = 1_u128 << POINT;
    while let Ok(magnitude) = u64::try_from(power >> POINT)
        && magnitude < 1 << 63
    {
        greatest.push(magnitude);
        power = power * 101 / 99;
    }
    greatest.push(1 << 63);
    greatest
});

/// The bucket that a value falls into.
pub(super) fn bucket_of(value: i64) -> i64 {
    if value == 0 {
        return 0;
    }
    let magnitude = value.unsigned_abs();
    let place = GREATEST.partition_point(|greatest| *greatest < magnitude);
    let bucket = i64::try_from(place).unwrap_or(0) + 1;
    if value > 0 { bucket } else { -bucket }
}

/// The least and the greatest value of a bucket. Of small ones some hold nothing: they are told as the value below.
pub(super) fn ends(bucket: i64) -> (i128, i128) {
    let Some(place) = usize::try_from(bucket.unsigned_abs())
        .ok()
        .and_then(|place| place.checked_sub(1))
    else {
        return (0, 0);
    };
    let place = place.min(GREATEST.len() - 1);
    let greatest = i128::from(GREATEST[place]);
    let below = place
        .checked_sub(1)
        .map_or(0, |place| i128::from(GREATEST[place]));
    let least = (below + 1).min(greatest);
    if bucket > 0 {
        (least, greatest)
    } else {
        (-greatest, -least)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Sketch;

    proptest! {
        #[test]
        fn a_value_lies_in_its_bucket_and_the_sketch_sees_it_so(value in prop_oneof![any::<i64>(), -1_000_000..1_000_000_i64]) {
            let bucket = bucket_of(value);
            let (least, greatest) = ends(bucket);
            prop_assert!((least..=greatest).contains(&i128::from(value)));
            let mut sketch = Sketch::default();
            sketch.add(value);
            let seen = i64::from(sketch.buckets()[0].0);
            prop_assert!(seen.abs_diff(bucket) <= 1, "{seen} for {bucket}");
        }
    }

    #[test]
    fn every_bucket_has_ends() {
        for bucket in -2_200..=2_200 {
            let (least, greatest) = ends(bucket);
            assert!(least <= greatest, "{bucket}");
        }
        assert_eq!(
            (bucket_of(i64::MIN), bucket_of(i64::MAX)),
            (-bucket_of(i64::MAX), bucket_of(i64::MAX))
        );
    }
}
