//! The two kinds of numbers bars are made of: counts of an instrument's increments, and floats of somebody's arrays.
//!
//! Counts are exact. Sums of floats carry the rounding error of every addition along, so they are what the exact sum
//! of the values rounds to; a threshold counts as reached from one part in 10^12 below it on, so that 0.7 and 0.1
//! make 0.8 as they do in decimals.

use std::fmt::Debug;

use super::words::Words;
use crate::types::POW10;

/// A float this close below a threshold, as a fraction of it, has reached it.
const NEAR: f64 = 1e-12;

/// Digits of a price that is worked out of others, as floats hold them.
const DIGITS: f64 = 1e15;

/// Prices and quantities of one tape, and the sums that are made of them.
pub trait Number: Copy + PartialOrd + Debug + Words + Send + 'static {
    /// A sum of quantities.
    type Sum: Copy + PartialEq + Default + Debug + Words + Send;
    /// A sum of price times quantity.
    type Quote: Copy + PartialEq + Default + Debug + Words + Send;
    /// How large such a sum is to become.
    type Limit: Copy + Debug + Send;

    /// Nothing.
    const ZERO: Self;

    /// Adds a quantity.
    fn add(sum: &mut Self::Sum, qty: Self);
    /// Adds price times quantity.
    fn add_quote(sum: &mut Self::Quote, price: Self, qty: Self);
    /// Whether a sum of quantities has reached a limit.
    fn reaches(sum: Self::Sum, limit: Self) -> bool;
    /// Whether a sum of price times quantity has.
    fn quote_reaches(sum: Self::Quote, limit: Self::Limit) -> bool;
    /// The part of a quantity with which a sum reaches a limit; all of it if it does not.
    fn part(qty: Self, sum: Self::Sum, limit: Self) -> Self;
    /// The part of a quantity with which a sum of price times quantity reaches a limit; all of it if it does not.
    fn quote_part(qty: Self, price: Self, sum: Self::Quote, limit: Self::Limit) -> Self;
    /// How many times a limit goes into one quantity, roughly.
    fn times(qty: Self, limit: Self) -> f64;
    /// How many times a limit goes into price times quantity, roughly.
    fn quote_times(price: Self, qty: Self, limit: Self::Limit) -> f64;
    /// What is left.
    #[must_use]
    fn less(self, part: Self) -> Self;
    /// Whether this lies `distance` or more above another.
    fn is_above(self, other: Self, distance: Self) -> bool;
    /// How many whole steps of a size this lies above another, or below it (negative).
    fn steps_from(self, other: Self, size: Self) -> f64;
    /// The price so many steps of a size above this one.
    #[must_use]
    fn level(self, size: Self, steps: i64) -> Self;
    /// As a float, of a unit this size.
    fn float(self, unit: f64) -> f64;
}

impl Number for i64 {
    type Sum = i64;
    type Quote = i128;
    type Limit = i128;

    const ZERO: Self = 0;

    #[inline(always)]
    fn add(sum: &mut i64, qty: i64) {
        *sum = sum.saturating_add(qty);
    }
    #[inline(always)]
    fn add_quote(sum: &mut i128, price: i64, qty: i64) {
        *sum = sum.saturating_add(i128::from(price) * i128::from(qty));
    }
    #[inline(always)]
    fn reaches(sum: i64, limit: i64) -> bool {
        sum >= limit
    }
    #[inline(always)]
    fn quote_reaches(sum: i128, limit: i128) -> bool {
        sum >= limit
    }
    fn part(qty: i64, sum: i64, limit: i64) -> i64 {
        qty.min(limit.saturating_sub(sum))
    }
    fn quote_part(qty: i64, price: i64, sum: i128, limit: i128) -> i64 {
        if price <= 0 {
            return qty;
        }
        // The least quantity on the grid that reaches it.
        let (missing, price) = (limit.saturating_sub(sum), i128::from(price));
        let part = missing / price + i128::from(missing % price > 0);
        qty.min(i64::try_from(part).unwrap_or(qty))
    }
    fn times(qty: i64, limit: i64) -> f64 {
        qty as f64 / limit as f64
    }
    fn quote_times(price: i64, qty: i64, limit: i128) -> f64 {
        price as f64 * qty as f64 / limit as f64
    }
    fn less(self, part: i64) -> i64 {
        self.saturating_sub(part)
    }
    #[inline(always)]
    fn is_above(self, other: i64, distance: i64) -> bool {
        self.saturating_sub(other) >= distance
    }
    fn steps_from(self, other: i64, size: i64) -> f64 {
        (self.saturating_sub(other) / size.max(1)) as f64
    }
    fn level(self, size: i64, steps: i64) -> i64 {
        self.saturating_add(size.saturating_mul(steps))
    }
    #[inline(always)]
    fn float(self, unit: f64) -> f64 {
        self as f64 * unit
    }
}

/// A sum of floats with what the additions lost.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Exact {
    sum: f64,
    lost: f64,
}

impl Exact {
    /// Adds a number.
    #[inline(always)]
    pub fn add(&mut self, x: f64) {
        let sum = self.sum + x;
        let added = sum - self.sum;
        self.lost += (self.sum - (sum - added)) + (x - added);
        self.sum = sum;
    }

    /// The sum.
    #[inline(always)]
    pub fn value(self) -> f64 {
        self.sum + self.lost
    }

    /// The sum of the decimals that the numbers stand for, where it has fourteen digits or fewer.
    ///
    /// Every number may be half a unit in its last place away from its decimal. So may their sum, as a fraction of it,
    /// and a short decimal this close to it is what was meant.
    pub fn decimal(self) -> f64 {
        let value = self.value();
        // Two to the power is three tenths of ten to it; from below.
        let exponent = i64::from((value.to_bits() >> 52) as u32 & 0x7ff) - 1_023;
        let power = (exponent * 1_233) >> 12;
        let Some(scale) = usize::try_from(13 - power).ok().and_then(|digits| POW10.get(digits)) else {
            return value;
        };
        let short = libm::rint(value * *scale as f64) / *scale as f64;
        if (short - value).abs() <= value.abs() * f64::EPSILON { short } else { value }
    }
}

impl Words for Exact {
    fn put(&self, out: &mut Vec<i64>) {
        self.sum.put(out);
        self.lost.put(out);
    }
    fn read(words: &mut std::slice::Iter<'_, i64>) -> Option<Self> {
        Some(Self { sum: f64::read(words)?, lost: f64::read(words)? })
    }
}

/// Whether a float has reached a threshold.
#[inline(always)]
pub(super) fn has_reached(value: f64, limit: f64) -> bool {
    value >= limit - limit * NEAR
}

impl Number for f64 {
    type Sum = Exact;
    type Quote = Exact;
    type Limit = f64;

    const ZERO: Self = 0.0;

    #[inline(always)]
    fn add(sum: &mut Exact, qty: f64) {
        sum.add(qty);
    }
    #[inline(always)]
    fn add_quote(sum: &mut Exact, price: f64, qty: f64) {
        sum.add(price * qty);
    }
    #[inline(always)]
    fn reaches(sum: Exact, limit: f64) -> bool {
        has_reached(sum.value(), limit)
    }
    #[inline(always)]
    fn quote_reaches(sum: Exact, limit: f64) -> bool {
        has_reached(sum.value(), limit)
    }
    fn part(qty: f64, sum: Exact, limit: f64) -> f64 {
        let room = limit - sum.value();
        if qty <= room + limit * NEAR { qty } else { room }
    }
    fn quote_part(qty: f64, price: f64, sum: Exact, limit: f64) -> f64 {
        let room = limit - sum.value();
        if price * qty <= room + limit * NEAR { qty } else { room / price }
    }
    fn times(qty: f64, limit: f64) -> f64 {
        qty / limit
    }
    fn quote_times(price: f64, qty: f64, limit: f64) -> f64 {
        price * qty / limit
    }
    fn less(self, part: f64) -> f64 {
        self - part
    }
    #[inline(always)]
    fn is_above(self, other: f64, distance: f64) -> bool {
        // The difference of two prices is as exact as they are.
        self - other >= distance - self.abs() / DIGITS
    }
    fn steps_from(self, other: f64, size: f64) -> f64 {
        let near = self.abs() / DIGITS;
        let distance = self - other;
        libm::trunc((distance + if distance < 0.0 { -near } else { near }) / size)
    }
    fn level(self, size: f64, steps: i64) -> f64 {
        let level = self + size * steps as f64;
        // Fifteen digits are what a float holds of a decimal; the sixteenth is the rounding of the sum.
        let magnitude = libm::ceil(libm::log10(self.abs().max(level.abs()).max(size)));
        let scale = libm::pow(10.0, 15.0 - magnitude);
        if scale.is_finite() && scale > 0.0 { libm::round(level * scale) / scale } else { level }
    }
    #[inline(always)]
    fn float(self, _: f64) -> f64 {
        self
    }
}
