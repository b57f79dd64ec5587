//! Measures over the best levels of a book.

use crate::types::Level;

/// Which sides of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sides {
    Both,
    Bid,
    Ask,
}

/// The best levels of both sides, bids first, best first.
pub(super) type Best = [Vec<Level>; 2];

fn top(levels: &[Level], most: usize) -> &[Level] {
    &levels[..levels.len().min(most)]
}

/// Quantity on the best levels, increments.
pub(super) fn depth(best: &Best, levels: usize, sides: Sides) -> i128 {
    let total = |at: usize| top(&best[at], levels).iter().map(|level| i128::from(level.qty)).sum::<i128>();
    match sides {
        Sides::Both => total(0) + total(1),
        Sides::Bid => total(0),
        Sides::Ask => total(1),
    }
}

/// `(B - A) / (B + A)` of sums that a function of a level and its place makes; NaN without any.
fn imbalance(best: &Best, levels: usize, weigh: impl Fn(usize, &Level) -> f64) -> f64 {
    let total = |at: usize| -> f64 {
        top(&best[at], levels).iter().enumerate().map(|(place, level)| weigh(place, level)).sum()
    };
    let (bids, asks) = (total(0), total(1));
    if bids + asks > 0.0 { (bids - asks) / (bids + asks) } else { f64::NAN }
}

/// Imbalance with a weight for each level, of which there are as many as levels are looked at.
pub(super) fn depth_imbalance(best: &Best, weights: &[f64]) -> f64 {
    imbalance(best, weights.len(), |place, level| level.qty as f64 * weights[place])
}

/// Imbalance with quantities divided by their distance from the mid. NaN in a crossed book.
pub(super) fn pressure(best: &Best, levels: usize) -> f64 {
    let (Some(bid), Some(ask)) = (best[0].first(), best[1].first()) else { return f64::NAN };
    if bid.price >= ask.price {
        return f64::NAN;
    }
    let twice_mid = bid.price + ask.price;
    imbalance(best, levels, |_, level| level.qty as f64 / (2 * level.price - twice_mid).abs() as f64)
}

/// The slope through the origin of cumulated quantity over distance from the mid, in increments of both.
pub(super) fn slope(best: &Best, levels: usize, sides: Sides) -> f64 {
    let (Some(bid), Some(ask)) = (best[0].first(), best[1].first()) else { return f64::NAN };
    let twice_mid = bid.price + ask.price;
    let of = |at: usize| {
        let (mut cumulated, mut products, mut squares) = (0.0, 0.0, 0.0);
        for level in top(&best[at], levels) {
            cumulated += level.qty as f64;
            let distance = (2 * level.price - twice_mid).abs() as f64 / 2.0;
            products += distance * cumulated;
            squares += distance * distance;
        }
        if squares > 0.0 { products / squares } else { f64::NAN }
    };
    match sides {
        Sides::Both => f64::midpoint(of(0), of(1)),
        Sides::Bid => of(0),
        Sides::Ask => of(1),
    }
}
