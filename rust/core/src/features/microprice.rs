//! Stoikov's microprice: how far the mid is expected to move, by the imbalance and the spread.
//!
//! States are pairs of a bucket of the imbalance and the spread in ticks. From one book to the next the mid stays
//! (`Q`), or jumps by half a tick or a tick either way (`R1`, to a state: `R2`). With every observation its mirror image
//! is counted, imbalance and jump reversed, without which the sum need not converge. `G1 = (I - Q)^-1 R1 K`,
//! `B = (I - Q)^-1 R2`, and the adjustment is `G1 + B G1 + B² G1 + ...`, of six terms as its author takes them.
//!
//! Method: Stoikov, "The micro-price", 2018, and the notebook published for it.

/// States at most: the equations are solved at once.
const MOST_STATES: usize = 1_000;
/// Jumps of the mid that are counted, ticks.
const JUMPS: [f64; 4] = [-1.0, -0.5, 0.5, 1.0];

/// Why no table can be fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadTable {
    /// Columns or matrices do not fit each other.
    #[error("columns differ in length, or matrices in size")]
    Shape,
    /// Too few or too many states.
    #[error("expected 2 to 1000 states")]
    States,
    /// From some states nothing leads to a jump.
    #[error("the equations have no solution: some states never lead to a jump")]
    Singular,
}

/// A fitted table.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedMicroprice {
    /// Adjustments in ticks, a row of imbalance buckets for each spread; NaN for a state that was never seen.
    pub table: Vec<f64>,
    /// Books that were followed by another one the table could use.
    pub observations: u64,
}

/// A square matrix with columns to its right, row by row.
struct System {
    rows: Vec<Vec<f64>>,
}

impl System {
    /// Solves for the columns to the right, by elimination with the largest pivot.
    fn solve(mut self) -> Result<Vec<Vec<f64>>, BadTable> {
        let n = self.rows.len();
        for at in 0..n {
            let largest = (at..n).max_by(|a, b| self.rows[*a][at].abs().total_cmp(&self.rows[*b][at].abs()));
            let pivot = largest.filter(|row| self.rows[*row][at].abs() > 1e-12).ok_or(BadTable::Singular)?;
            self.rows.swap(at, pivot);
            let (done, rest) = self.rows.split_at_mut(at + 1);
            let own = &done[at];
            for row in rest {
                let factor = row[at] / own[at];
                if factor != 0.0 {
                    row.iter_mut().zip(own).skip(at).for_each(|(x, y)| *x -= factor * y);
                }
            }
        }
        for at in (0..n).rev() {
            let pivot = self.rows[at][at];
            self.rows[at].iter_mut().skip(n).for_each(|x| *x /= pivot);
            let (rest, done) = self.rows.split_at_mut(at);
            for row in rest {
                let factor = row[at];
                row.iter_mut().zip(&done[0]).skip(n).for_each(|(x, y)| *x -= factor * y);
            }
        }
        Ok(self.rows.into_iter().map(|row| row[n..].to_vec()).collect())
    }
}

/// The adjustment of each state: `terms` terms of `G1 + B G1 + B² G1 + ...`.
///
/// `stays` is `Q`, `jumps` `R1` by the jumps `sizes` (`K`), `leads_to` `R2`; all of them have a row for each state.
///
/// # Errors
/// [`BadTable`].
pub fn adjustments(
    stays: &[Vec<f64>],
    jumps: &[Vec<f64>],
    sizes: &[f64],
    leads_to: &[Vec<f64>],
    terms: usize,
) -> Result<Vec<f64>, BadTable> {
    let n = stays.len();
    if !(2..=MOST_STATES).contains(&n) {
        return Err(BadTable::States);
    }
    let fits = |matrix: &[Vec<f64>], wide: usize| {
        matrix.len() == n && matrix.iter().all(|row| row.len() == wide && row.iter().all(|x| x.is_finite()))
    };
    if !fits(stays, n) || !fits(jumps, sizes.len()) || !fits(leads_to, n) {
        return Err(BadTable::Shape);
    }
    let rows = (0..n).map(|at| {
        let left = stays[at].iter().enumerate().map(|(to, q)| f64::from(u8::from(to == at)) - q);
        let expected: f64 = jumps[at].iter().zip(sizes).map(|(share, size)| share * size).sum();
        left.chain([expected]).chain(leads_to[at].iter().copied()).collect()
    });
    let solved = System { rows: rows.collect() }.solve()?;
    let mut term: Vec<f64> = solved.iter().map(|row| row[0]).collect();
    let mut sum = term.clone();
    for _ in 1..terms {
        term = solved.iter().map(|row| row[1..].iter().zip(&term).map(|(b, g)| b * g).sum()).collect();
        sum.iter_mut().zip(&term).for_each(|(sum, term)| *sum += term);
    }
    Ok(sum)
}

/// The bucket of an imbalance from 0 to 1.
pub(super) fn bucket(imbalance: f64, buckets: usize) -> usize {
    ((imbalance * buckets as f64) as usize).min(buckets - 1)
}

/// Fits the adjustments to books one after the other.
///
/// Of each `imbalance` is the bid's share of the quantity at the best prices, `spread` and `mid` are in ticks. A book of
/// which one is NaN, or that is wider than `spreads` ticks, is passed over with the step that leads to it; so is a step
/// of more than a tick.
///
/// # Errors
/// [`BadTable`].
pub fn fit_microprice(
    imbalance: &[f64],
    spread: &[f64],
    mid: &[f64],
    buckets: usize,
    spreads: usize,
    terms: usize,
) -> Result<FittedMicroprice, BadTable> {
    let n = buckets.saturating_mul(spreads);
    if !(2..=MOST_STATES).contains(&n) {
        return Err(BadTable::States);
    }
    if imbalance.len() != mid.len() || spread.len() != mid.len() {
        return Err(BadTable::Shape);
    }
    // Of a book and its mirror image.
    let states = |at: usize| {
        let (share, width) = (imbalance[at], libm::round(spread[at]));
        let is_known = (0.0..=1.0).contains(&share) && width >= 1.0 && width <= spreads as f64;
        is_known.then(|| {
            let (row, column) = (width as usize - 1, bucket(share, buckets));
            [row * buckets + column, row * buckets + (buckets - 1 - column)]
        })
    };
    let (mut stays, mut jumps) = (vec![vec![0.0; n]; n], vec![vec![0.0; JUMPS.len()]; n]);
    let (mut leads_to, mut seen) = (vec![vec![0.0; n]; n], vec![0.0; n]);
    let mut observations = 0;
    for at in 1..mid.len() {
        let (Some(from), Some(to)) = (states(at - 1), states(at)) else { continue };
        let step = libm::round(2.0 * (mid[at] - mid[at - 1])) / 2.0;
        if step.is_nan() || step.abs() > 1.0 {
            continue;
        }
        observations += 1;
        for (image, sign) in [1.0, -1.0].into_iter().enumerate() {
            let (from, to) = (from[image], to[image]);
            seen[from] += 1.0;
            match JUMPS.iter().position(|jump| (jump - sign * step).abs() < 0.1) {
                Some(jump) => {
                    jumps[from][jump] += 1.0;
                    leads_to[from][to] += 1.0;
                }
                None => stays[from][to] += 1.0,
            }
        }
    }
    for (state, seen) in seen.iter().enumerate().filter(|(_, seen)| **seen > 0.0) {
        for matrix in [&mut stays, &mut jumps, &mut leads_to] {
            matrix[state].iter_mut().for_each(|count| *count /= seen);
        }
    }
    let mut table = adjustments(&stays, &jumps, &JUMPS, &leads_to, terms)?;
    for (adjustment, seen) in table.iter_mut().zip(&seen) {
        if *seen == 0.0 {
            *adjustment = f64::NAN;
        }
    }
    Ok(FittedMicroprice { table, observations })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heavy_bid_that_always_moves_the_mid_up_says_so() {
        // The imbalance tells the next step for sure, and the spread is always a tick.
        let (mut imbalance, mut mid, mut now) = (Vec::new(), Vec::new(), 100.0);
        for step in 0..400 {
            let heavy = step * 7 % 5 < 2;
            imbalance.push(if heavy { 0.9 } else { 0.1 });
            mid.push(now);
            now += if heavy { 1.0 } else { -1.0 };
        }
        let spread = vec![1.0; 400];
        let fitted = fit_microprice(&imbalance, &spread, &mid, 4, 2, 1).unwrap();
        assert_eq!(fitted.observations, 399);
        assert!((fitted.table[3] - 1.0).abs() < 1e-12 && (fitted.table[0] + 1.0).abs() < 1e-12);
        assert!(fitted.table[1].is_nan() && fitted.table[7].is_nan());
    }

    #[test]
    fn a_mid_that_never_moves_has_no_adjustment() {
        let error = fit_microprice(&[0.5; 9], &[1.0; 9], &[7.0; 9], 2, 1, 6).unwrap_err();
        assert_eq!(error, BadTable::Singular);
        assert_eq!(fit_microprice(&[0.5; 9], &[1.0; 9], &[7.0; 8], 2, 1, 6), Err(BadTable::Shape));
        assert_eq!(fit_microprice(&[], &[], &[], 1, 1, 6), Err(BadTable::States));
    }
}
