//! Points in time as tables write them: a number since 1970, its unit told by its size, or a date and a time of day.

use crate::decode::error::DecodeError;
use crate::decode::parse::{self, epoch_unit};
use crate::event::TIME_LIMIT;
use crate::types::{Decimal, div_half_even, pow10_i128};

/// 2009: nothing was traded before, so an earlier time is no time.
const EARLIEST: i64 = 1_230_768_000_000_000_000;
const DAY: i64 = 86_400_000_000_000;
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
    let ns = if text.get(4) == Some(&b'-') {
        date_time(text)
    } else {
        parse::parse_stamp(field, text).ok().or_else(|| decimal(text))
    };
    ns.filter(|ns| (EARLIEST..=TIME_LIMIT).contains(ns))
        .ok_or_else(|| DecodeError::value(field, text, EXPECTED))
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

/// `2024-08-08T00:00:00.123456Z`, with a blank for the T, an offset for the Z or neither.
fn date_time(text: &[u8]) -> Option<i64> {
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to)?;
        digits.iter().all(u8::is_ascii_digit).then_some(())?;
        Some(digits.iter().fold(0i64, |sum, digit| sum * 10 + i64::from(digit - b'0')))
    };
    let marks = |places: &[(usize, u8)]| places.iter().all(|(at, mark)| text.get(*at) == Some(mark));
    if !marks(&[(4, b'-'), (7, b'-'), (13, b':'), (16, b':')]) || !matches!(text.get(10), Some(b'T' | b' ')) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (mut at, mut fraction) = (19, 0);
    if text.get(at) == Some(&b'.') {
        let places = text[at + 1..].iter().take_while(|c| c.is_ascii_digit()).count();
        // Beyond nanoseconds nothing is kept.
        let kept = places.min(9);
        fraction = number(at + 1, at + 1 + kept)? * 10i64.pow(9 - kept as u32);
        at += 1 + places;
    }
    let offset = match text.get(at..)? {
        b"" | b"Z" | b"z" | b" UTC" => 0,
        [sign @ (b'+' | b'-'), zone @ ..] => {
            let (start, minutes) = (at + 1, if zone.contains(&b':') { at + 4 } else { at + 3 });
            let minute = if zone.len() == 2 { 0 } else { number(minutes, minutes + 2)? };
            let length = if zone.len() == 2 { start + 2 } else { minutes + 2 };
            (length == text.len()).then_some(())?;
            let minutes = number(start, start + 2)? * 60 + minute;
            if *sign == b'+' { minutes } else { -minutes }
        }
        _ => return None,
    };
    // Days since 1970 by the rule of the Gregorian calendar, years counted from March on.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 719_469;
    let seconds = (hour * 60 + minute - offset) * 60 + second;
    days.checked_mul(DAY)?.checked_add(seconds * 1_000_000_000)?.checked_add(fraction)
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
