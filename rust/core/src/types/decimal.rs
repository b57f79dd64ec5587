//! Exact decimal text: parsing, printing, and the grid that turns it into integer steps.
//!
//! Invariants: a [`Decimal`] is normalised (its mantissa does not end in zero unless the scale is 0), so equal
//! values are equal structs; an [`Increment`] is strictly positive. No float takes part except in
//! [`Increment::steps_from_f64`], which accepts a float only when it names a grid point.

use std::fmt;
use std::str::FromStr;

/// Powers of ten that fit an `i64`.
pub(crate) const POW10: [i64; 19] = {
    let mut table = [1i64; 19];
    let mut i = 1;
    while i < 19 {
        table[i] = table[i - 1] * 10;
        i += 1;
    }
    table
};

/// `10^exp` as `i128`, or `None` past 10^38.
pub(crate) fn pow10_i128(exp: u32) -> Option<i128> {
    10i128.checked_pow(exp)
}

/// Why a piece of text or a number is not a usable decimal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecimalError {
    /// The text is not a plain decimal number.
    #[error("{0:?} is not a decimal number")]
    NotANumber(String),
    /// The value does not fit the integers used inside.
    #[error("{0:?} is too large or has too many digits")]
    OutOfRange(String),
    /// The value lies between two steps of the grid.
    #[error("{value} is not a multiple of {step}")]
    OffGrid {
        /// The offending value as given.
        value: String,
        /// The step it should be a multiple of.
        step: String,
    },
    /// An increment must be greater than zero.
    #[error("increment {0:?} must be greater than zero")]
    NotPositive(String),
}

impl DecimalError {
    /// Of this text.
    pub(crate) fn not_a_number(text: &[u8]) -> Self {
        Self::NotANumber(lossy(text))
    }
}

/// Text for an error message, cut so that a hostile input cannot flood a log.
fn lossy(text: &[u8]) -> String {
    const SHOWN: usize = 64;
    let mut out = String::from_utf8_lossy(&text[..text.len().min(SHOWN)]).into_owned();
    if text.len() > SHOWN {
        out.push('…');
    }
    out
}

/// An exact decimal number, `mantissa × 10^-scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    mantissa: i128,
    scale: u32,
}

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self { mantissa: 0, scale: 0 };
    /// One.
    pub const ONE: Self = Self { mantissa: 1, scale: 0 };

    /// Builds `mantissa × 10^-scale`, normalised.
    pub fn new(mut mantissa: i128, mut scale: u32) -> Self {
        if mantissa == 0 {
            return Self::ZERO;
        }
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        Self { mantissa, scale }
    }

    /// Parses `[+-]digits[.digits][e[+-]digits]`.
    ///
    /// # Errors
    /// [`DecimalError::NotANumber`] on anything else, [`DecimalError::OutOfRange`] past 38 digits.
    pub fn parse(text: &[u8]) -> Result<Self, DecimalError> {
        let bad = || DecimalError::not_a_number(text);
        let big = || DecimalError::OutOfRange(lossy(text));
        let (negative, mut rest) = match text.first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (mut mantissa, mut scale, mut digits, mut in_fraction) = (0i128, 0i64, 0usize, false);
        while let Some((&c, tail)) = rest.split_first() {
            match c {
                b'0'..=b'9' => {
                    mantissa = mantissa
                        .checked_mul(10)
                        .and_then(|m| m.checked_add(i128::from(c - b'0')))
                        .ok_or_else(big)?;
                    digits += 1;
                    scale += i64::from(in_fraction);
                }
                b'.' if !in_fraction => in_fraction = true,
                b'e' | b'E' if digits > 0 => {
                    let exp: i64 =
                        std::str::from_utf8(tail).ok().and_then(|t| t.parse().ok()).ok_or_else(bad)?;
                    scale = scale.checked_sub(exp).ok_or_else(big)?;
                    break;
                }
                _ => return Err(bad()),
            }
            rest = tail;
        }
        if digits == 0 {
            return Err(bad());
        }
        if negative {
            mantissa = -mantissa;
        }
        if mantissa == 0 {
            return Ok(Self::ZERO);
        }
        if scale < 0 {
            let factor = u32::try_from(-scale).ok().and_then(pow10_i128).ok_or_else(big)?;
            mantissa = mantissa.checked_mul(factor).ok_or_else(big)?;
            scale = 0;
        }
        let value = Self::new(mantissa, u32::try_from(scale).map_err(|_| big())?);
        if value.scale > 38 {
            return Err(big());
        }
        Ok(value)
    }

    /// Digits of the value without the decimal point, signed.
    pub fn mantissa(self) -> i128 {
        self.mantissa
    }

    /// Number of digits behind the decimal point.
    pub fn scale(self) -> u32 {
        self.scale
    }

    /// The nearest `f64`.
    pub fn to_f64(self) -> f64 {
        // Both operands are exact for every value a venue prints, so the quotient is the nearest double.
        let divisor =
            POW10.get(self.scale as usize).map_or_else(|| libm::exp10(f64::from(self.scale)), |&p| p as f64);
        self.mantissa as f64 / divisor
    }

    /// The value as an integer count of `10^-scale`, if it has no digits beyond that scale and fits.
    pub fn at_scale(self, scale: u32) -> Option<i128> {
        let shift = scale.checked_sub(self.scale)?;
        self.mantissa.checked_mul(pow10_i128(shift)?)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_scaled(self.mantissa, self.scale))
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text.as_bytes())
    }
}

/// Prints `mantissa × 10^-scale` with exactly `scale` digits behind the point.
pub(crate) fn format_scaled(mantissa: i128, scale: u32) -> String {
    let sign = if mantissa < 0 { "-" } else { "" };
    let digits = mantissa.unsigned_abs().to_string();
    let scale = scale as usize;
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

/// The finest step of a price or a quantity: `mantissa × 10^-scale`, strictly positive.
///
/// Converts decimal text to counts of itself and back, exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Increment {
    mantissa: i64,
    scale: u32,
}

impl Increment {
    /// Builds an increment from a positive decimal of at most 18 places.
    ///
    /// # Errors
    /// [`DecimalError::NotPositive`] or [`DecimalError::OutOfRange`].
    pub fn new(step: Decimal) -> Result<Self, DecimalError> {
        if step.mantissa <= 0 {
            return Err(DecimalError::NotPositive(step.to_string()));
        }
        let mantissa =
            i64::try_from(step.mantissa).map_err(|_| DecimalError::OutOfRange(step.to_string()))?;
        if step.scale > 18 {
            return Err(DecimalError::OutOfRange(step.to_string()));
        }
        Ok(Self { mantissa, scale: step.scale })
    }

    /// The step itself.
    pub fn value(self) -> Decimal {
        Decimal::new(i128::from(self.mantissa), self.scale)
    }

    /// Digits behind the decimal point of every multiple.
    pub fn scale(self) -> u32 {
        self.scale
    }

    /// Parses unsigned or signed decimal text to a count of steps.
    ///
    /// Digits past the grid must be zero (`"61737.63000000"` is on a grid of 0.01).
    ///
    /// # Errors
    /// [`DecimalError`] naming the text.
    #[inline]
    pub fn parse(self, text: &[u8]) -> Result<i64, DecimalError> {
        match self.read(text) {
            Some((steps, used)) if used == text.len() => Ok(steps),
            _ => self.parse_slow(text),
        }
    }

    /// Reads a plain decimal at the beginning of a text: its steps, and the bytes it takes.
    ///
    /// `None` for anything unusual (a sign, an exponent, zeros in front, a point without digits behind it, more than
    /// 18 digits, off the grid), which [`Self::parse`] sorts out.
    #[inline(always)]
    pub(crate) fn read(self, text: &[u8]) -> Option<(i64, usize)> {
        let (mut value, mut at) = (0u64, 0);
        let mut missing = self.scale as usize;
        let digit = |at: usize| text.get(at).map(|c| c.wrapping_sub(b'0')).filter(|d| *d <= 9);
        while let Some(d) = digit(at) {
            value = value.wrapping_mul(10).wrapping_add(u64::from(d));
            at += 1;
        }
        if at == 0 || (at > 1 && text[0] == b'0') {
            return None;
        }
        if text.get(at) == Some(&b'.') {
            at += 1;
            digit(at)?;
            while let Some(d) = digit(at) {
                if missing > 0 {
                    value = value.wrapping_mul(10).wrapping_add(u64::from(d));
                    missing -= 1;
                } else if d != 0 {
                    return None;
                }
                at += 1;
            }
        }
        if at > 18 {
            return None;
        }
        let units = if missing == 0 { value as i64 } else { (value as i64).checked_mul(POW10[missing])? };
        self.steps_of_units(units).map(|steps| (steps, at))
    }

    /// Steps in a count of `10^-scale`; `None` between steps.
    #[inline(always)]
    pub(crate) fn steps_of_units(self, units: i64) -> Option<i64> {
        if self.mantissa == 1 {
            Some(units)
        } else if units % self.mantissa == 0 {
            Some(units / self.mantissa)
        } else {
            None
        }
    }

    #[cold]
    fn parse_slow(self, text: &[u8]) -> Result<i64, DecimalError> {
        self.steps(Decimal::parse(text)?)
    }

    /// Counts the steps in a decimal.
    ///
    /// # Errors
    /// [`DecimalError::OffGrid`] between steps, [`DecimalError::OutOfRange`] past `i64`.
    pub fn steps(self, value: Decimal) -> Result<i64, DecimalError> {
        let off_grid = || DecimalError::OffGrid { value: value.to_string(), step: self.value().to_string() };
        if value.scale > self.scale {
            return Err(off_grid());
        }
        let out_of_range = || DecimalError::OutOfRange(value.to_string());
        let scaled = value.at_scale(self.scale).ok_or_else(out_of_range)?;
        if scaled % i128::from(self.mantissa) != 0 {
            return Err(off_grid());
        }
        i64::try_from(scaled / i128::from(self.mantissa)).map_err(|_| out_of_range())
    }

    /// Counts the steps in a whole number; `None` between steps, and past `i64`.
    #[inline]
    pub fn steps_from_whole(self, value: i64) -> Option<i64> {
        self.steps_of_units(value.checked_mul(POW10[self.scale as usize])?)
    }

    /// Counts the steps a float stands for.
    ///
    /// A float carries rounding from the arithmetic that made it (`61659.7 - 0.2`), so it is taken for a grid
    /// point when it lies within a millionth of a step of it; anything else is refused.
    ///
    /// # Errors
    /// [`DecimalError`] when it is not finite, off the grid, or past 2^53 steps.
    #[inline]
    pub fn steps_from_f64(self, value: f64) -> Result<i64, DecimalError> {
        match self.near_steps(value) {
            Some(steps) => Ok(steps),
            None => Err(self.no_steps(value)),
        }
    }

    /// What [`Increment::steps_from_f64`] counts, without a word on why not.
    #[inline]
    pub fn near_steps(self, value: f64) -> Option<i64> {
        let quotient = self.quotient(value);
        let rounded = round(quotient);
        let off = (quotient - rounded).abs();
        // What is no number is not below anything.
        let is_near = off <= 1e-6 || off <= 1e-6 + quotient.abs() * 4.0 * f64::EPSILON;
        (rounded.abs() < FLOAT_STEPS && is_near).then_some(rounded as i64)
    }

    /// The largest multiple of `every` steps that a float does not lie below, with the tolerance of
    /// [`Increment::steps_from_f64`]; `None` past 2^53 steps.
    pub fn steps_below(self, value: f64, every: i64) -> Option<i64> {
        let steps = self.near_steps(value).or_else(|| {
            let floor = libm::floor(self.quotient(value));
            (floor.abs() < FLOAT_STEPS).then_some(floor as i64)
        })?;
        Some(steps.div_euclid(every) * every)
    }

    /// The smallest multiple of `every` steps that a float does not lie above, likewise.
    pub fn steps_above(self, value: f64, every: i64) -> Option<i64> {
        self.steps_below(-value, every).map(|steps| -steps)
    }

    #[inline]
    fn quotient(self, value: f64) -> f64 {
        let units = value * POW10[self.scale as usize] as f64;
        if self.mantissa == 1 { units } else { units / self.mantissa as f64 }
    }

    #[cold]
    fn no_steps(self, value: f64) -> DecimalError {
        if !value.is_finite() {
            return DecimalError::NotANumber(value.to_string());
        }
        if round(self.quotient(value)).abs() >= FLOAT_STEPS {
            return DecimalError::OutOfRange(value.to_string());
        }
        DecimalError::OffGrid { value: value.to_string(), step: self.value().to_string() }
    }

    /// The value of a count of steps as the nearest `f64`.
    #[inline]
    pub fn to_f64(self, steps: i64) -> f64 {
        (steps as f64 * self.mantissa as f64) / POW10[self.scale as usize] as f64
    }

    /// The value of a count of steps as an exact decimal.
    pub fn to_decimal(self, steps: i64) -> Decimal {
        Decimal::new(i128::from(steps) * i128::from(self.mantissa), self.scale)
    }

    /// The value of a count of steps as text with the grid's number of decimal places.
    pub fn format(self, steps: i64) -> String {
        format_scaled(i128::from(steps) * i128::from(self.mantissa), self.scale)
    }
}

/// Steps from which on a float has no room for their neighbours: 2^53.
const FLOAT_STEPS: f64 = 9.007_199_254_740_992e15;

/// The nearest integer, the even one of two: what `libm::rint` says, in two additions where they are exact.
#[inline]
fn round(value: f64) -> f64 {
    // Of this size on floats are one apart, so the sum is rounded to an integer.
    const INTEGERS: f64 = 6_755_399_441_055_744.0;
    const LIMIT: f64 = 2_251_799_813_685_248.0;
    if value.abs() < LIMIT { (value + INTEGERS) - INTEGERS } else { libm::rint(value) }
}

impl fmt::Display for Increment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}

impl FromStr for Increment {
    type Err = DecimalError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(Decimal::parse(text.as_bytes())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn inc(text: &str) -> Increment {
        text.parse().unwrap()
    }

    #[test]
    fn decimal_text_round_trips() {
        for (text, shown) in [
            ("0", "0"),
            ("-0.0", "0"),
            ("00.500", "0.5"),
            ("+12", "12"),
            ("6422", "6422"),
            ("1e-7", "0.0000001"),
            ("1.5E3", "1500"),
            ("0.29", "0.29"),
            (".5", "0.5"),
            ("5.", "5"),
        ] {
            assert_eq!(Decimal::parse(text.as_bytes()).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn text_that_is_no_number_is_refused() {
        for text in ["", "-", ".", "1.2.3", "1,2", "NaN", "inf", "1e", "e5", "0x10", " 1", "1 "] {
            assert!(Decimal::parse(text.as_bytes()).is_err(), "{text:?}");
            assert!(inc("0.1").parse(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(matches!(Decimal::parse(b"1e99999999999999999999"), Err(DecimalError::NotANumber(_))));
        assert!(matches!(Decimal::parse(b"1e400"), Err(DecimalError::OutOfRange(_))));
        assert!(matches!(inc("0.00000001").parse(b"99999999999999999999"), Err(DecimalError::OutOfRange(_))));
    }

    #[test]
    fn steps_are_exact_where_float_division_truncates() {
        assert_eq!(inc("0.01").parse(b"0.29").unwrap(), 29);
        assert_eq!(inc("0.01").parse(b"61737.63000000").unwrap(), 6_173_763);
        assert_eq!(inc("0.5").parse(b"32186.5").unwrap(), 64_373);
        assert_eq!(inc("0.10").parse(b"61800.30").unwrap(), 618_003);
        assert_eq!(inc("100").parse(b"2500").unwrap(), 25);
        assert_eq!(inc("0.1").parse(b"-3.2").unwrap(), -32);
    }

    #[test]
    fn off_grid_names_value_and_step() {
        let error = inc("0.5").parse(b"100.3").unwrap_err();
        assert_eq!(error.to_string(), "100.3 is not a multiple of 0.5");
        assert!(inc("0.1").parse(b"61659.75").is_err());
        assert!(inc("100").parse(b"2550").is_err());
    }

    #[test]
    fn floats_name_grid_points_or_are_refused() {
        let tick = inc("0.1");
        assert_eq!(tick.steps_from_f64(61659.7 - 2.0 * 0.1).unwrap(), 616_595);
        assert_eq!(inc("0.01").steps_from_f64(0.29).unwrap(), 29);
        assert!(tick.steps_from_f64(100.05).is_err());
        assert!(tick.steps_from_f64(f64::NAN).is_err());
        assert!(tick.steps_from_f64(1e300).is_err());
    }

    #[test]
    fn increments_must_be_positive() {
        assert!("0".parse::<Increment>().is_err());
        assert!("-0.1".parse::<Increment>().is_err());
        assert!("1e-19".parse::<Increment>().is_err());
    }

    proptest! {
        #[test]
        fn rounding_is_that_of_libm(value in prop_oneof![
            -1e3..1e3f64, any::<f64>(), (-4_000i64..4_000).prop_map(|n| n as f64 / 2.0),
            (1u64 << 50..1 << 54).prop_map(|n| n as f64 / 4.0),
        ]) {
            let same = round(value).partial_cmp(&libm::rint(value));
            prop_assert!(value.is_nan() || same == Some(std::cmp::Ordering::Equal), "{value}");
        }

        #[test]
        fn any_count_survives_text_and_float(
            steps in -1_000_000_000i64..1_000_000_000,
            mantissa in 1i64..1000,
            scale in 0u32..9,
        ) {
            let grid = Increment::new(Decimal::new(i128::from(mantissa), scale)).unwrap();
            prop_assert_eq!(grid.parse(grid.format(steps).as_bytes()).unwrap(), steps);
            prop_assert_eq!(grid.steps(grid.to_decimal(steps)).unwrap(), steps);
            prop_assert_eq!(grid.steps_from_f64(grid.to_f64(steps)).unwrap(), steps);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = Decimal::parse(&text);
            let _ = inc("0.001").parse(&text);
        }

        #[test]
        fn fast_and_slow_parsers_agree(text in "[0-9]{0,9}(\\.[0-9]{0,9})?", scale in 0u32..7, mantissa in 1i64..30) {
            let grid = Increment::new(Decimal::new(i128::from(mantissa), scale)).unwrap();
            if let Some((fast, used)) = grid.read(text.as_bytes()) {
                prop_assert_eq!(used, text.len());
                prop_assert_eq!(fast, grid.parse_slow(text.as_bytes()).unwrap());
                prop_assert_eq!(grid.read(format!("{text}\",").as_bytes()), Some((fast, used)));
            }
        }
    }
}
