//! Exact money: a fixed-point amount of one currency.
//!
//! [`Money`] counts units of 10^-12 in an `i128`, so sums and differences are exact and the sum of parts equals the
//! whole. Only a product with more than twelve decimal places, or a division (inverse contracts), rounds; it
//! rounds half to even, once, where the amount is made. Amounts have at most 38 digits, which is what tables hold, and
//! every sum says when it would have more.

use std::fmt;
use std::ops::Neg;
use std::str::FromStr;

use super::decimal::{Decimal, DecimalError, format_scaled};

/// Decimal places of [`Money`].
pub const MONEY_SCALE: u32 = 12;

/// The largest amount, of either sign, in units of 10^-12: 38 digits.
pub(crate) const MONEY_LIMIT: i128 = 10i128.pow(38) - 1;

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

    /// The sum; `None` beyond 38 digits.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self).filter(|sum| sum.is_within(MONEY_LIMIT))
    }

    /// The difference; `None` beyond 38 digits.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self).filter(|rest| rest.is_within(MONEY_LIMIT))
    }

    /// Whether the amount, without its sign, is at most so many units of 10^-12.
    pub fn is_within(self, units: i128) -> bool {
        (-units..=units).contains(&self.0)
    }

    /// The amount times `numerator / denominator`, rounded half to even; `None` where it leaves 128 bits. The
    /// denominator is positive.
    #[must_use]
    pub fn scaled(self, numerator: i128, denominator: i128) -> Option<Self> {
        if let Some(product) = self.0.checked_mul(numerator) {
            return Some(Self(div_half_even(product, denominator)));
        }
        // The whole multiples of the denominator apart from the rest, so that only a large result is too large.
        let whole = self.0.div_euclid(denominator).checked_mul(numerator)?;
        let rest = self.0.rem_euclid(denominator).checked_mul(numerator)?;
        let even = if whole & 1 == 0 { 0 } else { denominator };
        let part = div_half_even(rest.checked_add(even)?, denominator) - i128::from(even != 0);
        whole.checked_add(part).map(Self)
    }

    /// The nearest amount to a decimal, rounded half to even.
    ///
    /// # Errors
    /// [`DecimalError::OutOfRange`] beyond 38 digits.
    pub fn from_decimal(value: Decimal) -> Result<Self, DecimalError> {
        let out_of_range = || DecimalError::OutOfRange(value.to_string());
        if value.scale() <= MONEY_SCALE {
            let amount = value.at_scale(MONEY_SCALE).map(Self).filter(|amount| amount.is_within(MONEY_LIMIT));
            return amount.ok_or_else(out_of_range);
        }
        let divisor = 10i128.checked_pow(value.scale() - MONEY_SCALE).ok_or_else(out_of_range)?;
        Ok(Self(div_half_even(value.mantissa(), divisor)))
    }
}

/// `numerator / denominator` rounded to the nearest integer, ties to even. The denominator must not be zero.
pub(crate) fn div_half_even(numerator: i128, denominator: i128) -> i128 {
    let quotient = numerator.div_euclid(denominator);
    let rest = numerator.rem_euclid(denominator).unsigned_abs();
    // What is left to the next whole: twice the rest might not fit.
    let up = match rest.cmp(&(denominator.unsigned_abs() - rest)) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Greater => 1,
        std::cmp::Ordering::Equal => quotient & 1,
    };
    if denominator < 0 { quotient - up } else { quotient + up }
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

impl Neg for Money {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Numbers from everywhere, the ends of the range more often.
    fn extreme() -> impl Strategy<Value = i128> {
        prop_oneof![
            Just(0),
            Just(1),
            Just(MONEY_LIMIT),
            Just(-MONEY_LIMIT),
            Just(i128::MAX),
            Just(i128::MIN + 1),
            any::<i64>().prop_map(i128::from),
            any::<i128>().prop_map(|n| n.max(i128::MIN + 1)),
        ]
    }

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

    #[test]
    fn sums_beyond_38_digits_are_none() {
        let [most, one] = [MONEY_LIMIT, 1].map(Money);
        assert_eq!(most.checked_add(one), None);
        assert_eq!((-most).checked_sub(one), None);
        assert_eq!(most.checked_sub(one).and_then(|less| less.checked_add(one)), Some(most));
        assert_eq!(Money(i128::MAX).checked_add(Money(i128::MAX)), None);
    }

    proptest! {
        #[test]
        fn sums_are_exact_or_none(a in extreme(), b in extreme()) {
            let within = |sum: Option<i128>| sum.filter(|sum| sum.unsigned_abs() <= MONEY_LIMIT.unsigned_abs()).map(Money);
            prop_assert_eq!(Money(a).checked_add(Money(b)), within(a.checked_add(b)));
            prop_assert_eq!(Money(a).checked_sub(Money(b)), within(a.checked_sub(b)));
        }

        #[test]
        fn a_share_of_an_amount_never_leaves_it(amount in extreme(), part in 0..=i64::MAX, whole in 1..=i64::MAX) {
            let part = part.min(whole);
            let amount = amount.clamp(-MONEY_LIMIT, MONEY_LIMIT);
            let share = Money(amount).scaled(part.into(), whole.into()).unwrap();
            prop_assert!(share.0.unsigned_abs() <= amount.unsigned_abs());
        }

        #[test]
        fn shares_round_alike_whether_their_product_fits_or_not(
            amount in any::<i64>(), part in any::<i32>(), whole in 1i32..40, times in 1i128..=1 << 90,
        ) {
            // A common factor changes nothing but whether the product fits.
            let [part, whole] = [part, whole].map(i128::from);
            let amount = Money(amount.into());
            let want = amount.scaled(part, whole);
            prop_assert_eq!(amount.scaled(part * times, whole * times).or(want), want);
        }

        #[test]
        fn a_quotient_is_off_by_half_at_most(n in extreme(), d in extreme().prop_filter("not 0", |d| *d != 0)) {
            let quotient = div_half_even(n, d);
            if let Some(product) = quotient.checked_mul(d) {
                let off = n.abs_diff(product);
                prop_assert!(off <= d.unsigned_abs() - off, "{n}/{d} = {quotient}");
            }
        }
    }
}
