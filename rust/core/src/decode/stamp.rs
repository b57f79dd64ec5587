//! Points in time as tables write them: a number since 1970, its unit told by its size, or a date and a time of day.

use super::date::date_time;
use super::error::DecodeError;
use super::parse::{self, FIRST_MARKET, epoch_unit};
use crate::event::TIME_LIMIT;
use crate::types::{Decimal, div_half_even, pow10_i128};

const EXPECTED: &str =
    "a time from 2009 to 2116: s, ms, us or ns since 1970, or such as 2024-08-08T00:00:00.1Z";

/// The newest stamp of a column: rows often repeat it.
#[derive(Default)]
pub(super) struct Stamp {
    text: Vec<u8>,
    ns: i64,
}

impl Stamp {
    #[inline]
    pub(super) fn read(&mut self, field: &'static str, text: &[u8]) -> Result<i64, DecodeError> {
        if text != self.text || text.is_empty() {
            self.ns = parse_stamp(field, text)?;
            self.text.clear();
            self.text.extend_from_slice(text);
        }
        Ok(self.ns)
    }
}

/// Nanoseconds UTC of a stamp; one without a zone is UTC.
pub(super) fn parse_stamp(field: &'static str, text: &[u8]) -> Result<i64, DecodeError> {
    let ns = if is_date(text) {
        date_time(text)
    } else {
        parse::parse_stamp(field, text).ok().or_else(|| decimal(text))
    };
    ns.filter(|ns| (FIRST_MARKET..=TIME_LIMIT).contains(ns))
        .ok_or_else(|| DecodeError::value(field, text, EXPECTED))
}

/// Whether a stamp is a date, or looks like one.
pub(super) fn is_date(text: &[u8]) -> bool {
    text.get(4) == Some(&b'-')
}

/// A number with an exponent, as programs write them that know only floating point.
#[cold]
fn decimal(text: &[u8]) -> Option<i64> {
    let value = Decimal::parse(text).ok()?;
    let whole = value.mantissa() / pow10_i128(value.scale())?;
    let unit = i128::from(epoch_unit(u64::try_from(whole).ok()?));
    let ns = div_half_even(value.mantissa().checked_mul(unit)?, pow10_i128(value.scale())?);
    i64::try_from(ns).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: i64 = 1_723_075_200_123_456_789;

    #[test]
    fn units_are_told_by_size_and_dates_are_read() {
        for (text, ns) in [
            ("1723075200", T / 1_000_000_000 * 1_000_000_000),
            ("1723075200.123456789", T),
            ("1723075200.1234", T / 100_000 * 100_000),
            ("1.7230752001E9", T / 100_000_000 * 100_000_000),
            ("1723075200123", T / 1_000_000 * 1_000_000),
            ("1723075200123.456", T / 1_000 * 1_000),
            ("1723075200123456", T / 1_000 * 1_000),
            ("1723075200123456789", T),
            ("2024-08-08T00:00:00.123456789Z", T),
            ("2024-08-08 00:00:00.1234567891", T),
            ("2024-08-08D00:00:00.123456789", T),
            ("2024-08-08T02:00:00.123456+02:00", T / 1_000 * 1_000),
            ("2024-08-07T19:00:00-0500", T / 1_000_000_000 * 1_000_000_000),
            ("2024-08-08T00:00:00+00", T / 1_000_000_000 * 1_000_000_000),
            ("2024-08-08 00:00:00 UTC", T / 1_000_000_000 * 1_000_000_000),
        ] {
            assert_eq!(parse_stamp("t", text.as_bytes()), Ok(ns), "{text}");
        }
        assert_eq!(parse_stamp("t", b"2024-02-29T00:00:00Z"), Ok(1_709_164_800_000_000_000));
        assert_eq!(parse_stamp("t", b"2100-03-01T00:00:00Z"), Ok(4_107_542_400_000_000_000));
    }

    #[test]
    fn what_is_no_time_is_said() {
        for text in [
            "",
            "x",
            "12",
            "-1723075200",
            "1e99",
            "2024-08-08",
            "2024-13-08T00:00:00",
            "2023-02-29T00:00:00",
            "2024-08-08T24:00:00",
            "2024-08-08T00:00:00+2",
            "2024-08-08T00:00:00PM",
            "2200-01-01T00:00:00",
            "1970-01-01T00:00:00Z",
            "99999999999999999999",
        ] {
            let error = parse_stamp("time", text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("is not a time from 2009 to 2116"), "{text}: {error}");
        }
    }
}
