//! Exact money: a fixed-point amount of one currency.
//!
//! [`Money`] counts units of 10^-12 in an `i128`, so sums and differences are exact and the sum of parts equals the
//! whole. Only a product with more than twelve decimal places, or a division (inverse contracts), rounds; it
//! rounds half to even, once, where the amount is made.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

use super::decimal::{Decimal, DecimalError, format_scaled};

/// Decimal places of [`Money`].
pub const MONEY_SCALE: u32 = 12;

/// An amount of a currency in units of 10^-12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(i128);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From a count of 10^-12 units.
    pub fn from_units(units: i128) -> Self {
        Self(units)
    }

    /// The count of 10^-12 units.
    pub fn units(self) -> i128 {
        self.0
    }

    /// The nearest `f64`.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 1e12
    }

    /// The amount without its sign.
    #[must_use]
    pub fn abs(self) -> Self {
        Self(self.0.abs())
    }

    /// The amount times `numerator / denominator`, rounded half to even; `None` on overflow.
    #[must_use]
    pub fn scaled(self, numerator: i128, denominator: i128) -> Option<Self> {
        Some(Self(div_half_even(self.0.checked_mul(numerator)?, denominator)))
    }

    /// The nearest amount to a decimal, rounded half to even.
    ///
    /// # Errors
    /// [`DecimalError::OutOfRange`] when it does not fit.
    pub fn from_decimal(value: Decimal) -> Result<Self, DecimalError> {
        let out_of_range = || DecimalError::OutOfRange(value.to_string());
        if value.scale() <= MONEY_SCALE {
            return value.at_scale(MONEY_SCALE).map(Self).ok_or_else(out_of_range);
        }
        let divisor = 10i128.checked_pow(value.scale() - MONEY_SCALE).ok_or_else(out_of_range)?;
        Ok(Self(div_half_even(value.mantissa(), divisor)))
    }
}

/// `numerator / denominator` rounded to the nearest integer, ties to even. The denominator must not be zero.
pub(crate) fn div_half_even(numerator: i128, denominator: i128) -> i128 {
    let (n, d) = if denominator < 0 { (-numerator, -denominator) } else { (numerator, denominator) };
    let quotient = n.div_euclid(d);
    let twice = n.rem_euclid(d) * 2;
    match twice.cmp(&d) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Greater => quotient + 1,
        std::cmp::Ordering::Equal => quotient + (quotient & 1),
    }
}

impl fmt::Display for Money {
    /// Plain decimal text without trailing zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format_scaled(self.0, MONEY_SCALE);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl FromStr for Money {
    type Err = DecimalError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_decimal(Decimal::parse(text.as_bytes())?)
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Money {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl SubAssign for Money {
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_without_trailing_zeros() {
        for text in ["0", "1.5", "-0.000000000001", "100", "33.938125"] {
            assert_eq!(text.parse::<Money>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn rounds_half_to_even() {
        for (n, d, want) in
            [(5, 2, 2), (7, 2, 4), (-5, 2, -2), (-7, 2, -4), (1, 3, 0), (2, 3, 1), (5, -2, -2)]
        {
            assert_eq!(div_half_even(n, d), want, "{n}/{d}");
        }
        assert_eq!("0.0000000000005".parse::<Money>().unwrap(), Money::ZERO);
        assert_eq!("0.0000000000015".parse::<Money>().unwrap(), Money::from_units(2));
    }
}
