//! Text to numbers by the grammar of those who write it, with an error that names the field.

use super::error::{DecodeError, utc};
use crate::event::{FINE_SCALE, STEPS_LIMIT, TIME_LIMIT, is_price, is_qty};
use crate::types::{Decimal, DecimalError, Increment, div_half_even, pow10_i128, words};

/// How far a time of receipt may be from the time that the venue names, ns: a day.
const CLOCKS_WITHIN: u64 = 86_400_000_000_000;

/// Refuses what was received longer before or after the venue's stamp than may be, naming both.
#[inline]
pub(crate) fn check_apart(
    what: &'static str,
    cure: &'static str,
    ts_recv: i64,
    ts_event: i64,
) -> Result<(), DecodeError> {
    if ts_recv.abs_diff(ts_event) <= CLOCKS_WITHIN {
        return Ok(());
    }
    Err(DecodeError::Apart { what, cure, received: utc(ts_recv), stamped: utc(ts_event) })
}

/// Refuses a time of receipt in ns that is none, but that of a frame of this stamp in another unit.
#[cold]
pub(super) fn check_unit(ts_recv: i64, ts_event: i64) -> Result<(), DecodeError> {
    match other_unit(ts_recv) {
        Some((_, meant)) if check_apart("", "", meant, ts_event).is_ok() => {
            let problem = not_in_ns(ts_recv).unwrap_or_default();
            Err(DecodeError::Value { field: "ts_recv", problem })
        }
        _ => Ok(()),
    }
}

/// A decimal as somebody wrote it, not looked at yet.
///
/// Its grammar is that of a number in JSON: a minus or none, digits without a zero in front, a point with digits on
/// both sides. There is no plus, and whether there may be an exponent is the writer's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written<'a> {
    text: &'a [u8],
    may_have_exponent: bool,
}

impl<'a> Written<'a> {
    /// A decimal without an exponent, as venues write them in quotes.
    pub(crate) fn plain(text: &'a [u8]) -> Self {
        Self { text, may_have_exponent: false }
    }

    /// A number as JSON has them.
    pub(crate) fn number(text: &'a [u8]) -> Self {
        Self { text, may_have_exponent: true }
    }

    /// Steps of a grid.
    #[inline(always)]
    pub(crate) fn steps(self, field: &'static str, grid: Increment) -> Result<i64, DecodeError> {
        match grid.read(self.text) {
            Some((steps, used)) if used == self.text.len() => Ok(steps),
            _ => self.unusual_steps(field, grid),
        }
    }

    #[cold]
    fn unusual_steps(self, field: &'static str, grid: Increment) -> Result<i64, DecodeError> {
        let value = self.value(field)?;
        grid.steps(value).map_err(|_| DecodeError::grid(field, grid, value))
    }

    /// The exact value.
    fn value(self, field: &'static str) -> Result<Decimal, DecodeError> {
        let value = if self.keeps_its_grammar() {
            Decimal::parse(self.text)
        } else {
            Err(DecimalError::not_a_number(self.text))
        };
        value.map_err(|error| DecodeError::decimal(field, &error))
    }

    fn keeps_its_grammar(self) -> bool {
        let digits = |text: &'a [u8]| {
            let count = text.iter().take_while(|c| c.is_ascii_digit()).count();
            (count > 0).then(|| text.split_at(count))
        };
        let read = || {
            let (whole, mut rest) = digits(self.text.strip_prefix(b"-").unwrap_or(self.text))?;
            if whole.len() > 1 && whole[0] == b'0' {
                return None;
            }
            if let Some(fraction) = rest.strip_prefix(b".") {
                rest = digits(fraction)?.1;
            }
            if let Some((b'e' | b'E', exponent)) = rest.split_first().filter(|_| self.may_have_exponent) {
                let sign = exponent.iter().take(1).filter(|c| matches!(c, b'+' | b'-')).count();
                rest = digits(&exponent[sign..])?.1;
            }
            Some(rest.is_empty())
        };
        read().unwrap_or(false)
    }
}

/// Parses an unsigned integer, written without zeros in front.
#[inline]
pub(crate) fn parse_u64(field: &'static str, text: &[u8]) -> Result<u64, DecodeError> {
    let is_padded = text.len() > 1 && text[0] == b'0';
    if let Some(value) = words::long_number(text).filter(|_| !is_padded) {
        return Ok(value);
    }
    let bad = || DecodeError::value(field, text, "an unsigned integer");
    if text.is_empty() || text.len() > 20 || is_padded {
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

/// Nanoseconds of an epoch time given in seconds, milliseconds, microseconds or nanoseconds, told apart by size; `None`
/// past the year 2116.
///
/// Each unit begins in March 1973. What is less even in seconds, such as a time that is not set, is milliseconds.
#[inline]
pub(crate) fn epoch_ns(value: u64) -> Option<i64> {
    let ns = value.checked_mul(epoch_unit(value)).and_then(|ns| i64::try_from(ns).ok());
    ns.filter(|ns| *ns <= TIME_LIMIT)
}

/// Of a time that counts ns the unit in which it would be a market's, and what it would be, ns; `None` where it is one.
#[must_use]
pub fn other_unit(ns: i64) -> Option<(&'static str, i64)> {
    const UNITS: [(&str, i64); 3] = [("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000)];
    let meant = |(unit, size)| Some((unit, ns.checked_mul(size)?));
    UNITS.into_iter().filter_map(meant).find(|(_, ns)| (FIRST_MARKET..=TIME_LIMIT).contains(ns))
}

/// What is wrong with a time in ns that would be a market's in another unit; `None` where nothing is.
#[must_use]
pub fn not_in_ns(ns: i64) -> Option<String> {
    let (unit, meant) = other_unit(ns)?;
    Some(format!(
        "{ns} is not a time in ns since 1970: that would be {} UTC, while as {unit} it is {} UTC; write the times in ns",
        utc(ns),
        utc(meant)
    ))
}

/// 2009: nothing was traded before.
pub(super) const FIRST_MARKET: i64 = 1_230_768_000_000_000_000;

/// Nanoseconds in the unit of an epoch time of this size.
#[inline(always)]
pub(crate) fn epoch_unit(value: u64) -> u64 {
    match value {
        100_000_000_000_000_000.. => 1,
        100_000_000_000_000.. => 1_000,
        100_000_000..100_000_000_000 => 1_000_000_000,
        _ => 1_000_000,
    }
}

/// Parses an epoch time as [`epoch_ns`] reads it, which may have a fraction: clocks of recorders mostly say seconds so.
#[inline]
pub(crate) fn parse_stamp(field: &'static str, text: &[u8]) -> Result<i64, DecodeError> {
    let time = match memchr::memchr(b'.', text) {
        None => parse_u64(field, text).ok().and_then(epoch_ns),
        Some(point) => fraction_ns(&text[..point], &text[point + 1..]),
    };
    time.ok_or_else(|| DecodeError::value(field, text, "a time from 1970 to 2116 in s, ms, us or ns"))
}

#[cold]
fn fraction_ns(whole: &[u8], digits: &[u8]) -> Option<i64> {
    let whole = parse_u64("", whole).ok()?;
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // What is below a nanosecond is cut off.
    let (mut part, mut unit) = (0, epoch_unit(whole));
    for digit in digits {
        unit /= 10;
        part += u64::from(digit - b'0') * unit;
    }
    epoch_ns(whole)?.checked_add_unsigned(part).filter(|ns| *ns <= TIME_LIMIT)
}

/// Parses an epoch time as [`epoch_ns`] reads it.
#[inline]
pub(crate) fn parse_time(field: &'static str, text: &[u8]) -> Result<i64, DecodeError> {
    epoch_ns(parse_u64(field, text)?).ok_or_else(|| DecodeError::value(field, text, "a time before 2116"))
}

/// Parses a price on its grid.
#[inline]
pub(crate) fn parse_price(
    field: &'static str,
    grid: Increment,
    written: Written<'_>,
) -> Result<i64, DecodeError> {
    parse_steps(field, grid, written, is_price, "greater than zero and below 2^60 steps")
}

/// Parses a quantity on its grid.
#[inline]
pub(crate) fn parse_qty(
    field: &'static str,
    grid: Increment,
    written: Written<'_>,
) -> Result<i64, DecodeError> {
    parse_steps(field, grid, written, is_qty, "zero or more and below 2^60 steps")
}

#[inline(always)]
fn parse_steps(
    field: &'static str,
    grid: Increment,
    written: Written<'_>,
    fits: impl Fn(i64) -> bool,
    expected: &str,
) -> Result<i64, DecodeError> {
    let steps = written.steps(field, grid)?;
    if fits(steps) {
        Ok(steps)
    } else if steps > 0 {
        Err(DecodeError::grid(field, grid, grid.to_decimal(steps)))
    } else {
        Err(DecodeError::value(field, written.text, expected))
    }
}

/// A statistic as the nearest count of increments: what is added up over a market need not lie on its grid.
pub(crate) fn parse_nearest(
    field: &'static str,
    grid: Increment,
    written: Written<'_>,
) -> Result<i64, DecodeError> {
    let value = written.value(field)?;
    let step = grid.value();
    let scale = value.scale().max(step.scale());
    let steps = value.at_scale(scale).zip(step.at_scale(scale)).map(|(v, s)| div_half_even(v, s));
    match steps.and_then(|s| i64::try_from(s).ok()).filter(|s| is_qty(*s)) {
        Some(steps) => Ok(steps),
        None if value.mantissa() > 0 => Err(DecodeError::grid(field, grid, value)),
        None => Err(DecodeError::value(field, written.text, "zero or more")),
    }
}

/// A decimal as a count of 10^-9, rounded half to even: mark prices and rates lie off every grid.
pub(crate) fn parse_fine(field: &'static str, written: Written<'_>) -> Result<i64, DecodeError> {
    let value = written.value(field)?;
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
        .ok_or_else(|| DecodeError::value(field, written.text, "within range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_written_as_json_writes_it() {
        let tenth: Increment = "0.1".parse().unwrap();
        for (text, steps) in [("5", 50), ("0.5", 5), ("0", 0), ("-0.0", 0), ("-1.20", -12), ("10.000", 100)] {
            assert_eq!(Written::plain(text.as_bytes()).steps("p", tenth), Ok(steps), "{text}");
            assert_eq!(Written::number(text.as_bytes()).steps("p", tenth), Ok(steps), "{text}");
        }
        for text in [
            "", "+5", ".5", "5.", "-.5", "-", "005.00", "-05", "00", "5,0", "1_0", "0x1", "NaN", "5 ", " 5",
            "١",
        ] {
            for written in [Written::plain(text.as_bytes()), Written::number(text.as_bytes())] {
                let error = written.steps("p", tenth).unwrap_err().to_string();
                assert!(error.contains("is not a decimal number"), "{error}");
            }
        }
        for (text, steps) in [("1e1", 100), ("5E-1", 5), ("0.05e+1", 5)] {
            assert!(Written::plain(text.as_bytes()).steps("p", tenth).is_err(), "{text}");
            assert_eq!(Written::number(text.as_bytes()).steps("p", tenth), Ok(steps), "{text}");
        }
        for text in ["1e", "1e+", "1e1.0", "e1", "1ee1", "1e99999999999999999999"] {
            assert!(Written::number(text.as_bytes()).steps("p", tenth).is_err(), "{text}");
        }
    }

    #[test]
    fn the_unit_of_a_time_is_told_by_its_size() {
        let ns = 1_723_075_200_100_900_000;
        for text in ["1723075200.1009", "1723075200100.9", "1723075200100900", "1723075200100900000"] {
            assert_eq!(parse_stamp("t", text.as_bytes()), Ok(ns), "{text}");
        }
        assert_eq!(parse_stamp("t", b"1723075200"), Ok(1_723_075_200_000_000_000));
        assert_eq!(parse_stamp("t", b"1723075200.1234567899"), Ok(1_723_075_200_123_456_789));
        assert_eq!((epoch_ns(0), epoch_ns(2)), (Some(0), Some(2_000_000)));
        for text in
            ["", ".", "1723075200.", ".5", "1723075200.1e3", "1723075200.1.1", "01.5", "-1.5", "4620000000.0"]
        {
            assert!(parse_stamp("t", text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn an_integer_has_no_zeros_in_front() {
        assert_eq!((parse_u64("t", b"0"), parse_u64("t", b"1700000000000")), (Ok(0), Ok(1_700_000_000_000)));
        for text in ["", "00", "007", "0001700000000000", "000001700000000000000", "+7", "-7", "7.0", "7 "] {
            assert!(parse_u64("t", text.as_bytes()).is_err(), "{text}");
        }
    }
}
