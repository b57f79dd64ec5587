//! A quantity cut into parts: pure arithmetic of lots.

use crate::types::DAY;

/// Cuts `total` in proportion to weights, so that the parts sum to it: each gets the whole lots of its share, and what
/// is left goes one by one to the largest remainders, of equal ones to the earlier part. All of it goes to the first
/// part where no weight is above 0.
pub fn split(total: i64, weights: &[f64]) -> Vec<i64> {
    // Weights become integers by a power of two, which keeps every digit, so that equal remainders are equal.
    let largest = weights.iter().copied().fold(0.0, f64::max);
    let shift = if largest > 0.0 && largest.is_finite() { 60 - libm::ilogb(largest) } else { 0 };
    let whole = |weight: f64| libm::ldexp(weight.max(0.0), shift) as u128;
    let sum: u128 = weights.iter().map(|weight| whole(*weight)).sum();
    let total = u128::from(total.max(0).unsigned_abs());
    if sum == 0 {
        let mut parts = vec![0; weights.len()];
        if let Some(first) = parts.first_mut() {
            *first = total as i64;
        }
        return parts;
    }
    // Below 2^60 lots times a weight below 2^61.
    let shares = weights.iter().map(|weight| total * whole(*weight));
    let (mut parts, mut remainders): (Vec<i64>, Vec<u128>) =
        shares.map(|share| ((share / sum) as i64, share % sum)).unzip();
    let mut left = total as i64 - parts.iter().sum::<i64>();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|at| (std::cmp::Reverse(remainders[*at]), *at));
    for at in order {
        if left == 0 {
            break;
        }
        parts[at] += 1;
        remainders[at] = 0;
        left -= 1;
    }
    parts
}

/// How much is to be done by now at a rate of participation: that share of all volume, our own included, where
/// `market` is what the others traded. Not more than `total`.
pub fn participation_target(rate: f64, market: f64, total: f64) -> f64 {
    (rate / (1.0 - rate) * market).min(total)
}

/// What an iceberg order shows, one after another.
pub fn iceberg_slices(total: i64, display: i64) -> Vec<i64> {
    let (mut left, display) = (total.max(0), display.max(1));
    let next = || {
        let shown = left.min(display);
        left -= shown;
        (shown > 0).then_some(shown)
    };
    std::iter::from_fn(next).collect()
}

/// What was traded at the times of day in which the parts of a schedule lie, by trades of the past: a volume curve.
pub fn volume_curve(
    trades: impl Iterator<Item = (i64, f64)>,
    start: i64,
    duration: i64,
    slices: usize,
) -> Vec<f64> {
    let mut curve = vec![0.0; slices];
    for (ts, qty) in trades {
        // How far behind the start of the schedule, at the same time of some day; a longer one begins again.
        let mut behind = (ts.rem_euclid(DAY) - start.rem_euclid(DAY)).rem_euclid(DAY);
        while behind < duration {
            let slice = (i128::from(behind) * slices as i128 / i128::from(duration)) as usize;
            curve[slice] += qty;
            behind += DAY;
        }
    }
    curve
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::STEPS_LIMIT;
    use proptest::prelude::*;

    #[test]
    fn parts_follow_the_largest_remainders_and_of_equal_ones_the_earlier() {
        assert_eq!(split(100, &[1.0; 3]), [34, 33, 33]);
        assert_eq!(split(100, &[1.0; 7]), [15, 15, 14, 14, 14, 14, 14]);
        assert_eq!(split(25, &[10.0, 20.0, 5.0, 15.0, 50.0]), [3, 5, 1, 4, 12]);
        assert_eq!(split(25, &[0.1, 0.0]), [25, 0]);
        assert_eq!(split(7, &[0.0, 0.0]), [7, 0]);
        assert_eq!(split(STEPS_LIMIT, &[f64::MAX, f64::MAX]), [(STEPS_LIMIT + 1) / 2, STEPS_LIMIT / 2]);
        assert_eq!(split(3, &[f64::MIN_POSITIVE, 0.0, f64::MIN_POSITIVE]), [2, 0, 1]);
    }

    #[test]
    fn a_volume_curve_is_learnt_at_the_same_time_of_day() {
        let (hour, morning) = (DAY / 24, 9 * DAY / 24);
        let trades =
            [(morning, 1.0), (DAY + morning + hour - 1, 2.0), (5 * DAY + morning + hour, 4.0), (0, 8.0)];
        let start = 20_000 * DAY + morning;
        assert_eq!(volume_curve(trades.into_iter(), start, 2 * hour, 2), [3.0, 4.0]);
        assert_eq!(volume_curve(trades.into_iter(), start, 2 * DAY, 2), [15.0, 15.0]);
    }

    #[test]
    fn an_iceberg_shows_the_same_until_the_rest() {
        assert_eq!(iceberg_slices(10, 3), [3, 3, 3, 1]);
        assert!(iceberg_slices(0, 3).is_empty());
    }

    #[test]
    fn participation_counts_our_own_volume() {
        let done: Vec<f64> = [100.0, 140.0, 390.0, 1_390.0]
            .iter()
            .map(|volume| participation_target(0.1, *volume, 30.0))
            .collect();
        assert!((done[0] - 100.0 / 9.0).abs() < 1e-9 && (done[1] - 140.0 / 9.0).abs() < 1e-9);
        assert_eq!(done[2..].iter().map(|done| done.round() as i64).collect::<Vec<_>>(), [30, 30]);
    }

    proptest! {
        #[test]
        fn the_parts_sum_to_the_whole_and_keep_their_shares(
            total in 0..STEPS_LIMIT,
            weights in proptest::collection::vec(0.0..1e9, 1..40),
        ) {
            let parts = split(total, &weights);
            prop_assert_eq!(parts.iter().sum::<i64>(), total);
            let sum: f64 = weights.iter().sum();
            for (part, weight) in parts.iter().zip(&weights).filter(|_| sum > 0.0) {
                let share = total as f64 * weight / sum;
                prop_assert!((*part as f64 - share).abs() <= 1.0 + share * 1e-9);
            }
        }
    }
}
