//! Text to numbers, with an error that names the field.

use super::error::DecodeError;
use crate::event::{FINE_SCALE, STEPS_LIMIT, TIME_LIMIT, is_price, is_qty};
use crate::types::{Decimal, Increment, div_half_even, pow10_i128, words};

/// Parses an unsigned integer.
#[inline]
pub(crate) fn parse_u64(field: &'static str, text: &[u8]) -> Result<u64, DecodeError> {
    if let Some(value) = words::long_number(text) {
        return Ok(value);
    }
    let bad = || DecodeError::value(field, text, "an unsigned integer");
    if text.is_empty() || text.len() > 20 {
        return Err(bad());
    }
    let mut value = 0u64;
    for c in text {
        let digit = c.wrapping_sub(b'0');
        if digit > 9 {
            return Err(bad());
        }
        value = value.checked_mul(10).and_then(|v| v.checked_add(u64::from(digit))).ok_or_else(bad)?;
    }
    Ok(value)
}

/// Nanoseconds of an epoch time given in milliseconds, microseconds or nanoseconds, told apart by size; `None` past
/// the year 2116.
#[inline]
pub(crate) fn epoch_ns(value: u64) -> Option<i64> {
    let unit = match value {
        0..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    let ns = value.checked_mul(unit).and_then(|ns| i64::try_from(ns).ok());
    ns.filter(|ns| *ns <= TIME_LIMIT)
}

/// Parses an epoch time as [`epoch_ns`] reads it.
#[inline]
pub(crate) fn parse_time(field: &'static str, text: &[u8]) -> Result<i64, DecodeError> {
    epoch_ns(parse_u64(field, text)?).ok_or_else(|| DecodeError::value(field, text, "a time before 2116"))
}

/// Parses a price on its grid.
#[inline]
pub(crate) fn parse_price(field: &'static str, grid: Increment, text: &[u8]) -> Result<i64, DecodeError> {
    parse_steps(field, grid, text, is_price, "greater than zero and below 2^60 steps")
}

/// Parses a quantity on its grid.
#[inline]
pub(crate) fn parse_qty(field: &'static str, grid: Increment, text: &[u8]) -> Result<i64, DecodeError> {
    parse_steps(field, grid, text, is_qty, "zero or more and below 2^60 steps")
}

#[inline(always)]
fn parse_steps(
    field: &'static str,
    grid: Increment,
    text: &[u8],
    fits: impl Fn(i64) -> bool,
    expected: &str,
) -> Result<i64, DecodeError> {
    let steps = grid.parse(text).map_err(|e| DecodeError::decimal(field, &e))?;
    if fits(steps) { Ok(steps) } else { Err(DecodeError::value(field, text, expected)) }
}

/// A statistic as the nearest count of increments: what is added up over a market need not lie on its grid.
pub(crate) fn parse_nearest(field: &'static str, grid: Increment, text: &[u8]) -> Result<i64, DecodeError> {
    let value = Decimal::parse(text).map_err(|e| DecodeError::decimal(field, &e))?;
    let step = grid.value();
    let scale = value.scale().max(step.scale());
    let steps = value.at_scale(scale).zip(step.at_scale(scale)).map(|(v, s)| div_half_even(v, s));
    steps
        .and_then(|s| i64::try_from(s).ok())
        .filter(|s| is_qty(*s))
        .ok_or_else(|| DecodeError::value(field, text, "zero or more and within range"))
}

/// A decimal as a count of 10^-9, rounded half to even: mark prices and rates lie off every grid.
pub(crate) fn parse_fine(field: &'static str, text: &[u8]) -> Result<i64, DecodeError> {
    let value = Decimal::parse(text).map_err(|e| DecodeError::decimal(field, &e))?;
    let units = match value.at_scale(FINE_SCALE) {
        Some(units) => Some(units),
        None if value.scale() > FINE_SCALE => {
            pow10_i128(value.scale() - FINE_SCALE).map(|d| div_half_even(value.mantissa(), d))
        }
        None => None,
    };
    units
        .and_then(|u| i64::try_from(u).ok())
        .filter(|u| u.abs() <= STEPS_LIMIT)
        .ok_or_else(|| DecodeError::value(field, text, "within range"))
}
