//! What can be wrong with a venue's bytes.

use crate::event::{TIME_LIMIT, is_price, is_qty};
use crate::types::{DecimalError, Increment, words};

/// Why a frame or a row cannot be decoded. Nothing has been taken from it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The text is not the JSON it should be.
    #[error("byte {at}: expected {expected}")]
    Json {
        /// Offset in the frame.
        at: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// A field the message cannot do without.
    #[error("{message} without {field}")]
    Missing {
        /// Kind of message.
        message: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A field whose value makes no sense.
    #[error("{field}: {problem}")]
    Value {
        /// The field.
        field: &'static str,
        /// What is wrong, with the value.
        problem: String,
    },
    /// A row with the wrong number of cells.
    #[error("{got} cells, expected {expected}")]
    Cells {
        /// Cells found.
        got: usize,
        /// Cells in the header.
        expected: usize,
    },
    /// A header that lacks a column.
    #[error("no column {0}; is this the right kind of file?")]
    Column(String),
    /// A row earlier than the one before it.
    #[error("{field} {got} is before {previous} of the row above: the file is not sorted")]
    Unsorted {
        /// The time column.
        field: &'static str,
        /// Its value.
        got: i64,
        /// The value above.
        previous: i64,
    },
    /// The bytes could not be read.
    #[error("{0}")]
    Io(String),
}

impl DecodeError {
    /// A value error from a decimal error.
    pub(crate) fn decimal(field: &'static str, error: &DecimalError) -> Self {
        Self::Value { field, problem: error.to_string() }
    }

    /// A value error naming the text.
    pub(crate) fn value(field: &'static str, text: &[u8], expected: &str) -> Self {
        let shown: String = String::from_utf8_lossy(text).chars().take(64).collect();
        Self::Value { field, problem: format!("{shown:?} is not {expected}") }
    }
}

/// A decoding error with its place in the input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{source_name}:{line}: {error}")]
pub struct PlacedError {
    /// Name of the file or stream.
    pub source_name: String,
    /// Line, from 1.
    pub line: u64,
    /// What is wrong there.
    pub error: DecodeError,
}

/// Whether defects end the reading or are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// The first malformed or misplaced line is an error.
    Strict,
    /// Misplaced lines are counted and read.
    Lenient,
}

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
    let steps = grid.parse(text).map_err(|e| DecodeError::decimal(field, &e))?;
    if !is_price(steps) {
        return Err(DecodeError::value(field, text, "greater than zero and below 2^60 steps"));
    }
    Ok(steps)
}

/// Parses a quantity on its grid.
#[inline]
pub(crate) fn parse_qty(field: &'static str, grid: Increment, text: &[u8]) -> Result<i64, DecodeError> {
    let steps = grid.parse(text).map_err(|e| DecodeError::decimal(field, &e))?;
    if !is_qty(steps) {
        return Err(DecodeError::value(field, text, "zero or more and below 2^60 steps"));
    }
    Ok(steps)
}
