//! Amounts as they are written, and what is said of one that cannot be.

use super::check::{ONE, Units};
use crate::types::{Decimal, MONEY_SCALE};

/// The most a limit may be: more than any account comes to, and far from the end of arithmetic.
const LIMIT: Units = 10i128.pow(21) * ONE;

/// A limit that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct BadLimit {
    /// The limit.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

impl BadLimit {
    /// Of a field, what is wrong with it.
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }
}

/// A whole number above zero, in units.
pub(super) fn whole(text: &str) -> Result<Units, String> {
    let units = positive(text)?;
    if units % ONE == 0 { Ok(units) } else { Err(format!("{text} is not a whole number")) }
}

/// A number above zero, in units.
pub(super) fn positive(text: &str) -> Result<Units, String> {
    let value: Decimal = text.parse().map_err(|_| format!("{text:?} is not a number"))?;
    value
        .at_scale(MONEY_SCALE)
        .filter(|units| (1..=LIMIT).contains(units))
        .ok_or_else(|| format!("{text} is not above 0 and at most 10^21, of at most 12 decimal places"))
}

/// An amount above zero as it is written, in units.
///
/// # Errors
/// [`BadLimit`] naming the field.
pub fn parse_amount(field: &str, text: &str) -> Result<Units, BadLimit> {
    positive(text).map_err(|problem| BadLimit::new(field, problem))
}
