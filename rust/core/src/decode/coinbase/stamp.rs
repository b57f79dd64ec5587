//! Dates and numbers as the venue writes them.

use crate::decode::date::date_time;
use crate::decode::error::DecodeError;
use crate::decode::json::Value;
use crate::decode::parse::parse_u64;
use crate::types::TIME_LIMIT;

/// A whole number, in quotes or not.
pub(super) fn whole(field: &'static str, value: Value<'_>) -> Result<u64, DecodeError> {
    parse_u64(field, value.unquoted())
}

/// Nanoseconds of a date; one of before 2000 is how the venue says that there is none.
pub(super) fn stamp(field: &'static str, text: &[u8]) -> Result<Option<i64>, DecodeError> {
    const EARLIEST: i64 = 946_684_800_000_000_000;
    // The year 1 lies before any count of nanoseconds.
    if text.starts_with(b"0001-") {
        return Ok(None);
    }
    match date_time(text) {
        Some(ns) if ns < EARLIEST => Ok(None),
        Some(ns) if ns <= TIME_LIMIT => Ok(Some(ns)),
        _ => Err(DecodeError::value(field, text, "a time such as 2024-08-08T00:00:00.1Z, before 2116")),
    }
}
